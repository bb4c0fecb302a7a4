"""Read published tables into pandas: one date, Arrow types, whole files.

Belongs here: finding the right files and reading them. Does not: publishing (publish), and answers
to questions (docs/inventory.ipynb). Other readers see the same rows:
`pandas.read_parquet("<root>/inventory/v1")` for every date and project at once, DuckDB with hive
partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from numberflow.errors import BadInput
from numberflow.export import publish
from numberflow.export.files import readable
from numberflow.export.publish import Partition, Table
from numberflow.export.store import Store, open_store, unchanged
from numberflow.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

LATEST = "latest"
Day = date | str
"""LATEST, a date, or its text; a datetime or pandas.Timestamp is a date too."""

# Partition columns are not in the files; they come last, as in a dataset reader's tables.
_PARTITION_COLUMNS = ("snapshot_date", "project_id")


def load_inventory(
    date: Day = LATEST,
    columns: Sequence[str] | None = None,
    project: str | None = None,
    *,
    root: str | None = None,
) -> pd.DataFrame:
    """The numbers of one date, sorted by region, type and number within each project.

    Args:
        date: "latest", a date (also a datetime or pandas.Timestamp), or its text 2026-11-23.
            "latest" is each project's own newest snapshot.
        columns: only these, in this order. By default every column, `snapshot_date` and
            `project_id` last.
        project: id of one project. By default every project that has the date.
        root: folder or fsspec URL. By default NUMBERFLOW_INVENTORY_URL, or its default.

    Returns:
        A frame with Arrow-backed columns: decimals stay decimals, times aware, nulls nulls.

    Raises:
        BadInput: no such date, project or column.
        FileDamaged, StoreUnavailable: what is published cannot be read.
    """
    return _load(publish.INVENTORY, date, columns, project, root)


def load_changes(
    date: Day = LATEST,
    columns: Sequence[str] | None = None,
    project: str | None = None,
    *,
    since: date | str | None = None,
    root: str | None = None,
) -> pd.DataFrame:
    """What changed from the previous snapshot to that of `date`.

    Result and errors as in `load_inventory`.

    Args:
        date: "latest", a date, or its text.
        columns: only these.
        project: id of one project.
        since: all changes after the snapshot of this date, up to that of `date`, oldest first:
            "what changed since Monday". A number that came and left is there twice; `snapshot_date`
            says when each was reported, `previous_date` what was compared with.
        root: folder or fsspec URL.
    """
    return _load(publish.CHANGES, date, columns, project, root, since=since)


def load_costs(
    date: Day = LATEST,
    columns: Sequence[str] | None = None,
    project: str | None = None,
    *,
    root: str | None = None,
) -> pd.DataFrame:
    """What the numbers of `date` cost. Arguments, result and errors as in `load_inventory`."""
    return _load(publish.COSTS, date, columns, project, root)


def load_forecast(
    date: Day = LATEST,
    columns: Sequence[str] | None = None,
    project: str | None = None,
    *,
    root: str | None = None,
) -> pd.DataFrame:
    """The upcoming charges of the numbers of `date`, by month, currency, region and type.

    Arguments, result and errors as in `load_inventory`.
    """
    return _load(publish.FORECAST, date, columns, project, root)


def load_audit(
    since: date | str | None = None,
    until: date | str | None = None,
    columns: Sequence[str] | None = None,
    project: str | None = None,
    *,
    root: str | None = None,
) -> pd.DataFrame:
    """The journal's audit as the nightly export published it, oldest first: who did what, and when.

    Today is not in it: `numberflow journal export` reads the journal itself. `snapshot_date` is the
    UTC day of the rows. Result and errors as in `load_inventory`.

    Args:
        since: the first day. By default all.
        until: the last day. By default all.
        columns: only these, in this order.
        project: id of one project. By default every project.
        root: folder or fsspec URL.
    """
    # `_load` takes what is after a day.
    after = _date(since, "since") - timedelta(days=1) if since is not None else date.min
    return _load(publish.AUDIT, until or LATEST, columns, project, root, since=after)


def read_partition(
    store: Store, partition: Partition, columns: Sequence[str] | None = None
) -> pa.Table:
    """One date of one project as an Arrow table, partition columns included.

    Raises:
        BadInput: a column that is not there.
        FileNotFoundError: nothing is published there.
    """
    wanted = (
        None if columns is None else [name for name in columns if name not in _PARTITION_COLUMNS]
    )

    def read() -> pa.Table:
        with store.open(partition.data) as file:
            metadata = pq.read_metadata(file)
            schema = metadata.schema.to_arrow_schema()
            _check_columns(wanted or (), schema.names)
            with pq.ParquetFile(
                file, metadata=metadata, read_dictionary=_repetitive(metadata, schema)
            ) as parquet:
                found = parquet.read(columns=wanted)
            # Only on the way: a frame has texts, and Arrow makes them from a dictionary faster than
            # the file's reader does.
            return found.cast(pa.schema([schema.field(name) for name in found.column_names]))

    table = unchanged(read)
    table = table.append_column(
        "snapshot_date", pa.repeat(pa.scalar(partition.snapshot_date, pa.date32()), len(table))
    )
    table = table.append_column(
        "project_id", pa.repeat(pa.scalar(partition.project_id, pa.string()), len(table))
    )
    return table if columns is None else table.select(list(columns))


# A text that is not repeated takes its length and four bytes: with less than 16 bytes it is mostly
# an index. If it is a short text after all, reading takes longer and returns the same.
_REPETITIVE_BYTES_MAX = 16


def _repetitive(metadata: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    """Text columns that the file keeps as dictionaries of few values."""
    if metadata.num_row_groups == 0:
        return []
    group = metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    return [
        column.path_in_schema
        for column in columns
        if column.path_in_schema in schema.names
        and pa.types.is_string(schema.field(column.path_in_schema).type)
        and "RLE_DICTIONARY" in column.encodings
        and column.total_uncompressed_size < _REPETITIVE_BYTES_MAX * column.num_values
    ]


def _check_columns(wanted: Sequence[str], there: Sequence[str]) -> None:
    for name in wanted:
        if name not in there:
            raise BadInput(
                f"columns: there is no column {name!r}",
                field="columns",
                remedy=f"choose from {', '.join([*there, *_PARTITION_COLUMNS])}",
            )


def _load(
    table: Table,
    day: Day,
    columns: Sequence[str] | None,
    project: str | None,
    root: str | None,
    *,
    since: date | str | None = None,
) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - half a second, for who loads a frame only

    _check_wish(columns, project)
    store = open_store(root if root is not None else Settings.load().inventory_root)
    found = (
        _find(store, table, day, project)
        if since is None
        else _find_since(store, table, since, day, project)
    )
    tables = []
    for partition in found:
        with readable(partition.data):
            tables.append(read_partition(store, partition, columns))
    frame: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas(
        types_mapper=pd.ArrowDtype
    )
    return frame


def _check_wish(columns: Sequence[str] | None, project: str | None) -> None:
    if isinstance(columns, str):
        raise _bad("columns", f"{columns!r} is one text", f"a list: [{columns!r}]")
    if columns is not None and not columns:
        raise _bad(
            "columns",
            "the list is empty",
            "name at least one, or leave columns out for all of them",
        )
    for name in columns or ():
        if list(columns or ()).count(name) > 1:
            raise _bad("columns", f"{name!r} stands there twice", "name each column once")
    if project is not None and set(project) & set("*?[]/"):
        raise _bad(
            "project",
            f"{project!r} is not the id of a project",
            "write the id of one, or leave project out for all of them",
        )


def _bad(field: str, problem: str, remedy: str) -> BadInput:
    return BadInput(f"{field}: {problem}", field=field, remedy=remedy)


def _find(store: Store, table: Table, day: Day, project: str | None) -> list[Partition]:
    if _is_latest(day):
        found = [
            each
            for _, each in sorted(publish.latest(store, table).items())
            if project in (None, each.project_id)
        ]
    else:
        wanted = _date(day, "date")
        found = [
            each
            for each in publish.partitions(store, table, project)
            if each.snapshot_date == wanted
        ]
    if not found:
        raise _nothing(store, table, f"for date {day}", project, "date")
    return found


def _find_since(
    store: Store, table: Table, since: date | str, day: Day, project: str | None
) -> list[Partition]:
    first = _date(since, "since")
    last = None if _is_latest(day) else _date(day, "date")
    found = [
        each
        for each in publish.partitions(store, table, project)
        if first < each.snapshot_date and (last is None or each.snapshot_date <= last)
    ]
    if not found:
        raise _nothing(
            store,
            table,
            f"after {first}" + ("" if last is None else f" up to {last}"),
            project,
            "since",
        )
    return found


def _nothing(store: Store, table: Table, when: str, project: str | None, field: str) -> BadInput:
    whose = f", project {project}" if project else ""
    return BadInput(
        f"nothing is published in {store.url(table.folder)} {when}{whose}",
        field=field if project is None else "project",
        remedy="run `numberflow export` first, or choose a date and project that exist",
    )


def _is_latest(day: Day) -> bool:
    return isinstance(day, str) and day == LATEST


def _date(day: date | str, field: str) -> date:
    """A date. Of a moment (datetime, pandas.Timestamp) its date, in UTC when it knows its zone."""
    if isinstance(day, datetime):
        return (day if day.tzinfo is None else day.astimezone(UTC)).date()
    if isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day)
    except (TypeError, ValueError):
        also = '"latest", or ' if field == "date" else ""
        raise _bad(field, f"{day!r} is no date", f"{also}a date like 2026-11-23") from None
