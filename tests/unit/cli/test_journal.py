"""`numberflow journal`: what was intended, what happened, and a person's verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import anyio
import pytest
from support.command import Command
from support.journals import Vendor, new_purchase, plan, planned, rent_line, run_step, take

from numberflow.client import Client
from numberflow.errors import OutcomeUnknown
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Intention,
    IntentionState,
    Journal,
    NewIntention,
    OrderKind,
)
from numberflow.models.number_orders import NumberOrderRequest
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve


async def _unclear(_: Intention) -> Evidence:
    return Evidence("inconclusive", "neither held nor for sale", {"status": 404})


@pytest.fixture
def lines(command: Command) -> dict[str, Intention]:
    """A done rent, one that needs a person, and a vendor-picked one that does."""
    vendor = Vendor("ok", "lost", "lost")
    command.set({"SINCH_NUMBERS_URL": "http://127.0.0.1:9", "NUMBERFLOW_SETTLE_S": "0"})
    with Journal.open(Settings.load().journal_url) as journal:
        purchase = journal.open_purchase(new_purchase("PO-1"))
        lease = take(journal, purchase.resource)
        any_number = NewIntention(
            "rent_any", None, "f", {}, rent_line().setup_amount, rent_line().monthly_amount, "USD"
        )
        planned = plan(
            journal,
            lease,
            purchase,
            rent_line("+12025550101"),
            rent_line("+12025550102"),
            any_number,
        )
        journal.give_back_leases((lease,))

        async def run_all() -> list[Intention]:
            looks: list[Any] = [vendor.look, _unclear, _unclear]
            return [
                await run_step(journal, one, vendor.rent, look)
                for one, look in zip(planned, looks, strict=True)
            ]

        done, open_rent, open_any = anyio.run(run_all)
    assert [IntentionState.DONE, IntentionState.NEEDS_PERSON, IntentionState.NEEDS_PERSON] == [
        one.state for one in (done, open_rent, open_any)
    ]
    return {"done": done, "open": open_rent, "any": open_any}


def test_empty(command: Command) -> None:
    """An empty journal says so, and is an empty list for programs."""
    assert (0, "The journal has no such intention.\n") == (
        command("journal", "list").code,
        command("journal", "list").out,
    )
    assert [] == json.loads(command("journal", "list", "--json").out)


def test_list(command: Command, lines: dict[str, Intention]) -> None:
    """One row per intention, newest first, with state, number, amount and reference.

    Open ones say why.
    """
    rows = command("journal", "list").out.splitlines()
    assert [lines["any"].id, lines["open"].id, lines["done"].id] == [row.split()[0] for row in rows]
    assert ["done", "rent", "+12025550101", "3.00", "USD", "PO-1"] == rows[2].split()[1:7]
    assert rows[1].split()[1:4] == ["needs_person", "rent", "+12025550102"]
    assert rows[1].endswith(str(lines["open"].reason))
    assert not rows[2].endswith(str(lines["done"].reason))


def test_list_filters(command: Command, lines: dict[str, Intention]) -> None:
    """States, reference and limit narrow the list; JSON has every field, amounts as text."""
    found = json.loads(
        command("journal", "list", "--state", "done", "--state", "refused", "--json").out
    )
    assert [(lines["done"].id, "done", "3.00", "+12025550101", "PO-1")] == [
        (row["id"], row["state"], row["due_amount"], row["phone_number"], row["reference"])
        for row in found
    ]
    assert [] == json.loads(command("journal", "list", "--reference", "PO-2", "--json").out)
    assert 1 == len(json.loads(command("journal", "list", "--limit", "1", "--json").out))


def test_list_unknown_state(command: Command) -> None:
    """A state that does not exist is bad input, with those that do."""
    ended = command("journal", "list", "--state", "paid")
    assert (2, "numberflow: --state: 'paid' is not a state") == (
        ended.code,
        ended.err.splitlines()[0],
    )
    assert all(state.value in ended.err for state in IntentionState)


def test_show(command: Command, lines: dict[str, Intention]) -> None:
    """One intention with price, attempts, looks and the command that settles it.

    The beginning of an id is enough if it is unique.
    """
    out = command("journal", "show", lines["open"].id).out
    assert out.splitlines()[0] == f"{lines['open'].id}: rent +12025550102 is needs_person"
    assert "price       3.00 USD at once, 2.00 a month" in out
    assert "attempt 1" in out
    assert "neither held nor for sale" in out
    assert f"settle with: numberflow journal settle {lines['open'].id} --as done" in out
    assert "settle with" not in command("journal", "show", lines["done"].id).out


def test_show_reference(command: Command, lines: dict[str, Intention]) -> None:
    """A reference shows what it holds, what is open in it at most, and how that is settled.

    Nothing is bought for it.
    """
    shown = command("journal", "show", "PO-1").out
    for part in (
        "PO-1 (project",
        "1 done, 2 needs_person",
        "3.00 USD charged, 2.00 a month; open: 6.00 USD at most",
        f"numberflow journal settle {lines['open'].id} ",
    ):
        assert part in shown, shown
    assert ["done", "rent", "+12025550101", "3.00", "USD"] in [
        row.split() for row in shown.splitlines()
    ]
    (purchase,) = json.loads(command("journal", "show", "PO-1", "--json").out)["purchases"]
    assert ({"done": 1, "needs_person": 2}, "3.00") == (
        purchase["states"],
        purchase["amounts"]["USD"]["done_due"],
    )
    missing = command("journal", "show", "PO-2")
    assert (2, True) == (missing.code, "PO-2" in missing.err), missing.err


def test_show_json(command: Command, lines: dict[str, Intention]) -> None:
    """For programs: the intention, its attempts and its evidence."""
    shown = json.loads(command("journal", "show", lines["done"].id, "--json").out)
    assert ("done", ["applied"], "+12025550101") == (
        shown["intention"]["state"],
        [attempt["outcome"] for attempt in shown["attempts"]],
        shown["intention"]["phone_number"],
    )
    assert {"intention", "attempts", "evidence"} == set(shown)


@pytest.mark.parametrize(
    "arguments",
    [["show", "nothing"], ["settle", "nothing", "--as", "done", "--by", "A", "--note", "n"]],
)
def test_unknown_intention(command: Command, arguments: list[str]) -> None:
    """An id that names nothing is bad input."""
    assert 2 == command("journal", *arguments).code


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        ("done", IntentionState.DONE),
        ("refused", IntentionState.REFUSED),
        ("planned", IntentionState.PLANNED),
    ],
)
def test_settle(
    command: Command, lines: dict[str, Intention], verdict: str, state: IntentionState
) -> None:
    """A person's verdict becomes the state, with name and note in the evidence."""
    ended = command(
        "journal",
        "settle",
        lines["open"].id,
        "--as",
        verdict,
        "--by",
        "Ada",
        "--note",
        "on the invoice",
    )
    assert (0, f"{lines['open'].id} is now {state.value}\n") == (ended.code, ended.out)
    shown = json.loads(command("journal", "show", lines["open"].id, "--json").out)
    assert (state.value, "decided by Ada: on the invoice") == (
        shown["intention"]["state"],
        shown["evidence"][-1]["note"],
    )


