"""What the clock starts on a Prefect server: when it is due or overdue, and how to say so.

Requests to the server are generators that yield an `Ask` and get the JSON of its answer, so that
the command line (httpx) and a flow run (Prefect's client) send the same. Not here: sending them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

T = TypeVar("T")


class Ask(NamedTuple):
    """One request to the Prefect API; `path` is relative to the API's address."""

    path: str
    body: Any


Questions = Generator[Ask, Any, T]
"""Yields requests, gets the JSON of each answer, returns the result."""

# The schedules as they are deployed (deployments/prefect.yaml), where no start is planned.
INTERVALS = {
    "follow-orders": timedelta(minutes=15),
    "export-inventory": timedelta(days=1),
    "reconcile": timedelta(days=1),
}
_OTHERS = timedelta(days=1)
# "No run for two intervals": one may be late or fail to start; two are not an accident.
MISSED = 2
# A new deployment is planned within 5 s. A schedule that was moved or switched on is planned in the
# scheduler's next turn, once a minute (seen with Prefect 3.9.1).
PLANNED_WITHIN = timedelta(seconds=120)
# What was missed while no server ran is due at once, and nobody's fault: it gets the time of two
# sweeps.
AFTER_START = timedelta(minutes=30)
# An alarm that nobody has answered is raised again once a day.
AGAIN_AFTER = timedelta(days=1)
# Planned starts that are read. Two show the interval; more show a day that differs.
_AHEAD = 10
# A run that reported its own end, good or bad (which has its own alarm). A crashed or cancelled one
# does not count.
_ENDED = ["COMPLETED", "FAILED"]
OVERDUE = "numberflow.schedule-overdue"
# The one event that calls a person; tasks/person.py raises it for runs.
NEEDS_PERSON = "numberflow.needs-person"


@dataclass(frozen=True)
class Scheduled:
    """One deployment with a schedule, as the server shows it. Times are aware UTC.

    Fields:
        name: the deployment's.
        is_on: not paused, and one of its schedules is active.
        created_at: when it was first deployed.
        changed_at: when it, or one of its schedules, was last changed.
        next_at: starts that the scheduler has planned, ascending; empty when it plans none.
        ended_at: end of the last run of its flow, however started; None = there was none.
    """

    name: str
    is_on: bool
    created_at: datetime
    changed_at: datetime
    next_at: tuple[datetime, ...] = ()
    ended_at: datetime | None = None

    @property
    def interval(self) -> timedelta:
        """The longest gap between planned starts; the deployed one's when none are planned."""
        gaps = [later - earlier for earlier, later in pairwise(self.next_at)]
        return max(gaps, default=INTERVALS.get(self.name, _OTHERS))

    def is_overdue(self, now: datetime, server_since: datetime | None = None) -> bool:
        """Whether nothing ran for two intervals.

        Args:
            now: aware UTC.
            server_since: when the server started, if known: what was missed before gets half an
                hour.
        """
        since = self.ended_at or self.created_at
        if server_since is not None:
            since = max(since, server_since + AFTER_START - MISSED * self.interval)
        return now - since > MISSED * self.interval


def problem(
    scheduled: Scheduled, now: datetime, server_since: datetime | None = None
) -> tuple[str, str] | None:
    """What is wrong with a schedule and what to do, each a clause; None when all is well."""
    off = (
        "its schedule is off: the clock starts no run",
        f"switch it on in the UI (Deployments → {scheduled.name}), or start what serves it",
    )
    unplanned = (
        "it has a schedule and no next run: the server's scheduler plans none",
        "look for errors in the server's log, and install the pinned versions (requirements.txt)",
    )
    if scheduled.is_overdue(now, server_since):
        last = (
            f"the last one ended {_at(scheduled.ended_at)}"
            if scheduled.ended_at
            else "there was none"
        )
        why = (
            off[1]
            if not scheduled.is_on
            else unplanned[1]
            if not scheduled.next_at
            else "check that a worker or `numberflow up` is running, and look at the runs in the UI"
        )
        return (
            f"no run for more than {MISSED} intervals of {_span(scheduled.interval)}: {last}",
            f"run it now: `numberflow run {scheduled.name}`; then {why}",
        )
    if not scheduled.is_on:
        return off
    if scheduled.next_at or now - scheduled.changed_at < PLANNED_WITHIN:
        return None
    return unplanned


