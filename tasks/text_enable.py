"""Text-enabling as Prefect tasks.

What holds a letter is handed on under seal, and no task returns it.
"""

from __future__ import annotations

from numberflow.models.hosting import BlanketLoa
from numberflow.models.reports import NumbersReport
from numberflow.models.text_enable_numbers import TextEnableParameters
from numberflow.purchase.hosting import letter as letters
from numberflow.purchase.hosting import text_enable
from numberflow.purchase.hosting.letter import Letter
from numberflow.purchase.run_context import RunContext
from tasks.papers import read_paper
from tasks.step import step

open_text_enabling = step("open text-enabling")(text_enable.open_text_enabling)
require_orderable = step("require readiness")(text_enable.require_orderable)
confirm_signer = step("confirm signer")(text_enable.confirm_signer)


async def read_loa(order: TextEnableParameters) -> Letter | BlanketLoa:
    """Read the letter that the parameters name.

    No Prefect task: results of tasks may be pickled, which breaks seals.

    Costs: nothing. Repeat: safe.

    Raises:
        BadInput: the paper cannot be read, or a part of the letter is missing.
    """
    if order.loa is None:
        return BlanketLoa()
    return letters.read_letter(order.loa_kind, await read_paper(order.loa, field="loa"))


@step("look at readiness")
async def look_at_readiness(
    context: RunContext, order: TextEnableParameters, reference: str
) -> NumbersReport:
    """Which numbers are ready to be text-enabled.

    Costs: nothing. Repeat: safe.
    """
    return await text_enable.text_enable_report(context, order, reference, ())


@step("text-enable numbers")
async def text_enable_numbers(
    context: RunContext,
    order: TextEnableParameters,
    reference: str,
    letter: Letter | BlanketLoa | None,
) -> NumbersReport:
    """Send the order unless it is at the vendor already, hand it to the sweep, and report.

    Costs: no price is published; count on one for each number, and a legal document goes out.
    Repeat: safe; what is open is looked up first.
    """
    rows = await text_enable.text_enable(context, order, reference, letter)
    return await text_enable.text_enable_report(context, order, reference, rows)
