"""The two ways to deploy say the same: names, entry points, tags, schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.serve import all_deployments

pytestmark = pytest.mark.anyio

RECORD = yaml.safe_load((Path(__file__).parents[2] / "deployments" / "prefect.yaml").read_text())


def _schedules(schedules: Any) -> list[tuple[str, str]]:
    return [(each["cron"], each.get("timezone") or "UTC") for each in schedules or ()]


async def test_served_as_recorded() -> None:
    """Serve.py and prefect.yaml have the same deployments, with the same entry points, tags and
    schedules.
    """
    served = {
        each.name: (
            each.entrypoint,
            sorted(each.tags),
            _schedules([schedule.schedule.model_dump() for schedule in each.schedules or ()]),
        )
        for each in await all_deployments()
    }
    recorded = {
        each["name"]: (each["entrypoint"], sorted(each["tags"]), _schedules(each.get("schedules")))
        for each in RECORD["deployments"]
    }
    assert recorded == served


async def test_inventory_is_nightly() -> None:
    """The inventory is exported once a night, at a time that names its zone."""
    (record,) = [each for each in RECORD["deployments"] if each["name"] == "export-inventory"]
    assert [{"cron": "15 2 * * *", "timezone": "UTC"}] == record["schedules"]


async def test_the_set_up_looks_at_the_clock() -> None:
    """A schedule that never fired raises no event (Prefect counts from a first run), so the set-up
    ends with doctor.
    """
    page = (
        (Path(__file__).parents[2] / "docs" / "operations.md")
        .read_text()
        .partition("## Several workers")[2]
    )
    commands = page.partition("```console\n")[2].partition("```")[0].splitlines()
    assert "numberflow doctor" in commands[-1]
