"""Request pages: one budget for all shards, retries for an unwell vendor, parsing meanwhile.

Belongs here: how one page comes in. Does not: which pages to request (plan, reader) and what they
prove (shards).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, TypeVar

import pyarrow as pa

from numberflow.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from numberflow.export.flatten import flatten, in_own_memory
from numberflow.export.shards import Shard
from numberflow.export.vendor import Offer, RawPage, Vendor
from numberflow.export.wire import Body, UnreadablePage, read_pages

# Neither default nor maximum is documented, and the vendor's own script uses 100
# (docs/vendor/numbers-behaviour.md §9). 1000 takes a third of the time of 100 where it is honoured,
# and nothing is lost where it is clamped.
PAGE_SIZE = 1000
# Tried in turn when the vendor refuses the size.
SMALLER_PAGE_SIZES = (500, 100, 20)

# Eight requests at once: no rate limit is published (§3), and more than 16 bought nothing at 50 ms
# a page (measured 2026-11).
CONNECTIONS = 8

# After the client has given up (five tries within a minute), a page is requested this many times
# more, with these pauses. A nightly export can wait out a vendor's restart. It must not read
# everything again for one page.
RESUME_PAUSES_S = (5.0, 15.0, 45.0)

# Beside the event loop: arro3 reads without the interpreter's lock, so a second thread saves a
# seventh of the time on a second core. Many pages at once if they have come in; from eight at once
# on, the allocator returns memory each time and gets it again (both measured 2026-11, 100k
# numbers).
PARSE_THREADS = 2
PARSED_AT_ONCE_MAX = 4
# How many bodies of about 1 MB may wait for it or be parsed while every connection reads another.
UNPARSED_MAX = 4

# Members that the vendor sends and we do not know are named in the report, while they are few.
UNKNOWN_NAMED_MAX = 100
UNKNOWN_NAME_MAX = 100

T = TypeVar("T")

ReadPage = tuple[pa.Table, bool]
"""A page's rows in our columns, and whether the fast way was enough."""


@dataclass(slots=True)
class Counters:
    """What an export has requested and seen so far."""

    requests: int = 0
    pages: int = 0
    rows: int = 0
    shards_done: int = 0
    shards: int = 0
    resumed: int = 0
    rescans: int = 0
    slow_pages: int = 0
    unknown_members: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Page:
    """One page that has come in. A thread reads its rows into our columns."""

    shard: Shard
    token: str | None
    next_page_token: str | None
    total_size: int | None
    rows: asyncio.Future[pa.Table] = field(repr=False)


