"""Where pages come in: what is left under way when the reading ends."""

from __future__ import annotations

import asyncio
import gc
import random
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from support.live_pages import live, page

from numberflow.client.raw_pages import RawPage, read_raw_page
from numberflow.errors import OutcomeUnknown
from numberflow.export import pages
from numberflow.export.pages import PageSource, together
from numberflow.export.shards import Shard
from numberflow.export.snapshot import read_numbers

pytestmark = pytest.mark.anyio


class Numbers:
    """An active list of one page, whatever is asked."""

    async def list_page_bytes(self, **_: Any) -> RawPage:
        return read_raw_page(page([live(0)]))


async def test_pages_under_way_are_given_up() -> None:
    """Pages that nobody has awaited when the source is closed end as cancelled, and none raises
    behind anybody's back.
    """
    troubles: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    vendor: Any = SimpleNamespace(active_numbers=Numbers())
    with PageSource(vendor, datetime.now(UTC)) as source:
        found = [await source.page(Shard()) for _ in range(10)]
    ends = await asyncio.gather(*(each.rows for each in found), return_exceptions=True)
    assert any(isinstance(end, asyncio.CancelledError) for end in ends)
    assert [] == [end for end in ends if isinstance(end, Exception)]
    assert [] == troubles


class SlowNumbers(Numbers):
    """The same, after a moment that is never the same."""

    async def list_page_bytes(self, **asked: Any) -> RawPage:
        await asyncio.sleep(random.uniform(0, 0.004))
        return await super().list_page_bytes(**asked)


async def test_every_page_is_read_whenever_it_comes_in() -> None:
    """Pages that come in at any moment are read, also right when those before them have been.

    None waits for a reader that has just gone.
    """
    vendor: Any = SimpleNamespace(active_numbers=SlowNumbers())
    for _ in range(300):
        with PageSource(vendor, datetime.now(UTC)) as source:
            found = await asyncio.gather(*(source.page(Shard()) for _ in range(5)))
            await asyncio.wait_for(asyncio.gather(*(each.rows for each in found)), 5)


async def test_what_fails_takes_its_neighbours_with_it() -> None:
    """When one of several questions fails, the others have ended when the error arrives."""
    ended: list[str] = []

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("x")

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("waits")

    with pytest.raises(ValueError, match="x"):
        await together(waits(), fails())
    assert ["waits"] == ended


async def test_failed_readings_leave_nothing_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a reading that failed no task is left and no error is told behind anybody's back,
    though several pages could not be read.
    """
    monkeypatch.setattr(pages, "RESUME_PAUSES_S", ())
    troubles: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))

    class Garbage(Numbers):
        async def list_page_bytes(self, **_: Any) -> RawPage:
            await asyncio.sleep(random.uniform(0, 0.01))
            return read_raw_page(
                b'{"activeNumbers":[{"phoneNumber":"+1"x}],"nextPageToken":"","totalSize":1}'
            )

        async def list(self) -> tuple[()]:
            return ()

    vendor: Any = SimpleNamespace(active_numbers=Garbage(), regions=Garbage(), numbers_host="h")
    # Other tests' stores close their sessions in a task of the loop that runs when they are freed.
    gc.collect()
    before = asyncio.all_tasks()
    with pytest.raises(OutcomeUnknown, match="cannot be read"):
        await read_numbers(vendor)
    await asyncio.sleep(0.05)
    gc.collect()
    assert (set(), []) == (asyncio.all_tasks() - before, troubles)
