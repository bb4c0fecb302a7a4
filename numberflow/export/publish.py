"""When readers see a snapshot: manifest, data, pointer, each replaced in one step, in that order.

Belongs here: the layout of published tables, and the order of steps that keeps every reader right.
Does not: how one file is replaced (store), what is in a table (schema), how long it is kept
(retention).

Two files cannot change in one step. So the manifest changes first and also names the data that it
replaces. A reader who takes the data and then the manifest finds its checksum there at any moment:
after a kill anywhere, and with two runs at once. The pointer is made from what the store lists, not
from what it said before, and is checked again afterwards: whoever writes last has seen everybody's
data.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from numberflow.errors import BadInput, FileDamaged, NumberflowError
from numberflow.export.files import read_footer
from numberflow.export.schema import SCHEMA_VERSION
from numberflow.export.store import Store
from numberflow.export.writer import TableFile

MANIFEST = "_manifest.json"
LATEST = "_latest.json"

# Data files that a manifest names as replaced by its own. One is enough for single runs; of several
# at once each adds its own.
PREVIOUS_MAX = 5
# Runs that publish the same date at the same moment correct each other. Each round needs a step of
# another run in between, so this many are never needed.
ROUNDS_MAX = 50

# File systems accept 255 bytes for one name, "project_id=" included; the vendor's ids have 36 (a
# UUID).
PROJECT_ID_MAX = 200
# Readers of Hive folders guess types from the names: dates and times from the beginning, null from
# a word.
_READ_AS_SOMETHING_ELSE = re.compile(
    r"[0-9._-]+|\d{4}-\d{2}-\d{2}.*|__HIVE_DEFAULT_PARTITION__|null|true|false", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Table:
    """A published table: its folder under the root and the name of its data files."""

    name: str
    file: str

    @property
    def folder(self) -> str:
        """Folder of the table, with its version, for a dataset reader."""
        return f"{self.name}/v{SCHEMA_VERSION}"


INVENTORY = Table("inventory", "numbers.parquet")
CHANGES = Table("changes", "changes.parquet")
COSTS = Table("costs", "costs.parquet")
FORECAST = Table("forecast", "forecast.parquet")
REPORTS = Table("reports", "report.html")
AUDIT = Table("audit", "audit.parquet")
RECONCILE = Table("reconcile", "findings.parquet")


@dataclass(frozen=True, slots=True)
class Partition:
    """One date of one project in one table."""

    table: Table
    snapshot_date: date
    project_id: str

    @property
    def folder(self) -> str:
        """Folder of its files."""
        return (
            f"{self.table.folder}/snapshot_date={self.snapshot_date:%Y-%m-%d}"
            f"/project_id={self.project_id}"
        )

    @property
    def data(self) -> str:
        """Path of its data file."""
        return f"{self.folder}/{self.table.file}"

    @property
    def manifest(self) -> str:
        """Path of its manifest."""
        return f"{self.folder}/{MANIFEST}"


def check_project_id(project_id: str) -> None:
    """Refuse a project id that cannot name a folder which every reader reads back as the same text.

    Raises:
        BadInput: the id cannot be used.
    """
    if not project_id or not all(
        letter.isascii() and (letter.isalnum() or letter in "-_.") for letter in project_id
    ):
        problem = "letters other than A to Z, digits, - _ . cannot name a folder everywhere"
    elif len(project_id) > PROJECT_ID_MAX:
        problem = (
            f"the name of its folder would be longer than file systems accept ({PROJECT_ID_MAX})"
        )
    elif _READ_AS_SOMETHING_ELSE.fullmatch(project_id) or _is_number(project_id):
        problem = "pandas and DuckDB would take it for a number, a date or nothing, and change it"
    else:
        return
    raise BadInput(
        f"SINCH_PROJECT_ID: {project_id[:40]!r} cannot be a folder of the inventory: {problem}",
        field="SINCH_PROJECT_ID",
        remedy="take the project's id from the Sinch dashboard, such as "
        "6f0c2b7e-9d1b-4f0a-8a55-1c2f3b0d7e11",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def identity(partition: Partition, run_id: str) -> dict[str, Any]:
    """What every manifest begins with. A retried run keeps its name; a file never does."""
    return {
        "table": partition.table.name,
        "schema_version": SCHEMA_VERSION,
        "project_id": partition.project_id,
        "snapshot_date": f"{partition.snapshot_date:%Y-%m-%d}",
        "file_id": uuid.uuid4().hex,
        "run_id": run_id,
        "path": partition.data,
    }


def finish(file: TableFile, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Close a file with its manifest in the footer. Returns the manifest, with size and checksum.

    So the file describes itself, and a lost manifest can be made again.

    Raises:
        SnapshotRefused: as `TableFile.close`.
    """
    footer = {
        name: str(facts[name]) for name in ("file_id", "run_id", "project_id", "snapshot_date")
    }
    written = file.close(footer | {"manifest": json.dumps(facts)})
    return {**facts, "bytes": written.bytes, "sha256": written.sha256}


