"""What every flow that changes something does when it is stopped from outside.

It is accounted for, from the journal.
"""

from __future__ import annotations

from typing import Any, TypeVar

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger

from flows.final_state import STATE_NAMES
from numberflow.errors import NumberflowError
from tasks.account import publish_account

F = TypeVar("F", bound="Flow[..., Any]")


def accounted_for(flow: F) -> F:
    """Tie the hooks to a flow: cancelled, crashed or failed by a bug, it ends with a report.

    The report tells what is written down.
    """
    flow.on_cancellation(account_for_stop)
    flow.on_crashed(account_for_stop)
    flow.on_failure(account_for_stop)
    return flow


async def account_for_stop(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """The hook. Prefect calls it by these names, in the run's own process or in a fresh one."""
    if state.name in STATE_NAMES.values():
        # It ended by itself and told everything in its own report.
        return
    logger = flow_run_logger(flow_run, flow)
    try:
        report = await publish_account(flow_run, f"{flow.name} was stopped ({state.name})")
    except NumberflowError as error:
        # The next sweep of follow-orders tells it.
        logger.warning("What this run did could not be told: %s", error)
        return
    logger.warning("%s: %s. %s", report.reference, report.reason, report.remedy)
