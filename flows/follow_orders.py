"""Follow every order that the vendor works on.

Where it stands, what somebody has to do, what became of it. A sweep; nothing waits in here.
"""

from __future__ import annotations

from prefect.client.schemas.objects import State

from flows import forms
from flows.naming import followed_orders
from flows.runner import Run, refused, run_flow, runbook
from numberflow.models.follow import FollowOrders
from numberflow.models.reports import FollowReport
from numberflow.purchase.follow import follow_report
from tasks.follow import sweep
from tasks.schedules import overdue_exports


@runbook("follow-orders", followed_orders)
async def follow_orders(
    *,
    reference: forms.Reference = "",
    notify: forms.NotificationBlock = "",
    project: forms.Project = "",
) -> State[FollowReport] | FollowReport:
    """Look at every open order once.

    Number orders, hosting orders, numbers that are being qualified.

    It runs every 15 minutes from its deployment, and can be started by hand or by an event at any
    time. It costs nothing and holds nothing up: what is not over is looked at again next time. It
    also says when the nightly inventory is overdue.

    Args:
        reference: Only the orders of this reference. Empty: all.
        notify: Notification block that is told of alarms, type/name such as
            slack-webhook/operations. Empty: events and artifacts only.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), FollowOrders, _sweep, refused(FollowReport))


async def _sweep(run: Run[FollowOrders]) -> FollowReport:
    wanted = run.parameters
    lines = await sweep(run.context, wanted.reference, wanted.notify)
    if wanted.reference is None:
        lines += await overdue_exports()
    return follow_report(lines)
