"""Steps over numbers that live elsewhere as Prefect tasks: import, and what every such run tells. Nothing of a letter passes through here."""

from __future__ import annotations

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from numberflow.models.import_numbers import ImportNumbersOrder
from numberflow.models.reports import HostedReport
from numberflow.purchase import import_numbers as imports
from numberflow.purchase.desk import Desk
from numberflow.purchase.hosting_words import hosted_rows, hosted_text
from tasks.person import call_person
from tasks.step import step


@step("look at the numbers to import")
async def look_at_imports(
    desk: Desk, order: ImportNumbersOrder, reference: str, flow_run_id: str | None
) -> HostedReport:
    """Which numbers are imported already, and which would be.

    Costs: nothing. Repeat: safe.
    """
    result = await imports.look_at_free_numbers(desk, order, reference)
    return await imports.import_report(desk, order, reference, result, flow_run_id=flow_run_id)


@step("import numbers")
async def import_numbers(
    desk: Desk, order: ImportNumbersOrder, reference: str, flow_run_id: str | None
) -> HostedReport:
    """Import the numbers that are not imported yet, each request through the journal, and hand the orders to the sweep.

    Costs: no price is published; count on one for each number. Repeat: safe; what is open is looked up first.
    """
    result = await imports.import_numbers(desk, order, reference, flow_run_id=flow_run_id)
    return await imports.import_report(desk, order, reference, result, flow_run_id=flow_run_id)


@step("publish hosting report")
async def publish_hosted_report(report: HostedReport) -> None:
    """Put the report into a table and a summary in words; call a person when one is needed.

    Costs: nothing. Repeat: safe; each run adds a version.
    """
    # First: an artifact that the server refuses must not keep a person from being called.
    call_person(report, "hosting")
    key = f"{report.action}-numbers"
    if report.numbers:
        description = f"{report.action} numbers, {report.reference}"
        await acreate_table_artifact(table=hosted_rows(report), key=f"{key}-report", description=description)
    await acreate_markdown_artifact(
        markdown=hosted_text(report), key=f"{key}-summary", description=f"{report.action} numbers, {report.reference}"
    )
