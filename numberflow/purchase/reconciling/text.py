"""What reconcile found, in words and as a table. Pure."""

from __future__ import annotations

from collections import Counter

from numberflow.models.reports import ReconcileReport
from numberflow.models.wording import count_of, typed

# More are read in the table of the inventory store than on a page.
SHOWN_MAX = 100


def reconcile_text(report: ReconcileReport) -> str:
    """Markdown: what is new, what was settled, where everything is."""
    new = sum(each.is_new for each in report.findings)
    known = report.found - new
    lines = [
        f"# {count_of(new, 'new finding')}, {known} known",
        "",
        f"{count_of(report.compared, 'number')} compared with the journal: {report.source}.",
    ]
    if report.restored:
        lines += ["", f"{report.restored}."]
    if report.reason:
        lines += ["", f"**{report.reason}**", "", f"What to do: {report.remedy}"]
    if report.settled:
        states = Counter(each.state for each in report.settled)
        told = ", ".join(
            f"{count} {state.replace('_', ' ')}" for state, count in sorted(states.items())
        )
        lines += ["", f"Steps whose outcome nobody knew, looked at: {told}."]
    for each in report.findings[:SHOWN_MAX]:
        lines += [
            "",
            f"- **{each.kind.replace('_', ' ')}** {each.subject}: journal: {each.journal}; "
            f"vendor: {each.vendor}" + (f". {typed(each.command)}" if each.command else ""),
        ]
    if len(report.findings) > SHOWN_MAX:
        lines += ["", f"… and {len(report.findings) - SHOWN_MAX} more."]
    if report.url:
        lines += ["", f"All of them: {report.url}"]
    if report.notes:
        lines += ["", *(f"- {note}" for note in report.notes)]
    return "\n".join(lines)


def reconcile_rows(report: ReconcileReport) -> list[dict[str, str]]:
    """One row for each finding that the report shows."""
    return [
        {
            "finding": each.kind.replace("_", " "),
            "about": each.subject,
            "journal": each.journal,
            "vendor": each.vendor,
            "reference": each.reference,
            "command": each.command,
        }
        for each in report.findings[:SHOWN_MAX]
    ]
