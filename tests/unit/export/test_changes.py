"""What changed between two snapshots, to the last field."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.inventories import inventory, publish_rows, row

from numberflow.export.changes import CHANGES, publish_changes
from numberflow.export.schema import INVENTORY
from numberflow.export.store import LocalStore

BEFORE, AFTER = date(2026, 11, 22), date(2026, 11, 23)


def changes(
    folder: Path, before: pa.Table, after: pa.Table
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The manifest, and the rows as published."""
    store = LocalStore(folder)
    manifest = publish_changes(
        store, publish_rows(store, BEFORE, before), publish_rows(store, AFTER, after), "run-2"
    )
    table = pq.ParquetFile(folder / manifest["path"]).read()
    assert CHANGES.names == table.column_names
    return manifest, table.to_pylist()


def test_nothing(tmp_path: Path) -> None:
    """Two snapshots that are the same have no changes, and a published table with no rows says so.

    Empty ones too.
    """
    manifest, rows = changes(tmp_path / "a", inventory([{}] * 3), inventory([{}] * 3))
    assert ({"added": 0, "removed": 0, "changed": 0}, []) == (manifest["changes"], rows)
    assert [] == changes(tmp_path / "b", inventory([]), inventory([]))[1]


def test_came_and_went(tmp_path: Path) -> None:
    """Numbers of one snapshot only are added or removed, with their region and type."""
    manifest, rows = changes(
        tmp_path,
        inventory([{}, {"region_code": "CA"}]),
        inventory([{}, {"phone_number": "+442079460000", "region_code": "GB"}]),
    )
    assert {"added": 1, "removed": 1, "changed": 0} == manifest["changes"]
    assert [("+442079460000", "added", "GB", None), ("+12025550001", "removed", "CA", None)] == [
        (each["phone_number"], each["change"], each["region_code"], each["field"]) for each in rows
    ]
    assert {BEFORE} == {each["previous_date"] for each in rows}


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("display_name", None, "Sales"),
        ("display_name", "Sales", None),
        ("capability", ["SMS"], ["SMS", "VOICE"]),
        ("price_amount", 1, 2),
        ("payment_interval_months", 1, 12),
        ("expire_at", None, row(0)["next_charge_at"]),
        ("extra", None, '{"new": 1}'),
    ],
)
def test_each_kind_of_field(tmp_path: Path, field: str, old: Any, new: Any) -> None:
    """A field that differs is one change with both values as text; a null is a null."""
    manifest, rows = changes(tmp_path, inventory([{}, {field: old}]), inventory([{}, {field: new}]))
    ((phone_number, changed, was, now),) = [
        (each["phone_number"], each["field"], each["old"], each["new"]) for each in rows
    ]
    assert ("+12025550001", field) == (phone_number, changed)
    assert (old is None, new is None) == (was is None, now is None)
    assert was != now
    assert {field: 1} == manifest["changed_fields"]


def test_charged_again_is_no_change(tmp_path: Path) -> None:
    """The next charge moves on by itself, and every snapshot has a time of its own."""
    later = {
        "next_charge_at": row(0)["next_charge_at"].replace(month=1, year=2027),
        "snapshot_at": row(0)["snapshot_at"].replace(day=24),
    }
    assert [] == changes(tmp_path, inventory([{}]), inventory([later]))[1]


def test_column_that_is_new(tmp_path: Path) -> None:
    """A column that v1 got meanwhile is no change of every number."""
    store = LocalStore(tmp_path)
    before = publish_rows(store, BEFORE, inventory([{}]))
    older = pq.ParquetFile(tmp_path / before.data).read().drop_columns(["callback_url"])
    pq.write_table(older, tmp_path / before.data)
    after = publish_rows(store, AFTER, inventory([{"callback_url": "https://a.test/"}]))
    assert 0 == publish_changes(store, before, after, "run-2")["rows"]


NUMBERS = st.dictionaries(
    st.integers(0, 30),
    st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["US", "CA"])),
    max_size=20,
)


@given(before=NUMBERS, after=NUMBERS)
def test_agrees_with_a_plain_comparison(
    tmp_path_factory: pytest.TempPathFactory, before: Any, after: Any
) -> None:
    """Any two snapshots: the same changes as a plain comparison of two dictionaries finds."""

    def table(numbers: Any) -> pa.Table:
        return pa.Table.from_pylist(
            [
                row(n, display_name=name, region_code=region)
                for n, (name, region) in numbers.items()
            ],
            schema=INVENTORY,
        )

    _, rows = changes(tmp_path_factory.mktemp("changes"), table(before), table(after))
    expected = {(n, "added", None) for n in after.keys() - before.keys()} | {
        (n, "removed", None) for n in before.keys() - after.keys()
    }
    for n in before.keys() & after.keys():
        for index, field in enumerate(("display_name", "region_code")):
            if before[n][index] != after[n][index]:
                expected.add((n, "changed", field))
    assert sorted(expected, key=str) == sorted(
        ((int(each["phone_number"][-4:]), each["change"], each["field"]) for each in rows), key=str
    )
