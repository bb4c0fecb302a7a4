"""Every kind of report in words and as a table, for artifacts and for the terminal.

A new kind of report gets its line here. Not here: the words themselves (each subject's text.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numberflow.export.words import inventory_rows, inventory_text
from numberflow.models.reports import (
    EmergencyReport,
    FollowReport,
    InventoryReport,
    NumbersReport,
    OrderReport,
    PurchaseReport,
    ReconcileReport,
    RunReport,
)
from numberflow.purchase.hosting.text import hosted_rows, hosted_text
from numberflow.purchase.number_orders.text import follow_rows, follow_text, number_rows, order_text
from numberflow.purchase.reconciling.text import reconcile_rows, reconcile_text
from numberflow.purchase.text import emergency_rows, emergency_text, report_rows, report_text

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Shown:
    """A report as people read it."""

    text: str
    """Markdown."""
    rows: Rows
    """One for each number, order or project, by the names of the columns."""


def shown(report: RunReport) -> Shown:
    """Put a report into words; a kind that has none of its own gets the words that all have."""
    text, rows = _SHOWN.get(type(report), (_text, _no_rows))
    return Shown(text(report), rows(report))


def _text(report: RunReport) -> str:
    said = [f"**{report.outcome.value.replace('_', ' ')}**", report.reason, report.remedy]
    return "\n\n".join(each for each in (*said, *report.notes) if each)


def _no_rows(_report: RunReport) -> Rows:
    return ()


_SHOWN: Mapping[type[RunReport], tuple[Callable[[Any], str], Callable[[Any], Rows]]] = {
    PurchaseReport: (report_text, report_rows),
    OrderReport: (order_text, lambda report: number_rows(report.numbers)),
    FollowReport: (follow_text, follow_rows),
    EmergencyReport: (emergency_text, emergency_rows),
    NumbersReport: (hosted_text, hosted_rows),
    InventoryReport: (inventory_text, inventory_rows),
    ReconcileReport: (reconcile_text, reconcile_rows),
}
