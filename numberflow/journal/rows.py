"""From table rows to the frozen values of `entries.py`. Nothing else."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from numberflow.journal.entries import (
    AttemptEntry,
    EvidenceEntry,
    Finding,
    Intention,
    Operation,
    OrderKind,
    Outcome,
    PendingWork,
    Purchase,
)
from numberflow.journal.transitions import IntentionState


def purchase_of(row: sa.Row[Any]) -> Purchase:
    """A purchase; the folded reference stays inside the database."""
    values = row._asdict()
    values.pop("reference_folded")
    return Purchase(**values)


def intention_of(row: sa.Row[Any]) -> Intention:
    """An intention."""
    values = row._asdict()
    values["operation"] = Operation(values["operation"])
    values["state"] = IntentionState(values["state"])
    return Intention(**values)


def attempt_of(row: sa.Row[Any]) -> AttemptEntry:
    """An attempt."""
    return AttemptEntry(
        n=row.n,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        http_status=row.http_status,
        vendor_request_id=row.vendor_request_id,
        owner=row.owner,
    )


def evidence_of(row: sa.Row[Any]) -> EvidenceEntry:
    """A piece of evidence."""
    return EvidenceEntry(
        at=row.at,
        last_at=row.last_at,
        times=row.times,
        finding=Finding(row.finding),
        note=row.note,
        seen=row.seen,
    )


def order_of(row: sa.Row[Any]) -> PendingWork:
    """An order that is followed."""
    values = row._asdict()
    values["kind"] = OrderKind(values["kind"])
    return PendingWork(**values)
