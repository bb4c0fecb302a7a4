"""What to do about a flow run that Prefect shows as under way: leave it, retry it, or end it.

Pure decisions over what Prefect's API tells. Not here: acting (tasks.stuck_runs).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from numberflow.planning.schedules import Ask, Questions

# A worker can die with every run that it has, and so can the next one. Whoever lost three is the
# cause or stands beside it: a person should look.
RETRIES_MAX = 3
# Seconds between heartbeats, by the deployments; the shortest that Prefect takes.
BEAT_S = 30.0
# Two beats missing, and half of one for the way to the server.
BEATS_MISSED = 2.5
# After a time in which the server did not answer: each run sends its next beat within one.
BEATS_HEARD = 1.5
# A crash that nobody retried for an hour is history: whoever looked at it has decided.
CRASHED_WITHIN = timedelta(hours=1)
# Hooks of a crashed run tell what it did, and `numberflow up` takes up to 15 s to stop its runs:
# they crash, and stop means stop.
CRASHED_FOR = timedelta(seconds=20)
# Each further retry waits this much longer: a database that restarts needs a moment.
RETRY_DELAY = timedelta(seconds=30)
# The server fails an unanswered question by itself, within seconds. This is for one that does not.
UNANSWERED_FOR = timedelta(seconds=60)
# A leaked slot that has a lease comes back by itself when the lease ends: 300 s by default, and the
# server's turn. Only what is left after that has no owner.
LEASES_END_AFTER = timedelta(seconds=360)
OURS = "numberflow"
"""The tag of every run of ours, from its deployment (flows/table.py)."""
WATCHING = "numberflow.watching"
"""Event that says, every five minutes, that somebody watches."""
# Three of them; the automation waits as long.
_WATCHED_WITHIN = timedelta(minutes=15)
NO_HEARTBEAT = "No heartbeat"
"""How the automation begins its message when it sets a run to Crashed (automations.yaml)."""
GIVEN_UP = "Given up"
"""How the message of a run begins that is not retried any more: it was told."""


class Action(StrEnum):
    """What to do about a run."""

    LEAVE = "leave"
    RETRY = "retry"
    """Crashed, then scheduled again for whichever worker takes it."""
    GIVE_UP = "give up"
    """Crashed for good: a person is called and told what is open."""
    CANCEL = "cancel"
    """Cancelled, as somebody asked, though no worker was left to do it."""
    EXPIRE = "expire"
    """Failed: it waited for an answer that did not come in time."""


@dataclass(frozen=True, kw_only=True)
class SeenRun:
    """A flow run as the API shows it. Times are aware UTC, by the server's clock.

    Fields:
        state: type of its state, such as RUNNING.
        since: when it got that state.
        message: of that state.
        beat_at: its last heartbeat in this state; None = none.
        beat_s: seconds between two of its heartbeats.
        answer_until: until when a suspended run can be resumed.
        retries: how often it was scheduled again by us.
        is_deployed: a run of a deployment, which a worker can take again.
    """

    state: str
    since: datetime
    message: str = ""
    beat_at: datetime | None = None
    beat_s: float = BEAT_S
    answer_until: datetime | None = None
    retries: int = 0
    is_deployed: bool = True


@dataclass(frozen=True)
class Decision:
    """What to do, and why, as a clause."""

    action: Action
    why: str = ""


_LEAVE = Decision(Action.LEAVE)


def what_to_do(
    run: SeenRun,
    now: datetime,
    *,
    starts_within_s: float,
    answering_for: timedelta,
    crashed_after: datetime | None = None,
) -> Decision:
    """Decide about one run.

    Left alone: a run that is scheduled, however late (it waits for a worker or a free slot); one
    that waits for a person; one that ended by itself; one with fresh heartbeats.

    Args:
        run: the run as it was seen.
        now: aware UTC, by the server's clock.
        starts_within_s: seconds that a process may take to start.
        answering_for: how long the server has answered without a gap. Silence while it was away
            is not the run's.
        crashed_after: earlier crashes are history.
    """
    age = now - run.since
    silent = now - max(run.since, run.beat_at or run.since)
    is_heard = answering_for.total_seconds() > BEATS_HEARD * run.beat_s
    # A process says that it runs and sends its first beat in one breath.
    is_silent = is_heard and silent.total_seconds() > BEATS_MISSED * run.beat_s
    decision = _LEAVE
    match run.state:
        case "RUNNING" if is_silent:
            decision = _lost(run, f"no heartbeat for {_s(silent)}")
        case "PENDING" if is_heard and age.total_seconds() > starts_within_s:
            decision = _lost(run, f"its process did not start within {_s(age)}")
        case "CANCELLING" if is_silent:
            decision = Decision(Action.CANCEL, f"cancelled; its process is gone for {_s(silent)}")
        case "PAUSED" if run.answer_until and now - run.answer_until > UNANSWERED_FOR:
            decision = Decision(Action.EXPIRE, "nobody answered in time")
        case "CRASHED" if _is_unattended_crash(run, now, crashed_after):
            decision = _lost(run, "it crashed")
    return decision


def _is_unattended_crash(run: SeenRun, now: datetime, crashed_after: datetime | None) -> bool:
    """Whether a crash is so young, and so little told, that it is ours to look after."""
    is_old = now - run.since > CRASHED_WITHIN or (crashed_after and run.since < crashed_after)
    if is_old or now - run.since < CRASHED_FOR or run.message.startswith(GIVEN_UP):
        return False
    # The terminal of `numberflow run` says what a run did, unless the process was killed.
    return run.is_deployed or run.message.startswith(NO_HEARTBEAT)


def _lost(run: SeenRun, why: str) -> Decision:
    if run.is_deployed and run.retries < RETRIES_MAX:
        return Decision(Action.RETRY, why)
    return Decision(Action.GIVE_UP, why)


def retry_at(retries: int, now: datetime) -> datetime | None:
    """When a run starts again that was retried so often before; None = at once."""
    return now + retries * RETRY_DELAY if retries else None


def beat_seconds(declared_s: float, beats: tuple[datetime, ...]) -> float:
    """Seconds between the heartbeats of a run.

    Args:
        declared_s: what its deployment, or this process, is set to.
        beats: its last heartbeats, newest first. A worker may be set to a slower one.
    """
    seen = (beats[0] - beats[1]).total_seconds() if len(beats) > 1 else 0.0
    return max(declared_s, seen)


def read_watch(now: datetime) -> Questions[tuple[bool, int]]:
    """Whether somebody watches the runs of a server, and how many of them are late."""
    since = {"since": (now - _WATCHED_WITHIN).isoformat(), "until": now.isoformat()}
    told = yield Ask(
        "/events/filter",
        {"filter": {"occurred": since, "event": {"name": [WATCHING]}}, "limit": 1},
    )
    wanted = {"tags": {"all_": [OURS]}, "state": {"name": {"any_": ["Late"]}}}
    late = yield Ask("/flow_runs/count", {"flow_runs": wanted})
    return bool(told["events"]), int(late)


def leaked_slots(
    active_slots: int, holders: int, last_change_at: datetime | None, now: datetime
) -> int:
    """Slots of a deployment's limit that belong to no run and will not come back by themselves.

    Args:
        active_slots: taken, as the limit says; read before the runs.
        holders: runs that are Pending, Running or Cancelling.
        last_change_at: when a run of the deployment last began or ended; None = long ago.
        now: aware UTC, by the server's clock.
    """
    if last_change_at is not None and now - last_change_at < LEASES_END_AFTER:
        return 0
    return max(0, active_slots - holders)


def _s(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
