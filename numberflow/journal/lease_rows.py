"""The leases table: take, renew, give back and check, each in a transaction that locks the row.

`leases.py` decides when to renew, how long to wait and when a holder must stop by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from numberflow.errors import LeaseLost
from numberflow.journal.database import Database
from numberflow.journal.owner import describe, owner_is_dead
from numberflow.journal.tables import leases

IsDead = Callable[[str], bool | None]


class HeldLease(Protocol):
    """What a transaction needs to know of a lease."""

    @property
    def resource(self) -> str:
        """What is held."""

    @property
    def owner(self) -> str:
        """Who holds it, as in `owner.Owner`."""

    @property
    def fence(self) -> int:
        """How many holders there were, this one included."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A lease was taken; `fence` is larger than every earlier one of the resource."""

    fence: int


@dataclass(frozen=True, slots=True)
class Busy:
    """Another process holds the resource, as far as we know until `until` (database's clock)."""

    owner: str
    until: datetime

    def described(self) -> str:
        """For people: who, and until when."""
        return f"{describe(self.owner)} until {self.until:%Y-%m-%d %H:%M:%S} UTC"


class LeaseRows:
    """The part of a journal that holds leases. Use it through `leases.LeaseKeeper`."""

    _database: Database

    def take_lease(
        self, resource: str, owner: str, lease_s: float, is_dead: IsDead = owner_is_dead
    ) -> Taken | Busy:
        """Take a resource that is free, expired, or whose owner is provably dead.

        Not re-entrant: two steps of one owner exclude each other.
        """
        with self._database.write() as connection:
            self._database.insert_missing(
                connection, leases, resource=resource, owner=None, fence=0, expires_at=None
            )
            row = connection.execute(
                sa.select(leases).where(leases.c.resource == resource).with_for_update()
            ).one()
            now = self._database.now(connection)
            if row.owner is not None and row.expires_at > now and not is_dead(row.owner):
                return Busy(row.owner, row.expires_at)
            connection.execute(
                leases.update()
                .where(leases.c.resource == resource)
                .values(
                    owner=owner, fence=row.fence + 1, expires_at=now + timedelta(seconds=lease_s)
                )
            )
            return Taken(row.fence + 1)

    def renew_leases(self, held: Iterable[HeldLease], lease_s: float) -> frozenset[str]:
        """Extend the leases. Returns the resources that are still the holder's.

        An expired lease that nobody took is renewed: nobody was let in between.
        """
        ours = set()
        with self._database.write() as connection:
            for lease in sorted(held, key=lambda lease: lease.resource):
                row = _locked(connection, lease.resource)
                if row is None or (row.owner, row.fence) != (lease.owner, lease.fence):
                    continue
                expires_at = self._database.now(connection) + timedelta(seconds=lease_s)
                connection.execute(
                    leases.update()
                    .where(leases.c.resource == lease.resource)
                    .values(expires_at=expires_at)
                )
                ours.add(lease.resource)
        return frozenset(ours)

    def give_back_leases(self, held: Iterable[HeldLease]) -> None:
        """Free the leases that are still ours. The fence stays, so it only ever grows."""
        with self._database.write() as connection:
            for lease in sorted(held, key=lambda lease: lease.resource):
                connection.execute(
                    leases.update()
                    .where(
                        leases.c.resource == lease.resource,
                        leases.c.owner == lease.owner,
                        leases.c.fence == lease.fence,
                    )
                    .values(owner=None, expires_at=None)
                )


def require(database: Database, connection: sa.Connection, held: Iterable[HeldLease]) -> None:
    """Make sure, until this transaction ends, that each lease is ours and not expired.

    Rows are locked in the order of their names, so that two writers cannot deadlock.

    Raises:
        LeaseLost: names the resource and its present holder.
    """
    for lease in sorted(held, key=lambda lease: lease.resource):
        row = _locked(connection, lease.resource)
        if row is None or (row.owner, row.fence) != (lease.owner, lease.fence):
            taker = (
                describe(row.owner)
                if row is not None and row.owner
                else "somebody else, who has finished"
            )
            raise LeaseLost(
                f"The lease on {lease.resource} was taken over by {taker}.", resource=lease.resource
            )
        if row.expires_at <= database.now(connection):
            raise LeaseLost(
                f"The lease on {lease.resource} expired at {row.expires_at:%H:%M:%S} UTC.",
                resource=lease.resource,
            )


def require_idle(
    database: Database, connection: sa.Connection, resources: Iterable[str], is_dead: IsDead
) -> None:
    """Make sure, until this transaction ends, that nobody works on the resources.

    Raises:
        LeaseLost: names the holder, and until when.
    """
    for resource in sorted(resources):
        database.insert_missing(
            connection, leases, resource=resource, owner=None, fence=0, expires_at=None
        )
        row = _locked(connection, resource)
        assert row is not None
        if (
            row.owner is not None
            and row.expires_at > database.now(connection)
            and not is_dead(row.owner)
        ):
            raise LeaseLost(
                f"{resource} is being worked on by {Busy(row.owner, row.expires_at).described()}.",
                remedy="wait for it, or end that process",
                resource=resource,
            )


def _locked(
    connection: sa.Connection, resource: str
) -> sa.Row[tuple[str, str | None, int, datetime | None]] | None:
    return connection.execute(
        sa.select(leases).where(leases.c.resource == resource).with_for_update()
    ).one_or_none()
