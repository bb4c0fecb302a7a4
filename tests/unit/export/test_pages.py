"""Where pages come in: what is left under way when the reading ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from support.live_pages import live, page

from numberflow.client.raw_pages import RawPage, read_raw_page
from numberflow.export.pages import PageSource
from numberflow.export.shards import Shard

pytestmark = pytest.mark.anyio


class Numbers:
    """An active list of one page, whatever is asked."""

    async def list_page_bytes(self, **_: Any) -> RawPage:
        return read_raw_page(page([live(0)]))


async def test_pages_under_way_are_given_up() -> None:
    """Pages that nobody has awaited when the source is closed end as cancelled, and none raises behind anybody's back."""
    troubles: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    vendor: Any = SimpleNamespace(active_numbers=Numbers())
    with PageSource(vendor, datetime.now(UTC)) as source:
        pages = [await source.page(Shard()) for _ in range(10)]
    ends = await asyncio.gather(*(each.rows for each in pages), return_exceptions=True)
    assert any(isinstance(end, asyncio.CancelledError) for end in ends)
    assert [] == [end for end in ends if isinstance(end, Exception)]
    assert [] == troubles
