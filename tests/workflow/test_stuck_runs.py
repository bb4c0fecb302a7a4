"""Runs whose process is gone, on a real server: retried, ended, told; and slots that nobody holds.

No time is waited for: the sweep is told what time it is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from support.command import ACCOUNT
from support.journals import died_in_the_middle
from support.prefect import Prefect

import tasks.stuck_runs as stuck_runs
from numberflow.cli.schedules import ask
from numberflow.journal import Journal, LeaseKeeper
from numberflow.planning.stuck_runs import LEASES_END_AFTER, WATCHING, read_watch
from numberflow.settings import Settings

pytestmark = [pytest.mark.workflow, pytest.mark.anyio, pytest.mark.timeout(600)]

LONG = timedelta(seconds=120)
HEARTBEAT = {"name": ["prefect.flow-run.heartbeat"]}


class Floor:
    """Runs of a deployment that no worker takes, in the states that a test gives them."""

    def __init__(self, prefect: Prefect, tag: str, **deployment: Any) -> None:
        self.prefect = prefect
        flow = prefect._json("POST", "/flows/", json={"name": f"flow-{tag}"})
        made = {
            "name": tag,
            "flow_id": flow["id"],
            "tags": [tag, stuck_runs.CHANGES],
            "job_variables": {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}},
        }
        self.id = prefect._json("POST", "/deployments/", json=made | deployment)["id"]

    def run(self, kind: str, name: str | None = None, **details: Any) -> str:
        """A run in that state; its id."""
        path = f"/deployments/{self.id}/create_flow_run"
        reference = {"reference": f"R-{uuid4().hex[:8]}"}
        run = self.prefect._json("POST", path, json={"parameters": reference})
        if kind in {"PAUSED", "CANCELLING"}:
            self.prefect.set_state(run["id"], "RUNNING", "Running")
        self.prefect.set_state(run["id"], kind, name or kind.capitalize(), **details)
        return str(run["id"])

    def beat(self, run_id: str) -> datetime:
        """A heartbeat of that run, as its process sends it; when the server got it."""
        now = datetime.now(UTC).isoformat()
        event = {"id": str(uuid4()), "occurred": now, "event": HEARTBEAT["name"][0]}
        resource = {"prefect.resource.id": f"prefect.flow-run.{run_id}"}
        self.prefect._json("POST", "/events", json=[event | {"resource": resource, "payload": {}}])
        wanted = {"filter": {"resource": {"id": list(resource.values())}, "event": HEARTBEAT}}
        (event,) = _eventually(
            lambda: self.prefect._json("POST", "/events/filter", json=wanted)["events"]
        )
        return datetime.fromisoformat(event["received"])

    def labelled(self, run_id: str, retries: int) -> None:
        """As if it had been retried so often."""
        body = {stuck_runs.RETRIES: retries}
        self.prefect._json("PATCH", f"/flow_runs/{run_id}/labels", json=body)

    def state(self, run_id: str) -> str:
        """Name of its state."""
        return str(self.prefect.run(run_id)["state_name"])

    @property
    def active_slots(self) -> int:
        """Taken slots of the deployment's limit."""
        limit = self.prefect._json("GET", f"/deployments/{self.id}")["global_concurrency_limit"]
        return int(limit["active_slots"])


