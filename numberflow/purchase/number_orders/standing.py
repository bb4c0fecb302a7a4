"""How a reference of order-numbers stands before a run: its order, or what a run would order.

Reads only. Not here: the words of it (text) and any step that changes something.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from numberflow.errors import SpendRefused
from numberflow.journal import Intention, IntentionState
from numberflow.models.number_orders import NumberOrder
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.planning.quote import Quote
from numberflow.purchase.number_orders import place as number_order
from numberflow.purchase.run_context import RunContext, find_purchase, in_thread, new_purchase
from numberflow.purchase.spend_limits import SpendLimits, require_room_today
from numberflow.steps.number_orders import CREATE


@dataclass(frozen=True, slots=True)
class OrderStanding:
    """A number order as a run would find it.

    `placed`: the vendor's, as read now; None while there is none.
    """

    lines: tuple[Intention, ...]
    due: Decimal
    monthly: Decimal
    quote: Quote | None = None
    placed: NumberOrder | None = None
    refused: SpendRefused | None = None


async def stand_order(
    context: RunContext, order: OrderNumbersParameters, reference: str
) -> OrderStanding:
    """What a run of order-numbers would find under the reference, or would order.

    Costs: nothing. Repeat: safe; nothing is reserved.

    Raises:
        ReferenceConflict: the reference stands for another order.
        NotFound: the vendor does not know the reference's order any more.
        BadInput: nothing was ordered, and nothing matches.
        SpendRefused: a price is missing or in another currency.
    """
    new = new_purchase(context, order, reference, number_order.OPERATION)
    purchase, lines = await find_purchase(context, new)
    created = [
        line
        for line in lines
        if line.operation == CREATE and line.state is not IntentionState.REFUSED
    ]
    placed, quote = None, None
    if purchase is not None and created:
        placed = await number_order.current_order(context, purchase)
        due, monthly = (
            created[-1].due_amount or Decimal(0),
            created[-1].monthly_amount or Decimal(0),
        )
        is_counted = created[-1].spend_day == await in_thread(context.journal.today)
    else:
        quote = await number_order.quote_number_order(context, order, seed=reference)
        due, monthly, is_counted = quote.today, quote.monthly, False
    refused = None
    if placed is None or placed.state in number_order.FILLING:
        try:
            SpendLimits(order.max_today, order.max_monthly, order.currency).check(due, monthly)
            more = Decimal(0) if is_counted else due
            await require_room_today(context, more, order.currency, order.max_today)
        except SpendRefused as error:
            refused = error
    return OrderStanding(lines, due, monthly, quote, placed, refused)
