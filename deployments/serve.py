"""Serve every deployment from this machine: one process that starts flow runs as subprocesses.

For a work pool: `numberflow setup`. The Prefect server is the one that PREFECT_API_URL names;
`numberflow up` starts both.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import anyio
from prefect import aserve
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.deployments.runner import RunnerDeployment

from deployments.flow_deployments import HEARTBEAT_S
from deployments.step import settle_all
from deployments.steps import server_steps
from flows.table import FLOWS
from numberflow.settings import Settings
from tasks.stuck_runs import watch_runs

# Concurrent runs on one machine: each is a process of about 150 MB.
RUNS_AT_ONCE = 8


class Served(RunnerDeployment):
    """A deployment that the set-up has made, as it is; the runner would overwrite it."""

    async def aapply(self, *_: Any, **__: Any) -> UUID:
        """Take runs: the end of an earlier process has paused it."""
        async with get_client() as client:
            found = await client.read_deployment_by_name(self.full_name)
            await client.update_deployment(found.id, DeploymentUpdate(paused=False))
        return found.id


async def main() -> None:
    """Make what the server needs, then serve until stopped.

    Runs whose process is gone are retried meanwhile. Those that crashed before were stopped with an
    earlier `numberflow up`.
    """
    began_at = datetime.now(UTC)
    for result in await settle_all(server_steps(pool=None)):
        # Runs can be served without alarms; the log says what is missing and why.
        for line in result.news:
            print(line, flush=True)  # noqa: T201 - the log of `up` is its output
    served = [Served(name=name, flow_name=name) for name in FLOWS]
    settings = Settings.load(may_lack_account=True)
    say = partial(print, flush=True)
    async with anyio.create_task_group() as beside:
        beside.start_soon(partial(watch_runs, settings, say, crashed_after=began_at))
        await aserve(
            *served, limit=RUNS_AT_ONCE, heartbeat_seconds=HEARTBEAT_S, print_starting_message=False
        )
        beside.cancel_scope.cancel()


if __name__ == "__main__":
    asyncio.run(main())
