"""The inbox of callbacks: keep each event once, list what waits, note what became of it. SQL only.

Beside the journal of costly steps: a callback only says where to look, and a lost one costs the
time until the next sweep. Rows are written by the receiver and worked through by drain-callbacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa

from numberflow.journal.database import Database
from numberflow.journal.tables import callbacks
from numberflow.models.callback import Callback


class CallbackState(StrEnum):
    """What became of a callback."""

    WAITING = "waiting"
    DONE = "done"
    UNREADABLE = "unreadable"


class NewCallback(NamedTuple):
    """A callback as it arrived: its project by the address, the raw bytes, and what they say."""

    project_id: str
    callback: Callback
    body: bytes


@dataclass(frozen=True, slots=True)
class CallbackEntry:
    """A row of the inbox, without its body."""

    project_id: str
    event_id: str
    resource_type: str
    resource_id: str
    event_type: str
    attempts: int
    received_at: datetime


class InboxCounts(NamedTuple):
    """How the inbox stands. `oldest_at` is when the oldest waiting row arrived."""

    waiting: int
    unreadable: int
    oldest_at: datetime | None


def tried_again_after(attempts: int) -> timedelta:
    """How old an event is when it is worked through once more.

    1, 3 and 7 minutes: most of what is awaited comes soon. Then every 15, as the sweep.
    """
    return timedelta(minutes=2**attempts - 1 if attempts < 4 else 15 * (attempts - 3))


class CallbackRows:
    """The part of a journal that is the inbox."""

    _database: Database

    def keep_callbacks(self, arrived: Sequence[NewCallback]) -> int:
        """Keep events in one transaction, each once; the number of those that are new.

        On disk when it returns, so that the vendor may be answered.
        """
        # Twice in one batch is once; the database refuses what an earlier one brought. In order, so
        # that two receivers with the same events wait for each other and not in a circle.
        batch = {(each.project_id, each.callback.event_id): each for each in arrived}
        with self._database.write() as connection:
            now = self._database.now(connection)
            return self._database.insert_all_missing(
                connection, callbacks, [_values(each, now) for _, each in sorted(batch.items())]
            )

    def waiting_callbacks(
        self, project_id: str, *, limit: int, due_only: bool = False
    ) -> tuple[CallbackEntry, ...]:
        """The oldest of a project's events that wait; those that failed often come last.

        `due_only`: without those that failed a moment ago (`tried_again_after`).
        """
        columns = callbacks.c
        query = (
            sa.select(*(columns[name] for name in CallbackEntry.__dataclass_fields__))
            .where(columns.project_id == project_id, columns.state == CallbackState.WAITING.value)
            .order_by(columns.attempts, columns.received_at, columns.event_id)
        )
        with self._database.read() as connection:
            now = self._database.now(connection)
            rows = (CallbackEntry(**row._mapping) for row in connection.execute(query))  # noqa: SLF001
            wanted = (row for row in rows if not due_only or _is_due(row, now))
            return tuple(islice(wanted, limit))

    def projects_with_callbacks(self) -> tuple[str, ...]:
        """Projects of which events wait that are due (`tried_again_after`)."""
        columns = callbacks.c
        query = (
            sa.select(
                columns.project_id,
                columns.attempts,
                sa.func.min(columns.received_at).label("received_at"),
            )
            .where(columns.state == CallbackState.WAITING.value)
            .group_by(columns.project_id, columns.attempts)
        )
        with self._database.read() as connection:
            now = self._database.now(connection)
            due = {row.project_id for row in connection.execute(query) if _is_due(row, now)}
        return tuple(sorted(due))

    def callbacks_done(self, project_id: str, notes: Mapping[str, str]) -> None:
        """These events are worked through: a note for each event's id says what came of it."""
        columns = callbacks.c
        with self._database.write() as connection:
            now = self._database.now(connection)
            for event_id, note in notes.items():
                connection.execute(
                    callbacks.update()
                    .where(
                        columns.project_id == project_id,
                        columns.event_id == event_id,
                        columns.state == CallbackState.WAITING.value,
                    )
                    .values(
                        state=CallbackState.DONE.value,
                        attempts=columns.attempts + 1,
                        note=note,
                        done_at=now,
                    )
                )

    def callbacks_failed(self, project_id: str, event_ids: Iterable[str], note: str) -> None:
        """These events could not be worked through and wait on; `note` says why."""
        columns = callbacks.c
        with self._database.write() as connection:
            connection.execute(
                callbacks.update()
                .where(columns.project_id == project_id, columns.event_id.in_(list(event_ids)))
                .values(attempts=columns.attempts + 1, note=note)
            )

    def remove_callbacks(self, project_id: str, *, older_than: timedelta) -> int:
        """Remove events that were worked through so long ago; how many. Others stay."""
        columns = callbacks.c
        with self._database.write() as connection:
            return connection.execute(
                callbacks.delete().where(
                    columns.project_id == project_id,
                    columns.state == CallbackState.DONE.value,
                    columns.done_at < self._database.now(connection) - older_than,
                )
            ).rowcount

    def inbox(self, project_id: str | None = None) -> InboxCounts:
        """How the inbox of a project, or of all, stands."""
        columns = callbacks.c
        is_waiting = columns.state == CallbackState.WAITING.value
        query = sa.select(
            sa.func.count().filter(is_waiting),
            sa.func.count().filter(columns.state == CallbackState.UNREADABLE.value),
            sa.func.min(columns.received_at).filter(is_waiting),
        ).where(columns.state != CallbackState.DONE.value)
        if project_id is not None:
            query = query.where(columns.project_id == project_id)
        with self._database.read() as connection:
            return InboxCounts(*connection.execute(query).one())


def _is_due(row: Any, now: datetime) -> bool:
    received_at: datetime = row.received_at
    return now - received_at >= tried_again_after(row.attempts)


def _values(arrived: NewCallback, now: datetime) -> dict[str, Any]:
    callback = arrived.callback
    unreadable = callback.unreadable is not None
    return {
        "project_id": arrived.project_id,
        "event_id": callback.event_id,
        "api": callback.api,
        "resource_type": callback.resource_type,
        "resource_id": callback.resource_id,
        "event_type": callback.event_type,
        "body": arrived.body,
        "state": (CallbackState.UNREADABLE if unreadable else CallbackState.WAITING).value,
        "attempts": 0,
        "note": callback.unreadable or "",
        "received_at": now,
        "done_at": None,
    }
