"""The nightly flow without a server: projects fail alone, and one run has one date."""

from __future__ import annotations

import inspect
import logging
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import botocore.exceptions
import pyarrow as pa
import pytest
from prefect.logging import disable_run_logger

from flows import export_inventory as flow
from numberflow.errors import StoreUnavailable
from numberflow.export.snapshot import Progress
from numberflow.models import inventory as parameters
from numberflow.models.inventory import ExportInventory
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import ProjectInventory, RunOutcome
from tasks import inventory, publish

pytestmark = pytest.mark.anyio

ERRORS = [
    StoreUnavailable("no space", remedy="make room"),
    OSError("x"),
    pa.ArrowInvalid("Parquet magic bytes not found in footer"),
    ValueError("Invalid isoformat string: 'old-backup'"),
    botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
]


async def _no_audit(_project: str, _run_id: str) -> list[str]:
    raise StoreUnavailable("the audit's day cannot be written")


async def _announced(_done: ProjectInventory) -> None:
    return None


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_projects_fail_alone(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with one project, the next is exported.

    The report says what, and what nobody thought of leaves its traceback in the log.
    """

    async def export(project: str, wanted: ExportInventory, run_id: str) -> ProjectInventory:
        if project == "a":
            raise error
        return ProjectInventory(project=project, outcome=RunOutcome.DONE, rows=1)

    monkeypatch.setattr(flow, "export_one_project", export)
    monkeypatch.setattr(flow, "announce_snapshot", _announced)
    monkeypatch.setattr(flow, "publish_audit_of", _no_audit)
    monkeypatch.setattr(flow, "get_run_logger", lambda: logging.getLogger("run"))
    report = await flow._export(check_parameters(ExportInventory, {"projects": ["a", "b"]}), "run")
    assert [("a", RunOutcome.REFUSED), ("b", RunOutcome.DONE)] == [
        (each.project, each.outcome) for each in report.projects
    ]
    first = report.projects[0]
    expected = isinstance(error, StoreUnavailable)
    assert ("no space" if expected else type(error).__name__) in first.reason
    assert ("make room" if expected else "traceback") in first.remedy
    assert (not expected) == any(record.exc_info for record in caplog.records)


async def test_the_days_of_the_audit_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A night that publishes days of the audit says where, in an artifact; others say nothing."""
    tables: list[dict[str, Any]] = []

    async def export(project: str, wanted: ExportInventory, run_id: str) -> ProjectInventory:
        return ProjectInventory(project=project, project_id=f"id-{project}", rows=1,
                                outcome=RunOutcome.DONE)  # fmt: skip

    async def audit(project: str, _run_id: str) -> list[str]:
        return ["s3://x/audit.parquet"] if project == "a" else []

    async def table(**given: Any) -> None:
        tables.append(given)

    monkeypatch.setattr(flow, "export_one_project", export)
    monkeypatch.setattr(flow, "announce_snapshot", _announced)
    monkeypatch.setattr(flow, "publish_audit_of", audit)
    monkeypatch.setattr(flow, "publish_audit_files", inspect.unwrap(publish.publish_audit_files))
    monkeypatch.setattr(publish, "acreate_table_artifact", table)
    monkeypatch.setattr(flow, "get_run_logger", lambda: logging.getLogger("run"))
    await flow._export(check_parameters(ExportInventory, {"projects": ["a", "b"]}), "run")
    assert [([{"file": "s3://x/audit.parquet"}], "export-inventory-audit")] == [
        (each["table"], each["key"]) for each in tables
    ]
    assert "id-a" in tables[0]["description"]


async def test_midnight_does_not_part_the_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    """All projects of a run and its report have the date on which the run began, though midnight
    passes between them.
    """
    now = [datetime(2026, 11, 25, 23, 59, 50, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return now[0]

    days: list[date] = []

    async def export(project: str, wanted: ExportInventory, run_id: str) -> ProjectInventory:
        days.extend((wanted.day, wanted.began_on))
        now[0] = datetime(2026, 11, 26, 0, 0, 20, tzinfo=UTC)
        return ProjectInventory(
            project=project, outcome=RunOutcome.DONE, rows=1, snapshot_date=wanted.day
        )

    monkeypatch.setattr(parameters, "datetime", Clock)
    monkeypatch.setattr(flow, "export_one_project", export)
    monkeypatch.setattr(flow, "announce_snapshot", _announced)
    monkeypatch.setattr(flow, "publish_audit_of", _no_audit)
    with disable_run_logger():
        report = await flow._export(
            check_parameters(ExportInventory, {"projects": ["a", "b"]}), "run"
        )
    assert {date(2026, 11, 25)} == {
        *days,
        report.snapshot_date,
        *(each.snapshot_date for each in report.projects),
    }


def _show_progress(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """What progress artifacts show, in place of Prefect's server: percent and words."""
    shown: list[tuple[float, str]] = []

    async def create(percent: float, *, key: str, description: str) -> UUID:
        shown.append((percent, description))
        return UUID(int=1)

    async def update(_artifact_id: UUID, percent: float, *, description: str) -> None:
        shown.append((percent, description))

    monkeypatch.setattr(inventory, "acreate_progress_artifact", create)
    monkeypatch.setattr(inventory, "aupdate_progress_artifact", update)
    monkeypatch.setattr(inventory, "get_run_logger", lambda: logging.getLogger("run"))
    return shown


async def test_waiting_for_the_limit_is_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Beside the bar as long as it stands still, and in the log."""
    shown = _show_progress(monkeypatch)
    monkeypatch.setattr(inventory, "TELL_EVERY_S", 0.0)
    caplog.set_level(logging.INFO)
    teller = inventory._Teller("project")
    progress = Progress(rows=9, pages=2, requests=7, shards_done=1, shards=2, elapsed_s=1.0)
    teller(progress)
    await teller.end()
    teller.waiting("waiting for the vendor's limit (numbers, no request for 12 s)")
    await teller.end()
    teller(progress)
    await teller.end()
    assert [percent for percent, _ in shown] == [50.0, 50.0, 50.0]
    assert ["waiting" in words for _, words in shown] == [False, True, False]
    assert "no request for 12 s" in caplog.text


async def test_what_is_read_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The last shard is told at once, and not again twice a second until the file is published."""
    shown = _show_progress(monkeypatch)
    caplog.set_level(logging.INFO)
    teller = inventory._Teller("project")
    monkeypatch.setattr(inventory, "TELL_EVERY_S", 0.0)
    # Walks may be over before it is known how many there will be.
    teller(Progress(rows=0, pages=1, requests=5, shards_done=1, shards=0, elapsed_s=0.5))
    await teller.end()
    monkeypatch.setattr(inventory, "TELL_EVERY_S", 60.0)
    for done in (1, 2, 2, 2):
        teller(Progress(rows=9, pages=2, requests=7, shards_done=done, shards=2, elapsed_s=1.0))
        await teller.end()
    assert [0.0, 100.0] == [percent for percent, _ in shown]
    assert 1 == sum("2 of 2 shards" in record.getMessage() for record in caplog.records)
