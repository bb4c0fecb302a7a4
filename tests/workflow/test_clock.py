"""Schedules fire: `numberflow up` from the very pins, and runs that the clock has started.

A server whose scheduler fails goes on serving and passes every other test: hence the wait for the
clock, and the look at the server's log (docs/adr/0010-the-servers-log.md).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresServer
from support.prefect import TERMINAL, Prefect
from support.runs import until
from support.server_logs import require_quiet
from support.up import running

import numberflow

# Most of its time is waiting, so that it runs beside the other workflows (tests/conftest.py).
pytestmark = [pytest.mark.workflow, pytest.mark.timeout(600)]

SCHEDULED = ("export-inventory", "follow-orders")
# The scheduler's turns, for a moved schedule is planned with the next of them; 60 by default.
SCHEDULER_LOOP = "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS"
SCHEDULER_S = 5
# What is nearer than this may be planned too late; on busy cores it may be all the same.
NOT_BEFORE_S = 4 * SCHEDULER_S
LATE = timedelta(seconds=20)


def move_close(prefect: Prefect) -> datetime:
    """Do what a person does who moves a schedule in the UI; returns its next moment.

    Every day from a moment on: a cron's is at a whole minute, and that would be waited for.
    """
    at = (datetime.now(UTC) + timedelta(seconds=NOT_BEFORE_S)).replace(microsecond=0)
    daily = {"interval": 86_400, "anchor_date": at.isoformat(), "timezone": "UTC"}
    for name in SCHEDULED:
        deployment = prefect.deployment(f"{name}/{name}")
        (schedule,) = deployment["schedules"]
        prefect._json(
            "PATCH",
            f"/deployments/{deployment['id']}/schedules/{schedule['id']}",
            json={"active": True, "schedule": daily},
        )
    return at


def clock_runs(prefect: Prefect, at: datetime) -> dict[str, dict[str, Any]]:
    """Runs that the scheduler made for that moment, by deployment."""
    body = {
        "flow_runs": {"expected_start_time": {"after_": at.isoformat(), "before_": at.isoformat()}}
    }
    found = prefect._json("POST", "/flow_runs/filter", json=body)
    names = {prefect.deployment(f"{name}/{name}")["id"]: name for name in SCHEDULED}
    return {names[run["deployment_id"]]: run for run in found if run["auto_scheduled"]}


def automations_are_made_once(prefect: Prefect, folder: Path) -> None:
    """Those of `up` stay, a missing one is made again, and a choice made on the server stays."""

    def there() -> dict[str, dict[str, Any]]:
        found = prefect._json("POST", "/automations/filter", json={})
        assert len(found) == len({each["name"] for each in found})
        return {each["name"]: each for each in found}

    def made() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "deployments.automations"],
            env=prefect.environment(folder / "prefect"), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.splitlines()

    before = there()
    gone, off, *_ = before
    prefect._json("DELETE", f"/automations/{before[gone]['id']}")
    prefect._json("PATCH", f"/automations/{before[off]['id']}", json={"enabled": False})
    assert [f"made: {gone}"] == made()
    after = there()
    assert (set(before), False) == (set(after), after[off]["enabled"])
    changed = {
        name: value
        for name, value in after[off].items()
        if name in ("name", "description", "actions")
    }
    other = after[off]["trigger"] | {"within": 60}
    prefect._json(
        "PUT",
        f"/automations/{before[off]['id']}",
        json=changed | {"enabled": False, "trigger": other},
    )
    assert [f"brought up to date: {off}"] == made()
    assert [before[off]["trigger"]["within"], False] == [
        there()[off]["trigger"]["within"],
        there()[off]["enabled"],
    ]


def see_the_clock_start_runs(folder: Path, variables: dict[str, str]) -> None:
    """The whole story, on whatever database the server has."""
    with running(folder, {SCHEDULER_LOOP: str(SCHEDULER_S)} | variables) as up:
        up.says("Prefect UI: ")
        prefect = up.prefect
        assert "follow-orders 2" in up.says("Next runs: ")
        at = move_close(prefect)
        automations_are_made_once(prefect, folder)

        def ended() -> dict[str, dict[str, Any]] | None:
            nonlocal at
            # The server has other things to do than to answer us.
            time.sleep(1)
            if (
                len(runs := clock_runs(prefect, at)) < len(SCHEDULED)
                and datetime.now(UTC) > at + LATE
            ):
                # On busy cores it was planned when its moment was over: it will be tomorrow's.
                at = move_close(prefect)
                return None
            over = len(runs) == len(SCHEDULED) and all(
                run["state_type"] in TERMINAL for run in runs.values()
            )
            return runs if over else None

        runs = until(ended, "the clock starts both flows, and they end", timeout_s=240)
        assert dict.fromkeys(SCHEDULED, "Completed") == {
            name: run["state_name"] for name, run in runs.items()
        }
        # 250: what the simulator of `up` holds from the start.
        assert 250 == len(numberflow.load_inventory(root=str(up.home / "data")))
        found = up.findings("setup", "--check")
        assert ({"ok"}, False) == (
            {each["state"] for each in found.values()},
            "work pool" in found,
        ), found
        found = up.findings("doctor")
        assert {"schedules": True, "server log": True} == {
            name: found[name]["ok"] for name in ("schedules", "server log")
        }, found
        assert (
            f"follow-orders {at + timedelta(days=1):%Y-%m-%d %H:%M} UTC"
            in found["schedules"]["text"]
        )
        require_quiet(up.home / "prefect-server.log")
        assert "ERROR" not in up.told


def test_the_clock_starts_runs(tmp_path: Path) -> None:
    """With SQLite, both flows run at their minute, the snapshot is there and the log is quiet."""
    see_the_clock_start_runs(tmp_path, {})


@pytest.fixture
def prefects_postgres() -> Iterator[PostgresServer]:
    """A server with the extension that Prefect's tables need; the one of other tests has none."""
    server = PostgresServer(contrib=True)
    yield server
    server.close()


@pytest.mark.postgres
@pytest.mark.exhaustive
def test_the_clock_starts_runs_on_postgres(
    tmp_path: Path, prefects_postgres: PostgresServer
) -> None:
    """The same with the server's tables, and the journal, in Postgres."""
    server, journal = prefects_postgres.fresh_database(), prefects_postgres.fresh_database()
    see_the_clock_start_runs(
        tmp_path,
        {
            "PREFECT_API_DATABASE_CONNECTION_URL": server.replace(
                "postgresql", "postgresql+asyncpg", 1
            ),
            "NUMBERFLOW_DATABASE_URL": journal,
        },
    )
