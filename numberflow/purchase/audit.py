"""The journal's audit as rows for a table, and its publication beside the inventory.

Reads the journal only. Not here: what the table looks like (export.audit), and whether the chain is
whole (Journal.verify_audit).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from numberflow.export.audit import publish_day, published_until
from numberflow.export.store import open_store
from numberflow.journal import ALL_PROJECTS, Journal
from numberflow.journal.audit_rows import AuditEntry
from numberflow.settings import Settings


def audit_rows(
    journal: Journal,
    *,
    project_id: str | None = None,
    since: date | None = None,
    until: date | None = None,
) -> Iterator[dict[str, Any]]:
    """The audit as rows of `export.audit.AUDIT`, oldest first.

    Args:
        journal: to read.
        project_id: only this project, and what was said of all projects.
        since: first day, UTC.
        until: last day, UTC.
    """
    approvers = journal.approvers()
    for entry in journal.audit_entries(
        since=None if since is None else _midnight(since),
        until=None if until is None else _midnight(until + timedelta(days=1)),
    ):
        if project_id in (None, entry.project_id) or entry.project_id == ALL_PROJECTS:
            yield _row(entry, approvers)


def publish_audit(settings: Settings, run_id: str, today: date) -> list[str]:
    """Publish the days that are over and not published yet. Returns where. Blocking.

    Repeat: safe.

    Raises:
        JournalUnavailable, StoreUnavailable: what was published before stands.
    """
    store, project_id = open_store(settings.inventory_root), settings.project_id
    last = published_until(store, project_id)
    with Journal.open(settings.journal_url) as journal:
        rows = audit_rows(
            journal,
            project_id=project_id,
            since=None if last is None else last + timedelta(days=1),
            until=today - timedelta(days=1),
        )
        # A clock that was put back mixes the days: a file is written once, with all of its rows.
        days: dict[date, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            days[row["at"].date()].append(row)
    return [publish_day(store, project_id, day, run_id, days[day]) for day in sorted(days)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _row(entry: AuditEntry, approvers: Mapping[str, str]) -> dict[str, Any]:
    facts = entry.facts
    attempt, seen = facts.get("attempt") or {}, facts.get("evidence") or {}
    status, request = attempt.get("http_status"), attempt.get("vendor_request_id")
    due = _amount(facts.get("due_amount"))
    became_done = facts.get("state_to") == "done" != facts.get("state_from")
    is_step = "intention_id" in facts and facts["event"] != "before_audit"
    return {
        "by": (seen.get("seen") or {}).get("by"),
        **facts,
        "n": entry.n,
        "at": entry.at,
        "project_id": entry.project_id,
        "cost": due if became_done and is_step else None,
        "due_amount": due,
        "monthly_amount": _amount(facts.get("monthly_amount")),
        "approved_by": facts.get("approved_by") or approvers.get(facts.get("purchase_id", "")),
        "attempt": " ".join(
            part
            for part in (
                attempt.get("outcome"),
                f"HTTP {status}" if status else "",
                f"request {request}" if request else "",
            )
            if part
        )
        or None,
        "evidence": f"{seen['finding']}: {seen['note']}" if seen else None,
        "hash": entry.hash,
    }


def _amount(text: str | None) -> Decimal | None:
    # As many digits as the table keeps: a period's price by its months may have more.
    return None if text is None else Decimal(text).quantize(Decimal("0.000001"))
