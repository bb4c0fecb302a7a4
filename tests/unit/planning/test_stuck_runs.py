"""What is done about a run by what Prefect shows of it: each kind of dead run, and each that is
alive.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from numberflow.planning.stuck_runs import (
    BEATS_MISSED,
    GIVEN_UP,
    LEASES_END_AFTER,
    NO_HEARTBEAT,
    RETRIES_MAX,
    Action,
    SeenRun,
    beat_seconds,
    leaked_slots,
    retry_at,
    what_to_do,
)

NOW = datetime(2026, 12, 1, 3, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
BEAT_S = 30.0
DEAD_S = BEATS_MISSED * BEAT_S


def ago(seconds: float) -> datetime:
    """A moment so many seconds before now."""
    return NOW - timedelta(seconds=seconds)


def decided(state: str, since_s: float, *, answering_s: float = 600, **seen: Any) -> Action:
    """What is done about a run that got its state so many seconds ago."""
    crashed_after = seen.pop("crashed_after", None)
    return what_to_do(
        SeenRun(state=state, since=ago(since_s), **seen),
        NOW,
        starts_within_s=90,
        answering_for=timedelta(seconds=answering_s),
        crashed_after=crashed_after,
    ).action


DEAD: list[tuple[str, float, dict[str, Any], Action]] = [
    ("RUNNING", 4000, {"beat_at": ago(DEAD_S + 1)}, Action.RETRY),
    # It died before its first heartbeat.
    ("RUNNING", DEAD_S + 1, {}, Action.RETRY),
    # Pending and Submitting are one type: it died before its process started.
    ("PENDING", 91, {}, Action.RETRY),
    ("CANCELLING", DEAD_S + 1, {}, Action.CANCEL),
    ("PAUSED", 4000, {"answer_until": ago(61)}, Action.EXPIRE),
    ("CRASHED", 21, {}, Action.RETRY),
]
ALIVE: list[tuple[str, float, dict[str, Any]]] = [
    ("RUNNING", 4000, {"beat_at": ago(DEAD_S - 1)}),
    ("RUNNING", DEAD_S - 1, {}),
    # A worker that is set to slower heartbeats.
    ("RUNNING", 4000, {"beat_at": ago(400), "beat_s": 180}),
    ("PENDING", 89, {}),
    ("CANCELLING", 4000, {"beat_at": ago(10)}),
    # It waits for a person, in time or for ever.
    ("PAUSED", 250_000, {"answer_until": ago(-10)}),
    ("PAUSED", 250_000, {}),
    # It waits for a worker, or for a slot of its deployment's limit.
    ("SCHEDULED", 250_000, {"message": "Late"}),
    ("SCHEDULED", 250_000, {"message": "AwaitingConcurrencySlot"}),
    ("COMPLETED", 4000, {}),
    ("FAILED", 4000, {}),
    ("CANCELLED", 4000, {}),
    # Its hooks still tell what it did.
    ("CRASHED", 19, {}),
    # Somebody has looked at it, or nobody will.
    ("CRASHED", 3601, {}),
    ("CRASHED", 100, {"message": f"{GIVEN_UP}: it crashed", "retries": RETRIES_MAX}),
    # It was stopped with an earlier `numberflow up`.
    ("CRASHED", 100, {"crashed_after": ago(50)}),
    # The terminal of `numberflow run` has said what it did.
    ("CRASHED", 100, {"is_deployed": False}),
]


@pytest.mark.parametrize(("state", "since_s", "seen", "action"), DEAD)
def test_each_kind_of_dead_run(
    state: str, since_s: float, seen: dict[str, Any], action: Action
) -> None:
    """It is retried, or ended as somebody asked."""
    assert action is decided(state, since_s, **seen)


@pytest.mark.parametrize(("state", "since_s", "seen"), ALIVE)
def test_what_is_left_alone(state: str, since_s: float, seen: dict[str, Any]) -> None:
    """Runs that live, wait or have ended are not touched."""
    assert Action.LEAVE is decided(state, since_s, **seen)


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "CANCELLING"])
def test_silence_of_the_server(state: str) -> None:
    """A server that has just come back has heard of nobody: each run gets time for its next
    beat.
    """
    assert Action.LEAVE is decided(state, 4000, answering_s=45)
    assert Action.LEAVE is not decided(state, 4000, answering_s=46)


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "CRASHED"])
def test_at_most_three_retries(state: str) -> None:
    """The fourth death is the last: a person is called."""
    wanted = [Action.RETRY] * RETRIES_MAX + [Action.GIVE_UP]
    assert wanted == [decided(state, 200, retries=done) for done in range(RETRIES_MAX + 1)]


def test_a_run_that_no_worker_can_take() -> None:
    """A run of `numberflow run` is ended, also when the automation was first."""
    assert Action.GIVE_UP is decided("RUNNING", 200, is_deployed=False)
    told = {"message": f"{NO_HEARTBEAT} for 110 s.", "is_deployed": False}
    assert Action.GIVE_UP is decided("CRASHED", 200, **told)


def test_retries_wait_longer() -> None:
    """The first starts at once, each further one half a minute later."""
    assert [None, ago(-30), ago(-60)] == [retry_at(done, NOW) for done in range(3)]


def test_the_slower_beat_counts() -> None:
    """What was seen of a run overrules what its deployment says, if it is slower."""
    assert 30 == beat_seconds(30, ())
    assert 30 == beat_seconds(30, (ago(1), ago(30)))
    assert 180 == beat_seconds(30, (ago(1), ago(181)))


@pytest.mark.parametrize(
    ("active", "holders", "changed_at", "leaked"),
    [
        (1, 0, None, 1),
        (3, 1, ago(1000), 2),
        (1, 1, None, 0),
        (0, 1, None, 0),
        # The lease of a run that ended a moment ago may still give the slot back.
        (1, 0, NOW - LEASES_END_AFTER + timedelta(seconds=1), 0),
    ],
)
def test_leaked_slots(active: int, holders: int, changed_at: datetime | None, leaked: int) -> None:
    """A slot is leaked when no run has it and no lease can still give it back."""
    assert leaked == leaked_slots(active, holders, changed_at, NOW)


def test_the_automation_waits_longer() -> None:
    """It is for when nobody watches: later than we are, within two minutes, in words that we
    know.
    """
    record = yaml.safe_load((ROOT / "deployments" / "automations.yaml").read_text())
    first, *_ = record["automations"]
    assert DEAD_S < first["trigger"]["within"] < 120
    (action,) = first["actions"]
    assert action["message"].startswith(NO_HEARTBEAT)
    deployed = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    beats = {
        each["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]
        for each in deployed["deployments"]
    }
    assert {"30"} == beats
