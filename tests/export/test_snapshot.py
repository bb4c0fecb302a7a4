"""A snapshot against the simulator in the same process.

What it holds, what it says about itself, when it refuses.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.exports import check_readable, counts, held, project

from numberflow.client.raw_pages import read_raw_page
from numberflow.errors import BadInput, SnapshotRefused
from numberflow.export import pages
from numberflow.export.load import load_inventory
from numberflow.export.schema import INVENTORY
from numberflow.export.shards import Shard
from numberflow.export.snapshot import Progress, export_project, read_numbers, today
from numberflow.simulator import Simulator

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "RESUME_PAUSES_S", (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("active", "page_size"), [(0, 100), (1, 100), (250, 100), (2500, 100), (12_000, 1000)]
)
async def test_every_reader_counts_what_the_simulator_counts(
    tmp_path: Path, active: int, page_size: int
) -> None:
    """Plain pandas on the folder, DuckDB on the folder and load_inventory agree with the
    simulator's count by region and type.
    """
    async with project(active, page_size=page_size) as (simulator, client):
        snapshot = await export_project(client, str(tmp_path))
        expected = counts(simulator)
    assert active == snapshot.rows == check_readable(tmp_path)
    loaded = load_inventory(root=str(tmp_path))
    plain = pd.read_parquet(tmp_path / "inventory" / "v1")
    for frame in (loaded, plain):
        seen = {
            (region, kind): count
            for (region, kind), count in frame.groupby(["region_code", "number_type"])
            .size()
            .items()
        }
        assert expected == seen
    asked = (
        "select region_code, number_type, count(*) from "
        f"read_parquet('{tmp_path}/inventory/v1/**/*.parquet', hive_partitioning = true) group by "
        "all"
    )
    assert expected == {
        (region, kind): count for region, kind, count in duckdb.sql(asked).fetchall()
    }


async def test_small_projects_cost_five_requests() -> None:
    """A project of one page a type is read with the region list, the probe and one page for each
    type.
    """
    async with project(60) as (simulator, client):
        await read_numbers(client)
        asked = [
            request["operation"]
            for request in simulator.requests()
            if request["operation"] != "token"
        ]
    assert ["list_active"] * 4 + ["list_regions"] == sorted(asked)


async def test_requests_stay_close_to_the_least_possible(tmp_path: Path) -> None:
    """A large project takes at most a quarter more requests than it has pages, counted by region
    and type.
    """
    async with project(20_000) as (simulator, client):
        snapshot = await export_project(client, str(tmp_path))
        least = sum(-(-count // 100) for count in counts(simulator).values())
    assert snapshot.manifest["requests"] <= 1.25 * least


async def test_rows_are_sorted_and_columns_described(tmp_path: Path) -> None:
    """Rows are sorted by region, type and number.

    Every column of the schema is there with its description in the footer.
    """
    async with project(2500) as (_, client):
        snapshot = await export_project(client, str(tmp_path))
    table = pq.read_table(snapshot.url, partitioning=None)
    keys = list(
        zip(
            *(
                table.column(name).to_pylist()
                for name in ("region_code", "number_type", "phone_number")
            ),
            strict=True,
        )
    )
    assert sorted(keys) == keys
    assert [(field.name, field.type, field.metadata) for field in INVENTORY] == [
        (field.name, field.type, {b"description": field.metadata[b"description"]})
        for field in table.schema
    ]
    assert b"1" == pq.read_metadata(snapshot.url).metadata[b"numberflow.schema_version"]


async def test_manifest_proves_each_list(tmp_path: Path) -> None:
    """Every proof's rows are its totalSize, the proofs add up to the rows, and so do the counts by
    region and type.
    """
    async with project(2500) as (simulator, client):
        snapshot = await export_project(client, str(tmp_path), run_id="run-7")
        expected = counts(simulator)
    found = snapshot.manifest["completeness"]
    assert all(proof["rows"] == proof["total_size"] for proof in found["proofs"])
    assert 2500 == sum(proof["rows"] for proof in found["proofs"])
    assert expected == {
        (each["region_code"], each["number_type"]): each["rows"]
        for each in found["by_region_and_type"]
    }
    assert "run-7" == snapshot.manifest["run_id"]


async def test_strict_reads_whole_lists_only(tmp_path: Path) -> None:
    """A strict export never sends a page token, and gets the same numbers."""
    async with project(1500) as (simulator, client):
        snapshot = await export_project(client, str(tmp_path), strict=True)
        asked = [
            request for request in simulator.requests() if request["operation"] == "list_active"
        ]
        expected = held(simulator)
    assert not [request for request in asked if "pageToken" in str(request)]
    assert expected == set(
        load_inventory(columns=["phone_number"], root=str(tmp_path))["phone_number"]
    )
    assert 1500 == snapshot.rows


@pytest.mark.parametrize("seed", range(6))
async def test_chaos_is_outlasted(tmp_path: Path, seed: int) -> None:
    """With one request in five failing and pages of ten, the snapshot is what the project holds."""
    async with project(300, seed=seed, chaos=0.2) as (simulator, client):
        await export_project(client, str(tmp_path))
        expected = held(simulator)
    assert expected == set(
        load_inventory(columns=["phone_number"], root=str(tmp_path))["phone_number"]
    )


async def test_failed_shard_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A page that fails for longer than the client is patient is asked for again, and no other page
    is read twice.
    """
    pages_asked = 0

    def fail_the_eighth(simulator: Simulator) -> None:
        nonlocal pages_asked
        pages_asked += 1
        if pages_asked == 8:
            simulator.faults.add(
                {"operation": "list_active", "fault": "error_before", "status": 503, "times": 7}
            )

    async with project(900, meddle=fail_the_eighth) as (simulator, client):
        snapshot = await export_project(client, str(tmp_path))
        asked = [
            request for request in simulator.requests() if request["operation"] == "list_active"
        ]
    answered = [str(request["query"]) for request in asked if request["status"] == 200]
    assert 900 == snapshot.rows
    assert snapshot.manifest["resumed"] >= 1
    assert sorted(set(answered)) == sorted(answered)


