"""Hold leases: who may work on a purchase or a number, and how a holder learns that it may not.

A lease is checked twice. The database decides who holds it (`lease_rows.py`: owner, fence and
expiry inside the writing transaction). Each holder also keeps its own deadline, on clocks that
continue while the process is stopped or the machine sleeps. So a process that wakes up late stops
*before* it sends, without asking anybody.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import anyio

from numberflow.errors import JournalUnavailable, LeaseLost
from numberflow.journal.lease_rows import Busy, HeldLease, IsDead, Taken
from numberflow.journal.owner import Owner, owner_is_dead

logger = logging.getLogger(__name__)

# Renewals happen every quarter and `check` refuses after three quarters, so two renewals in a row
# may fail without stopping anybody. The last quarter is a margin: it covers a request's way to the
# vendor, and clocks of two machines that run at different rates.
RENEWALS_PER_LEASE = 4
MARGIN = 0.25
# A failed renewal is tried again sooner than the next regular one.
_RETRIES_PER_LEASE = 20


class LocalTime(NamedTuple):
    """Seconds since boot (stopped and asleep included), and wall clock."""

    boot_s: float
    wall_s: float


def local_time() -> LocalTime:
    """Both clocks now. On macOS, without CLOCK_BOOTTIME, the monotonic clock counts sleep."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return LocalTime(time.clock_gettime(time.CLOCK_BOOTTIME), time.time())
    return LocalTime(time.monotonic(), time.time())


class LeaseStore(Protocol):
    """What the keeper needs of a journal."""

    def take_lease(
        self, resource: str, owner: str, lease_s: float, is_dead: IsDead
    ) -> Taken | Busy:
        """Take a resource, or say who has it."""

    def renew_leases(self, held: tuple[HeldLease, ...], lease_s: float) -> frozenset[str]:
        """Extend the leases; returns what is still held."""

    def give_back_leases(self, held: tuple[HeldLease, ...]) -> None:
        """Free the resources."""


class Lease:
    """The right to work on one resource, for as long as `check` does not raise."""

    def __init__(
        self,
        resource: str,
        owner: str,
        fence: int,
        *,
        lease_s: float,
        since: LocalTime,
        clock: Callable[[], LocalTime] = local_time,
    ) -> None:
        self.resource = resource
        self.owner = owner
        self.fence = fence
        self._lease_s = lease_s
        self._since = since
        self._clock = clock
        self._lost: str | None = None

    @property
    def remaining_s(self) -> float:
        """Seconds until `check` raises, by the more pessimistic clock; negative afterwards."""
        since, now = self._since, self._clock()
        gone_s = max(now.boot_s - since.boot_s, now.wall_s - since.wall_s)
        return self._lease_s * (1 - MARGIN) - gone_s

    def check(self) -> None:
        """Make sure that this holder may still act. Local and instant: no I/O.

        Raises:
            LeaseLost: taken over, given back, or not renewed in time.
        """
        if self._lost is not None:
            raise LeaseLost(self._lost, resource=self.resource)
        if self.remaining_s <= 0:
            raise LeaseLost(
                f"The lease on {self.resource} was not renewed in time (this process was stopped, "
                "or the journal did not answer).",
                resource=self.resource,
            )

    def _extend(self, since: LocalTime) -> None:
        self._since = since

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why

    def __repr__(self) -> str:
        return f"Lease({self.resource!r}, fence={self.fence}, remaining_s={self.remaining_s:.1f})"


