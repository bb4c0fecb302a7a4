"""What `numberflow up` watches: errors of the server's services, and the clock.

Not here: reading the log (server_log), what is overdue (planning.schedules), starting (up).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

import httpx

from numberflow.cli.schedules import ask
from numberflow.cli.server_log import ServerError, ServerLog
from numberflow.planning.schedules import (
    PLANNED_WITHIN,
    Scheduled,
    next_run,
    problem,
    raise_alarm,
    read_schedules,
)

# The log is read in every turn, the server at this interval: the shortest schedule is 15 minutes.
ASK_EVERY_S = 60.0
# Until the first next runs are known, because a person waits for that line.
ASK_FIRST_EVERY_S = 3.0
YOUNG_S = PLANNED_WITHIN.total_seconds()
_UNREADABLE = (httpx.HTTPError, ValueError, KeyError, TypeError)


@dataclass
class Watch:
    """Looks when it is called, and says what is new. No error in it stops the server.

    Fields:
        api_url: of the server.
        log: of the server, from its start.
        since: when the server was started, aware UTC.
        say: prints one line on the terminal.
    """

    api_url: str
    log: ServerLog
    since: datetime
    say: Callable[[str], None]
    _served_at_s: float | None = None
    _asked_at_s: float = -math.inf
    _knows_next: bool = False
    _told: set[tuple[str, str]] = field(default_factory=set)

    def served(self) -> None:
        """Call when the deployments exist and the clock has to start them."""
        self._served_at_s = monotonic()
        self._asked_at_s = -math.inf

    def look(self) -> None:
        """Say every new error of a service; check the clock on the server now and then."""
        for found in self._news():
            self.say(f"ERROR in the Prefect server: {found}")
            self.say(f"  → it still answers, but schedules or alarms may fail; see {self.log.path}")
        if self._served_at_s is None:
            return
        now_s = monotonic()
        is_awaited = not self._knows_next and self._is_young
        if now_s - self._asked_at_s >= (ASK_FIRST_EVERY_S if is_awaited else ASK_EVERY_S):
            self._asked_at_s = now_s
            self._clock()

    @property
    def _is_young(self) -> bool:
        """Whether deployments may still be paused by an earlier `up`, or not planned yet."""
        return self._served_at_s is not None and monotonic() - self._served_at_s < YOUNG_S

    def _news(self) -> list[ServerError]:
        try:
            return self.log.news()
        except OSError as error:
            self._say_once(
                "log", f"The server's log cannot be read: {type(error).__name__}: {self.log.path}"
            )
            return []

    def _clock(self) -> None:
        now = datetime.now(UTC)
        try:
            seen = ask(self.api_url, read_schedules(now))
        except _UNREADABLE:
            # The server is busy or going down. Another part checks whether it lives.
            return
        if not self._knows_next and seen and all(each.is_on and each.next_at for each in seen):
            self._knows_next = True
            self.say(f"Next runs: {', '.join(next_run(each) for each in seen)}.")
        for each in seen:
            wrong = problem(each, now, self.since)
            if wrong is None:
                self._told = {told for told in self._told if told[0] != each.name}
            elif each.is_overdue(now, self.since) or not self._is_young:
                self._tell(each, *wrong, now)

    def _tell(self, scheduled: Scheduled, reason: str, remedy: str, now: datetime) -> None:
        self._say_once(scheduled.name, f"{scheduled.name}: {reason}\n  → {remedy}")
        if scheduled.is_overdue(now, self.since):
            try:
                ask(self.api_url, raise_alarm(scheduled, reason, remedy, now, calls_person=True))
            except _UNREADABLE as error:
                self._say_once(
                    scheduled.name,
                    f"The alarm about {scheduled.name} was not raised: {type(error).__name__}",
                )

    def _say_once(self, about: str, text: str) -> None:
        if (about, text) not in self._told:
            self._told.add((about, text))
            self.say(text)
