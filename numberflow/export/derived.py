"""Publish tables that are made from snapshots in the same way: atomically, with a manifest.

Not here: what is in them (changes, costs), reading the vendor (snapshot).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from numberflow.export import publish as publishing
from numberflow.export.publish import Partition
from numberflow.export.store import Store
from numberflow.export.writer import TableFile


def publish_table(
    store: Store,
    partition: Partition,
    schema: pa.Schema,
    run_id: str,
    write: Callable[[TableFile], Mapping[str, Any]],
) -> dict[str, Any]:
    """Write a table and publish it. Returns its manifest.

    Repeat: safe; the same date is replaced in one step.

    Args:
        store: where to publish.
        partition: table, date and project.
        schema: of every batch that `write` adds.
        run_id: of the run that makes it.
        write: adds the rows and returns what the manifest says in addition.

    Raises:
        StoreUnavailable: the store does not accept files; what was published before remains.
    """
    with store.scratch() as scratch:
        path = scratch / partition.table.file
        with TableFile(path, schema) as file:
            told = write(file)
            facts = {**publishing.identity(partition, run_id), "rows": file.rows, **told}
            facts = publishing.finish(file, facts)
        return publishing.publish(store, partition, path, facts)
