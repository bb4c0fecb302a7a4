"""The audit on the command line and in pandas: verified, written as CSV, published by day."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import anyio
import pandas as pd
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from support.command import Command
from support.journals import PROJECT, Vendor, planned, rent_line, run_step

import numberflow
from numberflow.journal import ALL_PROJECTS, Evidence, Intention, Journal
from numberflow.journal.tables import intentions
from numberflow.purchase.audit import publish_audit
from numberflow.settings import Settings


@pytest.fixture
def told(command: Command) -> Command:
    """A rent that an Ada approved and that took effect, and a stop with a formula for a reason."""
    command.set({"SINCH_PROJECT_ID": PROJECT})
    with Journal.open(Settings.load().journal_url) as journal:
        journal.act_as(flow_run_id="run-1", created_by="=cmd()")
        (step,) = planned(journal, rent_line())
        journal.save_approval(step.purchase_id, {"by": "Ada"})
        vendor = Vendor("ok")
        anyio.run(run_step, journal, step, vendor.rent, vendor.look)
        journal.stop(ALL_PROJECTS, by="Grace", why="+1+cmd|calc")
    return command


def test_verify(told: Command) -> None:
    """0 and the head while all is as written; 4 and the step when a row was changed."""
    done = told("journal", "verify", "--json")
    verified = json.loads(done.out)
    assert (0, []) == (done.code, verified["problems"])
    head = verified["head"]
    assert 0 == told("journal", "verify", "--expect", head).code
    assert 4 == told("journal", "verify", "--expect", "0" * 64).code
    with Journal.open(Settings.load().journal_url) as journal:
        with journal._database._engine.begin() as connection:
            connection.execute(sa.update(intentions).values(due_amount=Decimal("0.01")))
    done = told("journal", "verify")
    assert (4, True) == (done.code, "is not as audit row" in done.out)


def test_export(told: Command, tmp_path: Path) -> None:
    """CSV and Parquet have the same rows; numbers stay numbers, and no text is a formula."""
    rows = list(csv.DictReader(io.StringIO(told("journal", "export", "--format", "csv").out)))
    out = tmp_path / "audit.parquet"
    assert 0 == told("journal", "export", "--format", "parquet", "-o", str(out)).code
    table = pq.read_table(out)
    assert [str(n) for n in table["n"].to_pylist()] == [row["n"] for row in rows]
    last = {row["event"]: row for row in rows}
    assert ("+12025550101", "'=cmd()", "Ada") == (
        last["confirm"]["subject"],
        last["confirm"]["created_by"],
        last["confirm"]["approved_by"],
    )
    assert "'+1+cmd|calc" == last["stop"]["reason"]
    assert ["confirm"] == [row["event"] for row in rows if row["cost"]]
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    none = told("journal", "export", "--format", "csv", "--until", "2020-01-01").out
    today = told("journal", "export", "--format", "csv", "--since", day, "--until", day).out
    assert (1, 1 + len(rows)) == (len(none.splitlines()), len(today.splitlines()))
    assert 2 == told("journal", "export", "--format", "csv", "--since", "monday").code


def test_published_by_day(told: Command) -> None:
    """A day that is over is published once; pandas reads it with Arrow types."""
    settings, today = Settings.load(), datetime.now(UTC).date()
    assert [] == publish_audit(settings, "run-9", today)
    tomorrow = today + timedelta(days=1)
    assert 1 == len(publish_audit(settings, "run-9", tomorrow))
    assert [] == publish_audit(settings, "run-9", tomorrow)
    frame = numberflow.load_audit()
    assert ["purchase_opened", "planned", "approval_kept", "send", "confirm", "stop"] == list(
        frame["event"]
    )
    assert {pd.ArrowDtype} == {type(kind) for kind in frame.dtypes}
    assert Decimal(str(frame["cost"].sum())) == frame["due_amount"].iloc[1] > 0
    assert len(frame) == len(numberflow.load_audit(since=today, until=tomorrow))
    assert told is not None


def test_who_decided(command: Command) -> None:
    """The person of a verdict stands in a column of its own."""
    with Journal.open(Settings.load().journal_url) as journal:
        (step,) = planned(journal, rent_line())
        anyio.run(run_step, journal, step, Vendor("lost").rent, _unclear)
        journal.settle_by_person(step.id, "refused", by="Ada", note="it is not in the dashboard")
    rows = csv.DictReader(io.StringIO(command("journal", "export", "--format", "csv").out))
    last = list(rows)[-1]
    assert ("judge_refused", "needs_person", "refused", "Ada") == (
        last["event"],
        last["state_from"],
        last["state_to"],
        last["by"],
    )


async def _unclear(_: Intention) -> Evidence:
    return Evidence("inconclusive", "neither held nor for sale", {"status": 404})
