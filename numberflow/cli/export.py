"""`numberflow export`: publish a snapshot of what the project holds now, without Prefect."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Self

import typer
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from numberflow.cli import exit_codes
from numberflow.cli.console import console
from numberflow.errors import BadInput
from numberflow.export.follow_up import export_inventory, follow_up_again
from numberflow.export.snapshot import Progress, today
from numberflow.export.words import inventory_text
from numberflow.models.reports import InventoryReport, ProjectInventory, RunOutcome
from numberflow.models.wording import without_controls
from numberflow.purchase.inventory import ask_journal
from numberflow.purchase.run_context import open_client
from numberflow.settings import Settings


def export(day: str | None, *, connections: int, strict: bool, as_json: bool) -> int:
    """Read, prove, publish, report. Returns the exit code.

    Raises:
        BadInput: the date is not a date, or cannot be used.
        SnapshotRefused, StoreUnavailable: nothing was published.
    """
    settings = Settings.load()
    settings.require_credentials()
    began_on = today()
    snapshot_date = began_on if day is None else _date(day, "--date")
    imported = ask_journal(settings)

    async def run(shown: ProgressLine) -> ProjectInventory:
        async with open_client(settings, on_wait=shown.note) as client:
            return await export_inventory(
                client,
                settings.inventory_root,
                snapshot_date=snapshot_date,
                began_on=began_on,
                connections=connections,
                strict=strict,
                imported=imported,
                on_progress=shown,
            )

    with ProgressLine() as shown:
        done = asyncio.run(run(shown))
    return _tell((done,), snapshot_date, as_json=as_json)


def follow_up(day: str, *, as_json: bool) -> int:
    """Make changes, costs and report of a published date again, from its files.

    Returns the exit code.

    Raises:
        BadInput: the date is not a date, or has no snapshot.
        StoreUnavailable: the store does not answer.
    """
    snapshot_date = _date(day, "--follow-up")
    return _tell(
        follow_up_again(Settings.load().inventory_root, snapshot_date),
        snapshot_date,
        as_json=as_json,
    )


def _tell(done: Sequence[ProjectInventory], snapshot_date: date, *, as_json: bool) -> int:
    failed = [each for each in done if each.outcome is not RunOutcome.DONE]
    report = InventoryReport(
        outcome=RunOutcome.REFUSED if failed else RunOutcome.DONE,
        reason="; ".join(dict.fromkeys(each.reason for each in failed)),
        remedy="; ".join(dict.fromkeys(each.remedy for each in failed)),
        project_id=done[0].project_id if len(done) == 1 else "",
        snapshot_date=snapshot_date,
        projects=tuple(done),
    )
    typer.echo(
        report.model_dump_json(indent=2)
        if as_json
        else without_controls(inventory_text(report).replace("**", "").lstrip("# "))
    )
    if failed:
        typer.echo(f"numberflow: PUBLISHED, BUT NOT COMPLETE: {report.reason}", err=True)
        typer.echo(f"  → {report.remedy}", err=True)
    return exit_codes.REFUSED if failed else exit_codes.DONE


def _date(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{option}: {text!r} is not a date",
            field=option.lstrip("-"),
            remedy="write it like 2026-11-23",
        ) from None


class ProgressLine:
    """Progress of reading the inventory, on stderr: a bar on a terminal, else some lines."""

    # A log needs a sign of life, not every step.
    LOG_EVERY_S = 10.0

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[shards]} shards"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("Reading …", total=None, shards="?")
        self._said_at_s = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show how far it is."""
        text = (
            f"{progress.rows} rows, {progress.pages} pages, {progress.requests} requests, "
            f"{progress.rows_per_s:.0f} rows/s"
        )
        shards = f"{progress.shards_done} of {progress.shards or '?'}"
        self._bar.update(
            self._task,
            description=text,
            completed=progress.shards_done,
            total=progress.shards or None,
            shards=shards,
        )
        if self._bar.disable and progress.elapsed_s - self._said_at_s >= self.LOG_EVERY_S:
            self._said_at_s = progress.elapsed_s
            self.note(f"{text}, {shards} shards")

    def note(self, text: str) -> None:
        """Print what the command waits for."""
        self._console.print(text)
