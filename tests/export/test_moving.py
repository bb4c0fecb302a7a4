"""Numbers come and go while they are read.

The snapshot has every number that was there all the time and none that never was, or there is no
snapshot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import phonenumbers
import pytest
from support.exports import Traffic, project
from support.held_list import HeldList, Question, held

from numberflow.errors import SnapshotRefused
from numberflow.export import pages
from numberflow.export.load import load_inventory
from numberflow.export.shards import Walk
from numberflow.export.snapshot import export_project, read_numbers
from numberflow.simulator import Simulator

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "RESUME_PAUSES_S", (0.0, 0.0, 0.0))


async def _judge(root: Path, seed: int, traffic: Traffic, **options: object) -> bool:
    """Export through `traffic`. Whether it was published.

    Fails when what was published is wrong.
    """
    by_offset, strict = bool(options.get("by_offset")), bool(options.get("strict"))
    async with project(
        240, seed=seed, page_size=10, meddle=traffic, page_tokens_by_offset=by_offset
    ) as (_, client):
        try:
            await export_project(client, str(root), strict=strict)
        except SnapshotRefused:
            assert not (root / "inventory").exists()
            return False
    seen = set(load_inventory(columns=["phone_number"], root=str(root))["phone_number"])
    assert set() == traffic.always - seen, "numbers that were held all the time are missing"
    assert set() == seen - traffic.ever, "numbers that were never held are there"
    return True


# Five seeds for each of three rates with each of two kinds of tokens. The rest are more throws of
# the same dice.
SEEDS = [
    pytest.param(seed, marks=[pytest.mark.exhaustive] if seed >= 30 else []) for seed in range(100)
]


@pytest.mark.parametrize("seed", SEEDS)
async def test_complete_or_refused(tmp_path: Path, seed: int) -> None:
    """With tokens by key or by position, one change before one page in ten to one in two.

    Proven complete, or refused.
    """
    traffic = Traffic(seed, rate=(0.01, 0.1, 0.5)[seed % 3], at_once=1)
    await _judge(tmp_path, seed, traffic, by_offset=seed % 2 == 0)


@pytest.mark.parametrize("seed", range(10))
async def test_swaps_between_two_pages(tmp_path: Path, seed: int) -> None:
    """Several changes between two pages, which totals may not show.

    Complete or refused, with tokens by key, and strictly with any tokens.
    """
    traffic = Traffic(seed, rate=0.1, at_once=2)
    await _judge(tmp_path, seed, traffic, by_offset=seed % 2 == 0, strict=seed % 2 == 0)


async def test_quiet_times_publish(tmp_path: Path) -> None:
    """A few changes do not keep an export from being published."""
    published = [
        await _judge(
            tmp_path / str(seed), seed, Traffic(seed, rate=0.02, at_once=1), by_offset=True
        )
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
    assert [] == [
        remark for remark in await _published(tmp_path, None) if remark.startswith("read again")
    ]


async def test_a_number_that_came_behind_the_readers_back(tmp_path: Path) -> None:
    """A number that comes when its list was read and others still are changes a total afterwards.

    Everything is read again, and it is there.
    """
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
    assert [True] == [
        "totalSize was" in remark for remark in remarks if remark.startswith("read again")
    ]
    assert 241 == len(load_inventory(columns=["phone_number"], root=str(tmp_path / "late")))


async def test_a_number_that_leaves_while_it_is_read(tmp_path: Path) -> None:
    """A number whose `expire_at` falls into the reading could hide another one of its list.

    That list is read again in single pages, whatever its total says. No other list is: a hundred
    thousand numbers hardly ever go an hour without one that leaves.
    """
    async with project(240, page_size=10) as (simulator, client):
        number = next(iter(simulator.world.holdings))
        number.expire_at = simulator.clock.now() + timedelta(seconds=100)
        manifest = (await export_project(client, str(tmp_path))).manifest
    (remark,) = [each for each in manifest["remarks"] if "a number leaves at" in each]
    shard = remark.partition("…: read again in single pages")[0]
    assert number.phone_number.startswith(shard.rpartition(" ")[2])
    proofs = manifest["completeness"]["proofs"]
    again = {proof["by"] for proof in proofs if proof["shard"].startswith(shard)}
    others = {proof["by"] for proof in proofs if not proof["shard"].startswith(shard)}
    assert ({"one page"}, {"one page", "page tokens"}) == (again, others)
    assert (
        240 == manifest["rows"] == len(load_inventory(columns=["phone_number"], root=str(tmp_path)))
    )


async def test_a_number_that_hides_another_one_as_it_leaves() -> None:
    """One number leaves and one arrives between two pages: a third slips past.

    This happens where tokens are positions. The snapshot has the third one all the same.
    """
    numbers = [held(place) for place in range(25)]
    leaving = numbers[0]
    leaving["expireAt"] = (datetime.now(UTC) + timedelta(seconds=100)).isoformat()

    def exchange(question: Question) -> None:
        if question.page_token is not None and leaving in numbers:
            numbers.remove(leaving)
            numbers.append(held(900))

    vendor: Any = HeldList(numbers, before=exchange, by_position=True)
    table = await read_numbers(vendor)
    assert [each["phoneNumber"] for each in numbers] == table.column("phone_number").to_pylist()


@pytest.mark.parametrize("exchanged", [False, True])
async def test_a_number_that_passes_the_reader_by(tmp_path: Path, exchanged: bool) -> None:
    """A number goes from a region that is still to be read to one that was read.

    Each region looks well and so does the total, but their sum does not.
    """
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)[:40]
    numbers = [
        held(1000 * place + n, region_code=region)
        for place, region in enumerate(regions)
        for n in range(50)
    ]
    asked = 0

    def move(question: Question) -> None:
        nonlocal asked
        if (question.region_code, question.page_token) != (regions[-1], None):
            return
        asked += 1
        if asked != 2:  # the first time it was counted, the second time its walk begins
            return
        last = next(each for each in numbers if each["regionCode"] == regions[-1])
        if exchanged:
            numbers.remove(last)
            numbers.append(held(77_777, region_code=regions[0]))
        else:
            last["regionCode"] = regions[0]

    offers = [SimpleNamespace(region_code=region, types=("LOCAL",)) for region in regions]
    vendor: Any = HeldList(numbers, before=move, offers=offers)
    with pytest.raises(SnapshotRefused, match="1999 numbers were read, totalSize was 2000"):
        await export_project(vendor, str(tmp_path))
    assert asked >= 2
    assert not (tmp_path / "inventory").exists()


@pytest.mark.parametrize("rented", [0, 1])
async def test_a_type_that_nobody_names(rented: int) -> None:
    """Numbers of a type that neither documents nor regions name are found by the unfiltered total,
    also when a rented one makes up for them meanwhile.
    """
    numbers = [held(place) for place in range(250)] + [held(900, "SHORT_CODE")]

    def rent(question: Question) -> None:
        if question.number_type == "LOCAL" and len(numbers) < 251 + rented:
            numbers.append(held(500))

    vendor: Any = HeldList(numbers, page_rows=100, before=rent)
    table = await read_numbers(vendor)
    assert {each["phoneNumber"] for each in numbers} == set(
        table.column("phone_number").to_pylist()
    )
    assert "SHORT_CODE" in table.column("number_type").to_pylist()


async def test_strict_does_not_fall_back_on_tokens(tmp_path: Path) -> None:
    """A list that came in one page and was in doubt, and comes in several when it is asked again,
    proves nothing strictly.
    """
    numbers = [held(place) for place in range(300)]
    vendor = HeldList(numbers, page_rows=1000)

    def shrink(question: Question) -> None:
        if question.number_type == "LOCAL":
            first = len([each for each in vendor.asked if each.number_type == "LOCAL"]) == 1
            vendor.page_rows = 1000 if first else 100

    vendor.before = shrink
    client: Any = vendor
    doubted = Walk.doubts

    def doubt_once(walk: Walk, distinct: int) -> tuple[str, ...]:
        return ("in doubt",) if walk.pages == 1 and distinct == 300 else doubted(walk, distinct)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Walk, "doubts", doubt_once)
        with pytest.raises(SnapshotRefused, match="no longer comes in a single page"):
            await export_project(client, str(tmp_path), strict=True)


async def test_a_page_size_that_is_refused() -> None:
    """When the vendor takes no pages of 1000, each list is walked from its first page to its last
    in one size that it takes.
    """
    numbers = [held(place, kind) for kind in ("LOCAL", "MOBILE") for place in range(250)]
    for place, number in enumerate(numbers):
        number["phoneNumber"] = f"+{12_025_000_000 + place}"
    vendor = HeldList(numbers, page_rows=1000, page_size_max=100)
    client: Any = vendor
    assert 500 == len(await read_numbers(client))
    assert {100} == {each.page_size for each in vendor.asked if each.page_token is not None}
