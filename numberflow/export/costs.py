"""What the numbers of a snapshot cost: monthly, in the next twelve months, by month and currency.

Column names follow the FinOps specification FOCUS where it has one (BillingCurrency, ResourceId,
RegionId, …). Amounts are what the vendor lists, not what it will bill: a price may change, and a
number may be released. Not here: reading a snapshot's files (follow_up).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from numberflow.export import publish as publishing
from numberflow.export.derived import publish_table
from numberflow.export.files import read_batches
from numberflow.export.publish import Partition
from numberflow.export.schema import AMOUNT, TEXT, TIME, column
from numberflow.export.store import Store
from numberflow.export.writer import TableFile

MONTHS = 12
"""Calendar months of the forecast; the first is the rest of the snapshot's own."""

COSTS = pa.schema(
    [
        column("ResourceId", TEXT, "the phone number, E.164 (FOCUS)", nullable=False),
        column("RegionId", TEXT, "ISO 3166-1 alpha-2 of the number's region (FOCUS)"),
        column("ResourceType", TEXT, "LOCAL, MOBILE or TOLL_FREE (FOCUS)"),
        column(
            "ChargeCategory",
            TEXT,
            "always Purchase: a number is paid for having it, not for using it (FOCUS)",
        ),
        column("ChargeFrequency", TEXT, "always Recurring (FOCUS)"),
        column(
            "BillingCurrency",
            TEXT,
            "ISO 4217 code of all amounts in the row; null = the vendor shows no price (FOCUS)",
        ),
        column("ListUnitPrice", AMOUNT, "price of one period, as listed (FOCUS)"),
        column("payment_interval_months", pa.int32(), "months that ListUnitPrice pays for"),
        column("monthly_cost", AMOUNT, "ListUnitPrice per month, half up to six digits"),
        column("next_charge_at", TIME, "when ListUnitPrice is charged next, UTC"),
        column("expire_at", TIME, "when the number leaves, UTC; charges after it are not counted"),
        column(
            "charges_12_months",
            pa.int32(),
            "how often it is charged until then; null = no next charge is known",
        ),
        column("cost_12_months", AMOUNT, "what those charges add up to"),
    ]
)

FORECAST = pa.schema(
    [
        column("month", pa.date32(), "first day of the calendar month", nullable=False),
        column("BillingCurrency", TEXT, "ISO 4217 code of the amounts (FOCUS)", nullable=False),
        column("region_code", TEXT, "region of the numbers"),
        column("number_type", TEXT, "type of the numbers"),
        column("charges", pa.int64(), "how many charges fall into the month", nullable=False),
        column("amount", AMOUNT, "what they add up to", nullable=False),
    ]
)

_READ = (
    "phone_number",
    "region_code",
    "number_type",
    "price_amount",
    "price_currency",
    "payment_interval_months",
    "next_charge_at",
    "expire_at",
)
_SIX_DIGITS = Decimal("0.000001")

Group = tuple[str, str | None, str | None, int]
"""Currency, region, type, month of the forecast."""


