"""Rented and imported numbers in one snapshot.

Every list that can be requested is proven, and what cannot be known is named.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pandas as pd
import pytest
from support.exports import check_readable, held, project

from numberflow.errors import SnapshotRefused
from numberflow.export.imported import ImportedQuestion
from numberflow.export.load import load_inventory
from numberflow.export.snapshot import export_project
from numberflow.models.imported import ImportNumberRequest
from numberflow.models.vendor import SmsSettings

pytestmark = pytest.mark.anyio

ELSEWHERE = ("plan-9", "CAMP009")


async def script(simulator: Any, action: str, **fields: Any) -> None:
    """Tell the simulator's staff."""
    transport = httpx.ASGITransport(simulator.control_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as http:
        (await http.post("/script", json={"action": action} | fields)).raise_for_status()


def imported(simulator: Any) -> set[str]:
    """Numbers that are imported, by the simulator's own books."""
    return {number["phoneNumber"] for number in simulator.imported_numbers()}


async def test_rented_and_imported_in_one_snapshot(tmp_path: Path) -> None:
    """Numbers of a plan that rented ones have, of a plan that only the journal knows, and one
    without a link: all there once, told apart by `source`.
    """
    async with project(300) as (simulator, client):
        await script(simulator, "seed_imported", count=130, service_plan_id="plan-0001")
        await script(
            simulator,
            "seed_imported",
            count=7,
            service_plan_id=ELSEWHERE[0],
            campaign_id=ELSEWHERE[1],
        )
        question = ImportedQuestion(links=frozenset({ELSEWHERE}))
        snapshot = await export_project(client, str(tmp_path), imported=question)
        rented, known = held(simulator), imported(simulator)
    assert (300, 137) == (len(rented), len(known))
    assert 437 == snapshot.rows == check_readable(tmp_path)
    frame = load_inventory(root=str(tmp_path))
    assert known == set(frame[frame["source"] == "imported"]["phone_number"])
    assert rented == set(frame[frame["source"] == "rented"]["phone_number"])
    plain = pd.read_parquet(tmp_path / "inventory" / "v1")
    assert frame["source"].value_counts().to_dict() == plain["source"].value_counts().to_dict()
    counted = duckdb.sql(
        f"select source, count(*) from read_parquet('{tmp_path}/inventory/v1/**/*.parquet') group "
        "by 1"
    ).fetchall()
    assert {("rented", 300), ("imported", 137)} == set(counted)
    lists = {
        (each["service_plan_id"], each["campaign_id"]): each["rows"]
        for each in snapshot.manifest["completeness"]["imported"]["lists"]
    }
    assert (130, 7) == (lists["plan-0001", ""], lists[ELSEWHERE])
    assert 0 == frame[frame["source"] == "imported"]["price_amount"].notna().sum()
    assert {"LOCAL"} == set(frame[frame["source"] == "imported"]["number_type"])


async def test_not_asked_for(tmp_path: Path) -> None:
    """Without the question imported numbers are left out, and the manifest says so."""
    async with project(20) as (simulator, client):
        await script(simulator, "seed_imported", count=5, service_plan_id="plan-0001")
        snapshot = await export_project(client, str(tmp_path))
    assert (20, None) == (snapshot.rows, snapshot.manifest["completeness"]["imported"])


async def test_a_number_without_a_link_is_read_by_itself(tmp_path: Path) -> None:
    """A number that the journal says is imported and no list brings is read.

    One that is gone is a remark, not a row.
    """
    async with project(3) as (_, client):
        await client.imported_numbers.import_number(
            ImportNumberRequest(
                phone_number="+12025550143",
                region_code="US",
                sms=SmsSettings(service_plan_id="plan-77"),
            )
        )
        question = ImportedQuestion(phone_numbers=frozenset({"+12025550143", "+12025550199"}))
        snapshot = await export_project(client, str(tmp_path), imported=question)
    frame = load_inventory(root=str(tmp_path))
    assert ["+12025550143"] == list(frame[frame["source"] == "imported"]["phone_number"])
    assert [True] == [remark.startswith("+12025550199") for remark in snapshot.manifest["remarks"]]


async def test_a_list_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """A list whose total never holds still is refused, and nothing is published."""
    async with project(10) as (simulator, client):
        await script(simulator, "seed_imported", count=30, service_plan_id="plan-0001")
        simulator.switches.set("page_size_max", 10)
        original = client.imported_numbers.list_page

        async def growing(**arguments: Any) -> Any:
            await script(simulator, "seed_imported", count=1, service_plan_id="plan-0001")
            return await original(**arguments)

        client.imported_numbers.list_page = growing  # type: ignore[method-assign]
        with pytest.raises(
            SnapshotRefused, match="imported numbers of plan plan-0001 cannot be proven complete"
        ):
            await export_project(
                client,
                str(tmp_path),
                imported=ImportedQuestion(links=frozenset({("plan-0001", "")})),
            )
    assert [] == [
        file for _, _, files in os.walk(tmp_path) for file in files if file.endswith(".parquet")
    ]


async def test_an_account_without_that_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is known to be imported a refusal of that API is a remark.

    Where something is, the snapshot is refused.
    """
    from numberflow.errors import PermissionRefused

    async with project(40) as (_, client):

        async def refuse(**_: Any) -> Any:
            raise PermissionRefused("403", status=403)

        monkeypatch.setattr(client.imported_numbers, "list_page", refuse)
        snapshot = await export_project(client, str(tmp_path), imported=ImportedQuestion())
        assert (40, True) == (
            snapshot.rows,
            "could not be requested" in snapshot.manifest["remarks"][-1],
        )
        with pytest.raises(SnapshotRefused, match="check the account"):
            await export_project(
                client, str(tmp_path), imported=ImportedQuestion(links=frozenset({ELSEWHERE}))
            )
