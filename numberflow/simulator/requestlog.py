"""The log of requests: what came in, and its result.

Never bodies or credentials, which may be secret.
"""

import threading
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from numberflow.simulator.wire import api_time

_KEPT = 500_000
"""Entries kept: enough for any test, and at most 200 MB for a simulator that runs for weeks."""


@dataclass(slots=True)
class Entry:
    """One request. `status` is None when no reply was sent (or not yet).

    `committed` says whether the world changed.
    """

    n: int
    at: datetime
    operation: str
    method: str
    path: str
    query: str
    user_agent: str
    has_body: bool
    status: int | None = None
    committed: bool = False
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"at": api_time(self.at)}


class RequestLog:
    """All requests since the start, numbered from 1. Thread-safe."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._counts: Counter[str] = Counter()
        self._last = 0
        self._lock = threading.Lock()

    def open(
        self,
        *,
        at: datetime,
        operation: str,
        method: str,
        path: str,
        query: str,
        user_agent: str,
        has_body: bool,
    ) -> Entry:
        """Adds a request before it is handled, so that one that never ends is logged, too."""
        with self._lock:
            self._last += 1
            entry = Entry(self._last, at, operation, method, path, query, user_agent, has_body)
            self._entries.append(entry)
            self._counts[operation] += 1
            return entry

    def since(self, n: int = 0) -> list[dict[str, Any]]:
        """The requests after number n, oldest first."""
        with self._lock:
            return [entry.as_dict() for entry in self._entries if entry.n > n]

    def summary(self) -> dict[str, int]:
        """How many requests each operation had."""
        with self._lock:
            return dict(sorted(self._counts.items()))
