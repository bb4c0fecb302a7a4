"""Reading the audit: its entries, and whether chain and journal are as they were written. SQL only.

What no chain can show: that somebody who may write to the database rewrote every row, the head and
the journal together. Only a hash that was kept elsewhere shows that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from numberflow.journal.audit import AuditEnd, digest_of, head_lost, link
from numberflow.journal.custody_rows import Said
from numberflow.journal.database import Database
from numberflow.journal.rows import intention_of, purchase_of
from numberflow.journal.tables import audit, audit_head, custody, intentions, purchases, stops

_ROWS_AT_ONCE = 1000
# More than these say nothing more.
PROBLEMS_MAX = 100


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the audit. `facts`: what it says, as JSON."""

    n: int
    at: datetime
    project_id: str
    facts: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a walk over the chain showed. `head`: the last row's hash, to be kept elsewhere."""

    rows: int
    head: str
    problems: tuple[str, ...]


class AuditRows:
    """The part of a journal that holds its audit."""

    _database: Database

    def act_as(self, **actor: str | None) -> None:
        """Say who changes the journal from now on: a flow run, its deployment, its creator."""
        self._database.actor = {name: value for name, value in actor.items() if value}

    def audit_end(self) -> AuditEnd:
        """The last row of the chain.

        Raises:
            JournalUnavailable: the journal cannot be read, or the chain has no head.
        """
        with self._database.read() as connection:
            head = connection.execute(sa.select(audit_head)).one_or_none()
        if head is None:
            raise head_lost()
        return AuditEnd(head.n, head.hash)

    def has_audit_row(self, row: AuditEnd) -> bool:
        """Whether the chain contains this row."""
        with self._database.read() as connection:
            found = connection.execute(sa.select(audit.c.hash).where(audit.c.n == row.n)).scalar()
        return found == row.hash

    def audit_entries(
        self,
        *,
        project_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """The entries that match every argument, oldest first; `until` itself is left out."""
        columns = audit.c
        query = sa.select(audit).order_by(columns.n)
        if project_id is not None:
            query = query.where(columns.project_id == project_id)
        if since is not None:
            query = query.where(columns.at >= since)
        if until is not None:
            query = query.where(columns.at < until)
        with self._database.snapshot() as connection:
            for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
                yield AuditEntry(row.n, row.at, row.project_id, json.loads(row.content), row.hash)

    def verify_audit(self, *, expect: str | None = None) -> Verified:
        """Walk the whole chain, and compare the journal with what it says.

        Compared are purchases and steps (with what it says of them last), stops, and what people
        said of numbers; not attempts, evidence, claims and leases.

        Args:
            expect: a head's hash that was kept elsewhere; one of the rows has to have it.
        """
        problems: list[str] = []
        said: dict[str, tuple[int, str]] = {}
        spoken = _Spoken()
        found = expect is None
        with self._database.snapshot() as connection:
            head = connection.execute(sa.select(audit_head)).one_or_none()

            streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
            n, last = 0, ""
            for row in streamed.execute(sa.select(audit).order_by(audit.c.n)):
                facts = _facts_of(row)
                problems += _broken(row, facts, n, last)
                about = facts.get("intention_id") or facts.get("purchase_id")
                if "digest" in facts:
                    said[str(about)] = (row.n, facts["digest"])
                spoken.add(row, facts)
                found = found or row.hash == expect
                # What does not fit was told: the walk goes on from what the row says of itself.
                n, last = row.n, row.hash
            problems += _cut_off(head, n, last)
            if not found:
                problems.append(f"no row has the hash {expect}: the chain is not the one it was of")
            for row in _rows(connection):
                n, digest = said.pop(row.id, (0, ""))
                if not n:
                    problems.append(f"{_named(row)}: the audit does not know it")
                elif digest != digest_of(row):
                    problems.append(f"{_named(row)} is not as audit row {n} says")
            problems += [f"audit row {n}: {row_id} is missing" for row_id, (n, _) in said.items()]
            problems += spoken.differences(connection)
        return Verified(
            0 if head is None else head.n, "" if head is None else head.hash,
            tuple(problems[:PROBLEMS_MAX]),
        )  # fmt: skip


class _Spoken:
    """What the chain says of stops and of numbers' custody, and where the tables say another thing.

    What was written before the chain began is not in it, and is left as it is.
    """

    def __init__(self) -> None:
        self._begun: datetime | None = None
        self._stops: dict[str, tuple[int, Any, Any]] = {}
        self._custody: dict[tuple[str, str], list[tuple[int, Any, Any, Any]]] = {}

    def add(self, row: sa.Row[Any], facts: Mapping[str, Any]) -> None:
        """Take in one row of the chain."""
        if self._begun is None:
            self._begun = row.at
        event, scope, by = facts.get("event"), str(facts.get("project_id")), facts.get("by")
        if event == "stop":
            self._stops[scope] = (row.n, by, facts.get("reason"))
        elif event == "go":
            self._stops.pop(scope, None)
        elif event in set(Said) and "digest" not in facts:
            about = (scope, str(facts.get("subject")))
            self._custody.setdefault(about, []).append((row.n, event, by, facts.get("reference")))

    def differences(self, connection: sa.Connection) -> Iterator[str]:
        """Rows that are missing, that the chain does not know, or that it knows otherwise."""
        for row in connection.execute(sa.select(stops)).all():
            n, *told = self._stops.pop(row.scope, (0,))
            if (told or not self._is_older(row)) and told != [row.by, row.why]:
                yield _other(f"the stop of {row.scope}", n)
        for scope, (n, *_) in self._stops.items():
            yield f"audit row {n}: the stop of {scope} is missing"
        columns = custody.c
        kept = sa.select(custody).order_by(columns.project_id, columns.phone_number, columns.n)
        for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(kept):
            about = (row.project_id, row.phone_number)
            if self._is_older(row):
                continue
            n, *told = self._custody[about].pop(0) if self._custody.get(about) else (0,)
            if told != [row.said, row.by, row.reference]:
                yield _other(f"what was said of {row.phone_number} in {row.project_id}", n)
        for (project_id, number), left in self._custody.items():
            for n, said, *_ in left:
                yield f"audit row {n}: {number} was {said} in {project_id}, and that is missing"

    def _is_older(self, row: sa.Row[Any]) -> bool:
        return self._begun is not None and row.at < self._begun


def _other(what: str, n: int) -> str:
    return f"{what} is not as audit row {n} says" if n else f"{what}: the audit does not know it"


def _facts_of(row: sa.Row[Any]) -> dict[str, Any]:
    """What a row says; nothing when somebody made it unreadable."""
    try:
        facts = json.loads(row.content)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _broken(row: sa.Row[Any], facts: Mapping[str, Any], n: int, last: str) -> Iterator[str]:
    """What is wrong with a row after the row `n`, whose hash is `last`, in words."""
    if row.n == n + 2:
        yield f"row {n + 1} is missing"
    elif row.n != n + 1:
        yield f"rows {n + 1} to {row.n - 1} are missing"
    if row.hash != link(last, row.content):
        yield f"row {row.n} was changed, or does not follow the row before it"
    columns = (row.n, row.at.isoformat(), row.project_id)
    if columns != tuple(facts.get(name) for name in ("n", "at", "project_id")):
        yield f"row {row.n}: its columns say something else than its content"


def _cut_off(head: sa.Row[Any] | None, n: int, last: str) -> Iterator[str]:
    if head is None:
        yield "the head is missing"
    elif head.n != n:
        yield f"the head is at row {head.n}, and the last row is {n}: its end was cut off"
    elif head.hash != last:
        yield "the head has another hash than the last row"


def _rows(connection: sa.Connection) -> Iterator[Any]:
    for table, made in ((purchases, purchase_of), (intentions, intention_of)):
        streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
        for row in streamed.execute(sa.select(table)):
            yield made(row)


def _named(row: Any) -> str:
    kind = "intention" if hasattr(row, "purchase_id") else "purchase"
    return f"{kind} {row.id} (reference {row.reference!r})"
