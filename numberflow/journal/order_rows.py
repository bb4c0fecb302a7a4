"""Pending work: write it down, find it, record what was seen. SQL only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from numberflow.journal.database import Database
from numberflow.journal.entries import OrderKind, PendingWork
from numberflow.journal.intention_rows import derived_id, one
from numberflow.journal.json_text import as_kept
from numberflow.journal.rows import order_of, purchase_of
from numberflow.journal.tables import orders, purchases


class OrderRows:
    """The part of a journal that holds pending work."""

    _database: Database

    def follow(
        self,
        purchase_id: str,
        kind: OrderKind,
        order_id: str,
        *,
        state: str,
        facts: Mapping[str, Any],
        reopen: bool = False,
    ) -> PendingWork:
        """Follow an order from now on, until `note_order` closes it.

        An order that is already followed is returned as it is. With `reopen`, a closed one is
        opened again with its facts. `state` is the vendor's word; `facts` are JSON values without
        anything private.
        """
        with self._database.write() as connection:
            purchase = purchase_of(one(connection, purchases, purchase_id))
            now = self._database.now(connection)
            row_id = derived_id("order", purchase.project_id, str(kind), order_id)
            self._database.insert_missing(
                connection,
                orders,
                id=row_id,
                purchase_id=purchase_id,
                project_id=purchase.project_id,
                reference=purchase.reference,
                kind=str(kind),
                order_id=order_id,
                state=state,
                facts=as_kept(facts),
                created_at=now,
                seen_at=now,
            )
            if reopen:
                connection.execute(
                    orders.update().where(orders.c.id == row_id).values(closed_at=None)
                )
            return order_of(one(connection, orders, row_id))

    def followed(
        self,
        project_id: str,
        *,
        kind: OrderKind | None = None,
        reference: str | None = None,
        purchase_id: str | None = None,
        open_only: bool = True,
    ) -> tuple[PendingWork, ...]:
        """The project's orders that match every argument, oldest first."""
        columns = orders.c
        query = (
            sa.select(orders)
            .where(columns.project_id == project_id)
            .order_by(columns.created_at, columns.id)
        )
        wanted = {
            columns.kind: kind,
            columns.reference: reference,
            columns.purchase_id: purchase_id,
        }
        for column, value in wanted.items():
            if value is not None:
                query = query.where(column == str(value))
        if open_only:
            query = query.where(columns.closed_at.is_(None))
        with self._database.read() as connection:
            return tuple(order_of(row) for row in connection.execute(query))

    def followed_about(self, project_id: str, names: Collection[str]) -> tuple[PendingWork, ...]:
        """Work, open or not, that may be about orders or numbers of these names; oldest first.

        All that has several numbers is among it.
        """
        columns = orders.c
        query = (
            sa.select(orders)
            .where(
                columns.project_id == project_id,
                sa.or_(
                    columns.kind.not_in([str(OrderKind.LINK), str(OrderKind.RELEASE)]),
                    columns.facts["number"].as_string().in_(list(names)),
                ),
            )
            .order_by(columns.created_at, columns.id)
        )
        with self._database.read() as connection:
            return tuple(order_of(row) for row in connection.execute(query))

    def note_order(
        self, row_id: str, *, state: str, facts: Mapping[str, Any], closed: bool = False
    ) -> PendingWork:
        """Keep what was seen last. `facts` replace those of the same name.

        `closed`: there is nothing left to wait for, until `follow` opens it again.
        """
        with self._database.write() as connection:
            before = order_of(one(connection, orders, row_id, lock=True))
            now = self._database.now(connection)
            connection.execute(
                orders.update()
                .where(orders.c.id == row_id)
                .values(
                    state=state,
                    facts={**before.facts, **as_kept(facts)},
                    seen_at=now,
                    closed_at=before.closed_at or (now if closed else None),
                )
            )
            return order_of(one(connection, orders, row_id))
