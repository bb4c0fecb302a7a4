"""Commands as the product prints them, and what a shell makes of one that somebody pastes."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from typing import TypeVar

Ended = TypeVar("Ended")

# The arguments that bash hands to the program, each closed by a NUL.
_ARGUMENTS = 'numberflow() { printf "%s\\0" "$@"; }\n'


def printed(text: str, beginning: str) -> str:
    """The first command in a text that begins so, as a person marks it.

    To the end of its code mark, or of its line.
    """
    for fence in ("``", "`"):
        for code in re.findall(
            rf"(?<!`){fence}(?!`)\s*(.+?)\s*(?<!`){fence}(?!`)", text, re.DOTALL
        ):
            # Sentences are wrapped, and a code mark with them.
            if (line := " ".join(code.split("\n"))).startswith(beginning):
                return line
    found = re.search(rf"(?<!`){re.escape(beginning)}[^\n]*", text)
    assert found is not None, f"no {beginning!r} in:\n{text}"
    return found[0]


def printed_all(text: str, beginning: str) -> list[str]:
    """Every command that stands on a line of its own and begins so."""
    return [line.strip() for line in text.splitlines() if line.strip().startswith(beginning)]


def filled_in(line: str, values: Mapping[str, str]) -> str:
    """The command with a person's words in the place of each <…>."""
    for name, value in values.items():
        assert f"<{name}>" in line, line
        line = line.replace(f"<{name}>", shlex.quote(value))
    assert not re.search(r"<[a-z-]+>", line), line
    return line


def arguments(line: str) -> list[str]:
    """What bash hands to `numberflow` when the line is pasted.

    Raises:
        AssertionError: bash does not take it for one command.
    """
    done = subprocess.run(
        ["bash", "-c", _ARGUMENTS + line], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr), (line, done.stderr)
    return done.stdout.split("\0")[:-1]


def paste(command: Callable[..., Ended], line: str) -> Ended:
    """Paste the line where `command` runs; how it ended."""
    return command(*arguments(line))
