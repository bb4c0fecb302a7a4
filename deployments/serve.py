"""Serve every deployment from this machine: one process that starts flow runs as subprocesses. For a work pool see prefect.yaml.

The Prefect server is the one that PREFECT_API_URL names; `numberflow up` starts both.
"""

from __future__ import annotations

import asyncio

from prefect import aserve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

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

# Runs under way at once on one machine: each is a process of about 150 MB.
RUNS_AT_ONCE = 8
# 02:15, when people sleep and renewals of the day before are through; UTC, because a snapshot's date is UTC's. The same in prefect.yaml.
NIGHTLY, NIGHTLY_TIMEZONE = "15 2 * * *", "UTC"

# Every 15 minutes: the shortest reservation is 30 (docs/vendor/numbers-behaviour.md §10), so that somebody is told at half of it. The same in prefect.yaml.
FOLLOWING = "*/15 * * * *"


async def all_deployments() -> list[RunnerDeployment]:
    """Every deployment, by module entry point, so that no run depends on the folder it was started from."""
    return [
        await search_and_rent.ato_deployment(
            name="search-and-rent",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await order_numbers.ato_deployment(
            name="order-numbers",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await follow_orders.ato_deployment(
            name="follow-orders",
            tags=["numberflow", "reads only"],
            schedule=Cron(FOLLOWING),
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await emergency_address.ato_deployment(
            name="emergency-address",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await import_numbers.ato_deployment(
            name="import-numbers",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await qualify_numbers.ato_deployment(
            name="qualify-numbers",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await text_enable_numbers.ato_deployment(
            name="text-enable-numbers",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await configure_numbers.ato_deployment(
            name="configure-numbers",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await release_numbers.ato_deployment(
            name="release-numbers",
            tags=["numberflow", "costs money"],
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
        await export_inventory.ato_deployment(
            name="export-inventory",
            tags=["numberflow", "reads only"],
            schedule=Cron(NIGHTLY, timezone=NIGHTLY_TIMEZONE),
            entrypoint_type=EntrypointType.MODULE_PATH,
        ),
    ]


async def main() -> None:
    """Serve until stopped."""
    await aserve(*await all_deployments(), limit=RUNS_AT_ONCE, print_starting_message=False)


if __name__ == "__main__":
    asyncio.run(main())
