"""Storing callbacks before they are answered: those that arrive together share one transaction.

Each commit waits for the disk (synchronous=FULL), which takes milliseconds; while one is under way
the next batch gathers. So the disk sets the delay of a reply, not the number of replies.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from numberflow.errors import JournalUnavailable
from numberflow.journal import Journal, NewCallback
from numberflow.receiver.metrics import Metrics

BATCH_MAX = 500
# What may wait while the database does not answer: four seconds of 500 a second. The vendor
# delivers again what is refused, and memory stays bounded.
WAITING_MAX = 2000


class Intake:
    """The one writer of a receiver. Use it within `running`."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal = journal
        self._metrics = metrics
        self._waiting: deque[tuple[NewCallback, asyncio.Future[None]]] = deque()
        self._arrived = asyncio.Event()

    async def keep(self, arrived: NewCallback) -> None:
        """Return when the event is on disk, or was there.

        Raises:
            JournalUnavailable: it is not known to be on disk; it has to be delivered again.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise JournalUnavailable("The inbox does not keep up.", remedy="deliver again")
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((arrived, done))
        self._arrived.set()
        await done

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write what arrives, until the block ends: by then all requests were answered."""
        with ThreadPoolExecutor(1, thread_name_prefix="numberflow-inbox") as writer:
            task = asyncio.create_task(self._write(writer))
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _write(self, writer: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                some = min(len(self._waiting), BATCH_MAX)
                batch = [self._waiting.popleft() for _ in range(some)]
                error: Exception | None = None
                try:
                    new = await loop.run_in_executor(
                        writer, self._journal.keep_callbacks, [arrived for arrived, _ in batch]
                    )
                    self._metrics.stored.inc(new)
                    self._metrics.duplicate.inc(some - new)
                except Exception as failed:  # noqa: BLE001 - each request answers for itself
                    error = failed
                for _, done in batch:
                    if done.done():  # its sender has gone
                        continue
                    if error is None:
                        done.set_result(None)
                    else:
                        done.set_exception(error)
