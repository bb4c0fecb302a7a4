"""A reconciliation in words: what is new first, what was settled, and no page without an end."""

from __future__ import annotations

from numberflow.models.reports import (
    ReconcileFinding,
    ReconcileReport,
    RunOutcome,
    SettledLine,
)
from numberflow.purchase.reconciling.text import SHOWN_MAX, reconcile_rows, reconcile_text


def finding(number: int, *, is_new: bool = True) -> ReconcileFinding:
    """A number that somebody bought in the dashboard."""
    subject = f"+1202555{number:04d}"
    return ReconcileFinding(
        key=f"bought_elsewhere/{subject}",
        kind="bought_elsewhere",
        severity="person",
        subject=subject,
        journal="no step of ours names it",
        vendor="2.00 USD a month",
        command=f"numberflow adopt {subject}",
        is_new=is_new,
    )


def report(*findings: ReconcileFinding, found: int) -> ReconcileReport:
    """A report that shows these of so many."""
    settled = SettledLine(
        intention_id="7c1e", operation="rent", subject="", reference="PO-1", state="done"
    )
    return ReconcileReport(
        outcome=RunOutcome.NEEDS_PERSON,
        findings=findings,
        found=found,
        settled=(settled,),
        notes=("2 emergency addresses were not read",),
    )


def test_what_is_said() -> None:
    """New and known ones are counted apart; evidence and command stand in one line."""
    text = reconcile_text(report(finding(1), finding(2, is_new=False), found=5))
    assert text.startswith("# 1 new finding, 4 known")
    assert (
        "- **bought elsewhere** +12025550001: journal: no step of ours names it; "
        "vendor: 2.00 USD a month. `numberflow adopt +12025550001`" in text
    )
    assert "looked at: 1 done." in text
    assert text.endswith("\n\n- 2 emergency addresses were not read")


def test_a_page_has_an_end() -> None:
    """Of thousands the first are shown, in words and as a table."""
    many = report(*map(finding, range(3 * SHOWN_MAX)), found=3 * SHOWN_MAX)
    assert f"… and {2 * SHOWN_MAX} more." in reconcile_text(many)
    assert SHOWN_MAX == len(reconcile_rows(many))
