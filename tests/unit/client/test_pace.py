"""Turns at a host's pace: in order, shared, failing open, and told when they take long."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from numberflow.client import pace as module
from numberflow.client.pace import HostPace, shared_name
from numberflow.errors import JournalUnavailable
from numberflow.models import pace as arithmetic
from numberflow.models.pace import Bounds, Grant
from numberflow.settings import Rates

pytestmark = pytest.mark.anyio
RATES = Rates(1000.0, 1.0, 1000.0)


class Board:
    """A shared pace in this process. `trouble` is called before each question."""

    def __init__(self, rates: Rates = RATES) -> None:
        self.bounds = Bounds(*rates)
        self.pace = arithmetic.fresh(self.bounds, 0.0)
        self.now_s = 0.0
        self.asked = 0
        self.given = 0
        self.trouble: Callable[[], None] = lambda: None

    def take(self, name: str, bounds: Bounds, *, wanted: int, unused: int) -> Grant:
        self.trouble()
        self.asked += 1
        self.now_s += 0.01
        self.pace, grant = arithmetic.take(
            self.pace, bounds, self.now_s, wanted=wanted, unused=unused
        )
        self.given += len(grant.delays_s)
        return grant

    def lower(
        self, name: str, bounds: Bounds, *, departed_ago_s: float, retry_after_s: float | None
    ) -> float:
        self.trouble()
        departed_s = self.now_s - departed_ago_s
        self.pace = arithmetic.lower(
            self.pace, bounds, self.now_s, departed_s=departed_s, retry_after_s=retry_after_s
        )
        return self.pace.rate_per_s


async def turns(pace: HostPace, count: int) -> None:
    """Requests one after the other."""
    for _ in range(count):
        await pace.turn()


async def test_times_are_taken_in_batches() -> None:
    """A caller in a hurry asks the shared pace seldom.

    One that sends a request now and then takes no more than it needs.
    """
    board = Board()
    hurried = HostPace("numbers", "n", RATES, shared=board)
    await turns(hurried, 200)
    assert board.asked < 40
    await hurried.close()

    board = Board()
    for _ in range(5):
        rare = HostPace("numbers", "n", RATES, shared=board)
        await rare.turn()
        await rare.close()
    assert board.given == 5


async def test_turns_come_in_order() -> None:
    """First come, first served, and one that gives up keeps nobody waiting."""
    pace = HostPace("numbers", "n", Rates(50.0, 50.0, 50.0))
    pace.refused(
        departed_s=asyncio.get_running_loop().time(), retry_after_s=0.3
    )  # nobody may go yet
    order: list[int] = []

    async def one(place: int) -> None:
        await pace.turn()
        order.append(place)

    tasks = [asyncio.create_task(one(place)) for place in range(6)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [1, 2, 4, 5]


async def test_a_refusal_reaches_the_others() -> None:
    """What one is refused slows the other, and times in hand are given up."""
    board = Board(Rates(20.0, 1.0, 100.0))
    one, other = (HostPace("numbers", "n", Rates(20.0, 1.0, 100.0), shared=board) for _ in range(2))
    await one.turn()
    await other.turn()
    one.refused(departed_s=asyncio.get_running_loop().time(), retry_after_s=None)
    await one.turn()  # behind the news, in the one thread
    await other.turn()
    assert board.pace.rate_per_s == 10.0
    await one.close()
    await other.close()


def busy() -> None:
    raise JournalUnavailable("the journal is locked")


def broken() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("trouble", "said"), [(busy, "the journal is locked"), (broken, "ZeroDivisionError")]
)
async def test_it_fails_open_with_one_warning(
    trouble: Callable[[], None],
    said: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the shared pace the process keeps to its own.

    It says so once, and is back when the other is.
    """
    monkeypatch.setattr(module, "ALONE_S", 0.0)
    board = Board()
    pace = HostPace("numbers", "n", RATES, shared=board)
    board.trouble = trouble
    await turns(pace, 300)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert said in caplog.text
    board.trouble = lambda: None
    caplog.set_level(logging.INFO)
    await turns(pace, 300)
    assert board.asked > 0
    assert "is back" in caplog.text
    await pace.close()


