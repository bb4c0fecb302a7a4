"""Let requests leave at the pace of their host: one pace for each host and access key, shared.

Here: waiting for a turn, saying so when it takes long, and reporting a 429 to everybody. Not here:
how a pace changes (numberflow.models.pace), where it is shared (any `Shared`; in this product the
journal's `Paces`), whether a refused request is tried again (retry.py, the journal).

A turn costs next to nothing: times are taken from the shared pace for a fifth of a second at a
time, in a thread beside the event loop. When the shared pace does not answer in time, this process
continues with its own pace: too many 429s are better than no work. It keeps what it knows by then:
the rate, and any Retry-After that it met or heard of.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol, TypeVar

from numberflow.errors import NumberflowError
from numberflow.models import pace as arithmetic
from numberflow.models.pace import AHEAD_S, Bounds, Grant
from numberflow.settings import Rates

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Longest waits for the shared pace, the first time (a database is opened, perhaps made) and later.
OPENING_S = 5.0
ANSWER_S = 0.5
# After trouble with the shared pace, this process keeps its own for this long.
ALONE_S = 5.0
# The shared pace is read at least this often while nothing is free: after a settings change, or
# with another host's clock, nobody must wait for a time that is no longer true.
AGAIN_MAX_S = 1.0
# A granted time stays valid for this long.
STALE_S = 0.5
# Waiting is reported after this long, and again at this interval.
REPORT_AFTER_S = 5.0


class Shared(Protocol):
    """Where a pace is shared. Called from a thread; `name` stands for host and key.

    Raises JournalUnavailable.
    """

    def take(self, name: str, bounds: Bounds, *, wanted: int, unused: int) -> Grant:
        """As `numberflow.models.pace.take`, by the sharers' clock."""

    def lower(
        self, name: str, bounds: Bounds, *, departed_ago_s: float, retry_after_s: float | None
    ) -> float:
        """As `numberflow.models.pace.lower`; the new rate per second."""


class Pacer:
    """When requests to one host may leave.

    This one lets all of them leave: for callers with a limit of their own.
    """

    async def turn(self) -> None:
        """Return when the next request may leave."""

    def refused(self, *, departed_s: float, retry_after_s: float | None) -> None:
        """A request that left at `departed_s` (of the event loop's clock) met a 429."""

    def passed(self) -> None:
        """A request met no 429."""

    async def close(self) -> None:
        """Cancel everybody who waits for a turn."""


