"""Rules about rows: what stops a snapshot and what is only told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from support.inventories import inventory

from numberflow.errors import SnapshotRefused
from numberflow.export.quality import NAMED_MAX, RULES, Quality


def checked(*rows: dict[str, Any]) -> Quality:
    quality = Quality()
    quality.add(inventory(rows))
    return quality


GOOD: dict[str, Any] = {}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def test_good_rows_pass() -> None:
    """Rows as the vendor sends them break nothing, be they none, one or many.

    Nulls where the vendor has nothing are no fault.
    """
    checked().require()
    quality = checked(
        GOOD,
        {"price_amount": None, "price_currency": None, "next_charge_at": None, "expire_at": None},
    )
    quality.require()
    assert {"price missing": 1} == quality.counts


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("region", {"region_code": None}),
        ("region", {"region_code": "us"}),
        ("type", {"number_type": None}),
        ("price", {"price_amount": Decimal("-0.01")}),
        ("currency", {"price_currency": "usd"}),
        ("money", {"price_currency": None}),
        ("money", {"price_amount": None}),
        ("interval", {"payment_interval_months": 0}),
        ("next charge", {"next_charge_at": LONG_AGO}),
        ("expiry", {"expire_at": LONG_AGO}),
    ],
)
def test_broken_rule_stops(rule: str, row: dict[str, Any]) -> None:
    """One bad row among good ones stops the snapshot and is named."""
    quality = checked(GOOD, {"phone_number": "+12025550199"} | row, GOOD)
    assert 1 == quality.counts[rule]
    (says,) = (each.says for each in RULES if each.name == rule)
    with pytest.raises(SnapshotRefused) as caught:
        quality.require()
    assert f"{says}: not so for +12025550199" in caught.value.reasons


def test_odd_rows_are_told() -> None:
    """A number that does not begin with its region's country code is odd.

    The snapshot stands, and the manifest names it.
    """
    quality = checked({"phone_number": "+4930123456", "region_code": "US"}, {"region_code": "ZZ"})
    quality.require()
    assert [{"rule": "country", "rows": 1, "phone_numbers": ["+4930123456"]}] == quality.facts()[
        "odd"
    ]


def test_many_are_counted_and_few_named() -> None:
    """The count is whole over all batches; the message stays short."""
    quality = Quality()
    for _ in range(3):
        quality.add(inventory([{"region_code": None}] * NAMED_MAX))
    with pytest.raises(SnapshotRefused, match=f"and {2 * NAMED_MAX} more"):
        quality.require()
    assert NAMED_MAX == len(quality.named["region"])
