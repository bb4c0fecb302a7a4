"""How a reference stands before a run.

What it holds, what is still to go, and whether the run would be refused. Reads only.

Not here: the words of it (words) and any step that changes something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from numberflow.errors import SpendRefused
from numberflow.journal import Intention, IntentionState, Purchase
from numberflow.models.number_orders import NumberOrder
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.models.orders import SearchAndRentParameters, Strategy, WantedNumbers
from numberflow.models.wording import count_of
from numberflow.planning.quote import Quote, QuoteLine, make_quote
from numberflow.purchase.number_orders import place as number_order
from numberflow.purchase.renting.choose import SpendLimits, find_numbers
from numberflow.purchase.renting.quoting import quote_order
from numberflow.purchase.run_context import OPERATION, RunContext, in_thread, open_purchase
from numberflow.steps.number_orders import CREATE


@dataclass(frozen=True, slots=True)
class Standing:
    """A purchase as a run would find it.

    `quote`: what it would still rent; `refused`: why it would not.
    """

    lines: tuple[Intention, ...]
    quote: Quote
    refused: SpendRefused | None = None
    notes: tuple[str, ...] = ()


async def find_purchase(
    context: RunContext, order: WantedNumbers, reference: str, operation: str
) -> tuple[Purchase | None, tuple[Intention, ...]]:
    """The purchase of a reference and its lines; None while nothing was begun under it.

    Begins none.

    Raises:
        ReferenceConflict: the reference stands for something else.
    """
    if await in_thread(context.journal.find_purchase, context.project_id, reference) is None:
        return None, ()
    purchase = await open_purchase(
        context.journal,
        order,
        project_id=context.project_id,
        reference=reference,
        flow_run_id=None,
        operation=operation,
    )
    return purchase, await in_thread(context.journal.intentions, purchase_id=purchase.id)


async def stand(context: RunContext, order: SearchAndRentParameters, reference: str) -> Standing:
    """What a run of search-and-rent would find and rent, by the journal and by today's prices.

    Costs: nothing. Repeat: safe; nothing is reserved.

    Raises:
        ReferenceConflict: the reference stands for another purchase.
        BadInput: nothing was begun, and too few numbers match.
        SpendRefused: a price is missing or in another currency.
    """
    purchase, lines = await find_purchase(context, order, reference, OPERATION)
    alive = [line for line in lines if line.state is not IntentionState.REFUSED]
    planned = [line for line in alive if line.state is IntentionState.PLANNED]
    notes: list[str] = []
    fresh = await _fresh(context, order, reference, lines, notes)
    if planned:
        notes.append(
            f"{count_of(len(planned), 'number')} written down and not rented yet, at the prices of "
            f"{max(line.updated_at for line in planned):%Y-%m-%d %H:%M} UTC; a run reads them again"
        )
    quote = Quote(currency=order.currency, lines=(*map(_line, planned), *fresh))
    if quote.warning:
        notes.append(quote.warning)
    refused = None
    if not alive or any(line.state is not IntentionState.DONE for line in alive) or fresh:
        try:
            await _require_room(context, order, purchase, alive, fresh, planned)
        except SpendRefused as error:
            refused = error
    if order.approve_above is not None and not alive and quote.today > order.approve_above:
        notes.append("a run asks a person first: the quote is above approve_above")
    return Standing(lines, quote, refused, tuple(notes))


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
    purchase, lines = await find_purchase(context, order, reference, number_order.OPERATION)
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


async def require_room_today(
    context: RunContext, due: Decimal, currency: str, max_today: Decimal
) -> None:
    """Make sure that today holds `due` more, as the journal will when it is written down.

    Raises:
        SpendRefused: max_today would be passed, together with what other purchases spent today.
    """
    await in_thread(
        context.journal.require_room_today,
        context.project_id,
        due=due,
        currency=currency,
        cap_today=max_today,
    )


async def _fresh(
    context: RunContext,
    order: SearchAndRentParameters,
    reference: str,
    lines: Sequence[Intention],
    notes: list[str],
) -> tuple[QuoteLine, ...]:
    """Numbers that are not written down yet and would be."""
    alive = [line for line in lines if line.state is not IntentionState.REFUSED]
    if not alive:
        return (await quote_order(context, order, seed=reference)).lines
    missing = order.wanted - len(alive)
    # As a run does: what was named, or is picked by the vendor, is not replaced.
    if missing <= 0 or order.phone_numbers or order.strategy is Strategy.ANY:
        return ()
    taken = {
        *await in_thread(context.journal.claims, context.project_id),
        *(line.subject for line in lines if line.subject),
    }
    found = await find_numbers(
        context.client, order, quantity=missing, seed=reference, exclude=taken
    )
    if len(found) < missing:
        notes.append(
            f"{count_of(missing, 'number')} would have to be found in the place of lost ones, and "
            f"only {len(found)} match"
        )
    return make_quote(found, order.currency).lines


async def _require_room(
    context: RunContext,
    order: SearchAndRentParameters,
    purchase: Purchase | None,
    alive: Sequence[Intention],
    fresh: Sequence[QuoteLine],
    planned: Sequence[Intention],
) -> None:
    """The caps as a run meets them: of the purchase as a whole, and of the day.

    Raises:
        SpendRefused: the run would be refused.
    """
    limits = SpendLimits(order.max_today, order.max_monthly, order.currency)
    if purchase is not None and purchase.approval and alive:
        approval = purchase.approval
        today, monthly = Decimal(approval["today"]), Decimal(approval["monthly"])
        limits = replace(limits, approved_today=today, approved_monthly=monthly)
    limits.check(
        sum((line.due_amount or Decimal(0) for line in alive), Decimal(0))
        + sum((line.today for line in fresh), Decimal(0)),
        sum((line.monthly_amount or Decimal(0) for line in alive), Decimal(0))
        + sum((line.monthly for line in fresh), Decimal(0)),
    )
    day = await in_thread(context.journal.today)
    # What is written down for today is counted by the journal already; what was for another day
    # moves to today.
    moved = sum(
        (line.due_amount or Decimal(0) for line in planned if line.spend_day != day), Decimal(0)
    )
    due = moved + sum((line.today for line in fresh), Decimal(0))
    await require_room_today(context, due, order.currency, order.max_today)


def _line(planned: Intention) -> QuoteLine:
    """A line of the journal as the quote that it was."""
    setup, due = planned.setup_amount or Decimal(0), planned.due_amount or Decimal(0)
    monthly = planned.monthly_amount or Decimal(0)
    months = int(((due - setup) / monthly).to_integral_value()) if monthly else 1
    return QuoteLine(
        phone_number=planned.subject or "",
        setup=setup,
        recurring=due - setup,
        interval_months=max(1, months),
    )
