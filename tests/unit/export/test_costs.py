"""What numbers cost: a month, in twelve, and by month."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.inventories import inventory, publish_rows

from numberflow.export.costs import COSTS, MONTHS, Forecast, publish_costs
from numberflow.export.store import LocalStore

DAY = date(2026, 11, 23)


def forecast(*rows: dict[str, Any]) -> tuple[Forecast, list[dict[str, Any]]]:
    made = Forecast(DAY)
    return made, made.add(inventory(rows)).to_pylist()


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("facts", "monthly", "charges", "cost"),
    [
        ({}, "0.5", 11, "5.5"),
        ({"next_charge_at": utc(2026, 11, 30)}, "0.5", 12, "6"),
        ({"next_charge_at": utc(2026, 10, 1)}, "0.5", 12, "6"),  # due, and not moved on yet
        ({"payment_interval_months": 3, "price_amount": Decimal(1)}, "0.333333", 4, "4"),
        ({"payment_interval_months": 12, "price_amount": Decimal(12)}, "1", 1, "12"),
        ({"next_charge_at": utc(2027, 11, 1)}, "0.5", 0, "0"),
        ({"expire_at": utc(2026, 12, 1, 8)}, "0.5", 0, "0"),  # leaves as it would be charged
        ({"expire_at": utc(2026, 12, 1, 9)}, "0.5", 1, "0.5"),
        ({"expire_at": utc(2027, 3, 1, 7)}, "0.5", 3, "1.5"),
        ({"next_charge_at": None}, "0.5", None, None),
        ({"price_amount": None, "price_currency": None}, None, None, None),
    ],
)
def test_one_number(
    facts: dict[str, Any], monthly: str | None, charges: int | None, cost: str | None
) -> None:
    """Price, interval, next charge and end make the charges of twelve calendar months, the first of
    which is the rest of this one.
    """
    _, (line,) = forecast(facts)
    told = (line["monthly_cost"], line["charges_12_months"], line["cost_12_months"])
    assert (monthly and Decimal(monthly), charges, cost and Decimal(cost)) == told


def test_totals() -> None:
    """Currencies are never added together; every month of a currency is there.

    What cannot be counted is told.
    """
    made, _ = forecast(
        {},
        {"price_currency": "EUR", "price_amount": Decimal("0.1")},
        {"price_amount": None, "price_currency": None},
        {"next_charge_at": None},
    )
    assert {"EUR": "0.100000", "USD": "1.000000"} == made.told()["monthly"]
    assert (1, 1) == (made.told()["without_price"], made.told()["without_next_charge"])
    by_month = made.by_month()
    assert ["EUR", "USD"] == list(by_month)
    assert [MONTHS, MONTHS] == [len(months) for months in by_month.values()]
    assert ("0", "0.5", "0.1") == (
        by_month["USD"]["2026-11"],
        by_month["USD"]["2026-12"],
        by_month["EUR"]["2027-10"],
    )


def test_sum_is_rounded_once() -> None:
    """What all cost a month is exact.

    Three thousand numbers at a third of a unit are a thousand units, over batches and intervals
    too.
    """
    made = Forecast(DAY)
    for _ in range(3):
        made.add(inventory([{"price_amount": Decimal(1), "payment_interval_months": 3}] * 1000))
        made.add(inventory([{"price_amount": Decimal(1), "payment_interval_months": 7}] * 7))
    assert {"USD": "1003.000000"} == made.told()["monthly"]


# Hypothesis takes bounds without a zone and puts it on itself.
FIRST, SOON, LAST = (
    utc(*day).replace(tzinfo=None) for day in ((2026, 10, 1), (2026, 11, 23), (2028, 1, 1))
)
ROWS = st.fixed_dictionaries(
    {
        "price_amount": st.decimals(0, 100, places=4),
        "payment_interval_months": st.integers(1, 24),
        "next_charge_at": st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
        "expire_at": st.none() | st.datetimes(SOON, LAST, timezones=st.just(UTC)),
    }
)


@given(st.lists(ROWS, max_size=20))
def test_rows_and_months_add_up(rows: list[dict[str, Any]]) -> None:
    """The cost of all numbers in twelve months is the sum of the months, to the last digit."""
    made, lines = forecast(*rows)
    by_month = made.by_month().get("USD", {})
    assert sum((line["cost_12_months"] for line in lines), Decimal(0)) == sum(
        map(Decimal, by_month.values()), Decimal(0)
    )
    assert sum(line["charges_12_months"] for line in lines) == sum(
        made.table().column("charges").to_pylist()
    )


def test_published(tmp_path: Path) -> None:
    """Both tables are published with their totals; a snapshot without numbers costs nothing."""
    store = LocalStore(tmp_path)
    costs, months = publish_costs(store, publish_rows(store, DAY, inventory([{}] * 3)), "run-2")
    assert (3, {"USD": "1.500000"}, 11) == (costs["rows"], costs["monthly"], months["rows"])
    assert COSTS.names == pq.ParquetFile(tmp_path / costs["path"]).schema_arrow.names
    nothing, no_months = publish_costs(store, publish_rows(store, DAY, inventory([])), "run-3")
    assert (0, {}, {}) == (nothing["rows"], nothing["monthly"], no_months["by_month"])
