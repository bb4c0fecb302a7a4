"""What the flows over numbers that live elsewhere have in common.

How a run is opened, refused and concluded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Any, Protocol, TypeVar

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run

from flows.final_state import final_state
from flows.forms import given, name_of_run
from flows.private_input import answers_forgotten
from numberflow.errors import NumberflowError
from numberflow.models.reports import NumbersReport, RunOutcome
from numberflow.models.wording import count_of, line_of
from numberflow.purchase.account import steps_so_far
from numberflow.purchase.numbers_report import stopped_numbers_report
from numberflow.purchase.report import remedy_of
from numberflow.purchase.run_context import RunContext
from tasks.hosting import publish_numbers_report
from tasks.numbers import with_numbers
from tasks.run_context import open_run_context


class _Order(Protocol):
    @property
    def reference(self) -> str | None: ...
    @property
    def project(self) -> str | None: ...


Order = TypeVar("Order", bound=_Order)


async def run_flow(
    action: str,
    parameters: Mapping[str, Any],
    parse: Callable[[Mapping[str, Any]], Order],
    work: Callable[[RunContext, Order, str, str], Awaitable[NumbersReport]],
) -> State[NumbersReport] | NumbersReport:
    """Check the parameters, do the work, publish the report and name the run's state after the way in which it ended.

    Args:
        action: the report's word for what is done.
        parameters: as they were given; the form can be sent unchecked.
        parse: checks them, once numbers that are named by a file or a filter have been fetched.
        work: given the run context, checked parameters, reference and flow-run id.
    """
    run_id = str(flow_run.get_id())
    name = name_of_run(parameters.get("reference"), run_id)
    try:
        # Only a run of a deployment can have been asked for anything.
        async with answers_forgotten() if deployment.get_id() is not None else nullcontext():
            checked, notes = await with_numbers(given(parameters))
            order = parse(checked)
            name = order.reference or run_id
            async with open_run_context(order.project) as context:
                try:
                    report = await work(context, order, name, run_id)
                except NumberflowError as error:
                    # Also what it did before that is named: the journal has it.
                    rows = await steps_so_far(context, name)
                    report = stopped_numbers_report(
                        error,
                        rows,
                        reference=name,
                        action=action,
                        project=order.project,
                        project_id=context.project_id,
                        flow_run_id=run_id,
                    )
            report = report.model_copy(update={"notes": (*report.notes, *notes)})
    except NumberflowError as error:
        report = NumbersReport(
            outcome=RunOutcome.REFUSED, reason=error.message, remedy=remedy_of(error),
            reference=name, action=action, flow_run_id=run_id,
        )  # fmt: skip
    logger = get_run_logger()
    try:
        await publish_numbers_report(report)
    # What is done is done: the report goes to the caller whether or not it can be shown
    except Exception as error:  # noqa: BLE001
        logger.warning("The report could not be shown in Prefect: %s", type(error).__name__)
    logger.info(
        "%s",
        line_of(
            f"{report.reference}: {report.outcome.value}, "
            f"{count_of(len(report.numbers), 'number')}.",
            report.reason,
            report.remedy,
        ),
    )
    return final_state(report)
