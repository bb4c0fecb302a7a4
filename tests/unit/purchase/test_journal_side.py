"""Each step of the journal becomes the lines that it means, on either database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support.journals import PROJECT, Vendor, new_purchase, plan, planned, rent_line, run_step, take

from numberflow.errors import OutcomeUnknown
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Finding,
    Intention,
    Journal,
    NewIntention,
    OrderKind,
    opened_order,
)
from numberflow.planning.reconciling.lines import Does, Line, Stand
from numberflow.planning.reconciling.numbers import held
from numberflow.purchase.reconciling.journal_side import journal_side

pytestmark = pytest.mark.anyio

FIRST, SECOND = "+12025550101", "+12025550102"


async def done(journal: Journal, line: NewIntention, reference: str, **result: Any) -> Intention:
    """A step that took effect."""
    (row,) = planned(journal, line, reference=reference)

    async def do(_attempt: Attempt) -> Applied:
        return Applied(result, "done")

    async def look(_intention: Intention) -> Evidence:
        return Evidence(Finding.APPLIED, "there")

    return await run_step(journal, row, do, look)


def lines(journal: Journal, **what: Any) -> dict[tuple[str, str], Line]:
    """The lines of the project by operation and number."""
    side = journal_side(journal, PROJECT, **what)
    return {(line.operation, line.phone_number): line for line in side.lines}


async def test_what_a_step_asked_for(journal: Journal) -> None:
    """Links, callback URL and name by the names of the inventory's side; prices of rents alone."""
    request: Mapping[str, Any] = {
        "sms": {"service_plan_id": "plan-a", "campaign_id": None},
        "voice": {"type": "EST", "trunk_id": "t-1"},
        "callback_url": "https://a.test",
    }
    rented = rent_line(FIRST)
    rented = NewIntention(
        "rent", FIRST, "f", request, rented.setup_amount, rented.monthly_amount, "USD"
    )
    await done(journal, rented, "PO-1", phone_number=FIRST)
    unlink = {
        "sms": {"service_plan_id": ""}, "display_name": "",
        "then": {"sms": {"service_plan_id": "plan-b"}},
    }  # fmt: skip
    await done(journal, NewIntention("update", FIRST, "f", unlink), "PO-2")
    await done(journal, NewIntention("provision_emergency", FIRST, "f"), "PO-3")
    await done(journal, NewIntention("release", FIRST, "f"), "PO-4")
    found = lines(journal)
    assert {
        "service_plan_id": "plan-a", "voice_type": "EST", "voice_id": "t-1",
        "callback_url": "https://a.test",
    } == found["rent", FIRST].wants  # fmt: skip
    assert {"service_plan_id": "plan-b", "display_name": ""} == found["update", FIRST].wants
    assert [("2.00", "USD"), ("None", None)] == [
        (str(found[name, FIRST].monthly), found[name, FIRST].currency)
        for name in ("rent", "release")
    ]
    assert [Does.GETS, Does.CHANGES, Does.PUTS_ADDRESS, Does.GIVES_UP] == [
        found[name, FIRST].does for name in ("rent", "update", "provision_emergency", "release")
    ]


@pytest.mark.parametrize(
    ("state", "closed", "stand"),
    [
        ("IN_REVIEW", False, Stand.UNDER_WAY),
        ("COMPLETED", False, Stand.UNDER_WAY),
        ("COMPLETED", True, Stand.DONE),
        ("REJECTED", True, Stand.REFUSED),
    ],
)
async def test_numbers_of_an_order(
    journal: Journal, state: str, closed: bool, stand: Stand
) -> None:
    """They are ours when the order is completed and its follower is through with it."""
    price = rent_line()
    line = NewIntention(
        "create_order", None, "f", {"sms": None, "voice": None}, price.setup_amount,
        price.monthly_amount, "USD",
    )  # fmt: skip
    row = await done(journal, line, "PO-1", **opened_order(OrderKind.NUMBER, "order-1", "CREATED"))
    followed = journal.follow(
        row.purchase_id, OrderKind.NUMBER, "order-1", state="CREATED", facts={}
    )
    facts = {"phone_numbers": [FIRST, SECOND]}
    journal.note_order(followed.id, state=state, facts=facts, closed=closed)
    found = lines(journal)
    assert {("create_order", FIRST): stand, ("create_order", SECOND): stand} == {
        key: line.stand for key, line in found.items()
    }


async def test_numbers_of_a_hosting_order(journal: Journal) -> None:
    """It explains each of its numbers; that the vendor has to show them is not said."""
    request = {"numbers": [FIRST, SECOND], "service_plan_id": "plan-h", "campaign_id": ""}
    await done(journal, NewIntention("import_order", "token", "f", request), "PO-1")
    found = lines(journal)
    assert {("import_order", FIRST), ("import_order", SECOND)} == set(found)
    assert {(True, False, Stand.DONE)} == {
        (line.is_hosted, line.is_shown, line.stand) for line in found.values()
    }


async def test_who_works_on_it(journal: Journal) -> None:
    """A step that nobody knows of is on its way while somebody works on its purchase."""
    (row,) = planned(journal, rent_line(FIRST))
    lease = take(journal, row.purchase_resource)
    number = take(journal, row.resource)
    journal.begin(row.id, leases=(lease, number))
    assert Stand.UNKNOWN is lines(journal)["rent", FIRST].stand
    assert Stand.UNDER_WAY is lines(journal, busy={row.purchase_id})["rent", FIRST].stand


async def test_a_rent_that_is_proven_after_the_release(journal: Journal) -> None:
    """The order of the requests counts: the number was rented and then given up."""
    (row,) = planned(journal, rent_line(FIRST))

    async def lost(attempt: Attempt) -> Applied:
        attempt.before_send()
        raise OutcomeUnknown("reply lost", cause="read_timeout")

    async def unclear(_intention: Intention) -> Evidence:
        return Evidence(Finding.INCONCLUSIVE, "neither nor")

    assert "needs_person" == (await run_step(journal, row, lost, unclear)).state
    await done(journal, NewIntention("release", FIRST, "f"), "PO-2")
    journal.settle_by_person(row.id, "done", "ann", "it was there", {"phone_number": FIRST})
    known = held(journal_side(journal, PROJECT).lines, None)
    assert ((), "PO-2") == (known.holders, known.given_up and known.given_up.reference)


async def test_another_project_and_what_is_known(journal: Journal) -> None:
    """Numbers that another project's rents hold, and purchases of which somebody knows."""
    other = journal.open_purchase(new_purchase("PO-9", "another-project"))
    lease = take(journal, other.resource)
    (row,) = plan(journal, lease, other, rent_line(SECOND))
    journal.give_back_leases((lease,))
    vendor = Vendor()
    assert {} == journal_side(journal, PROJECT).elsewhere
    await run_step(journal, row, vendor.rent, vendor.look)
    (ours,) = planned(journal, rent_line(FIRST))
    side = journal_side(journal, PROJECT)
    assert {SECOND: "another-project"} == side.elsewhere
    assert [False] == [reference.is_known for reference in side.references]
    journal.close_purchase(ours.purchase_id, by="ann")
    side = journal_side(journal, PROJECT)
    assert [("PO-1", True)] == [(each.name, each.is_known) for each in side.references]
    assert [FIRST] == [line.phone_number for line in side.lines]
