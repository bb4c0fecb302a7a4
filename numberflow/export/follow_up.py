"""What is made of a published snapshot: changes, costs, forecast, report. And retention.

All of it can be made again from what is published. So a failure here does not harm the snapshot,
and the next run makes what is missing. Not here: how each is made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio.to_thread

from numberflow.errors import BadInput, FileDamaged, NumberflowError
from numberflow.export import publish as publishing
from numberflow.export.changes import publish_changes
from numberflow.export.costs import publish_costs
from numberflow.export.figures import Figures, count_figures
from numberflow.export.imported import ImportedQuestion
from numberflow.export.pages import CONNECTIONS
from numberflow.export.publish import Partition
from numberflow.export.report import ChangeDay, report_page
from numberflow.export.retention import prune
from numberflow.export.snapshot import Progress, export_project, today
from numberflow.export.store import Store, open_store
from numberflow.export.vendor import Vendor
from numberflow.models.reports import ProjectInventory, RunOutcome

_LOG = logging.getLogger(__name__)

# A date is published again on its own day only, so data that is newer than what was made from it is
# among the last few. Somebody notices a week of failing nights.
LOOKED_AT = 7

# Days of changes in the report.
CHANGES_DAYS = 30
# Changes are small and cannot be made again once their snapshots are removed: all of them stay.
_PRUNED = (publishing.INVENTORY, publishing.COSTS, publishing.FORECAST, publishing.REPORTS)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What was made of one snapshot.

    Fields:
        changes: manifest of the changes; None when there is no earlier snapshot to compare with, or
            the snapshot was filled in out of order.
        costs, forecast: manifests.
        figures: what the report shows.
        report_url: where the HTML page is.
        removed: snapshots that retention removed, with all that was made from them.
        remarks: what was odd: data that could not be read, other dates that were completed, or
            could not be.
    """

    changes: dict[str, Any] | None
    costs: dict[str, Any]
    forecast: dict[str, Any]
    figures: Figures
    report_url: str
    removed: tuple[Partition, ...] = ()
    remarks: tuple[str, ...] = ()


def follow_up(
    root: str, snapshot: Partition, manifest: Mapping[str, Any], *, began_on: date | None = None
) -> FollowUp:
    """Make everything that belongs to a published snapshot.

    First makes what other snapshots of the project still lack; in the end removes old ones.

    Repeat: safe; each part is replaced in one step. Blocks: call it in a thread from an event loop.

    Args:
        root: as in `export_project`.
        snapshot: which one.
        manifest: its manifest.
        began_on: today for retention, as in `export_project`.

    Raises:
        FileNotFoundError: the snapshot does not exist, or was removed.
        FileDamaged: it cannot be read.
        StoreUnavailable: the store does not accept files.
    """
    store = open_store(root)
    caught_up = _catch_up(store, snapshot)
    made = _make(store, snapshot, manifest)
    removed = _prune(store, began_on or today())
    return replace(made, removed=removed, remarks=(*caught_up, *made.remarks))


def missing(store: Store, project_id: str) -> list[Partition]:
    """Snapshots of a project whose changes, costs or report are missing or outdated, oldest first.

    They are outdated when the data was replaced since. The report's manifest is written last and
    names the data, so it stands for the rest.
    """
    there = publishing.partitions(store, publishing.INVENTORY, project_id)
    reported = {
        each.snapshot_date for each in publishing.partitions(store, publishing.REPORTS, project_id)
    }
    found = []
    for place, each in enumerate(there):
        looked_at = place >= len(there) - LOOKED_AT or each.snapshot_date not in reported
        if looked_at and (of := publishing.file_there(store, each)) is not None:
            report = publishing.read_manifest(store, _report(each))
            if report is None or report.get("of") != of:
                found.append(each)
    return found


