"""Which snapshots stay: all of the last days, the last one of each older month, always the newest.

The decision is pure; the removal is not. Not here: publishing (publish).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from numberflow.export.publish import Partition, Table, partitions, point_to_latest
from numberflow.export.store import Store

# Five weeks: daily snapshots answer both "since Monday" and "since this day last month". Older
# questions are about months.
KEEP_DAYS = 35


def superfluous(days: Iterable[date], *, now: date, keep_days: int = KEEP_DAYS) -> list[date]:
    """Which of one project's snapshots to remove, oldest first.

    Kept are those of the last `keep_days` days and the last one of every month. The newest always
    stays, because it is the last of its month.
    """
    ordered = sorted(set(days))
    last_of_month = {(day.year, day.month): day for day in ordered}
    oldest = oldest_daily(now, keep_days)
    return [day for day in ordered if day < oldest and day not in last_of_month.values()]


def oldest_daily(now: date, keep_days: int = KEEP_DAYS) -> date:
    """The first of the days of which all snapshots are kept."""
    return now - timedelta(days=keep_days - 1)


def prune(store: Store, table: Table, *, now: date, keep_days: int = KEEP_DAYS) -> list[Partition]:
    """Remove superfluous snapshots of every project. Returns what was removed.

    Repeat: safe. The data goes before its manifest, so that a folder reader sees a snapshot whole
    or not at all.
    """
    published = partitions(store, table)
    gone: list[Partition] = []
    for project in sorted({partition.project_id for partition in published}):
        of_project = {each.snapshot_date: each for each in published if each.project_id == project}
        gone += [of_project[day] for day in superfluous(of_project, now=now, keep_days=keep_days)]
    for partition in gone:
        store.remove(partition.data)
        store.remove(partition.manifest)
    if gone:
        point_to_latest(store, table)
    return gone