def _eventually(found: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + 60
    while not (shown := found()):
        assert time.monotonic() < give_up_at, "the server does not show the event"
        time.sleep(0.1)
    return shown


@pytest.fixture
def tag(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the runs of this test are known by: others of this server are not touched."""
    own = f"stuck-{uuid4().hex[:8]}"
    monkeypatch.setattr(stuck_runs, "OURS", own)
    return own


@pytest.fixture
def prefect(prefect_api: str) -> Iterator[Prefect]:
    """The server, also for what runs in this process."""
    with temporary_settings({PREFECT_API_URL: prefect_api}):
        yield Prefect(prefect_api)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An account and an empty journal in the environment."""
    for name, value in {**ACCOUNT, "NUMBERFLOW_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NUMBERFLOW_DATABASE_URL", raising=False)
    return Settings.load()


async def sweep(
    settings: Settings, *, later: timedelta = LONG, since: datetime | None = None
) -> list[str]:
    """One look, so much later than `since`, or than now by the server's clock."""
    with Journal.open(settings.journal_url) as journal:
        async with LeaseKeeper(journal, settings.lease_s) as keeper, get_client() as client:
            now = (since or await stuck_runs._server_time(client)) + later
            watch = stuck_runs.Watch(journal, keeper, settings)
            return await watch.sweep(client, now, timedelta(hours=1))


async def test_each_kind_of_dead_run_is_retried_or_ended(
    prefect: Prefect, tag: str, settings: Settings
) -> None:
    """Running without a heartbeat ever, Pending, Submitting, Cancelling, Suspended past its
    time-out, Crashed. Runs that wait are left alone. A second look does nothing more.
    """
    floor = Floor(prefect, tag)
    seconds = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    wanted = {
        floor.run("RUNNING"): "AwaitingRetry",
        floor.run("PENDING"): "AwaitingRetry",
        floor.run("PENDING", "Submitting"): "AwaitingRetry",
        floor.run("CRASHED"): "AwaitingRetry",
        floor.run("CANCELLING"): "Cancelled",
        floor.run("PAUSED", "Suspended", pause_timeout=seconds, pause_reschedule=True): "Failed",
        floor.run("PAUSED", "Suspended", pause_reschedule=True): "Suspended",
        floor.run("SCHEDULED", "Late"): "Late",
        floor.run("COMPLETED"): "Completed",
    }
    lines = await sweep(settings)
    assert wanted == {run_id: floor.state(run_id) for run_id in wanted}
    assert 6 == len(lines), lines
    assert [] == await sweep(settings)
    retried = [run for run, state in wanted.items() if state == "AwaitingRetry"]
    assert {1} == {prefect.run(run)["labels"][stuck_runs.RETRIES] for run in retried}


async def test_a_run_with_a_heartbeat_or_a_lease_lives(
    prefect: Prefect, tag: str, settings: Settings
) -> None:
    """Whoever sends heartbeats is not touched, nor whoever holds the lease on its purchase."""
    floor = Floor(prefect, tag)
    beating, working, silent = (floor.run("RUNNING") for _ in range(3))
    reference = prefect.run(working)["parameters"]["reference"]
    died_in_the_middle(reference)
    await anyio.sleep(3)
    beat_at = floor.beat(beating)
    with Journal.open(settings.journal_url) as journal:
        purchase = journal.find_purchase(settings.project_id, reference)
        assert purchase is not None
        async with LeaseKeeper(journal, 60) as keeper, keeper.holding(purchase.resource):
            # More than 75 s after the others began, and less after this heartbeat.
            await sweep(settings, since=beat_at, later=timedelta(seconds=74))
    assert ["Running", "Running", "AwaitingRetry"] == [
        floor.state(run) for run in (beating, working, silent)
    ]


async def test_who_is_given_up_names_what_is_open(
    prefect: Prefect, tag: str, settings: Settings
) -> None:
    """After three retries a run ends Crashed. Its message has the command that settles the open
    step, its artifact the numbers, and a person is called, once.
    """
    floor = Floor(prefect, tag)
    run_id = floor.run("RUNNING")
    floor.labelled(run_id, 3)
    died_in_the_middle(prefect.run(run_id)["parameters"]["reference"])
    await sweep(settings, later=timedelta(seconds=500))
    run = prefect.run(run_id)
    assert "Crashed" == run["state_name"]
    message = run["state"]["message"]
    assert "Given up: " in message
    assert "of 1 it is not known whether they took effect" in message
    assert "`numberflow journal settle " in message
    assert "+12025550101" in json.dumps(prefect.artifacts(run_id)["stopped-run-steps"]["data"])
    assert [] == await sweep(settings, later=timedelta(seconds=520))

    def calls() -> list[dict[str, Any]]:
        found = prefect.events("numberflow.needs-person")
        return [each for each in found if each["payload"]["flow_run_id"] == run_id]

    _eventually(calls)
    assert 1 == len(calls())


def test_the_command_watches(prefect: Prefect, settings: Settings, tmp_path: Path) -> None:
    """`numberflow watch` says on the server that it does, and doctor hears it; SIGTERM ends it."""
    environment = prefect.environment(tmp_path / "prefect") | ACCOUNT
    environment["NUMBERFLOW_HOME"] = str(settings.home)
    before = datetime.now(UTC)
    command = [sys.executable, "-m", "numberflow", "watch"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watch:
        try:
            _eventually(
                lambda: [
                    each
                    for each in prefect.events(WATCHING)
                    if datetime.fromisoformat(each["received"]) > before
                ]
            )
            assert ask(prefect.api_url, read_watch(datetime.now(UTC)))[0]
        finally:
            watch.terminate()
        out, _ = watch.communicate(timeout=60)
    assert (0, True) == (watch.returncode, prefect.api_url in out), out


async def test_slots_do_not_leak(prefect: Prefect, tag: str, settings: Settings) -> None:
    """A dead run gives its slot back when it is retried, and a slot without a run is freed."""
    floor = Floor(prefect, tag, concurrency_limit=1)
    floor.run("PENDING")
    assert 1 == floor.active_slots
    await sweep(settings)
    assert 0 == floor.active_slots

    # Leaked: no run, and after a while no lease that could still give it back.
    floor.run("COMPLETED")
    taken = {"slots": 1, "names": [f"deployment:{floor.id}"]}
    prefect._json("POST", "/v2/concurrency_limits/increment", json=taken)
    async with get_client() as client:
        now = await stuck_runs._server_time(client)
        assert [] == await stuck_runs.free_slots(client, now)
        assert 1 == floor.active_slots
        (line,) = await stuck_runs.free_slots(client, now + 2 * LEASES_END_AFTER)
    assert tag in line
    assert 0 == floor.active_slots
