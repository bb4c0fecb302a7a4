"""Search-and-rent from its deployment, on a worker.

What an operator starts, sees, retries and cancels. The vendor's ledger judges.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from numberflow.journal import IntentionState

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]


def test_a_retry_from_the_ui_buys_nothing_again(office, form):
    """A run without a reference rents what was asked.

    Retry of it resumes that purchase instead of making another.
    """
    run_id = office.prefect.start(form | {"quantity": 2})
    first = office.prefect.ended(run_id)
    assert ("COMPLETED", "Completed", 2) == (
        first["state_type"],
        first["state_name"],
        office.charged,
    )

    office.prefect.retry(run_id)
    second = office.prefect.ended(run_id, attempt=2)
    assert ("COMPLETED", "Completed", 2) == (
        second["state_type"],
        second["state_name"],
        office.charged,
    )
    assert [IntentionState.DONE] * 2 == [line.state for line in office.journal(run_id)]


def test_artifacts_show_quote_and_report(office, form):
    """The quote has a row for each number and a total.

    The report names the number that the ledger charged and its fees.
    """
    run_id = office.prefect.start(form | {"reference": "W-ARTIFACTS", "plan_only": False})
    office.prefect.ended(run_id)
    artifacts = office.prefect.artifacts(run_id)
    charged = office.simulator.charges()[-2:]
    number = charged[0]["phone_number"]

    quote = json.loads(artifacts["search-and-rent-quote"]["data"])
    assert [number, "total of 1"] == [row["phone number"] for row in quote]
    report = json.loads(artifacts["search-and-rent-report"]["data"])
    assert [(number, "done", "yes")] == [
        (row["phone number"], row["state"], row["confirmed"]) for row in report
    ]
    fees = sum(float(charge["amount"]) for charge in charged if charge["phone_number"] == number)
    assert f"{fees:.2f} USD" == report[0]["charged"]
    assert "W-ARTIFACTS: done" in artifacts["search-and-rent-summary"]["data"]


def test_a_cap_refuses_without_a_charge(office, form):
    """A purchase above its cap ends in a state called Refused that names the cap and the fix, and
    nothing is charged.
    """
    run_id = office.prefect.start(form | {"max_today": "0.01"})
    run = office.prefect.ended(run_id)
    assert ("FAILED", "Refused", 0) == (run["state_type"], run["state_name"], office.charged)
    assert "max_today is 0.01 → raise max_today to" in run["state"]["message"]
    report = json.loads(office.prefect.artifacts(run_id)["search-and-rent-report"]["data"])
    assert [("none", "refused")] == [(row["phone number"], row["state"]) for row in report]


def test_a_form_sent_unchecked_is_refused(office, form):
    """What the form did not check, the flow does.

    A region that does not exist ends in Refused, not in a traceback.
    """
    run = office.prefect.ended(office.prefect.start(form | {"region_code": "ZZ"}))
    assert ("FAILED", "Refused", 0) == (run["state_type"], run["state_name"], office.charged)
    assert "region_code: 'ZZ' is not an ISO 3166-1 alpha-2 region" in run["state"]["message"]


def test_a_person_is_called_and_a_retry_finds_the_number(office, form):
    """A lost reply that no read explains ends in NeedsPerson, with an event and the command.

    Retry looks again and pays once.
    """
    office.simulator.faults.add(
        {"operation": "rent", "nth": 1, "fault": "reset_after", "lag_s": 7200}
    )
    run_id = office.prefect.start(form | {"reference": "W-PERSON"})
    run = office.prefect.ended(run_id)
    assert ("FAILED", "NeedsPerson", 1) == (run["state_type"], run["state_name"], office.charged)
    (line,) = (line for line in office.journal("W-PERSON") if line.state is not IntentionState.DONE)
    assert (
        f"numberflow journal settle {line.id}"
        in office.prefect.artifacts(run_id)["search-and-rent-summary"]["data"]
    )
    # The server is everybody's in this test session: other runs call people too.
    (event,) = _eventually(
        lambda: [
            event
            for event in office.prefect.events("numberflow.needs-person")
            if event["payload"]["flow_run_id"] == run_id
        ]
    )
    assert "W-PERSON" == event["payload"]["reference"]

    office.simulator.clock.advance(7300)
    office.prefect.retry(run_id)
    run = office.prefect.ended(run_id, attempt=2)
    assert ("Completed", 1) == (run["state_name"], office.charged)


def test_cancelled_in_the_middle_of_a_rent(office, form):
    """Cancel while the vendor holds the reply.

    The journal keeps the number open, and the next run finds it instead of paying twice.
    """
    office.simulator.faults.add(
        {"operation": "rent", "nth": 1, "fault": "hold_after", "hold_s": 300}
    )
    run_id = office.prefect.start(form | {"reference": "W-CANCEL", "quantity": 2})
    _eventually(office.simulator.holds.list)
    office.prefect.cancel(run_id)
    cancelled = office.prefect.ended(run_id)
    office.simulator.holds.release_all()
    assert ("CANCELLED", 1) == (cancelled["state_type"], office.charged)
    assert (
        {IntentionState.PLANNED}
        < {line.state for line in office.journal("W-CANCEL")}
        <= {
            IntentionState.PLANNED,
            IntentionState.SENDING,
            IntentionState.UNKNOWN,
            IntentionState.DONE,
            IntentionState.NEEDS_PERSON,
        }
    )

    again = office.prefect.ended(
        office.prefect.start(form | {"reference": "W-CANCEL", "quantity": 2})
    )
    assert ("Completed", 2) == (again["state_name"], office.charged)


def test_another_machine_takes_over_after_a_power_cut(office, form):
    """Worker and run die in the middle of a rent.

    Retry on a worker with other folders finishes the purchase and pays once.
    """
    office.simulator.faults.add(
        {"operation": "rent", "nth": 2, "fault": "hold_after", "hold_s": 300}
    )
    run_id = office.prefect.start(form | {"quantity": 3})
    _eventually(office.simulator.holds.list)
    office.workers[-1].kill()
    office.simulator.holds.release_all()
    died_with = office.charged
    assert 2 <= died_with <= 3

    # What the automation on missing heartbeats does (deployments/automations.yaml), without its
    # minute of waiting.
    office.prefect.set_state(run_id, "CRASHED", "Crashed")
    office.hire()
    office.prefect.retry(run_id)
    run = office.prefect.ended(run_id, attempt=2)
    assert ("Completed", 3) == (run["state_name"], office.charged)
    assert [IntentionState.DONE] * 3 == [line.state for line in office.journal(run_id)]


def _eventually(found: Callable[[], Any]) -> Any:
    """What `found` returns, as soon as it is something."""
    give_up_at = time.monotonic() + 120
    while not (result := found()):
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.05)
    return result
