"""A purchase that waits for a person: what is asked, and what happens after each answer.

The vendor's ledger judges.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]


@pytest.fixture
def asking(form):
    """A form that asks for approval of any amount."""
    return form | {"approve_above": "0.00"}


def test_approved(office, asking):
    """The form shows number and price and asks for a name.

    Once it is approved that very number is rented, once.
    """
    run_id = office.prefect.start(asking | {"reference": "W-APPROVE"})
    office.prefect.suspended(run_id)
    form = office.prefect.form(run_id)
    (row, _) = json.loads(office.prefect.artifacts(run_id)["search-and-rent-quote"]["data"])
    assert (
        f"| {row['phone number']} | {row['due today']} | {row['per month']} |"
        in form["description"]
    )
    assert ["decision", "approved_by"] == sorted(
        form["schema"]["properties"],
        key=lambda name: form["schema"]["properties"][name]["position"],
    )
    assert {"decision", "approved_by"} == set(form["schema"]["required"])
    assert 0 == office.charged

    office.prefect.resume(run_id, decision="approve", approved_by="Ada")
    run = office.prefect.ended(run_id)
    assert ("Completed", 1) == (run["state_name"], office.charged)
    assert row["phone number"] == office.simulator.charges()[-1]["phone_number"]
    assert "Approved by Ada." in office.prefect.artifacts(run_id)["search-and-rent-summary"]["data"]


def test_refused(office, asking):
    """A person's no ends in Refused with that person's name, and nothing is charged."""
    run_id = office.prefect.start(asking | {"reference": "W-REFUSE"})
    office.prefect.suspended(run_id)
    office.prefect.resume(run_id, decision="refuse", approved_by="Grace")
    run = office.prefect.ended(run_id)
    assert ("Refused", 0) == (run["state_name"], office.charged)
    assert "refused by Grace" in run["state"]["message"]


def test_dearer_than_approved(office, asking):
    """Prices that rise between question and answer stop the purchase, approved or not."""
    run_id = office.prefect.start(asking | {"reference": "W-DEARER"})
    office.prefect.suspended(run_id)
    (row, _) = json.loads(office.prefect.artifacts(run_id)["search-and-rent-quote"]["data"])
    monthly = Decimal(row["per month"].split()[0])
    script = {
        "action": "price",
        "phone_number": row["phone number"],
        "setup": "1.00",
        "monthly": str(monthly * 2),
    }
    office.control("/script", script)

    office.prefect.resume(run_id, decision="approve", approved_by="Ada")
    run = office.prefect.ended(run_id)
    assert ("Refused", 0) == (run["state_name"], office.charged)
    assert "the purchase now costs 2.00 USD today" in run["state"]["message"]


def test_a_large_release(office):
    """Half of a project's numbers go only when a person types how many; another count is a no."""
    held = office.simulator.world.add_held(4)[:2]
    form = {"phone_numbers": ",".join(held), "confirm_release": True, "reference": "W-RELEASE"}
    for count, state, released in (("3", "Refused", 0), (" 2 ", "Completed", 2)):
        run_id = office.prefect.start(form, "release-numbers/release-numbers")
        office.prefect.suspended(run_id)
        asked = office.prefect.form(run_id)
        assert "# Release 2 numbers?" in asked["description"]
        assert {"decision", "approved_by", "count"} == set(asked["schema"]["required"])
        office.prefect.resume(run_id, decision="approve", approved_by="Ada", count=count)
        run = office.prefect.ended(run_id)
        sent = [each for each in office.simulator.requests() if each["operation"] == "release"]
        assert (state, released) == (run["state_name"], len(sent)), run["state"]["message"]


def test_nobody_to_ask(office, asking, run_here):
    """A run without a deployment cannot ask.

    It ends with code 3, says what to do, and nothing is charged.
    """
    done = run_here("search-and-rent", asking)
    assert (3, 0) == (done.code, office.charged), done.err
    assert "run search-and-rent from its deployment" in done.out
