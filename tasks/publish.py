"""Show quotes and reports to people: Prefect artifacts, and the event that calls a person.

Texts and tables only, no decisions.
"""

from __future__ import annotations

from decimal import Decimal

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from numberflow.models.reports import PurchaseReport
from numberflow.planning.quote import Quote
from numberflow.purchase.text import amount, report_rows, report_text
from tasks.person import call_person
from tasks.step import step


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


@step("publish report")
async def publish_report(report: PurchaseReport) -> None:
    """Put the report into a table artifact and a summary in words.

    Call a person when one is needed.

    Costs: nothing. Repeat: safe; each run adds a version.
    """
    # First: an artifact that the server refuses must not keep a person from being called.
    call_person(report, "purchase")
    await acreate_table_artifact(
        table=report_rows(report),
        key="search-and-rent-report",
        description=f"Report of {report.reference}",
    )
    await acreate_markdown_artifact(
        markdown=report_text(report),
        key="search-and-rent-summary",
        description=f"Summary of {report.reference}",
    )
