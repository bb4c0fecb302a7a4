"""The command tree: what there is, and how it answers what it does not know."""

from __future__ import annotations

import pytest
from support.command import Command


@pytest.mark.parametrize("name", ["run", "simulator", "demo", "up", "doctor", "journal"])
def test_help(command: Command, name: str) -> None:
    """Every command is listed in the help and explains itself, without colour when nobody looks at
    it.
    """
    ended = command(name, "--help")
    assert (0, "") == (ended.code, ended.err)
    assert "Usage: " in ended.out
    assert name in command("--help").out
    assert "\x1b" not in ended.out


@pytest.mark.parametrize(
    "arguments", [["rent"], ["run"], ["journal", "delete"], ["run", "x", "--quantity", "2"]]
)
def test_unknown_words(command: Command, arguments: list[str]) -> None:
    """A command, argument or option that does not exist is bad input."""
    ended = command(*arguments)
    assert (2, "") == (ended.code, ended.out)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--chaos", "1.5"], "numberflow: --chaos: 1.5 is not a share"),
        (["--chaos", "-0.1"], "numberflow: --chaos: -0.1 is not a share"),
        (["--active", "-1"], "numberflow: --active: -1 is negative"),
    ],
)
def test_simulator_refuses_what_makes_no_sense(
    command: Command, arguments: list[str], message: str
) -> None:
    """Values out of range are bad input with the option's name, before anything is served."""
    ended = command("simulator", "--port", "0", "--control-port", "0", *arguments)
    assert (2, message) == (ended.code, ended.err.splitlines()[0])


def test_simulator_on_a_port_that_is_taken(command: Command) -> None:
    """A port that is taken is said, with the way out."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = command("simulator", "--port", str(taken.getsockname()[1]), "--control-port", "0")
    assert 2 == ended.code
    assert "--port and --control-port" in ended.err
