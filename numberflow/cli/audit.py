"""`numberflow journal verify` and `export`: is the audit whole, and what does it say."""

from __future__ import annotations

import io
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq
import typer

from numberflow.cli.console import print_json
from numberflow.cli.exit_codes import DONE, NEEDS_PERSON
from numberflow.cli.journal import open_journal
from numberflow.errors import BadInput
from numberflow.export.audit import audit_table
from numberflow.export.csv_file import write_csv
from numberflow.models.wording import count_of, without_controls
from numberflow.purchase.audit import audit_rows

Format = Literal["parquet", "csv"]


def verify(*, expect: str | None, as_json: bool) -> int:
    """Print what the walk over the audit shows; the exit code."""
    with open_journal() as journal:
        verified = journal.verify_audit(expect=expect)
    if as_json:
        print_json(asdict(verified))
    else:
        for problem in verified.problems:
            typer.echo(without_controls(problem))
        if not verified.problems:
            typer.echo(f"{count_of(verified.rows, 'row')}, each as it was written.")
        typer.echo(f"Head: {verified.head}")
        typer.echo("Keep it outside the database, and verify with --expect HASH later.")
    return NEEDS_PERSON if verified.problems else DONE


def export(
    form: Format, *, since: str | None, until: str | None, project: str | None, out: Path | None
) -> None:
    """Write the audit to a file, or to the standard output.

    Raises:
        BadInput: a day that is none, or a file that cannot be written.
    """
    first, last = _day(since, "since"), _day(until, "until")
    with open_journal() as journal:
        rows = audit_rows(journal, project_id=project, since=first, until=last)
        table = audit_table(rows, with_project=True)
    # Parquet needs its position in the file, which a pipe does not have.
    whole = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, whole, compression="zstd")
    else:
        write_csv(table, whole)
    if out is None:
        sys.stdout.buffer.write(whole.getbuffer())
        sys.stdout.buffer.flush()
        return
    try:
        out.write_bytes(whole.getbuffer())
    except OSError as error:
        raise BadInput(
            f"--out: {out} cannot be written: {error.strerror or error}",
            field="out",
            remedy="name a file in a folder that is there",
        ) from None


def _day(text: str | None, field: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"--{field}: {text!r} is no day", field=field, remedy="write it like 2026-11-23"
        ) from None