class HostPace(Pacer):
    """The pace of one host and key in this process. Belongs to one event loop.

    Args:
        host: for people: numbers, imported, token.
        name: for the shared pace; see `shared_name`.
        rates: start, floor and ceiling, requests per second.
        shared: the shared pace; None for a pace of this process alone.
        on_wait: called with a sentence when a request has been waiting.
    """

    def __init__(
        self,
        host: str,
        name: str,
        rates: Rates,
        *,
        shared: Shared | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._host = host
        self._name = name
        self._bounds = Bounds(*rates)
        self._shared = shared
        self._on_wait = on_wait
        self._loop = asyncio.get_running_loop()
        self._own = arithmetic.fresh(self._bounds, self._loop.time())
        self._rate_per_s = rates.start
        self._times: deque[float] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._under_way: asyncio.Future[Grant] | None = None
        self._alone_until_s = 0.0
        # What the vendor told this process: kept whatever the others know.
        self._held_until_s = float("-inf")
        self._departed_s = float("-inf")
        self._telling_again: asyncio.TimerHandle | None = None
        self._warned = self._opened = self._closed = False
        self._batch = 0
        self._unused = 0
        self._held_up_since_s: float | None = None
        self._reported_at_s = 0.0

    async def turn(self) -> None:
        """Return when the next request may leave. First come, first served."""
        if not self._waiting and self._take_time():
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(turn)
        if self._serving is None or self._serving.done():
            self._serving = self._loop.create_task(self._serve())
        began_s = self._loop.time()
        report = self._loop.call_later(REPORT_AFTER_S, self._report_wait, began_s)
        try:
            await turn
        finally:
            report.cancel()

    def refused(self, *, departed_s: float, retry_after_s: float | None) -> None:
        """A 429: everybody is slower from now on, and waits for its Retry-After."""
        now_s = self._loop.time()
        self._held_up_since_s = self._held_up_since_s or now_s
        self._own = arithmetic.lower(
            self._own, self._bounds, now_s, departed_s=departed_s, retry_after_s=retry_after_s
        )
        # They were granted at a rate that was too high.
        self._times.clear()
        asked_s = arithmetic.believed_s(retry_after_s or 0.0)
        self._held_until_s = max(self._held_until_s, now_s + asked_s)
        self._departed_s = max(self._departed_s, departed_s)
        self._lower_shared(departed_s, retry_after_s)
        if max(asked_s, now_s - self._held_up_since_s) > REPORT_AFTER_S:
            self._report_wait(self._held_up_since_s, asked_s)

    def passed(self) -> None:
        """A request met no 429."""
        self._held_up_since_s = None

    async def close(self) -> None:
        """Cancel everybody who waits for a turn."""
        self._closed = True
        if self._telling_again is not None:
            self._telling_again.cancel()
        if self._serving is not None:
            self._serving.cancel()
        while self._waiting:
            self._waiting.popleft().cancel()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    # ---- turns

    def _take_time(self) -> bool:
        """Whether a granted time has come; it is used up then."""
        now_s = self._loop.time()
        while self._times and self._times[0] < now_s - STALE_S:
            self._times.popleft()
            self._unused += 1
        if not self._times or max(self._times[0], self._held_until_s) > now_s:
            return False
        self._times.popleft()
        return True

    async def _serve(self) -> None:
        while self._waiting:
            if self._waiting[0].done():  # cancelled
                self._waiting.popleft()
            elif self._take_time():
                self._waiting.popleft().set_result(None)
            elif (held_s := self._held_until_s - self._loop.time()) > 0:
                await asyncio.sleep(held_s)
            elif self._times:
                await asyncio.sleep(self._times[0] - self._loop.time())
            else:
                await self._fetch()

    async def _fetch(self) -> None:
        """Get more times, or a pause when there are none yet."""
        # A batch that was used up makes the next one larger; otherwise it is one again.
        self._batch = (
            1
            if self._unused
            else min(max(1, 2 * self._batch), max(1, int(self._rate_per_s * AHEAD_S)))
        )
        wanted, unused = max(self._batch, len(self._waiting)), self._unused
        self._unused = 0
        grant = await self._ask(wanted, unused)
        now_s = self._loop.time()
        self._rate_per_s = grant.rate_per_s
        self._times.extend(now_s + delay_s for delay_s in grant.delays_s)
        if not grant.delays_s:
            await asyncio.sleep(min(grant.again_s, AGAIN_MAX_S))

    async def _ask(self, wanted: int, unused: int) -> Grant:
        if self._shared is None or self._loop.time() < self._alone_until_s:
            return self._ask_own(wanted, unused)
        if self._under_way is not None and not self._under_way.done():
            return self._fail_open("it does not answer", wanted, unused)
        asked = self._submit(
            functools.partial(
                self._shared.take, self._name, self._bounds, wanted=wanted, unused=unused
            )
        )
        self._under_way = asked
        try:
            async with asyncio.timeout(ANSWER_S if self._opened else OPENING_S):
                grant = await asyncio.shield(asked)
        except TimeoutError:
            asked.add_done_callback(self._note_late)
            return self._fail_open("it does not answer", wanted, unused)
        except NumberflowError as error:
            return self._fail_open(error.message, wanted, unused)
        # Whatever the error, everybody who waits gets a turn
        except Exception as error:  # noqa: BLE001
            return self._fail_open(type(error).__name__, wanted, unused)
        finally:
            self._opened = True
        self._learn(grant)
        if self._warned:
            self._warned = False
            logger.info("%s: the shared rate budget is back", self._host)
        return grant

    def _ask_own(self, wanted: int, unused: int) -> Grant:
        self._own, grant = arithmetic.take(
            self._own, self._bounds, self._loop.time(), wanted=wanted, unused=unused
        )
        return grant

    def _fail_open(self, why: str, wanted: int, unused: int) -> Grant:
        self._alone_until_s = self._loop.time() + ALONE_S
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s: the rate budget that all processes share is not available (%s); this process "
                "uses its own",
                self._host,
                why,
            )
        return self._ask_own(wanted, unused)

    def _submit(self, call: Callable[[], T]) -> asyncio.Future[T]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="pace")
        return self._loop.run_in_executor(self._threads, call)

    # ---- what this process knows, for the others and for when it is alone

    def _lower_shared(self, departed_s: float, retry_after_s: float | None) -> None:
        if self._shared is None or self._closed:
            return
        departed_ago_s = self._loop.time() - departed_s
        lower = functools.partial(
            self._shared.lower,
            self._name,
            self._bounds,
            departed_ago_s=departed_ago_s,
            retry_after_s=retry_after_s,
        )
        # Runs before the next request to the shared pace: there is one thread.
        self._submit(lower).add_done_callback(self._note_lowered)

    def _note_lowered(self, lowered: asyncio.Future[float]) -> None:
        if lowered.cancelled():
            return
        if lowered.exception() is None:
            self._rate_per_s = lowered.result()
        elif self._telling_again is None and not self._closed:
            # The others continue as if nothing had happened until they hear of it.
            self._telling_again = self._loop.call_later(AGAIN_MAX_S, self._tell_again)

    def _tell_again(self) -> None:
        """Report what the others have not heard yet, while it is news."""
        self._telling_again = None
        now_s = self._loop.time()
        if now_s < max(self._held_until_s, self._departed_s + ALONE_S):
            self._lower_shared(self._departed_s, max(0.0, self._held_until_s - now_s))

    def _learn(self, grant: Grant) -> None:
        """Keep what the shared pace says, as a start for the time without it."""
        now_s = self._loop.time()
        next_s = now_s if grant.delays_s else now_s + grant.again_s + AHEAD_S
        rate_per_s = min(self._bounds.start, grant.rate_per_s)
        self._own = replace(
            self._own, rate_per_s=rate_per_s, next_s=max(self._held_until_s, next_s)
        )

    def _note_late(self, late: asyncio.Future[Grant]) -> None:
        """Handle an answer that came too late.

        Its times are lost and its error is ignored, but its Retry-After is kept.
        """
        if not late.cancelled() and late.exception() is None and not late.result().delays_s:
            self._learn(late.result())

    # ---- words

    def _report_wait(self, since_s: float, for_s: float = 0.0) -> None:
        now_s = self._loop.time()
        if self._on_wait is None or now_s - self._reported_at_s < REPORT_AFTER_S:
            return
        self._reported_at_s = now_s
        more = (
            f", no request for {for_s:.0f} s" if for_s > 0 else f", {now_s - since_s:.0f} s so far"
        )
        self._on_wait(f"waiting for the vendor's limit ({self._host}{more})")


def shared_name(url: str, key_id: str) -> str:
    """A name for one host and one access key, without the key itself."""
    return f"{url.partition('://')[2]} {hashlib.sha256(key_id.encode()).hexdigest()[:16]}"
