"""Find the numbers of a purchase, and write them down before the first of them is rented.

Not here: renting, and asking a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from numberflow.client import Client
from numberflow.errors import BadInput, NotFound, Rejected
from numberflow.journal import Intention, IntentionState, NewIntention, Purchase
from numberflow.models.orders import SearchAndRentParameters, Strategy, WantedNumbers
from numberflow.models.vendor import AvailableNumber
from numberflow.planning.candidates import matches, pick, search_size
from numberflow.planning.quote import Quote, QuoteLine
from numberflow.purchase.costly_steps import CostlySteps, hold_purchase
from numberflow.purchase.run_context import RunContext, each_of, in_thread
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.steps import rent, rent_any

OPERATION = "search_and_rent"
# A search answers with one page in random order (docs/vendor/numbers-behaviour.md §4). This many
# searches in a row without a new number are taken for "that is all there is"; each costs a request,
# and three wrong guesses in a row are unlikely.
FRUITLESS_SEARCHES_MAX = 3
# Reads that may be under way at once while named numbers are checked.
CHECKS_AT_ONCE = 8


async def find_numbers(
    client: Client,
    order: WantedNumbers,
    *,
    quantity: int,
    seed: str,
    exclude: Collection[str] = (),
    prefer: Sequence[str] = (),
) -> tuple[AvailableNumber, ...]:
    """Numbers for sale that match the order, cheapest first, at most `quantity`. Costs nothing.

    Args:
        client: an entered client.
        order: what is wanted.
        quantity: how many.
        seed: orders numbers of equal price (see `planning.candidates.pick`).
        exclude: numbers that are not to be taken.
        prefer: numbers that are taken first if they are still for sale (a quote that was approved).

    Raises:
        BadInput: the vendor refused the search (the message says what it sells where the region or
            type is the cause), or a named number is of another region or type, or lacks a
            capability.
    """
    if order.named_numbers:
        named = await _check(
            client, [number for number in order.named_numbers if number not in exclude]
        )
        _require_match(named, order)
        return tuple(named)
    kept = [
        number for number in await _check(client, prefer) if number.phone_number not in exclude
    ][:quantity]
    if len(kept) == quantity:
        return tuple(kept)
    found: dict[str, AvailableNumber] = {}
    taken = {*exclude, *(number.phone_number for number in kept)}
    fruitless = 0
    while fruitless < FRUITLESS_SEARCHES_MAX:
        page = await search(client, order, quantity - len(kept))
        new = {number.phone_number: number for number in page if number.phone_number not in found}
        found.update(new)
        fruitless = 0 if new else fruitless + 1
        picked = pick(
            found.values(), order, quantity=quantity - len(kept), seed=seed, exclude=taken
        )
        if len(picked) == quantity - len(kept):
            return (*kept, *picked)
        if not page:
            break
    return (*kept, *picked)


async def what_is_sold(client: Client, order: WantedNumbers) -> str:
    """Why a search found nothing, in the vendor's own list of regions. Costs nothing."""
    in_stock = (
        "the vendor has no such numbers in stock; try another pattern, other capabilities, or later"
    )
    return await not_sold(client, order) or in_stock


async def not_sold(client: Client, order: WantedNumbers) -> str:
    """That the vendor does not sell such numbers at all, in its own list of regions.

    Empty when it does. Costs nothing.
    """
    regions = {region.region_code: region for region in await client.regions.list()}
    region = regions.get(order.region_code)
    if region is None:
        return (
            f"the vendor sells no numbers in {order.region_code}; it sells in "
            f"{', '.join(sorted(regions))}"
        )
    if region.types and order.number_type not in region.types:
        return (
            f"the vendor sells no {order.number_type} numbers in {order.region_code}, only "
            f"{', '.join(region.types)}"
        )
    return ""


async def search(client: Client, order: WantedNumbers, wanted: int) -> tuple[AvailableNumber, ...]:
    """One page of what the vendor offers for the order; a number that is not there is no error.

    Costs nothing.

    Raises:
        BadInput: the vendor refused the search.
    """
    pattern = order.effective_search_pattern
    try:
        return await client.available_numbers.search(
            region_code=order.region_code,
            number_type=order.number_type.value,
            pattern=order.pattern,
            search_pattern=pattern.value if pattern else None,
            capabilities=tuple(capability.value for capability in order.capabilities),
            size=search_size(wanted),
        )
    except NotFound:
        return ()
    except Rejected as error:
        if error.status != 400:
            raise
        raise BadInput(
            f"the vendor refused the search: {error.message}",
            field="search",
            remedy=await what_is_sold(client, order),
        ) from error


