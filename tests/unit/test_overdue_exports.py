"""The sweep over open orders says when the nightly export is overdue."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.prefect_stub import Clock

from numberflow.models.reports import RunOutcome
from numberflow.planning import schedules as planning
from numberflow.purchase.follow import follow_report
from tasks import person, schedules

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A server whose last export ended 50 hours ago; artifacts are dropped."""
    now = datetime.now(UTC)
    clock = Clock(
        created_at=now - 500 * HOUR,
        next_at={"export-inventory": [now + 2 * HOUR, now + 26 * HOUR]},
        ended_at={"export-inventory": now - 50 * HOUR},
    )

    async def ask(questions: Any) -> Any:
        answer = None
        try:
            while True:
                wanted = questions.send(answer)
                answer = clock.answer(f"/api{wanted.path}", wanted.body)
        except StopIteration as done:
            return done.value

    async def drop(**_: Any) -> None:
        return None

    monkeypatch.setattr(schedules, "_ask", ask)
    monkeypatch.setattr(schedules, "acreate_markdown_artifact", drop)
    return clock


async def look() -> list[Any]:
    """The step without its task."""
    return list(await schedules.overdue_exports.__wrapped__())  # type: ignore[attr-defined]


async def test_an_overdue_export_needs_a_person(clock: Clock) -> None:
    """Each sweep names it with what to do; its alarm, with which a person is called, comes once."""
    first, second = [await look() for _ in range(2)]
    (line,) = first
    assert ("export-inventory", "overdue", True) == (line.reference, line.state, line.needs_person)
    assert "no run for more than 2 intervals of 1 d" in line.summary
    assert "numberflow run export-inventory" in line.advice
    assert [1, 0] == [len(each[0].alarms) for each in (first, second)]
    assert ["numberflow.schedule-overdue"] == [each["event"] for each in clock.events]
    report = follow_report(first)
    assert RunOutcome.NEEDS_PERSON is report.outcome


async def test_in_time(clock: Clock) -> None:
    """A run that ended within two intervals is no line."""
    clock.ended_at["export-inventory"] += 3 * HOUR
    assert [] == await look()


async def test_a_server_that_does_not_tell(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """The orders are followed all the same, and the log says what is not known."""
    monkeypatch.setattr(clock, "answer", lambda *_: {"not": "a list"})
    monkeypatch.setattr(schedules, "get_run_logger", lambda: logging.getLogger("run"))
    assert [] == await look()
    assert "Whether the nightly export is overdue is not known" in caplog.text


async def test_one_event_calls_a_person() -> None:
    """The command line, which does not import Prefect, raises the very event that flows do."""
    assert person.NEEDS_PERSON == planning.NEEDS_PERSON
