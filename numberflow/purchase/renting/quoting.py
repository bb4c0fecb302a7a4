"""Quote an order: find its numbers and add up their prices, or say why that is not possible.

Costs nothing.

Not here: the search itself (choose), the arithmetic (planning.quote) and what a quote may cost
(spend_limits).
"""

from __future__ import annotations

from collections.abc import Sequence

from numberflow.client import Client
from numberflow.errors import BadInput
from numberflow.models.orders import SearchAndRentParameters, Strategy, WantedNumbers
from numberflow.models.vendor import NumberType
from numberflow.planning.candidates import matches
from numberflow.planning.quote import Quote, make_quote
from numberflow.purchase.link_targets import require_link_targets
from numberflow.purchase.renting.choose import find_numbers, not_sold, search, what_is_sold
from numberflow.purchase.run_context import RunContext, in_thread

RENTABLE = ("US", NumberType.LOCAL)
MUST_BE_ORDERED = (
    "they have to be ordered: run order-numbers with the same region_code, number_type and "
    "quantity; "
    "`numberflow requirements --region {region_code} --type {number_type}` shows the papers"
)


async def quote_order(
    context: RunContext, order: SearchAndRentParameters, *, seed: str, prefer: Sequence[str] = ()
) -> Quote:
    """Find the numbers of an order and add up their prices.

    Numbers that other purchases hold are left to them.

    Args:
        context: collaborators.
        order: what is wanted.
        seed: orders numbers of equal price (the reference).
        prefer: numbers that are taken first if they are still for sale.

    Raises:
        BadInput: too few numbers match, or the vendor does not rent such numbers directly; says
            what it sells, and how. Or a link leads nowhere.
        SpendRefused: a price is missing or in another currency.
    """
    await require_rentable(context.client, order)
    await require_link_targets(context, order.sms, order.voice, adding=order.wanted)
    if order.strategy is Strategy.ANY:
        return await quote_any(context.client, order)
    claims = await in_thread(context.journal.claims, context.project_id)
    found = await find_numbers(
        context.client,
        order,
        quantity=order.wanted,
        seed=seed,
        exclude=claims.keys(),
        prefer=prefer,
    )
    if len(found) < order.wanted:
        await refuse_too_few(context.client, order, [number.phone_number for number in found])
    return make_quote(found, order.currency)


async def require_rentable(client: Client, order: WantedNumbers) -> None:
    """Refuse what can only be ordered, before a request that costs money could find that out.

    Source: docs/vendor/numbers-behaviour.md §1.1: `:rent` takes US LOCAL alone. Raises BadInput.
    """
    kind = (order.region_code, order.number_type)
    if kind == RENTABLE or await not_sold(client, order):
        return
    raise BadInput(
        f"{order.number_type} numbers in {order.region_code} cannot be rented directly; nothing "
        "was sent",
        field="number_type",
        remedy=MUST_BE_ORDERED.format(number_type=order.number_type, region_code=order.region_code),
    )


async def quote_any(client: Client, order: WantedNumbers) -> Quote:
    """A quote for numbers that nobody can name yet.

    The dearest match that a search shows, as often as wanted.

    Raises:
        SpendRefused: a price is missing or in another currency.
        BadInput: nothing matches.
    """
    page = await search(client, order, 100)
    matching = [number for number in page if matches(number, order)]
    if not matching:
        raise BadInput(
            "no number matches", field="region_code", remedy=await what_is_sold(client, order)
        )
    dearest = max(
        make_quote(matching, order.currency).lines, key=lambda line: (line.today, line.monthly)
    )
    line = dearest.model_copy(update={"phone_number": ""})
    return Quote(currency=order.currency, lines=(line,) * order.wanted)


async def refuse_too_few(client: Client, order: WantedNumbers, found: Sequence[str]) -> None:
    """Say why fewer numbers were found than wanted, and what to change. Raises BadInput."""
    if order.named_numbers:
        missing = ", ".join(number for number in order.named_numbers if number not in found)
        raise BadInput(
            f"{order.named_field}: not for sale, or already bought under another reference: "
            f"{missing}",
            field=order.named_field,
            remedy="leave them out or name others",
        )
    if not found:
        raise BadInput(
            f"no number matches: {await what_is_sold(client, order)}",
            field="region_code",
            remedy="change region_code, number_type, pattern or capabilities",
        )
    raise BadInput(
        f"quantity: {order.wanted} asked, {len(found)} found; nothing was rented",
        field="quantity",
        remedy=f"ask for {len(found)}, or widen pattern and capabilities",
    )
