"""Paces that all processes with one access key share: one row for each host of the vendor.

They are in the journal's database because all processes have that in common, but they are not part
of the journal: a lost pace costs a few 429s. So commits do not wait for the disk, a busy database
is waited for a quarter of a second at most, and a process without the shared pace continues with
its own (numberflow.client.pace). numberflow.models.pace explains what a pace is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

import sqlalchemy as sa

from numberflow.journal.counter_rows import Counts, add_counts
from numberflow.journal.database import Clock, Database
from numberflow.journal.tables import paces
from numberflow.models import pace as arithmetic
from numberflow.models.pace import Bounds, Grant, Pace

BUSY_S = 0.25


class Paces:
    """The shared paces of one journal. Thread-safe; a context manager; opened at the first use.

    Every method raises JournalUnavailable when the database is busy, down, or has the schema of a
    newer numberflow.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._url = url
        self._clock = clock
        self._opening = threading.Lock()
        self._database: Database | None = None

    def take(self, name: str, bounds: Bounds, *, wanted: int, unused: int) -> Grant:
        """Times for up to `wanted` requests; see `numberflow.models.pace.take`."""
        grants: list[Grant] = []

        def change(pace: Pace, now_s: float) -> Pace:
            pace, grant = arithmetic.take(pace, bounds, now_s, wanted=wanted, unused=unused)
            grants.append(grant)
            return pace

        self._change(name, bounds, change)
        return grants[-1]

    def lower(
        self, name: str, bounds: Bounds, *, departed_ago_s: float, retry_after_s: float | None
    ) -> float:
        """A request that left `departed_ago_s` ago met a 429. Returns the new rate per second."""

        def change(pace: Pace, now_s: float) -> Pace:
            return arithmetic.lower(
                pace, bounds, now_s, departed_s=now_s - departed_ago_s, retry_after_s=retry_after_s
            )

        return self._change(name, bounds, change).rate_per_s

    def count(self, requests: Counts) -> None:
        """Add the requests that left under these paces to the counters (`counter_rows`)."""
        database = self._open()
        with database.write() as connection:
            add_counts(database, connection, requests)

    def close(self) -> None:
        """Close the connections, if there are any."""
        with self._opening:
            database, self._database = self._database, None
        if database is not None:
            database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _change(self, name: str, bounds: Bounds, change: Callable[[Pace, float], Pace]) -> Pace:
        database = self._open()
        query = sa.select(paces).where(paces.c.name == name).with_for_update()
        with database.write() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                begun = arithmetic.fresh(bounds, database.now(connection).timestamp())
                database.insert_missing(connection, paces, name=name, **_values(begun))
                row = connection.execute(query).one()
            # After the lock: its last holder may have kept us waiting.
            now_s = database.now(connection).timestamp()
            pace = change(_pace_of(row), now_s)
            connection.execute(paces.update().where(paces.c.name == name).values(**_values(pace)))
        return pace

    def _open(self) -> Database:
        with self._opening:
            if self._database is None:
                self._database = Database(
                    self._url, clock=self._clock, busy_timeout_s=BUSY_S, durable=False
                )
            return self._database


def _pace_of(row: sa.Row[tuple[object, ...]]) -> Pace:
    facts = row._mapping  # noqa: SLF001 (SQLAlchemy's public name for it)
    lowered_at = facts["lowered_at"]
    return Pace(
        rate_per_s=facts["rate_per_s"],
        next_s=facts["next_at"].timestamp(),
        since_s=facts["since"].timestamp(),
        used=facts["used"],
        lowered_s=None if lowered_at is None else lowered_at.timestamp(),
    )


def _values(pace: Pace) -> dict[str, object]:
    return {
        "rate_per_s": pace.rate_per_s,
        "next_at": _time(pace.next_s),
        "since": _time(pace.since_s),
        "used": pace.used,
        "lowered_at": None if pace.lowered_s is None else _time(pace.lowered_s),
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