def publish_costs(
    store: Store, snapshot: Partition, run_id: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Calculate and publish the costs and the forecast of a snapshot.

    Returns both manifests, with the totals. Repeat: safe. Reads one row group at a time.

    Raises:
        FileNotFoundError: the snapshot does not exist.
        StoreUnavailable: the store does not accept files.
    """
    day = snapshot.snapshot_date
    forecast = Forecast(day)

    def write_costs(file: TableFile) -> Mapping[str, Any]:
        for batch in read_batches(store, snapshot.data, _READ):
            file.add(forecast.add(batch))
        return forecast.told()

    costs = publish_table(
        store, Partition(publishing.COSTS, day, snapshot.project_id), COSTS, run_id, write_costs
    )

    def write_forecast(file: TableFile) -> Mapping[str, Any]:
        file.add(forecast.table())
        return {"by_month": forecast.by_month()}

    return costs, publish_table(
        store,
        Partition(publishing.FORECAST, day, snapshot.project_id),
        FORECAST,
        run_id,
        write_forecast,
    )


class Forecast:
    """Adds up charges, batch by batch."""

    def __init__(self, day: date) -> None:
        self._first = day.year * 12 + day.month - 1
        self._groups: dict[Group, tuple[int, Decimal]] = {}
        self._prices: dict[tuple[str, int], Decimal] = {}
        self._unpriced = 0
        self._unscheduled = 0

    def add(self, table: pa.Table) -> pa.Table:
        """Return the costs of a batch of inventory rows, and add its charges to the forecast."""
        priced = pc.and_(
            pc.is_valid(table.column("price_amount")), pc.is_valid(table.column("price_currency"))
        )
        scheduled = pc.and_(priced, pc.is_valid(table.column("next_charge_at")))
        self._unpriced += len(table) - (pc.sum(priced, min_count=0).as_py() or 0)
        self._unscheduled += (pc.sum(priced, min_count=0).as_py() or 0) - (
            pc.sum(scheduled, min_count=0).as_py() or 0
        )
        interval = pc.fill_null(table.column("payment_interval_months"), 1)
        charged = self._charged(table, interval.to_numpy())
        charged[~scheduled.to_numpy()] = False
        counts = pa.array(charged.sum(axis=1), pa.int32())
        self._add_up(table, charged)
        monthly = _times(table.column("price_amount"), pa.repeat(1, len(table)), interval)
        self._add_monthly(table, interval)
        columns = {
            "ResourceId": table.column("phone_number"),
            "RegionId": table.column("region_code"),
            "ResourceType": table.column("number_type"),
            "ChargeCategory": pa.repeat("Purchase", len(table)),
            "ChargeFrequency": pa.repeat("Recurring", len(table)),
            "BillingCurrency": table.column("price_currency"),
            "ListUnitPrice": table.column("price_amount"),
            "payment_interval_months": table.column("payment_interval_months"),
            "monthly_cost": monthly,
            "next_charge_at": table.column("next_charge_at"),
            "expire_at": table.column("expire_at"),
            "charges_12_months": pc.if_else(scheduled, counts, pa.scalar(None, pa.int32())),
            "cost_12_months": pc.if_else(
                scheduled,
                _times(table.column("price_amount"), counts, pa.repeat(1, len(table))),
                pa.scalar(None, AMOUNT),
            ),
        }
        return pa.table(columns).cast(COSTS)

    def table(self) -> pa.Table:
        """The forecast, by month, currency, region and type."""
        rows = [
            {
                "month": self._month(month),
                "BillingCurrency": currency,
                "region_code": region,
                "number_type": kind,
                "charges": charges,
                "amount": amount,
            }
            for (currency, region, kind, month), (charges, amount) in self._groups.items()
        ]
        rows.sort(
            key=lambda row: (
                row["month"],
                row["BillingCurrency"],
                row["region_code"] or "",
                row["number_type"] or "",
            )
        )
        return pa.Table.from_pylist(rows, schema=FORECAST)

    def by_month(self) -> dict[str, dict[str, str]]:
        """Currency → month (2026-11) → amount, all twelve months of each."""
        totals: dict[str, dict[str, Decimal]] = {}
        for (currency, _, _, month), (_, amount) in self._groups.items():
            months = totals.setdefault(
                currency, {f"{self._month(k):%Y-%m}": Decimal(0) for k in range(MONTHS)}
            )
            months[f"{self._month(month):%Y-%m}"] += amount
        return {
            currency: {month: str(amount.normalize() + 0) for month, amount in months.items()}
            for currency, months in sorted(totals.items())
        }

    def told(self) -> dict[str, Any]:
        """What the manifest of the costs says: monthly totals, and what could not be counted."""
        return {
            "monthly": {
                currency: str(amount) for currency, amount in sorted(self._monthly().items())
            },
            "without_price": self._unpriced,
            "without_next_charge": self._unscheduled,
        }

    def _month(self, k: int) -> date:
        return date((self._first + k) // 12, (self._first + k) % 12 + 1, 1)

    def _charged(self, table: pa.Table, interval: np.ndarray) -> np.ndarray:
        """Rows by months: whether a row is charged in the month."""
        first, moment = _month_and_moment(table.column("next_charge_at"))
        last, end = _month_and_moment(table.column("expire_at"))
        # A charge that is overdue, because the vendor has not moved its date on yet, falls into
        # this month.
        first = np.maximum(first - self._first, 0)
        leaves = pc.is_valid(table.column("expire_at")).to_numpy()
        charged = np.zeros((len(table), MONTHS), dtype=bool)
        for k in range(MONTHS):
            due = (k >= first) & ((k - first) % np.maximum(interval, 1) == 0)
            month = k + self._first
            before_end = (month < last) | ((month == last) & (moment < end))
            charged[:, k] = due & (before_end | ~leaves)
        return charged

    def _add_up(self, table: pa.Table, charged: np.ndarray) -> None:
        for k in range(MONTHS):
            rows = table.filter(pa.array(charged[:, k])).select(
                ["price_currency", "region_code", "number_type", "price_amount"]
            )
            sums = rows.group_by(["price_currency", "region_code", "number_type"]).aggregate(
                [("price_amount", "count"), ("price_amount", "sum")]
            )
            for row in sums.to_pylist():
                group = (row["price_currency"], row["region_code"], row["number_type"], k)
                charges, amount = self._groups.get(group, (0, Decimal(0)))
                self._groups[group] = (
                    charges + row["price_amount_count"],
                    amount + row["price_amount_sum"],
                )

    def _add_monthly(self, table: pa.Table, interval: pa.ChunkedArray) -> None:
        sums = (
            pa.table(
                {
                    "currency": table.column("price_currency"),
                    "months": interval,
                    "price": table.column("price_amount"),
                }
            )
            .group_by(["currency", "months"])
            .aggregate([("price", "sum")])
        )
        for row in sums.to_pylist():
            if row["currency"] is not None and row["price_sum"] is not None:
                key = (row["currency"], max(row["months"], 1))
                self._prices[key] = self._prices.get(key, Decimal(0)) + row["price_sum"]

    def _monthly(self) -> dict[str, Decimal]:
        """What all numbers cost a month: added up exactly, then rounded once."""
        exact: dict[str, Fraction] = {}
        for (currency, months), price in self._prices.items():
            exact[currency] = exact.get(currency, Fraction(0)) + Fraction(price) / months
        return {
            currency: (Decimal(sum_.numerator) / sum_.denominator).quantize(
                _SIX_DIGITS, ROUND_HALF_UP
            )
            for currency, sum_ in exact.items()
        }


def _times(amounts: pa.ChunkedArray, factors: pa.Array, divisors: pa.Array) -> pa.Array:
    """Amount times factor divided by divisor: exact, then rounded half up to six digits.

    Prices come from a list, so there are few combinations. Each is calculated once, in Decimal.
    """
    keys = pc.binary_join_element_wise(
        amounts.cast(pa.string()),
        pc.cast(factors, pa.string()),
        pc.cast(divisors, pa.string()),
        "|",
    )
    encoded = pc.dictionary_encode(keys)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks() if encoded.num_chunks != 1 else encoded.chunk(0)
    worked_out = []
    for key in encoded.dictionary.to_pylist():
        amount, factor, divisor = key.split("|")
        exact = Decimal(amount) * int(factor) / max(int(divisor), 1)
        worked_out.append(exact.quantize(_SIX_DIGITS, ROUND_HALF_UP))
    return pa.array(worked_out, AMOUNT).take(encoded.indices)


def _month_and_moment(times: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Month of each time, counted from year 0, and the microseconds into it.

    Nulls become arbitrary values: callers leave them out.
    """
    filled = pc.fill_null(times, pa.scalar(datetime(1970, 1, 1, tzinfo=UTC), TIME))
    months = pc.add(pc.multiply(pc.year(filled), 12), pc.subtract(pc.month(filled), 1)).to_numpy()
    since = filled.cast(pa.int64()).to_numpy()
    starts = pc.floor_temporal(filled, unit="month").cast(pa.int64()).to_numpy()
    return months, since - starts
