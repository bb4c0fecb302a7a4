"""`numberflow adopt` says what it wrote down, and refuses before anything is asked or written."""

from __future__ import annotations

import json

from support.command import Command

from numberflow.simulator import Simulator, SimulatorSettings, serve


def test_adopt_and_undo(command: Command) -> None:
    """Numbers that the project holds are taken in, in text and as JSON, and let out again."""
    simulator = Simulator(SimulatorSettings(seed=1, active=3, speed=0))
    for number in simulator.world.holdings:
        number.expire_at = None
    first, second, _ = sorted(number.phone_number for number in simulator.world.holdings)
    with serve(simulator) as running:
        command.set(running.environment)
        told = command("adopt", first, "--reference", "OFFICE", "--by", "ann")
        assert 0 == told.code, told.err
        assert ([first, "adopted", "OFFICE"], "a month") == (
            told.out.split()[:3],
            told.out.strip()[-7:],
        )
        (written,) = json.loads(command("adopt", second, "--json").out)
        assert (second, "adopted") == (written["phone_number"], written["said"])
        assert 0 == command("adopt", "--undo", first, second).code
        refused = command("adopt", "--undo", first)
        assert (2, True) == (refused.code, "nothing to undo" in refused.err)


def test_bad_input_asks_nobody(command: Command) -> None:
    """What is no number is refused without an account."""
    refused = command("adopt", "12345")
    assert (2, True) == (refused.code, "phone_numbers" in refused.err), refused.err
