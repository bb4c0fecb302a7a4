"""What a run does with a person's no, and the sentences it leaves in a log."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import stamina
from prefect.client.schemas.objects import FlowRunInput
from prefect.logging import disable_run_logger

import flows.order_numbers
import flows.search_and_rent
from numberflow.client.attempts import with_retries
from numberflow.client.retry import READ_BUDGET
from numberflow.errors import OutcomeUnknown
from numberflow.models.reports import RunReport
from numberflow.models.wording import count_of, line_of
from numberflow.purchase.hosting.follow import _days

CAPS = {"max_today": "9", "max_monthly": "9", "reference": "PO-1"}
FLOWS = {
    flow.name: flow
    for flow in (flows.search_and_rent.search_and_rent, flows.order_numbers.order_numbers)
}


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize(
    ("decision", "reason"),
    [("Refuse ", "the run was refused by Grace"), ("approve", "No Sinch account")],
)
def test_a_no_is_obeyed_before_anything_is_read(
    name: str, decision: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed run that was refused says so, though neither account nor vendor can be read.

    An approved one tries.
    """

    async def answers(prefix: str, **_: object) -> list[FlowRunInput]:
        answer = json.dumps({"decision": decision, "approved_by": "Grace"})
        rows = {"suspended-approve-1-schema": "{}", "suspended-approve-1-response": answer}
        return [
            FlowRunInput(flow_run_id=uuid4(), key=key, value=value)
            for key, value in rows.items()
            if key.startswith(prefix)
        ]

    async def publish(report: RunReport) -> None:
        """Shows it nowhere."""

    for variable in ("SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("flows.approval.afilter_flow_run_input", answers)
    monkeypatch.setattr("flows.approval.deployment.get_id", lambda: "a deployment")
    monkeypatch.setattr("flows.approval.flow_run.get_run_count", lambda: 2)
    monkeypatch.setattr("flows.runner.publish", publish)
    with disable_run_logger():
        ended: Any = asyncio.run(FLOWS[name].fn(**CAPS))
    assert ended.data.reason.startswith(reason)


@pytest.mark.parametrize("name", ["prefect.task_runs", "prefect.flow_runs"])
def test_a_traceback_that_is_none_is_not_shown(name: str) -> None:
    """A task that fails without an exception leaves its sentence.

    One that has an exception keeps its traceback.
    """
    error = ValueError("a bug")
    records = [
        logging.makeLogRecord({"exc_info": info})
        for info in ((None, None, None), (ValueError, error, None))
    ]
    assert all(logging.getLogger(name).filter(record) for record in records)
    assert [None, (ValueError, error, None)] == [record.exc_info for record in records]


def test_a_repeat_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    """A read that is tried again says why and when, in the log of numberflow, and no number in
    full.
    """
    tries = []

    async def read() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OutcomeUnknown(
                "GET /activeNumbers/%2B12025550101: 503, +442079460018.",
                cause="server_error",
                status=503,
            )
        return 7

    with stamina.set_testing(True, attempts=3):
        assert 7 == asyncio.run(with_retries(read, READ_BUDGET))
    assert ["GET /activeNumbers/…0101: 503, …0018; trying again in 0.0 s (repeat 1)"] == [
        each.message for each in caplog.records
    ]


def test_small_words() -> None:
    """One is not many, nothing is younger than now, and a line has no blanks at its end."""
    assert ["1 number", "0 numbers", "2 days"] == [
        count_of(1, "number"),
        count_of(0, "number"),
        _days(timedelta(2)),
    ]
    assert "0 h" == _days(timedelta(days=-6))
    assert "done. next" == line_of("done.", "", "next", "")
