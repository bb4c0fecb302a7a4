"""Steps over numbers that live elsewhere as Prefect tasks: import, and what every such run tells.

Nothing of a letter passes through here.
"""

from __future__ import annotations

from numberflow.models.import_numbers import ImportNumbersParameters
from numberflow.models.reports import NumbersReport
from numberflow.purchase.hosting import import_numbers as imports
from numberflow.purchase.run_context import RunContext
from tasks.step import step


@step("look at the numbers to import")
async def look_at_imports(
    context: RunContext, order: ImportNumbersParameters, reference: str
) -> NumbersReport:
    """Which numbers are imported already, and which would be.

    Costs: nothing. Repeat: safe.
    """
    result = await imports.look_at_free_numbers(context, order, reference)
    return await imports.import_report(context, order, reference, result)


@step("import numbers")
async def import_numbers(
    context: RunContext, order: ImportNumbersParameters, reference: str
) -> NumbersReport:
    """Import the numbers that are not imported yet, and hand the orders to the sweep.

    Costs: no price is published; count on one for each number. Repeat: safe; what is open is looked
    up first.
    """
    result = await imports.import_numbers(context, order, reference)
    return await imports.import_report(context, order, reference, result)
