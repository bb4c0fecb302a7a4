"""Emergency addresses of US and CA numbers.

Who lacks one, is an address right, attach it, remove it.
"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.final_state import final_state
from flows.forms import OptionalNumbers, OptionalText, Project, Reference, given, name_of_run
from flows.naming import emergency_addresses, run_name, word
from flows.stopping import accounted_for
from numberflow.errors import NumberflowError
from numberflow.models.emergency_address import (
    Action,
    EmergencyAddressParameters,
    parse_emergency_address,
)
from numberflow.models.reports import EmergencyLine, EmergencyReport, RunOutcome
from numberflow.models.wording import count_of, line_of
from numberflow.purchase.account import steps_so_far
from numberflow.purchase.emergency.addresses import emergency_report, stopped_emergency_report
from numberflow.purchase.report import remedy_of
from numberflow.purchase.run_context import RunContext
from tasks.emergency import (
    change_addresses,
    publish_emergency_report,
    report_coverage,
    validate_address,
)
from tasks.numbers import with_numbers
from tasks.papers import require_in_store
from tasks.run_context import open_run_context


@accounted_for
@flow(
    name="emergency-address",
    flow_run_name=run_name(emergency_addresses),
    validate_parameters=False,
    retries=0,
    persist_result=False,
)
async def emergency_address(
    *,
    action: Action = Action.REPORT,
    phone_numbers: OptionalNumbers = "",
    address: OptionalText = "",
    accept_correction: bool = False,
    reference: Reference = "",
    project: Project = "",
) -> State[EmergencyReport] | EmergencyReport:
    """Report, validate, provision or deprovision emergency addresses of US and CA numbers.

    The address itself never stands in a form: name the paper or Secret block that holds it.

    Args:
        action: report says who lacks one; validate asks the vendor and stores nothing; provision
            attaches; deprovision removes.
        phone_numbers: The numbers with + and country code, up to 500, as you have them: a pasted
            column, commas, +1 (202) 555-0101; or list.csv of the papers store, or inventory:
            region=US type=LOCAL. For a report leave it empty: every US and CA voice number.
        address: The address: a paper of the papers store such as office.json (`numberflow papers
            put FILE`), or block:NAME of a Secret block. JSON with displayName, streetNumber,
            streetInfo, city, state, postalCode.
        accept_correction: Provision the vendor's correction where the address is nearly right.
            Otherwise such a number is refused, with the parts that differ.
        reference: Your name for this change. The same reference is the same change, for ever.
            Empty: this run is the change.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    parameters: dict[str, Any] = {
        "action": action,
        "phone_numbers": phone_numbers,
        "address": address,
        "accept_correction": accept_correction,
        "reference": reference,
        "project": project,
    }
    run_id = str(flow_run.get_id())
    name = name_of_run(reference, run_id)
    try:
        checked, notes = await with_numbers(given(parameters))
        order = parse_emergency_address(checked)
        name = order.reference or run_id
        await require_in_store(order.papers)
        async with open_run_context(order.project) as context:
            try:
                report = await _run(context, order, name, run_id)
            except NumberflowError as error:
                # Also what it did before that is named: the journal has it.
                rows = await steps_so_far(context, name)
                report = stopped_emergency_report(
                    error,
                    rows,
                    reference=name,
                    action=order.action.value,
                    project_id=context.project_id,
                    flow_run_id=run_id,
                )
        report = report.model_copy(update={"notes": (*report.notes, *notes)})
    except NumberflowError as error:
        report = EmergencyReport(
            outcome=RunOutcome.REFUSED, reason=error.message, remedy=remedy_of(error),
            reference=name, action=word(action), flow_run_id=run_id,
        )  # fmt: skip
    return await _conclude(report)


async def _run(
    context: RunContext, order: EmergencyAddressParameters, reference: str, run_id: str
) -> EmergencyReport:
    facts: dict[str, Any] = {"project_id": context.project_id, "flow_run_id": run_id}
    if order.action is Action.REPORT:
        return emergency_report(
            order, reference, await report_coverage(context, order.phone_numbers), **facts
        )
    if order.action is Action.DEPROVISION:
        lines = [
            EmergencyLine(phone_number=number, state="planned") for number in order.phone_numbers
        ]
        return emergency_report(
            order,
            reference,
            lines,
            await change_addresses(context, order, reference, {}, run_id),
            **facts,
        )
    verdicts = await validate_address(context, order)
    lines = [verdict.line for verdict in verdicts.values()]
    rows = (
        await change_addresses(context, order, reference, verdicts, run_id)
        if order.action is Action.PROVISION
        else ()
    )
    return emergency_report(order, reference, lines, rows, **facts)


async def _conclude(report: EmergencyReport) -> State[EmergencyReport] | EmergencyReport:
    logger = get_run_logger()
    try:
        await publish_emergency_report(report)
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
