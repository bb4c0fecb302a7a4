"""What reconcile found, published beside the inventory: a table and the same as JSON.

Small, and it cannot be made again: all dates stay. Not here: what is found (planning.reconciling).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from numberflow.export import publish as publishing
from numberflow.export.derived import publish_table
from numberflow.export.publish import Partition
from numberflow.export.schema import TEXT, column
from numberflow.export.store import Store
from numberflow.export.writer import TableFile

# The underscore keeps readers of the folder away from it, as from the manifest.
REPORT = "_report.json"

FINDINGS = pa.schema(
    [
        column("kind", TEXT, "what does not agree (docs/reconcile.md)", nullable=False),
        column("severity", TEXT, "person or information", nullable=False),
        column("subject", TEXT, "number, step, order, reference or day", nullable=False),
        column("phone_number", TEXT, "E.164 with plus; null = it is about no single number"),
        column("reference", TEXT, "whose it is; null = no reference explains it"),
        column("journal", TEXT, "what the journal says", nullable=False),
        column("vendor", TEXT, "what the vendor shows", nullable=False),
        column("command", TEXT, "what settles it; null = nothing is to be decided"),
        column("is_new", pa.bool_(), "nobody had been told of it before", nullable=False),
    ]
)


def publish_findings(
    store: Store,
    project_id: str,
    day: date,
    run_id: str,
    rows: Sequence[Mapping[str, Any]],
    report: bytes,
) -> tuple[str, str]:
    """Publish the findings of a day. Returns where the table and the JSON are.

    Repeat: safe; the same day is replaced in one step.

    Raises:
        BadInput: the project's id cannot be a folder.
        StoreUnavailable: the store does not take it; what was published before stands.
    """
    publishing.check_project_id(project_id)
    partition = Partition(publishing.RECONCILE, day, project_id)

    def write(file: TableFile) -> Mapping[str, Any]:
        # "" is nothing here, and null in the table.
        plain = [{name: row[name] or None for name in FINDINGS.names} for row in rows]
        for row, given in zip(plain, rows, strict=True):
            row["is_new"] = given["is_new"]
        file.add(pa.Table.from_pylist(plain, schema=FINDINGS))
        return {}

    store.write(f"{partition.folder}/{REPORT}", report)
    publish_table(store, partition, FINDINGS, run_id, write)
    return store.url(partition.data), store.url(f"{partition.folder}/{REPORT}")
