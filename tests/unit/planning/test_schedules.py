"""What is overdue, what is wrong with a schedule, and when a person is called."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from numberflow.planning.schedules import Scheduled, next_run, problem, raise_alarm, read_schedules

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
MADE = NOW - timedelta(days=90)
HOUR = timedelta(hours=1)


def nightly(
    *,
    ended: timedelta | None = HOUR,
    made_at: datetime = MADE,
    ahead: int = 3,
    is_on: bool = True,
    changed_at: datetime = MADE,
) -> Scheduled:
    """The export as it is deployed; its last run ended `ended` ago."""
    first = NOW.replace(hour=2, minute=15) + timedelta(days=1)
    return Scheduled(
        name="export-inventory",
        is_on=is_on,
        created_at=made_at,
        changed_at=changed_at,
        next_at=tuple(first + timedelta(days=day) for day in range(ahead)),
        ended_at=None if ended is None else NOW - ended,
    )


@pytest.mark.parametrize(
    ("scheduled", "overdue"),
    [
        (nightly(), False),
        (nightly(ended=48 * HOUR), False),
        (nightly(ended=48.1 * HOUR), True),
        (nightly(ended=None), True),
        (nightly(ended=None, made_at=NOW - HOUR), False),
        # Without planned starts the deployed interval counts: a broken scheduler hides nothing.
        (nightly(ended=49 * HOUR, ahead=0), True),
        (nightly(ended=47 * HOUR, ahead=0), False),
        (Scheduled("follow-orders", True, MADE, MADE, (), NOW - timedelta(minutes=31)), True),
        (Scheduled("follow-orders", True, MADE, MADE, (), NOW - timedelta(minutes=29)), False),
        # Moved to every six hours in the UI.
        (
            Scheduled(
                "follow-orders", True, MADE, MADE, (NOW + HOUR, NOW + 7 * HOUR), NOW - 11 * HOUR
            ),
            False,
        ),
        # Working days only: the weekend is part of the interval.
        (
            Scheduled(
                "export-inventory",
                True,
                MADE,
                MADE,
                (NOW + HOUR, NOW + 25 * HOUR, NOW + 97 * HOUR),
                NOW - 73 * HOUR,
            ),
            False,
        ),
    ],
)
def test_overdue(scheduled: Scheduled, overdue: bool) -> None:
    """Two intervals without a run that ended by itself; a new deployment has had no time yet."""
    assert overdue == scheduled.is_overdue(NOW)


def test_a_server_that_was_off_is_given_half_an_hour() -> None:
    """What was missed while nothing ran is not told before it could be made up."""
    late = nightly(ended=500 * HOUR)
    assert [False, False, True] == [
        late.is_overdue(NOW, NOW - timedelta(minutes=minutes)) for minutes in (0, 29, 31)
    ]


def test_problems() -> None:
    """Each says what is wrong and how to fix it; overdue first, and its fix knows why."""
    assert problem(nightly(), NOW) is None
    assert problem(nightly(ahead=0, changed_at=NOW - timedelta(seconds=119)), NOW) is None
    overdue, off, unplanned = (
        problem(each, NOW) or ("", "")
        for each in (nightly(ended=50 * HOUR, is_on=False), nightly(is_on=False), nightly(ahead=0))
    )
    assert (
        "no run for more than 2 intervals of 1 d: the last one ended 2026-11-28 10:00 UTC"
        == overdue[0]
    )
    assert "numberflow run export-inventory" in overdue[1]
    assert "switch it on" in overdue[1]
    assert "switch it on" in off[1]
    assert "no next run" in unplanned[0]
    assert "server's log" in unplanned[1]
    assert "export-inventory 2026-12-01 02:15 UTC" == next_run(nightly())


def run_at(at: datetime, *, by_clock: bool = True) -> dict[str, Any]:
    """A planned run as the server shows it."""
    return {"next_scheduled_start_time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "auto_scheduled": by_clock}


def test_reading() -> None:
    """Only deployments with a schedule; starts that the clock planned; ends of whatever run."""
    made = {"created": "2026-11-01T00:00:00Z", "updated": "2026-11-02T00:00:00Z", "paused": False}
    moved = "2026-11-03T00:00:00Z"
    questions = read_schedules(NOW)
    next(questions)
    asked = questions.send(
        [
            {"name": "search-and-rent", "id": "1", "flow_id": "11", "schedules": [], **made},
            {
                "name": "follow-orders",
                "id": "2",
                "flow_id": "12",
                "schedules": [{"active": True, "updated": moved}],
                **made,
            },
        ]
    )
    assert {"id": {"any_": ["2"]}} == asked.body["deployments"]
    asked = questions.send(
        [run_at(NOW + HOUR, by_clock=False), run_at(NOW + 2 * HOUR), run_at(NOW + 3 * HOUR)]
    )
    assert {"id": {"any_": ["12"]}} == asked.body["flows"]
    with pytest.raises(StopIteration) as done:
        questions.send([{"end_time": "2026-11-30T11:00:00.5Z"}])
    (seen,) = done.value.value
    assert f"{seen.changed_at:%Y-%m-%d}" == moved[:10]
    assert ("follow-orders", True, (NOW + 2 * HOUR, NOW + 3 * HOUR)) == (
        seen.name,
        seen.is_on,
        seen.next_at,
    )
    assert timedelta(minutes=59, seconds=59.5) == NOW - seen.ended_at


@pytest.mark.parametrize("told", [False, True])
def test_an_alarm_is_raised_once(told: bool) -> None:
    """Unless the server has had it since; a person is called where no report does."""
    late = nightly(ended=50 * HOUR)
    for calls_person in (False, True):
        questions = raise_alarm(late, "no run", "start it", NOW, calls_person=calls_person)
        asked = next(questions)
        assert f"{NOW - 24 * HOUR:%Y-%m-%d}" == asked.body["filter"]["occurred"]["since"][:10]
        if not told:
            events = questions.send({"events": []}).body
            names = [
                "numberflow.schedule-overdue",
                *(["numberflow.needs-person"] if calls_person else []),
            ]
            assert names == [event["event"] for event in events]
            assert {"numberflow.schedule.export-inventory"} == {
                event["resource"]["prefect.resource.id"] for event in events
            }
            assert "numberflow run export-inventory" in events[-1]["payload"]["commands"]
        with pytest.raises(StopIteration) as done:
            questions.send({"events": [{}]} if told else None)
        assert done.value.value is not told
