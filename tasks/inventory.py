"""Steps of the nightly inventory as Prefect tasks.

One task per project, so that Prefect's cost is the same for ten numbers and for a million.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.assets import Asset, AssetProperties, add_asset_metadata
from prefect.cache_policies import NO_CACHE
from prefect.deployments.flow_runs import arun_deployment
from prefect.logging import get_run_logger
from prefect.tasks import MaterializingTask
from prefect.utilities.urls import url_for

from numberflow.export.follow_up import export_inventory
from numberflow.export.snapshot import Progress
from numberflow.models.inventory import ExportInventory
from numberflow.models.reports import HandedOut, ProjectInventory
from numberflow.purchase.audit import publish_audit
from numberflow.purchase.inventory import ask_journal
from numberflow.purchase.run_context import in_thread, open_client
from tasks.credentials import settings_for
from tasks.step import step

# A line in the log and a step of the progress bar this often: often enough to see it move, seldom
# enough that a million numbers cost a dozen calls.
TELL_EVERY_S = 5.0


@step("export project")
async def export_one_project(
    project: str, wanted: ExportInventory, run_id: str
) -> ProjectInventory:
    """Read, prove, publish one project's numbers, and make changes, costs and report.

    Costs: nothing. Repeat: safe; the same date is replaced in one step.

    Args:
        project: name of a credentials block; empty for the environment.
        wanted: date, connections, strictness.
        run_id: of the flow run, for the manifest.

    Raises:
        BadInput, MissingCredentials: as in `settings_for`; or the date cannot be used.
        JournalUnavailable: the journal, which knows where imported numbers are to be found, cannot
        be read. SnapshotRefused, StoreUnavailable: nothing was published.
    """
    settings = await settings_for(project or None)
    imported = await in_thread(ask_journal, settings)
    teller = _Teller(settings.project_id)
    try:
        async with open_client(settings, on_wait=teller.waiting) as client:
            return await export_inventory(
                client,
                settings.inventory_root,
                project=project,
                snapshot_date=wanted.day,
                began_on=wanted.began_on,
                run_id=run_id,
                connections=wanted.connections,
                strict=wanted.strict,
                imported=imported,
                on_progress=teller,
            )
    finally:
        await teller.end()


@step("publish audit")
async def publish_audit_of(project: str, run_id: str) -> list[str]:
    """Publish the journal's audit of the days that are over. Returns where.

    Costs: nothing. Repeat: safe; a day is replaced in one step.

    Args:
        project: name of a credentials block; empty for the environment.
        run_id: of the flow run, for the manifest.
    """
    settings = await settings_for(project or None)
    return await in_thread(publish_audit, settings, run_id, datetime.now(UTC).date())


async def announce_snapshot(done: ProjectInventory) -> None:
    """Tell Prefect that the project's inventory is there: an asset, with its size and address.

    Costs: nothing. Repeat: safe.
    """
    asset = Asset(
        key=f"numberflow://inventory/{done.project_id}",
        properties=AssetProperties(
            name=f"inventory of {done.project_id}",
            description="Active phone numbers as Parquet",
            url=done.url,
        ),
    )

    async def publish_asset() -> None:
        add_asset_metadata(
            asset,
            {
                "rows": done.rows,
                "snapshot_date": str(done.snapshot_date),
                "url": done.url,
                "report": done.report_url,
            },
        )

    await MaterializingTask(
        publish_asset,
        assets=[asset],
        name="publish asset",
        cache_policy=NO_CACHE,
        persist_result=False,
    )()


@step("hand out projects")
async def hand_out(deployment_id: str, wanted: ExportInventory, run_id: str) -> list[HandedOut]:
    """Start one run of this deployment for each project, so that several workers share them.

    Does not wait for them: a worker that waits would keep a place that they may need.
    Costs: nothing. Repeat: safe; the same run hands a project out once.
    """
    started = []
    for project in wanted.projects:
        run = await arun_deployment(
            UUID(deployment_id),
            parameters=wanted.model_dump(mode="json")
            | {"snapshot_date": str(wanted.day), "projects": [project], "hand_out_projects": False},
            flow_run_name=f"inventory of {project}",
            idempotency_key=f"{run_id}/{project}",
            timeout=0,
            as_subflow=False,
        )
        url = url_for("flow-run", obj_id=run.id) or ""
        started.append(HandedOut(project=project, flow_run_id=str(run.id), url=url))
    return started


class _Teller:
    """How far the export is, in the log and as a progress artifact.

    Best effort: a Prefect server that does not answer must not stop an export.
    """

    def __init__(self, project_id: str) -> None:
        self._project_id = project_id
        self._logger = get_run_logger()
        self._told_at_s = monotonic()
        self._artifact_id: UUID | None = None
        self._telling: asyncio.Task[None] | None = None
        self._works = True
        self._read = False
        self._percent = 0.0

    def __call__(self, progress: Progress) -> None:
        """Note how far it is; tell it when it is time."""
        read = progress.shards > 0 and progress.shards_done == progress.shards
        just_read, self._read = read and not self._read, read
        if monotonic() - self._told_at_s < TELL_EVERY_S and not just_read:
            return
        self._told_at_s = monotonic()
        self._logger.info(
            "%d rows, %d pages, %d requests, %d of %s shards, %.0f rows/s",
            progress.rows,
            progress.pages,
            progress.requests,
            progress.shards_done,
            progress.shards or "?",
            progress.rows_per_s,
        )
        if self._works and (self._telling is None or self._telling.done()):
            self._percent = _percent(progress)
            self._telling = asyncio.ensure_future(self._show())

    def waiting(self, text: str) -> None:
        """Tell what is waited for: in the log, and beside the bar until it moves again."""
        self._logger.info(text)
        if self._works and (self._telling is None or self._telling.done()):
            self._telling = asyncio.ensure_future(self._show(text))

    async def end(self) -> None:
        """Let what is being told arrive."""
        if self._telling is not None:
            await self._telling

    async def _show(self, waiting: str = "") -> None:
        told = f"Shards of {self._project_id} that were read" + (f"; {waiting}" if waiting else "")
        try:
            if self._artifact_id is None:
                self._artifact_id = await acreate_progress_artifact(
                    self._percent, key="export-inventory-progress", description=told
                )
            else:
                await aupdate_progress_artifact(self._artifact_id, self._percent, description=told)
        except Exception as error:  # noqa: BLE001 - see the class
            self._works = False
            self._logger.warning(
                "Progress cannot be shown in Prefect any more: %s", type(error).__name__
            )


def _percent(progress: Progress) -> float:
    """How many of the shards are done.

    0 while it is not known how many there are, though some may be done by then.
    """
    return 100.0 * progress.shards_done / progress.shards if progress.shards else 0.0
