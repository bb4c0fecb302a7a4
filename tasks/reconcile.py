"""Journal against vendor as Prefect tasks."""

from __future__ import annotations

from collections.abc import Mapping

from numberflow.journal import Journal
from numberflow.purchase.reconciling.run import reconcile_project
from numberflow.purchase.run_context import in_thread
from tasks.credentials import settings_for
from tasks.step import step

compare = step("compare journal and vendor")(reconcile_project)


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
