"""Numbers come and go while they are read: the snapshot has every number that was there all the time and none that never was, or there is no snapshot."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.exports import Traffic, project

from numberflow.errors import SnapshotRefused
from numberflow.export import pages
from numberflow.export.load import load_inventory
from numberflow.export.snapshot import export_project
from numberflow.simulator import Simulator

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "RESUME_PAUSES_S", (0.0, 0.0, 0.0))


async def _judge(root: Path, seed: int, traffic: Traffic, **options: object) -> bool:
    """Export through `traffic`. Whether it was published; fails when what was published is wrong."""
    by_offset, strict = bool(options.get("by_offset")), bool(options.get("strict"))
    async with project(240, seed=seed, page_size=10, meddle=traffic, page_tokens_by_offset=by_offset) as (_, client):
        try:
            await export_project(client, str(root), strict=strict)
        except SnapshotRefused:
            assert not (root / "inventory").exists()
            return False
    seen = set(load_inventory(columns=["phone_number"], root=str(root))["phone_number"])
    assert set() == traffic.always - seen, "numbers that were held all the time are missing"
    assert set() == seen - traffic.ever, "numbers that were never held are there"
    return True


@pytest.mark.parametrize("seed", range(100))
async def test_complete_or_refused(tmp_path: Path, seed: int) -> None:
    """With tokens by key or by position, one change before one page in ten to one in two: proven complete, or refused."""
    traffic = Traffic(seed, rate=(0.01, 0.1, 0.5)[seed % 3], at_once=1)
    await _judge(tmp_path, seed, traffic, by_offset=seed % 2 == 0)


@pytest.mark.parametrize("seed", range(10))
async def test_swaps_between_two_pages(tmp_path: Path, seed: int) -> None:
    """Several changes between two pages, which totals may not show: complete or refused, with tokens by key, and strictly with any tokens."""
    traffic = Traffic(seed, rate=0.1, at_once=2)
    await _judge(tmp_path, seed, traffic, by_offset=seed % 2 == 0, strict=seed % 2 == 0)


async def test_quiet_times_publish(tmp_path: Path) -> None:
    """A few changes do not keep an export from being published."""
    published = [
        await _judge(tmp_path / str(seed), seed, Traffic(seed, rate=0.02, at_once=1), by_offset=True)
        for seed in range(10)
    ]
    assert published.count(True) >= 8


async def _published(root: Path, meddle: object, before: object = None) -> list[str]:
    """Remarks of an export through `meddle`, of a project whose lists take several pages each."""
    async with project(240, page_size=10, meddle=meddle) as (simulator, client):
        if callable(before):
            before(simulator)
        snapshot = await export_project(client, str(root))
    remarks: list[str] = snapshot.manifest["remarks"]
    return remarks


async def test_quiet_reading_is_not_done_again(tmp_path: Path) -> None:
    """Nothing moved, nothing leaves: one reading is enough."""
    assert [] == [remark for remark in await _published(tmp_path, None) if remark.startswith("read again")]


async def test_a_number_that_came_behind_the_readers_back(tmp_path: Path) -> None:
    """A number that comes when its list was read and others still are changes a total afterwards: everything is read again, and it is there."""
    asked = 0

    def count(_: Simulator) -> None:
        nonlocal asked
        asked += 1

    await _published(tmp_path / "quiet", count)
    last_list, asked = asked - 2, 0

    def late(simulator: Simulator) -> None:
        nonlocal asked
        asked += 1
        if asked == last_list:
            simulator.world.add_held(1)

    remarks = await _published(tmp_path / "late", late)
    assert [True] == ["totalSize was" in remark for remark in remarks if remark.startswith("read again")]
    assert 241 == len(load_inventory(columns=["phone_number"], root=str(tmp_path / "late")))


async def test_a_number_that_leaves_while_it_is_read(tmp_path: Path) -> None:
    """A number whose `expire_at` falls into the reading could hide another one: everything is read again, whatever the totals say."""

    def leaving(simulator: Simulator) -> None:
        number = next(iter(simulator.world.holdings))
        number.expire_at = simulator.clock.now() + timedelta(seconds=100)

    remarks = await _published(tmp_path, None, leaving)
    assert [True] == ["a number leaves at" in remark for remark in remarks if remark.startswith("read again")]