def publish(
    store: Store, partition: Partition, local: Path, manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """Make `local` the data of `partition`, with its manifest, then update the table's pointer.

    Returns the manifest as published. Repeat: safe; a run for the same date replaces the old data.

    Args:
        store: where to publish.
        partition: which table, date and project.
        local: a finished Parquet file in the store's scratch folder.
        manifest: of that file, from `finish`.

    Raises:
        StoreUnavailable: the store does not accept files. What was published before remains.
    """
    published = {**manifest, "previous": _to_be_replaced(store, partition, str(manifest["sha256"]))}
    if damaged := _damaged(store, partition):
        published["remarks"] = [*manifest.get("remarks", ()), *damaged]
    store.write(partition.manifest, _json(published))
    store.put(local, partition.data)
    _agree(store, partition)
    point_to_latest(store, partition.table)
    return published


def read_manifest(store: Store, partition: Partition) -> dict[str, Any] | None:
    """The manifest of a partition; None when there is none that can be read."""
    return _object(store.read(partition.manifest))


def write_note(store: Store, partition: Partition, note: Mapping[str, Any]) -> None:
    """Write the manifest of data without a footer, such as a page."""
    store.write(partition.manifest, _json(note))


def describe(store: Store, partition: Partition) -> dict[str, Any] | None:
    """What is known of a partition's data; None when no data can be read.

    That is its manifest, or its own footer when the manifest is about other data; the footer has no
    `sha256` and `bytes`.
    """
    there = file_there(store, partition)
    if there is None:
        return None
    manifest = read_manifest(store, partition)
    if manifest is not None and manifest.get("file_id") == there:
        return manifest
    try:
        metadata = read_footer(store, partition.data).metadata or {}
    except (FileNotFoundError, FileDamaged):
        return None
    return _object(metadata.get(b"numberflow.manifest"))


def _object(content: bytes | None) -> dict[str, Any] | None:
    """A JSON object; None for anything else."""
    if content is None:
        return None
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _damaged(store: Store, partition: Partition) -> list[str]:
    """Files of this date that cannot be read, in words.

    They count as absent, and are replaced.
    """
    found = []
    content = store.read(partition.manifest)
    if content is not None and _object(content) is None:
        found.append(
            f"replaced a manifest of this date that could not be read: {partition.manifest}"
        )
    try:
        read_footer(store, partition.data)
    except FileNotFoundError:
        pass
    except FileDamaged as error:
        found.append(f"replaced data of this date that could not be read: {error.message}")
    return found


def names(manifest: Mapping[str, Any] | None, sha256: str) -> bool:
    """Whether a manifest vouches for the data with this checksum, as its own or as replaced."""
    if manifest is None:
        return False
    return sha256 in [
        manifest.get("sha256"),
        *(entry.get("sha256") for entry in manifest.get("previous", ())),
    ]


def partitions(store: Store, table: Table, project_id: str | None = None) -> list[Partition]:
    """Every published partition of a table, oldest first.

    A folder whose name is not a date belongs to somebody else.
    """
    found: list[Partition] = []
    for path in store.find(
        f"{table.folder}/snapshot_date=*/project_id={project_id or '*'}/{table.file}"
    ):
        text, project = (part.partition("=")[2] for part in path.split("/")[-3:-1])
        day = _date(text)
        if day is not None:
            found.append(Partition(table, day, project))
    return sorted(found, key=lambda each: (each.snapshot_date, each.project_id))


def _date(text: str) -> date | None:
    """A date as our folders name it.

    None for anything else, also for dates in other formats.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if f"{day:%Y-%m-%d}" == text else None


def latest(store: Store, table: Table) -> dict[str, Partition]:
    """The newest partition of every project, by the pointer.

    By the listing when the pointer cannot be read.
    """
    pointer = _object(store.read(f"{table.folder}/{LATEST}")) or {}
    try:
        return {
            project: Partition(table, date.fromisoformat(entry["snapshot_date"]), project)
            for project, entry in pointer["projects"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return _newest(store, table)


def point_to_latest(store: Store, table: Table) -> None:
    """Make the pointer say what the listing says.

    It never goes back to an older date while the newer one exists.
    """
    for _ in range(ROUNDS_MAX):
        pointer = _json(_pointer(_newest(store, table)))
        if store.read(f"{table.folder}/{LATEST}") == pointer:
            return
        store.write(f"{table.folder}/{LATEST}", pointer)
    raise NumberflowError(f"{table.folder}/{LATEST} changes all the time")


def _newest(store: Store, table: Table) -> dict[str, Partition]:
    return {
        partition.project_id: partition for partition in partitions(store, table)
    }  # ascending: the last one stays


def _pointer(newest: Mapping[str, Partition]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "projects": {
            project: {
                "snapshot_date": f"{partition.snapshot_date:%Y-%m-%d}",
                "path": partition.data,
            }
            for project, partition in sorted(newest.items())
        },
    }


def _to_be_replaced(store: Store, partition: Partition, sha256: str) -> list[dict[str, Any]]:
    """What a manifest has to vouch for in addition to its own data.

    That is the current data, and what other runs may be about to publish. The current data comes
    first: runs that were killed between their manifest and their data have left entries of data
    that never came.
    """
    manifest = read_manifest(store, partition)
    entries = [] if manifest is None else [_entry(manifest), *manifest.get("previous", ())]
    there = file_there(store, partition)
    if there is not None and there not in [entry["file_id"] for entry in entries]:
        entries.append(_entry(_describe(_content(store, partition))))
    entries.sort(
        key=lambda entry: entry["file_id"] != there
    )  # stable: the others stay newest first
    return [entry for entry in entries if entry["sha256"] != sha256][:PREVIOUS_MAX]


def _entry(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: manifest.get(name) for name in ("file_id", "run_id", "rows", "bytes", "sha256")}


def _agree(store: Store, partition: Partition) -> None:
    """Make the manifest describe the current data, if another run of the same date came in between.

    Every run checks its own last step, so the last one finds the final data and leaves a manifest
    that fits.
    """
    for _ in range(ROUNDS_MAX):
        manifest = read_manifest(store, partition)
        if manifest is not None and file_there(store, partition) == manifest.get("file_id"):
            return
        described = _describe(_content(store, partition))
        previous = _to_be_replaced(store, partition, str(described["sha256"]))
        store.write(partition.manifest, _json({**described, "previous": previous}))
    raise NumberflowError(f"{partition.folder} is published by too many runs at once")


def file_there(store: Store, partition: Partition) -> str | None:
    """Which file the current data is, by its `file_id`.

    None when there is none that can be read.
    """
    try:
        metadata = read_footer(store, partition.data).metadata or {}
    except (FileNotFoundError, FileDamaged):
        return None
    return metadata.get(b"numberflow.file_id", b"").decode() or None


def _content(store: Store, partition: Partition) -> bytes:
    content = store.read(partition.data)
    if content is None:
        raise FileNotFoundError(partition.data)
    return content


def _describe(content: bytes) -> dict[str, Any]:
    """The manifest of a data file, from its own footer."""
    metadata = pq.read_metadata(pa.BufferReader(content)).metadata
    facts = json.loads(metadata[b"numberflow.manifest"])
    return {**facts, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
