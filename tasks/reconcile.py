"""Journal against vendor as Prefect tasks."""

from __future__ import annotations

from collections.abc import Mapping

from numberflow.journal import Journal
from numberflow.purchase.reconciling.run import Reconciled, reconcile_project
from numberflow.purchase.run_context import RunContext, in_thread
from tasks.credentials import settings_for
from tasks.step import step


@step("compare journal and vendor")
async def compare(context: RunContext, *, show_all: bool, flow_run_id: str) -> Reconciled:
    """Settle what evidence settles, compare both sides, and publish what does not agree.

    Costs: nothing; nothing changes at the vendor. Repeat: safe.
    """
    return await reconcile_project(context, show_all=show_all, flow_run_id=flow_run_id)


@step("keep what was told")
async def remember(project: str | None, project_id: str, found: Mapping[str, str]) -> None:
    """Keep that people were told of these findings, key → digest: they are told once.

    Costs: nothing. Repeat: safe.
    """
    settings = await settings_for(project)

    def keep() -> None:
        with Journal.open(settings.journal_url) as journal:
            journal.note_findings(project_id, found)

    await in_thread(keep)
