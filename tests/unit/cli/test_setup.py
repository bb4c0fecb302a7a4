"""`numberflow setup` without a server of Prefect's: what it says, and the steps that need none.

On a server: tests/workflow/test_setup.py.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from support.command import Command
from support.prefect_stub import Clock, stubbed

from deployments.step import Difference, Found, Result, Step, settle
from numberflow.cli.callbacks import callback_secret
from numberflow.cli.server_settings import server_settings
from numberflow.cli.setup import exit_code
from numberflow.errors import StoreUnavailable
from numberflow.receiver.secrets import SecretFile
from numberflow.settings import Settings
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve


@pytest.mark.parametrize(
    ("url", "said", "fix"),
    [
        ("", "there is no Prefect server to set up", "set PREFECT_API_URL"),
        ("http://127.0.0.1:9/api", "no answer from http://127.0.0.1:9/api", "start it"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--check",)])
def test_no_server(
    command: Command, url: str, said: str, fix: str, options: tuple[str, ...]
) -> None:
    """It says so with the fix, makes nothing, and does not take the seconds that Prefect takes."""
    if url:
        command.set({"PREFECT_API_URL": url})
    had_prefect = "prefect" in sys.modules
    ended = command("setup", *options)
    assert (1, True, True) == (ended.code, said in ended.err, fix in ended.err), ended
    assert not command.home.exists()
    assert had_prefect == ("prefect" in sys.modules)


@pytest.mark.parametrize(
    ("leases", "vacuum", "wrong"),
    [
        ("prefect.server.concurrency.lease_storage.filesystem", True, []),
        ("prefect_redis.lease_storage", ["events", "flow_runs"], []),
        ("prefect.server.concurrency.lease_storage.memory", True, ["LEASE_STORAGE"]),
        ("prefect_redis.lease_storage", ["events"], ["DB_VACUUM_ENABLED"]),
        ("prefect_redis.lease_storage", False, ["DB_VACUUM_ENABLED"]),
        ("prefect_redis.lease_storage", None, ["DB_VACUUM_ENABLED"]),
    ],
)
def test_settings_of_the_server(
    command: Command, leases: str, vacuum: Any, wrong: list[str]
) -> None:
    """What only the server's environment can change is left to a person, variable by variable;
    doctor says the same.
    """
    clock = Clock(created_at=datetime.now(UTC), leases=leases, vacuum=vacuum)
    with stubbed(clock) as served:
        result = asyncio.run(settle(server_settings(served.url), check=True))
        command.set({"PREFECT_API_URL": served.url})
        told = command("doctor").out
    assert ("person" if wrong else "ok") == result.state
    assert [True] * len(wrong) == [
        name in todo for name, todo in zip(wrong, result.todo, strict=True)
    ]
    assert [True] * len(wrong) == [name in told for name in wrong]
    assert bool(wrong) == ("FIX  server settings" in " ".join(told.split("\n")).replace("   ", " "))


@pytest.fixture
def running() -> Iterator[Running]:
    """A simulator on a port, without a secret."""
    with serve(Simulator(SimulatorSettings(active=0, speed=0))) as one:
        yield one


def test_callback_secret(
    command: Command, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vendor without one is given one, once by two at a time; with one that nobody here knows
    it is left to a person.
    """

    async def no_wait(_seconds: float) -> None:
        """Over at once."""

    monkeypatch.setattr("numberflow.receiver.rotation.pause", no_wait)
    command.set(running.environment)
    step = callback_secret(Settings.load())
    assert "not used" in asyncio.run(settle(step)).text
    command.set({"NUMBERFLOW_CALLBACK_URL": "https://hooks.example.com"})
    step = callback_secret(Settings.load())
    looked = asyncio.run(settle(step, check=True))
    assert ("differs", 2) == (looked.state, len(looked.changes))
    assert not command.home.exists()

    async def twice() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(step.apply)
            group.start_soon(step.apply)

    writes: list[str] = []
    monkeypatch.setattr(
        "numberflow.receiver.secrets.SecretFile.write",
        lambda self, project, api, secrets, real=SecretFile.write: (
            writes.append(api),
            real(self, project, api, secrets),
        ),
    )
    asyncio.run(twice())
    assert ["imported", "numbers"] == sorted(writes)
    assert "ok" == asyncio.run(settle(step)).state
    running.simulator.world.hmac_secret = "somebody-elses-secret-0123456789-abcd"
    left = asyncio.run(settle(step))
    assert ("person", True) == (left.state, "numberflow callbacks rotate" in left.todo[0])


def test_what_goes_wrong_is_a_result() -> None:
    """A step that fails, or whose difference stays, is failed, and says why."""

    async def broken() -> Found:
        raise StoreUnavailable("the disk is gone", remedy="bring a disk")

    async def differs() -> Found:
        return Found(text="as before", differences=(Difference("changed", "it"),))

    async def nothing() -> None:
        """Put nothing right."""

    assert Result("a", "failed", "the disk is gone", todo=("bring a disk",)) == asyncio.run(
        settle(Step("a", broken, nothing))
    )
    assert Result("b", "failed", "as before", ("still changed: it",)) == asyncio.run(
        settle(Step("b", differs, nothing))
    )


@pytest.mark.parametrize(
    ("states", "codes"),
    [
        (("ok", "done"), (0, 0, 1)),
        (("ok",), (0, 0, 0)),
        (("ok", "person"), (4, 0, 1)),
        (("failed", "person"), (1, 1, 1)),
    ],
)
def test_exit_codes(states: tuple[Any, ...], codes: tuple[int, ...]) -> None:
    """Alone, `--unattended` (containers start afterwards), `--check`."""
    results = [Result(state, state, "") for state in states]
    assert codes == (
        exit_code(results, check=False, unattended=False),
        exit_code(results, check=False, unattended=True),
        exit_code(results, check=True, unattended=False),
    )
