"""`numberflow numbers list`: every number that the project holds. Publishes nothing."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pycountry

from numberflow.cli.export import ProgressLine
from numberflow.errors import BadInput
from numberflow.export.csv_file import write_csv
from numberflow.export.schema import iso
from numberflow.export.shards import KNOWN_TYPES
from numberflow.export.snapshot import read_numbers
from numberflow.json_text import to_json
from numberflow.purchase.run_context import open_client
from numberflow.settings import Settings

Format = Literal["json", "csv", "parquet"]


def list_numbers(
    form: Format, *, region_code: str | None, number_type: str | None, out: Path | None
) -> None:
    """Read the numbers and write them.

    Raises:
        BadInput: a filter that is not valid, a file that cannot be written, or Parquet for a
            terminal. No request was sent.
        SnapshotRefused: the list could not be proven complete; nothing was written.
    """
    if form == "parquet" and out is None and sys.stdout.isatty():
        raise BadInput(
            "Parquet is binary and no terminal shows it",
            field="format",
            remedy="add --out FILE, or redirect the output",
        )
    region_code, number_type = _region(region_code), _type(number_type)
    if out is not None:
        _check_writable(out)
    settings = Settings.load()
    settings.require_credentials()

    async def run(shown: ProgressLine) -> pa.Table:
        async with open_client(settings, on_wait=shown.note) as client:
            return await read_numbers(
                client, region_code=region_code, number_type=number_type, on_progress=shown
            )

    with ProgressLine() as shown:
        numbers = asyncio.run(run(shown))
    if out is not None:
        try:
            with out.open("wb") as file:
                _write(numbers, form, file)
        except OSError as error:
            raise _bad_out(out, error.strerror or str(error)) from None
    else:
        _write(numbers, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _region(text: str | None) -> str | None:
    if text is None:
        return None
    code = text.strip().upper()
    if pycountry.countries.get(alpha_2=code) is None:
        raise BadInput(
            f"--region: {text!r} is not a region",
            field="region",
            remedy="write its two letters (ISO 3166-1), such as US",
        )
    return code


def _type(text: str | None) -> str | None:
    if text is None:
        return None
    kind = text.strip().upper()
    if kind not in KNOWN_TYPES:
        raise BadInput(
            f"--type: {text!r} is not a type of number",
            field="type",
            remedy=f"write one of {', '.join(KNOWN_TYPES)}",
        )
    return kind


def _check_writable(out: Path) -> None:
    """Check before a minute of reading, not after it."""
    if out.is_dir():
        raise _bad_out(out, "it is a folder")
    if not out.parent.is_dir():
        raise _bad_out(out, f"there is no folder {out.parent}")
    if not os.access(out if out.exists() else out.parent, os.W_OK):
        raise _bad_out(out, "this user may not write to it")


def _bad_out(out: Path, problem: str) -> BadInput:
    return BadInput(
        f"--out: {out} cannot be written: {problem}",
        field="out",
        remedy="name a file in a folder that exists",
    )


def _write(numbers: pa.Table, form: Format, file: Any) -> None:
    match form:
        case "parquet":
            # Parquet needs its position in the file, which a pipe does not have.
            whole = io.BytesIO()
            pq.write_table(numbers, whole, compression="zstd")
            file.write(whole.getbuffer())
        case "csv":
            write_csv(numbers, file)
        case "json":
            for piece in _json(numbers):
                file.write(piece.encode())


def _json(numbers: pa.Table) -> Iterator[str]:
    """One array, one number a line."""
    yield "["
    first = True
    for batch in numbers.to_batches(max_chunksize=1000):
        for row in batch.to_pylist():
            # Times as in the manifests.
            plain = {
                name: iso(value) if isinstance(value, datetime) else value
                for name, value in row.items()
            }
            yield ("\n" if first else ",\n") + to_json(plain, ensure_ascii=False)
            first = False
    yield "\n]\n"
