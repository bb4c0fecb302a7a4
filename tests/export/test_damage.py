"""Old files that are damaged, folders of others, and stores that cannot be used.

A sentence with the fix, and no traceback.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from s3fs import S3FileSystem
from support.exports import project
from support.s3 import s3_endpoint, s3_root

import numberflow
from numberflow.errors import BadInput, SnapshotRefused, StoreUnavailable
from numberflow.export import publish as publishing
from numberflow.export.follow_up import export_inventory
from numberflow.export.publish import INVENTORY, check_project_id
from numberflow.export.snapshot import today
from numberflow.export.store import open_store
from numberflow.models.reports import RunOutcome

__all__ = ["s3_endpoint", "s3_root"]

pytestmark = pytest.mark.anyio

YESTERDAY = today() - timedelta(days=1)


def _cut(root: Path, pattern: str, keep: int) -> None:
    (path,) = root.glob(pattern)
    path.write_bytes(path.read_bytes()[:keep])


@pytest.mark.parametrize("name", ["numbers.parquet", "_manifest.json"])
@pytest.mark.parametrize("keep", [0, 500])
async def test_damaged_file_of_the_same_date(tmp_path: Path, name: str, keep: int) -> None:
    """Data or a manifest of the same date that cannot be read counts as absent, is replaced, and
    that is said.
    """
    root = str(tmp_path)
    async with project(5) as (_, client):
        await export_inventory(client, root)
        _cut(tmp_path, f"inventory/v1/*/*/{name}", keep)
        done = await export_inventory(client, root)
    assert (RunOutcome.DONE, 5) == (done.outcome, len(numberflow.load_inventory(root=root)))
    assert any("could not be read" in remark and name in remark for remark in done.remarks)


async def test_damaged_snapshot_of_the_day_before(tmp_path: Path) -> None:
    """A damaged older snapshot counts as absent.

    Compared is with the one before it, and that is said.
    """
    root = str(tmp_path)
    days = [today() - timedelta(days=n) for n in (2, 1, 0)]
    async with project(5) as (simulator, client):
        await export_inventory(client, root, snapshot_date=days[0], began_on=days[0])
        await export_inventory(client, root, snapshot_date=days[1], began_on=days[1])
        _cut(tmp_path, f"inventory/v1/snapshot_date={days[1]}/*/numbers.parquet", 500)
        simulator.world.add_held(1)
        done = await export_inventory(client, root)
    assert (RunOutcome.DONE, 1) == (done.outcome, done.added)
    assert {days[0]} == set(numberflow.load_changes(root=root)["previous_date"])
    assert any(f"not compared with {days[1]}" in remark for remark in done.remarks)


async def test_damaged_pointer(tmp_path: Path) -> None:
    """A pointer that cannot be read is no pointer.

    The listing says what is newest, and the next run makes it again.
    """
    root = str(tmp_path)
    async with project(5) as (_, client):
        await export_inventory(client, root)
        for broken in ("{", "[]", "{}", '{"projects": {"p": 1}}'):
            (tmp_path / "inventory/v1/_latest.json").write_text(broken)
            assert 5 == len(numberflow.load_inventory(root=root))
        await export_inventory(client, root)
    assert "snapshot_date" in (tmp_path / "inventory/v1/_latest.json").read_text()


@pytest.mark.parametrize("name", ["old-backup", "20261125", "2026-W48-3", "2026-13-01"])
async def test_folder_that_is_no_date(tmp_path: Path, name: str) -> None:
    """A folder that is not ours, whose name is no date, is left alone and stops nothing."""
    root = str(tmp_path)
    stray = tmp_path / f"inventory/v1/snapshot_date={name}/project_id=x/numbers.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    async with project(5) as (_, client):
        done = await export_inventory(client, root)
    assert RunOutcome.DONE is done.outcome
    assert [today()] == [
        each.snapshot_date for each in publishing.partitions(open_store(root), INVENTORY)
    ]
    assert stray.exists()


async def test_price_of_24_digits(tmp_path: Path) -> None:
    """A price that nobody can pay stops the snapshot with the number named, and none that passes is
    too large to add up.
    """
    root = str(tmp_path)
    async with project(5) as (simulator, client):
        number = next(iter(simulator.world.holdings))
        number.monthly = Decimal("1" * 24)
        with pytest.raises(SnapshotRefused, match="below a million million") as caught:
            await export_inventory(client, root)
        assert number.phone_number in caught.value.message
        for each in simulator.world.holdings:
            each.monthly = Decimal("999999999999.999999")
        done = await export_inventory(client, root)
    assert {"USD": Decimal("4999999999999.999995")} == done.monthly


@pytest.fixture
def other_buckets() -> Iterator[None]:
    """S3fs keeps its connections for whoever asks with the same arguments, whatever the environment
    says by then.
    """
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


async def _refused(root: str) -> StoreUnavailable:
    async with project(5) as (_, client):
        with pytest.raises(StoreUnavailable) as caught:
            await export_inventory(client, root)
    assert "NUMBERFLOW_INVENTORY_URL" in caught.value.remedy
    return caught.value


async def test_root_is_a_file(tmp_path: Path) -> None:
    """A file where the folder should be is said."""
    root = tmp_path / "file"
    root.write_text("x")
    assert "this is a file" in (await _refused(str(root))).remedy


async def test_bucket_that_does_not_answer(
    other_buckets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object store that nobody serves, or one without keys, is one error of ours, whatever its
    library raises.
    """
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    assert "AWS_ENDPOINT_URL" in (await _refused("s3://nowhere-1/x")).remedy
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert "AWS_ACCESS_KEY_ID" in (await _refused("s3://nowhere-2/x")).remedy


async def test_bucket_that_is_not_there(s3_root: str) -> None:
    """A bucket that does not exist is said before anything is read."""
    assert "bucket" in (await _refused(s3_root.replace("inventory-test", "other-bucket"))).remedy


@pytest.mark.parametrize(
    "project_id",
    [
        "",
        "a b",
        "Ä",
        "a/b",
        "007",
        "12345",
        "-5",
        "1.5",
        "1e5",
        "nan",
        "2026-01-01",
        "2026-01-01-x",
        "__HIVE_DEFAULT_PARTITION__",
        "null",
        "true",
        "..",
        "x" * 201,
    ],
)
def test_ids_that_readers_would_change(project_id: str) -> None:
    """An id that pandas or DuckDB would take for something else, or that is no folder, is refused
    by name.
    """
    with pytest.raises(BadInput, match="SINCH_PROJECT_ID") as caught:
        check_project_id(project_id)
    assert "dashboard" in caught.value.remedy


@pytest.mark.parametrize(
    "project_id", ["6f0c2b7e-9d1b-4f0a-8a55-1c2f3b0d7e11", "p-1", "x" * 200, "007x"]
)
async def test_ids_that_come_back_as_they_are(tmp_path: Path, project_id: str) -> None:
    """Every id that is taken comes back as the text that it is, from pandas and from DuckDB."""
    import duckdb
    import pandas as pd

    root = str(tmp_path)
    async with project(5) as (_, client):
        client.project_id = project_id
        await export_inventory(client, root)
    assert [project_id] == list(pd.read_parquet(f"{root}/inventory/v1")["project_id"].unique())
    asked = (
        "select distinct project_id from "
        f"read_parquet('{root}/inventory/v1/*/*/numbers.parquet', hive_partitioning = true)"
    )
    assert [(project_id,)] == duckdb.sql(asked).fetchall()
