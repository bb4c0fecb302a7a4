"""Journal against vendor, both ways: settle by evidence, and tell once what does not agree."""

from __future__ import annotations

from prefect.client.schemas.objects import State

from flows import forms
from flows.naming import reconciled
from flows.runner import Run, refused, run_flow, runbook
from numberflow.models.reconcile import Reconcile
from numberflow.models.reports import ReconcileReport
from numberflow.purchase.reconciling.run import Reconciled
from tasks.reconcile import compare, remember


@runbook("reconcile", reconciled)
async def reconcile(
    *, show_all: bool = False, project: forms.Project = ""
) -> State[ReconcileReport] | ReconcileReport:
    """Compare the journal with what the project holds, and say what does not agree.

    Steps whose outcome nobody knows are looked at first. Nothing is sent that costs or changes
    anything. Each finding comes with the command that settles it, and is told once.

    Args:
        show_all: Report all findings, also those that were reported before.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    arguments = dict(locals())
    done: list[tuple[str | None, Reconciled]] = []

    async def work(run: Run[Reconcile]) -> ReconcileReport:
        wanted = run.parameters
        compared = await compare(run.context, show_all=wanted.show_all)
        done.append((wanted.project, compared))
        return compared.report

    ended = await run_flow(arguments, Reconcile, work, refused(ReconcileReport))
    # After the report is out: whoever dies before has told nobody.
    for block, each in done:
        await remember(block, each.report.project_id, each.found)
    return ended
