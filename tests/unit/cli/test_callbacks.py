"""`numberflow callbacks`: at every moment a secret that the vendor may sign with is known here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest
from support.command import Command, Ended

from numberflow.receiver.secrets import SecretFile, of_settings
from numberflow.settings import Settings
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

OLD = "set-in-the-dashboard-0123456789-abc"


@pytest.fixture
def running() -> Iterator[Running]:
    """A simulator on a port, whose secret somebody set in the dashboard."""
    with serve(Simulator(SimulatorSettings(active=0, speed=0))) as one:
        one.simulator.world.hmac_secret = OLD
        yield one


@pytest.fixture
def account(command: Command, running: Running, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command with the simulator's account, and without waiting."""

    async def no_wait(_seconds: float) -> None:
        """Over at once."""

    monkeypatch.setattr("numberflow.receiver.rotation.pause", no_wait)
    command.set(running.environment)
    return command


def known(account: Command, running: Running) -> set[str]:
    """Every secret that a receiver accepts for the Numbers API."""
    project = running.environment["SINCH_PROJECT_ID"]
    kept = SecretFile(account.home).read()[project]["numbers"]
    return {key.decode() for key in kept.keys}


def states(ended: Ended) -> list[tuple[bool, bool, bool]]:
    """What `status --json` says of each API."""
    assert 0 == ended.code, ended.err
    return [
        (each["at_vendor"], each["agrees"], each["has_previous"]) for each in json.loads(ended.out)
    ]


def test_from_the_dashboards_secret_to_ours(account: Command, running: Running) -> None:
    """Both are accepted until the old one is dropped, and no secret is ever shown."""
    world = running.simulator.world
    shown = [account("callbacks", "status", "--json")]
    assert [(True, False, False), (False, False, False)] == states(shown[0])
    shown.append(account("callbacks", "rotate"))
    assert world.hmac_secret != OLD
    assert {OLD, world.hmac_secret} == known(account, running)
    shown.append(account("callbacks", "status", "--json"))
    assert [(True, True, True), (True, True, False)] == states(shown[-1])
    shown += [account("callbacks", "rotate", "--drop-previous"), account("callbacks", "status")]
    assert {world.hmac_secret} == known(account, running)
    assert [0] * 5 == [ended.code for ended in shown]
    # What the environment has counts on, until it is unset there.
    account.set({"SINCH_CALLBACK_SECRET": OLD})
    assert (True, True, True) == states(account("callbacks", "status", "--json"))[0]
    for secret in (OLD, world.hmac_secret, world.imported.hmac_secret):
        assert not any(secret in ended.out + ended.err for ended in shown)


@pytest.mark.parametrize("fault", ["timeout_before", "reset_before", "reset_after", "error_after"])
def test_a_lost_reply(account: Command, running: Running, fault: str) -> None:
    """The vendor's secret is accepted whatever became of it; the next rotation finishes it."""
    simulator = running.simulator
    account.set({"NUMBERFLOW_HTTP_TIMEOUT_S": "0.5"})
    simulator.faults.add(
        {"method": "PATCH", "path": ".*callbackConfiguration", "fault": fault, "delay_s": 1}
    )
    first = account("callbacks", "rotate", "--api", "numbers")
    assert simulator.world.hmac_secret in known(account, running)
    applied = fault.endswith("after")
    assert (0 if applied else 1, applied) == (first.code, OLD != simulator.world.hmac_secret)
    if not applied:
        assert "Run the same command again" in first.err
        pending = known(account, running) - {OLD}
        assert 0 == account("callbacks", "rotate", "--api", "numbers").code
        assert pending == {simulator.world.hmac_secret}
        assert OLD in known(account, running)


def test_the_printed_command(account: Command, running: Running) -> None:
    """What `status` prints can be pasted, and afterwards there is nothing to print."""
    command = account("callbacks", "status").out.splitlines()[0].partition(" → ")[2]
    assert 0 == account(*shlex.split(command)[1:]).code
    assert "→" not in account("callbacks", "status").out


def test_the_old_secret_stays_while_it_is_needed(account: Command, running: Running) -> None:
    """Somebody set another one since: dropping is refused."""
    account("callbacks", "rotate", "--api", "numbers")
    running.simulator.world.hmac_secret = OLD
    ended = account("callbacks", "rotate", "--api", "numbers", "--drop-previous")
    assert 2 == ended.code
    assert OLD in known(account, running)


def test_secrets_of_the_environment() -> None:
    """Current and previous, of both APIs, for its project alone."""
    settings = Settings(
        _env_file=None,
        project_id="p",
        callback_secret="a",
        imported_callback_secret_previous="b",
    )
    assert {"p": [(b"a",), (b"b",)]} == {
        project: [each.keys for each in apis.values()]
        for project, apis in of_settings(settings).items()
    }
