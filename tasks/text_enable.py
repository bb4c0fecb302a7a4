"""Text-enabling as Prefect tasks.

What holds a letter is handed on under seal, and no task returns it.
"""

from __future__ import annotations

from numberflow.models.hosting import BlanketLoa
from numberflow.models.text_enable_numbers import TextEnableParameters
from numberflow.purchase.hosting import letter as letters
from numberflow.purchase.hosting import text_enable
from numberflow.purchase.hosting.letter import Letter
from tasks.papers import read_paper
from tasks.step import reported, step

open_text_enabling = step("open text-enabling")(text_enable.open_text_enabling)
require_orderable = step("require readiness")(text_enable.require_orderable)
confirm_signer = step("confirm signer")(text_enable.confirm_signer)
look_at_readiness = step("look at readiness")(text_enable.text_enable_report)
text_enable_numbers = step("text-enable numbers")(
    reported(text_enable.text_enable, text_enable.text_enable_report)
)


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
