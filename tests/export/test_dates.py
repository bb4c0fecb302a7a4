"""Which date a snapshot may have, and what a day that was filled in later does to the others.

Nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.exports import project

import numberflow
from numberflow.errors import BadInput
from numberflow.export import publish as publishing
from numberflow.export import snapshot as snapshots
from numberflow.export.follow_up import export_inventory
from numberflow.export.load import load_changes
from numberflow.export.publish import INVENTORY, Partition, partitions, read_manifest
from numberflow.export.snapshot import today
from numberflow.export.store import LocalStore, open_store

pytestmark = pytest.mark.anyio

# A day in the middle of a month: 60 days before it lies another month with days around it.
NOW = date(2026, 11, 25)


def back(days: int) -> date:
    return NOW - timedelta(days=days)


async def night(client: Any, root: str, day: date, **options: Any) -> Any:
    """The run of a day on that day."""
    return await export_inventory(client, root, snapshot_date=day, began_on=day, **options)


def kinds(day: date, root: str) -> list[str]:
    return sorted(load_changes(day, root=root)["change"])


async def test_filled_in_later(tmp_path: Path) -> None:
    """A day that is filled in after a later one was read changes no history.

    No day is compared with it, and it tells no changes; its manifest says so.
    """
    root = str(tmp_path)
    async with project(20) as (simulator, client):
        await night(client, root, back(10))
        simulator.world.add_held(3)
        await night(client, root, back(8))
        simulator.world.add_held(5)
        await night(client, root, back(0))
        filled = await export_inventory(client, root, snapshot_date=back(9), began_on=NOW)
        assert (28, None) == (filled.rows, filled.added)
        assert ["added"] * 3 == kinds(back(8), root)
        assert ["added"] * 5 == kinds(back(0), root)
        with pytest.raises(BadInput, match="nothing is published"):
            load_changes(back(9), root=root)
        # Not even what is read after it: the day before has told everything since.
        simulator.world.add_held(1)
        again = await night(client, root, back(0))
        assert 6 == again.added
    assert {back(8)} == set(load_changes(back(0), root=root)["previous_date"])
    flags = {
        each.snapshot_date: _flags(root, each) for each in partitions(open_store(root), INVENTORY)
    }
    assert {
        back(10): (False, False),
        back(9): (True, True),
        back(8): (False, False),
        back(0): (False, False),
    } == flags
    assert any("filled in later" in remark for remark in filled.remarks)


def _flags(root: str, partition: Partition) -> tuple[bool, bool]:
    manifest = read_manifest(open_store(root), partition)
    assert manifest is not None
    return manifest["backfilled"], manifest["out_of_order"]


async def test_missed_night_made_up_in_order(tmp_path: Path) -> None:
    """A missed night that is made up before the next run stands between its neighbours.

    Each change is told once.
    """
    root = str(tmp_path)
    async with project(20) as (simulator, client):
        await night(client, root, back(2))
        simulator.world.add_held(3)
        await export_inventory(client, root, snapshot_date=back(1), began_on=NOW)
        simulator.world.add_held(2)
        await night(client, root, back(0))
    assert (["added"] * 3, ["added"] * 2) == (kinds(back(1), root), kinds(back(0), root))


async def test_retention_would_not_keep_it(tmp_path: Path) -> None:
    """A date that retention removes at once is refused by name before anything is read, and so is
    one that would push a kept one out; a month without any is filled.
    """
    root = str(tmp_path)
    async with project(5) as (simulator, client):
        await night(client, root, back(57))
        await night(client, root, back(0))
        asked = len(list(simulator.requests()))
        for day in (back(60), back(56)):
            assert day.month == back(57).month
            with pytest.raises(BadInput, match="snapshot_date: of the month of") as caught:
                await export_inventory(client, root, snapshot_date=day, began_on=NOW)
            assert ("snapshot_date", f"a day from {back(34)} on") == (
                caught.value.field,
                caught.value.remedy.split(",")[0],
            )
        assert asked == len(list(simulator.requests()))
        empty_month = date(2026, 8, 3)
        for day in (back(34), empty_month):
            await export_inventory(client, root, snapshot_date=day, began_on=NOW)
    assert {empty_month, back(57), back(34), back(0)} == {
        each.snapshot_date for each in partitions(LocalStore(tmp_path), INVENTORY)
    }


async def test_only_today_is_replaced(tmp_path: Path) -> None:
    """Yesterday's snapshot is never overwritten with today's numbers, tomorrow's is none, and
    today's may be made again.
    """
    root = str(tmp_path)
    async with project(20) as (simulator, client):
        await export_inventory(client, root, snapshot_date=today() - timedelta(days=1))
        simulator.world.add_held(5)
        with pytest.raises(BadInput, match="cannot be read again"):
            await export_inventory(client, root, snapshot_date=today() - timedelta(days=1))
        with pytest.raises(BadInput, match="in the future"):
            await export_inventory(client, root, snapshot_date=today() + timedelta(days=1))
        await export_inventory(client, root)
        simulator.world.add_held(1)
        await export_inventory(client, root)
    assert 20 == len(numberflow.load_inventory(today() - timedelta(days=1), root=root))
    assert (26, {today()}) == (
        len(numberflow.load_inventory(root=root)),
        set(numberflow.load_inventory(root=root)["snapshot_date"]),
    )


async def test_midnight_does_not_part_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run exports after midnight bears the day on which the run began, also when that day
    has a snapshot from before.
    """
    root = str(tmp_path)
    began_on = today()
    async with project(5) as (_, client):
        await export_inventory(client, root, began_on=began_on)
        monkeypatch.setattr(snapshots, "datetime", _tomorrow())
        assert began_on + timedelta(days=1) == snapshots.today()
        done = await export_inventory(client, root, snapshot_date=began_on, began_on=began_on)
    assert began_on == done.snapshot_date
    assert [began_on] == [
        each.snapshot_date for each in partitions(LocalStore(tmp_path), publishing.INVENTORY)
    ]


def _tomorrow() -> type[datetime]:
    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz or UTC) + timedelta(days=1)

    return Tomorrow
