"""What a purchase costs, itemised, before anything is bought.

Here: the sum of the prices of chosen numbers, and the rules that stop a quote. Not here: the
spending of other purchases (the journal knows that) and how a quote is shown (tasks).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from numberflow.errors import SpendRefused
from numberflow.models.number_orders import NumberPrice, OrderNumber
from numberflow.models.vendor import AvailableNumber


class QuoteLine(BaseModel):
    """One number and its price. Amounts are in the quote's currency."""

    model_config = ConfigDict(frozen=True)

    phone_number: str
    setup: Decimal
    """Charged once, at the rent."""
    recurring: Decimal
    """Charged at the rent and then every `interval_months`."""
    interval_months: int
    is_flagged: bool = False
    """The vendor's `supportingDocumentationRequired`: only a warning, it rents such numbers."""

    @property
    def today(self) -> Decimal:
        """Charged when renting: set-up and the first period (numbers-behaviour.md §13)."""
        return self.setup + self.recurring

    @property
    def monthly(self) -> Decimal:
        """The recurring price per month."""
        return self.recurring / self.interval_months


class Quote(BaseModel):
    """Prices of all numbers of a purchase."""

    model_config = ConfigDict(frozen=True)

    currency: str
    lines: tuple[QuoteLine, ...]

    @property
    def warning(self) -> str:
        """A remark on the vendor's flag for papers (correction 12); empty without it."""
        flagged = sum(line.is_flagged for line in self.lines)
        if not flagged:
            return ""
        return (
            f"the vendor marks {flagged} of {len(self.lines)} as in need of papers. It also marks "
            "numbers that it rents at once, so they are rented; if it refuses, use order-numbers"
        )

    @property
    def today(self) -> Decimal:
        """What is charged at once for all lines."""
        return sum((line.today for line in self.lines), Decimal(0))

    @property
    def monthly(self) -> Decimal:
        """What all lines cost a month from then on."""
        return sum((line.monthly for line in self.lines), Decimal(0))


def make_quote(numbers: Sequence[AvailableNumber], currency: str) -> Quote:
    """Add up the prices of `numbers`.

    Raises:
        SpendRefused: a price is missing (`missing_price`) or in another currency (`currency`). Fail
            closed: an unreadable price is not zero.
    """
    return Quote(currency=currency, lines=tuple(quote_line(number, currency) for number in numbers))


def quote_line(number: AvailableNumber, currency: str) -> QuoteLine:
    """The price of one number.

    Raises:
        SpendRefused: as in `make_quote`.
    """
    return _line(number.phone_number, number, currency)


def quote_of_order(numbers: Sequence[OrderNumber], currency: str) -> Quote:
    """What the numbers that an order reserves cost.

    Raises:
        SpendRefused: as in `make_quote`.
    """
    lines = (
        _line(number.phone_number, number.number_price or NumberPrice(), currency)
        for number in numbers
    )
    return Quote(currency=currency, lines=tuple(lines))


def _line(phone_number: str, price: AvailableNumber | NumberPrice, currency: str) -> QuoteLine:
    setup, recurring = price.setup_price, price.monthly_price
    if setup is None or recurring is None:
        which = "set-up price" if setup is None else "monthly price"
        raise SpendRefused(
            f"{phone_number} has no {which}; a number without a price is not bought",
            rule="missing_price",
            remedy="run again later, or ask the vendor for the price of this region and type",
        )
    for money in (setup, recurring):
        if money.currency_code != currency:
            raise SpendRefused(
                f"{phone_number} is priced in {money.currency_code}, the caps are in {currency}",
                rule="currency",
                remedy=f"state caps and currency in {money.currency_code}",
            )
    if setup.amount < 0 or recurring.amount < 0:
        raise SpendRefused(
            f"{phone_number} has a negative price",
            rule="missing_price",
            remedy="ask the vendor for the price",
        )
    return QuoteLine(
        phone_number=phone_number,
        setup=setup.amount,
        recurring=recurring.amount,
        interval_months=price.payment_interval_months,
        is_flagged=isinstance(price, AvailableNumber)
        and bool(price.supporting_documentation_required),
    )
