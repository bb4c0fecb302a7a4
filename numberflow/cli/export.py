"""`numberflow export`: publish a snapshot of what the project holds now, without Prefect, and say where it is."""

from __future__ import annotations

import asyncio
import sys
from datetime import date

import typer

from numberflow.cli import exit_codes
from numberflow.client import Client
from numberflow.errors import BadInput
from numberflow.export.follow_up import export_inventory
from numberflow.export.snapshot import Progress, today
from numberflow.export.words import inventory_text
from numberflow.models.reports import InventoryReport, ProjectInventory, RunOutcome
from numberflow.settings import Settings


def export(day: str | None, *, connections: int, strict: bool, as_json: bool) -> int:
    """Read, prove, publish, report. Returns the exit code.

    Raises:
        BadInput: the date is none, or cannot be used.
        SnapshotRefused: nothing was published.
    """
    settings = Settings.load()
    settings.require_credentials()
    snapshot_date = None if day is None else _date(day)
    shown = ProgressLine()

    async def run() -> ProjectInventory:
        async with Client(settings) as client:
            return await export_inventory(
                client,
                settings.inventory_root,
                snapshot_date=snapshot_date,
                connections=connections,
                strict=strict,
                on_progress=shown,
            )

    try:
        done = asyncio.run(run())
    finally:
        shown.end()
    report = InventoryReport(
        outcome=done.outcome,
        reason=done.reason,
        mend=done.mend,
        project_id=done.project_id,
        snapshot_date=snapshot_date or today(),
        projects=(done,),
    )
    typer.echo(report.model_dump_json(indent=2) if as_json else inventory_text(report).replace("**", "").lstrip("# "))
    return exit_codes.DONE if done.outcome is RunOutcome.DONE else exit_codes.REFUSED


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--date: {text!r} is no date", field="date", mend="write it like 2026-11-23") from None


class ProgressLine:
    """One line on standard error that keeps up with the work; a line at a time when that is no terminal."""

    # A log wants to know that it goes on, not every step.
    LOG_EVERY_S = 10.0

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._said_at_s = 0.0

    def __call__(self, progress: Progress) -> None:
        """Show how far it is."""
        text = (
            f"{progress.rows} rows, {progress.pages} pages, {progress.requests} requests, "
            f"{progress.shards_done} of {progress.shards or '?'} shards, {progress.rows_per_s:.0f} rows/s"
        )
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()
        elif progress.elapsed_s - self._said_at_s >= self.LOG_EVERY_S:
            self._said_at_s = progress.elapsed_s
            sys.stderr.write(f"{text}\n")

    def end(self) -> None:
        """Leave the line free for what comes next."""
        if self._terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
