"""The rows of one shard on their way to the file: in order, each number once, in bounded memory.

Not here: requesting them (pages, reader) and the file (writer).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Key = tuple[str, str]
"""Region and type of a row, "" for none: the order of the file."""

_KEY = ["region_code", "number_type"]

# A longer run goes to disk. A shard is cut into parts of a few thousand rows, so only one that
# cannot be cut ever gets there; 64k rows take 15 MB.
SPOOL_ROWS = 65_536


class Run:
    """Collects the tables of one walk, then returns them sorted.

    Use as a context manager or call `close`.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._held: list[pa.Table] = []
        self._rows_held = 0
        self._spool: Path | None = None
        self._sink: pa.ipc.RecordBatchFileWriter | None = None
        self._last: str | None = None
        self._ascending = True
        self.rows = 0
        self.distinct = 0
        self.keys: dict[Key, int] = {}

    def add(self, table: pa.Table) -> None:
        """Add rows, in the order in which they were read."""
        if len(table) == 0:
            return
        numbers = table.column("phone_number").combine_chunks()
        first, last = numbers[0].as_py(), numbers[-1].as_py()
        inside = len(numbers) == 1 or pc.all(pc.less(numbers[:-1], numbers[1:])).as_py()
        self._ascending &= inside and (self._last is None or self._last < first)
        self._last = last
        self.rows += len(table)
        self._held.append(table)
        self._rows_held += len(table)
        if self._rows_held > SPOOL_ROWS:
            self._to_disk()

    def finish(self) -> None:
        """End the rows: sort them if needed, keep the last of a duplicate number, and count."""
        if self._spool is not None:
            self._to_disk()
            assert self._sink is not None
            self._sink.close()
        if not self._ascending:
            # Out of order, or a number twice: something moved while we read, or the vendor does not
            # sort. Only in this case a run is held whole.
            whole = _last_of_each(pa.concat_tables(list(self._tables())))
            self._forget()
            self._held = [whole]
        self.distinct = 0
        for table in self._tables():
            self.distinct += len(table)
            for key, count in _count(table):
                self.keys[key] = self.keys.get(key, 0) + count

    def tables(self, key: Key) -> Iterator[pa.Table]:
        """Rows of one region and type, ascending by number."""
        for table in self._tables():
            yield table if len(self.keys) == 1 else table.filter(_has(table, key))

    def close(self) -> None:
        """Drop the rows."""
        self._forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tables(self) -> Iterator[pa.Table]:
        if self._spool is not None:
            with pa.memory_map(str(self._spool)) as file, pa.ipc.open_file(file) as batches:
                for place in range(batches.num_record_batches):
                    yield pa.Table.from_batches([batches.get_batch(place)])
        yield from self._held

    def _to_disk(self) -> None:
        if self._sink is None:
            with tempfile.NamedTemporaryFile(
                dir=self._scratch, prefix="run-", suffix=".arrow", delete=False
            ) as file:
                self._spool = Path(file.name)
            self._sink = pa.ipc.new_file(str(self._spool), self._held[0].schema)
        for table in self._held:
            self._sink.write_table(table)
        self._held, self._rows_held = [], 0

    def _forget(self) -> None:
        self._held, self._rows_held = [], 0
        if self._spool is not None:
            self._spool.unlink(missing_ok=True)
            self._spool = self._sink = None


def _count(table: pa.Table) -> Iterator[tuple[Key, int]]:
    """How many rows of each region and type.

    Most tables have a single one, and grouping costs ten times what checking that does.
    """
    region, kind = (table.column(name).unique() for name in _KEY)
    if len(region) == len(kind) == 1:
        yield (region[0].as_py() or "", kind[0].as_py() or ""), len(table)
        return
    for found in table.group_by(_KEY).aggregate([([], "count_all")]).to_pylist():
        yield (found["region_code"] or "", found["number_type"] or ""), found["count_all"]


def _has(table: pa.Table, key: Key) -> pa.ChunkedArray:
    region, kind = (
        pc.equal(pc.fill_null(table.column(name), ""), value)
        for name, value in zip(_KEY, key, strict=True)
    )
    return pc.and_(region, kind)


def _last_of_each(table: pa.Table) -> pa.Table:
    numbers = np.asarray(table.column("phone_number").to_pandas(), dtype=object)[::-1]
    _, places = np.unique(numbers.astype(str), return_index=True)
    return table.take(pa.array(len(table) - 1 - places))