def _catch_up(store: Store, snapshot: Partition) -> list[str]:
    """Make what other snapshots lack.

    A failure there does not stop the work for this one.
    """
    remarks = []
    for each in missing(store, snapshot.project_id):
        if each == snapshot:
            continue
        try:
            _make(store, each, publishing.describe(store, each) or {})
        except Exception as error:  # noqa: BLE001 - see the docstring; logged with its traceback
            remarks.append(
                f"what belongs to {each.snapshot_date} is still missing: {_said(error, each)}"
            )
        else:
            remarks.append(f"made what was missing of {each.snapshot_date}: changes, costs, report")
    return remarks


def _make(store: Store, snapshot: Partition, manifest: Mapping[str, Any]) -> FollowUp:
    of = publishing.file_there(store, snapshot)
    run_id = str(manifest["run_id"])
    changes, remarks = _changes(store, snapshot, manifest, of, run_id)
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
    report = _report(snapshot)
    store.write(report.data, page)
    publishing.point_to_latest(store, publishing.REPORTS)
    publishing.write_note(store, report, {"table": report.table.name, "of": of, "run_id": run_id})
    return FollowUp(
        changes, costs, forecast, figures, store.url(report.data), remarks=tuple(remarks)
    )


def _report(snapshot: Partition) -> Partition:
    return Partition(publishing.REPORTS, snapshot.snapshot_date, snapshot.project_id)


def _changes(
    store: Store, snapshot: Partition, manifest: Mapping[str, Any], of: str | None, run_id: str
) -> tuple[dict[str, Any] | None, list[str]]:
    """Changes of a snapshot against the state before it, and what was odd.

    Changes are reported once, between snapshots that were read in the order of their dates. A
    snapshot that was filled in out of order is not a state on the way from the one before to the
    one after, which already reports everything. So it has no changes, and nothing is compared with
    it. What was reported of this very data stays, because the snapshot that it was compared with
    may be gone.
    """
    if manifest.get("out_of_order"):
        return None, [
            "filled in after a later date had been read: what changed until then is reported there"
        ]
    partition = Partition(publishing.CHANGES, snapshot.snapshot_date, snapshot.project_id)
    told = publishing.read_manifest(store, partition)
    if (
        told is not None
        and of is not None
        and told.get("of") == of
        and publishing.file_there(store, partition)
    ):
        return told, []
    remarks: list[str] = []
    for before in _before(store, snapshot, manifest):
        try:
            return publish_changes(store, before, snapshot, run_id), remarks
        except FileDamaged as error:
            if error.path != before.data:
                raise
            remarks.append(f"not compared with {before.snapshot_date}: {error.message}")
        except FileNotFoundError:
            if publishing.file_there(store, snapshot) is None:
                raise
    return None, remarks


def _before(store: Store, snapshot: Partition, manifest: Mapping[str, Any]) -> Iterator[Partition]:
    """Earlier snapshots of the project that were read before this one, latest first.

    Those without a readable footer are included: the reader finds out.
    """
    read_at = str(manifest.get("snapshot_at", ""))
    for each in reversed(publishing.partitions(store, publishing.INVENTORY, snapshot.project_id)):
        if each.snapshot_date >= snapshot.snapshot_date:
            continue
        found = publishing.describe(store, each) or {}
        # One format and one time zone (schema.iso), so the texts sort as the times do.
        if not found.get("out_of_order") and (
            not read_at or str(found.get("snapshot_at", "")) <= read_at
        ):
            yield each


def _change_days(store: Store, snapshot: Partition) -> list[ChangeDay]:
    since = snapshot.snapshot_date - timedelta(days=CHANGES_DAYS)
    days = []
    for partition in publishing.partitions(store, publishing.CHANGES, snapshot.project_id):
        if not since < partition.snapshot_date <= snapshot.snapshot_date:
            continue
        manifest = publishing.read_manifest(store, partition)
        if manifest is not None and "changes" in manifest:
            days.append(ChangeDay(partition.snapshot_date, **manifest["changes"]))
    return days


