"""Account for a run that was stopped from outside.

From the journal to artifacts of that run, and the event that calls a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import FlowRun

from numberflow.journal import Journal
from numberflow.models.reports import AccountReport
from numberflow.models.wording import harmless
from numberflow.purchase.account import account_of, account_rows, account_text
from numberflow.purchase.run_context import in_thread
from tasks.credentials import settings_for
from tasks.person import call_person


async def publish_account(
    flow_run: FlowRun, why: str, *, unattended: bool = False
) -> AccountReport:
    """Tell what a flow run did, by its parameters and the journal.

    Also from a process that did not run it.

    Costs: nothing; asks the vendor nothing. Repeat: safe; each time adds a version.

    Args:
        flow_run: the run that stopped.
        why: in words.
        unattended: call a person whatever the journal says: nothing goes on by itself.

    Raises:
        BadInput, MissingCredentials, JournalUnavailable: as in
        `tasks.run_context.open_run_context`.
    """
    report = await _read(flow_run.parameters, str(flow_run.id), why)
    # Nobody waits for a stopped run: what it paid for is told even when nothing is unclear. First:
    # an artifact that the server refuses must not keep a person from being called.
    call_person(report, "purchase", unattended=unattended or report.done > 0)
    described = harmless(f"What {report.reference} did until it was stopped")
    artifacts = [("stopped-run", "markdown", harmless(account_text(report)))]
    if report.lines:
        artifacts.append(("stopped-run-steps", "table", json.dumps(account_rows(report))))
    async with get_client() as client:
        for key, kind, data in artifacts:
            # By the client: in a hook there is no run context that would tie an artifact to its
            # run.
            await client.create_artifact(
                ArtifactCreate(
                    key=key, type=kind, description=described, data=data, flow_run_id=flow_run.id
                )
            )
    return report


async def _read(parameters: Mapping[str, Any], run_id: str, why: str) -> AccountReport:
    settings = await settings_for(parameters.get("project") or None)
    journal = await in_thread(Journal.open, settings.journal_url)
    try:
        return await in_thread(
            account_of,
            journal,
            settings.project_id,
            parameters.get("reference"),
            why=why,
            flow_run_id=run_id,
        )
    finally:
        await in_thread(journal.close)
