"""Emergency addresses of US and CA numbers.

Who lacks one, is an address right, attach it, remove it.
"""

from __future__ import annotations

from collections.abc import Sequence

from prefect.client.schemas.objects import State

from flows import forms
from flows.naming import emergency_addresses, word
from flows.runner import Run, run_flow, runbook
from numberflow.errors import NumberflowError
from numberflow.journal import Intention
from numberflow.models.emergency_address import Action, EmergencyAddressParameters
from numberflow.models.reports import EmergencyLine, EmergencyReport
from numberflow.purchase.emergency.addresses import (
    Verdict,
    emergency_report,
    stopped_emergency_report,
)
from tasks.emergency import (
    change_addresses,
    report_coverage,
    validate_address,
)


@runbook("emergency-address", emergency_addresses)
async def emergency_address(
    *,
    action: Action = Action.REPORT,
    phone_numbers: forms.OptionalNumbers = "",
    address: forms.OptionalText = "",
    accept_correction: bool = False,
    reference: forms.Reference = "",
    project: forms.Project = "",
) -> State[EmergencyReport] | EmergencyReport:
    """Report, validate, provision or deprovision emergency addresses of US and CA numbers.

    The address itself never stands in a form: name the paper or Secret block that holds it.

    Args:
        action: report says who lacks one; validate asks the vendor and stores nothing; provision
            attaches; deprovision removes.
        phone_numbers: Up to 500 numbers, each with + and country code, however you have them: a
            pasted column, commas, +1 (202) 555-0101. Or name a list.csv in the papers store, or a
            filter such as inventory: region=US type=LOCAL. Empty, for a report: every US and CA
            voice number.
        address: The address: a paper of the papers store such as office.json (`numberflow papers
            put <file>`), or block:NAME of a Secret block. JSON with displayName, streetNumber,
            streetInfo, city, state, postalCode.
        accept_correction: Provision the vendor's correction where the address is nearly right.
            Otherwise such a number is refused, with the parts that differ.
        reference: Your name for this change. The same reference always means the same change.
            Empty: this run is the change.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), EmergencyAddressParameters, _work, _stopped)


async def _work(run: Run[EmergencyAddressParameters]) -> EmergencyReport:
    context, wanted = run.context, run.parameters
    verdicts: dict[str, Verdict] = {}
    if wanted.action is Action.REPORT:
        lines = await report_coverage(context, wanted.phone_numbers)
    elif wanted.action is Action.DEPROVISION:
        lines = [
            EmergencyLine(phone_number=number, state="planned") for number in wanted.phone_numbers
        ]
    else:
        verdicts = await validate_address(context, wanted)
        lines = [verdict.line for verdict in verdicts.values()]
    rows: Sequence[Intention] = ()
    if wanted.action in (Action.PROVISION, Action.DEPROVISION):
        rows = await change_addresses(context, wanted, run.reference, verdicts)
    return emergency_report(wanted, run.reference, lines, rows)


def _stopped(
    error: NumberflowError, steps: Sequence[Intention], run: Run[EmergencyAddressParameters]
) -> EmergencyReport:
    return stopped_emergency_report(
        error,
        steps,
        reference=run.reference,
        action=word(run.checked.action if run.checked else run.given.get("action")),
    )
