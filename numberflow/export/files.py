"""Read published Parquet files: footer, columns, row groups.

A file that exists and cannot be read raises a FileDamaged that names it. Not here: which files
there are (publish), whole frames for analysts (load).
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from numberflow.errors import FileDamaged
from numberflow.export.store import Store, unchanged
from numberflow.export.writer import ROW_GROUP_ROWS


def read_footer(store: Store, path: str) -> pq.FileMetaData:
    """The footer of a published file.

    Raises:
        FileNotFoundError: it does not exist.
        FileDamaged: it is not a Parquet file, or half of one.
    """

    def read() -> pq.FileMetaData:
        with readable(path), store.open(path) as file:
            return pq.read_metadata(file)

    return unchanged(read)


def read_columns(store: Store, path: str, columns: Sequence[str]) -> pa.Table:
    """Columns of a published file. Errors as in `read_footer`."""

    def read() -> pa.Table:
        with readable(path), store.open(path) as file, pq.ParquetFile(file) as parquet:
            return parquet.read(columns=list(columns))

    return unchanged(read)


def read_batches(store: Store, path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Columns of a published file, row group by row group. Errors as in `read_footer`."""
    with readable(path), store.open(path) as file, pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(ROW_GROUP_ROWS, columns=list(columns)):
            yield pa.Table.from_batches([batch])


@contextmanager
def readable(path: str) -> Iterator[None]:
    """Turn Arrow's errors about unreadable bytes into FileDamaged."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _damaged(path, error) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        # Arrow reports bytes that it cannot unpack as an OSError without an errno. With one it is
        # the store's.
        if error.errno not in (None, 0, errno.EINVAL):
            raise
        raise _damaged(path, error) from error


def _damaged(path: str, error: Exception) -> FileDamaged:
    return FileDamaged(
        f"{path} cannot be read: {' '.join(str(error).split())}",
        path=path,
        remedy="restore the file or remove it, with its folder",
    )
