"""Write and find intentions inside an open transaction: rows, claims, attempts, evidence. SQL only.

`store.py` decides whether the writer may write (leases) and what it costs (caps) before it calls
anything here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from numberflow.errors import BadInput, NumberClaimed
from numberflow.journal import audit
from numberflow.journal.database import Database
from numberflow.journal.entries import (
    AttemptEnd,
    Intention,
    NewIntention,
    Observation,
    Operation,
    Purchase,
)
from numberflow.journal.json_text import as_kept
from numberflow.journal.rows import intention_of
from numberflow.journal.tables import attempts, claims, evidence, intentions
from numberflow.journal.transitions import Event, IntentionState, after


def insert(
    database: Database,
    connection: sa.Connection,
    purchase: Purchase,
    line: NewIntention,
    *,
    operation: Operation,
    position: int,
    **values: Any,
) -> Intention:
    """Add one planned step; a rent claims its number.

    Raises:
        NumberClaimed: another intention holds it.
        BadInput: a rent without a number.
    """
    now = database.now(connection)
    intention_id = derived_id("intention", purchase.id, str(position))
    connection.execute(
        intentions.insert().values(
            id=intention_id,
            purchase_id=purchase.id,
            project_id=purchase.project_id,
            reference=purchase.reference,
            position=position,
            operation=str(operation),
            subject=line.subject,
            fingerprint=line.fingerprint,
            request=dict(line.request),
            state=str(IntentionState.PLANNED),
            setup_amount=line.setup_amount,
            monthly_amount=line.monthly_amount,
            currency=line.currency,
            created_at=now,
            updated_at=now,
            **values,
        )
    )
    if operation is Operation.RENT:
        if line.subject is None:
            raise BadInput(
                "subject: a rent names its number.",
                field="subject",
                remedy="give the number, or plan rent_any",
            )
        claim(database, connection, purchase.project_id, line.subject, intention_id)
    made = intention_of(one(connection, intentions, intention_id))
    audit.note_intention(connection, "planned", made)
    return made


def claim(
    database: Database,
    connection: sa.Connection,
    project_id: str,
    phone_number: str,
    intention_id: str,
) -> None:
    """Make the intention the only one that may rent the number. Raises NumberClaimed otherwise."""
    if database.insert_missing(
        connection,
        claims,
        project_id=project_id,
        phone_number=phone_number,
        intention_id=intention_id,
    ):
        return
    row = connection.execute(
        sa.select(intentions)
        .join(claims, claims.c.intention_id == intentions.c.id)
        .where(claims.c.project_id == project_id, claims.c.phone_number == phone_number)
    ).one()
    holder = intention_of(row)
    raise NumberClaimed(
        f"{phone_number} is already held by {holder}, which is {holder.state}.",
        remedy="choose another number, or release it first",
        phone_number=phone_number,
        intention_id=holder.id,
    )


def record(
    database: Database,
    connection: sa.Connection,
    intention: Intention,
    events: Sequence[Event],
    *,
    attempt: AttemptEnd | None = None,
    observation: Observation | None = None,
    reason: str | None = None,
    result: Any = None,
    subject: str | None = None,
) -> Intention:
    """Do what `Journal.record` describes, for a locked intention and its claim."""
    state = after(intention.state, events)
    now = database.now(connection)
    new_sighting = False
    if attempt is not None:
        _end_attempt(connection, intention.id, attempt, now)
    if observation is not None:
        new_sighting = _add_sighting(connection, intention.id, observation, now)
    changes: dict[str, Any] = {"state": str(state)}
    # A look that settles nothing is kept as evidence, and is no change: whoever was told about the
    # step, or knows how it stands, is not told again.
    changes |= {"updated_at": now} if events or attempt is not None or result is not None else {}
    changes |= {} if reason is None else {"reason": reason}
    changes |= {} if result is None else {"result": result}
    changes |= {} if subject is None or intention.subject is not None else {"subject": subject}
    connection.execute(intentions.update().where(intentions.c.id == intention.id).values(**changes))
    updated = intention_of(one(connection, intentions, intention.id))
    is_same = audit.digest_of(updated) == audit.digest_of(intention)
    # A look that shows the same as the last one is no change.
    if events or attempt is not None or new_sighting or not is_same:
        audit.note_intention(
            connection,
            " ".join(events) or "noted",
            updated,
            before=intention,
            attempt=attempt,
            seen=observation,
        )
    if intention.is_open and not updated.is_open:
        close_claims(database, connection, updated)
    return updated


def close_claims(database: Database, connection: sa.Connection, intention: Intention) -> None:
    """Update the claim on the number of an intention that has ended."""
    if intention.state is IntentionState.REFUSED:
        connection.execute(claims.delete().where(claims.c.intention_id == intention.id))
    elif intention.operation is Operation.RENT_ANY and intention.subject is not None:
        # The number is ours and paid for: a conflicting claim must not undo that record.
        database.insert_missing(
            connection,
            claims,
            project_id=intention.project_id,
            phone_number=intention.subject,
            intention_id=intention.id,
        )
    elif intention.operation is Operation.RELEASE and intention.subject is not None:
        # Only a finished rent gives its number up; an open one still has to be settled.
        finished = sa.select(intentions.c.id).where(intentions.c.state == str(IntentionState.DONE))
        connection.execute(
            claims.delete().where(
                claims.c.project_id == intention.project_id,
                claims.c.phone_number == intention.subject,
                claims.c.intention_id.in_(finished),
            )
        )


def same_step(
    known: Sequence[Intention], operation: Operation, line: NewIntention
) -> Intention | None:
    """The intention that this line would repeat; none without a subject (rent_any)."""
    if line.subject is None:
        return None
    same = (operation, line.subject, line.fingerprint)
    for intention in known:
        if (
            intention.operation,
            intention.subject,
            intention.fingerprint,
        ) == same and intention.state is not IntentionState.REFUSED:
            return intention
    return None


def of_purchase(purchase_id: str) -> sa.Select[Any]:
    """The steps of one purchase, in the order of planning."""
    return (
        sa.select(intentions)
        .where(intentions.c.purchase_id == purchase_id)
        .order_by(intentions.c.position)
    )


def one(
    connection: sa.Connection, table: sa.Table, row_id: str, *, lock: bool = False
) -> sa.Row[Any]:
    """The row of that id, locked on request; BadInput when there is none."""
    query = sa.select(table).where(table.c.id == row_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise BadInput(
            f"No row {row_id!r} in the journal's {table.name}.",
            field=f"{table.name} id",
            remedy="run numberflow journal list",
        )
    return row


def full_id(connection: sa.Connection, prefix: str) -> str:
    """The one id with that prefix; BadInput when none or several match."""
    ids = connection.execute(
        sa.select(intentions.c.id)
        .where(intentions.c.id.startswith(prefix, autoescape=True))
        .limit(2)
    ).all()
    if not prefix or len(ids) != 1:
        problem = "names several intentions" if len(ids) > 1 and prefix else "names no intention"
        raise BadInput(
            f"intention id: {prefix!r} {problem}.",
            field="intention id",
            remedy="copy the id from numberflow journal list",
        )
    return str(ids[0].id)


def operation_named(name: str) -> Operation:
    """The operation of that name; BadInput when it is not a costly step."""
    try:
        return Operation(name)
    except ValueError:
        raise BadInput(
            f"operation: {name!r} is not a costly step.",
            field="operation",
            remedy=f"write one of {', '.join(Operation)}",
        ) from None


def derived_id(*parts: str) -> str:
    """An id of 80 bits from the parts. Equal parts give equal ids, so a row can be made again."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _end_attempt(
    connection: sa.Connection, intention_id: str, end: AttemptEnd, now: datetime
) -> None:
    n: Any = end.n
    if n is None:
        n = (
            sa.select(sa.func.max(attempts.c.n))
            .where(attempts.c.intention_id == intention_id)
            .scalar_subquery()
        )
    connection.execute(
        attempts.update()
        .where(
            attempts.c.intention_id == intention_id,
            attempts.c.n == n,
            attempts.c.ended_at.is_(None),
        )
        .values(
            ended_at=now,
            outcome=str(end.outcome),
            http_status=end.http_status,
            vendor_request_id=end.vendor_request_id,
        )
    )


def _add_sighting(
    connection: sa.Connection, intention_id: str, observation: Observation, now: datetime
) -> bool:
    """Write a look down, and return whether it shows something new."""
    last = connection.execute(
        sa.select(evidence)
        .where(evidence.c.intention_id == intention_id)
        .order_by(evidence.c.n.desc())
        .limit(1)
    ).one_or_none()
    seen = as_kept(observation.seen)
    if last is not None and (last.finding, last.note, last.seen) == (
        str(observation.finding),
        observation.note,
        seen,
    ):
        # Looks every few minutes for a week are one line to a reader, not two thousand.
        connection.execute(
            evidence.update()
            .where(evidence.c.intention_id == intention_id, evidence.c.n == last.n)
            .values(times=last.times + 1, last_at=now)
        )
        return False
    connection.execute(
        evidence.insert().values(
            intention_id=intention_id,
            n=1 if last is None else last.n + 1,
            at=now,
            last_at=now,
            times=1,
            finding=str(observation.finding),
            note=observation.note,
            seen=seen,
        )
    )
    return True