def _prune(store: Store, now: date) -> tuple[Partition, ...]:
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
    began_on: date | None = None,
    run_id: str | None = None,
    connections: int = CONNECTIONS,
    strict: bool = False,
    imported: ImportedQuestion | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> ProjectInventory:
    """Export one project and make what belongs to its snapshot.

    The library call behind the flow, the command line and the demo. Arguments and errors as in
    `export_project`; `project` is the name in the report. A failure after the snapshot was
    published is
    in the result and does not raise: the snapshot stands, and the next run or `follow_up_again`
    makes what is missing.
    """
    began_on = began_on or today()
    snapshot = await export_project(
        vendor,
        root,
        snapshot_date=snapshot_date,
        began_on=began_on,
        run_id=run_id,
        connections=connections,
        strict=strict,
        imported=imported,
        on_progress=on_progress,
    )
    told = _told(snapshot.partition, snapshot.url, snapshot.manifest, project).model_copy(
        update={
            "requests": snapshot.manifest["requests"],
            "elapsed_s": round(snapshot.elapsed_s, 3),
        }
    )
    return await anyio.to_thread.run_sync(
        _followed, told, root, snapshot.partition, snapshot.manifest, began_on
    )


def follow_up_again(root: str, snapshot_date: date) -> tuple[ProjectInventory, ...]:
    """Make what belongs to the snapshots of a date, of every project, from the published files.

    Without a vendor. Blocks. Repeat: safe. A failure is in the result of its project.

    Raises:
        BadInput: no snapshot of that date can be read.
        StoreUnavailable: the store does not answer.
    """
    store, done = open_store(root), []
    for each in publishing.partitions(store, publishing.INVENTORY):
        manifest = publishing.describe(store, each) if each.snapshot_date == snapshot_date else None
        if manifest is not None:
            done.append(
                _followed(
                    _told(each, store.url(each.data), manifest, ""), root, each, manifest, today()
                )
            )
    if not done:
        raise BadInput(
            f"--follow-up: there is no snapshot of {snapshot_date} in "
            f"{store.url(publishing.INVENTORY.folder)}",
            field="follow_up",
            remedy="choose a date that has one",
        )
    return tuple(done)


def _followed(
    told: ProjectInventory,
    root: str,
    snapshot: Partition,
    manifest: Mapping[str, Any],
    began_on: date,
) -> ProjectInventory:
    """`told` with what was made of the snapshot, or why it could not be made."""
    try:
        made = follow_up(root, snapshot, manifest, began_on=began_on)
    # The snapshot is published, whatever fails after it; logged with its traceback
    except Exception as error:  # noqa: BLE001
        return told.model_copy(
            update={
                "outcome": RunOutcome.REFUSED,
                "reason": "the snapshot is published; its changes, costs or report are not: "
                f"{_said(error, snapshot)}",
                "remedy": (
                    "fix the cause, then `numberflow export --follow-up "
                    f"{snapshot.snapshot_date}` makes them from the files; so does the next export"
                ),
            }
        )
    counts = made.changes["changes"] if made.changes else {}
    return told.model_copy(
        update={
            **counts,
            "report_url": made.report_url,
            "monthly": {
                currency: Decimal(amount) for currency, amount in made.costs["monthly"].items()
            },
            "remarks": (*told.remarks, *made.remarks),
        }
    )


def _said(error: Exception, snapshot: Partition) -> str:
    """An error in words. An unexpected one leaves its traceback in the log."""
    if isinstance(error, NumberflowError):
        return error.message
    _LOG.error("What belongs to %s could not be made", snapshot.data, exc_info=error)
    return f"{type(error).__name__}: {error}"


def _told(
    partition: Partition, url: str, manifest: Mapping[str, Any], project: str
) -> ProjectInventory:
    odd = [
        f"{odd['rows']} rows: {odd['rule']}" for odd in manifest.get("quality", {}).get("odd", ())
    ]
    if unknown := manifest.get("unknown_members"):
        odd.append(f"members that the schema does not know, kept in `extra`: {', '.join(unknown)}")
    if manifest.get("backfilled"):
        odd.append(f"filled in later: holds what was held at {manifest['snapshot_at']}")
    return ProjectInventory(
        project=project,
        outcome=RunOutcome.DONE,
        project_id=partition.project_id,
        snapshot_date=partition.snapshot_date,
        rows=int(manifest["rows"]),
        url=url,
        remarks=(*manifest.get("remarks", ()), *odd),
    )
