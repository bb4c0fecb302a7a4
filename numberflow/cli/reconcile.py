"""`numberflow reconcile`: journal against vendor, without Prefect."""

from __future__ import annotations

import asyncio

import typer

from numberflow.cli import exit_codes
from numberflow.cli.account import settings_of
from numberflow.cli.console import working
from numberflow.journal import Journal
from numberflow.journal.owner import this_person
from numberflow.models.parameters import check_parameters
from numberflow.models.reconcile import Reconcile
from numberflow.models.reports import ReconcileReport, RunOutcome
from numberflow.models.wording import without_controls
from numberflow.purchase.reconciling.run import reconcile_project
from numberflow.purchase.reconciling.text import reconcile_text
from numberflow.purchase.run_context import RunContext, open_client
from numberflow.settings import Settings


def run(project: str | None, *, everything: bool, accept_restore: bool, as_json: bool) -> int:
    """Settle, read, compare, publish, tell. Returns the exit code.

    Raises:
        BadInput: no block has that name.
        SnapshotRefused, StoreUnavailable, JournalUnavailable: nothing was told.
    """
    wanted = check_parameters(Reconcile, {"project": project, "show_all": everything})
    settings = settings_of(wanted.project)
    with Journal.open(settings.journal_url) as journal:
        # Steps that looking settles have a name beside them in the audit.
        journal.act_as(by=this_person())
        with working("Comparing journal and vendor …"):
            report, found = asyncio.run(_compare(settings, journal, wanted, accept_restore))
        typer.echo(
            report.model_dump_json(indent=2)
            if as_json
            else without_controls(reconcile_text(report).replace("**", "").lstrip("# "))
        )
        journal.note_findings(report.project_id, found)
    is_done = report.outcome is RunOutcome.DONE
    return exit_codes.DONE if is_done else exit_codes.NEEDS_PERSON


async def _compare(
    settings: Settings, journal: Journal, wanted: Reconcile, accept_restore: bool
) -> tuple[ReconcileReport, dict[str, str]]:
    async with open_client(settings) as client:
        context = RunContext(client, journal, settings, project=wanted.project)
        done = await reconcile_project(
            context, show_all=wanted.show_all, accept_restore=accept_restore
        )
        return done.report, dict(done.found)
