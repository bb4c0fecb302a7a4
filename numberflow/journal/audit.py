"""The audit: a row for each change of the journal, in the change's transaction, chained by hashes.

Each row's hash is that of the row before and of its own content. What has to be noted is collected
while a transaction runs and written at its end, so that the head is locked for that moment only.
Tables and SQL of the chain, and what a row says. Not here: who may change what (store), walking the
chain (audit_rows).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from numberflow.errors import JournalUnavailable
from numberflow.journal.entries import AttemptEnd, Intention, Observation, Purchase
from numberflow.journal.json_text import as_kept, dump_json
from numberflow.journal.rows import intention_of, purchase_of
from numberflow.journal.tables import audit, audit_head, intentions, purchases

BEGUN, OPENING = "audit_begun", "before_audit"
HEAD = "head"
_NOTES = "numberflow_audit"
_ROWS_AT_ONCE = 500
# What a digest covers, by name: a column that is added later must not change older digests. Only
# `updated_at` is left out: in older journals, a look that showed nothing new moved it.
_INTENTION = (
    "id", "purchase_id", "project_id", "reference", "position", "operation", "subject",
    "fingerprint", "request", "state", "setup_amount", "monthly_amount", "due_amount", "currency",
    "cap_today", "cap_currency", "spend_day", "flow_run_id", "owner", "fence", "result", "reason",
    "created_at",
)  # fmt: skip
_PURCHASE = (
    "id", "project_id", "reference", "operation", "fingerprint", "parameters", "quote", "approval",
    "before", "flow_run_id", "created_at",
)  # fmt: skip


def digest_of(row: Intention | Purchase) -> str:
    """SHA-256 of a row's values, hexadecimal."""
    names = _INTENTION if isinstance(row, Intention) else _PURCHASE
    return hashlib.sha256(
        dump_json({name: getattr(row, name) for name in names}).encode()
    ).hexdigest()


def link(previous: str, content: str) -> str:
    """The hash of a row that follows the one with the hash `previous`."""
    return hashlib.sha256(f"{previous}\n{content}".encode()).hexdigest()


# ---- what is noted; written when the transaction ends


def begin_notes(connection: sa.Connection) -> None:
    """Forget what an earlier transaction of this connection noted and did not write."""
    connection.info[_NOTES] = []


def note(connection: sa.Connection, event: str, *, project_id: str, **facts: Any) -> None:
    """Note a change. `facts` are JSON values without anything private; None is left out."""
    kept = {name: value for name, value in facts.items() if value is not None}
    connection.info[_NOTES].append({"event": event, "project_id": project_id} | as_kept(kept))


def note_intention(
    connection: sa.Connection,
    event: str,
    after: Intention,
    *,
    before: Intention | None = None,
    attempt: AttemptEnd | None = None,
    seen: Observation | None = None,
) -> None:
    """Note how an intention is now, from which state, and by what evidence."""
    note(
        connection,
        event,
        **_intention_facts(after),
        state_from=None if before is None else str(before.state),
        attempt=attempt,
        evidence=seen,
    )


def note_purchase(connection: sa.Connection, event: str, purchase: Purchase) -> None:
    """Note how a purchase is now."""
    note(connection, event, **_purchase_facts(purchase))


def _intention_facts(row: Intention) -> dict[str, Any]:
    return {
        "intention_id": row.id,
        "purchase_id": row.purchase_id,
        "project_id": row.project_id,
        "reference": row.reference,
        "operation": row.operation,
        "subject": row.subject,
        "state_to": row.state,
        "due_amount": row.due_amount,
        "monthly_amount": row.monthly_amount,
        "currency": row.currency,
        "reason": row.reason,
        "digest": digest_of(row),
    }


def _purchase_facts(purchase: Purchase) -> dict[str, Any]:
    approval = purchase.approval if isinstance(purchase.approval, Mapping) else {}
    return {
        "purchase_id": purchase.id,
        "project_id": purchase.project_id,
        "reference": purchase.reference,
        "operation": purchase.operation,
        "approved_by": approval.get("by"),
        "digest": digest_of(purchase),
    }


# ---- the chain


@dataclass(frozen=True, slots=True)
class AuditEnd:
    """A row of the chain, by its number and hash. No two journals share one after they part."""

    n: int
    hash: str


def write_notes(
    connection: sa.Connection,
    now: Callable[[sa.Connection], datetime],
    actor: Mapping[str, str],
) -> None:
    """Append what the transaction noted to the chain. Its last statements.

    Raises:
        JournalUnavailable: the chain has no head: somebody removed it.
    """
    notes = [{**actor, **each} for each in connection.info.pop(_NOTES)]
    head = _locked_head(connection)
    # After the lock, so that times follow the chain.
    _append(connection, head, now(connection), notes)


def is_noted(connection: sa.Connection) -> bool:
    """Whether the transaction has something to append."""
    return bool(connection.info.get(_NOTES))


def begin_chain(connection: sa.Connection, at: datetime) -> None:
    """Begin the chain of a journal that has none: an entry for every row that is there already.

    What became of those before is not known to the chain.
    """
    if connection.execute(sa.select(audit_head.c.n)).first() is not None:
        return
    connection.execute(audit_head.insert().values(id=HEAD, n=0, hash=""))
    _append(connection, _locked_head(connection), at, [{"event": BEGUN, "project_id": ""}])
    for query, made in (
        (sa.select(purchases).order_by(purchases.c.created_at, purchases.c.id), _opening_purchase),
        (sa.select(intentions).order_by(intentions.c.created_at, intentions.c.id), _opening_step),
    ):
        found = connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
        for rows in found.partitions():
            _append(connection, _locked_head(connection), at, [made(row) for row in rows])


def _opening_purchase(row: sa.Row[Any]) -> dict[str, Any]:
    return {"event": OPENING, **_purchase_facts(purchase_of(row))}


def _opening_step(row: sa.Row[Any]) -> dict[str, Any]:
    step = intention_of(row)
    return {"event": OPENING, "flow_run_id": step.flow_run_id, **_intention_facts(step)}


def _locked_head(connection: sa.Connection) -> sa.Row[Any]:
    # Whoever appends waits here for the one before: the chain has one end.
    head = connection.execute(
        sa.select(audit_head).where(audit_head.c.id == HEAD).with_for_update()
    ).one_or_none()
    if head is None:
        raise head_lost()
    return head


def head_lost() -> JournalUnavailable:
    """The error of a chain without its end: somebody removed it."""
    return JournalUnavailable(
        "The journal's audit has lost its head.",
        remedy="stop all workers, keep a copy of the journal, and restore the newest backup",
    )


def _append(
    connection: sa.Connection,
    head: sa.Row[Any],
    at: datetime,
    notes: Sequence[Mapping[str, Any]],
) -> None:
    n, last, rows = head.n, head.hash, []
    for each in notes:
        n += 1
        content = dump_json({"n": n, "at": at, **each})
        last = link(last, content)
        project_id = each["project_id"]
        rows.append({"n": n, "at": at, "project_id": project_id, "content": content, "hash": last})
    connection.execute(audit.insert(), rows)
    connection.execute(audit_head.update().where(audit_head.c.id == HEAD).values(n=n, hash=last))
