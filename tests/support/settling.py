"""The person who settles what a run could not.

Compares the vendor's own books with the report and gives a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numberflow.journal import Journal, Verdict
from numberflow.models.reports import PurchaseReport


def settle_by_truth(
    journal_url: str, report: PurchaseReport, charges: Sequence[Mapping[str, Any]]
) -> None:
    """Close every open item that waits for a person: done when the number was charged."""
    nameless = sorted({charge["phone_number"] for charge in charges} - set(report.phone_numbers))
    charged = {charge["phone_number"] for charge in charges}
    otherwise: Verdict
    with Journal.open(journal_url) as journal:
        for item in report.open_items:
            if item.state != "needs_person":
                continue
            if item.subject.startswith("+"):
                # One that was not charged may be a rival's by now: refused, the run replaces it.
                number, otherwise = item.subject if item.subject in charged else None, "refused"
            else:
                number, otherwise = nameless.pop(0) if nameless else None, "planned"
            journal.settle_by_person(
                item.intention_id,
                "done" if number else otherwise,
                by="a person",
                note="compared with the invoice",
                result={"phone_number": number} if number else None,
                is_dead=lambda owner: True,
            )
