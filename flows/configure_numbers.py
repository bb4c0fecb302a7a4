"""Configure held numbers, rented or imported: name, SMS, voice, callback address.

Another link by unlink, wait, relink.
"""

from __future__ import annotations

from prefect.client.schemas.objects import State

from flows import forms
from flows.naming import named_numbers
from flows.runner import Run, run_flow, runbook, stopped_numbers
from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.reports import NumbersReport
from tasks.held import configure_numbers as configure_all
from tasks.held import look_at_configuration


@runbook("configure-numbers", named_numbers("configure"))
async def configure_numbers(
    *,
    phone_numbers: forms.Numbers = forms.REQUIRED,
    display_name: forms.OptionalText = "",
    sms: forms.Sms = forms.NO_GROUP,
    unlink_sms: bool = False,
    voice: forms.Voice = forms.NO_GROUP,
    callback_url: forms.Address = "",
    confirm_unlink: bool = False,
    provisioning_wait_s: forms.WaitS = 120,
    plan_only: bool = False,
    reference: forms.Reference = "",
    project: forms.Project = "",
) -> State[NumbersReport] | NumbersReport:
    """Change numbers that the project holds. What is left empty stays as it is.

    A number that is linked elsewhere is unlinked first. Its service stops until the new link is on,
    so that you have to confirm it. Run with plan_only to see what would be lost.

    Args:
        phone_numbers: Up to 500 numbers, each with + and country code, however you have them: a
            pasted column, commas, +1 (202) 555-0101. Or name a list.csv in the papers store, or a
            filter such as inventory: region=US type=LOCAL. Rented or imported.
        display_name: New name.
        sms: SMS service plan (and 10DLC campaign, US only) to link to. Leave both empty to keep the
            link. An empty campaign keeps the present one.
        unlink_sms: Remove the SMS service plan and campaign, and link nothing.
        voice: Voice app, SIP trunk or fax service to link to; fill in one, or none to keep the
            link. Rented numbers only.
        callback_url: Where the vendor sends events about these numbers.
        confirm_unlink: Allow live links to be removed. Otherwise a run that would do so is refused.
        provisioning_wait_s: Seconds to wait until old links are off, and as long again until new
            ones are on. A run that does not see it goes on when you start it again with the same
            reference; follow-orders follows the links.
        plan_only: Only say what would be sent and lost; send nothing.
        reference: Your name for this change. The same reference always means the same change.
            Empty: this run is the change.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), ConfigureParameters, _work, stopped_numbers("configure"))


async def _work(run: Run[ConfigureParameters]) -> NumbersReport:
    step = look_at_configuration if run.parameters.plan_only else configure_all
    return await step(run.context, run.parameters, run.reference)
