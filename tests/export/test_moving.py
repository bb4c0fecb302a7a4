"""Numbers come and go while they are read: the snapshot has every number that was there all the time and none that never was, or there is no snapshot."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.exports import Traffic, project

from numberflow.errors import SnapshotRefused
from numberflow.export import pages
from numberflow.export.load import load_inventory
from numberflow.export.snapshot import export_project

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
