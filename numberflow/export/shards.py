"""What to request so that every number is seen once, and what counts as proof of it.

Pure: no I/O, no clock. Belongs here: shards (the filters of one walk), how a shard is cut into
parts, and when a walk is believed. Does not: the requests (reader).

A shard is cut by type, then by region, then by number prefix. Each cut is believed only while the
parts' totals add up to the whole's. The vendor documents neither that the totals count all hits nor
that START matches as we think (docs/vendor/numbers-behaviour.md §4, §9), and the sum would lack a
region or type that we do not know of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import phonenumbers

from numberflow.models.wire import goes_on_too_long
from numberflow.models.wording import count_of

KNOWN_TYPES = ("LOCAL", "MOBILE", "TOLL_FREE")
"""Always requested; types in the vendor's region list and the unfiltered probe are added."""

_DIGITS_MAX = 15
"""E.164: no number has more."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The filters of one walk through the active list. None = not filtered by it."""

    number_type: str | None = None
    region_code: str | None = None
    prefix: str | None = None

    def __str__(self) -> str:
        named = [self.region_code or "every region", self.number_type or "every type"]
        return " ".join([*named, f"{self.prefix}…"] if self.prefix else named)

    @property
    def query(self) -> dict[str, Any]:
        """Arguments of `list_page_bytes`, in number order, so parts are written as they come."""
        asked: dict[str, Any] = {"order_by": "phoneNumber"}
        if self.number_type is not None:
            asked["number_type"] = self.number_type
        if self.region_code is not None:
            asked["region_code"] = self.region_code
        if self.prefix is not None:
            asked |= {"pattern": self.prefix, "search_pattern": "START"}
        return asked

    def by_region(self, regions: Iterable[str]) -> tuple[Shard, ...]:
        """One part for each region, sorted."""
        return tuple(Shard(self.number_type, region) for region in sorted(set(regions)))

    def by_prefix(self) -> tuple[Shard, ...]:
        """Ten parts, one for each next digit after the region's country code.

        () when there is no country code or no digit left.
        """
        prefix = self.prefix
        if prefix is None:
            code = phonenumbers.country_code_for_region(self.region_code or "")
            if not code:
                return ()
            prefix = f"+{code}"
        if len(prefix) > _DIGITS_MAX:
            return ()
        return tuple(
            Shard(self.number_type, self.region_code, f"{prefix}{digit}") for digit in range(10)
        )


@dataclass(slots=True)
class Walk:
    """What the pages of one walk showed.

    `add` every page in order; `doubts` says why the walk proves nothing.
    """

    pages: int = 0
    rows: int = 0
    totals: set[int | None] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    repeated_token: bool = False
    page_rows_max: int = 0
    short_pages: int = 0
    next_to_leave: datetime | None = None
    """The earliest `expire_at` that may pass while this is read; None = there is none."""

    def add(self, rows: int, total_size: int | None, next_page_token: str | None) -> None:
        """Add one page's facts."""
        self.pages += 1
        self.rows += rows
        # An empty list may leave out its total as it leaves out everything empty
        # (docs/vendor/numbers-behaviour.md §2).
        nothing = rows == 0 and self.rows == 0 and next_page_token is None
        self.totals.add(0 if total_size is None and nothing else total_size)
        if next_page_token is None:
            return
        self.repeated_token |= next_page_token in self.tokens
        self.tokens.add(next_page_token)
        # A page in the middle is shorter than another one: numbers left while we read, or the
        # vendor filters after paging.
        if self.page_rows_max and rows != self.page_rows_max:
            self.short_pages += 1
        self.page_rows_max = max(self.page_rows_max, rows)

    @property
    def total(self) -> int | None:
        """The total that every page gave; None when they differ or give none."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None

    @property
    def goes_on_too_long(self) -> bool:
        """Whether the walk has made so many requests that it will not end.

        Each page has a new token but hardly a row.
        """
        expected = max((total for total in self.totals if total is not None), default=0)
        return goes_on_too_long(self.pages, expected, self.page_rows_max)

    def doubts(self, distinct: int) -> tuple[str, ...]:
        """Why this walk does not prove that it saw every number of its shard; () = proven.

        Args:
            distinct: how many different phone numbers the pages had.
        """
        found: list[str] = []
        if None in self.totals:
            found.append("a page does not say totalSize")
        elif len(self.totals) > 1:
            totals = sorted(total for total in self.totals if total is not None)
            found.append(f"totalSize changed: {', '.join(map(str, totals))}")
        elif distinct != self.total:
            found.append(f"{count_of(distinct, 'number')}, but totalSize is {self.total}")
        if self.repeated_token:
            found.append("the same page token came twice")
        if self.goes_on_too_long:
            found.append(f"no end after {self.pages} pages")
        return tuple(found)

    def remarks(self, distinct: int) -> tuple[str, ...]:
        """What was odd without being a doubt."""
        found: list[str] = []
        if distinct < self.rows:
            found.append(
                f"{count_of(self.rows - distinct, 'number')} came twice and were kept once"
            )
        if self.short_pages:
            found.append(f"{self.short_pages} pages in the middle were shorter than others")
        return tuple(found)


def counts_hits(rows: int, total_size: int | None, next_page_token: str | None) -> bool:
    """Whether a page's totalSize can be the number of all hits, rather than of this page.

    The documents can be read either way (§9).
    """
    if total_size is None:
        return rows == 0 and next_page_token is None
    return total_size > rows if next_page_token is not None else total_size == rows


def adds_up(parts: Iterable[int | None], *wholes: int | None) -> bool:
    """Whether the parts' totals add up to the whole's, read before or after them.

    Then the parts are complete.
    """
    known = [part for part in parts if part is not None]
    return sum(known) in [whole for whole in wholes if whole is not None]
