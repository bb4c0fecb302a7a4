"""Order-numbers and follow-orders from their deployments, on a worker: papers by reference, a person's approval, a reviewer's questions, and nothing kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.orders import BUSINESS_REGISTRATION, DATA, MARKS, Cabinet, submissions
from support.runs import until

pytestmark = [pytest.mark.workflow, pytest.mark.postgres, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(600)]

ORDER, FOLLOW = "order-numbers/order-numbers", "follow-orders/follow-orders"
PAPERS = ("kyc.json", "extract.pdf")


@pytest.fixture
def cabinet(office: Any) -> Cabinet:
    """Papers that every worker can read; files are worked on at once."""
    office.simulator.switches.set("attachment_processing_s", 0)
    office.simulator.world.orders.scripts.clear()
    return Cabinet(Path(office.folder) / "papers")


@pytest.fixture
def form(cabinet: Cabinet) -> dict[str, Any]:
    """What an operator fills in for one AU MOBILE number."""
    return {
        "region_code": "AU", "number_type": "MOBILE", "quantity": 1, "max_today": "500.00", "max_monthly": "500.00", "kyc": str(cabinet.kyc),
        "attachments": {BUSINESS_REGISTRATION: str(cabinet.extract)},
    }  # fmt: skip


def test_approved_blocked_mended_completed(office: Any, cabinet: Cabinet, form: dict[str, Any]) -> None:
    """One order from the form to the number: approved by a person, blocked by a reviewer, mended under the same reference, completed; no paper is kept."""
    cabinet.spoil()
    office.control(
        "/script",
        {"action": "review", "outcome": "BLOCKED", "delay_s": 1, "times": 1, "logs": [f"{MARKS[0]} is not registered"]},
    )
    first = office.prefect.start(form | {"reference": "W-KYC", "approve_above": "0.00"}, ORDER)
    office.prefect.suspended(first)
    assert "## W-KYC" in office.prefect.form(first)["description"]
    office.prefect.resume(first, decision="approve", approved_by="Ada")
    run = office.prefect.ended(first)
    assert "Completed" == run["state_name"], run["state"]["message"]
    artifacts = office.prefect.artifacts(first)
    assert "Business registration" in artifacts["order-numbers-requirements"]["data"]
    assert "Approved by Ada." in artifacts["order-numbers-summary"]["data"]
    assert 0 == office.charged

    sweep = office.prefect.start({"reference": "W-KYC"}, FOLLOW)
    assert "NeedsPerson" == office.prefect.ended(sweep)["state_name"]
    told = office.prefect.artifacts(sweep)
    assert "… is not registered" in told["follow-orders-alarm"]["data"]
    (row,) = json.loads(told["follow-orders-report"]["data"])
    assert ("W-KYC", "BLOCKED") == (row["reference"], row["state"])
    # Events reach the server's database a little later than the run its end.
    alarms = until(
        lambda: [
            each["payload"]
            for each in office.prefect.events("numberflow.order-alarm")
            if each["payload"]["reference"] == "W-KYC"
        ],
        "the alarm arrives",
    )
    assert ["blocked at"] == [alarm["alarm"][:10] for alarm in alarms]

    cabinet.write(DATA)
    office.control("/script", {"action": "review", "outcome": "COMPLETED", "delay_s": 1, "times": 1})
    second = office.prefect.start(form | {"reference": "W-KYC"}, ORDER)
    assert "Completed" == office.prefect.ended(second)["state_name"]
    last = office.prefect.start({"reference": "W-KYC"}, FOLLOW)
    assert "Completed" == office.prefect.ended(last)["state_name"]
    assert "COMPLETED" in office.prefect.artifacts(last)["follow-orders-summary"]["data"]
    assert (1, [2]) == (office.charged, [n for order, n in submissions(office.simulator).items() if n > 1])

    told_of_runs = json.dumps(
        [
            [office.prefect.run(each), office.prefect.artifacts(each), office.prefect.logs(each)]
            for each in (first, sweep, second, last)
        ]
    )
    kept = office.kept(*PAPERS)
    assert b"W-KYC" in kept
    assert [] == [mark for mark in MARKS if mark in told_of_runs or mark.encode() in kept]


def test_papers_that_are_not_there(office: Any, cabinet: Cabinet, form: dict[str, Any]) -> None:
    """A file that is missing is told before anything is ordered, and the run ends as refused."""
    cabinet.extract.unlink()
    run_id = office.prefect.start(form | {"reference": "W-GONE"}, ORDER)
    run = office.prefect.ended(run_id)
    assert "Refused" == run["state_name"]
    assert f"attachments.{BUSINESS_REGISTRATION}" in run["state"]["message"]
    assert () == office.journal("W-GONE")


def test_pasted_papers(office: Any, form: dict[str, Any]) -> None:
    """Data in the form itself is refused; Prefect has stored it by then, but no log, artifact or state repeats it."""
    run_id = office.prefect.start(form | {"kyc": json.dumps({"data": DATA})}, ORDER)
    run = office.prefect.ended(run_id)
    assert "Refused" == run["state_name"]
    assert "looks like the data itself" in run["state"]["message"]
    assert MARKS[0] not in json.dumps([run["state"], office.prefect.artifacts(run_id), office.prefect.logs(run_id)])
