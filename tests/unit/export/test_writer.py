"""A file under way becomes a whole one with its checksum, or nothing is left of it."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from numberflow.errors import SnapshotRefused
from numberflow.export.writer import ROW_GROUP_ROWS, TableFile

SCHEMA = pa.schema(
    [pa.field("phone_number", pa.string()), pa.field("at", pa.timestamp("us", tz="UTC"))]
)


def rows(start: int, stop: int) -> pa.Table:
    return pa.table(
        {"phone_number": [f"+{10_000 + n}" for n in range(start, stop)], "at": range(start, stop)},
        schema=SCHEMA,
    )


def test_row_groups_are_even_and_the_checksum_is_the_file(tmp_path: Path) -> None:
    """Whatever the size of the tables that come, row groups have 65,536 rows but for the last, and
    sha256 and size are those of the file.
    """
    path = tmp_path / "numbers.parquet"
    with TableFile(path, SCHEMA, unique="phone_number") as file:
        for start in range(0, 150_000, 7_500):
            file.add(rows(start, start + 7_500))
        facts = file.close({"run_id": "r"})
    content = path.read_bytes()
    parquet = pq.ParquetFile(path)
    groups = [parquet.metadata.row_group(place).num_rows for place in range(parquet.num_row_groups)]
    assert (150_000, len(content), hashlib.sha256(content).hexdigest()) == (
        facts.rows,
        facts.bytes,
        facts.sha256,
    )
    assert [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 150_000 - 2 * ROW_GROUP_ROWS] == groups
    assert rows(0, 150_000) == parquet.read().replace_schema_metadata(None)
    column = parquet.metadata.row_group(0).column(1)
    assert ("ZSTD", b"r") == (column.compression, parquet.metadata.metadata[b"numberflow.run_id"])
    assert "DELTA_BINARY_PACKED" in column.encodings


def test_empty(tmp_path: Path) -> None:
    """No row is a file with all columns."""
    path = tmp_path / "numbers.parquet"
    with TableFile(path, SCHEMA) as file:
        assert 0 == file.close({}).rows
    assert SCHEMA.names == pq.read_schema(path).names


@pytest.mark.parametrize("again", ["+10000", "+10149"])
def test_number_twice_is_refused(tmp_path: Path, again: str) -> None:
    """A number that stands twice anywhere in the file is refused by name, and no file is left."""
    path = tmp_path / "numbers.parquet"
    with TableFile(path, SCHEMA, unique="phone_number") as file:
        file.add(rows(0, 150))
        file.add(pa.table({"phone_number": [again], "at": [1]}, schema=SCHEMA))
        with pytest.raises(SnapshotRefused, match=again[1:]):
            file.close({})
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong",
    ["", "12025550123", "+0123456", "+1202555012a", "+1234567890123456", None, "+1202555\n"],
)
def test_what_is_no_number_is_refused(tmp_path: Path, wrong: str | None) -> None:
    """A row whose number is not E.164 with the plus is refused before the file is finished."""
    with TableFile(tmp_path / "numbers.parquet", SCHEMA, unique="phone_number") as file:
        file.add(pa.table({"phone_number": ["+12025550123", wrong], "at": [1, 2]}, schema=SCHEMA))
        with pytest.raises(SnapshotRefused):
            file.close({})
    assert [] == list(tmp_path.iterdir())


def _refuse(_descriptor: int) -> None:
    raise OSError(5, "Input/output error")


def _interrupt(_descriptor: int) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("fault", [_refuse, _interrupt])
def test_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    """When the disk refuses to make the file durable, or somebody interrupts, no part of it is
    left.
    """
    monkeypatch.setattr(os, "fsync", fault)

    def write() -> None:
        with TableFile(tmp_path / "numbers.parquet", SCHEMA) as file:
            file.add(rows(0, 10))
            file.close({})

    with pytest.raises((OSError, KeyboardInterrupt)):
        write()
    assert [] == list(tmp_path.iterdir())


def test_given_up_while_a_thread_writes(tmp_path: Path) -> None:
    """Who gives a file up waits for the thread that is writing into it, else pyarrow's writer is
    closed under it; what comes later is refused.
    """
    path = tmp_path / "numbers.parquet"
    writing, ended = threading.Event(), threading.Event()

    def slow(_rows: pa.Table) -> None:
        writing.set()
        time.sleep(0.2)
        ended.set()

    with TableFile(path, SCHEMA, check=slow) as file:
        file.add(rows(0, 10))
        thread = threading.Thread(target=file.end_rows)
        thread.start()
        assert writing.wait(10)
    assert ended.is_set()
    thread.join()
    assert not path.exists()
    file.add(rows(10, 20))
    with pytest.raises(ValueError, match="given up"):
        file.close({})