class PageSource:
    """The vendor's active list, page by page. Holds threads: use as a context manager."""

    def __init__(
        self,
        vendor: Vendor,
        snapshot_at: datetime,
        *,
        connections: int = CONNECTIONS,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self.vendor = vendor
        self.connections = connections
        self.page_size = page_size
        self.counters = Counters()
        self.remarks: list[str] = []
        self.snapshot_at = snapshot_at
        self._threads = ThreadPoolExecutor(PARSE_THREADS, thread_name_prefix="export-parse")
        self._asking = asyncio.Semaphore(connections)
        self._unparsed = asyncio.Semaphore(connections + UNPARSED_MAX)
        self._waiting: list[tuple[Body, asyncio.Future[ReadPage]]] = []
        self._parsers = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Pages that nobody waits for any longer, after a refusal.
        for task in self._tasks:
            task.cancel()
        _give_up(self._waiting)
        self._waiting = []
        self._threads.shutdown(wait=True, cancel_futures=True)

    def begin_again(self, why: str) -> None:
        """Count rows and shards from zero. Requests so far stay counted."""
        self.remarks.append(why)
        self.counters.rescans += 1
        self.counters.rows = self.counters.shards = self.counters.shards_done = 0

    async def offers(self) -> Sequence[Offer]:
        """Regions on offer and their types."""
        self.counters.requests += 1
        return await self.vendor.regions.list()

    async def page(self, shard: Shard, token: str | None = None) -> Page:
        """One page of `shard`. Its end is known when this returns, its rows when they are awaited.

        Raises:
            OutcomeUnknown, NotSent, Throttled: the page did not come after all retries.
            Rejected: the vendor refuses the request; for an expired token see `token_refused`.
        """
        raw, reading = await self._bring(shard, token)
        rows = self._start(self._rows(reading, shard, token))
        return Page(shard, token, raw.next_page_token, raw.total_size, rows)

    async def total(self, shard: Shard) -> int | None:
        """The total of `shard` now, read with the smallest page."""
        raw = await self._ask(shard, None, 1)
        return raw.total_size

    async def settle_page_size(self, shard: Shard) -> Page:
        """The first page of `shard`, in the largest size that the vendor accepts.

        Later pages use that size.
        """
        for smaller in (*SMALLER_PAGE_SIZES, None):
            try:
                return await self.page(shard)
            except Rejected as error:
                if (
                    smaller is None
                    or error.status != 400
                    or not _about(error, "page_size", "pageSize")
                ):
                    raise
                self.page_size = min(self.page_size, smaller)
        raise AssertionError("the loop returns or raises")

    async def _bring(
        self, shard: Shard, token: str | None
    ) -> tuple[RawPage, asyncio.Future[ReadPage]]:
        """A page, requested as soon as there is room for its body, and the future of its rows."""
        await self._unparsed.acquire()
        try:
            raw = await self._ask(shard, token, self.page_size)
        except BaseException:
            self._unparsed.release()
            raise
        reading: asyncio.Future[ReadPage] = asyncio.get_running_loop().create_future()
        reading.add_done_callback(lambda _: self._unparsed.release())
        self._waiting.append(((raw.body, raw.items), reading))
        if self._parsers < PARSE_THREADS:
            self._parsers += 1
            self._start(self._parse())
        return raw, reading

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task that ends with this source at the latest.

        Its error is raised where it is awaited; after a refusal nobody awaits it.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def _parse(self) -> None:
        """Read what waits, several pages at once, until nothing is left."""
        try:
            await self._parse_waiting()
        finally:
            # In the same step that found nothing waiting: the next page has to see that nobody
            # reads.
            self._parsers -= 1

    async def _parse_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = (
                self._waiting[:PARSED_AT_ONCE_MAX],
                self._waiting[PARSED_AT_ONCE_MAX:],
            )
            try:
                found: Sequence[ReadPage | Exception] = await loop.run_in_executor(
                    self._threads, self._read, [body for body, _ in batch]
                )
            except Exception as error:  # noqa: BLE001 - comes out where each page is awaited
                found = [error] * len(batch)
            except asyncio.CancelledError:
                _give_up(batch)
                raise
            for (_, reading), page in zip(batch, found, strict=True):
                if reading.done():
                    continue
                if isinstance(page, Exception):
                    reading.set_exception(page)
                else:
                    reading.set_result(page)

    def _read(self, bodies: list[Body]) -> list[ReadPage | Exception]:
        read = read_pages(bodies)
        # At once, not page by page: a call into Arrow costs the same for 1000 rows as for 4000.
        table = flatten(read.numbers, self.snapshot_at)
        found: list[ReadPage | Exception] = []
        for start, stop, fast, error in zip(
            read.bounds, read.bounds[1:], read.fast, read.unreadable, strict=False
        ):
            # Pages that came together wait for different turns in the file.
            found.append(
                (in_own_memory(table.slice(start, stop - start)), fast) if error is None else error
            )
        return found

    async def _rows(
        self, reading: asyncio.Future[ReadPage], shard: Shard, token: str | None
    ) -> pa.Table:
        for attempt in range(len(RESUME_PAUSES_S) + 1):
            try:
                table, fast = await reading
            except UnreadablePage as error:
                if attempt == len(RESUME_PAUSES_S):
                    raise OutcomeUnknown(
                        f"{shard}: a page of {self.vendor.numbers_host} cannot be read: {error}; "
                        "it only asked, and nothing was changed",
                        status=200,
                        cause="unreadable",
                    ) from None
                # The body was whole at its ends, else the client would have retried. A pause does
                # not help, another answer may.
                _, reading = await self._bring(shard, token)
            else:
                self.counters.pages += 1
                self.counters.slow_pages += not fast
                self._notice_unknown(table)
                return table
        raise AssertionError("the loop returns or raises")

    def _notice_unknown(self, table: pa.Table) -> None:
        extra = table.column("extra")
        if extra.null_count < len(table):
            for text in extra.drop_null().to_pylist():
                if len(self.counters.unknown_members) >= UNKNOWN_NAMED_MAX:
                    break
                names = list(json.loads(text))[:UNKNOWN_NAMED_MAX]
                self.counters.unknown_members.update(name[:UNKNOWN_NAME_MAX] for name in names)

    async def _ask(self, shard: Shard, token: str | None, page_size: int) -> RawPage:
        for pause_s in (*RESUME_PAUSES_S, None):
            try:
                async with self._asking:
                    self.counters.requests += 1
                    return await self.vendor.active_numbers.list_page_bytes(
                        **shard.query, page_size=page_size, page_token=token
                    )
            except (OutcomeUnknown, NotSent, Throttled) as error:
                if pause_s is None or not getattr(error, "worth_repeating", True):
                    raise
                asked_s = getattr(error, "retry_after_s", None)
                self.counters.resumed += 1
                await asyncio.sleep(max(pause_s, min(asked_s or 0.0, RESUME_PAUSES_S[-1])))
        raise AssertionError("the loop returns or raises")


async def together(*asked: Awaitable[Any]) -> list[Any]:
    """The results of all of them. When one fails, none is left under way.

    The client may be closed next.
    """
    tasks = [asyncio.ensure_future(each) for each in asked]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _give_up(waiting: Iterable[tuple[Body, asyncio.Future[ReadPage]]]) -> None:
    for _, reading in waiting:
        reading.cancel()


def token_refused(error: Rejected) -> bool:
    """Whether the vendor refuses one of its own page tokens.

    Expired (assumed: 400 on page_token, docs/vendor/numbers-behaviour.md §9).
    """
    return error.status == 400 and _about(error, "page_token", "pageToken")


def _about(error: Rejected, *names: str) -> bool:
    said: list[Any] = [error.vendor_message, *(name for name, _ in error.field_violations)]
    return any(name in str(text) for name in names for text in said)
