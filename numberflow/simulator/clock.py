"""The simulator's clock, and the calendar rule for months. It does not know what uses them."""

import threading
import time
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that tests can move forward. Thread-safe.

    `now()` is aware UTC. `monotonic_s()` never stops, even at speed 0: rate limits are about real
    load. A client that waits by advancing the clock finds its bucket refilled, too.
    """

    def __init__(
        self,
        start_at: datetime | None = None,
        speed: float = 1.0,
        real_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._real_s = real_s
        self._begun_s = real_s()
        self._start_at = (start_at or datetime.now(UTC)).astimezone(UTC)
        self._advanced = timedelta(0)
        self._lock = threading.Lock()
        self.speed = speed

    def now(self) -> datetime:
        """The simulated time, aware UTC."""
        return (
            self._start_at
            + timedelta(seconds=(self._real_s() - self._begun_s) * self.speed)
            + self._advanced
        )

    def advance(self, seconds: float) -> datetime:
        """Moves the clock forward and returns its new time.

        Raises ValueError for a negative number of seconds.
        """
        if seconds < 0:
            raise ValueError("the clock only moves forward: seconds must not be negative")
        with self._lock:
            self._advanced += timedelta(seconds=seconds)
        return self.now()

    def monotonic_s(self) -> float:
        """Seconds for rate limits: real ones plus advanced ones."""
        return self._real_s() + self._advanced.total_seconds()


def add_months(moment: datetime, months: int) -> datetime:
    """The same time of day this many months later, clamped to the end of the month.

    *Assumed*, table entry 31. Count from the day of the rent each time: 31 January gives 28
    February and then 31 March.
    """
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
