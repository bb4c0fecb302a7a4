"""The same promises in a local folder and in an S3 bucket.

One whole snapshot at any moment, whoever publishes, reads or removes.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb
import fsspec
import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.exports import counts, project
from support.s3 import s3_endpoint, s3_root

from numberflow.errors import BadInput, StoreUnavailable
from numberflow.export.load import load_inventory
from numberflow.export.publish import INVENTORY, Partition, latest, names, partitions, read_manifest
from numberflow.export.retention import prune
from numberflow.export.snapshot import export_project, today
from numberflow.export.store import LocalStore, Store, open_store

__all__ = ["s3_endpoint", "s3_root"]

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["local", "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A local folder, then a bucket."""
    return (
        str(tmp_path / "data")
        if request.param == "local"
        else str(request.getfixturevalue("s3_root"))
    )


def _check(store: Store, partition: Partition) -> int:
    """Rows of a published partition as a reader sees it who takes the data, then the manifest, and
    checks.
    """
    content = store.read(partition.data)
    assert content is not None
    manifest = read_manifest(store, partition)
    assert names(manifest, hashlib.sha256(content).hexdigest())
    return int(pq.read_metadata(io.BytesIO(content)).num_rows)


@contextmanager
def _reading(store: Store, partition: Partition) -> Iterator[list[object]]:
    seen: list[object] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(_check(store, partition))
            except Exception as error:
                seen.append(error)
            stop.wait(0.01)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


async def test_published_and_read_back(root: str) -> None:
    """Plain pandas, load_inventory and the simulator agree on the numbers by region and type.

    Nothing else lies in the folder.
    """
    async with project(700) as (simulator, client):
        snapshot = await export_project(client, root)
        expected = counts(simulator)
    for frame in (load_inventory(root=root), pd.read_parquet(f"{root}/inventory/v1")):
        assert expected == dict(frame.groupby(["region_code", "number_type"]).size().items())
    store = open_store(root)
    assert 700 == _check(store, snapshot.partition)
    folder = snapshot.partition.folder
    assert [f"{folder}/_manifest.json", f"{folder}/numbers.parquet"] == store.find(
        "inventory/v1/*/*/*"
    )
    assert ["inventory/v1/_latest.json"] == store.find("inventory/v1/*.json")


async def test_readers_see_the_old_or_the_new(root: str) -> None:
    """While a date is published again and again, a reader who checks sees one of the published
    counts, each time whole.
    """
    async with project(50) as (simulator, client):
        snapshot = await export_project(client, root)
        published = {50}
        store = open_store(root)
        with _reading(store, snapshot.partition) as seen:
            for _ in range(4):
                simulator.world.add_held(5)
                published.add((await export_project(client, root)).rows)
    assert published >= set(seen)
    assert 70 == _check(store, snapshot.partition)


async def test_two_projects_at_once_are_both_latest(root: str) -> None:
    """Projects that publish at the same moment all stand in the pointer afterwards."""
    async with project(20) as (_, one), project(30) as (_, two), project(40) as (_, three):
        for index, client in enumerate((one, two, three)):
            # the name of the folder; what is asked for stays the simulator's
            client.project_id = f"project-{index}"
        await asyncio.gather(*(export_project(client, root) for client in (one, two, three)))
    assert {"project-0": 20, "project-1": 30, "project-2": 40} == dict(
        load_inventory(root=root).groupby("project_id").size().items()
    )


async def test_runs_of_one_date_at_once(root: str) -> None:
    """Four runs that publish one date at once end with one whole snapshot, and with the manifest
    that describes it.
    """
    async with project(20) as (_, one), project(30) as (_, two):
        snapshots = await asyncio.gather(
            *(export_project(client, root) for client in (one, two, one, two))
        )
    store = open_store(root)
    partition = snapshots[0].partition
    assert _check(store, partition) in {20, 30}
    manifest = read_manifest(store, partition)
    assert manifest is not None
    with store.open(partition.data) as file:
        content = file.read()
    assert (manifest["sha256"], manifest["bytes"]) == (
        hashlib.sha256(content).hexdigest(),
        len(content),
    )
    assert manifest["run_id"] in {snapshot.manifest["run_id"] for snapshot in snapshots}


async def test_retention_keeps_days_month_ends_and_the_latest(root: str) -> None:
    """35 days and month ends stay, the rest goes with its manifest, and the pointer stays at the
    newest.
    """
    store = open_store(root)
    async with project(5) as (_, client):
        snapshot = await export_project(client, root)
        with store.open(snapshot.partition.data) as file:
            content = file.read()
    for back in (10, 34, 35, 60, 61, 62, 90, 400):
        old = Partition(INVENTORY, today() - timedelta(days=back), client.project_id)
        store.write(old.data, content)
        store.write(old.manifest, json.dumps(snapshot.manifest).encode())
    before = {each.snapshot_date for each in partitions(store, INVENTORY)}
    gone = {each.snapshot_date for each in prune(store, INVENTORY, now=today())}
    left = {each.snapshot_date for each in partitions(store, INVENTORY)}
    month_ends = {
        max(day for day in before if (day.year, day.month) == (month.year, month.month))
        for month in before
    }
    assert before - left == gone
    assert {day for day in before if day > today() - timedelta(days=35)} | month_ends == left
    assert len(left) == len(store.find("inventory/v1/*/*/_manifest.json"))
    assert {client.project_id: snapshot.partition} == latest(store, INVENTORY)


async def test_duckdb_reads_a_bucket_through_fsspec(s3_root: str) -> None:
    """DuckDB sees the same rows in a bucket as in the simulator."""
    async with project(300) as (simulator, client):
        await export_project(client, s3_root)
        expected = counts(simulator)
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("s3", skip_instance_cache=True))
        asked = (
            "select region_code, number_type, count(*) from "
            f"read_parquet('{s3_root}/inventory/v1/**/*.parquet', hive_partitioning = true) group "
            "by all"
        )
        found = {(region, kind): count for region, kind, count in connection.sql(asked).fetchall()}
    assert expected == found


def test_stores_that_show_half_a_file_are_refused() -> None:
    """A file system that cannot replace a file in one step is refused by name."""
    for url in ("sftp://host/x", "ftp://host/x", "http://host/x"):
        with pytest.raises(BadInput, match=url.partition(":")[0]):
            open_store(url)


async def test_a_broken_store_leaves_what_was_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the data cannot be put, the manifest still vouches for the old data."""
    async with project(10) as (simulator, client):
        snapshot = await export_project(client, str(tmp_path))
        simulator.world.add_held(1)
        store = open_store(str(tmp_path))
        with monkeypatch.context() as broken:
            broken.setattr(LocalStore, "put", _disk_full)
            with pytest.raises(StoreUnavailable, match="No space left"):
                await export_project(client, str(tmp_path))
    assert 10 == _check(store, snapshot.partition)


def _disk_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_dates_are_dates() -> None:
    """Partitions carry a date, and its folder is named by it."""
    assert (
        "inventory/v1/snapshot_date=2026-01-02/project_id=p/numbers.parquet"
        == Partition(INVENTORY, date(2026, 1, 2), "p").data
    )
