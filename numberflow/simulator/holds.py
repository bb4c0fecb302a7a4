"""Requests that are held until somebody releases them, so that a test can act at that moment."""

import asyncio
import itertools
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Hold:
    """One held request.

    `stage` is before (nothing has happened) or after (it has taken effect, the reply waits).
    """

    number: int
    request: int
    operation: str
    path: str
    stage: str
    done: "Future[None]" = field(default_factory=Future)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.number,
            "request": self.request,
            "operation": self.operation,
            "path": self.path,
            "stage": self.stage,
        }


class Holds:
    """All requests held now. Thread-safe."""

    def __init__(self) -> None:
        self._holds: dict[int, Hold] = {}
        self._serial = itertools.count(1)
        self._lock = threading.Lock()

    def open(self, request: int, operation: str, path: str, stage: str) -> Hold:
        """Registers a request as held."""
        with self._lock:
            hold = Hold(next(self._serial), request, operation, path, stage)
            self._holds[hold.number] = hold
            return hold

    def close(self, hold: Hold) -> None:
        """Removes a request that is no longer held."""
        with self._lock:
            self._holds.pop(hold.number, None)

    def list(self) -> list[dict[str, Any]]:
        """What is held now."""
        with self._lock:
            return [hold.as_dict() for hold in self._holds.values()]

    def release(self, number: int) -> bool:
        """Lets one request continue; False if it is not held."""
        with self._lock:
            hold = self._holds.pop(number, None)
        if hold is None:
            return False
        if not hold.done.done():
            hold.done.set_result(None)
        return True

    def release_all(self) -> int:
        """Lets every request continue; returns how many there were."""
        return sum(self.release(hold["id"]) for hold in self.list())


async def wait_for(hold: Hold, client_gone: "asyncio.Task[None]", seconds: float) -> bool:
    """Waits until the hold is released, the time is over, or the client has disconnected.

    Returns True if the client is still there.
    """
    released = asyncio.wrap_future(hold.done)
    await asyncio.wait(
        {released, client_gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    return not client_gone.done()
