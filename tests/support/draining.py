"""Runs of drain-callbacks over one shop, without a receiver and without Prefect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from support.hosting import HostingShop
from support.run_contexts import Shop

from numberflow.journal import Journal, NewCallback, OrderKind
from numberflow.journal.tables import callbacks
from numberflow.models.callback import read_callback
from numberflow.models.reports import CallbacksReport, FollowLine
from numberflow.purchase.callbacks import Outcome, drain_callbacks
from numberflow.purchase.follow import Follower
from tasks.follow import FOLLOWERS


class Drains:
    """Runs of drain-callbacks over one shop, and the events that they emitted."""

    def __init__(self, shop: Shop | HostingShop) -> None:
        self.shop = shop
        self.emitted: list[Outcome] = []
        self.dies = False
        self.followers: Mapping[OrderKind, Follower] = FOLLOWERS

    async def __call__(self) -> CallbacksReport:
        """One run."""

        async def tell(_line: FollowLine) -> None:
            """Alarms are follow-orders' story."""

        async def emit(outcome: Outcome) -> None:
            self.emitted.append(outcome)
            if self.dies:
                self.dies = False
                raise RuntimeError("died before it could note that")

        async with self.shop.context() as context:
            return await drain_callbacks(context, self.followers, tell=tell, emit=emit)

    def arrive(self, *bodies: dict[str, Any]) -> None:
        """The receiver keeps them."""
        project = self.shop.settings.project_id
        raws = [json.dumps(body).encode() for body in bodies]
        with Journal.open(self.shop.journal_url) as journal:
            journal.keep_callbacks(
                [NewCallback(project, read_callback(raw, project), raw) for raw in raws]
            )

    def age(self, **by: float) -> None:
        """The events that wait arrived so much earlier."""
        with (
            Journal.open(self.shop.journal_url) as journal,
            journal._database.write() as connection,
        ):
            for row in connection.execute(sa.select(callbacks)):
                connection.execute(
                    callbacks.update()
                    .where(callbacks.c.event_id == row.event_id)
                    .values(received_at=row.received_at - timedelta(**by))
                )

    @property
    def names(self) -> list[str]:
        """Of the events, sorted."""
        return sorted(outcome.name for outcome in self.emitted)
