"""The journal: purchases, their costly steps, what was tried and what was seen.

All of it is durable when a method returns. Every method is one transaction. Each write to an
intention checks, in that transaction, the leases of its purchase and its number, and goes through
`transitions.py`. Nothing here calls the vendor or decides when to look: `billable.py` does. The
journal is synchronous, so that a dying process can still write without an event loop. This module
has intentions and what they cost; the other parts of `Journal` are in `purchase_rows`,
`order_rows`, `custody_rows`, `told_rows`, `stop_rows`, `callback_rows`, `audit_rows`,
`counter_rows` and `lease_rows`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, Self

import sqlalchemy as sa

from numberflow.errors import BadInput, JournalUnavailable, LeaseLost
from numberflow.journal import audit, lease_rows, spending, stop_rows
from numberflow.journal.audit_rows import AuditRows
from numberflow.journal.callback_rows import CallbackRows
from numberflow.journal.counter_rows import CounterRows
from numberflow.journal.custody_rows import CustodyRows
from numberflow.journal.database import Clock, Database
from numberflow.journal.entries import (
    RELEASING,
    AttemptEnd,
    Begun,
    Finding,
    History,
    Intention,
    NewIntention,
    Observation,
    Outcome,
    Purchase,
    Spend,
    number_in,
)
from numberflow.journal.intention_rows import (
    full_id,
    insert,
    of_purchase,
    one,
    operation_named,
    record,
    same_step,
)
from numberflow.journal.lease_rows import HeldLease, IsDead, LeaseRows
from numberflow.journal.migrations import HEAD
from numberflow.journal.order_rows import OrderRows
from numberflow.journal.owner import owner_is_dead
from numberflow.journal.purchase_rows import PurchaseRows
from numberflow.journal.rows import attempt_of, evidence_of, intention_of, purchase_of
from numberflow.journal.stop_rows import StopRows
from numberflow.journal.tables import attempts, claims, evidence, intentions, probes, purchases
from numberflow.journal.told_rows import ToldRows
from numberflow.journal.transitions import Event, IntentionState, after

Verdict = Literal["done", "refused", "planned"]
_VERDICTS = {
    "done": (Event.JUDGE_DONE, Finding.APPLIED),
    "refused": (Event.JUDGE_REFUSED, Finding.ABSENT),
    "planned": (Event.JUDGE_PLANNED, Finding.ABSENT),
}


# A state that is not a person's case yet becomes one in the same transaction.
_UNTIL_A_PERSON: Mapping[IntentionState, tuple[Event, ...]] = {
    IntentionState.SENDING: (Event.LOSE, Event.ESCALATE),
    IntentionState.UNKNOWN: (Event.ESCALATE,),
}


def _is_late(intention: Intention, day: date) -> bool:
    """Whether it is a release that was planned on another day and never sent."""
    return (
        intention.operation in RELEASING
        and intention.state is IntentionState.PLANNED
        and intention.spend_day != day
    )


class Journal(
    PurchaseRows,
    OrderRows,
    CustodyRows,
    ToldRows,
    StopRows,
    CallbackRows,
    AuditRows,
    CounterRows,
    LeaseRows,
):
    """An open journal. Thread-safe. If a method raises JournalUnavailable, nothing was written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, *, clock: Clock | None = None, busy_timeout_s: float = 10.0) -> Self:
        """Open the journal at an SQLAlchemy URL; create or migrate it if needed.

        Safe while other processes do the same. `clock` decides about leases and days; only tests
        pass it. Without it, that is Postgres' own clock (one for all machines) or, on SQLite, this
        machine's. `busy_timeout_s`: how long to wait for another writer; 10 s is a thousand times
        what one of our transactions takes.

        Raises:
            BadInput: the URL cannot name a journal.
            JournalUnavailable: it cannot be reached, written or migrated.
        """
        return cls(Database(url, clock=clock, busy_timeout_s=busy_timeout_s))

    @staticmethod
    def standing(url: str) -> Literal["missing", "other", "current"]:
        """Whether `open` would make or migrate the journal at an SQLAlchemy URL. Changes nothing.

        Raises:
            BadInput: the URL cannot name a journal.
            JournalUnavailable: it cannot be reached or read.
        """
        with closing(Database(url, clock=None, busy_timeout_s=10.0, as_it_is=True)) as database:
            revision = database.revision
        return "missing" if revision is None else "current" if revision == HEAD else "other"

    @property
    def location(self) -> str:
        """Where the journal is, for people; without its password."""
        return self._database.location

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def check(self) -> None:
        """Write a row and delete it again. Raises JournalUnavailable when that fails."""
        probe = secrets.token_hex(8)
        with self._database.write() as connection:
            connection.execute(probes.insert().values(id=probe, at=self._database.now(connection)))
        with self._database.write() as connection:
            deleted = connection.execute(probes.delete().where(probes.c.id == probe)).rowcount
        if deleted != 1:
            raise JournalUnavailable(
                "The journal lost a row that was just written.",
                remedy="check the disk; restore a backup",
            )

    # ---- intentions

    def plan(
        self,
        purchase_id: str,
        lines: Sequence[NewIntention],
        *,
        lease: HeldLease,
        cap_today: Decimal | None,
        cap_monthly: Decimal | None,
        currency: str | None,
        releases_max: int | None = None,
        flow_run_id: str | None = None,
    ) -> tuple[Intention, ...]:
        """Write down the next steps of a purchase, all or none, in the order of `lines`.

        A line with a subject that the purchase already has (same operation, subject and
        fingerprint, not refused) is not planned twice: the existing intention is returned in its
        place. Caps are amounts in `currency`; None means no cap. `lease` is the purchase's.
        `releases_max`: as many releases as the project may have on this UTC day, these included. A
        release that was planned on an earlier day, and never sent, counts anew on this one.

        Raises:
            LeaseLost: the purchase is not ours, or no longer.
            NumberClaimed: another intention holds a number that is to be rented.
            SpendRefused: a cap, a missing price, a foreign currency, or too many releases.
            BadInput: an operation that the journal does not know.
        """
        operations = [operation_named(line.operation) for line in lines]
        with self._database.write() as connection:
            purchase = purchase_of(one(connection, purchases, purchase_id))
            self._require_leases(connection, (lease,), {purchase.resource})
            known = [intention_of(row) for row in connection.execute(of_purchase(purchase_id))]
            slots = [
                same_step(known, operation, line)
                for operation, line in zip(operations, lines, strict=True)
            ]
            new = [line for line, slot in zip(lines, slots, strict=True) if slot is None]
            spend_day = self._database.now(connection).date()
            self._require_room(
                connection, purchase, new, spend_day, cap_today, cap_monthly, currency
            )
            late = [slot for slot in slots if slot is not None and _is_late(slot, spend_day)]
            releasing = {
                str(line.subject)
                for operation, line, slot in zip(operations, lines, slots, strict=True)
                if operation in RELEASING and (slot is None or slot in late)
            }
            if releases_max is not None and releasing:
                spending.lock_day(self._database, connection, purchase.project_id, spend_day)
                spending.require_room_for_releases(
                    connection, purchase.project_id, spend_day, releasing, releases_max
                )
            if late:
                connection.execute(
                    intentions.update()
                    .where(intentions.c.id.in_([slot.id for slot in late]))
                    .values(spend_day=spend_day)
                )
                for each in late:
                    moved = intention_of(one(connection, intentions, each.id))
                    audit.note_intention(connection, "moved_to_today", moved, before=each)
            position = max((intention.position for intention in known), default=-1)
            planned = []
            for operation, line, slot in zip(operations, lines, slots, strict=True):
                if slot is None:
                    position += 1
                    priced = spending.price_of(line)
                    slot = insert(  # noqa: PLW2901 (the slot is being filled)
                        self._database,
                        connection,
                        purchase,
                        line,
                        operation=operation,
                        position=position,
                        due_amount=None if priced is None else priced.due,
                        cap_today=None if priced is None else cap_today,
                        cap_currency=None if priced is None else priced.currency,
                        spend_day=spend_day,
                        flow_run_id=flow_run_id,
                    )
                planned.append(slot)
        return tuple(planned)

    def begin(
        self,
        intention_id: str,
        *,
        leases: Sequence[HeldLease],
        releases_max: int | None = None,
    ) -> Begun:
        """Move from planned to sending, with a row for the attempt.

        Only after this returns, one request may leave. The spend moves to the day on which the
        request leaves, and has to fit under that day's cap. A release moves as well, and has to fit
        under `releases_max` (as in `plan`).

        Raises:
            Stopped: somebody holds the project's costly steps; the intention stays planned.
            LeaseLost: purchase or number are no longer ours.
            SpendRefused: the step was planned on another day and does not fit into today's cap, or
                today has too many releases; it stays planned.
            IllegalTransition: it is not planned.
        """
        with self._database.write() as connection:
            intention = self._held_intention(connection, intention_id, leases)
            state = after(intention.state, (Event.SEND,))
            stop_rows.require_none(connection, intention.project_id)
            now = self._database.now(connection)
            if intention.due_amount is not None and now.date() != intention.spend_day:
                self._require_room_for_planned(connection, intention, now.date())
            if releases_max is not None and _is_late(intention, now.date()):
                spending.lock_day(self._database, connection, intention.project_id, now.date())
                spending.require_room_for_releases(
                    connection,
                    intention.project_id,
                    now.date(),
                    {str(intention.subject)},
                    releases_max,
                )
            earlier = connection.execute(
                sa.select(attempts.c.n, attempts.c.outcome).where(
                    attempts.c.intention_id == intention_id
                )
            ).all()
            n = max((row.n for row in earlier), default=0) + 1
            owner = leases[-1]
            connection.execute(
                attempts.insert().values(
                    intention_id=intention_id, n=n, started_at=now, owner=owner.owner
                )
            )
            connection.execute(
                intentions.update()
                .where(intentions.c.id == intention_id)
                .values(
                    state=str(state),
                    spend_day=now.date(),
                    owner=owner.owner,
                    fence=owner.fence,
                    updated_at=now,
                )
            )
            sending = intention_of(one(connection, intentions, intention_id))
            audit.note_intention(connection, str(Event.SEND), sending, before=intention)
        unknown = {None, str(Outcome.UNKNOWN)}
        return Begun(sending, n, any(attempt.outcome in unknown for attempt in earlier))

    def record(
        self,
        intention_id: str,
        *,
        leases: Sequence[HeldLease],
        events: Sequence[Event] = (),
        attempt: AttemptEnd | None = None,
        observation: Observation | None = None,
        reason: str | None = None,
        result: Any = None,
        subject: str | None = None,
    ) -> Intention:
        """Write down what happened to an intention: an attempt's end, what was seen, the states.

        All or none of it. `reason` says why, for people. `subject` names what the vendor chose
        (rent_any); `result` is the step's result (JSON value).

        Raises:
            LeaseLost: purchase or number are no longer ours; their new holder will look.
            IllegalTransition: the state does not allow one of `events`.
        """
        with self._database.write() as connection:
            intention = self._held_intention(connection, intention_id, leases)
            return record(
                self._database,
                connection,
                intention,
                events,
                attempt=attempt,
                observation=observation,
                reason=reason,
                result=result,
                subject=subject,
            )

    def withdraw(self, intention_id: str, lease: HeldLease, reason: str) -> Intention:
        """Move from planned to refused: number and budget are free. `lease` is the purchase's."""
        with self._database.write() as connection:
            intention = self._locked(
                connection, intention_id, lambda one: ((lease,), {one.purchase_resource})
            )
            return record(self._database, connection, intention, (Event.WITHDRAW,), reason=reason)

    def correct_price(
        self,
        intention_id: str,
        lease: HeldLease,
        *,
        due_amount: Decimal,
        monthly_amount: Decimal,
        note: str,
    ) -> Intention:
        """Keep what the vendor really charges, where it differs from the quote.

        Caps and reports count it from now on. The price at the decision stays in the result as
        `quoted_due` and `quoted_monthly`, so that later reports can show both. `lease` is the
        purchase's. Amounts are in the intention's currency.
        """
        with self._database.write() as connection:
            intention = self._locked(
                connection, intention_id, lambda one: ((lease,), {one.purchase_resource})
            )
            quoted = {
                "quoted_due": str(intention.due_amount),
                "quoted_monthly": str(intention.monthly_amount),
            }
            connection.execute(
                intentions.update()
                .where(intentions.c.id == intention.id)
                .values(
                    due_amount=due_amount,
                    monthly_amount=monthly_amount,
                    result=quoted | dict(intention.result or {}),
                    updated_at=self._database.now(connection),
                )
            )
            corrected = intention_of(one(connection, intentions, intention.id))
            audit.note_intention(connection, "price_corrected", corrected, before=intention)
            return record(
                self._database,
                connection,
                corrected,
                (),
                observation=Observation(Finding.APPLIED, note, {}),
                reason=note,
            )

    def settle_by_person(
        self,
        intention_id: str,
        verdict: Verdict,
        by: str,
        note: str,
        result: Any = None,
        is_dead: IsDead = owner_is_dead,
    ) -> Intention:
        """Close an unknown intention, or reopen it as planned, on a person's word.

        Accepts a unique prefix of the id. It also takes one that nobody has looked at yet (sending,
        unknown), once nobody works on it: a person who has looked knows more.

        Raises:
            BadInput: no such intention, an empty name or note, or a verdict other than done,
                refused and planned.
            IllegalTransition: its outcome is known.
            LeaseLost: a running process has it at this moment.
        """
        if verdict not in _VERDICTS:
            raise BadInput(
                f"verdict: {verdict!r} is not a verdict.",
                field="verdict",
                remedy="write done, refused or planned",
            )
        for name, value in (("by", by), ("note", note)):
            if not value.strip():
                raise BadInput(
                    f"{name}: is empty.",
                    field=name,
                    remedy="say who decided, and what that person saw",
                )
        event, finding = _VERDICTS[verdict]
        with self._database.write() as connection:
            found_id = full_id(connection, intention_id)
            before = intention_of(one(connection, intentions, found_id))
            lease_rows.require_idle(
                self._database, connection, {before.resource, before.purchase_resource}, is_dead
            )
            intention = intention_of(one(connection, intentions, found_id, lock=True))
            return record(
                self._database,
                connection,
                intention,
                (*_UNTIL_A_PERSON.get(intention.state, ()), event),
                attempt=AttemptEnd(Outcome.UNKNOWN)
                if intention.state is IntentionState.SENDING
                else None,
                observation=Observation(finding, f"decided by {by}: {note}", {"by": by}),
                reason=f"{verdict}, decided by {by}: {note}",
                result=result,
                subject=number_in(result),
            )

    # ---- reading

    def intentions(
        self,
        *,
        purchase_id: str | None = None,
        project_id: str | None = None,
        states: Iterable[IntentionState] | None = None,
        operation: str | None = None,
        subject: str | None = None,
        reference: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> tuple[Intention, ...]:
        """The intentions that match every argument, oldest first, in the order of planning."""
        columns = intentions.c
        order = (columns.created_at, columns.purchase_id, columns.position)
        query = sa.select(intentions).order_by(
            *(column.desc() if newest_first else column for column in order)
        )
        wanted = {
            columns.purchase_id: purchase_id,
            columns.project_id: project_id,
            columns.operation: operation,
            columns.subject: subject,
            columns.reference: reference,
        }
        for column, value in wanted.items():
            if value is not None:
                query = query.where(column == str(value))
        if states is not None:
            query = query.where(columns.state.in_([str(state) for state in states]))
        with self._database.read() as connection:
            return tuple(intention_of(row) for row in connection.execute(query.limit(limit)))

    def history(self, intention_id: str) -> History:
        """All about one intention. Accepts a unique prefix of the id; BadInput otherwise."""
        with self._database.read() as connection:
            found_id = full_id(connection, intention_id)
            intention = intention_of(one(connection, intentions, found_id))
            tries = connection.execute(
                sa.select(attempts)
                .where(attempts.c.intention_id == found_id)
                .order_by(attempts.c.n)
            )
            seen = connection.execute(
                sa.select(evidence)
                .where(evidence.c.intention_id == found_id)
                .order_by(evidence.c.n)
            )
            return History(
                intention,
                tuple(attempt_of(row) for row in tries),
                tuple(evidence_of(row) for row in seen),
            )

    def spent(self, project_id: str, day: date) -> Spend:
        """What the project spent, or may have spent, on one UTC day."""
        with self._database.read() as connection:
            return spending.spend(connection, project_id, day)

    def today(self) -> date:
        """The UTC day whose cap counts for a step that is planned or sent now."""
        with self._database.read() as connection:
            return self._database.now(connection).date()

    def require_room_today(
        self, project_id: str, *, due: Decimal, currency: str, cap_today: Decimal
    ) -> None:
        """Make sure that today has room for `due`, as `plan` would see it now.

        Only reads, and reserves nothing.

        Raises:
            SpendRefused: the cap would be exceeded, or the day holds another currency.
        """
        with self._database.read() as connection:
            spent = spending.spend(connection, project_id, self._database.now(connection).date())
        spending.require_room_today(
            spent, [spending.Price(due, Decimal(0), currency)], currency, cap_today
        )

    def released_today(self, project_id: str) -> tuple[tuple[str, IntentionState], ...]:
        """Number and state of the project's releases that count on this UTC day.

        All but refused ones.
        """
        with self._database.read() as connection:
            today = self._database.now(connection).date()
            return tuple(spending.releases(connection, project_id, today))

    def claims(self, project_id: str) -> dict[str, str]:
        """Numbers that a rent has bought or is about to buy → the id of its intention."""
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(claims.c.phone_number, claims.c.intention_id).where(
                    claims.c.project_id == project_id
                )
            )
            return {row.phone_number: row.intention_id for row in rows}

    # ---- inside a transaction

    def _require_leases(
        self, connection: sa.Connection, held: Sequence[HeldLease], needed: set[str]
    ) -> None:
        if missing := needed - {lease.resource for lease in held}:
            raise LeaseLost(
                f"No lease on {', '.join(sorted(missing))} was shown.", resource=min(missing)
            )
        lease_rows.require(self._database, connection, held)

    def _held_intention(
        self, connection: sa.Connection, intention_id: str, leases: Sequence[HeldLease]
    ) -> Intention:
        return self._locked(
            connection, intention_id, lambda one: (leases, {one.purchase_resource, one.resource})
        )

    def _locked(self, connection: sa.Connection, intention_id: str, rights: Any) -> Intention:
        """The intention, locked after its leases, so that writers wait in one order."""
        held, needed = rights(intention_of(one(connection, intentions, intention_id)))
        self._require_leases(connection, held, needed)
        return intention_of(one(connection, intentions, intention_id, lock=True))

    def _require_room(
        self,
        connection: sa.Connection,
        purchase: Purchase,
        lines: Sequence[NewIntention],
        day: date,
        cap_today: Decimal | None,
        cap_monthly: Decimal | None,
        currency: str | None,
    ) -> None:
        prices = [price for line in lines if (price := spending.price_of(line)) is not None]
        one_currency = spending.one_currency(prices, currency)
        if not prices or one_currency is None:
            return
        spending.lock_day(self._database, connection, purchase.project_id, day)
        spent = spending.spend(connection, purchase.project_id, day)
        spending.require_room_today(spent, prices, one_currency, cap_today)
        spending.require_room_monthly(connection, purchase.id, prices, one_currency, cap_monthly)

    def _require_room_for_planned(
        self, connection: sa.Connection, intention: Intention, day: date
    ) -> None:
        assert intention.due_amount is not None
        assert intention.currency is not None
        spending.lock_day(self._database, connection, intention.project_id, day)
        # It was planned on another day, so this day's sum does not hold it yet.
        spent = spending.spend(connection, intention.project_id, day)
        price = spending.Price(
            intention.due_amount, intention.monthly_amount or Decimal(0), intention.currency
        )
        spending.require_room_today(spent, [price], intention.currency, intention.cap_today)
