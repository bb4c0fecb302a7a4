"""Work through the inbox of callbacks."""

from __future__ import annotations

from prefect.client.schemas.objects import State

from flows import forms
from flows.runner import Run, refused, run_flow, runbook
from numberflow.models.follow import DrainCallbacks
from numberflow.models.reports import CallbacksReport
from tasks.callbacks import drain


@runbook("drain-callbacks", lambda _parameters: "work through callbacks")
async def drain_callbacks(
    *, notify: forms.NotificationBlock = "", project: forms.Project = ""
) -> State[CallbacksReport] | CallbacksReport:
    """Look at every number and order that the vendor sent a callback about.

    The receiver starts it within seconds of a callback. It reads the vendor's state, updates what
    follow-orders follows, and emits an event for each outcome. It costs nothing; what it does not
    reach, follow-orders finds out.

    Args:
        notify: Notification block that is told of alarms, type/name such as
            slack-webhook/operations. Empty: events and artifacts only.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), DrainCallbacks, _work, refused(CallbacksReport))


async def _work(run: Run[DrainCallbacks]) -> CallbacksReport:
    return await drain(run.context, run.parameters.notify)
