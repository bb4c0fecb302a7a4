"""Qualifying numbers as Prefect tasks.

A spoken code is handed on under seal, and no task returns it.
"""

from __future__ import annotations

from prefect.artifacts import acreate_markdown_artifact
from pydantic import SecretStr

from numberflow.journal import Intention, Purchase
from numberflow.models.qualify_numbers import QualifyParameters
from numberflow.models.reports import NumbersReport
from numberflow.purchase.hosting import qualify
from numberflow.purchase.hosting.qualify import VoiceTurn
from numberflow.purchase.run_context import RunContext
from tasks.step import step


@step("look at the numbers to qualify")
async def look_at_qualification(
    context: RunContext, order: QualifyParameters, reference: str, flow_run_id: str | None
) -> NumbersReport:
    """Which numbers the vendor knows, and how far each is.

    Costs: nothing. Repeat: safe.
    """
    return await qualify.qualify_report(context, order, reference, (), flow_run_id=flow_run_id)


@step("add numbers")
async def add_numbers(
    context: RunContext, order: QualifyParameters, reference: str, flow_run_id: str | None
) -> tuple[Purchase, list[Intention]]:
    """Have every number checked that the vendor does not know yet, and hand the batches to the sweep.

    Costs: nothing. Repeat: safe; only numbers that are missing are sent.
    """
    purchase = await qualify.open_qualifying(context, order, reference, flow_run_id=flow_run_id)
    return purchase, await qualify.add_numbers(context, order, purchase, flow_run_id=flow_run_id)


@step("wait for the check")
async def wait_for_checks(context: RunContext, order: QualifyParameters) -> None:
    """Wait until the vendor has checked the numbers, two minutes at most.

    Costs: nothing. Repeat: safe.
    """
    await qualify.wait_for_checks(context, order.phone_numbers)


@step("look where the proof is")
async def look_at_voice(context: RunContext, purchase: Purchase, phone_number: str) -> VoiceTurn:
    """What the proof by voice of one number waits for; outcomes that are open are looked up.

    Costs: nothing. Repeat: safe.
    """
    return await qualify.voice_turn(context, purchase, phone_number)


@step("call a number")
async def place_call(
    context: RunContext, purchase: Purchase, turn: VoiceTurn, flow_run_id: str | None
) -> Intention:
    """Have the vendor call the number and speak a code.

    Costs: no price is published; count on one. Repeat: never by a machine; after a lost reply a
    person decides.
    """
    return await qualify.place_call(context, purchase, turn, flow_run_id=flow_run_id)


@step("hand in a code")
async def hand_in_code(
    context: RunContext,
    purchase: Purchase,
    turn: VoiceTurn,
    code: SecretStr,
    flow_run_id: str | None,
) -> Intention:
    """Hand in the code that the call spoke.

    Costs: nothing, but the third wrong code blocks the number. Repeat: safe; after a lost reply the
    number is read first.
    """
    return await qualify.hand_in_code(context, purchase, turn, code, flow_run_id=flow_run_id)


@step("count the answer")
async def count_question(context: RunContext, purchase: Purchase) -> None:
    """Remember that a question was answered, so that the next one is another question.

    Costs: nothing. Repeat: harmless.
    """
    await qualify.count_question(context, purchase)


@step("report on qualification")
async def report_on_qualification(
    context: RunContext,
    order: QualifyParameters,
    reference: str,
    rows: list[Intention],
    purchase: Purchase,
    flow_run_id: str | None,
) -> NumbersReport:
    """Every number with how far it is now, and the checklist of the invoice route where there is something to mail.

    Costs: nothing. Repeat: safe; each run adds a version of the checklist.
    """
    steps = [*rows, *await qualify.voice_rows(context, purchase)]
    report = await qualify.qualify_report(context, order, reference, steps, flow_run_id=flow_run_id)
    todo = qualify.checklist(report) if order.method == "invoices" else ""
    if todo:
        await acreate_markdown_artifact(
            markdown=todo,
            key="qualify-numbers-checklist",
            description=f"Invoices to mail, {reference}",
        )
    return report