def _require_match(named: Sequence[AvailableNumber], order: WantedNumbers) -> None:
    """A named number that is not what the order says is money for the wrong thing."""
    for number in named:
        if not matches(number, order):
            raise BadInput(
                f"{order.named_field}: {number.phone_number} is a {number.region_code} "
                f"{number.number_type} number with "
                f"{' and '.join(number.capabilities) or 'no capability'}; that is not what was "
                "asked for",
                field=order.named_field,
                remedy="leave it out, or change region_code, number_type or capabilities",
            )


async def _check(client: Client, numbers: Sequence[str]) -> list[AvailableNumber]:
    """Those of `numbers` that are for sale, in their order."""

    async def check(number: str) -> AvailableNumber | None:
        try:
            return await client.available_numbers.get(number)
        except NotFound:
            return None

    return [
        number
        for number in await each_of(numbers, check, at_once=CHECKS_AT_ONCE)
        if number is not None
    ]


async def write_down(
    steps: CostlySteps,
    order: SearchAndRentParameters,
    lines: Sequence[QuoteLine],
    limits: SpendLimits,
) -> tuple[Intention, ...]:
    """Make `lines` intentions of the purchase: from now on these numbers and no others are bought.

    Sends nothing.

    Raises:
        SpendRefused: a cap would be broken, also together with what other purchases of the day
            spend.
        NumberClaimed: another intention holds one of the numbers.
        LeaseLost: another run works on the purchase.
    """
    before = await steps.rows()
    new = [
        _intention(steps, order, line, len(before) + offset, limits.currency)
        for offset, line in enumerate(lines)
    ]
    return await steps.plan(new, limits)


async def write_down_quote(
    context: RunContext,
    purchase: Purchase,
    order: SearchAndRentParameters,
    quote: Quote,
    limits: SpendLimits,
) -> tuple[Intention, ...]:
    """Put the chosen numbers and their prices into the journal, unless it has some already.

    Costs: nothing yet; it takes the amount out of the day's cap. Repeat: safe; what was written
    down first stands.

    Raises:
        as `write_down`; LeaseLost also when another run holds the purchase and does not end in
        time.
    """
    async with hold_purchase(context, purchase) as steps:
        lines = await steps.rows()
        if any(line.state is not IntentionState.REFUSED for line in lines):
            return lines
        if order.strategy is Strategy.ANY:
            # What is held before the first request tells afterwards which number is new.
            await in_thread(
                context.journal.save_before, purchase.id, await held_numbers(context.client, order)
            )
        return await write_down(steps, order, quote.lines, limits)


def _intention(
    steps: CostlySteps,
    order: SearchAndRentParameters,
    line: QuoteLine,
    position: int,
    currency: str,
) -> NewIntention:
    if order.strategy is Strategy.ANY:
        # Derived, so that a repeated run of this very line would carry the same marker.
        marker = hashlib.sha256(f"{steps.purchase.id}/{position}".encode()).hexdigest()[:24]
        operation, subject, request = (
            rent_any.OPERATION,
            None,
            rent_any.request_facts(order, marker, steps.context.callback_url),
        )
    else:
        operation, subject = rent.OPERATION, line.phone_number
        request = rent.request_facts(order.sms, order.voice, order.callback_url)
    return NewIntention(
        operation=operation,
        subject=subject,
        fingerprint=order.fingerprint(),
        request=request,
        setup_amount=line.setup,
        monthly_amount=line.monthly,
        due_amount=line.today,
        currency=currency,
    )


async def held_numbers(client: Client, order: SearchAndRentParameters) -> list[str]:
    """The numbers of the order's region and type that the project holds now.

    Costs nothing; one request a page.
    """
    return [
        number.phone_number
        async for number in client.active_numbers.iterate(
            region_code=order.region_code, number_type=order.number_type.value
        )
    ]
