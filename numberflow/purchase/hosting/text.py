"""Reports about numbers that live elsewhere, in words and tables. Pure.

Nothing of a letter is in any of them.

Not here: where they are shown (tasks, cli) and what they say (hosting).
"""

from __future__ import annotations

from numberflow.models.reports import NumbersReport
from numberflow.models.wording import count_of
from numberflow.planning.hosting import counted
from numberflow.purchase.text import open_words, stake_words, why_words


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
    lines = [
        (
            f"# {report.reference or report.action}: "
            f"{report.action}{' (plan only)' if report.plan_only else ''} "
            f"{report.outcome.value.replace('_', ' ')}"
        )
    ]
    lines += [*stake_words(report, report.open_items), ""]
    states = [line.state for line in report.numbers]
    lines.append(
        f"{count_of(len(states), 'number')}: {counted(states)}." if states else "No number."
    )
    if report.orders:
        lines.append(f"Hosting orders: {', '.join(report.orders)}.")
    lines += why_words(report)
    lines += [line for command in report.commands for line in ("", f"    {command}")]
    for item in report.open_items:
        lines += open_words(item, "")
    lines += ["", *[f"- {note}" for note in report.notes]]
    return "\n".join(lines)
