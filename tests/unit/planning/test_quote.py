"""Prices added up, and the prices with which nothing is bought."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.errors import SpendRefused
from numberflow.models.number_orders import OrderNumber
from numberflow.models.vendor import AvailableNumber
from numberflow.planning.quote import Quote, QuoteLine, make_quote, quote_line, quote_of_order


def offered(
    setup: Any = "0.50", monthly: Any = "1.50", months: Any = 1, **changes: Any
) -> AvailableNumber:
    """A number for sale, as the vendor's JSON says it."""
    return AvailableNumber.model_validate(
        {
            "phoneNumber": "+12025550101",
            "setupPrice": {"currencyCode": "USD", "amount": setup},
            "monthlyPrice": {"currencyCode": "USD", "amount": monthly},
            "paymentIntervalMonths": months,
        }
        | changes
    )


def test_line() -> None:
    """Set-up and first period are charged at once; the period's price is brought to a month."""
    line = quote_line(offered("1.00", "6.00", 3), "USD")
    assert (
        QuoteLine(
            phone_number="+12025550101", setup=Decimal(1), recurring=Decimal(6), interval_months=3
        )
        == line
    )
    assert (Decimal(7), Decimal(2)) == (line.today, line.monthly)


@pytest.mark.parametrize("months", [0, None, ""])
def test_interval_that_says_nothing_is_a_month(months: Any) -> None:
    """A payment interval of 0, as in documentation samples, or none, is one month.

    The dearer reading.
    """
    line = quote_line(offered(months=months), "USD")
    assert (1, Decimal("1.50")) == (line.interval_months, line.monthly)


@pytest.mark.parametrize(
    ("changes", "rule", "message"),
    [
        (
            {"setupPrice": None},
            "missing_price",
            "+12025550101 has no set-up price; a number without a price is not bought",
        ),
        (
            {"monthlyPrice": None},
            "missing_price",
            "+12025550101 has no monthly price; a number without a price is not bought",
        ),
        (
            {"monthlyPrice": {}},
            "missing_price",
            "+12025550101 has no monthly price; a number without a price is not bought",
        ),
        (
            {"monthlyPrice": {"currencyCode": "USD", "amount": "free"}},
            "missing_price",
            "+12025550101 has no monthly price; a number without a price is not bought",
        ),
        (
            {"setupPrice": {"currencyCode": "EUR", "amount": "1"}},
            "currency",
            "+12025550101 is priced in EUR, the caps are in USD",
        ),
        (
            {"monthlyPrice": {"currencyCode": "usd", "amount": "1"}},
            "currency",
            "+12025550101 is priced in usd, the caps are in USD",
        ),
        (
            {"setupPrice": {"currencyCode": "USD", "amount": "-1"}},
            "missing_price",
            "+12025550101 has a negative price",
        ),
        (
            {"monthlyPrice": {"currencyCode": "USD", "amount": "-0.01"}},
            "missing_price",
            "+12025550101 has a negative price",
        ),
    ],
)
def test_prices_that_stop_a_purchase(changes: dict[str, Any], rule: str, message: str) -> None:
    """A price that is missing, unreadable, negative or in another currency stops the purchase and
    says so; it is never taken for zero.
    """
    with pytest.raises(SpendRefused) as caught:
        make_quote([offered(), offered(**changes)], "USD")
    assert (rule, message) == (caught.value.rule, caught.value.message)
    assert caught.value.remedy


def test_free_number() -> None:
    """A price that is said to be zero is a price."""
    assert quote_line(offered("0", "0"), "USD").today == Decimal(0)


def test_empty_quote() -> None:
    """A quote for nothing costs nothing."""
    assert Quote(currency="USD", lines=()) == make_quote([], "USD")
    assert (Decimal(0), Decimal(0)) == (make_quote([], "USD").today, make_quote([], "USD").monthly)


PRICES = st.decimals(0, 10_000, places=4)


@given(st.lists(st.tuples(PRICES, PRICES, st.sampled_from([1, 2, 4, 12])), max_size=20))
def test_totals_are_sums(prices: list[tuple[Decimal, Decimal, int]]) -> None:
    """What is due today is the sum of all set-up and first-period prices, to the last digit."""
    quote = make_quote(
        [offered(setup, recurring, months) for setup, recurring, months in prices], "USD"
    )
    assert sum(setup + recurring for setup, recurring, _ in prices) == quote.today
    assert sum((recurring / months for _, recurring, months in prices), Decimal(0)) == quote.monthly


def test_quote_of_an_order() -> None:
    """An order's numbers carry their prices; one without stops it as any other does."""
    price = {
        "setupPrice": {"currencyCode": "USD", "amount": "1"},
        "monthlyPrice": {"currencyCode": "USD", "amount": "6"},
        "paymentIntervalMonths": 3,
    }
    numbers = [
        OrderNumber.model_validate({"phoneNumber": f"+6141293497{n}", "numberPrice": price})
        for n in range(2)
    ]
    line = QuoteLine(
        phone_number="+61412934970", setup=Decimal(1), recurring=Decimal(6), interval_months=3
    )
    lines = (line, line.model_copy(update={"phone_number": "+61412934971"}))
    assert Quote(currency="USD", lines=lines) == quote_of_order(numbers, "USD")
    with pytest.raises(SpendRefused, match=r"\+61412934979 has no set-up price"):
        quote_of_order([*numbers, OrderNumber(phone_number="+61412934979")], "USD")


@pytest.mark.parametrize("flag", [True, False, None])
def test_flag_for_papers(flag: bool | None) -> None:
    """The vendor's flag is kept, and warned of; a number without it has none."""
    quote = make_quote([offered(), offered(supportingDocumentationRequired=flag)], "USD")
    assert [False, bool(flag)] == [line.is_flagged for line in quote.lines]
    assert bool(flag) == ("1 of 2" in quote.warning)