def test_settle_names_the_number_that_the_vendor_picked(
    command: Command, lines: dict[str, Intention]
) -> None:
    """When the vendor picked the number, the verdict names it, and from then on so does the row."""
    arguments = ["--as", "done", "--by", "Ada", "--note", "n", "--number", "+12025550109", "--json"]
    settled = json.loads(command("journal", "settle", lines["any"].id, *arguments).out)
    assert ("done", "+12025550109") == (settled["state"], settled["phone_number"])
    assert "+12025550109" in command("journal", "list", "--state", "done").out


def test_a_settled_number_is_followed_until_its_links_are_on(command: Command) -> None:
    """A person saw that the number is ours; follow-orders looks whether its link is on, too. What
    was not done is not followed.
    """
    with Journal.open(Settings.load().journal_url) as journal:
        link = {"sms": {"service_plan_id": "plan-1"}, "voice": None}
        rents = [replace(rent_line(f"+1202555010{n}"), request=link) for n in (1, 2)]
        rows = planned(journal, *rents)

        async def lose(row: Intention) -> Intention:
            return await run_step(journal, row, Vendor("lost").rent, _unclear)

        for row in rows:
            anyio.run(lose, row)
    for row, verdict in zip(rows, ("done", "refused"), strict=True):
        said = ["--as", verdict, "--by", "Ada", "--note", "on the invoice"]
        assert 0 == command("journal", "settle", row.id, *said).code
    with Journal.open(Settings.load().journal_url) as journal:
        done, refused = (journal.history(row.id).intention.result for row in rows)
    assert ("link", "+12025550101", None) == (
        done["order"]["kind"],
        done["order"]["facts"]["number"],
        refused,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as", "paid", "--by", "A", "--note", "n"], "paid"),
        (["--as", "done", "--by", " ", "--note", "n"], "by: is empty"),
        (["--as", "done", "--by", "A", "--note", ""], "note: is empty"),
        (["--as", "done", "--by", "A"], "--note"),
    ],
)
def test_settle_without_a_full_verdict(
    command: Command, lines: dict[str, Intention], arguments: list[str], said: str
) -> None:
    """A verdict without a name, a note or a known word changes nothing."""
    ended = command("journal", "settle", lines["open"].id, *arguments)
    assert 2 == ended.code
    assert said in ended.err
    assert "needs_person" in command("journal", "list", "--state", "needs_person").out


