"""What is made of a snapshot: with a vendor in the same process, in a folder and in a bucket."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from support.exports import project
from support.inventories import inventory, publish_rows
from support.s3 import s3_endpoint, s3_root

import numberflow
from numberflow.errors import SnapshotRefused
from numberflow.export import publish as publishing
from numberflow.export import snapshot as snapshots
from numberflow.export.follow_up import export_inventory, follow_up
from numberflow.export.snapshot import export_project, today
from numberflow.export.store import LocalStore, open_store
from numberflow.models.reports import RunOutcome

__all__ = ["s3_endpoint", "s3_root"]

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", ["folder", "bucket"])
async def test_two_days(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The second day has changes, costs that pandas adds up to what the report says, and a page.

    The first has no changes to tell.
    """
    root = str(tmp_path) if kind == "folder" else request.getfixturevalue("s3_root")
    async with project(200) as (simulator, client):
        first = await export_inventory(client, root, snapshot_date=today() - timedelta(days=1))
        assert (RunOutcome.DONE, 200, None) == (first.outcome, first.rows, first.added)
        simulator.world.add_held(7)
        gone = next(
            number.phone_number for number in simulator.world.holdings if number.expire_at is None
        )
        await client.active_numbers.release(gone)
        second = await export_inventory(client, root)
    assert (207, 7, 0, 1) == (second.rows, second.added, second.removed, second.changed)

    changes = numberflow.load_changes(root=root)
    assert {"added": 7, "changed": 1} == changes["change"].value_counts().to_dict()
    assert [(gone, "expire_at")] == list(
        changes.loc[changes["change"] == "changed", ["phone_number", "field"]].itertuples(
            index=False, name=None
        )
    )
    costs = numberflow.load_costs(root=root)
    assert second.monthly == costs.groupby("BillingCurrency")["monthly_cost"].sum().to_dict()
    forecast = numberflow.load_forecast(root=root)
    assert costs["cost_12_months"].sum() == forecast["amount"].sum()
    if kind == "folder":
        assert 207 == len(pd.read_parquet(tmp_path / "costs" / "v1")) - 200


async def test_page_opens_offline(tmp_path: Path) -> None:
    """The page names the numbers that leave, has a chart in every section that promises one, and
    fetches nothing.
    """
    async with project(300) as (_, client):
        done = await export_inventory(client, str(tmp_path))
    page = _text(done.report_url)
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)[^"']*""", page) == []
    assert not re.search(r"<script|<link|@import|url\((?!#)", page)
    assert 4 <= page.count("<svg") <= 6
    assert "300 numbers" in page


async def test_names_are_text(tmp_path: Path) -> None:
    """A display name is whatever somebody wrote, and is shown as that."""
    store = LocalStore(tmp_path)
    name = "<script>alert(1)</script>"
    async with project(3) as (_, client):
        await export_inventory(client, str(tmp_path), snapshot_date=today() - timedelta(days=1))
        published = await export_project(client, str(tmp_path))
        soon = published.manifest["snapshot_at"]
    partition = publish_rows(
        store,
        today(),
        inventory([{"display_name": name, "expire_at": pd.Timestamp(soon).to_pydatetime()}]),
        published.partition.project_id,
    )
    page = _text(follow_up(str(tmp_path), partition, published.manifest).report_url)
    assert name not in page
    assert "&lt;script&gt;" in page


async def test_old_ones_go(tmp_path: Path) -> None:
    """After 35 days the last of a month stays, with what belongs to it; changes all stay."""
    root, store = str(tmp_path), LocalStore(tmp_path)
    days = [today() - timedelta(days=n) for n in (100, 99, 0)]
    async with project(3) as (_, client):
        for day in days:
            # Each on its day, as a nightly run does.
            await export_inventory(client, root, snapshot_date=day, began_on=day)
    kept = {each.snapshot_date for each in publishing.partitions(store, publishing.INVENTORY)}
    gone = {days[0]} if days[0].month == days[1].month else set()
    assert set(days) - gone == kept
    for table in (publishing.COSTS, publishing.FORECAST, publishing.REPORTS):
        assert kept == {each.snapshot_date for each in publishing.partitions(store, table)}
    assert {days[1], days[2]} == {
        each.snapshot_date for each in publishing.partitions(store, publishing.CHANGES)
    }


def _text(path: str) -> str:
    return Path(path).read_text()


async def test_row_that_breaks_a_rule(tmp_path: Path) -> None:
    """A number without what every number has stops the snapshot; the one before stands."""
    root = str(tmp_path)
    async with project(20) as (simulator, client):
        await export_inventory(client, root)
        bad = next(iter(simulator.world.holdings))
        object.__setattr__(bad, "currency", "usd")
        with pytest.raises(SnapshotRefused, match="a currency is three capital letters") as caught:
            await export_inventory(client, root)
    assert bad.phone_number in caught.value.message
    assert [] == list(open_store(root).find("_scratch/*/*"))
    assert 20 == len(numberflow.load_inventory(root=root))
    assert snapshots.today() == today()
