"""Purchases that nobody works on, and whether people were told about them. SQL only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from numberflow.errors import BadInput
from numberflow.journal import audit
from numberflow.journal.database import Database
from numberflow.journal.entries import Purchase
from numberflow.journal.intention_rows import one
from numberflow.journal.rows import purchase_of
from numberflow.journal.tables import (
    intentions,
    purchases,
    told_findings,
    told_purchases,
)
from numberflow.journal.transitions import IntentionState


class ToldRows:
    """The part of a journal that knows which stopped purchases people were told about."""

    _database: Database

    def idle_purchases(
        self, project_id: str, *, idle_s: float, reference: str | None = None
    ) -> tuple[Purchase, ...]:
        """Purchases with a step that was not refused, unchanged for `idle_s`, oldest first.

        Without those that people were told about since, or closed.
        """
        steps = (
            sa.select(
                intentions.c.purchase_id, sa.func.max(intentions.c.updated_at).label("changed_at")
            )
            .where(
                intentions.c.project_id == project_id,
                intentions.c.state != str(IntentionState.REFUSED),
            )
            .group_by(intentions.c.purchase_id)
            .subquery()
        )
        told = told_purchases.c
        query = (
            sa.select(purchases)
            .join(steps, steps.c.purchase_id == purchases.c.id)
            .outerjoin(told_purchases, told.purchase_id == purchases.c.id)
            .where(
                sa.or_(told.told_at.is_(None), told.told_at < steps.c.changed_at),
                sa.or_(told.closed_at.is_(None), told.closed_at < steps.c.changed_at),
            )
            .order_by(purchases.c.created_at)
        )
        if reference is not None:
            query = query.where(purchases.c.reference == reference)
        with self._database.read() as connection:
            until = self._database.now(connection) - timedelta(seconds=idle_s)
            return tuple(
                purchase_of(row)
                for row in connection.execute(query.where(steps.c.changed_at <= until))
            )

    def note_told(self, purchase_ids: Sequence[str]) -> None:
        """Keep that people know of purchases as they are now. Later changes are reported again."""
        if not purchase_ids:
            return
        with self._database.write() as connection:
            for purchase_id in sorted(purchase_ids):
                self._database.insert_missing(connection, told_purchases, purchase_id=purchase_id)
                connection.execute(
                    told_purchases.update()
                    .where(told_purchases.c.purchase_id == purchase_id)
                    .values(told_at=self._database.now(connection))
                )

    def close_purchase(self, purchase_id: str, *, by: str) -> None:
        """Keep that `by` knows the purchase's state. It is not reported again until it changes."""
        if not by.strip():
            raise BadInput("by: is empty.", field="by", remedy="say who knows of it")
        with self._database.write() as connection:
            self._database.insert_missing(connection, told_purchases, purchase_id=purchase_id)
            connection.execute(
                told_purchases.update()
                .where(told_purchases.c.purchase_id == purchase_id)
                .values(closed_at=self._database.now(connection), closed_by=by)
            )
            purchase = purchase_of(one(connection, purchases, purchase_id))
            audit.note(
                connection,
                "closed",
                project_id=purchase.project_id,
                reference=purchase.reference,
                purchase_id=purchase_id,
                by=by,
            )

    def closed_purchases(self, project_id: str) -> dict[str, datetime]:
        """Purchases of which somebody said that they know how they stand → when."""
        query = (
            sa.select(told_purchases.c.purchase_id, told_purchases.c.closed_at)
            .join(purchases, purchases.c.id == told_purchases.c.purchase_id)
            .where(purchases.c.project_id == project_id, told_purchases.c.closed_at.is_not(None))
        )
        with self._database.read() as connection:
            return {row.purchase_id: row.closed_at for row in connection.execute(query)}

    def told_findings(self, project_id: str) -> dict[str, str]:
        """What reconcile told people and found again ever since: key → digest."""
        columns = told_findings.c
        query = sa.select(columns.key, columns.digest).where(columns.project_id == project_id)
        with self._database.read() as connection:
            return {row.key: row.digest for row in connection.execute(query)}

    def note_findings(self, project_id: str, found: Mapping[str, str]) -> None:
        """Keep that people were told of these findings, key → digest, and of no others.

        One that is not found any more is forgotten, so that it is told again when it comes back.
        """
        before = self.told_findings(project_id)
        columns = told_findings.c
        with self._database.write() as connection:
            now = self._database.now(connection)
            stale = [key for key in before if found.get(key) != before[key]]
            new = [key for key in found if before.get(key) != found[key]]
            if stale:
                connection.execute(
                    told_findings.delete().where(
                        columns.project_id == project_id, columns.key == sa.bindparam("old")
                    ),
                    [{"old": key} for key in stale],
                )
            for key in sorted(new):
                self._database.insert_missing(
                    connection,
                    told_findings,
                    project_id=project_id,
                    key=key,
                    digest=found[key],
                    told_at=now,
                )

    def purchases_named(self, reference: str) -> tuple[Purchase, ...]:
        """The purchases of that reference, one of each project that has it."""
        query = (
            sa.select(purchases)
            .where(purchases.c.reference == reference)
            .order_by(purchases.c.project_id)
        )
        with self._database.read() as connection:
            return tuple(purchase_of(row) for row in connection.execute(query))
