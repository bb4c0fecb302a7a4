"""What a Prefect server needs for numberflow, in order."""

from __future__ import annotations

from deployments.automations import automations
from deployments.block_type import block_type
from deployments.flow_deployments import flow_deployments
from deployments.step import Step
from deployments.work_pool import work_pool


def server_steps(pool: str | None) -> list[Step]:
    """The steps on the server that Prefect's settings name.

    The automations come last: the one on missing heartbeats must not meet runs whose deployment
    has none yet.

    Args:
        pool: name of the work pool; None where a process serves the deployments (serve.py).
    """
    pools = [] if pool is None else [work_pool(pool)]
    return [*pools, block_type(), *flow_deployments(pool), automations()]
