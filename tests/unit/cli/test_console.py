"""Tables for people: coloured on a terminal, plain in a pipe, and no text is read as markup."""

from __future__ import annotations

import io
import sys

import pytest
from support.command import Command

from numberflow.cli.console import as_table, print_json
from numberflow.models.wording import without_controls

ROWS = [
    {"state": "done", "number": "+12025550101", "empty": "", "why": "[red]sold[/red] :smile:"},
    {"state": "open", "number": "+12025550102", "empty": "", "why": "late \x1b[31m\n" + "x" * 200},
]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a row whatever the width, no colour even where it is forced, no boxes."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = as_table(ROWS, styles={"done": "green"})
    assert [
        "state  number        why",
        "done   +12025550101  [red]sold[/red] :smile:",
        "open   +12025550102  late  [31m " + "x" * 200,
    ] == shown.splitlines()
    print_json({"rows": ROWS[:1]})
    assert "[red]sold[/red] :smile:" in capsys.readouterr().out


def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long cells are folded under their column, nothing of them is lost; styles are colours."""
    monkeypatch.setattr(sys, "stdout", _Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = as_table(ROWS, header=False, styles={"done": "green"})
    assert "\x1b[32mdone" in shown
    assert "[red]sold[/red] :smile:" in shown
    assert 200 == shown.count("x")
    assert 80 >= max(len(line) for line in shown.splitlines()[1:])


def test_columns_without_a_value() -> None:
    """A column in which no row has a value is left out."""
    assert "a  c\n1  3" == as_table([{"a": "1", "b": "", "c": "3"}])


def test_an_error_on_the_terminal(command: Command) -> None:
    """Text of others cannot move the cursor of whoever reads it."""
    ended = command("journal", "show", "\x1b[2Jnothing")
    assert ended.code == 2
    assert "\x1b" not in ended.err + ended.out
    assert "a b\nc" == without_controls("a\x9bb\nc")
