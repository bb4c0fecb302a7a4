"""Reads that lag behind writes: for a while, some reads show a thing as before a commit.

No rules, no HTTP.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from numberflow.simulator.stock import StockNumber


@dataclass(frozen=True, slots=True)
class Commit:
    """A change to one thing, with the JSON that reads showed before it.

    None: it did not exist / was not for sale. `noun` says what `key` is of: number, order,
    registration, emergency_address, imported, hosting_order, qualified.
    """

    key: str
    before: str | None
    stock_before: StockNumber | None = None
    noun: str = "number"


@dataclass(frozen=True, slots=True)
class LagSpec:
    """How long reads lag: simulated seconds, or a number of reads, whichever is given.

    With `lists_only` other reads do not lag.
    """

    seconds: float | None = None
    reads: int | None = None
    lists_only: bool = False


@dataclass(slots=True)
class Shadow:
    """What stale reads show of one thing."""

    commit: Commit
    until_at: datetime | None
    reads_left: int | None
    lists_only: bool


class Shadows:
    """The stale pictures of one noun.

    A thing has at most one: a second commit extends it, and the oldest picture stays.
    """

    def __init__(self) -> None:
        self._shadows: dict[str, Shadow] = {}

    def cast(self, commit: Commit, spec: LagSpec, now: datetime) -> None:
        """From now on, reads show the thing as before the commit."""
        until_at = None if spec.seconds is None else now + timedelta(seconds=spec.seconds)
        old = self._live(commit.key, now)
        self._shadows[commit.key] = Shadow(
            old.commit if old else commit, until_at, spec.reads, spec.lists_only
        )

    def of(self, key: str, now: datetime) -> Shadow | None:
        """The shadow that a read of this one thing meets; counts as a read."""
        shadow = self._live(key, now)
        if shadow is None or shadow.lists_only:
            return None
        self._count(shadow)
        return shadow

    def for_list(self, now: datetime, *, search: bool = False) -> dict[str, Shadow]:
        """The shadows that a list (or a search) meets, by key; counts as a read of each."""
        if not self._shadows:
            return {}
        met = {}
        for key in list(self._shadows):
            shadow = self._live(key, now)
            if shadow is None or (search and shadow.lists_only):
                continue
            met[key] = shadow
            self._count(shadow)
        return met

    def clear(self) -> None:
        """Ends all lags."""
        self._shadows.clear()

    def _live(self, key: str, now: datetime) -> Shadow | None:
        shadow = self._shadows.get(key)
        if shadow is None:
            return None
        if (shadow.until_at is not None and now >= shadow.until_at) or shadow.reads_left == 0:
            del self._shadows[key]
            return None
        return shadow

    @staticmethod
    def _count(shadow: Shadow) -> None:
        if shadow.reads_left is not None:
            shadow.reads_left -= 1
