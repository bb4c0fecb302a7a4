"""What `numberflow up` and `numberflow doctor` say of the clock and of the server's log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.command import ACCOUNT, Command
from support.prefect_stub import Clock, stubbed

from numberflow.cli import watch as watching
from numberflow.cli.server_log import ServerLog
from numberflow.cli.watch import Watch

HOUR = timedelta(hours=1)
BROKEN = (
    "14:13:34.550 | ERROR   | prefect.server.services.scheduler - Error scheduling deployment.\n"
)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A server on which all is well."""
    now = datetime.now(UTC)
    ahead = {"export-inventory": timedelta(days=1), "follow-orders": timedelta(minutes=15)}
    with stubbed(
        Clock(
            created_at=now - 100 * HOUR,
            next_at={name: [now + gap, now + 2 * gap] for name, gap in ahead.items()},
            ended_at=dict.fromkeys(ahead, now - timedelta(minutes=10)),
        )
    ) as served:
        yield served


def watcher(
    clock: Clock, folder: Path, *, since: datetime | None = None
) -> tuple[Watch, list[str]]:
    """A watch of that server, and what it says."""
    said: list[str] = []
    log = folder / "server.log"
    log.touch()
    return Watch(clock.url, ServerLog(log), since or datetime.now(UTC), said.append), said


def test_next_runs_are_said_once(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before the deployments are served, nor before each of them has a next run; then once."""
    monkeypatch.setattr(watching, "ASK_FIRST_EVERY_S", 0.0)
    watch, said = watcher(clock, tmp_path)
    watch.look()
    planned = clock.next_at.pop("follow-orders")
    clock.next_at["follow-orders"] = []
    clock.changed_at = datetime.now(UTC)
    watch.served()
    watch.look()
    assert [] == said
    clock.next_at["follow-orders"] = planned
    watch.look()
    watch.look()
    (line,) = said
    assert f"follow-orders {planned[0]:%Y-%m-%d %H:%M} UTC" in line
    assert "export-inventory 2" in line


def test_an_error_of_a_service_is_said_at_once(clock: Clock, tmp_path: Path) -> None:
    """Also before anything is served; once for each kind."""
    watch, said = watcher(clock, tmp_path)
    watch.log.path.write_text(BROKEN)
    for _ in range(4):
        watch.look()
    assert 1 == sum(
        "ERROR in the Prefect server: prefect.server.services.scheduler" in line for line in said
    )


def test_overdue_calls_a_person_once(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that did not run for two intervals is said, and a person is called, once."""
    now = datetime.now(UTC)
    watch, said = watcher(clock, tmp_path, since=now - 50 * HOUR)
    watch.served()
    clock.ended_at["follow-orders"] = now - HOUR
    watch.look()
    monkeypatch.setattr(watching, "ASK_EVERY_S", 0.0)
    watch.look()
    assert 1 == sum(
        line.startswith("follow-orders: no run for more than 2 intervals") for line in said
    )
    assert ["numberflow.schedule-overdue", "numberflow.needs-person"] == [
        each["event"] for each in clock.events
    ]
    assert {"numberflow.schedule.follow-orders"} == {
        each["resource"]["prefect.resource.id"] for each in clock.events
    }


def test_no_next_run_is_said(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that plans nothing is said when it has had its time, and calls nobody yet."""
    monkeypatch.setattr(watching, "ASK_FIRST_EVERY_S", 0.0)
    clock.next_at["export-inventory"] = []
    clock.paused.add("follow-orders")
    watch, said = watcher(clock, tmp_path)
    watch.served()
    watch.look()
    assert [] == said
    clock.paused.clear()
    monkeypatch.setattr(watching, "ASK_EVERY_S", 0.0)
    monkeypatch.setattr(watching, "YOUNG_S", 0.0)
    watch.look()
    assert [
        "export-inventory: it has a schedule and no next run: the server's scheduler plans none"
    ] == [line.partition("\n")[0] for line in said]
    assert [] == clock.events


def findings(command: Command) -> dict[str, dict[str, Any]]:
    """What doctor finds about the clock."""
    found = {each["name"]: each for each in json.loads(command("doctor", "--json").out)}
    return {name: found[name] for name in ("schedules", "server log") if name in found}


def test_doctor_with_a_server_that_up_did_not_start(command: Command, clock: Clock) -> None:
    """Its next runs are told, and what is overdue; there is no log to look at."""
    command.set({**ACCOUNT, "PREFECT_API_URL": clock.url})
    found = findings(command)
    assert ["schedules"] == list(found)
    assert found["schedules"]["ok"]
    assert (
        f"follow-orders {clock.next_at['follow-orders'][0]:%Y-%m-%d %H:%M} UTC"
        in found["schedules"]["text"]
    )
    clock.ended_at["export-inventory"] -= 60 * HOUR
    found = findings(command)
    assert not found["schedules"]["ok"]
    assert found["schedules"]["text"].startswith(
        "export-inventory: no run for more than 2 intervals of 1 d"
    )
    assert "numberflow run export-inventory" in found["schedules"]["mend"]
    clock.next_at.clear()
    assert "no deployment of this server has a schedule" in findings(command)["schedules"]["text"]


def test_doctor_says_whether_runs_are_watched(command: Command, clock: Clock) -> None:
    """Runs that are late wait for a worker: they are counted, and nothing to fix. Nobody who
    watches is.
    """
    command.set({**ACCOUNT, "PREFECT_API_URL": clock.url})

    def runs() -> dict[str, Any]:
        found = json.loads(command("doctor", "--json").out)
        return next(each for each in found if each["name"] == "runs")

    assert {"name": "runs", "ok": True, "text": "watched; none is late", "mend": ""} == runs()
    clock.late = 2
    assert "2 runs late: not lost, waiting for a worker" in runs()["text"]
    clock.is_watched = False
    assert (False, True) == (runs()["ok"], "`numberflow watch`" in runs()["mend"])


def test_doctor_with_the_server_of_up(command: Command, clock: Clock) -> None:
    """Its own part of the log is read; what was missed while it was off is not overdue yet."""
    command.set({**ACCOUNT, "PREFECT_API_URL": clock.url})
    command.home.mkdir()
    log = command.home / "prefect-server.log"
    log.write_text(BROKEN)
    (command.home / "up.json").write_text(json.dumps({
        "api_url": clock.url, "server_since": datetime.now(UTC).isoformat(), "server_log": str(log),
        "server_log_start": log.stat().st_size,
    }))  # fmt: skip
    clock.ended_at["export-inventory"] -= 60 * HOUR
    found = findings(command)
    assert {"schedules": True, "server log": True} == {
        name: each["ok"] for name, each in found.items()
    }
    log.write_text(BROKEN * 3)
    found = findings(command)
    assert not found["server log"]["ok"]
    assert "Error scheduling deployment. (2 times)" in found["server log"]["text"]
    assert "requirements.txt" in found["server log"]["mend"]
