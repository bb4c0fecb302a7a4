"""Show quotes and reports to people: Prefect artifacts, and a line of the log.

Texts and tables only, no decisions. Not here: whom a report calls (tasks.person).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_table_artifact,
)
from prefect.runtime import flow_run

from numberflow.models.reports import InventoryReport, RunReport
from numberflow.models.wording import harmless
from numberflow.planning.quote import Quote
from numberflow.purchase.shown import shown, words
from numberflow.purchase.text import amount
from tasks.person import call_for_run
from tasks.step import step


@step("publish report")
async def publish(report: RunReport) -> None:
    """Put a report into a table and a summary in words; call a person when one is needed.

    Costs: nothing. Repeat: safe; each run adds a version.
    """
    # First: an artifact that the server refuses must not keep a person from being called.
    await call_for_run(report)
    told, name = shown(report), str(flow_run.flow_name)
    key, about = ((each or name).format(report=report) for each in (told.key, told.about))
    about = harmless(about)
    if rows := [dict(row) for row in told.rows(report)]:
        await acreate_table_artifact(table=rows, key=f"{key}-report", description=about)
    await acreate_markdown_artifact(
        markdown=harmless(words(report)), key=f"{key}-summary", description=about
    )
    if isinstance(report, InventoryReport):
        for each in report.projects:
            if each.report_url:
                local = "" if "://" in each.report_url else "file://"
                await acreate_link_artifact(
                    link=f"{local}{each.report_url}",
                    key=f"{key}-page",
                    description=f"Charts of {each.project_id}",
                )


@step("publish audit files")
async def publish_audit_files(project_id: str, files: Sequence[str]) -> None:
    """Show in a table artifact where the audit's days are. Costs: nothing. Repeat: safe."""
    await acreate_table_artifact(
        table=[{"file": each} for each in files],
        key="export-inventory-audit",
        description=f"Audit of {project_id}: the days that were published",
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
        table=rows,
        key=f"{flow_name}-quote",
        description=harmless(f"Quote for {reference}"),
    )