class LeaseKeeper:
    """Holds the leases of one run, renews them in the background and gives them back at the end.

    The heartbeat is a thread, not a task of the event loop. A loop that is busy for a minute must
    not lose its leases, and a stopped process must (a stop halts all threads).
    """

    def __init__(
        self,
        journal: LeaseStore,
        lease_s: float,
        *,
        owner: str | None = None,
        is_dead: IsDead = owner_is_dead,
        clock: Callable[[], LocalTime] = local_time,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
    ) -> None:
        """`lease_s`: how long a lease lasts without renewal. The other arguments are for tests."""
        self.owner = owner or str(Owner.here())
        self.lease_s = lease_s
        self._journal = journal
        self._is_dead = is_dead
        self._clock = clock
        self._sleep = sleep
        self._held: dict[str, Lease] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        self._stop.clear()
        self._thread = threading.Thread(target=self._beat, name="numberflow-leases", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._give_all_back)

    async def acquire(
        self, resource: str, *, wait_s: float = 0.0, on_wait: Callable[[Busy], object] | None = None
    ) -> Lease:
        """Take the lease on `resource`, waiting up to `wait_s` for its holder.

        `on_wait` is called with the holder, once for each.

        Raises:
            LeaseLost: somebody else still has it; names the holder and until when.
            JournalUnavailable: the journal cannot say.
        """
        waited_s = 0.0
        told: str | None = None
        # Often enough that a waiting person sees a dead process noticed at once, rarely enough for
        # a shared database.
        step_s = max(0.01, min(0.5, self.lease_s / 20))
        while True:
            answer = await anyio.to_thread.run_sync(self._take, resource)
            if isinstance(answer, Lease):
                return answer
            if waited_s >= wait_s:
                raise LeaseLost(f"{resource} is held by {answer.described()}.", resource=resource)
            if on_wait is not None and told != answer.owner:
                told = answer.owner
                on_wait(answer)
            await self._sleep(step_s)
            waited_s += step_s

    async def release(self, lease: Lease) -> None:
        """Give one lease back. It is over for its holder whatever the journal says."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._give_back, (lease,))

    @contextlib.asynccontextmanager
    async def holding(
        self, resource: str, *, wait_s: float = 0.0, on_wait: Callable[[Busy], object] | None = None
    ) -> AsyncIterator[Lease]:
        """Hold a lease (`acquire`) for the length of a block."""
        lease = await self.acquire(resource, wait_s=wait_s, on_wait=on_wait)
        try:
            yield lease
        finally:
            await self.release(lease)

    def renew(self) -> None:
        """Renew all held leases now (the heartbeat does this by itself).

        Raises:
            JournalUnavailable: nothing is known; the leases continue to their local deadlines.
        """
        with self._guard:
            held = tuple(self._held.values())
        if not held:
            return
        since = self._clock()
        ours = self._journal.renew_leases(held, self.lease_s)
        for lease in held:
            if lease.resource in ours:
                lease._extend(since)  # noqa: SLF001 (keeper and lease are one mechanism)
            else:
                lease._lose(f"The lease on {lease.resource} was taken over by another process.")  # noqa: SLF001
                with self._guard:
                    if self._held.get(lease.resource) is lease:
                        del self._held[lease.resource]

    def _take(self, resource: str) -> Lease | Busy:
        """Take and register in one step: a cancelled `acquire` must not leave a lease behind."""
        # Read before the request: the lease cannot have begun earlier, however long the answer
        # takes.
        since = self._clock()
        answer = self._journal.take_lease(resource, self.owner, self.lease_s, self._is_dead)
        if isinstance(answer, Busy):
            return answer
        lease = Lease(
            resource, self.owner, answer.fence, lease_s=self.lease_s, since=since, clock=self._clock
        )
        with self._guard:
            self._held[resource] = lease
        return lease

    def _beat(self) -> None:
        pause_s = self.lease_s / RENEWALS_PER_LEASE
        while not self._stop.wait(pause_s):
            try:
                self.renew()
                pause_s = self.lease_s / RENEWALS_PER_LEASE
            except JournalUnavailable as error:
                logger.warning("Leases could not be renewed: %s", error)
                pause_s = self.lease_s / _RETRIES_PER_LEASE
            except Exception:
                # A heartbeat that ended silently would be worse than any error: the leases run to
                # their deadlines and `check` raises.
                logger.exception("Leases could not be renewed")
                pause_s = self.lease_s / _RETRIES_PER_LEASE

    def _give_all_back(self) -> None:
        if self._thread is not None:
            # A renewal may be waiting for a database that is down; it must not hold up the end of
            # the run for longer than its own time-out.
            self._thread.join(timeout=self.lease_s)
        with self._guard:
            held = tuple(self._held.values())
        self._give_back(held)

    def _give_back(self, held: tuple[Lease, ...]) -> None:
        if not held:
            return
        with self._guard:
            for lease in held:
                lease._lose(f"The lease on {lease.resource} was given back.")  # noqa: SLF001
                if self._held.get(lease.resource) is lease:
                    del self._held[lease.resource]
        try:
            self._journal.give_back_leases(held)
        except JournalUnavailable as error:
            # They expire by themselves. A failure here would hide how the step ended.
            logger.warning("Leases could not be given back, they expire by themselves: %s", error)
