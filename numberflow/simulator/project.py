"""What all nouns of a project share: its clock, money, random generator, and news."""

import heapq
import itertools
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from numberflow.simulator.clock import Clock
from numberflow.simulator.ledger import Ledger
from numberflow.simulator.news import News
from numberflow.simulator.settings import SimulatorSettings
from numberflow.simulator.switches import Switches


@dataclass(slots=True, order=True)
class _Due:
    at: datetime
    number: int
    act: Callable[[datetime], None] = field(compare=False)


class Project:
    """One project of the vendor, before anything is in it.

    `settle` may be called from any thread.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock, switches: Switches) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.switches = switches
        self.project_id = settings.project_id
        self.trial = False
        self.ledger = Ledger(settings.project_id, settings.balance)
        self.listeners: list[Callable[[News], None]] = []
        self.seed = settings.seed
        self.rng = random.Random(f"world-{settings.seed}")
        self._serial = itertools.count(1)
        self._due: list[_Due] = []

    def settle(self) -> datetime:
        """Makes everything happen that is due: renewals, expiries, ends of jobs.

        Returns the time to which it settled.
        """
        now = self.clock.now()
        with self.lock:
            while self._due and self._due[0].at <= now:
                due = heapq.heappop(self._due)
                due.act(due.at)
        return now

    def at(self, moment: datetime, act: Callable[[datetime], None]) -> None:
        """Schedules something for a moment of the simulated clock; `act` gets that moment."""
        heapq.heappush(self._due, _Due(moment, next(self._serial), act))

    def tell(self, news: News) -> None:
        """Passes news to all listeners."""
        for listener in self.listeners:
            listener(news)