@pytest.mark.parametrize(
    "switches",
    [{"page_tokens": "harsh"}, {"legacy_mobile_default": True}, {"page_tokens_by_offset": True}],
)
async def test_disputed_habits_of_the_vendor_change_nothing(
    tmp_path: Path, switches: dict[str, Any]
) -> None:
    """Whatever the vendor does about tokens and a missing type, every number is in the snapshot."""
    async with project(1200, **switches) as (simulator, client):
        await export_project(client, str(tmp_path))
        expected = held(simulator)
    assert expected == set(
        load_inventory(columns=["phone_number"], root=str(tmp_path))["phone_number"]
    )


async def test_unlisted_region_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of a region that the region list does not name are in the snapshot."""
    async with project(3000) as (simulator, client):
        monkeypatch.setattr(type(client.regions), "list", _no_regions)
        await export_project(client, str(tmp_path))
        expected = counts(simulator)
    frame = load_inventory(root=str(tmp_path))
    assert expected == dict(frame.groupby(["region_code", "number_type"]).size().items())


async def _no_regions(_self: object, _types: object = ()) -> tuple[()]:
    return ()


async def test_filters_of_read_numbers() -> None:
    """Region and type given to read_numbers let exactly those numbers through."""
    async with project(1500) as (simulator, client):
        for want in (
            Shard("LOCAL", "US"),
            Shard("MOBILE"),
            Shard(None, "GB"),
            Shard("TOLL_FREE", "DE"),
        ):
            table = await read_numbers(
                client, region_code=want.region_code, number_type=want.number_type
            )
            expected = sum(
                count
                for (region, kind), count in counts(simulator).items()
                if want.region_code in (None, region) and want.number_type in (None, kind)
            )
            assert expected == len(table)


async def test_list_has_no_number_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that the vendor shows in two types is refused by read_numbers too, though each list
    looked well.
    """
    async with project(40) as (simulator, client):
        twice = next(
            number.phone_number
            for number in simulator.world.holdings
            if number.kind == ("US", "LOCAL")
        )
        real = type(client.active_numbers).list_page_bytes

        async def list_page_bytes(self: Any, **query: Any) -> Any:
            if query.get("number_type") != "MOBILE":
                return await real(self, **query)
            others = json.loads((await real(self, **(query | {"number_type": "LOCAL"}))).body)
            page = json.loads((await real(self, **query)).body)
            page["activeNumbers"] += [
                number | {"type": "MOBILE"}
                for number in others["activeNumbers"]
                if number["phoneNumber"] == twice
            ]
            page["totalSize"] = len(page["activeNumbers"])
            return read_raw_page(
                json.dumps(page, separators=(",", ":"), ensure_ascii=False).encode()
            )

        monkeypatch.setattr(type(client.active_numbers), "list_page_bytes", list_page_bytes)
        with pytest.raises(SnapshotRefused, match="are in two regions or types") as refused:
            await read_numbers(client)
    assert twice in refused.value.message


