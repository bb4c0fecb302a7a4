"""Which numbers of a search are bought.

Here: filter, sort and pick. Not here: the search itself (client) and prices beyond their order
(quote).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from decimal import Decimal

from numberflow.models.orders import WantedNumbers
from numberflow.models.vendor import AvailableNumber, SearchPattern


def pick(
    found: Iterable[AvailableNumber],
    order: WantedNumbers,
    *,
    quantity: int,
    seed: str,
    exclude: Collection[str] = (),
) -> tuple[AvailableNumber, ...]:
    """Choose up to `quantity` numbers that match the order: each once, cheapest first.

    The order of numbers with equal price depends on `seed` (the reference). So two purchases at the
    same time do not reach for the same numbers, while one purchase repeats its own choice.
    """
    by_number = {number.phone_number: number for number in found if matches(number, order)}
    candidates = [number for phone, number in by_number.items() if phone not in exclude]
    candidates.sort(key=lambda number: (_price(number), _shuffle_key(seed, number.phone_number)))
    return tuple(candidates[:quantity])


def matches(number: AvailableNumber, order: WantedNumbers) -> bool:
    """Whether the number is what was ordered.

    The vendor filters, too; this refuses what it should not have sent. For a member that the reply
    left out (None or empty), the vendor's filter is trusted.
    """
    if number.region_code and number.region_code != order.region_code:
        return False
    if number.number_type and number.number_type != order.number_type:
        return False
    if number.capabilities and not set(order.capabilities) <= set(number.capabilities):
        return False
    if order.named_numbers:
        return number.phone_number in order.named_numbers
    return _fits_pattern(number.phone_number, order)


def search_size(wanted: int) -> int:
    """How many numbers to request: some spare, at most 100 (assumed, §4)."""
    return min(100, wanted + max(5, wanted // 4))


def _fits_pattern(phone_number: str, order: WantedNumbers) -> bool:
    pattern = order.pattern
    match order.effective_search_pattern:
        case SearchPattern.START:
            return phone_number.startswith(pattern or "")
        case SearchPattern.END:
            return phone_number.endswith(pattern or "")
        case SearchPattern.CONTAINS:
            return (pattern or "") in phone_number
        case None:
            return True


def _price(number: AvailableNumber) -> tuple[Decimal, Decimal]:
    """Numbers without a price sort last. If they have to be used, the quote refuses them."""
    if number.setup_price is None or number.monthly_price is None:
        return Decimal("Infinity"), Decimal("Infinity")
    monthly = number.monthly_price.amount / number.payment_interval_months
    return number.setup_price.amount + number.monthly_price.amount, monthly


def _shuffle_key(seed: str, phone_number: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{phone_number}".encode()).digest()
