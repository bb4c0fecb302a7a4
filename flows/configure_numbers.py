"""Configure held numbers, rented or imported: name, SMS, voice, callback address.

Another link by unlink, wait, relink.
"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.forms import (
    NO_GROUP,
    REQUIRED,
    Address,
    Numbers,
    OptionalText,
    Project,
    Reference,
    Sms,
    Voice,
    WaitS,
)
from flows.hosted import run_flow
from flows.naming import named_numbers, run_name
from flows.stopping import accounted_for
from numberflow.models.held_numbers import ConfigureParameters, parse_configure
from numberflow.models.reports import NumbersReport
from numberflow.purchase.run_context import RunContext
from tasks.held import configure_numbers as configure_all
from tasks.held import look_at_configuration


@accounted_for
@flow(
    name="configure-numbers",
    flow_run_name=run_name(named_numbers("configure")),
    validate_parameters=False,
    retries=0,
    persist_result=False,
)
async def configure_numbers(
    *,
    phone_numbers: Numbers = REQUIRED,
    display_name: OptionalText = "",
    sms: Sms = NO_GROUP,
    unlink_sms: bool = False,
    voice: Voice = NO_GROUP,
    callback_url: Address = "",
    confirm_unlink: bool = False,
    provisioning_wait_s: WaitS = 120,
    plan_only: bool = False,
    reference: Reference = "",
    project: Project = "",
) -> State[NumbersReport] | NumbersReport:
    """Change numbers that the project holds. What is left empty stays as it is.

    A number that is linked elsewhere is unlinked first, which stops its service until the new link
    is on; that has to be confirmed. See with plan_only what would be lost.

    Args:
        phone_numbers: The numbers with + and country code, up to 500, as you have them: a pasted
            column, commas, +1 (202) 555-0101; or list.csv of the papers store, or inventory:
            region=US type=LOCAL. Rented or imported.
        display_name: New name.
        sms: SMS service plan (and 10DLC campaign, US only) to link to; leave both empty to keep the
            link. An empty campaign keeps the one that is there.
        unlink_sms: Take the SMS service plan and campaign off and link nothing.
        voice: Voice app, SIP trunk or fax service to link to; fill in one, or none to keep the
            link. Rented numbers only.
        callback_url: Where the vendor sends events about these numbers.
        confirm_unlink: Live links may be taken off. Otherwise a run that would do so is refused.
        provisioning_wait_s: Seconds to wait for old links to come off, and as long for new ones to
            be on. A run that does not see it goes on when it is started again with the same
            reference; links are followed by follow-orders.
        plan_only: Say what would be sent and lost; send nothing.
        reference: Your name for this change. The same reference is the same change, for ever.
            Empty: this run is the change.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    parameters: dict[str, Any] = {
        "phone_numbers": phone_numbers,
        "display_name": display_name,
        "sms": sms,
        "unlink_sms": unlink_sms,
        "voice": voice,
        "callback_url": callback_url,
        "confirm_unlink": confirm_unlink,
        "provisioning_wait_s": provisioning_wait_s,
        "plan_only": plan_only,
        "reference": reference,
        "project": project,
    }
    return await run_flow("configure", parameters, parse_configure, _run)


async def _run(
    context: RunContext, order: ConfigureParameters, reference: str, run_id: str
) -> NumbersReport:
    return await (look_at_configuration if order.plan_only else configure_all)(
        context, order, reference, run_id
    )
