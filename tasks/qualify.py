"""Qualifying numbers as Prefect tasks.

A spoken code is handed on under seal, and no task returns it.
"""

from __future__ import annotations

from prefect.artifacts import acreate_markdown_artifact

from numberflow.journal import Intention, Purchase
from numberflow.models.qualify_numbers import QualifyParameters
from numberflow.models.reports import NumbersReport
from numberflow.purchase.hosting import qualify
from numberflow.purchase.run_context import RunContext
from tasks.step import step

wait_for_checks = step("wait for the check")(qualify.wait_for_checks)
look_at_voice = step("look where the proof is")(qualify.voice_turn)
place_call = step("call a number")(qualify.place_call)
hand_in_code = step("hand in a code")(qualify.hand_in_code)
count_question = step("count the answer")(qualify.count_question)


@step("look at the numbers to qualify")
async def look_at_qualification(
    context: RunContext, order: QualifyParameters, reference: str
) -> NumbersReport:
    """Which numbers the vendor knows, and how far each is.

    Costs: nothing. Repeat: safe.
    """
    return await qualify.qualify_report(context, order, reference, ())


@step("add numbers")
async def add_numbers(
    context: RunContext, order: QualifyParameters, reference: str
) -> tuple[Purchase, list[Intention]]:
    """Have the numbers checked that the vendor does not know yet; the sweep gets the batches.

    Costs: nothing. Repeat: safe; only numbers that are missing are sent.
    """
    purchase = await qualify.open_qualifying(context, order, reference)
    return purchase, await qualify.add_numbers(context, order, purchase)


@step("report on qualification")
async def report_on_qualification(
    context: RunContext,
    order: QualifyParameters,
    reference: str,
    rows: list[Intention],
    purchase: Purchase,
) -> NumbersReport:
    """How far every number is, and a checklist when there are invoices to mail.

    Costs: nothing. Repeat: safe; each run adds a version of the checklist.
    """
    steps = [*rows, *await qualify.voice_rows(context, purchase)]
    report = await qualify.qualify_report(context, order, reference, steps)
    todo = qualify.checklist(report) if order.method == "invoices" else ""
    if todo:
        await acreate_markdown_artifact(
            markdown=todo,
            key="qualify-numbers-checklist",
            description=f"Invoices to mail, {reference}",
        )
    return report
