"""Reports about numbers that live elsewhere, in words and tables. Pure.

Nothing of a letter is in any of them.

Not here: where they are shown (tasks, cli) and what they say (hosting).
"""

from __future__ import annotations

from numberflow.models.reports import NumbersReport
from numberflow.models.wording import count_of
from numberflow.planning.hosting import counted
from numberflow.purchase.text import framed


def hosted_rows(report: NumbersReport) -> list[dict[str, str]]:
    """One row per number."""
    return [
        {
            "phone number": line.phone_number,
            "state": line.state,
            "order": line.order_id,
            "code": line.code,
            "advice": line.advice,
        }
        for line in report.numbers
    ]


def hosted_text(report: NumbersReport) -> str:
    """The report as markdown: outcome, how many numbers are where, what to do, what is open."""
    plan = " (plan only)" if report.plan_only else ""
    states = [line.state for line in report.numbers]
    body = [
        "",
        f"{count_of(len(states), 'number')}: {counted(states)}." if states else "No number.",
    ]
    if report.orders:
        body.append(f"Hosting orders: {', '.join(report.orders)}.")
    commands = [line for command in report.commands for line in ("", f"    {command}")]
    title = f"{report.reference or report.action}: {report.action}{plan}"
    return framed(report, title, body, remedies=commands)