async def test_list_is_checked() -> None:
    """A row that breaks a rule is refused by read_numbers too, with its number."""
    async with project(20) as (simulator, client):
        bad = next(iter(simulator.world.holdings))
        bad.currency = "usd"
        with pytest.raises(SnapshotRefused, match="a currency is three capital letters") as refused:
            await read_numbers(client)
    assert bad.phone_number in refused.value.message


async def test_same_date_is_replaced(tmp_path: Path) -> None:
    """A second export of a date replaces the first, and its manifest names what it replaced."""
    async with project(100) as (simulator, client):
        first = await export_project(client, str(tmp_path))
        simulator.world.add_held(5)
        second = await export_project(client, str(tmp_path))
    assert 105 == check_readable(tmp_path)
    assert [first.manifest["sha256"]] == [entry["sha256"] for entry in second.manifest["previous"]]


async def test_dates_that_cannot_be_true_are_refused(tmp_path: Path) -> None:
    """The future is refused; a past date is filled once and then left alone.

    The pointer stays at the newest.
    """
    async with project(20) as (_, client):
        with pytest.raises(BadInput, match="future"):
            await export_project(client, str(tmp_path), snapshot_date=today() + timedelta(days=2))
        await export_project(client, str(tmp_path))
        past = today() - timedelta(days=9)
        filled = await export_project(client, str(tmp_path), snapshot_date=past)
        with pytest.raises(BadInput, match="cannot be read again"):
            await export_project(client, str(tmp_path), snapshot_date=past)
    assert f"{past}" in filled.url
    pointer = json.loads((tmp_path / "inventory" / "v1" / "_latest.json").read_text())
    assert [f"{today()}"] == [entry["snapshot_date"] for entry in pointer["projects"].values()]
    assert {today()} == set(load_inventory(root=str(tmp_path))["snapshot_date"])
    assert {past} == set(load_inventory(date=past, root=str(tmp_path))["snapshot_date"])


async def test_progress_is_told(tmp_path: Path) -> None:
    """The last word of the progress is the whole export."""
    told: list[Progress] = []
    async with project(1200) as (_, client):
        await export_project(client, str(tmp_path), on_progress=told.append)
    assert (1200, told[-1].shards) == (told[-1].rows, told[-1].shards_done)


async def test_refusal_leaves_the_last_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When totals and rows never match, the export refuses, says which list, and what was published
    stays.
    """
    async with project(300) as (_, client):
        await export_project(client, str(tmp_path))
        before = _files(tmp_path)
        monkeypatch.setattr(
            type(client.active_numbers), "list_page_bytes", _one_too_many(client.active_numbers)
        )
        with pytest.raises(SnapshotRefused, match="totalSize is") as refused:
            await export_project(client, str(tmp_path))
    assert refused.value.reasons
    assert before == _files(tmp_path)


def _files(root: Path) -> list[tuple[Path, bytes]]:
    return sorted((path, path.read_bytes()) for path in root.rglob("*") if path.is_file())


def _one_too_many(active_numbers: Any) -> Any:
    """Pages whose total is one more than there is, on every list that has a single page."""
    from dataclasses import replace

    real = type(active_numbers).list_page_bytes

    async def list_page_bytes(self: Any, **query: Any) -> Any:
        page = await real(self, **query)
        return (
            replace(page, total_size=page.total_size + 1)
            if page.total_size and query.get("number_type")
            else page
        )

    return list_page_bytes


async def test_load_inventory_says_what_is_wrong(tmp_path: Path) -> None:
    """Unknown dates, projects and columns are refused with what there is."""
    async with project(10) as (_, client):
        await export_project(client, str(tmp_path))
    for wrong in (
        {"date": "2020-01-01"},
        {"project": "other"},
        {"columns": ["phone"]},
        {"date": "yesterday"},
    ):
        with pytest.raises(BadInput):
            load_inventory(root=str(tmp_path), **wrong)  # type: ignore[arg-type]
    frame = load_inventory(
        date=f"{today()}", columns=["project_id", "phone_number"], root=str(tmp_path)
    )
    assert ["project_id", "phone_number"] == list(frame.columns)
