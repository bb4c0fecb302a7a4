"""What is counted for monitoring: from the journal's own rows, and beside them in `counters`.

Nothing here decides about a purchase. In `counters` is only what no row of the journal says: how
runs ended, requests to the vendor, exports. SQL only; names of metrics are the receiver's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa

from numberflow.journal.database import Database
from numberflow.journal.json_text import dump_json
from numberflow.journal.stop_rows import MARKER
from numberflow.journal.tables import counters, intentions, orders, purchases, stops
from numberflow.journal.transitions import IntentionState

# Open for sure, and not only planned: somebody or some look has to end it.
_UNSETTLED = [
    str(state)
    for state in (IntentionState.SENDING, IntentionState.UNKNOWN, IntentionState.NEEDS_PERSON)
]


@dataclass(frozen=True, slots=True)
class CounterKey:
    """What is counted: a name and its labels, in the order in which they are shown."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()


Counts = Mapping[CounterKey, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """How the journal stands at one moment.

    Fields:
        purchases: by operation.
        steps: by operation and state.
        charges: what is done has cost at once, by currency.
        oldest_open: age of the oldest step that is sending, unknown or needs a person.
        orders: those that are followed, by kind.
        stops: holds on costly steps, by who holds: a person, or the marker of a restored journal.
        counted: what stands in `counters`.
    """

    purchases: Mapping[str, int]
    steps: Mapping[tuple[str, str], int]
    charges: Mapping[str, Decimal]
    oldest_open: timedelta
    orders: Mapping[str, int]
    stops: Mapping[str, int]
    counted: Counts


class CounterRows:
    """The part of a journal that is read for monitoring."""

    _database: Database

    def count(self, more: Counts, *, now: Counts | None = None) -> None:
        """Add to counters, and set those that say how something is now."""
        with self._database.write() as connection:
            add_counts(self._database, connection, more)
            for key, value in (now or {}).items():
                _write(self._database, connection, key, sa.literal(float(value)))

    def figures(self) -> Figures:
        """Everything that is shown, in one transaction. Takes milliseconds at 20,000 steps."""
        columns = intentions.c
        of_steps = sa.select(
            columns.operation, columns.state, columns.currency, columns.due_amount, sa.func.count()
        ).group_by(columns.operation, columns.state, columns.currency, columns.due_amount)
        steps: dict[tuple[str, str], int] = {}
        charges: dict[str, Decimal] = {}
        with self._database.snapshot() as connection:
            now = self._database.now(connection)
            for operation, state, currency, due, count in connection.execute(of_steps):
                steps[operation, state] = steps.get((operation, state), 0) + count
                if state == IntentionState.DONE and currency is not None and due is not None:
                    charges[currency] = charges.get(currency, Decimal(0)) + due * count
            oldest: datetime | None = connection.execute(
                sa.select(sa.func.min(columns.created_at)).where(columns.state.in_(_UNSETTLED))
            ).scalar()
            return Figures(
                purchases=_by(connection, purchases.c.operation),
                steps=steps,
                charges=charges,
                oldest_open=timedelta(0) if oldest is None else max(now - oldest, timedelta(0)),
                orders=_by(connection, orders.c.kind, orders.c.closed_at.is_(None)),
                stops={
                    "person": _how_many(connection, stops.c.by != MARKER),
                    "marker": _how_many(connection, stops.c.by == MARKER),
                },
                counted={
                    CounterKey(row.name, tuple(json.loads(row.labels).items())): row.value
                    for row in connection.execute(sa.select(counters))
                },
            )


def add_counts(database: Database, connection: sa.Connection, more: Counts) -> None:
    """Add to counters, in an order that is the same for everybody who writes them."""
    for key in sorted(more, key=lambda each: (each.name, each.labels)):
        _write(database, connection, key, counters.c.value + float(more[key]), begun=more[key])


def _write(
    database: Database,
    connection: sa.Connection,
    key: CounterKey,
    value: sa.ColumnElement[float],
    *,
    begun: float | None = None,
) -> None:
    labels = dump_json(dict(key.labels))
    if begun is not None and database.insert_missing(
        connection, counters, name=key.name, labels=labels, value=float(begun)
    ):
        return
    database.insert_missing(connection, counters, name=key.name, labels=labels, value=0.0)
    connection.execute(
        counters.update()
        .where(counters.c.name == key.name, counters.c.labels == labels)
        .values(value=value)
    )


def _by(
    connection: sa.Connection, column: sa.Column[str], *where: sa.ColumnElement[bool]
) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(*where).group_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}


def _how_many(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    found = sa.select(sa.func.count()).select_from(stops).where(which)
    return connection.execute(found).scalar_one()
