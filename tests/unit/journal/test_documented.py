"""docs/journal.md names every table and column of the database, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from numberflow.journal.migrations import VERSION_TABLE
from numberflow.journal.tables import metadata
from numberflow.journal.transitions import TRANSITIONS, IntentionState

PAGE = (Path(__file__).parents[3] / "docs/journal.md").read_text()
_ROW = re.compile(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", re.MULTILINE)


def test_tables_and_columns() -> None:
    """Each table has a row, which names its columns in their order."""
    documented = {table: re.findall(r"`(\w+)`", columns) for table, columns in _ROW.findall(PAGE)}
    assert ["version_num"] == documented.pop(VERSION_TABLE)
    assert {
        table.name: [column.name for column in table.columns] for table in metadata.sorted_tables
    } == {
        table: [name for name in columns if name in metadata.tables[table].columns]
        for table, columns in documented.items()
    }


def test_the_picture_of_the_states() -> None:
    """The arrows of the picture are the transitions, and each state is explained."""
    drawn = {
        (start, event.strip(), end)
        for start, end, events in re.findall(r"^ +(\w+) --> (\w+): (.+)$", PAGE, re.MULTILINE)
        for event in re.sub(r"\(.*\)", "", events).split(",")
    }
    assert drawn == {
        (str(start), str(event), str(end)) for (start, event), end in TRANSITIONS.items()
    }
    assert all(f"| {state} |" in PAGE for state in IntentionState)
