"""The table of flows against what deploys them: serve.py, prefect.yaml and automations.yaml."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.serve import all_deployments
from flows.table import FLOWS, FlowEntry

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
RECORD = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
AUTOMATIONS = yaml.safe_load((ROOT / "deployments" / "automations.yaml").read_text())
SCHEDULED = [entry for entry in FLOWS.values() if entry.schedule]
# A run that the clock made is told to automations a quarter of an hour late (automations.yaml).
LATE = timedelta(seconds=1000)


def _wanted(entry: FlowEntry) -> tuple[str, list[str], list[tuple[str, str]]]:
    """Entry point, tags and schedules."""
    schedules = [(entry.schedule.cron, "UTC")] if entry.schedule else []
    return entry.entry_point, sorted(entry.tags), schedules


def _schedules(schedules: Any) -> list[tuple[str, str]]:
    return [(each["cron"], each.get("timezone") or "UTC") for each in schedules or ()]


async def test_served_as_in_the_table() -> None:
    """Serve.py has a deployment for each flow, with the table's entry point, tags and schedule."""
    served = {
        each.name: (
            each.entrypoint,
            sorted(each.tags),
            _schedules([schedule.schedule.model_dump() for schedule in each.schedules or ()]),
        )
        for each in await all_deployments()
    }
    assert {entry.name: _wanted(entry) for entry in FLOWS.values()} == served


async def test_recorded_as_in_the_table() -> None:
    """Prefect.yaml says what the table says, limits included."""
    recorded = {
        each["name"]: (
            (each["entrypoint"], sorted(each["tags"]), _schedules(each.get("schedules"))),
            each.get("concurrency_limit"),
        )
        for each in RECORD["deployments"]
    }
    assert {
        entry.name: (
            _wanted(entry),
            entry.at_once and {"limit": entry.at_once, "collision_strategy": "CANCEL_NEW"},
        )
        for entry in FLOWS.values()
    } == recorded


async def test_every_schedule_that_stops_is_noticed() -> None:
    """For each flow of the clock an automation waits for two intervals and what the server is
    late.
    """
    triggers = [each["trigger"] for each in AUTOMATIONS["automations"]]
    waits = {
        each["match_related"]["prefect.resource.name"]: timedelta(seconds=each["within"])
        for each in triggers
        if "prefect.resource.name" in each.get("match_related", {})
    }
    assert {entry.name: 2 * entry.schedule.every + LATE for entry in SCHEDULED} == waits


async def test_inventory_is_nightly() -> None:
    """The inventory is exported once a night, at a time that names its zone."""
    (record,) = [each for each in RECORD["deployments"] if each["name"] == "export-inventory"]
    assert [{"cron": "15 2 * * *", "timezone": "UTC"}] == record["schedules"]


async def test_the_set_up_looks_at_the_clock() -> None:
    """A schedule that never fired raises no event (Prefect counts from a first run), so the set-up
    ends with doctor.
    """
    page = (ROOT / "docs" / "operations.md").read_text().partition("## Several workers")[2]
    commands = page.partition("```console\n")[2].partition("```")[0].splitlines()
    assert "numberflow doctor" in commands[-1]