def next_run(scheduled: Scheduled) -> str:
    """`follow-orders 2026-11-30 14:15 UTC`."""
    return (
        f"{scheduled.name} {_at(scheduled.next_at[0]) if scheduled.next_at else 'not planned yet'}"
    )


def read_schedules(now: datetime, names: Sequence[str] = ()) -> Questions[list[Scheduled]]:
    """Read every deployment of ours that has a schedule, by name.

    Args:
        now: aware UTC; planned starts before it are not next runs.
        names: only those deployments; all when empty.
    """
    wanted: dict[str, Any] = {"tags": {"all_": ["numberflow"]}}
    if names:
        wanted["name"] = {"any_": list(names)}
    found = yield Ask("/deployments/filter", {"deployments": wanted, "limit": 200})
    seen = []
    for one in sorted(
        (each for each in found if each["schedules"]), key=lambda each: str(each["name"])
    ):
        planned = yield Ask(
            "/flow_runs/filter",
            {
                "deployments": {"id": {"any_": [one["id"]]}},
                "flow_runs": {
                    "state": {"type": {"any_": ["SCHEDULED"]}},
                    "next_scheduled_start_time": {"after_": now.isoformat()},
                },
                "sort": "NEXT_SCHEDULED_START_TIME_ASC",
                "limit": _AHEAD,
            },
        )
        ended = yield Ask(
            "/flow_runs/filter",
            {
                "flows": {"id": {"any_": [one["flow_id"]]}},
                "flow_runs": {"state": {"type": {"any_": _ENDED}}},
                "sort": "END_TIME_DESC",
                "limit": 1,
            },
        )
        seen.append(
            Scheduled(
                name=str(one["name"]),
                is_on=not one["paused"] and any(each["active"] for each in one["schedules"]),
                created_at=_time(one["created"]),
                changed_at=max(_time(each["updated"]) for each in (one, *one["schedules"])),
                # A person may have planned a run for later. Only the clock's count here.
                next_at=tuple(
                    _time(run["next_scheduled_start_time"])
                    for run in planned
                    if run["auto_scheduled"]
                ),
                ended_at=_time(ended[0]["end_time"]) if ended and ended[0]["end_time"] else None,
            )
        )
    return seen


def raise_alarm(
    scheduled: Scheduled, reason: str, remedy: str, now: datetime, *, calls_person: bool
) -> Questions[bool]:
    """Raise the event that says what is overdue, unless it was already raised for this.

    Returns whether it was raised now. It is raised again after a day.

    Args:
        scheduled: what is overdue.
        reason: what is wrong, as `problem` says it.
        remedy: what to do about it.
        now: aware UTC.
        calls_person: raise the event that calls a person, too: no run has a report that does.
    """
    resource = {"prefect.resource.id": f"numberflow.schedule.{scheduled.name}"}
    since = max(scheduled.ended_at or scheduled.created_at, now - AGAIN_AFTER)
    told = yield Ask(
        "/events/filter",
        {
            "filter": {
                "occurred": {"since": since.isoformat(), "until": (now + AGAIN_AFTER).isoformat()},
                "event": {"name": [OVERDUE]},
                "resource": {"id": list(resource.values())},
            },
            "limit": 1,
        },
    )
    if told["events"]:
        return False
    # The payload's keys are those of every call of a person (tasks/person.py).
    payload = {
        "reference": scheduled.name,
        "reason": f"{scheduled.name}: {reason}",
        "mend": remedy,
        "commands": [f"numberflow run {scheduled.name}"],
        "flow_run_id": None,
    }
    names = (OVERDUE, NEEDS_PERSON) if calls_person else (OVERDUE,)
    yield Ask(
        "/events",
        [
            {
                "id": str(uuid4()),
                "occurred": now.isoformat(),
                "event": name,
                "resource": resource,
                "payload": payload,
            }
            for name in names
        ],
    )
    return True


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _at(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "never"


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes % 1440 == 0:
        return f"{minutes // 1440} d"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
