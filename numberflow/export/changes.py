"""What changed between two snapshots of a project: new numbers, gone numbers, changed fields.

Two snapshots of a million numbers are compared without holding either: numbers are matched as
integers, then one column after the other is read from both files. Not here: which snapshot is the
previous one (follow_up).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from numberflow.export import publish as publishing
from numberflow.export.derived import publish_table
from numberflow.export.files import read_columns, read_footer
from numberflow.export.publish import Partition
from numberflow.export.schema import INVENTORY, TEXT, column
from numberflow.export.store import Store
from numberflow.export.writer import TableFile, as_integers

CHANGES = pa.schema(
    [
        column("phone_number", TEXT, "E.164 with plus", nullable=False),
        column("region_code", TEXT, "region in the newer snapshot that has the number"),
        column("number_type", TEXT, "type in the newer snapshot that has the number"),
        column("change", TEXT, "added, removed or changed", nullable=False),
        column("field", TEXT, "column of the inventory that changed; null for added and removed"),
        column("old", TEXT, "value before, as text; null = none"),
        column("new", TEXT, "value now, as text; null = none"),
        column(
            "previous_date",
            pa.date32(),
            "date of the snapshot that this one is compared with",
            nullable=False,
        ),
    ]
)

# Not compared: the key, when it was read, and the next charge, which moves on by itself with every
# period.
_NOT_COMPARED = frozenset({"phone_number", "snapshot_at", "next_charge_at"})
_COMPARED = tuple(field.name for field in INVENTORY if field.name not in _NOT_COMPARED)
_KEYS = ("region_code", "number_type")


def publish_changes(
    store: Store, before: Partition, after: Partition, run_id: str
) -> dict[str, Any]:
    """Compare two snapshots of one project and publish the changes under the date of the later one.

    Returns the manifest, with the counts. Repeat: safe.

    Raises:
        FileNotFoundError: one of the snapshots does not exist.
        FileDamaged: one of them cannot be read.
        StoreUnavailable: the store does not accept files.
    """
    partition = Partition(publishing.CHANGES, after.snapshot_date, after.project_id)
    # Which data it was made from, so that a later run sees whether that was replaced.
    of = publishing.file_there(store, after)

    def write(file: TableFile) -> Mapping[str, Any]:
        counts = {"added": 0, "removed": 0, "changed": 0}
        fields: Counter[str] = Counter()
        for change, field, rows in _compare(_Snapshot(store, before), _Snapshot(store, after)):
            counts[change] += len(rows)
            if field is not None:
                fields[field] += len(rows)
            file.add(_as_changes(rows, change, field, before))
        return {
            "of": of,
            "previous_date": f"{before.snapshot_date:%Y-%m-%d}",
            "changes": counts,
            "changed_fields": fields,
        }

    return publish_table(store, partition, CHANGES, run_id, write)


class _Snapshot:
    """A published snapshot, read one column at a time."""

    def __init__(self, store: Store, partition: Partition) -> None:
        self._store, self._partition = store, partition
        self.columns = list(read_footer(store, partition.data).schema.to_arrow_schema().names)

    def column(self, name: str) -> pa.ChunkedArray:
        return read_columns(self._store, self._partition.data, [name]).column(name)

    def texts(self, name: str) -> pa.ChunkedArray:
        """A column as text, for comparing and showing. List members get commas between them."""
        values = self.column(name)
        if pa.types.is_list(values.type):
            return pc.binary_join(values, ",")
        return values.cast(pa.string())


def _compare(before: _Snapshot, after: _Snapshot) -> Iterator[tuple[str, str | None, pa.Table]]:
    """Changes as (kind, field, rows of number, region, type, old, new)."""
    there, here = before.column("phone_number"), after.column("phone_number")
    old, new = as_integers(there), as_integers(here)
    in_old, in_new = _positions(old, new)
    yield "added", None, _rows(after, np.setdiff1d(np.arange(len(new)), in_new, assume_unique=True))
    yield (
        "removed",
        None,
        _rows(before, np.setdiff1d(np.arange(len(old)), in_old, assume_unique=True)),
    )
    for name in _COMPARED:
        # A column that v1 got later is in the newer file only. Its appearance changes no number.
        if name not in before.columns or name not in after.columns:
            continue
        was, now = (
            before.texts(name).take(pa.array(in_old)),
            after.texts(name).take(pa.array(in_new)),
        )
        same = pc.fill_null(pc.equal(was, now), False)
        same = pc.or_(same, pc.and_(pc.is_null(was), pc.is_null(now)))
        differ = np.flatnonzero(~same.to_numpy())
        if len(differ):
            rows = _rows(after, in_new[differ])
            chosen = pa.array(differ)
            yield (
                "changed",
                name,
                rows.set_column(3, "old", was.take(chosen)).set_column(4, "new", now.take(chosen)),
            )


def _positions(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the numbers that both have are in each, in the order of the new one."""
    order = np.argsort(old)
    found = np.searchsorted(old, new, sorter=order)
    found[found == len(old)] = 0
    both = old[order[found]] == new if len(old) else np.zeros(len(new), dtype=bool)
    return order[found[both]] if len(old) else np.empty(0, dtype=np.int64), np.flatnonzero(both)


def _rows(snapshot: _Snapshot, positions: np.ndarray) -> pa.Table:
    chosen = pa.array(positions)
    columns = {name: snapshot.column(name).take(chosen) for name in ("phone_number", *_KEYS)}
    nothing = pa.nulls(len(positions), pa.string())
    return pa.table(columns | {"old": nothing, "new": nothing})


def _as_changes(rows: pa.Table, change: str, field: str | None, before: Partition) -> pa.Table:
    def all_the_same(value: Any, kind: pa.DataType) -> pa.Array:
        return pa.repeat(pa.scalar(value, kind), len(rows))

    columns = {
        **{name: rows.column(name) for name in rows.column_names},
        "change": all_the_same(change, TEXT),
        "field": all_the_same(field, TEXT),
        "previous_date": all_the_same(before.snapshot_date, pa.date32()),
    }
    return pa.table({field.name: columns[field.name] for field in CHANGES}).cast(CHANGES)
