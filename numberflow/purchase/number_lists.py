"""Reading a list of numbers that a parameter names.

A file of the papers store, or the inventory that was published last. Sends nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from numberflow.errors import BadInput
from numberflow.export.load import load_inventory
from numberflow.models.number_source import InventoryFilter, NumberFile
from numberflow.models.wording import count_of
from numberflow.paper_store import PaperStore
from numberflow.settings import Settings

FIELD = "phone_numbers"
# A column of a hundred thousand numbers has some megabytes; what is larger is something else.
FILE_BYTES_MAX = 32 * 1024 * 1024
# Headings of the column that holds the numbers, in small letters and with one kind of gap.
_HEADINGS = ("phone_number", "phone_numbers", "number", "numbers", "phone", "telephone", "msisdn")


@dataclass(frozen=True)
class NumberList:
    """The numbers as they stand in the source, and a sentence about where they come from."""

    numbers: tuple[Any, ...]
    note: str


def read_list(source: InventoryFilter | NumberFile, settings: Settings) -> NumberList:
    """The numbers that a source names, as written there; they are checked like any others.

    Raises:
        BadInput: there is no such file, snapshot or column, or nothing in it fits.
        FileDamaged, StoreUnavailable: the inventory cannot be read.
    """
    found = (
        _of_inventory(source, settings)
        if isinstance(source, InventoryFilter)
        else _of_file(source, settings)
    )
    if not found.numbers:
        raise BadInput(
            f"{FIELD}: {found.note}",
            field=FIELD,
            remedy="correct the filter or the file; nothing was sent",
        )
    return found


def _of_inventory(source: InventoryFilter, settings: Settings) -> NumberList:
    columns = ["phone_number", *source.values, "snapshot_date"]
    try:
        rows = load_inventory(
            source.date, columns, settings.project_id, root=settings.inventory_root
        )
    except BadInput as error:
        raise BadInput(
            f"{FIELD}: inventory: {error.message}", field=FIELD, remedy=error.remedy
        ) from None
    for column, value in source.values.items():
        rows = rows[rows[column].fillna("") == value]
    numbers = tuple(str(number) for number in rows["phone_number"])
    if not numbers:
        day = (
            "the newest inventory" if source.date == "latest" else f"the inventory of {source.date}"
        )
        return NumberList((), f"no number has {source} in {day}")
    day = str(rows["snapshot_date"].iloc[0])
    return NumberList(
        numbers,
        f"{count_of(len(numbers), 'number')} with {source} in the inventory of {day}; "
        f"to name the same ones another day write date={day}",
    )


def _of_file(source: NumberFile, settings: Settings) -> NumberList:
    store = PaperStore.of(settings)
    store.require(source.reference, field=FIELD)
    try:
        with store.open(source.reference, field=FIELD) as file:
            numbers = _column(file, source.reference)
    except BadInput:
        raise
    except FileNotFoundError:
        raise BadInput(
            f"{FIELD}: there is no {source.reference} in the papers store",
            field=FIELD,
            remedy="`numberflow papers list` shows what is there, `numberflow papers put "
            "<file>` adds one",
        ) from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BadInput(
            f"{FIELD}: the file cannot be read as {source.reference.rpartition('.')[2].lower()}: "
            f"{type(error).__name__}",
            field=FIELD,
            remedy="`numberflow papers list` shows what is there; save it again as CSV (UTF-8) or "
            "Parquet",
        ) from None
    return NumberList(numbers, f"{count_of(len(numbers), 'number')} in {source.reference}")


def _column(file: BinaryIO, reference: str) -> tuple[Any, ...]:
    content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise BadInput(
            f"{FIELD}: the file is larger than {FILE_BYTES_MAX // 1024**2} MB",
            field=FIELD,
            remedy="name a file that holds the numbers only",
        )
    if reference.lower().endswith(".parquet"):
        table = pq.read_table(io.BytesIO(content))
        name = table.column_names[_place(table.column_names)]
        return tuple(each for each in table[name].to_pylist() if each is not None)
    # utf-8-sig: spreadsheets put a mark at the beginning.
    text = content.decode("utf-8-sig")
    delimiter = (
        ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    )
    rows = [
        row
        for row in csv.reader(io.StringIO(text), delimiter=delimiter)
        if any(cell.strip() for cell in row)
    ]
    if not rows:
        return ()
    headed = not any(sign.isdigit() for cell in rows[0] for sign in cell)
    place = _place(rows[0]) if headed or len(rows[0]) > 1 else 0
    return tuple(row[place] for row in rows[headed:] if len(row) > place and row[place].strip())


def _place(headings: Sequence[str]) -> int:
    """Which column holds the numbers: the one that is called so, or the only one."""
    named = [heading.strip().lower().replace(" ", "_").replace("-", "_") for heading in headings]
    for heading in _HEADINGS:
        if heading in named:
            return named.index(heading)
    if len(named) == 1:
        return 0
    raise BadInput(
        f"{FIELD}: no column of the file is called phone_number",
        field=FIELD,
        remedy="call the column with the numbers phone_number, or keep that column only",
    )
