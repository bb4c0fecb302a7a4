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
    values = row._asdict()
    values.pop("intention_id")
    values["outcome"] = values["outcome"] and Outcome(values["outcome"])
    return AttemptEntry(**values)


def evidence_of(row: sa.Row[Any]) -> EvidenceEntry:
    """A piece of evidence."""
    values = row._asdict()
    del values["intention_id"], values["n"]
    values["finding"] = Finding(values["finding"])
    return EvidenceEntry(**values)


def order_of(row: sa.Row[Any]) -> PendingWork:
    """Pending work."""
    values = row._asdict()
    values["kind"] = OrderKind(values["kind"])
    return PendingWork(**values)
