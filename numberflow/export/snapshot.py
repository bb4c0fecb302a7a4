"""One snapshot of one project: read, proven, written, published.

The library call behind the flow, the command line and the demo.

Not here: how each of these is done (reader, writer, publish), several projects at once
(flows.export_inventory).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from numberflow.errors import BadInput, SnapshotRefused
from numberflow.export import publish as publishing
from numberflow.export.imported import ImportedQuestion, Link, read_imported
from numberflow.export.pages import CONNECTIONS, PAGE_SIZE, PageSource
from numberflow.export.publish import Partition
from numberflow.export.quality import Quality
from numberflow.export.reader import Reader, Reading
from numberflow.export.retention import oldest_daily, superfluous
from numberflow.export.schema import INVENTORY, iso
from numberflow.export.shards import Shard
from numberflow.export.store import Store, open_store
from numberflow.export.vendor import Vendor
from numberflow.export.writer import TableFile, as_integers, require_distinct

T = TypeVar("T")

# Somebody looks at it: often enough to see it move, seldom enough to cost nothing.
PROGRESS_S = 0.5


_LARGE_BLOCK = 8 << 20

# When numbers of a type that nobody names are found at the end of a strict reading, everything is
# read again this often.
STRICT_TRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an export is. `shards` is 0 while the plan is made; `rows` are those written."""

    rows: int
    pages: int
    requests: int
    shards_done: int
    shards: int
    elapsed_s: float

    @property
    def rows_per_s(self) -> float:
        """Rows a second since the start."""
        return self.rows / self.elapsed_s if self.elapsed_s else 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A published snapshot.

    Fields:
        partition: table, date and project.
        url: of the data file, for pandas, DuckDB and other readers.
        manifest: as it stands beside the data: rows, sha256, schema version, completeness per
            region and type, remarks, run id.
        elapsed_s: from the first request to the swapped pointer.
    """

    partition: Partition
    url: str
    manifest: dict[str, Any]
    elapsed_s: float

    @property
    def rows(self) -> int:
        """How many numbers it has."""
        return int(self.manifest["rows"])


def today() -> date:
    """The date of a snapshot that names none: today in UTC."""
    return datetime.now(UTC).date()


async def export_project(
    vendor: Vendor,
    root: str,
    *,
    snapshot_date: date | None = None,
    began_on: date | None = None,
    run_id: str | None = None,
    connections: int = CONNECTIONS,
    page_size: int = PAGE_SIZE,
    strict: bool = False,
    imported: ImportedQuestion | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Snapshot:
    """Read every active number of the project and publish it as the snapshot of a date.

    Repeat: safe. The same date is replaced in one step; a kill at any moment leaves what was
    published before.

    Args:
        vendor: an open numberflow.Client.
        root: local folder or fsspec URL (Settings.inventory_root).
        snapshot_date: `began_on` when left out. A past date is taken only while it has no snapshot,
            and if retention would keep it: what was held then cannot be read now, `snapshot_at` in
            every row says when it was read, and the manifest says `backfilled`.
        began_on: the day, in UTC, on which the run began, of which this export may be one of many;
            today when left out.
        run_id: name of this run in the manifest; made up when left out.
        connections: requests at once.
        page_size: numbers per page to ask for; the vendor may give fewer.
        strict: prove completeness without page tokens (docs/inventory.md, "What the proof proves"),
            for four to eight times the requests.
        imported: what is known of imported numbers, which then are part of the snapshot; None
            leaves them out, and the manifest says so.
        on_progress: called twice a second.

    Raises:
        BadInput: a date or root that cannot be used.
        SnapshotRefused: what was read cannot be proven complete, or a number breaks a rule; nothing
            was published.
        OutcomeUnknown, NotSent, Throttled, Rejected: the vendor did not answer, or refused; nothing
        was published. StoreUnavailable: the store does not take files; what was published before
        stands.
    """
    began_s = monotonic()
    publishing.check_project_id(vendor.project_id)
    store = open_store(root)
    began_on = began_on or today()
    partition = Partition(publishing.INVENTORY, snapshot_date or began_on, vendor.project_id)
    place_in_time = await asyncio.to_thread(_check_date, store, partition, began_on)
    snapshot_at = datetime.now(UTC)
    run_id = run_id or uuid.uuid4().hex
    with (
        _plain_memory(),
        store.scratch() as scratch,
        PageSource(vendor, snapshot_at, connections=connections, page_size=page_size) as source,
    ):
        path = scratch / publishing.INVENTORY.file

        async def write(strict: bool) -> tuple[Reading, dict[str, Any]]:
            quality = Quality()
            with TableFile(path, INVENTORY, unique="phone_number", check=quality.add) as file:
                links: set[Link] | None = None if imported is None else set()
                reading = await _read_into(file, source, scratch, strict=strict, links=links)
                facts = _facts(partition, run_id, snapshot_at, source, reading) | place_in_time
                if not reading.moved:
                    if imported is not None:
                        await _add_imported(file, facts, vendor, imported, links or (), snapshot_at)
                    if file.rows != facts["rows"]:
                        raise SnapshotRefused(
                            f"{file.rows} rows were written, {facts['rows']} were proven"
                        )
                    await asyncio.to_thread(file.end_rows)
                    quality.require()
                    facts["quality"] = quality.facts()
                    facts = await asyncio.to_thread(publishing.finish, file, facts)
                return reading, facts

        async with _progress_told(source, began_s, on_progress):
            facts = await _until_believed(source, write, strict=strict)
            manifest = await asyncio.to_thread(publishing.publish, store, partition, path, facts)
    return Snapshot(partition, store.url(partition.data), manifest, monotonic() - began_s)


async def read_numbers(
    vendor: Vendor,
    *,
    region_code: str | None = None,
    number_type: str | None = None,
    connections: int = CONNECTIONS,
    page_size: int = PAGE_SIZE,
    on_progress: Callable[[Progress], None] | None = None,
) -> pa.Table:
    """Active numbers, proven complete, in memory and unpublished.

    Schema INVENTORY, sorted by region, type and number.

    Args:
        vendor: an open numberflow.Client.
        region_code: only these; every region when left out.
        number_type: only these; every type when left out.
        connections: as in `export_project`.
        page_size: as in `export_project`.
        on_progress: as in `export_project`.

    Raises:
        SnapshotRefused: as in `export_project`, broken rules and numbers that come twice included.
        The vendor's errors as in `export_project`.
    """
    began_s = monotonic()

    with (
        _plain_memory(),
        TemporaryDirectory(prefix="numberflow-") as scratch,
        PageSource(
            vendor, datetime.now(UTC), connections=connections, page_size=page_size
        ) as source,
    ):

        async def collect(strict: bool) -> tuple[Reading, list[pa.Table]]:
            tables = [INVENTORY.empty_table()]

            async def keep(table: pa.Table) -> None:
                tables.append(table)
                source.counters.rows += len(table)

            reader = Reader(source, Path(scratch), strict=strict)
            reading = await reader.read(keep, Shard(number_type, region_code))
            if not reading.moved:
                await asyncio.to_thread(_check_rows, tables)
            return reading, tables

        async with _progress_told(source, began_s, on_progress):
            tables = await _until_believed(source, collect, strict=False)
    return pa.concat_tables(tables)


@contextmanager
def _plain_memory() -> Iterator[None]:
    """Arrow takes its memory from malloc meanwhile, in the whole process.

    Its own allocator keeps what it had and touches more than is asked for: 80 MB and a quarter of
    the CPU time more (100k numbers, measured 2026-11). A buffer knows where it came from, so who
    uses Arrow beside an export, or another export, does not notice.
    """
    # glibc gives memory back when twice the largest block that it ever got by itself lies free
    # (mallopt(3), dynamic threshold). That is 2 MB with pages of 1 MB, so each page would get its
    # memory anew: twice the page faults, a fifth of the CPU time. This block is never touched and
    # gone at once.
    bytes(_LARGE_BLOCK)
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


async def _until_believed(
    source: PageSource, read: Callable[[bool], Awaitable[tuple[Reading, T]]], *, strict: bool
) -> T:
    """What `read` brings, when it is to be believed.

    First by page tokens, and if anything moved meanwhile again, strictly.

    Args:
        source: whose counters start again with a second reading.
        read: takes whether to be strict.
        strict: strictly at once.

    Raises:
        SnapshotRefused: not to be believed in either way.
    """
    doubts: tuple[str, ...] = ()
    if not strict:
        try:
            reading, result = await read(False)
        except SnapshotRefused as error:
            doubts = tuple(error.reasons)
        else:
            if not reading.moved:
                return result
            doubts = reading.moved
        source.begin_again(
            f"read again in single pages, because numbers came or went: {'; '.join(doubts)}"
        )
    before = f"{'; '.join(doubts)}; then, read in single pages: " if doubts else ""
    try:
        for _ in range(STRICT_TRIES_MAX):
            reading, result = await read(True)
            if not reading.moved:
                return result
            source.begin_again(f"read again in single pages once more: {'; '.join(reading.moved)}")
    except SnapshotRefused as error:
        raise SnapshotRefused(
            f"{before}{error.message}", reasons=(*doubts, *error.reasons), remedy=error.remedy
        ) from None
    raise SnapshotRefused(
        f"{before}{'; '.join(reading.moved)}",
        reasons=(*doubts, *reading.moved),
        remedy="run again when the project is quieter; the last snapshot stands",
    )


async def _read_into(
    file: TableFile, source: PageSource, scratch: Path, *, strict: bool, links: set[Link] | None
) -> Reading:
    # One thread: row groups are compressed beside the reading, in their order.
    with ThreadPoolExecutor(1, thread_name_prefix="export-write") as writing:
        loop = asyncio.get_running_loop()

        async def write(table: pa.Table) -> None:
            if links is not None:
                links.update(_links(table))
            await loop.run_in_executor(writing, file.add, table)
            source.counters.rows += len(table)

        return await Reader(source, scratch, strict=strict).read(write)


def _links(table: pa.Table) -> set[Link]:
    """Service plans and campaigns that rented numbers are linked to: imported ones may be, too."""
    pairs = table.select(["sms_service_plan_id", "sms_campaign_id"]).group_by(
        ["sms_service_plan_id", "sms_campaign_id"]
    )
    return {
        (plan, campaign or "")
        for plan, campaign in zip(*pairs.aggregate([]).to_pydict().values(), strict=True)
        if plan
    }


async def _add_imported(
    file: TableFile,
    facts: dict[str, Any],
    vendor: Vendor,
    imported: ImportedQuestion,
    links: Iterable[Link],
    snapshot_at: datetime,
) -> None:
    """Put the imported numbers behind the rented ones, and what is proven of them into the manifest."""
    found = await read_imported(vendor.imported_numbers, imported, links, snapshot_at)
    if len(found.table):
        await asyncio.to_thread(file.add, found.table)
    facts["rows"] += len(found.table)
    facts["completeness"]["imported"] = dict(found.facts)
    facts["remarks"] += found.remarks


def _facts(
    partition: Partition, run_id: str, snapshot_at: datetime, source: PageSource, reading: Reading
) -> dict[str, Any]:
    """The manifest, but for what is known only when the file is finished."""
    counters = source.counters
    return {
        **publishing.identity(partition, run_id),
        "snapshot_at": iso(snapshot_at),
        "read_until": iso(datetime.now(UTC)),
        "rows": sum(proof.rows for proof in reading.proofs),
        "completeness": {
            "by_region_and_type": [
                {"region_code": region, "number_type": number_type, "rows": rows}
                for (region, number_type), rows in sorted(reading.rows.items())
            ],
            # Each line: all pages of this list named `total_size`, and as many different numbers
            # were read.
            "proofs": [
                asdict(proof) for proof in sorted(reading.proofs, key=lambda proof: proof.shard)
            ],
            # Every list of imported numbers that was asked for; null: they were not asked for.
            "imported": None,
        },
        "remarks": [*source.remarks, *sorted(set(reading.remarks))],
        "unknown_members": sorted(counters.unknown_members),
        "requests": counters.requests,
        "pages": counters.pages,
        "rescans": counters.rescans,
        "resumed": counters.resumed,
    }


def _check_date(store: Store, partition: Partition, began_on: date) -> dict[str, Any]:
    """A snapshot of another day than today is a statement about that day that today's numbers cannot make. What the manifest says of it.

    `backfilled`: not read on its own day. `out_of_order`: read after a later date was, so it is no state between that one and the one before (follow_up).
    """
    day = partition.snapshot_date
    if day > began_on:
        raise _bad_date(
            f"{day} is in the future", f"{began_on}, which is today in UTC, or leave it out"
        )
    there = [
        each
        for each in publishing.partitions(store, partition.table, partition.project_id)
        if each != partition
    ]
    if day < began_on:
        if publishing.file_there(store, partition) is not None:
            raise _bad_date(
                f"{day} has a snapshot, and what was held on that day cannot be read again",
                "leave the past as it is; a missing day can be filled with what is held now",
            )
        days = [each.snapshot_date for each in there]
        if set(superfluous([*days, day], now=began_on)) != set(superfluous(days, now=began_on)):
            raise _bad_date(
                f"of the month of {day} one snapshot is kept, and this one would take its place "
                "or be removed at once",
                f"a day from {oldest_daily(began_on)} on, or of a month without a snapshot",
            )
    return {
        "backfilled": day < began_on,
        "out_of_order": any(day < each.snapshot_date for each in there),
    }


def _bad_date(problem: str, remedy: str) -> BadInput:
    return BadInput(f"snapshot_date: {problem}", field="snapshot_date", remedy=remedy)


def _check_rows(tables: list[pa.Table]) -> None:
    quality = Quality()
    for table in tables:
        quality.add(table)
    quality.require()
    require_distinct(np.sort(as_integers(pa.concat_tables(tables).column("phone_number"))))


def _progress(source: PageSource, began_s: float) -> Progress:
    counters = source.counters
    return Progress(
        counters.rows,
        counters.pages,
        counters.requests,
        counters.shards_done,
        counters.shards,
        monotonic() - began_s,
    )


@asynccontextmanager
async def _progress_told(
    source: PageSource, began_s: float, on_progress: Callable[[Progress], None] | None
) -> AsyncIterator[None]:
    """`on_progress` is called again and again meanwhile, and once more after success."""
    if on_progress is None:
        yield
        return

    async def tick() -> None:
        while True:
            on_progress(_progress(source, began_s))
            await asyncio.sleep(PROGRESS_S)

    ticking = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        ticking.cancel()
    on_progress(_progress(source, began_s))
