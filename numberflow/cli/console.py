"""What commands print for people: rich on a terminal, plain lines everywhere else.

A pipe or a file gets no colour, no boxes and no folded cells: one row is one line, whatever the
width. The vendor's text is shown unchanged, never read as markup. What programs read (`--json`,
CSV) is the same everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from numberflow.json_text import to_json

# Wider than any row: a pipe has no width of its own, and rich would take 80 for it.
_NO_WIDTH = 100_000


def console(*, stderr: bool = False) -> Console:
    """A console that knows whether it writes to a terminal."""
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        force_terminal=is_terminal,
        no_color=None if is_terminal else True,
        width=None if is_terminal else _NO_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


def print_json(value: Any) -> None:
    """What `--json` prints."""
    typer.echo(to_json(value, indent=2))


def working(text: str) -> AbstractContextManager[object]:
    """Show on a terminal that something takes time; elsewhere show nothing."""
    return console(stderr=True).status(text)


def as_table(
    rows: Sequence[Mapping[str, str]],
    *,
    header: bool = True,
    styles: Mapping[str, str] | None = None,
) -> str:
    """Rows as an aligned table, without columns that are empty in every row.

    Args:
        rows: column → value, each row with the columns of the first.
        header: print the names of the columns above them.
        styles: value → rich style, for a terminal.
    """
    names = [name for name in rows[0] if any(row.get(name) for row in rows)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=header)
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        values = [printable(row.get(name, "")) for name in names]
        table.add_row(*(Text(value, (styles or {}).get(value, "")) for value in values))
    out = console()
    with out.capture() as captured:
        out.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def printable(text: str) -> str:
    """The text on one line, without control characters for a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
