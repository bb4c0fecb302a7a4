"""Serve every deployment from this machine: one process that starts flow runs as subprocesses.

For a work pool see prefect.yaml.

The Prefect server is the one that PREFECT_API_URL names; `numberflow up` starts both.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from prefect import Flow, aserve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Schedule
from prefect.types.entrypoint import EntrypointType

from deployments.automations import ensure_automations
from flows.configure_numbers import configure_numbers
from flows.emergency_address import emergency_address
from flows.export_inventory import export_inventory
from flows.follow_orders import follow_orders
from flows.import_numbers import import_numbers
from flows.order_numbers import order_numbers
from flows.qualify_numbers import qualify_numbers
from flows.release_numbers import release_numbers
from flows.search_and_rent import search_and_rent
from flows.text_enable_numbers import text_enable_numbers
from tasks.credentials import SinchCredentials

logger = logging.getLogger(__name__)

# Runs under way at once on one machine: each is a process of about 150 MB.
RUNS_AT_ONCE = 8
# 02:15, when people sleep and renewals of the day before are through; UTC, because a snapshot's
# date is UTC's. The same in prefect.yaml.
NIGHTLY = Cron("15 2 * * *", timezone="UTC")
# Every 15 minutes: the shortest reservation is 30 (docs/vendor/numbers-behaviour.md §10), so that
# somebody is told at half of it. The same in prefect.yaml.
FOLLOWING = Cron("*/15 * * * *", timezone="UTC")

CHANGING: tuple[Flow[..., Any], ...] = (
    search_and_rent,
    order_numbers,
    emergency_address,
    import_numbers,
    qualify_numbers,
    text_enable_numbers,
    configure_numbers,
    release_numbers,
)
"""Flows that a person starts: each costs money or changes something at the vendor."""
READING: tuple[tuple[Flow[..., Any], Schedule], ...] = (
    (follow_orders, FOLLOWING),
    (export_inventory, NIGHTLY),
)
"""Flows that the clock starts."""


async def all_deployments() -> list[RunnerDeployment]:
    """Every deployment, called as its flow is, by module entry point, so that no run depends on the folder it was started from."""
    changing = [
        await flow.ato_deployment(
            name=flow.name,
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for flow in CHANGING
    ]
    reading = [
        await flow.ato_deployment(
            name=flow.name,
            tags=["numberflow", "reads only"],
            schedule=when,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for flow, when in READING
    ]
    return changing + reading


async def main() -> None:
    """Register the block type that forms ask for, make the automations, then serve until stopped."""
    await SinchCredentials.aregister_type_and_schema()
    deployments = await all_deployments()
    try:
        for line in await ensure_automations():
            print(line, flush=True)  # noqa: T201 - the log of `up` is its output
    except Exception:
        # Runs can be served without alarms; the log says which are missing and why.
        logger.exception("The automations of automations.yaml could not be made")
    await aserve(*deployments, limit=RUNS_AT_ONCE, print_starting_message=False)


if __name__ == "__main__":
    asyncio.run(main())
