"""An active list that a test holds in its hands.

What is in it, how it pages, and what happens right before an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.live_pages import live, page

from numberflow.client.raw_pages import RawPage, read_raw_page
from numberflow.errors import Rejected
from numberflow.export.vendor import Offer


@dataclass(frozen=True)
class Question:
    """What one request asked for."""

    number_type: str | None
    region_code: str | None
    page_token: str | None
    page_size: int


@dataclass
class HeldList:
    """Takes the place of a client.

    Tokens are numbers: what comes after them is the next page. Or they are positions.
    """

    numbers: list[dict[str, Any]]
    page_rows: int = 10
    page_size_max: int = 1000
    by_position: bool = False
    before: Callable[[Question], None] | None = None
    offers: Sequence[Offer] = ()
    asked: list[Question] = field(default_factory=list)
    project_id: str = "6f0c2b7e-1d34-4a58-9e0b-2f7c8d915a10"
    numbers_host: str = "numbers.test"

    @property
    def active_numbers(self) -> HeldList:
        """As a client has it."""
        return self

    @property
    def regions(self) -> HeldList:
        """As a client has it."""
        return self

    async def list(self) -> Sequence[Offer]:
        """Regions on offer."""
        return self.offers

    async def list_page_bytes(
        self,
        *,
        number_type: str | None = None,
        region_code: str | None = None,
        pattern: str = "",
        page_size: int = 20,
        page_token: str | None = None,
        **_: Any,
    ) -> RawPage:
        """One page."""
        question = Question(number_type, region_code, page_token, page_size)
        self.asked.append(question)
        await asyncio.sleep(0)
        if self.before is not None:
            self.before(question)
        if page_size > self.page_size_max:
            raise Rejected("too large", status=400, field_violations=(("page_size", "too large"),))
        hits = sorted(
            (
                each
                for each in self.numbers
                if number_type in (None, each["type"])
                and region_code in (None, each["regionCode"])
                and each["phoneNumber"].startswith(pattern)
            ),
            key=lambda each: str(each["phoneNumber"]),
        )
        if self.by_position:
            start = int(page_token or 0)
        else:
            start = sum(each["phoneNumber"] <= (page_token or "") for each in hits)
        stop = start + min(page_size, self.page_rows)
        token = ""
        if stop < len(hits):
            token = str(stop) if self.by_position else hits[stop - 1]["phoneNumber"]
        return read_raw_page(page(hits[start:stop], nextPageToken=token, totalSize=len(hits)))


def held(place: int, number_type: str = "LOCAL", region_code: str = "US") -> dict[str, Any]:
    """A number in the live form that stays; a higher place is a higher number."""
    return live(0) | {
        "phoneNumber": f"+{12_025_000_000 + place}",
        "type": number_type,
        "regionCode": region_code,
        "expireAt": None,
    }
