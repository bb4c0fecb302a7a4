"""Every kind of report, once: in words, as a table, under which name, and what it is about.

A new kind of report gets its entry here. Not here: the words themselves (each subject's text.py),
artifacts and events (tasks).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numberflow.export.words import inventory_line, inventory_rows, inventory_text
from numberflow.models.reports import (
    CallbacksReport,
    EmergencyReport,
    FollowReport,
    InventoryReport,
    NumbersReport,
    OrderReport,
    PurchaseReport,
    ReconcileReport,
    RunOutcome,
    RunReport,
)
from numberflow.models.wording import count_of, line_of
from numberflow.purchase.callbacks import callback_rows
from numberflow.purchase.hosting.text import hosted_rows, hosted_text
from numberflow.purchase.number_orders.text import follow_rows, follow_text, number_rows, order_text
from numberflow.purchase.reconciling.text import reconcile_rows, reconcile_text
from numberflow.purchase.report import HANDBOOK
from numberflow.purchase.text import emergency_rows, emergency_text, report_rows, report_text

R = TypeVar("R", bound=RunReport)


@dataclass(frozen=True, kw_only=True)
class Shown(Generic[R]):
    """How the reports of one type are shown. `key` and `about` may name fields of the report."""

    text: Callable[[R], str]
    """Markdown."""
    rows: Callable[[R], Sequence[Mapping[str, str]]] = lambda _: ()
    """One for each number, order or project, by the names of the columns."""
    line: Callable[[R], str]
    """The sentence in the log, before reason and remedy."""
    key: str = ""
    """Artifacts are called KEY-report (the table) and KEY-summary; empty: as the flow is."""
    about: str = ""
    """What artifacts are described as; empty: as the flow is called."""
    subject: str = "run"
    """What it is about: the middle of the resource id of the event that calls a person."""
    unattended: bool = False
    """Nobody waits for such a run: a person is called also when it was refused."""


def shown(report: RunReport) -> Shown[Any]:
    """How this report is shown; a kind that has no entry is shown as all are alike."""
    return SHOWN.get(type(report), _PLAIN)


def words(report: RunReport) -> str:
    """The report as markdown. One that needs a person names the page of the handbook."""
    text: str = shown(report).text(report)
    is_open = report.outcome is RunOutcome.NEEDS_PERSON
    return f"{text.rstrip()}\n\n{HANDBOOK}" if is_open else text


def summary_line(report: RunReport) -> str:
    """The report in a line of the log."""
    return line_of(shown(report).line(report), report.reason, report.remedy)


def _plain_text(report: RunReport) -> str:
    said = [f"**{report.outcome.value.replace('_', ' ')}**", report.reason, report.remedy]
    return "\n\n".join(each for each in (*said, *report.notes) if each)


def _numbers_line(report: NumbersReport | EmergencyReport) -> str:
    number = count_of(len(report.numbers), "number")
    return f"{report.reference}: {report.outcome.value}, {number}."


_PLAIN = Shown[RunReport](text=_plain_text, line=lambda report: f"{report.outcome.value}.")

SHOWN: Mapping[type[RunReport], Shown[Any]] = {
    PurchaseReport: Shown[PurchaseReport](
        text=report_text,
        rows=report_rows,
        line=lambda report: (
            f"{report.reference}: {report.outcome.value}, {report.rented} of {report.asked} "
            f"rented, {report.rented_now} by this run."
        ),
        key="search-and-rent",
        about="Report of {report.reference}",
        subject="purchase",
    ),
    OrderReport: Shown[OrderReport](
        text=order_text,
        rows=lambda report: number_rows(report.numbers),
        line=lambda report: (
            f"{report.reference}: {report.outcome.value}, order {report.state or 'none'}."
        ),
        key="order-numbers",
        about="Order of {report.reference}",
        subject="purchase",
    ),
    NumbersReport: Shown[NumbersReport](
        text=hosted_text,
        rows=hosted_rows,
        line=_numbers_line,
        key="{report.action}-numbers",
        about="{report.action} numbers, {report.reference}",
        subject="hosting",
    ),
    EmergencyReport: Shown[EmergencyReport](
        text=emergency_text,
        rows=emergency_rows,
        line=_numbers_line,
        key="emergency-address",
        about="Emergency addresses, {report.reference}",
        subject="emergency",
    ),
    FollowReport: Shown[FollowReport](
        text=follow_text,
        rows=follow_rows,
        line=lambda report: (
            f"{report.outcome.value}: {count_of(len(report.orders), 'order')} followed."
        ),
        key="follow-orders",
        about="Open orders, and those that ended",
        subject="order",
        unattended=True,
    ),
    InventoryReport: Shown[InventoryReport](
        text=inventory_text,
        rows=inventory_rows,
        line=inventory_line,
        key="export-inventory",
        about="Inventory of {report.snapshot_date}",
        subject="inventory",
        unattended=True,
    ),
    CallbacksReport: Shown[CallbacksReport](
        text=_plain_text,
        rows=callback_rows,
        line=lambda report: (
            f"{report.outcome.value}: {count_of(len(report.resources), 'resource')}, "
            f"{report.waiting} still waiting, {report.unreadable} unreadable."
        ),
        key="drain-callbacks",
        about="What came of callbacks",
        subject="callbacks",
    ),
    ReconcileReport: Shown[ReconcileReport](
        text=reconcile_text,
        rows=reconcile_rows,
        line=lambda report: (
            f"{report.outcome.value}: {count_of(len(report.findings), 'finding')} told of "
            f"{report.found}, {count_of(report.compared, 'number')} compared."
        ),
        key="reconcile",
        about="Journal against vendor, {report.project_id}",
        subject="reconcile",
        unattended=True,
    ),
}
