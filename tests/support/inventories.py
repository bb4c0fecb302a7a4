"""Inventory tables with rows that differ only in what a test is about, and snapshots of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from numberflow.export import publish as publishing
from numberflow.export.derived import publish_table
from numberflow.export.publish import Partition
from numberflow.export.schema import INVENTORY, iso
from numberflow.export.store import Store

SNAPSHOT_AT = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)
PROJECT_ID = "p-1"


def row(n: int, **facts: Any) -> dict[str, Any]:
    """One US LOCAL number of 0.50 USD a month that was charged on the first."""
    return {
        "phone_number": f"+1202555{n:04d}",
        "region_code": "US",
        "number_type": "LOCAL",
        "source": "rented",
        "capability": ["SMS", "VOICE"],
        "display_name": None,
        "price_amount": Decimal("0.50"),
        "price_currency": "USD",
        "payment_interval_months": 1,
        "next_charge_at": datetime(2026, 12, 1, 8, tzinfo=UTC),
        "snapshot_at": SNAPSHOT_AT,
    } | facts


def inventory(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A table of such rows, each with what is said of it."""
    return pa.Table.from_pylist([row(n, **facts) for n, facts in enumerate(rows)], schema=INVENTORY)


def publish_rows(
    store: Store, day: date, table: pa.Table, project_id: str = PROJECT_ID
) -> Partition:
    """Publish a table as the snapshot of a date, without a vendor."""
    partition = Partition(publishing.INVENTORY, day, project_id)

    def write(file: Any) -> dict[str, Any]:
        file.add(table)
        read_at = datetime(day.year, day.month, day.day, 2, 15, tzinfo=UTC)
        return {"snapshot_at": iso(read_at), "completeness": {"proofs": []}, "remarks": []}

    publish_table(store, partition, INVENTORY, "run-1", write)
    return partition
