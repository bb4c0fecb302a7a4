"""Read every number of a project: walk the planned shards at once, prove each, keep the order.

Belongs here: walking, noticing that something moved, order and bounded memory. Does not: what to
walk (plan), one page (pages), the file (writer), and what to do when a reading proves nothing
(snapshot: reads again, strictly).

A walk over several pages proves this: its pages gave one total, and that many different numbers
came. A number that leaves and one that arrives between two pages cancel in the totals. If tokens
are positions (the vendor does not say), a third number then slips to the page before and is never
seen. So such walks are believed only while there is no sign of movement. Signs are totals that
differ afterwards, numbers of a type that are more or fewer than its total, or an unfiltered total
above that of all types. Then, or when a walk is in doubt, the reading is done again strictly: in
lists of a single page. Each of those is one answer of the vendor, so nothing can move within it.

A released number leaves at its `expire_at` and at no other time
(docs/vendor/numbers-behaviour.md §8). It hides another number only in a walk that saw it before it
left, so a walk that sees an `expire_at` about now is read again strictly, alone. Of a hundred
thousand numbers one leaves every quarter of an hour: reading all of them strictly for its sake took
five times the requests, every other night (measured 2026-11).

One case remains: a number that left without a date, exchanged for another between two pages. Only a
strict reading excludes that, so each proof says how it was made.

Memory: shards are walked in the order of the file, and only as many at once as fit the window, so
rows wait only for those before them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from numberflow.errors import NumberflowError, Rejected, SnapshotRefused
from numberflow.export.pages import Page, PageSource, together, token_refused
from numberflow.export.plan import Leaf, Planner
from numberflow.export.runs import Key, Run
from numberflow.export.schema import TIME
from numberflow.export.shards import Shard, Walk

# How often a single page that proves nothing (its rows are not its total) is read before the export
# refuses.
TRIES_MAX = 4

# A number leaves at its `expireAt`; one that does so around the time of reading counts as moved.
# Clocks differ by less than five minutes.
CLOCK_MARGIN = timedelta(minutes=5)

# Pages that may be under way or wait for their turn in the file: a dozen for each of 8 connections.
# 1000 rows take 0.5 MB; twice as many pages took 60 MB more and no second less (1M numbers,
# measured 2026-11).
WINDOW_PAGES = 96
# Pages of a walk that are checked together: a call into Arrow costs the same for 8 pages as for
# one.
TAKEN_AT_ONCE = 8
# Pages that a walk of unknown length counts for; beyond that its rows wait on disk
# (runs.SPOOL_ROWS).
LONG_WALK_PAGES = 64


BY_ONE_PAGE = "one page"


@dataclass(frozen=True, slots=True)
class Proof:
    """Why the walk of one shard is believed.

    Every page gave this total, and that many different numbers were read.

    `by`: "one page", a single answer of the vendor, or "page tokens", several of them one after the
    other (see the module).
    """

    shard: str
    rows: int
    total_size: int
    pages: int
    by: str


@dataclass(slots=True)
class Reading:
    """What a reading found, except the rows."""

    rows: dict[Key, int] = field(default_factory=dict)
    proofs: list[Proof] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    moved: tuple[str, ...] = ()
    """Why the rows cannot be believed, though each walk looked right; () = they can."""


Sink = Callable[[pa.Table], Awaitable[None]]


class Reader:
    """One reading of one project.

    Args:
        source: where pages come from.
        scratch: folder for rows that do not fit into memory.
        strict: read only lists of a single page: about twice the requests, and nothing that moves
            can hide.
    """

    def __init__(self, source: PageSource, scratch: Path, *, strict: bool = False) -> None:
        self._source = source
        self._scratch = scratch
        self._strict = strict
        self._runs = ExitStack()
        self._reading = Reading()

    async def read(self, sink: Sink, want: Shard | None = None) -> Reading:
        """Give every row that `want` selects (by default all) to `sink`, sorted as in the file.

        Discard what the sink got unless this returns a reading with an empty `moved`.

        Raises:
            SnapshotRefused: a list cannot be proven complete in this way.
            The errors of PageSource.page.
        """
        planner = Planner(self._source, whole_pages=self._strict)
        with self._runs:
            try:
                async with asyncio.TaskGroup() as group:
                    await self._in_order(planner, want or Shard(), sink, group)
            except BaseExceptionGroup as several:
                raise _first(several) from None
        self._reading.remarks += planner.remarks
        if not self._strict:
            # In a strict reading each list is one answer, and a number keeps its region, type and
            # digits: a difference has come or gone.
            self._reading.moved += self._sums_that_differ(planner)
        return self._reading

    def _sums_that_differ(self, planner: Planner) -> tuple[str, ...]:
        """Signs that a number went from one part of a list to another, unseen by the reader.

        Each part looks right then, and so does the list's total.
        """
        found: list[str] = []
        for shard, total in planner.totals.items():
            read = sum(
                rows
                for (_, number_type), rows in self._reading.rows.items()
                if number_type == shard.number_type
            )
            if total is not None and read != total:
                found.append(f"{shard}: {read} numbers were read, totalSize was {total}")
        return tuple(found)

    async def _movements(
        self, planner: Planner, want: Shard, *, between_pages: bool
    ) -> tuple[str, ...]:
        """Signs that numbers came or went since the lists had their totals.

        Args:
            planner: has the totals.
            want: the whole of it.
            between_pages: whether a list was read in several pages. Within a single page nothing
                moves, and only a type may have been missed.
        """
        every, *nows = await together(
            self._source.total(want), *(self._source.total(shard) for shard in planner.totals)
        )
        found: list[str] = []
        # Less is fine: the documents say that a list without type shows MOBILE only (§4).
        if (every or 0) > sum(now or 0 for now in nows):
            found.append(
                f"{want}: totalSize is {every}, that of all types together "
                f"{sum(now or 0 for now in nows)}"
            )
        if not between_pages:
            return tuple(found)
        for (shard, before), now in zip(planner.totals.items(), nows, strict=True):
            if now != before:
                found.append(f"{shard}: totalSize was {before}, now it is {now}")
        return tuple(found)

    async def _in_order(
        self, planner: Planner, want: Shard, sink: Sink, group: asyncio.TaskGroup
    ) -> None:
        leaves = await planner.begin(want)
        # The rows of a walk without a region are unknown until it ends, and these walks are small.
        # They begin first, while other lists are cut, and all others wait in memory for them.
        early = [group.create_task(self._prove(leaf)) for leaf in leaves if _key(leaf) is None]
        parts = [leaf for leaf in leaves if _key(leaf) is not None] + await planner.parts()
        # A list that could not be cut has no region, either.
        early += [group.create_task(self._prove(leaf)) for leaf in parts if _key(leaf) is None]
        sources: dict[Key, list[Run | _Walking]] = {}
        for leaf in parts:
            if (of_leaf := _key(leaf)) is not None:
                sources.setdefault(of_leaf, []).append(_Walking(leaf))
        walks = [
            source
            for key in sorted(sources)
            for source in sources[key]
            if isinstance(source, _Walking)
        ]
        self._source.counters.shards += len(early) + len(walks)
        window = _Window(WINDOW_PAGES)
        starting = group.create_task(self._start(walks, window, group))
        group.create_task(self._look_for_movements(planner, want, early, starting))
        for task in early:
            run = await task
            for key in run.keys:
                sources.setdefault(key, []).insert(0, run)
        ordered = [(key, source) for key in sorted(sources) for source in sources[key]]
        for key, source in ordered:
            if isinstance(source, Run):
                await self._hand_over(source, key, sink)
                continue
            run = await (await source.run)
            await self._hand_over(run, key, sink)
            run.close()
            await window.leave(source.weight)

    async def _start(
        self, walks: list[_Walking], window: _Window, group: asyncio.TaskGroup
    ) -> list[asyncio.Task[Run]]:
        """Start every walk, in the order of the file, when there is room for its rows."""
        begun: list[asyncio.Task[Run]] = []
        for walking in walks:
            await window.enter(walking.weight)
            begun.append(group.create_task(self._prove(walking.leaf)))
            walking.run.set_result(begun[-1])
        return begun

    async def _look_for_movements(
        self,
        planner: Planner,
        want: Shard,
        early: list[asyncio.Task[Run]],
        starting: asyncio.Task[list[asyncio.Task[Run]]],
    ) -> None:
        """When all walks are over, while the last rows are written."""
        await asyncio.gather(*early, *await starting)
        between_pages = any(proof.by != BY_ONE_PAGE for proof in self._reading.proofs)
        if between_pages or not planner.saw_all:
            self._reading.moved += await self._movements(planner, want, between_pages=between_pages)

    async def _hand_over(self, run: Run, key: Key, sink: Sink) -> None:
        for table in run.tables(key):
            await sink(table)
            self._reading.rows[key] = self._reading.rows.get(key, 0) + len(table)

    async def _prove(self, leaf: Leaf) -> Run:
        """The rows of one shard, proven complete.

        A walk over several pages has one try: what makes it doubtful makes the others doubtful,
        too.
        """
        if self._strict and not leaf.whole:
            raise _refused(
                leaf.shard,
                [
                    (
                        "it cannot be cut into single pages, and page tokens prove nothing while "
                        "numbers move"
                    )
                ],
            )
        tries = TRIES_MAX if leaf.whole else 1
        head = leaf.take_head()
        doubts: tuple[str, ...] = ()
        for _ in range(tries):
            walk, run, doubts = await self._walk(leaf.shard, head)
            if self._strict and walk.pages > 1:
                doubts = (*doubts, "it no longer comes in a single page")
            leaving = _leaving(walk)
            if not doubts and not leaving:
                self._believe(leaf.shard, walk, run)
                return run
            run.close()
            head = None
            self._source.counters.rescans += 1
            if not doubts:
                return await self._in_single_pages(leaf.shard, leaving)
        raise _refused(leaf.shard, doubts)

    async def _in_single_pages(self, shard: Shard, why: str) -> Run:
        """The rows of one shard, read strictly, however the others are read.

        Raises:
            SnapshotRefused: it cannot be cut into single pages, or does not add up.
        """
        run = self._runs.enter_context(Run(self._scratch))

        async def keep(rows: pa.Table) -> None:
            run.add(rows)

        reading = await Reader(self._source, self._scratch, strict=True).read(keep, shard)
        if reading.moved:
            raise _refused(shard, reading.moved)
        run.finish()
        self._reading.proofs += reading.proofs
        self._reading.remarks += [
            f"{shard}: read again in single pages, because {why}",
            *reading.remarks,
        ]
        self._source.counters.shards_done += 1
        return run

    def _believe(self, shard: Shard, walk: Walk, run: Run) -> None:
        assert walk.total is not None
        self._reading.proofs.append(
            Proof(
                str(shard),
                run.distinct,
                walk.total,
                walk.pages,
                BY_ONE_PAGE if walk.pages == 1 else "page tokens",
            )
        )
        self._reading.remarks += [f"{shard}: {remark}" for remark in walk.remarks(run.distinct)]
        self._source.counters.shards_done += 1

    async def _walk(self, shard: Shard, head: Page | None) -> tuple[Walk, Run, tuple[str, ...]]:
        """One walk from the first page to the last, or to where going on makes no sense."""
        walk, run = Walk(), self._runs.enter_context(Run(self._scratch))
        doubts: list[str] = []
        tokens: set[str] = set()
        asked: deque[Page] = deque()
        read: list[pa.Table] = []
        token: str | None = None
        try:
            while True:
                page = head if head is not None else await self._source.page(shard, token)
                head = None
                asked.append(page)
                # The next request leaves as soon as the token is known; the rows are read
                # meanwhile.
                token = page.next_page_token
                ends = token is None or token in tokens or walk.goes_on_too_long
                while asked and (ends or asked[0].rows.done()):
                    page = asked.popleft()
                    read.append(await page.rows)
                    walk.add(len(read[-1]), page.total_size, page.next_page_token)
                if ends or len(read) >= TAKEN_AT_ONCE:
                    doubts += self._take(shard, pa.concat_tables(read), walk, run)
                    read = []
                if token is None or ends:
                    break
                tokens.add(token)
        except Rejected as error:
            if not token_refused(error):
                raise
            doubts.append("the vendor no longer took its own page token")
        run.finish()
        return walk, run, (*doubts, *walk.doubts(run.distinct))

    def _take(self, shard: Shard, rows: pa.Table, walk: Walk, run: Run) -> list[str]:
        table, doubts = _as_asked(shard, rows)
        since = pa.scalar(self._source.snapshot_at - CLOCK_MARGIN, TIME)
        leaving = table.column("expire_at")
        soonest = pc.min(leaving.filter(pc.greater_equal(leaving, since))).as_py()
        if soonest is not None and (walk.next_to_leave is None or soonest < walk.next_to_leave):
            walk.next_to_leave = soonest
        run.add(table)
        return doubts


def _leaving(walk: Walk) -> str:
    """Why a number may have left between two pages of a walk that ends now; "" = none has."""
    at = walk.next_to_leave
    if walk.pages == 1 or at is None or at > datetime.now(UTC) + CLOCK_MARGIN:
        return ""
    return f"a number leaves at {at:%H:%M:%S} UTC, while this was read"


def _as_asked(shard: Shard, table: pa.Table) -> tuple[pa.Table, list[str]]:
    """Rows get the region and type of their filter where they name none.

    Also returns a doubt when they name others: the filter did not work.
    """
    doubts: list[str] = []
    for column, asked in (("region_code", shard.region_code), ("number_type", shard.number_type)):
        if asked is None:
            continue
        values = table.column(column)
        if values.null_count:
            values = pc.fill_null(values, asked)
            table = table.set_column(
                table.schema.get_field_index(column), table.schema.field(column), values
            )
        if not _each(pc.equal(values, asked)):
            doubts.append(f"rows with another {column} than {asked}")
    if shard.prefix is not None and not _each(
        pc.starts_with(table.column("phone_number"), shard.prefix)
    ):
        doubts.append(f"numbers that do not begin with {shard.prefix}")
    return table, doubts


def _each(values: pa.ChunkedArray) -> bool:
    """Whether every value is true. That is so for no values at all, where Arrow says null."""
    return bool(pc.all(values, min_count=0).as_py())


def _refused(shard: Shard, doubts: Sequence[str]) -> SnapshotRefused:
    return SnapshotRefused(
        f"{shard} cannot be proven complete: {'; '.join(doubts)}",
        reasons=tuple(f"{shard}: {doubt}" for doubt in doubts),
        remedy="run again when the project is quieter; the last snapshot stands",
    )


def _key(leaf: Leaf) -> Key | None:
    shard = leaf.shard
    return (
        None
        if shard.region_code is None or shard.number_type is None
        else (shard.region_code, shard.number_type)
    )


class _Walking:
    """A walk whose turn in the file is known, and its rows once it has started.

    Made inside the event loop.
    """

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.weight = min(max(1, leaf.pages), LONG_WALK_PAGES)
        self.run: asyncio.Future[asyncio.Task[Run]] = asyncio.get_running_loop().create_future()


class _Window:
    """How many pages may be under way or wait to be written.

    When it is empty, anybody may enter, so that nothing stands still.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._inside = 0
        self._changed = asyncio.Condition()

    async def enter(self, weight: int) -> None:
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._inside == 0 or self._inside + weight <= self._size
            )
            self._inside += weight

    async def leave(self, weight: int) -> None:
        async with self._changed:
            self._inside -= weight
            self._changed.notify_all()


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a caller can act on: the first of ours, else the first."""
    flat = list(_flat(several))
    return next((error for error in flat if isinstance(error, NumberflowError)), flat[0])


def _flat(several: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in several.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error


__all__ = ["Proof", "Reader", "Reading", "Sink"]
