"""Plan the walks that see every number: probe, then cut by type, region and prefix.

Each cut is proven by totals. Belongs here: deciding what to walk, with the requests that this
takes; the first page of each walk is reused, so that hardly a request is wasted. Does not: the
walks (reader), what a cut or a proof is (shards).

A list of a few pages is not cut by region. Its rows name their regions, and its total proves all
regions at once, unknown ones included. So a project with five numbers takes five requests instead
of 180 (sixty regions on offer, three types).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from numberflow.errors import SnapshotRefused
from numberflow.export.pages import Page, PageSource, together
from numberflow.export.shards import KNOWN_TYPES, Shard, adds_up, counts_hits
from numberflow.export.vendor import Offer
from numberflow.models.wire import goes_on_too_long

# A shard is cut when its chain of tokens is longer than this many times each connection's share of
# all pages. Tokens come one after the other, so the longest chain sets the time (factor 4 at 50 ms
# a page). But a list without a region begins while others are still being cut, and each cut takes a
# dozen requests more (100k numbers, 16 connections: 1.25 took 155 requests instead of 122, and no
# second less; measured 2026-11). Never below 8 pages: the parts' extra first and half-empty last
# pages would cost more than the chain. Always above 24: a walk's rows wait in memory until it is
# proven, and 24,000 rows take 12 MB.
UNCUT_SHARE = 2.25
UNCUT_PAGES_MIN = 8
UNCUT_PAGES_MAX = 24

# First pages that wait for their walk, 0.45 MB each. Those of more walks than this are requested
# again when their turn comes. A hundred thousand numbers have about twenty such walks, a million
# about a hundred.
HEADS_MAX = 32

# How often totals that do not match are read again before a cut is given up: numbers come and go
# while we count.
COUNTS_MAX = 5


@dataclass(slots=True)
class Leaf:
    """A shard that is walked as it is, its first page, and how many pages that one implies."""

    shard: Shard
    head: Page | None
    pages: int

    @property
    def whole(self) -> bool:
        """Whether the first page is all of it."""
        return self.head is not None and self.head.next_page_token is None

    def take_head(self) -> Page | None:
        """The first page, once; None when it was taken.

        Only the walk then holds it, so its rows are freed with the walk.
        """
        head, self.head = self.head, None
        return head


class Planner:
    """Makes the plan of one export: the walks that together see every number.

    Args:
        source: where pages come from.
        whole_pages: cut until every list is a single page.
    """

    def __init__(self, source: PageSource, *, whole_pages: bool = False) -> None:
        self._source = source
        self._whole_pages = whole_pages
        self._uncut_pages = 1 if whole_pages else UNCUT_PAGES_MIN
        self._offers: Sequence[Offer] = ()
        self._regions_seen: set[str] = set()
        self._to_cut: list[tuple[Shard, Page]] = []
        self.totals: dict[Shard, int | None] = {}
        """The total of each whole list, type by type, when its walk was planned."""
        self.saw_all = False
        """Whether the unfiltered probe was a single page, which shows every type."""
        self.remarks: list[str] = []

    async def begin(self, want: Shard) -> list[Leaf]:
        """The lists by type that are walked as they are, of the numbers that `want` selects.

        `parts` gives the rest.

        Raises:
            SnapshotRefused: there are numbers that no type shows.
            The errors of PageSource.page.
        """
        # Together with the probe, the types that always exist, so that a distant project is not
        # read one by one.
        known = (
            []
            if want.number_type is not None
            else [replace(want, number_type=kind) for kind in KNOWN_TYPES]
        )
        size = self._source.page_size
        self._offers, probe, *pages = await together(
            self._source.offers(),
            *(self._source.settle_page_size(shard) for shard in (want, *known)),
        )
        if self._source.page_size != size:
            known = []  # some were read in a size that their next pages would not have
        self.saw_all = probe.next_page_token is None
        self._regions_seen |= await _values(probe, "region_code")
        if want.number_type is not None:
            heads = {want: probe}
        else:
            heads = await self._by_type(want, probe, dict(zip(known, pages, strict=False)))
        self.totals = {shard: head.total_size for shard, head in heads.items()}
        if not self._whole_pages:
            share = await self._pages(heads.values()) * UNCUT_SHARE // self._source.connections
            self._uncut_pages = min(max(int(share), UNCUT_PAGES_MIN), UNCUT_PAGES_MAX)
        found: list[Leaf] = []
        for shard, head in heads.items():
            self._regions_seen |= await _values(head, "region_code")
            if (leaf := await self._uncut(shard, head)) is not None:
                found.append(leaf)
            else:
                self._to_cut.append((shard, head))
        return found

    async def parts(self) -> list[Leaf]:
        """The parts of the lists that are cut.

        Raises:
            The errors of PageSource.page.
        """
        cuts = await together(*(self._cut(*each) for each in self._to_cut))
        self._to_cut = []
        leaves = [leaf for cut in cuts for leaf in cut]
        for leaf in [each for each in leaves if not each.whole][HEADS_MAX:]:
            leaf.take_head()
        return leaves

    async def _uncut(self, shard: Shard, head: Page) -> Leaf | None:
        """`shard` as it is; None if it has to be cut."""
        rows = len(await head.rows)
        total, token = head.total_size, head.next_page_token
        if token is None:
            return Leaf(shard, head, 1)
        pages = -(-(total or 0) // max(1, rows))
        if not counts_hits(rows, total, token) or total is None:
            self._remark(
                f"{shard}: read in one chain, because totalSize ({total}) does not count all hits"
            )
            return Leaf(shard, head, pages)
        return Leaf(shard, head, pages) if pages <= self._uncut_pages else None

    async def _cut(self, shard: Shard, head: Page) -> list[Leaf]:
        """`shard` as it is, or its parts if it is large and they are proven complete.

        Empty parts are left out.
        """
        if (leaf := await self._uncut(shard, head)) is not None:
            return [leaf]
        total = head.total_size or 0
        for _ in range(COUNTS_MAX):
            parts = await (
                self._region_parts(shard, total)
                if shard.region_code is None
                else self._heads(shard.by_prefix())
            )
            if not parts:
                break
            now = total
            if not _all_of_it(parts, now):
                now = await self._source.total(shard) or 0
            if _all_of_it(parts, now):
                if shard in self.totals:
                    self.totals[shard] = now
                found = [(part, page) for part, page in parts.items() if page.total_size]
                return [
                    leaf
                    for cut in await together(*(self._cut(*each) for each in found))
                    for leaf in cut
                ]
            total = now
        self._remark(f"{shard}: read in one chain, because its parts did not add up to {total}")
        return [Leaf(shard, head, -(-total // max(1, len(await head.rows))))]

    async def _pages(self, heads: Iterable[Page]) -> int:
        """How many pages all lists have together, in the page size that the vendor honours."""
        return sum([-(-(head.total_size or 0) // max(1, len(await head.rows))) for head in heads])

    async def _by_type(
        self, want: Shard, probe: Page, heads: dict[Shard, Page]
    ) -> dict[Shard, Page]:
        """First page of every type; `heads` are some of them.

        Their totals together are at least what the unfiltered probe counts.
        """
        types = (
            set(KNOWN_TYPES)
            | {kind for offer in self._offers for kind in offer.types}
            | await _values(probe, "number_type")
        )
        count = probe.total_size or 0
        short = 0
        for attempt in range(COUNTS_MAX):
            every = [replace(want, number_type=kind) for kind in sorted(types)]
            heads = heads | await self._heads(
                shard for shard in every if attempt > 0 or shard not in heads
            )
            short = count - sum(page.total_size or 0 for page in heads.values())
            # More than the probe counts is fine: the documents say that a list without type shows
            # MOBILE only (§4).
            if short <= 0:
                return {
                    shard: page
                    for shard, page in heads.items()
                    if page.total_size or len(await page.rows)
                }
            if attempt == 0:
                types |= await self._types_of_all(want, probe)
            count = await self._source.total(want) or 0
        raise SnapshotRefused(
            f"{short} numbers are of a type that neither the region list nor the numbers "
            "themselves name",
            reasons=(
                (
                    f"unfiltered totalSize {count}, types {', '.join(sorted(types))} have "
                    f"{count - short}"
                ),
            ),
            remedy="run again; if it stays, tell the maintainers of numberflow which type is new",
        )

    async def _types_of_all(self, want: Shard, page: Page) -> set[str]:
        """Types of every number in the unfiltered list.

        Slow, so it is used only when a type is missing.
        """
        found, seen = await _values(page, "number_type"), set[str]()
        while (
            page.next_page_token is not None
            and page.next_page_token not in seen
            and not goes_on_too_long(len(seen), page.total_size)
        ):
            seen.add(page.next_page_token)
            page = await self._source.page(want, page.next_page_token)
            found |= await _values(page, "number_type")
        return found

    async def _region_parts(self, shard: Shard, total: int) -> dict[Shard, Page]:
        """First pages of the regions, the likely ones first.

        No more are read once the totals add up.
        """
        likely = set(self._regions_seen)
        selling = {offer.region_code for offer in self._offers if shard.number_type in offer.types}
        others = {offer.region_code for offer in self._offers}
        if len(selling) <= self._source.connections:
            likely |= selling  # no second round for what goes with the first one
        parts: dict[Shard, Page] = {}
        for regions in (likely, selling, others):
            parts |= await self._heads(
                part for part in shard.by_region(regions) if part not in parts
            )
            if _all_of_it(parts, total):
                break
        return parts

    async def _heads(self, shards: Iterable[Shard]) -> dict[Shard, Page]:
        asked = list(shards)
        return dict(
            zip(asked, await together(*(self._source.page(shard) for shard in asked)), strict=True)
        )

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


def _all_of_it(parts: dict[Shard, Page], total: int) -> bool:
    return bool(parts) and adds_up((page.total_size for page in parts.values()), total)


async def _values(page: Page, column: str) -> set[str]:
    rows = await page.rows
    return {value for value in rows.column(column).unique().to_pylist() if value}
