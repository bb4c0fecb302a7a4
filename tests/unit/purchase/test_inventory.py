"""What the journal knows of imported numbers."""

from __future__ import annotations

from typing import Any

import anyio
from support.journals import (
    PROJECT,
    Applied,
    Attempt,
    Evidence,
    Journal,
    NewIntention,
    new_purchase,
    plan,
    run_step,
    take,
)

from numberflow.purchase.inventory import imported_question

A, B, C = "+12025550101", "+12025550102", "+12025550103"


def done(journal: Journal, reference: str, *lines: NewIntention) -> None:
    """Steps that were taken."""
    purchase = journal.open_purchase(new_purchase(reference))
    lease = take(journal, purchase.resource)
    rows = plan(journal, lease, purchase, *lines)
    journal.give_back_leases((lease,))

    async def do(attempt: Attempt) -> Applied:
        attempt.before_send()
        return Applied({}, "done")

    async def look(_: Any) -> Evidence:
        return Evidence("absent", "not there", {})

    async def run() -> None:
        for row in rows:
            await run_step(journal, row, do, look)

    anyio.run(run)


def test_links_and_numbers(journal: Journal) -> None:
    """Imports, orders and text-enabling name links and numbers; a deleted number is gone.

    A change of link names another.
    """
    link = {"service_plan_id": "plan-1", "campaign_id": "CAMP1"}
    done(journal, "PO-1", NewIntention("import", A, "f", link))
    done(
        journal,
        "PO-2",
        NewIntention(
            "import_order",
            "token-1",
            "f",
            {"numbers": [B, C], "service_plan_id": "plan-2", "campaign_id": ""},
        ),
    )
    done(journal, "PO-3", NewIntention("delete_imported", B, "f"))
    done(
        journal,
        "PO-4",
        NewIntention(
            "update_imported",
            C,
            "f",
            {"sms": {"service_plan_id": "plan-3", "campaign_id": "CAMP3"}},
        ),
    )
    question = imported_question(journal, PROJECT)
    assert {A, C} == question.phone_numbers
    assert {("plan-1", "CAMP1"), ("plan-2", ""), ("plan-3", "CAMP3")} == question.links


def test_nothing_known(journal: Journal) -> None:
    """A journal without imports asks for nothing of its own."""
    question = imported_question(journal, PROJECT)
    assert (frozenset(), frozenset()) == (question.links, question.phone_numbers)
