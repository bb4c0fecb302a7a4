"""Publish what projects hold as Parquet.

Every night, complete or not at all, with changes, costs and a report.
"""

from __future__ import annotations

from typing import Annotated

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment

from flows import forms
from flows.naming import exported_inventory
from flows.runner import Run, refused, run_flow, runbook
from numberflow.errors import BadInput, NumberflowError
from numberflow.models.inventory import ExportInventory
from numberflow.models.reports import InventoryReport, ProjectInventory, RunOutcome
from tasks.inventory import (
    announce_snapshot,
    export_one_project,
    hand_out,
    publish_audit_of,
)
from tasks.publish import publish_audit_files


@runbook("export-inventory", exported_inventory)
async def export_inventory(
    *,
    snapshot_date: forms.Day = "",
    projects: Annotated[tuple[str, ...] | None, forms.MAY_STAY_EMPTY] = (),
    hand_out_projects: bool = False,
    connections: forms.Connections = 8,
    strict: bool = False,
) -> State[InventoryReport] | InventoryReport:
    """Publish every active number as a dated Parquet snapshot, with changes, costs and a report.

    Complete and proven, or nothing is published and the snapshot before stands. Run it again at any
    time: the same date is replaced in one step.

    Args:
        snapshot_date: Date of the snapshot, 2026-11-23. Empty: today in UTC. A past date is taken
            only while it has no snapshot: what was held then cannot be read now.
        projects: Names of Sinch Credentials blocks, one snapshot each. Empty: the account of the
            environment.
        hand_out_projects: Start one run for each project, so that several workers share them,
            instead of one after the other here. Each tells how it ended; this run does not wait
            for them.
        connections: Requests at once, 1 to 32.
        strict: Prove completeness without page tokens, for 4 to 8 times the requests.
    """
    return await run_flow(locals(), ExportInventory, _work, refused(InventoryReport))


async def _work(run: Run[ExportInventory]) -> InventoryReport:
    step = _hand_out if run.parameters.hand_out_projects else _export
    return await step(run.parameters, run.id)


async def _export(wanted: ExportInventory, run_id: str) -> InventoryReport:
    done = [await _one(project, wanted, run_id) for project in wanted.projects or ("",)]
    failed = [each for each in done if each.outcome is not RunOutcome.DONE]
    return InventoryReport(
        outcome=RunOutcome.REFUSED if failed else RunOutcome.DONE,
        reason="; ".join(f"{each.project or 'environment'}: {each.reason}" for each in failed),
        remedy="; ".join(dict.fromkeys(each.remedy for each in failed)),
        snapshot_date=wanted.day,
        project_id=done[0].project_id if len(done) == 1 else "",
        projects=tuple(done),
    )


async def _one(project: str, wanted: ExportInventory, run_id: str) -> ProjectInventory:
    """One project; what goes wrong with it does not stop the others."""
    try:
        done = await export_one_project(project, wanted, run_id)
    except NumberflowError as error:
        return ProjectInventory(
            project=project,
            outcome=RunOutcome.REFUSED,
            reason=error.message,
            remedy=error.remedy or "fix the cause and run again",
        )
    # Whatever it is, the other projects are not to blame; its traceback is in the log
    except Exception as error:  # noqa: BLE001
        # Its words may hold anything; its type is enough for the report.
        get_run_logger().exception(
            "Project %s could not be exported", project or "of the environment"
        )
        return ProjectInventory(
            project=project,
            outcome=RunOutcome.REFUSED,
            reason=f"an error of numberflow itself: {type(error).__name__}",
            remedy="look at the traceback in this run's log, and tell the maintainers of "
            "numberflow",
        )
    try:
        if files := await publish_audit_of(project, run_id):
            get_run_logger().info("Audit: %s", ", ".join(files))
            await publish_audit_files(done.project_id, files)
    # The snapshot stands; the next night publishes the days that are missing
    except Exception as error:  # noqa: BLE001
        get_run_logger().warning("The audit could not be published: %s", type(error).__name__)
    try:
        await announce_snapshot(done)
    # What is published is published, whether or not Prefect lists it
    except Exception as error:  # noqa: BLE001
        get_run_logger().warning("The asset could not be announced: %s", type(error).__name__)
    return done


async def _hand_out(wanted: ExportInventory, run_id: str) -> InventoryReport:
    deployment_id = deployment.get_id()
    if deployment_id is None or not wanted.projects:
        raise BadInput(
            "hand_out_projects: there is nothing to hand out"
            if deployment_id
            else "hand_out_projects: only a deployment can be run by several workers",
            field="hand_out_projects",
            remedy="name the projects"
            if deployment_id
            else "run export-inventory from its deployment, or leave hand_out_projects out",
        )
    return InventoryReport(
        outcome=RunOutcome.DONE,
        snapshot_date=wanted.day,
        handed_to=tuple(await hand_out(deployment_id, wanted, run_id)),
    )
