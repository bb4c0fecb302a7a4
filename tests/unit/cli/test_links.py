"""`numberflow links check`: three answers, and what there is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.command import Command

from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

WRONG = ("--campaign-id", "CWRONG1", "--service-plan-id", "legacy", "--trunk-id")


@pytest.fixture
def running() -> Iterator[Running]:
    """A simulator on a port, with nothing but what it lists."""
    settings = SimulatorSettings(active=0, speed=0, switches={"link_targets": "listed"})
    with serve(Simulator(settings)) as one:
        yield one


@pytest.fixture
def account(command: Command, running: Running) -> Command:
    """The command with the simulator's account."""
    command.set(running.environment)
    return command


def test_three_answers(account: Command, running: Running) -> None:
    """Good, missing, cannot be checked: as a table and as JSON, exit code 3 for what is missing."""
    trunk = running.simulator.link_targets()["trunk"][0]["id"]
    ended = account("links", "check", *WRONG, trunk)
    assert 3 == ended.code
    assert "never-keep" not in ended.out
    told = account("links", "check", *WRONG, trunk, "--json")
    assert [
        ("sms.service_plan_id", "cannot be checked"),
        ("sms.campaign_id", "missing or not usable"),
        ("voice.trunk_id", "good"),
    ] == [(each["kind"], each["verdict"]) for each in json.loads(told.out)]
    assert (0, 3) == (account("links", "check", "--trunk-id", trunk).code, told.code)


def test_what_there_is(account: Command, running: Running) -> None:
    """Without a name: everything in the five products, also what is not usable."""
    ended = account("links", "check")
    there = running.simulator.link_targets()
    assert 0 == ended.code
    for targets in there.values():
        assert all((each["other_id"] or each["id"]) in ended.out for each in targets)
    assert "its SMS app is BLOCKED" in ended.out


def test_nothing_to_look_at(account: Command) -> None:
    """Beside another Numbers API than the vendor's own, nothing is shown to the vendor."""
    account.set({"SINCH_LINK_TARGETS_URL": ""})
    ended = account("links", "check", "--trunk-id", "t")
    assert (0, True) == (ended.code, "SINCH_LINK_TARGETS_URL is not set" in ended.out)


def test_an_id_that_is_too_long(account: Command) -> None:
    """Is refused before any request, by the name of its field."""
    ended = account("links", "check", "--app-id", "a" * 300)
    assert (2, True) == (ended.code, "app_id: has more than 200 characters" in ended.err)
