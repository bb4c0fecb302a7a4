"""What belongs to a snapshot and could not be made is made later from the files.

By the next run of any date, or by hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.exports import project

import numberflow
from numberflow.errors import BadInput
from numberflow.export import follow_up as following
from numberflow.export.follow_up import export_inventory, follow_up_again, missing
from numberflow.export.snapshot import export_project, today
from numberflow.export.store import LocalStore, open_store
from numberflow.models.reports import RunOutcome

pytestmark = pytest.mark.anyio

YESTERDAY = today() - timedelta(days=1)


def full_for(ending: str) -> Callable[..., None]:
    """`LocalStore.write` on a disk without room for files of this name."""
    real = LocalStore.write

    def write(self: Any, path: str, content: bytes) -> None:
        if path.endswith(ending):
            raise OSError(28, os.strerror(28))
        real(self, path, content)

    return write


async def test_store_that_fills_up_after_the_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails after the publication is told with the command that makes it; the snapshot stands.

    The command makes it without a vendor.
    """
    root = str(tmp_path)
    async with project(5) as (_, client):
        await export_inventory(client, root, snapshot_date=YESTERDAY)
        with monkeypatch.context() as broken:
            broken.setattr(LocalStore, "write", full_for("report.html"))
            done = await export_inventory(client, root)
    assert (RunOutcome.REFUSED, 5) == (done.outcome, done.rows)
    assert "the snapshot is published; its changes, costs or report are not" in done.reason
    assert f"`numberflow export --follow-up {today()}`" in done.remedy
    assert 5 == len(numberflow.load_inventory(root=root))
    assert [today()] == [each.snapshot_date for each in missing(open_store(root), done.project_id)]
    (mended,) = follow_up_again(root, today())
    assert (RunOutcome.DONE, 5, 0) == (mended.outcome, mended.rows, mended.added)
    assert 2 == len(open_store(root).find("reports/v1/*/*/report.html"))
    assert [] == missing(open_store(root), done.project_id)


@pytest.mark.parametrize("later", [False, True], ids=["same date", "later date"])
async def test_next_run_makes_what_is_missing(tmp_path: Path, *, later: bool) -> None:
    """A run that died between snapshot and changes leaves no hole.

    The next run, of the same or a later date, makes its changes, costs and report.
    """
    root = str(tmp_path)
    days = [today() - timedelta(days=n) for n in (2, 1, 0)]
    async with project(10) as (simulator, client):
        await export_inventory(client, root, snapshot_date=days[0], began_on=days[0])
        simulator.world.add_held(3)
        await export_project(client, root, snapshot_date=days[1], began_on=days[1])
        simulator.world.add_held(2)
        done = await export_inventory(
            client, root, snapshot_date=days[2 if later else 1], began_on=days[2 if later else 1]
        )
    assert (3 if later else 5) == len(numberflow.load_changes(days[1], root=root))
    assert (13 if later else 15) == len(numberflow.load_costs(days[1], root=root))
    assert later == any(f"made what was missing of {days[1]}" in remark for remark in done.remarks)
    if later:
        assert 2 == done.added
    assert [] == missing(open_store(root), done.project_id)


async def test_data_that_is_newer_than_what_was_made_of_it(tmp_path: Path) -> None:
    """A date that was published again by a run that died then is seen as missing, though there is a
    report: of the data before.
    """
    root = str(tmp_path)
    async with project(10) as (simulator, client):
        await export_inventory(client, root, snapshot_date=YESTERDAY, began_on=YESTERDAY)
        simulator.world.add_held(3)
        await export_project(client, root, snapshot_date=YESTERDAY, began_on=YESTERDAY)
        await export_inventory(client, root)
    assert 13 == len(numberflow.load_costs(YESTERDAY, root=root))


async def test_older_hole_does_not_stop_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the older date cannot be made good, that is a remark, and today's follow-up is made all
    the same.
    """
    root = str(tmp_path)
    real = following.publish_costs

    def fail(store: Any, snapshot: Any, run_id: str) -> Any:
        if snapshot.snapshot_date == YESTERDAY:
            raise ZeroDivisionError("a bug")
        return real(store, snapshot, run_id)

    async with project(10) as (_, client):
        await export_project(client, root, snapshot_date=YESTERDAY, began_on=YESTERDAY)
        monkeypatch.setattr(following, "publish_costs", fail)
        done = await export_inventory(client, root)
    assert RunOutcome.DONE is done.outcome
    assert f"what belongs to {YESTERDAY} is still missing: ZeroDivisionError: a bug" in done.remarks


async def test_told_changes_stay(tmp_path: Path) -> None:
    """Making a date again leaves its changes as they were told when the snapshot that it was
    compared with is gone.
    """
    root = str(tmp_path)
    days = [today() - timedelta(days=n) for n in (2, 1, 0)]
    async with project(10) as (simulator, client):
        for day in days:
            await export_inventory(client, root, snapshot_date=day, began_on=day)
            simulator.world.add_held(2)
    store = LocalStore(tmp_path)
    for path in store.find(f"inventory/v1/snapshot_date={days[1]}/*/*"):
        store.remove(path)
    (done,) = follow_up_again(root, today())
    assert (2, {days[1]}) == (done.added, set(numberflow.load_changes(root=root)["previous_date"]))


def test_no_such_date(tmp_path: Path) -> None:
    """A date without a snapshot is bad input."""
    with pytest.raises(BadInput, match="--follow-up: there is no snapshot"):
        follow_up_again(str(tmp_path), today())
