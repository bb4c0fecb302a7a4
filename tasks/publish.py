"""Show quotes and reports to people: Prefect artifacts, and a line of the log.

Texts and tables only, no decisions. Not here: whom a report calls (tasks.person).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_table_artifact,
)
from prefect.runtime import flow_run

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
from numberflow.models.wording import count_of, line_of
from numberflow.planning.quote import Quote
from numberflow.purchase.shown import shown
from numberflow.purchase.text import amount
from tasks.person import call_for_run
from tasks.step import step

R = TypeVar("R", bound=RunReport)


@dataclass(frozen=True)
class Published(Generic[R]):
    """How the reports of one type are published; their words are in numberflow.purchase.shown.

    `key`: the artifacts are called KEY-report (a table) and KEY-summary (words). `about`: their
    description. Both may name fields of the report. `line`: the sentence in the log, before reason
    and remedy.
    """

    key: str
    about: str
    line: Callable[[R], str]


def _numbers_line(report: NumbersReport | EmergencyReport) -> str:
    number = count_of(len(report.numbers), "number")
    return f"{report.reference}: {report.outcome.value}, {number}."


def _inventory_line(report: InventoryReport) -> str:
    if report.handed_to:
        runs = ", ".join(f"{each.project} {each.flow_run_id}" for each in report.handed_to)
        projects = count_of(len(report.handed_to), "project")
        return f"{projects} handed out; each run tells how its own ended: {runs}"
    numbers = count_of(sum(each.rows or 0 for each in report.projects), "number")
    projects = count_of(len(report.projects), "project")
    return f"{report.outcome.value}: {numbers} of {projects}."


PUBLISHED: Mapping[type[RunReport], Published[Any]] = {
    PurchaseReport: Published[PurchaseReport](
        key="search-and-rent",
        about="Report of {report.reference}",
        line=lambda report: (
            f"{report.reference}: {report.outcome.value}, {report.rented} of {report.asked} "
            f"rented, {report.rented_now} by this run."
        ),
    ),
    OrderReport: Published[OrderReport](
        key="order-numbers",
        about="Order of {report.reference}",
        line=lambda report: (
            f"{report.reference}: {report.outcome.value}, order {report.state or 'none'}."
        ),
    ),
    NumbersReport: Published[NumbersReport](
        key="{report.action}-numbers",
        about="{report.action} numbers, {report.reference}",
        line=_numbers_line,
    ),
    EmergencyReport: Published[EmergencyReport](
        key="emergency-address",
        about="Emergency addresses, {report.reference}",
        line=_numbers_line,
    ),
    FollowReport: Published[FollowReport](
        key="follow-orders",
        about="Open orders, and those that ended",
        line=lambda report: (
            f"{report.outcome.value}: {count_of(len(report.orders), 'order')} followed."
        ),
    ),
    InventoryReport: Published[InventoryReport](
        key="export-inventory",
        about="Inventory of {report.snapshot_date}",
        line=_inventory_line,
    ),
    ReconcileReport: Published[ReconcileReport](
        key="reconcile",
        about="Journal against vendor, {report.project_id}",
        line=lambda report: (
            f"{report.outcome.value}: {count_of(len(report.findings), 'finding')} told of "
            f"{report.found}, {count_of(report.compared, 'number')} compared."
        ),
    ),
}


def _published(report: RunReport) -> Published[Any]:
    known = PUBLISHED.get(type(report))
    if known is not None:
        return known
    # Nothing but a `RunReport`: it is called as its flow is.
    name = str(flow_run.flow_name)
    return Published[RunReport](name, name, lambda each: f"{name}: {each.outcome.value}.")


def summary_line(report: RunReport) -> str:
    """The report in a line of the log."""
    return line_of(_published(report).line(report), report.reason, report.remedy)


@step("publish report")
async def publish(report: RunReport) -> None:
    """Put a report into a table and a summary in words; call a person when one is needed.

    Costs: nothing. Repeat: safe; each run adds a version.
    """
    # First: an artifact that the server refuses must not keep a person from being called.
    await call_for_run(report)
    published = _published(report)
    key, about = (each.format(report=report) for each in (published.key, published.about))
    told = shown(report)
    if rows := [dict(row) for row in told.rows]:
        await acreate_table_artifact(table=rows, key=f"{key}-report", description=about)
    await acreate_markdown_artifact(markdown=told.text, key=f"{key}-summary", description=about)
    if isinstance(report, InventoryReport):
        for each in report.projects:
            if each.report_url:
                local = "" if "://" in each.report_url else "file://"
                await acreate_link_artifact(
                    link=f"{local}{each.report_url}",
                    key=f"{key}-page",
                    description=f"Charts of {each.project_id}",
                )


@step("publish quote")
async def publish_quote(quote: Quote, reference: str, *, flow_name: str) -> None:
    """Put the itemised quote into a table artifact of that flow.

    Costs: nothing. Repeat: safe; each run adds a version.
    """
    rows = [
        {
            "phone number": line.phone_number or "picked by the vendor",
            "set-up": amount(line.setup, quote.currency),
            "first period": amount(line.recurring, quote.currency),
            "due today": amount(line.today, quote.currency),
            "per month": amount(line.monthly, quote.currency),
        }
        for line in quote.lines
    ]
    rows.append(
        {
            "phone number": f"total of {len(quote.lines)}",
            "set-up": amount(sum((line.setup for line in quote.lines), Decimal(0)), quote.currency),
            "first period": amount(
                sum((line.recurring for line in quote.lines), Decimal(0)), quote.currency
            ),
            "due today": amount(quote.today, quote.currency),
            "per month": amount(quote.monthly, quote.currency),
        }
    )
    await acreate_table_artifact(
        table=rows, key=f"{flow_name}-quote", description=f"Quote for {reference}"
    )
