"""What people decided about numbers that no step of ours got or gave up. SQL only.

Numbers bought elsewhere are taken in here with no cost attached: no intention, nothing that counts
against a cap. Rows are added and never changed: the last one of a number counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from numberflow.errors import BadInput, NumberClaimed
from numberflow.journal import audit
from numberflow.journal.database import Database
from numberflow.journal.entries import Intention
from numberflow.journal.json_text import as_kept
from numberflow.journal.rows import intention_of
from numberflow.journal.tables import attempts, claims, custody, intentions
from numberflow.journal.transitions import OPEN_STATES, IntentionState

# Rows at once: few enough that a hundred thousand steps take little memory.
_ROWS_AT_ONCE = 1000
# Names in one question; SQLite takes 32,766 (older ones 999).
_NAMES_AT_ONCE = 500


class Said(StrEnum):
    """What a person decided about a number."""

    ADOPTED = "adopted"
    """The project holds it; it was bought elsewhere."""
    UNDONE = "undone"
    """The adoption was a mistake: as if nothing had been said."""
    GONE = "gone"
    """The project no longer holds it, or only for a short time."""


@dataclass(frozen=True, slots=True)
class CustodyEntry:
    """The last decision about a number. `seen`: what the vendor showed then, as JSON."""

    phone_number: str
    said: Said
    reference: str | None
    by: str
    at: datetime
    seen: Mapping[str, Any]


class CustodyRows:
    """The part of a journal that knows numbers which no step of ours got."""

    _database: Database

    def custody(self, project_id: str) -> dict[str, CustodyEntry]:
        """The last decision about each number, without undone adoptions."""
        columns = custody.c
        query = (
            sa.select(custody)
            .where(columns.project_id == project_id)
            .order_by(columns.phone_number, columns.n)
        )
        with self._database.read() as connection:
            last = {row.phone_number: _entry_of(row) for row in connection.execute(query)}
        return {number: each for number, each in last.items() if each.said is not Said.UNDONE}

    def say(
        self,
        project_id: str,
        said: Said,
        numbers: Mapping[str, Mapping[str, Any]],
        *,
        by: str,
        reference: str | None = None,
    ) -> None:
        """Write down what a person decided about numbers, for all or for none. Costs nothing.

        `numbers`: each with what the vendor shows of it. With GONE a finished rent no longer claims
        its number.

        Raises:
            NumberClaimed: a rent holds one of those to be adopted.
            BadInput: a step about one of them is open: what became of it has to be known first; or
                an empty name.
        """
        if not by.strip():
            raise BadInput("by: is empty.", field="by", remedy="say who decides it")
        with self._database.write() as connection:
            now = self._database.now(connection)
            _require_no_open(connection, project_id, list(numbers))
            if said is Said.ADOPTED:
                _require_unclaimed(connection, project_id, list(numbers))
            for number, seen in numbers.items():
                last = connection.execute(
                    sa.select(sa.func.max(custody.c.n)).where(
                        custody.c.project_id == project_id, custody.c.phone_number == number
                    )
                ).scalar_one()
                connection.execute(
                    custody.insert().values(
                        project_id=project_id, phone_number=number, n=(last or 0) + 1,
                        said=str(said), reference=reference, by=by, at=now, seen=as_kept(seen),
                    )
                )  # fmt: skip
                audit.note(
                    connection,
                    str(said),
                    project_id=project_id,
                    reference=reference,
                    subject=number,
                    by=by,
                )
                if said is Said.GONE:
                    finished = sa.select(intentions.c.id).where(
                        intentions.c.state.in_(
                            [str(IntentionState.DONE), str(IntentionState.REFUSED)]
                        )
                    )
                    connection.execute(
                        claims.delete().where(
                            claims.c.project_id == project_id,
                            claims.c.phone_number == number,
                            claims.c.intention_id.in_(finished),
                        )
                    )

    def each_intention(self, project_id: str) -> Iterator[Intention]:
        """Every step of the project, one after the other, in no order: for what reads them all."""
        query = sa.select(intentions).where(intentions.c.project_id == project_id)
        with self._database.read() as connection:
            rows = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
            for row in rows:
                yield intention_of(row)

    def last_sent(self, project_id: str) -> dict[str, datetime]:
        """When the last request of each step left: intention → time; without those never sent."""
        query = (
            sa.select(attempts.c.intention_id, sa.func.max(attempts.c.started_at).label("at"))
            .join(intentions, intentions.c.id == attempts.c.intention_id)
            .where(intentions.c.project_id == project_id)
            .group_by(attempts.c.intention_id)
        )
        with self._database.read() as connection:
            return {row.intention_id: row.at for row in connection.execute(query)}

    def claims_elsewhere(self, project_id: str) -> dict[str, str]:
        """Numbers that rents of other projects hold, bought → that project."""
        query = (
            sa.select(claims.c.phone_number, claims.c.project_id)
            .join(intentions, intentions.c.id == claims.c.intention_id)
            .where(
                claims.c.project_id != project_id, intentions.c.state == str(IntentionState.DONE)
            )
            .order_by(claims.c.phone_number, claims.c.project_id)
        )
        with self._database.read() as connection:
            return {row.phone_number: row.project_id for row in connection.execute(query)}


def _require_no_open(connection: sa.Connection, project_id: str, numbers: Sequence[str]) -> None:
    for row in _about(connection, project_id, numbers):
        step = intention_of(row)
        raise BadInput(
            f"phone_numbers: {step} is {step.state}: what becomes of it has to be known first",
            field="phone_numbers",
            remedy="finish or settle that step, or leave the number out",
        )


def _about(
    connection: sa.Connection, project_id: str, numbers: Sequence[str]
) -> Iterator[sa.Row[Any]]:
    open_states = [str(state) for state in OPEN_STATES]
    for start in range(0, len(numbers), _NAMES_AT_ONCE):
        yield from connection.execute(
            sa.select(intentions).where(
                intentions.c.project_id == project_id,
                intentions.c.subject.in_(numbers[start : start + _NAMES_AT_ONCE]),
                intentions.c.state.in_(open_states),
            )
        )


def _require_unclaimed(connection: sa.Connection, project_id: str, numbers: Sequence[str]) -> None:
    for start in range(0, len(numbers), _NAMES_AT_ONCE):
        row = connection.execute(
            sa.select(claims.c.phone_number, intentions)
            .join(intentions, intentions.c.id == claims.c.intention_id)
            .where(
                claims.c.project_id == project_id,
                claims.c.phone_number.in_(numbers[start : start + _NAMES_AT_ONCE]),
            )
            .limit(1)
        ).one_or_none()
        if row is not None:
            raise NumberClaimed(
                f"{row.phone_number} is held by reference {row.reference!r} already.",
                remedy="leave it out: it is in the journal",
                phone_number=row.phone_number,
                intention_id=row.id,
            )


def _entry_of(row: sa.Row[Any]) -> CustodyEntry:
    values = row._asdict()
    del values["project_id"], values["n"]
    return CustodyEntry(**values | {"said": Said(values["said"])})
