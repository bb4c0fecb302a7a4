"""The notebook in docs/ answers its questions.

Its own cells run on a week of snapshots, and the answers are what the simulator knows.
"""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.exports import project

import numberflow
from numberflow.export.publish import INVENTORY, latest
from numberflow.export.store import open_store

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.anyio


def _maker() -> Any:
    spec = importlib.util.spec_from_file_location(
        "notebook_maker", ROOT / "benchmarks" / "notebook.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _cells() -> Iterator[tuple[str, str]]:
    """Question and code of each cell in docs/inventory.ipynb."""
    question = ""
    for cell in json.loads((ROOT / "docs" / "inventory.ipynb").read_text())["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            question = text.lstrip("# ").splitlines()[0].partition(". ")[2]
        else:
            yield question, text


def _answers(cells: Iterator[tuple[str, str]]) -> dict[str, Any]:
    """What each cell shows: the value of its last line."""
    names: dict[str, Any] = {}
    shown = {}
    for question, code in cells:
        *statements, last = _statements(code)
        exec("\n".join(statements), names)
        shown[question] = eval(last, names)
    return shown


def _statements(code: str) -> list[str]:
    return [ast.unparse(each) for each in ast.parse(code).body]


async def test_its_cells_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs, and the answers that are easily wrong are right.

    Half-provisioned are numbers with a voice job, too. Without a service is who has no link and
    none on its way, and its cost is a month's money. Since Monday is the sum of all days since.
    """
    maker = _maker()
    async with project(300) as (simulator, client):
        held = list(simulator.world.holdings)
        waiting = [each for each in held if not each.voice.id and not each.sms.service_plan_id][:3]
        for number in waiting:
            number.interval_months, number.monthly, number.expire_at = 12, Decimal(1200), None
        await maker.a_week(client, str(tmp_path), simulator)
        on_their_way = {
            each.phone_number for each in simulator.world.holdings if each.voice_job is not None
        }
    monkeypatch.setenv("NUMBERFLOW_INVENTORY_URL", str(tmp_path))
    shown = _answers(_cells())
    assert [question for question, _ in maker.QUESTIONS] == [
        question for question in shown if question
    ]

    half = shown["What is half-provisioned?"]
    assert on_their_way == set(half.loc[half["voice_provisioning_status"].notna(), "phone_number"])
    assert half["sms_provisioning_status"].notna().any()

    count, amount = _idle(str(tmp_path), on_their_way)
    (answer,) = shown["What costs without a service?"].itertuples(index=False)
    assert (count, amount) == (answer.numbers, answer.a_month)

    since = shown["What changed since Monday?"]
    days = {day for day, _ in since.index}
    assert days
    today = max(numberflow.load_inventory(root=str(tmp_path))["snapshot_date"])
    monday = today - timedelta(days=today.weekday() or 7)
    assert all(monday < day <= today for day in days)
    added = sum(
        _count(str(tmp_path), monday + timedelta(days=n), "added")
        for n in range(1, (today - monday).days + 1)
    )
    assert added == sum(count for (_, change), count in since.items() if change == "added")


def _idle(root: str, on_their_way: set[str]) -> tuple[int, Decimal]:
    """How many numbers have no service and none to come, and what they cost a month, row by row."""
    count, amount = 0, Decimal(0)
    for row in _rows(root):
        linked = row["sms_service_plan_id"] or row["voice_target_id"] or row["expire_at"]
        if not linked and row["phone_number"] not in on_their_way:
            count += 1
            amount += row["price_amount"] / row["payment_interval_months"]
    return count, amount


def _rows(root: str) -> list[dict[str, Any]]:
    """The newest numbers as plain rows."""
    (partition,) = latest(open_store(root), INVENTORY).values()
    return list(pq.read_table(Path(root) / partition.data, partitioning=None).to_pylist())


def _count(root: str, day: date, change: str) -> int:
    return int((numberflow.load_changes(day, root=root)["change"] == change).sum())
