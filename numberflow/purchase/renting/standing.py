"""How a reference of search-and-rent stands before a run.

What it holds, what is still to go, and whether the run would be refused. Reads only.

Not here: the words of it (report, text) and any step that changes something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from numberflow.errors import SpendRefused
from numberflow.journal import Intention, IntentionState, Purchase
from numberflow.models.orders import SearchAndRentParameters, Strategy
from numberflow.models.wording import count_of
from numberflow.planning.quote import Quote, QuoteLine, make_quote
from numberflow.purchase.renting.choose import OPERATION, find_numbers
from numberflow.purchase.renting.quoting import quote_order
from numberflow.purchase.run_context import RunContext, find_purchase, in_thread, new_purchase
from numberflow.purchase.spend_limits import SpendLimits, due_of, monthly_of, require_room_today


@dataclass(frozen=True, slots=True)
class Standing:
    """A purchase as a run would find it.

    `quote`: what it would still rent; `refused`: why it would not.
    """

    lines: tuple[Intention, ...]
    quote: Quote
    refused: SpendRefused | None = None
    notes: tuple[str, ...] = ()


async def stand(context: RunContext, order: SearchAndRentParameters, reference: str) -> Standing:
    """What a run of search-and-rent would find and rent, by the journal and by today's prices.

    Costs: nothing. Repeat: safe; nothing is reserved.

    Raises:
        ReferenceConflict: the reference stands for another purchase.
        BadInput: nothing was begun, and too few numbers match.
        SpendRefused: a price is missing or in another currency.
    """
    purchase, lines = await find_purchase(
        context, new_purchase(context, order, reference, OPERATION)
    )
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
        due_of(alive) + sum((line.today for line in fresh), Decimal(0)),
        monthly_of(alive) + sum((line.monthly for line in fresh), Decimal(0)),
    )
    day = await in_thread(context.journal.today)
    # What is written down for today is counted by the journal already; what was for another day
    # moves to today.
    moved = due_of(line for line in planned if line.spend_day != day)
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
