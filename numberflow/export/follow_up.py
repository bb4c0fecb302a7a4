"""What is made of a snapshot once it is published: changes, costs, forecast, report; and which old ones go.

All of it can be made again from what is published, so a failure here takes nothing from the snapshot. Not here: how each is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio.to_thread

from numberflow.export import publish as publishing
from numberflow.export.changes import publish_changes
from numberflow.export.costs import publish_costs
from numberflow.export.figures import Figures, count_figures
from numberflow.export.pages import CONNECTIONS
from numberflow.export.publish import Partition
from numberflow.export.report import ChangeDay, report_page
from numberflow.export.retention import prune
from numberflow.export.snapshot import Progress, Snapshot, export_project
from numberflow.export.store import Store, open_store
from numberflow.export.vendor import Vendor
from numberflow.models.reports import ProjectInventory, RunOutcome

# Days of changes in the report.
CHANGES_DAYS = 30
# Changes are small and cannot be made again once their snapshots are gone: they all stay.
_PRUNED = (publishing.INVENTORY, publishing.COSTS, publishing.FORECAST, publishing.REPORTS)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What was made of one snapshot.

    Fields:
        changes: manifest of the changes; None when there is no earlier snapshot.
        costs, forecast: manifests.
        figures: what the report shows.
        report_url: where the HTML page is.
        removed: snapshots and what belongs to them that retention took away.
    """

    changes: dict[str, Any] | None
    costs: dict[str, Any]
    forecast: dict[str, Any]
    figures: Figures
    report_url: str
    removed: tuple[Partition, ...]


def follow_up(root: str, snapshot: Partition, manifest: Mapping[str, Any]) -> FollowUp:
    """Make everything that belongs to a published snapshot.

    Repeat: safe; each part is replaced in one step. Blocks: call it in a thread from an event loop.

    Args:
        root: as in `export_project`.
        snapshot: of which.
        manifest: its manifest.

    Raises:
        FileNotFoundError: the snapshot is not there (any more).
        OSError: the store does not take it.
    """
    store = open_store(root)
    run_id = str(manifest["run_id"])
    changes = None
    if before := _neighbour(store, snapshot, -1):
        changes = publish_changes(store, before, snapshot, run_id)
    # A date that is published again, or filled in later, is what the next one is compared with.
    if after := _neighbour(store, snapshot, 1):
        publish_changes(store, snapshot, after, run_id)
    costs, forecast = publish_costs(store, snapshot, run_id)
    figures = count_figures(store, snapshot, datetime.fromisoformat(manifest["snapshot_at"]))
    page = report_page(
        snapshot,
        manifest,
        figures,
        costs,
        forecast["by_month"],
        _change_days(store, snapshot),
        data_url=store.url(snapshot.data),
    )
    report = Partition(publishing.REPORTS, snapshot.snapshot_date, snapshot.project_id)
    store.write(report.data, page)
    publishing.point_to_latest(store, publishing.REPORTS)
    removed = _prune(store)
    return FollowUp(changes, costs, forecast, figures, store.url(report.data), removed)


def _neighbour(store: Store, snapshot: Partition, step: int) -> Partition | None:
    """The project's snapshot before (-1) or after (1) this one, by date."""
    others = publishing.partitions(store, publishing.INVENTORY, snapshot.project_id)
    if step < 0:
        return max((each for each in others if each.snapshot_date < snapshot.snapshot_date), key=_day, default=None)
    return min((each for each in others if each.snapshot_date > snapshot.snapshot_date), key=_day, default=None)


def _day(partition: Partition) -> date:
    return partition.snapshot_date


def _change_days(store: Store, snapshot: Partition) -> list[ChangeDay]:
    since = snapshot.snapshot_date - timedelta(days=CHANGES_DAYS)
    days = []
    for partition in publishing.partitions(store, publishing.CHANGES, snapshot.project_id):
        if not since < partition.snapshot_date <= snapshot.snapshot_date:
            continue
        manifest = publishing.read_manifest(store, partition)
        if manifest is not None:
            days.append(ChangeDay(partition.snapshot_date, **manifest["changes"]))
    return days


def _prune(store: Store) -> tuple[Partition, ...]:
    now = datetime.now(UTC).date()
    gone: list[Partition] = []
    for table in _PRUNED:
        gone += prune(store, table, now=now)
    return tuple(gone)


async def export_inventory(
    vendor: Vendor,
    root: str,
    *,
    project: str = "",
    snapshot_date: date | None = None,
    run_id: str | None = None,
    connections: int = CONNECTIONS,
    strict: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> ProjectInventory:
    """Export one project and make what belongs to its snapshot: the library call behind the flow, the command line and the demo.

    Arguments and errors as in `export_project`; `project` is the name in the report. When the snapshot is published and something after it fails, that is
    told in the result and not raised: the snapshot stands, and the same date can be run again.
    """
    snapshot = await export_project(
        vendor, root, snapshot_date=snapshot_date, run_id=run_id, connections=connections, strict=strict, on_progress=on_progress
    )  # fmt: skip
    try:
        made = await anyio.to_thread.run_sync(follow_up, root, snapshot.partition, snapshot.manifest)
    except OSError as error:
        return _told(snapshot, project).model_copy(
            update={
                "outcome": RunOutcome.REFUSED,
                "reason": f"the snapshot is published; its changes, costs or report are not: {error}",
                "mend": f"mend the store, then run snapshot_date {snapshot.partition.snapshot_date} again",
            }
        )
    changes = made.changes["changes"] if made.changes else {}
    return _told(snapshot, project).model_copy(
        update={
            **changes,
            "report_url": made.report_url,
            "monthly": {currency: Decimal(amount) for currency, amount in made.costs["monthly"].items()},
        }
    )


def _told(snapshot: Snapshot, project: str) -> ProjectInventory:
    manifest = snapshot.manifest
    odd = [f"{odd['rows']} rows: {odd['rule']}" for odd in manifest["quality"]["odd"]]
    unknown = manifest["unknown_members"]
    if unknown:
        odd.append(f"members that the schema does not know, kept in `extra`: {', '.join(unknown)}")
    return ProjectInventory(
        project=project,
        outcome=RunOutcome.DONE,
        project_id=snapshot.partition.project_id,
        rows=snapshot.rows,
        url=snapshot.url,
        remarks=(*manifest["remarks"], *odd),
        requests=manifest["requests"],
        elapsed_s=round(snapshot.elapsed_s, 3),
    )