async def test_a_retry_after_is_kept_and_told_when_the_others_could_not_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A busy database when the 429 came.

    This process waits all the same, and the others hear of it later.
    """
    monkeypatch.setattr(module, "AGAIN_MAX_S", 0.01)
    board = Board()
    board.trouble = busy
    pace = HostPace("numbers", "n", RATES, shared=board)
    pace.refused(departed_s=asyncio.get_running_loop().time(), retry_after_s=30.0)
    await asyncio.sleep(0.05)
    board.trouble = lambda: None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await pace.turn()
    async with asyncio.timeout(20):
        while board.pace.lowered_s is None:
            await asyncio.sleep(0.01)
    assert board.pace.next_s > 0.0
    await pace.close()


async def test_being_alone_begins_with_what_the_others_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Held by the Retry-After of another process, it stays held when the shared pace cannot be had
    any more.
    """
    monkeypatch.setattr(module, "AGAIN_MAX_S", 0.01)
    board = Board()
    board.lower("n", board.bounds, departed_ago_s=0.0, retry_after_s=3000.0)
    pace = HostPace("numbers", "n", RATES, shared=board)
    turn = asyncio.create_task(pace.turn())
    async with asyncio.timeout(20):
        while not board.asked:
            await asyncio.sleep(0.01)
        board.trouble = busy
        while not caplog.records:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert not turn.done()
    await pace.close()


async def test_a_store_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is waited for a moment, not for ever, and it is not asked twice at once."""
    monkeypatch.setattr(module, "OPENING_S", 0.05)
    monkeypatch.setattr(module, "ALONE_S", 0.0)
    released = threading.Event()
    board = Board()
    board.trouble = lambda: released.wait(20) and None
    pace = HostPace("numbers", "n", RATES, shared=board)
    await turns(pace, 100)
    assert board.asked == 0
    released.set()
    await pace.close()


async def test_long_waits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits long for a turn, is told to wait long, or meets one 429 after the other, says
    so; a success ends it.
    """
    monkeypatch.setattr(module, "REPORT_AFTER_S", 0.05)
    told: list[str] = []

    def pace(*rates: float) -> Any:
        return HostPace("numbers", "n", Rates(*rates), on_wait=told.append)

    slow = pace(5.0, 5.0, 5.0)
    await turns(slow, 3)
    assert told[0].startswith("waiting for the vendor's limit (numbers, 0 s so far")
    told.clear()
    now_s = asyncio.get_running_loop().time()
    held = pace(*RATES)
    held.refused(departed_s=now_s, retry_after_s=12.0)
    assert told == ["waiting for the vendor's limit (numbers, no request for 12 s)"]
    told.clear()
    refused = pace(*RATES)
    refused.refused(departed_s=now_s, retry_after_s=None)
    refused.passed()
    await asyncio.sleep(0.06)
    refused.refused(departed_s=now_s, retry_after_s=None)
    assert told == []
    await asyncio.sleep(0.06)
    refused.refused(departed_s=now_s, retry_after_s=None)
    assert len(told) == 1


async def test_a_closed_pace_lets_go() -> None:
    """Whoever waits is cancelled."""
    pace = HostPace("numbers", "n", Rates(1.0, 1.0, 1.0))
    await pace.turn()
    waiting = asyncio.create_task(pace.turn())
    await asyncio.sleep(0.01)
    await pace.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_names_hold_no_key() -> None:
    """Hosts and keys are told apart, schemes are not, and the key id is not to be read."""
    one = shared_name("https://numbers.api.sinch.com", "key-1")
    assert one.startswith("numbers.api.sinch.com ")
    assert "key-1" not in one
    assert one == shared_name("http://numbers.api.sinch.com", "key-1")
    assert (
        len(
            {
                one,
                shared_name("https://numbers.api.sinch.com", "key-2"),
                shared_name("https://x", "key-1"),
            }
        )
        == 3
    )
