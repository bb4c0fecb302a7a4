"""The table of flows against what is written beside it: prefect.yaml and automations.yaml.

What `numberflow setup` and `up` make of the table on a server: tests/workflow/test_setup.py.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import yaml

from flows.table import FLOWS, FlowEntry

ROOT = Path(__file__).parents[2]
RECORD = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
AUTOMATIONS = yaml.safe_load((ROOT / "deployments" / "automations.yaml").read_text())
SCHEDULED = [entry for entry in FLOWS.values() if entry.schedule]
# A run that the clock made is told to automations a quarter of an hour late (automations.yaml).
LATE = timedelta(seconds=1000)


def _wanted(entry: FlowEntry) -> tuple[str, list[str], list[dict[str, str]]]:
    """Entry point, tags and schedules."""
    schedule = entry.schedule
    schedules = (
        [{"cron": schedule.cron, "timezone": "UTC", "slug": schedule.slug}] if schedule else []
    )
    return entry.entry_point, sorted(entry.tags), schedules


def test_recorded_as_in_the_table() -> None:
    """Prefect.yaml says what the table says, limits included."""
    recorded = {
        each["name"]: (
            (each["entrypoint"], sorted(each["tags"]), each.get("schedules", [])),
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


def test_every_schedule_that_stops_is_noticed() -> None:
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


def test_inventory_is_nightly() -> None:
    """The inventory is exported once a night, at a time that names its zone."""
    (record,) = [each for each in RECORD["deployments"] if each["name"] == "export-inventory"]
    (schedule,) = record["schedules"]
    assert ("15 2 * * *", "UTC") == (schedule["cron"], schedule["timezone"])


def test_the_set_up_looks_at_the_clock() -> None:
    """A schedule that never fired raises no event (Prefect counts from a first run), so the set-up
    ends with doctor.
    """
    page = (ROOT / "docs" / "operations.md").read_text().partition("## Several workers")[2]
    commands = page.partition("```console\n")[2].partition("```")[0].splitlines()
    assert "numberflow doctor" in commands[-1]
