"""The inbox of callbacks as Prefect sees it: working through it, and asking for a run that does."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.deployments import arun_deployment
from prefect.events import emit_event

from numberflow.models.reports import CallbacksReport
from numberflow.purchase.callbacks import Outcome, drain_callbacks
from numberflow.purchase.run_context import RunContext
from tasks.callback_secrets import projects_of_blocks
from tasks.follow import FOLLOWERS, teller
from tasks.step import step

logger = logging.getLogger(__name__)

DEPLOYMENT = "drain-callbacks/drain-callbacks"
# Several receivers see the same inbox: in one interval they ask for one run together.
_ONE_RUN_EVERY_S = 10
_NOT_OVER = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]


@step("work through callbacks")
async def drain(context: RunContext, notify_block: str | None) -> CallbacksReport:
    """Look at everything that a waiting callback is about, and emit what became of it.

    Costs: nothing. Repeat: safe. An outcome is emitted once; alarms are raised as in follow-orders.
    """

    async def emit(outcome: Outcome) -> None:
        emit_event(
            event=outcome.name,
            id=outcome.id,
            resource={"prefect.resource.id": outcome.resource},
            payload=dict(outcome.payload),
        )

    return await drain_callbacks(
        context, FOLLOWERS, tell=await teller(context, notify_block), emit=emit
    )


class DrainRuns:
    """Asks Prefect for runs of drain-callbacks. `own` is the project of the environment."""

    def __init__(self, own: str) -> None:
        self._own = own
        self._told: set[str] = set()

    async def ask(self, projects: Sequence[str]) -> None:
        """Ask for a run for each project, unless one is under way or waits for a worker.

        Costs: nothing. Repeat: safe. Raises what the Prefect client raises.
        """
        blocks = {} if set(projects) <= {self._own} else await projects_of_blocks()
        under_way = await _under_way()
        for project in projects:
            block = "" if project == self._own else blocks.get(project)
            if block is None:
                if project not in self._told:
                    logger.warning("Callbacks wait for a project without Sinch Credentials block")
                    self._told.add(project)
                continue
            parameters = {"project": block} if block else {}
            if any(_project_of(each) == block for each in under_way):
                continue
            await arun_deployment(
                DEPLOYMENT,
                parameters=parameters,
                timeout=0,
                as_subflow=False,
                idempotency_key=f"callbacks/{project}/{int(time.time() // _ONE_RUN_EVERY_S)}",
            )


def _project_of(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("project") or "")


async def _under_way() -> list[Mapping[str, Any]]:
    """Parameters of the runs that are not over."""
    async with get_client() as client:
        runs = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(
                name=DeploymentFilterName(any_=[DEPLOYMENT.partition("/")[2]])
            ),
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_NOT_OVER))
            ),
        )
    return [run.parameters for run in runs]
