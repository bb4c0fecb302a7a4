"""`numberflow requirements`: what an order has to bring, and a form to fill in that nobody else can
read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Command, Ended

from numberflow.simulator import Running, Simulator, SimulatorSettings, serve


@pytest.fixture
def running() -> Iterator[Running]:
    """A simulator on a port."""
    with serve(Simulator(SimulatorSettings(active=0, speed=0))) as one:
        yield one


@pytest.fixture
def account(command: Command, running: Running) -> Command:
    """The command with the simulator's account."""
    command.set(running.environment)
    return command


def test_form_and_files(account: Command, tmp_path: Path) -> None:
    """The form is described, written for filling in, and readable by its owner alone."""
    form = tmp_path / "papers" / "kyc.json"
    ended: Ended = account(
        "requirements", "--region", "au", "--type", "mobile", "--template", str(form)
    )
    assert (0, True, True) == (
        ended.code,
        "Business registration" in ended.out,
        "`endBusinessName`" in ended.out,
    )
    assert 3 == len(json.loads(form.read_text())["data"])
    assert 0o600 == form.stat().st_mode & 0o777


def test_a_form_that_is_there_is_not_overwritten(account: Command, tmp_path: Path) -> None:
    """Somebody may have filled it in."""
    form = tmp_path / "kyc.json"
    form.write_text("{}")
    ended: Ended = account(
        "requirements", "--region", "AU", "--type", "MOBILE", "--template", str(form)
    )
    assert (2, "{}", True) == (ended.code, form.read_text(), "already exists" in ended.err)


def test_nothing_is_required(account: Command, tmp_path: Path) -> None:
    """The US takes no registration: that is said, and no form is written."""
    ended: Ended = account(
        "requirements",
        "--region",
        "US",
        "--type",
        "LOCAL",
        "--template",
        str(tmp_path / "kyc.json"),
    )
    assert (0, True, False) == (
        ended.code,
        "No registration and no files" in ended.out,
        (tmp_path / "kyc.json").exists(),
    )


@pytest.mark.parametrize(
    ("region", "kind", "field"), [("XX", "MOBILE", "region"), ("AU", "FAX", "type")]
)
def test_bad_input(account: Command, running: Running, region: str, kind: str, field: str) -> None:
    """A region or type that cannot be one is refused before any request."""
    ended: Ended = account("requirements", "--region", region, "--type", kind)
    assert (2, True, []) == (ended.code, f"{field}: " in ended.err, running.simulator.requests())
