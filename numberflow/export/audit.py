"""The journal's audit as a table: published day by day beside the inventory, and as CSV.

Each published file holds the entries of one UTC day that is over, so all of them together are the
audit. Without the journal they cannot be made again: all days stay. Not here: what an entry says
(journal.audit) and reading the journal (purchase.audit).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from numberflow.export import publish as publishing
from numberflow.export.derived import publish_table
from numberflow.export.publish import Partition
from numberflow.export.schema import AMOUNT, TEXT, TIME, column
from numberflow.export.store import Store
from numberflow.export.writer import TableFile

AUDIT = pa.schema(
    [
        column("n", pa.int64(), "place in the chain, without gaps in the journal", nullable=False),
        column("at", TIME, "when, UTC", nullable=False),
        column("event", TEXT, "what happened (docs/journal.md#audit)", nullable=False),
        column("operation", TEXT, "the step, or the flow of a purchase"),
        column("subject", TEXT, "number (E.164) or order"),
        column("reference", TEXT, "the caller's name of the purchase"),
        column("state_from", TEXT, "state of the step before"),
        column("state_to", TEXT, "state of the step after"),
        column("cost", AMOUNT, "charged at once, on the row that makes the step done; else null"),
        column("due_amount", AMOUNT, "price of the step, due at once"),
        column("monthly_amount", AMOUNT, "price of the step per month"),
        column("currency", TEXT, "ISO 4217"),
        column("flow_run_id", TEXT, "the Prefect run that wrote it; null = a command"),
        column("flow_run", TEXT, "name of that run"),
        column("deployment", TEXT, "of that run"),
        column("created_by", TEXT, "who or what started that run, as far as Prefect knows"),
        column("by", TEXT, "the person of a verdict, stop, go or adoption"),
        column("approved_by", TEXT, "who approved the purchase"),
        column("attempt", TEXT, "how the request ended: outcome, HTTP status, vendor's id"),
        column("evidence", TEXT, "what the vendor showed"),
        column("reason", TEXT, "why, for people"),
        column("intention_id", TEXT, "the step"),
        column("purchase_id", TEXT, "the purchase"),
        column("hash", TEXT, "of the chain at this row", nullable=False),
    ]
)


def audit_table(rows: Iterable[Mapping[str, Any]], *, with_project: bool = False) -> pa.Table:
    """Entries as a table; `with_project` adds the project's id, which published files leave out."""
    schema = AUDIT
    if with_project:
        schema = schema.append(column("project_id", TEXT, "vendor project; * = all"))
    plain = [{name: row.get(name) for name in schema.names} for row in rows]
    return pa.Table.from_pylist(plain, schema=schema)


def published_until(store: Store, project_id: str) -> date | None:
    """The last day of the project whose entries are published; None when there is none."""
    found = publishing.partitions(store, publishing.AUDIT, project_id)
    return found[-1].snapshot_date if found else None


def publish_day(
    store: Store, project_id: str, day: date, run_id: str, rows: Iterable[Mapping[str, Any]]
) -> str:
    """Publish the entries of one day. Returns where. Repeat: safe; the day is replaced in one step.

    Raises:
        BadInput: the project's id cannot be a folder.
        StoreUnavailable: the store does not take it; what was published before stands.
    """
    publishing.check_project_id(project_id)
    partition = Partition(publishing.AUDIT, day, project_id)

    def write(file: TableFile) -> Mapping[str, Any]:
        file.add(audit_table(rows))
        return {}

    publish_table(store, partition, AUDIT, run_id, write)
    return store.url(partition.data)
