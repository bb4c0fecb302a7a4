"""Order-numbers and follow-orders from their deployments, on a worker.

Papers by reference, a person's approval, a reviewer's questions, and nothing kept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from support.orders import BUSINESS_REGISTRATION, DATA, MARKS, Cabinet, submissions
from support.runs import until

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

ORDER, FOLLOW = "order-numbers/order-numbers", "follow-orders/follow-orders"
PAPERS = ("kyc.json", "extract.pdf")


@pytest.fixture
def cabinet(office: Any) -> Cabinet:
    """Papers that every worker can read; files are worked on at once."""
    office.simulator.switches.set("attachment_processing_s", 0)
    office.simulator.world.orders.scripts.clear()
    return Cabinet(office.papers)


@pytest.fixture
def form(cabinet: Cabinet) -> dict[str, Any]:
    """What an operator fills in for one AU MOBILE number."""
    return {
        "region_code": "AU",
        "number_type": "MOBILE",
        "quantity": 1,
        "max_today": "500.00",
        "max_monthly": "500.00",
        "kyc": cabinet.kyc.name,
        "attachments": [{"requirement_id": BUSINESS_REGISTRATION, "file": cabinet.extract.name}],
    }


@pytest.fixture
def messenger() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Address of something that takes messages, and those that came."""
    came: list[dict[str, Any]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", came
    server.shutdown()
    server.server_close()


def test_approved_blocked_mended_completed(
    office: Any, cabinet: Cabinet, form: dict[str, Any], messenger: tuple[str, list[dict[str, Any]]]
) -> None:
    """One order from the form to the number.

    Approved, blocked by a reviewer and told once by the block that was named, fixed, completed; no
    paper is kept.
    """
    address, messages = messenger
    office.prefect.save_block(
        "custom-webhook",
        "operations",
        {
            "name": "operations",
            "url": address,
            "json_data": {"subject": "{{subject}}", "body": "{{body}}"},
        },
    )
    cabinet.spoil()
    office.control(
        "/script",
        {
            "action": "review",
            "outcome": "BLOCKED",
            "delay_s": 1,
            "times": 1,
            "logs": [f"{MARKS[0]} is not registered"],
        },
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

    sweep = office.prefect.start(
        {"reference": "W-KYC", "notify": "custom-webhook/operations"}, FOLLOW
    )
    assert "NeedsPerson" == office.prefect.ended(sweep)["state_name"]
    (message,) = messages
    assert "W-KYC: blocked" in message["subject"]
    assert "… is not registered" in message["body"]
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
    office.control(
        "/script", {"action": "review", "outcome": "COMPLETED", "delay_s": 1, "times": 1}
    )
    second = office.prefect.start(form | {"reference": "W-KYC"}, ORDER)
    assert "Completed" == office.prefect.ended(second)["state_name"]
    last = office.prefect.start(
        {"reference": "W-KYC", "notify": "custom-webhook/operations"}, FOLLOW
    )
    assert "Completed" == office.prefect.ended(last)["state_name"]
    assert "COMPLETED" in office.prefect.artifacts(last)["follow-orders-summary"]["data"]
    assert (1, [2]) == (
        office.charged,
        [n for order, n in submissions(office.simulator).items() if n > 1],
    )

    told_of_runs = json.dumps(
        [
            [office.prefect.run(each), office.prefect.artifacts(each), office.prefect.logs(each)]
            for each in (first, sweep, second, last)
        ]
    )
    kept = office.kept(*PAPERS)
    assert b"W-KYC" in kept
    assert [] == [mark for mark in MARKS if mark in told_of_runs or mark.encode() in kept]


def test_reserved_dearer_than_asked_about(office: Any, form: dict[str, Any]) -> None:
    """An order that reserved at a price that a person would have been asked about is not handed in
    before that person was.
    """
    form |= {"reference": "W-RESERVED", "approve_above": "15.00"}
    handed_in = sum(submissions(office.simulator).values())
    office.simulator.faults.add(
        {"operation": "create_order", "fault": "price_change", "factor": 2, "times": 1}
    )
    first = office.prefect.ended(office.prefect.start(form, ORDER))
    assert "Refused" == first["state_name"]
    assert "it was not handed in" in first["state"]["message"]
    (create,) = office.journal("W-RESERVED")
    assert create.due_amount is not None
    assert create.due_amount > 15

    second = office.prefect.start(form, ORDER)
    office.prefect.suspended(second)
    assert f"{create.due_amount:.2f}" in office.prefect.form(second)["description"]
    assert handed_in == sum(submissions(office.simulator).values())
    office.prefect.resume(second, decision="approve", approved_by="Ada")
    assert "Completed" == office.prefect.ended(second)["state_name"]
    assert "Approved by Ada." in office.prefect.artifacts(second)["order-numbers-summary"]["data"]
    assert handed_in + 1 == sum(submissions(office.simulator).values())


def test_papers_that_are_not_there(office: Any, cabinet: Cabinet, form: dict[str, Any]) -> None:
    """A file that is missing is told before anything is ordered, and the run ends as refused."""
    cabinet.extract.unlink()
    run_id = office.prefect.start(form | {"reference": "W-GONE"}, ORDER)
    run = office.prefect.ended(run_id)
    assert "Refused" == run["state_name"]
    assert f"attachments.{BUSINESS_REGISTRATION}" in run["state"]["message"]
    assert () == office.journal("W-GONE")


def test_pasted_papers(office: Any, form: dict[str, Any]) -> None:
    """Data in the form itself is refused.

    Prefect has stored it by then, but no log, artifact or state repeats it.
    """
    run_id = office.prefect.start(form | {"kyc": json.dumps({"data": DATA})}, ORDER)
    run = office.prefect.ended(run_id)
    assert "Refused" == run["state_name"]
    assert "looks like the data itself" in run["state"]["message"]
    assert MARKS[0] not in json.dumps(
        [run["state"], office.prefect.artifacts(run_id), office.prefect.logs(run_id)]
    )
