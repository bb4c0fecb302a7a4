"""An inventory report in words and tables, for artifacts and terminals alike. Pure."""

from __future__ import annotations

from numberflow.models.reports import HandedOut, InventoryReport, ProjectInventory
from numberflow.models.wording import count_of


def inventory_rows(report: InventoryReport) -> list[dict[str, str]]:
    """One row per project."""
    return [
        {
            "project": each.project or each.project_id or "environment",
            "outcome": each.outcome.value,
            "numbers": "" if each.rows is None else f"{each.rows:,}",
            "added": _count(each.added),
            "removed": _count(each.removed),
            "fields changed": _count(each.changed),
            "a month": _monthly(each),
            "why": each.reason,
        }
        for each in report.projects
    ]


def inventory_text(report: InventoryReport) -> str:
    """The report as markdown: outcome first, then each project with its files."""
    outcome = "handed out" if report.handed_to else report.outcome.value.replace("_", " ")
    lines = [f"# Inventory of {report.snapshot_date}: {outcome}"]
    if report.reason:
        lines += ["", f"**Why:** {report.reason}"]
    if report.remedy:
        lines += ["", f"**What to do:** {report.remedy}"]
    for each in report.projects:
        lines += ["", *_project(each)]
    if report.handed_to:
        lines += [
            "",
            (
                f"{count_of(len(report.handed_to), 'project')} handed out; each flow run says "
                "whether its project is published:"
            ),
            "",
        ]
        lines += [f"- {each.project}: {_run(each)}" for each in report.handed_to]
    lines += ["", *[f"- {note}" for note in report.notes]]
    return "\n".join(lines)


def inventory_line(report: InventoryReport) -> str:
    """The report in a line of the log, without reason and remedy."""
    if report.handed_to:
        runs = ", ".join(f"{each.project} {each.flow_run_id}" for each in report.handed_to)
        projects = count_of(len(report.handed_to), "project")
        return f"{projects} handed out; each run reports how its project ended: {runs}"
    numbers = count_of(sum(each.rows or 0 for each in report.projects), "number")
    projects = count_of(len(report.projects), "project")
    return f"{report.outcome.value}: {numbers} of {projects}."


def _run(each: HandedOut) -> str:
    return f"[{each.flow_run_id}]({each.url})" if each.url else each.flow_run_id


def _project(each: ProjectInventory) -> list[str]:
    name = " ".join(filter(None, (each.project, each.project_id))) or "the environment's account"
    if each.rows is None:
        return [f"**{name}**: {each.outcome.value}. {each.reason} → {each.remedy}"]
    lines = [
        (
            f"**{name}**: {each.rows:,} numbers, {_monthly(each) or 'no price known'} a month, "
            f"{each.requests:,} requests in {each.elapsed_s:.1f} s"
        ),
        f"- data: {each.url}",
    ]
    if each.report_url:
        lines.append(f"- report: {each.report_url}")
    if each.added is not None:
        lines.append(
            f"- since the previous snapshot: {each.added:,} added, {each.removed or 0:,} removed, "
            f"{each.changed or 0:,} fields changed"
        )
    if each.reason:
        lines.append(f"- {each.reason} → {each.remedy}")
    return [*lines, *(f"- remark: {remark}" for remark in each.remarks)]


def _monthly(each: ProjectInventory) -> str:
    return ", ".join(f"{amount:,.2f} {currency}" for currency, amount in each.monthly.items())


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
