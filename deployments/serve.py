"""Serve every deployment from this machine: one process that starts flow runs as subprocesses.

For a work pool see prefect.yaml. The Prefect server is the one that PREFECT_API_URL names;
`numberflow up` starts both.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from prefect import Flow, aserve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

from deployments.automations import ensure_automations
from flows.table import FLOWS, FlowEntry
from tasks.credentials import SinchCredentials

logger = logging.getLogger(__name__)

# Concurrent runs on one machine: each is a process of about 150 MB.
RUNS_AT_ONCE = 8


async def all_deployments() -> list[RunnerDeployment]:
    """Every flow of the table as a deployment of the same name."""
    return [await _deployment(entry) for entry in FLOWS.values()]


async def _deployment(entry: FlowEntry) -> RunnerDeployment:
    schedule = Cron(entry.schedule.cron, timezone="UTC") if entry.schedule else None
    flow: Flow[..., Any] = entry.load()
    return await flow.ato_deployment(
        name=entry.name,
        tags=entry.tags,
        schedule=schedule,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


async def main() -> None:
    """Register the block type that forms need, make the automations, then serve until stopped."""
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
