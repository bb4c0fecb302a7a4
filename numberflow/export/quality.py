"""What a row has to be beyond its type, checked a batch at a time on the way into the file.

A broken rule stops the snapshot and names the numbers: an analyst who trusts the file must not find
out later. What is merely odd is counted and named in the manifest, and the snapshot stands: the
vendor's own data may be odd. Not here: completeness and duplicates (reader, writer), types
(flatten).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from numberflow.errors import SnapshotRefused
from numberflow.export.schema import AMOUNT, SOURCE_RENTED, TIME

# Numbers that a message or manifest names for one rule; the count is always complete.
NAMED_MAX = 20

# Far above a year's price in any currency. Sums over millions of smaller amounts stay within the 28
# digits of Python's decimals and the 38 of Parquet's.
PRICE_END = 10**12

# Numbers are rented by the month or the year: a date outside of these is a wrong unit or epoch.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)

Find = Callable[[pa.Table], pa.Array]
"""From a batch to a mask of the rows that break a rule. Null counts as not broken."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement about every row. `stops`: whether a row that breaks it stops the snapshot."""

    name: str
    says: str
    broken: Find
    stops: bool = True


def _amount(value: int) -> pa.Scalar:
    return pa.scalar(Decimal(value), AMOUNT)


def _outside(column: str) -> Find:
    earliest, latest = pa.scalar(_EARLIEST, TIME), pa.scalar(_LATEST, TIME)
    return lambda table: pc.or_(
        pc.less(table.column(column), earliest), pc.greater(table.column(column), latest)
    )


def _one_without_the_other(first: str, second: str) -> Find:
    return lambda table: pc.xor(pc.is_valid(table.column(first)), pc.is_valid(table.column(second)))


def _no_match(column: str, pattern: str) -> Find:
    return lambda table: pc.invert(pc.match_substring_regex(table.column(column), pattern))


@cache
def _prefix_of(region_code: str) -> str:
    code = phonenumbers.country_code_for_region(region_code)
    return f"+{code}" if code else "+"


def _foreign(table: pa.Table) -> pa.Array:
    regions = table.column("region_code")
    wrong = pa.chunked_array([pa.repeat(False, len(table))])
    for region in pc.unique(regions).drop_null().to_pylist():
        here = pc.equal(regions, region)
        wrong = pc.or_(
            wrong,
            pc.and_(
                here, pc.invert(pc.starts_with(table.column("phone_number"), _prefix_of(region)))
            ),
        )
    return wrong


RULES = (
    Rule(
        "region",
        "region_code is two capital letters",
        lambda table: pc.or_(
            pc.is_null(table.column("region_code")),
            pc.fill_null(_no_match("region_code", "^[A-Z]{2}$")(table), False),
        ),
    ),
    Rule("type", "number_type is there", lambda table: pc.is_null(table.column("number_type"))),
    Rule(
        "price",
        "a price is not negative and below a million million",
        lambda table: pc.or_(
            pc.less(table.column("price_amount"), _amount(0)),
            pc.greater_equal(table.column("price_amount"), _amount(PRICE_END)),
        ),
    ),
    Rule(
        "currency", "a currency is three capital letters", _no_match("price_currency", "^[A-Z]{3}$")
    ),
    Rule(
        "money",
        "amount and currency come together",
        _one_without_the_other("price_amount", "price_currency"),
    ),
    Rule(
        "interval",
        "payment_interval_months is 1 or more",
        lambda table: pc.less(table.column("payment_interval_months"), 1),
    ),
    Rule("next charge", "next_charge_at lies in this century", _outside("next_charge_at")),
    Rule("expiry", "expire_at lies in this century", _outside("expire_at")),
    Rule("country", "a number begins with its region's country code", _foreign, stops=False),
    # An imported number is paid for where it lives.
    Rule(
        "price missing",
        "a rented number has a price",
        lambda table: pc.and_(
            pc.is_null(table.column("price_amount")),
            pc.equal(table.column("source"), SOURCE_RENTED),
        ),
        stops=False,
    ),
)


@dataclass(slots=True)
class Quality:
    """What the checks found. `add` every batch, then `require`."""

    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    named: dict[str, list[str]] = field(default_factory=dict)

    def add(self, table: pa.Table) -> None:
        """Check one batch."""
        self.rows += len(table)
        for rule in RULES:
            mask = pc.fill_null(rule.broken(table), False)
            broken = pc.sum(mask, min_count=0).as_py() or 0
            if not broken:
                continue
            self.counts[rule.name] = self.counts.get(rule.name, 0) + broken
            named = self.named.setdefault(rule.name, [])
            if len(named) < NAMED_MAX:
                named += (
                    table.column("phone_number")
                    .filter(mask)
                    .slice(0, NAMED_MAX - len(named))
                    .to_pylist()
                )

    def require(self) -> None:
        """Refuse to publish when a rule that stops is broken.

        Raises:
            SnapshotRefused: names each broken rule, its count, and up to `NAMED_MAX` numbers.
        """
        broken = [rule for rule in RULES if rule.stops and rule.name in self.counts]
        if not broken:
            return
        reasons = tuple(self._sentence(rule) for rule in broken)
        raise SnapshotRefused(
            "; ".join(reasons),
            reasons=reasons,
            remedy="look at these numbers at the vendor and report them there; the last snapshot "
            "stands",
        )

    def facts(self) -> dict[str, Any]:
        """For the manifest: the rules that were checked, and what was odd."""
        return {
            "checked": {rule.name: rule.says for rule in RULES},
            "odd": [
                {
                    "rule": rule.name,
                    "rows": self.counts[rule.name],
                    "phone_numbers": self.named[rule.name],
                }
                for rule in RULES
                if not rule.stops and rule.name in self.counts
            ],
        }

    def _sentence(self, rule: Rule) -> str:
        named, count = self.named[rule.name], self.counts[rule.name]
        more = f" and {count - len(named)} more" if count > len(named) else ""
        return f"{rule.says}: not so for {', '.join(named)}{more}"
