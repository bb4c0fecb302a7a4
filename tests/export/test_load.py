"""What load_inventory and its sisters take, and what they refuse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.inventories import inventory, publish_rows

from numberflow.errors import BadInput, FileDamaged
from numberflow.export.changes import publish_changes
from numberflow.export.load import load_changes, load_inventory
from numberflow.export.store import LocalStore

DAYS = [date(2026, 11, day) for day in (20, 23, 24, 25)]
MONDAY = DAYS[1]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Four days of a project, a number more each day; a second project on the last."""
    folder = tmp_path_factory.mktemp("inventory")
    store = LocalStore(folder)
    published = [publish_rows(store, day, inventory([{}] * (n + 1))) for n, day in enumerate(DAYS)]
    for before, after in pairwise(published):
        publish_changes(store, before, after, "run")
    publish_rows(store, DAYS[-1], inventory([{}]), "p-2")
    return str(folder)


@pytest.mark.parametrize(
    "when",
    [
        MONDAY,
        "2026-11-23",
        datetime(2026, 11, 23, 5, tzinfo=UTC),
        datetime(2026, 11, 24, 0, 30, tzinfo=timezone(timedelta(hours=1))),
        pd.Timestamp("2026-11-23"),
        pd.Timestamp("2026-11-23T23:59", tz="UTC"),
    ],
    ids=str,
)
def test_dates_in_every_form(root: str, when: Any) -> None:
    """A date is a date, its text, or any moment of it.

    A moment that knows its zone counts in UTC.
    """
    assert {MONDAY} == set(load_inventory(when, root=root)["snapshot_date"])


@pytest.mark.parametrize(
    ("wish", "field", "says"),
    [
        ({"columns": "phone_number"}, "columns", "a list: ['phone_number']"),
        ({"columns": []}, "columns", "empty"),
        (
            {"columns": ["phone_number", "region_code", "phone_number"]},
            "columns",
            "'phone_number' stands there twice",
        ),
        ({"columns": ["phone"]}, "columns", "no column 'phone'"),
        ({"project": "*"}, "project", "'*' is not the id of a project"),
        ({"date": MONDAY, "project": "p-[12]"}, "project", "is not the id of a project"),
        ({"date": MONDAY, "project": "p-?"}, "project", "is not the id of a project"),
        ({"date": ""}, "date", "'' is no date"),
        ({"date": "yesterday"}, "date", "'yesterday' is no date"),
        ({"date": None}, "date", "None is no date"),
        ({"date": "2020-01-01"}, "date", "nothing is published"),
        ({"project": "p-3"}, "project", "nothing is published"),
    ],
)
def test_refused_by_name(root: str, wish: dict[str, Any], field: str, says: str) -> None:
    """What cannot be meant is refused with the argument's name and what to write instead."""
    with pytest.raises(BadInput) as caught:
        load_inventory(root=root, **wish)
    assert field == caught.value.field
    assert says in str(caught.value)


def _told(frame: pd.DataFrame) -> list[tuple[date, str]]:
    return list(frame[["snapshot_date", "phone_number"]].itertuples(index=False, name=None))


def test_changes_since(root: str) -> None:
    """A range has the changes of every snapshot after its first date up to its last, oldest first.

    Without one it is the last snapshot's.
    """
    numbers = [f"+1202555{n:04d}" for n in range(4)]
    assert [(DAYS[3], numbers[3])] == _told(load_changes(root=root))
    assert [(DAYS[2], numbers[2]), (DAYS[3], numbers[3])] == _told(
        load_changes(since=MONDAY, root=root)
    )
    assert [(DAYS[1], numbers[1]), (DAYS[2], numbers[2])] == _told(
        load_changes(DAYS[2], since="2026-11-20", root=root)
    )
    for nothing in ({"since": DAYS[3]}, {"since": "soon"}, {"date": DAYS[1], "since": DAYS[1]}):
        with pytest.raises(BadInput, match=r"since|after"):
            load_changes(root=root, **nothing)


@pytest.mark.parametrize("columns", [None, ["phone_number"]])
def test_damaged_file(tmp_path: Path, columns: Sequence[str] | None) -> None:
    """A file that is half there is named."""
    partition = publish_rows(LocalStore(tmp_path), MONDAY, inventory([{}]))
    path = tmp_path / partition.data
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileDamaged, match=r"numbers\.parquet"):
        load_inventory(MONDAY, columns, root=str(tmp_path))
