"""Qualifying numbers as Prefect tasks.

A spoken code is handed on under seal, and no task returns it.
"""

from __future__ import annotations

from prefect.artifacts import acreate_markdown_artifact

from numberflow.journal import Intention, Purchase
from numberflow.models.qualify_numbers import QualifyParameters
from numberflow.models.reports import NumbersReport
from numberflow.models.wording import harmless
from numberflow.purchase.hosting import qualify
from numberflow.purchase.run_context import RunContext
from tasks.step import step

look_at_qualification = step("look at the numbers to qualify")(qualify.qualify_report)
add_numbers = step("add numbers")(qualify.add_numbers)
wait_for_checks = step("wait for the check")(qualify.wait_for_checks)
look_at_voice = step("look where the proof is")(qualify.voice_turn)
place_call = step("call a number")(qualify.place_call)
hand_in_code = step("hand in a code")(qualify.hand_in_code)
count_question = step("count the answer")(qualify.count_question)


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
            markdown=harmless(todo),
            key="qualify-numbers-checklist",
            description=harmless(f"Invoices to mail, {reference}"),
        )
    return report