def test_settled_once(command: Command, lines: dict[str, Intention]) -> None:
    """What is decided is not decided again.

    Neither a done line nor one that a person has closed.
    """
    arguments = ["--as", "refused", "--by", "Ada", "--note", "n"]
    ended = command("journal", "settle", lines["done"].id, *arguments)
    assert (True, "done") == (
        ended.code != 0,
        json.loads(command("journal", "show", lines["done"].id, "--json").out)["intention"][
            "state"
        ],
    )
    assert "Traceback" not in ended.err


def test_journal_that_cannot_be_opened(command: Command) -> None:
    """A journal that is not there is said, with exit code 3: nothing can be bought without it."""
    blocked = command.folder / "file"
    blocked.write_text("")
    command.set({"NUMBERFLOW_DATABASE_URL": f"sqlite:///{blocked}/journal.db"})
    ended = command("journal", "list")
    assert (3, "") == (ended.code, ended.out)
    assert ended.err.startswith("numberflow: ")
    assert "Traceback" not in ended.err


def test_no_colour(command: Command, lines: dict[str, Intention]) -> None:
    """Output that goes to no terminal carries no colour."""
    shown = "".join(
        command("journal", *rest).out for rest in (["list"], ["show", lines["done"].id], ["--help"])
    )
    assert "\x1b" not in shown


def test_an_order_is_settled_with_its_id(command: Command) -> None:
    """Whoever says that a lost order was opened says which one it is.

    An order that the vendor shows, of the kind that was asked for, that nobody follows.
    """
    simulator = Simulator(SimulatorSettings(active=0, speed=0))
    with serve(simulator) as running:
        command.set({**running.environment, "NUMBERFLOW_SETTLE_S": "0"})
        row = lost_order(simulator.settings.project_id)
        ours, other = anyio.run(_opened, "AU", "MOBILE"), anyio.run(_opened, "DE", "LOCAL")
        assert "--order <order-id>" in command("journal", "show", row.id).out
        verdict = (
            "journal",
            "settle",
            row.id,
            "--as",
            "done",
            "--by",
            "Ada",
            "--note",
            "the dashboard has it",
        )
        for order, problem in (
            ((), "--order: which order was it?"),
            (("--order", "0126amkg4k9hvh08kqv01z9y1x"), "the vendor knows no order"),
            (("--order", other), f"order {other} is for LOCAL numbers in DE"),
        ):
            refused = command(*verdict, *order)
            assert (2, True) == (refused.code, problem in refused.err), refused.err
        assert 0 == command(*verdict, "--order", ours).code
        again = lost_order(simulator.settings.project_id, "PO-2")
        with Journal.open(Settings.load().journal_url) as journal:
            settled = journal.history(row.id).intention
            journal.follow(settled.purchase_id, OrderKind.NUMBER, ours, state="", facts={})
        refused = command("journal", "settle", again.id, *verdict[3:], "--order", ours)
    assert (2, True) == (refused.code, "belongs to 'PO-1'" in refused.err)
    assert ("done", ours, "AU") == (
        settled.state,
        settled.result["order"]["order_id"],
        settled.result["order"]["facts"]["region_code"],
    )


async def _opened(region_code: str, number_type: str) -> str:
    """An order that was opened by hand."""
    async with Client(Settings.load()) as client:
        request = NumberOrderRequest(region_code=region_code, number_type=number_type, quantity=1)
        return (await client.number_orders.create(request)).order_id


def lost_order(project_id: str, reference: str = "PO-1") -> Intention:
    """An order by quantity whose reply was lost: nothing finds it again, so it needs a person."""

    async def lose(attempt: Attempt) -> Applied:
        attempt.before_send()
        raise OutcomeUnknown("reply lost", cause="read_timeout")

    async def look(_: Intention) -> Evidence:
        return Evidence("inconclusive", "no list of orders exists", {})

    request = {"region_code": "AU", "number_type": "MOBILE", "parameters": {"region_code": "AU"}}
    line = NewIntention(
        "create_order",
        None,
        "f",
        request,
        rent_line().setup_amount,
        rent_line().monthly_amount,
        "USD",
    )
    with Journal.open(Settings.load().journal_url) as journal:
        purchase = journal.open_purchase(new_purchase(reference, project_id))
        lease = take(journal, purchase.resource)
        (planned,) = plan(journal, lease, purchase, line)
        journal.give_back_leases((lease,))
        return anyio.run(run_step, journal, planned, lose, look)


def test_close(command: Command) -> None:
    """Who knows of it says so, once for all sweeps; a slip in the reference is told."""
    with Journal.open(Settings.load().journal_url) as journal:
        (row,) = planned(journal, reference="PO 7")
        known = journal.idle_purchases(row.project_id, idle_s=0.0)
        assert 0 == command("journal", "close", "PO 7", "--by", "Ada").code
        assert (1, ()) == (len(known), journal.idle_purchases(row.project_id, idle_s=0.0))
    assert (2, True) == (
        (slip := command("journal", "close", "PO 8", "--by", "Ada")).code,
        "PO 8" in slip.err,
    )
