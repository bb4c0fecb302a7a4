"""What a run did that could not say so itself: cancelled, suspended, crashed or killed.

From the journal to a report.

Not here: noticing that a run stopped (hooks of the flows, the sweep) and showing the report (tasks,
cli).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from numberflow.errors import JournalUnavailable
from numberflow.journal import Intention, IntentionState, Journal, Operation, Purchase
from numberflow.models.reports import AccountLine, AccountReport, RunOutcome
from numberflow.purchase.report import AT_STAKE_STATES, HANDBOOK, open_item
from numberflow.purchase.run_context import RunContext, in_thread
from numberflow.purchase.text import amount, open_words
from numberflow.purchase.unlinked import unlinked_words
from numberflow.purchase.without_address import kept_words

_RENTS = frozenset({Operation.RENT, Operation.RENT_ANY})


def account(
    purchase: Purchase, rows: Sequence[Intention], *, why: str, flow_run_id: str | None = None
) -> AccountReport:
    """Every step of the purchase and where it stands.

    Refused when all that happened is known, else needs a person.

    Args:
        purchase: the purchase.
        rows: all of its steps, in the order in which they were planned.
        why: what stopped the run, in words.
        flow_run_id: the run that stopped.
    """
    told = [row for row in rows if row.state is not IntentionState.REFUSED]
    waiting = [row for row in told if row.state in AT_STAKE_STATES]
    lines = tuple(_line(row) for row in told)
    charged: dict[str, Decimal] = {}
    for line in lines:
        if line.charged:
            charged[line.currency] = charged.get(line.currency, Decimal(0)) + line.charged
    done = sum(row.state is IntentionState.DONE for row in told)
    kept, unlinked = kept_words(rows), unlinked_words(rows)
    release = (
        ", or release what was rented"
        if any(row.operation in _RENTS for row in told) and done
        else ""
    )
    return AccountReport(
        outcome=RunOutcome.NEEDS_PERSON if waiting or kept or unlinked else RunOutcome.REFUSED,
        reason=f"{why}; {so_far(purchase, rows)}",
        remedy="run again with the same reference: it looks at the vendor first and goes on "
        f"where this run stopped{release}"
        + (", or give them an address again (emergency-address)" if kept else ""),
        project_id=purchase.project_id,
        reference=purchase.reference,
        operation=purchase.operation,
        wanted=wanted(purchase),
        done=done,
        charged=charged,
        lines=lines,
        open_items=tuple(open_item(row, rows) for row in waiting),
        flow_run_id=flow_run_id,
    )


def account_of(
    journal: Journal, project_id: str, reference: object, *, why: str, flow_run_id: str
) -> AccountReport:
    """The account of a run by what it was started with.

    Without a reference the run's id is its reference.
    """
    name = str(reference or "").strip() or flow_run_id
    purchase = journal.find_purchase(project_id, name)
    if purchase is None:
        return nothing_begun(name, why=why, project_id=project_id, flow_run_id=flow_run_id)
    return account(
        purchase, journal.intentions(purchase_id=purchase.id), why=why, flow_run_id=flow_run_id
    )


async def steps_so_far(context: RunContext, reference: str) -> tuple[Intention, ...]:
    """What the journal has of a reference, for the report of a run that an error ended.

    Nothing when it cannot be read either.
    """
    try:
        return await in_thread(
            context.journal.intentions, project_id=context.project_id, reference=reference
        )
    except JournalUnavailable:
        return ()


def nothing_begun(
    reference: str, *, why: str, project_id: str, flow_run_id: str | None = None
) -> AccountReport:
    """The account of a run that stopped before it wrote anything down."""
    return AccountReport(
        outcome=RunOutcome.REFUSED,
        reason=f"{why}; nothing was begun, nothing was sent",
        remedy="run it again",
        project_id=project_id,
        reference=reference,
        flow_run_id=flow_run_id,
    )


def wanted(purchase: Purchase) -> int | None:
    """How many numbers a purchase is to rent; None where it rents none."""
    quantity = purchase.parameters.get("quantity")
    return (
        quantity if purchase.operation == "search_and_rent" and isinstance(quantity, int) else None
    )


def progress(purchase: Purchase, rows: Sequence[Intention]) -> str:
    """How far a purchase is, in words."""
    alive = [row for row in rows if row.state is not IntentionState.REFUSED]
    done = sum(row.state is IntentionState.DONE for row in alive)
    quantity = wanted(purchase)
    if quantity is not None:
        return f"{done} of {quantity} numbers rented"
    return f"{done} of {len(alive)} steps done" if alive else "no step was written down"


def so_far(purchase: Purchase, rows: Sequence[Intention]) -> str:
    """How far a purchase is, what of it is not known, and what it left half-way, in words."""
    waiting = sum(row.state in AT_STAKE_STATES for row in rows)
    parts = (
        progress(purchase, rows),
        f"of {waiting} it is not known whether they took effect" if waiting else "",
        kept_words(rows),
        unlinked_words(rows),
    )
    return "; ".join(part for part in parts if part)


def account_rows(report: AccountReport) -> list[dict[str, str]]:
    """One row per step, for tables."""
    return [
        {
            "step": line.operation,
            "number or order": line.subject or "not known yet",
            "state": line.state,
            "charged": amount(line.charged, line.currency) if line.charged else "",
            "reason": line.reason if line.state != IntentionState.DONE else "",
        }
        for line in report.lines
    ]


def account_text(report: AccountReport) -> str:
    """The account as markdown."""
    money = ", ".join(amount(value, currency) for currency, value in report.charged.items())
    lines = [
        f"# {report.reference}: stopped",
        "",
        f"**Why:** {report.reason}",
        "",
        f"**Charged:** {money or 'nothing'}",
        "",
        f"**What to do:** {report.remedy}",
    ]
    currency = next((line.currency for line in report.lines if line.currency), "")
    for item in report.open_items:
        lines += open_words(item, currency)
    if report.outcome is RunOutcome.NEEDS_PERSON:
        lines += ["", HANDBOOK]
    return "\n".join(lines)


def _line(row: Intention) -> AccountLine:
    # An order is charged when the vendor completes it, which follow-orders tells.
    charged = row.state is IntentionState.DONE and row.operation in _RENTS
    return AccountLine(
        intention_id=row.id,
        operation=str(row.operation),
        subject=str((row.result or {}).get("phone_number") or row.subject or ""),
        state=row.state.value,
        charged=(row.due_amount or Decimal(0)) if charged else Decimal(0),
        currency=row.currency or "",
        reason=row.reason or "",
    )
