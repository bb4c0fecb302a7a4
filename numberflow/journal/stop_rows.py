"""The stops table: hold, lift, ask. SQL only; other holds are in `brake.py`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from numberflow.errors import Stopped
from numberflow.journal import audit
from numberflow.journal.database import Database
from numberflow.journal.lease_rows import IsDead
from numberflow.journal.owner import owner_is_dead
from numberflow.journal.tables import attempts, intentions, stops
from numberflow.journal.transitions import IntentionState

ALL = "*"
MARKER = "the journal's marker"
"""Who holds a project whose journal was restored: `by` of its stop. `go` does not lift it."""
# No request outlasts its lease (60 s by default, `NUMBERFLOW_LEASE_S`); after ten times that it is
# surely over.
LEAVING_MAX = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Stop:
    """A hold on costly steps: of one project (its id), or of all (`ALL`)."""

    scope: str
    by: str
    why: str
    at: datetime

    def described(self) -> str:
        """For people: what is held, by whom, since when, and why."""
        what = "all projects" if self.scope == ALL else f"project {self.scope}"
        why = f": {self.why}" if self.why else ""
        return f"numberflow stop ({what}), {self.by}, {self.at:%Y-%m-%d %H:%M:%S} UTC{why}"

    @property
    def lifted_by(self) -> str:
        """The command that ends it."""
        if self.by == MARKER:
            return "numberflow reconcile"
        if self.scope == ALL:
            return "numberflow go"
        return f"numberflow go --project {shlex.quote(self.scope)}"


class StopRows:
    """The part of a journal that holds costly steps."""

    _database: Database

    def stop(self, scope: str, *, by: str, why: str = "") -> Stop:
        """Hold every costly step of a project (its id), or of all (`ALL_PROJECTS`), everywhere.

        An existing stop is returned as it is. A request that is under way is not called back.
        """
        with self._database.write() as connection:
            if self._database.insert_missing(
                connection, stops, scope=scope, by=by, why=why, at=self._database.now(connection)
            ):
                audit.note(connection, "stop", project_id=scope, by=by, reason=why)
            return _stop_of(
                connection.execute(sa.select(stops).where(stops.c.scope == scope)).one()
            )

    def go(self, scope: str) -> bool:
        """Lift the stop of that scope, unless a marker holds it. Returns whether it was lifted."""
        return self._lift(scope, stops.c.by != MARKER)

    def hold_restored(self, project_id: str, why: str) -> Stop:
        """Hold every costly step of a project whose journal was restored from a back-up.

        A person's stop of that project is left as it is.
        """
        return self.stop(project_id, by=MARKER, why=why)

    def lift_restored(self, project_id: str) -> bool:
        """Lift what `hold_restored` holds. Returns whether it held."""
        return self._lift(project_id, stops.c.by == MARKER)

    def _lift(self, scope: str, which: sa.ColumnElement[bool]) -> bool:
        with self._database.write() as connection:
            found = stops.delete().where(stops.c.scope == scope, which)
            lifted = connection.execute(found).rowcount > 0
            if lifted:
                audit.note(connection, "go", project_id=scope)
            return lifted

    def stops(self) -> tuple[Stop, ...]:
        """Every stop, oldest first."""
        with self._database.read() as connection:
            return tuple(
                _stop_of(row) for row in connection.execute(sa.select(stops).order_by(stops.c.at))
            )

    def under_way(self, scope: str, is_dead: IsDead = owner_is_dead) -> int:
        """How many costly requests may be leaving now: permitted lately, not ended, owner alive."""
        query = (
            sa.select(attempts.c.owner, attempts.c.started_at)
            .select_from(attempts.join(intentions))
            .where(intentions.c.state == str(IntentionState.SENDING), attempts.c.ended_at.is_(None))
        )
        if scope != ALL:
            query = query.where(intentions.c.project_id == scope)
        with self._database.read() as connection:
            since = self._database.now(connection) - LEAVING_MAX
            return sum(
                row.started_at > since and not is_dead(row.owner)
                for row in connection.execute(query)
            )

    def require_no_stop(self, project_id: str) -> None:
        """Raise Stopped when somebody holds the project's costly steps."""
        with self._database.read() as connection:
            require_none(connection, project_id)


def require_none(connection: sa.Connection, project_id: str) -> None:
    """Make sure that nobody holds the project's costly steps.

    Raises:
        Stopped: says who does, and how to lift it.
    """
    held = sa.select(stops).where(stops.c.scope.in_([ALL, project_id])).order_by(stops.c.at)
    row = connection.execute(held).first()
    if row is not None:
        stop = _stop_of(row)
        raise Stopped(
            f"stopped by {stop.described()}",
            remedy=f"{stop.lifted_by}, then run again: the same reference continues",
        )


def _stop_of(row: sa.Row[Any]) -> Stop:
    return Stop(**row._asdict())
