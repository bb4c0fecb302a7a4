"""Follow every order that the vendor works on.

Where it stands, what somebody has to do, what became of it. A sweep; nothing waits in here.
"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.final_state import final_state
from flows.forms import NotificationBlock, Project, Reference
from flows.naming import followed_orders, run_name
from numberflow.errors import NumberflowError
from numberflow.models.follow import FollowOrders, parse_follow_orders
from numberflow.models.reports import FollowReport, RunOutcome
from numberflow.models.wording import count_of, line_of
from numberflow.purchase.follow import follow_report
from numberflow.purchase.report import remedy_of
from tasks.follow import publish_follow_report, sweep
from tasks.run_context import open_run_context
from tasks.schedules import overdue_exports


@flow(
    name="follow-orders",
    flow_run_name=run_name(followed_orders),
    validate_parameters=False,
    retries=0,
    persist_result=False,
)
async def follow_orders(
    *, reference: Reference = "", notify: NotificationBlock = "", project: Project = ""
) -> State[FollowReport] | FollowReport:
    """Look at every open order once.

    Number orders, hosting orders, numbers that are being qualified.

    Runs every 15 minutes from its deployment, and may be started by hand or by an event at any
    time. It costs nothing and holds nothing up: what is not over is looked at again next time. It
    also says when the nightly inventory is overdue.

    Args:
        reference: Only the orders of this reference. Empty: all.
        notify: Notification block that is told of alarms, type/name such as
            slack-webhook/operations. Empty: events and artifacts only.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    run_id = str(flow_run.get_id())
    try:
        wanted = parse_follow_orders({"reference": reference, "notify": notify, "project": project})
        report = await _sweep(wanted, run_id)
    except NumberflowError as error:
        report = FollowReport(
            outcome=RunOutcome.REFUSED,
            reason=error.message,
            remedy=remedy_of(error),
            flow_run_id=run_id,
        )
    return await _conclude(report)


async def _sweep(wanted: FollowOrders, run_id: str) -> FollowReport:
    async with open_run_context(wanted.project) as context:
        lines = await sweep(context, wanted.reference, wanted.notify)
        if wanted.reference is None:
            lines += await overdue_exports()
        return follow_report(lines, project_id=context.project_id, flow_run_id=run_id)


async def _conclude(report: FollowReport) -> State[FollowReport] | FollowReport:
    logger = get_run_logger()
    try:
        await publish_follow_report(report)
    # What was seen is noted, whether or not it can be shown
    except Exception as error:  # noqa: BLE001
        logger.warning("The report could not be shown in Prefect: %s", type(error).__name__)
    logger.info(
        "%s",
        line_of(
            f"{report.outcome.value}: {count_of(len(report.orders), 'order')} followed.",
            report.reason,
        ),
    )
    return final_state(report)
