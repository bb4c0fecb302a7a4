"""Write one Parquet file as rows arrive: row groups of even size, a checksum, facts in the footer.

Not here: where the file ends up and when readers see it (store, publish), what is in a row
(schema).
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from numberflow.errors import SnapshotRefused
from numberflow.export.schema import SCHEMA_VERSION

# 64k rows: 16k to 128k cost the same to write and to read; 1k reads 1.7 times slower (measured
# 2026-11).
ROW_GROUP_ROWS = 65_536

# zstd at level 1 with dictionaries and delta-packed times takes about 40 bytes a number; higher
# levels cost more time than they save.
_COMPRESSION = {"compression": "zstd", "compression_level": 1}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A finished file."""

    path: Path
    rows: int
    bytes: int
    sha256: str


class TableFile:
    """A Parquet file that is being written. A context manager: removed unless `close` is called.

    Args:
        path: a temporary name; nobody reads it before it is published.
        schema: of every table that is added.
        unique: a column that must not hold a value twice in the whole file, E.164 numbers; None =
            no such column.
        check: sees every row before it is written, one row group at a time: a few hundred rows a
            call would cost ten times as much.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        *,
        unique: str | None = None,
        check: Callable[[pa.Table], None] | None = None,
    ) -> None:
        self.path = path
        self.rows = 0
        self._finished = False
        self._unique = unique
        self._check = check
        self._numbers: list[np.ndarray] = []
        self._waiting: list[pa.Table] = []
        self._rows_waiting = 0
        # A task that waits for a writing thread can be cancelled; the thread cannot. It must not
        # write into a file that was closed meanwhile: that crashes the process.
        self._busy = threading.RLock()
        self._file = _Hashed(path)
        times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
        self._writer: pq.ParquetWriter | None = pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"),
            schema,
            use_dictionary=[field.name for field in schema if field.name not in {*times, unique}],
            column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
            **_COMPRESSION,
        )

    def add(self, table: pa.Table) -> None:
        """Add rows, in their final order.

        Raises:
            SnapshotRefused: a row of a complete row group has no E.164 number in the unique column.
        """
        with self._busy:
            self.rows += len(table)
            self._waiting.append(table)
            self._rows_waiting += len(table)
            if self._rows_waiting >= ROW_GROUP_ROWS:
                self._write(all_of_it=False)

    def end_rows(self) -> None:
        """Write what waits: after this every row has been checked. `close` does it too.

        Raises:
            SnapshotRefused: the unique column holds a value twice, or no number.
        """
        with self._busy:
            self._write(all_of_it=True)
            self._no_number_twice()

    def close(self, facts: dict[str, str]) -> FileFacts:
        """Write what waits and the footer with `facts`, and flush it all to disk.

        Raises:
            SnapshotRefused: the unique column holds a value twice; the file is not finished.
        """
        with self._busy:
            self.end_rows()
            if self._writer is None:
                raise ValueError("the file was given up")
            version = {"schema_version": str(SCHEMA_VERSION)}
            self._writer.add_key_value_metadata(
                {f"numberflow.{name}": text for name, text in (version | facts).items()}
            )
            self._writer.close()
            self._writer = None
            self._file.sync()
            self._file.close()
            self._finished = True
            return FileFacts(self.path, self.rows, self._file.size, self._file.digest())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._busy:
            if self._finished:
                return
            try:
                if self._writer is not None:
                    self._writer.close()
                    self._writer = None
                self._file.close()
            finally:
                self.path.unlink(missing_ok=True)

    def _write(self, *, all_of_it: bool) -> None:
        if self._writer is None:
            raise ValueError("the file was given up")
        if not self._waiting:
            return
        rows = pa.concat_tables(self._waiting)
        ready = len(rows) if all_of_it else len(rows) // ROW_GROUP_ROWS * ROW_GROUP_ROWS
        rest = rows.slice(ready)
        # In the pieces in which they came: joining them would hold them twice.
        group = rows.slice(0, ready)
        self._waiting, self._rows_waiting = [rest], len(rest)
        if self._unique is not None:
            self._numbers.append(as_integers(group.column(self._unique)))
        if self._check is not None:
            self._check(group)
        self._writer.write_table(group, row_group_size=ROW_GROUP_ROWS)

    def _no_number_twice(self) -> None:
        if not self._numbers:
            return
        # In place: at a million numbers each copy is 8 MB. What is sorted stays, since `close`
        # looks again.
        numbers = np.concatenate(self._numbers)
        self._numbers = [numbers]
        numbers.sort()
        require_distinct(numbers)


class _Hashed:
    """A binary file that knows the checksum of what was written.

    It has what pyarrow's writer needs of a file, and no more.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=1 << 20)
        self._sha256 = hashlib.sha256()
        self.size = 0

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, data: bytes) -> int:
        self._sha256.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def digest(self) -> str:
        return self._sha256.hexdigest()


def as_integers(numbers: pa.ChunkedArray) -> np.ndarray:
    """E.164 texts as integers, no two texts as the same integer.

    A number has a plus and at most 15 digits without a leading zero.
    """
    valid = pc.match_substring_regex(numbers, r"^\+[1-9][0-9]{4,14}$")
    if not pc.all(valid, min_count=0).as_py() or valid.null_count:
        bad = numbers.filter(pc.invert(pc.fill_null(valid, False))).slice(0, 10).to_pylist()
        raise SnapshotRefused(
            f"these are not phone numbers: {', '.join(map(repr, bad))}",
            reasons=tuple(f"no E.164 number: {value!r}" for value in bad),
            remedy="tell the maintainers of numberflow; the last snapshot stands",
        )
    digits: np.ndarray = pc.utf8_slice_codeunits(numbers, 1).cast(pa.int64()).to_numpy()
    return digits


def require_distinct(ascending: np.ndarray) -> None:
    """Refuse numbers that contain one twice.

    Args:
        ascending: as `as_integers` returns them, sorted.

    Raises:
        SnapshotRefused: names the first ten.
    """
    twice = ascending[:-1][ascending[1:] == ascending[:-1]]
    if len(twice):
        shown = ", ".join(f"+{number}" for number in twice[:10].tolist())
        raise SnapshotRefused(
            f"{len(twice)} numbers are in two regions or types, so something moved: {shown}",
            reasons=(f"numbers twice: {shown}",),
            remedy="run again; the last snapshot stands",
        )


__all__ = ["ROW_GROUP_ROWS", "FileFacts", "TableFile", "as_integers", "require_distinct"]
