"""Tables that are made from published snapshots, written and published as the snapshots are.

Atomically, with a manifest, never half.

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
        store: where to.
        partition: table, date and project.
        schema: of every batch that `write` adds.
        run_id: of the run that makes it.
        write: adds the rows and returns what the manifest says beside the usual.

    Raises:
        StoreUnavailable: the store does not take it; what was published before stands.
    """
    with store.scratch() as scratch:
        path = scratch / partition.table.file
        with TableFile(path, schema) as file:
            told = write(file)
            facts = {**publishing.identity(partition, run_id), "rows": file.rows, **told}
            facts = publishing.finish(file, facts)
        return publishing.publish(store, partition, path, facts)
