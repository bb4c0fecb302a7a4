"""Purchases that stopped half-way and that nobody works on.

Named once by the sweep, however their run ended.

A run that is cancelled, crashes or ends by itself tells what it did. One whose machine has gone
tells nothing: this is for that one.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence

from numberflow.errors import LeaseLost
from numberflow.journal import OPEN_STATES, Intention, IntentionState, LeaseKeeper, Purchase
from numberflow.models.reports import Alarm, FollowLine, OrderNumberLine
from numberflow.models.wording import typed
from numberflow.purchase.account import so_far, wanted
from numberflow.purchase.report import AT_STAKE_STATES
from numberflow.purchase.run_context import RunContext, in_thread
from numberflow.purchase.without_address import kept_words

# Longer than a run of ours ever rests between two steps (it waits for links for minutes, and for a
# person it is suspended before its first step), and short enough that a power cut in the evening is
# known in the evening.
IDLE_S = 1800.0


async def name_stopped(
    context: RunContext,
    *,
    reference: str | None = None,
    tell: Callable[[FollowLine], Awaitable[None]] | None = None,
    idle_s: float = IDLE_S,
) -> list[FollowLine]:
    """Each purchase that is not finished and on which nobody has worked for `idle_s` seconds.

    Each is named once.

    Costs: nothing; asks the vendor nothing. Repeat: safe. What could not be told is named again by
    the next sweep.
    """
    named: list[FollowLine] = []
    finished: list[Purchase] = []
    stopped: list[Purchase] = []
    for purchase in await in_thread(
        context.journal.idle_purchases, context.project_id, idle_s=idle_s, reference=reference
    ):
        rows = await in_thread(context.journal.intentions, purchase_id=purchase.id)
        (stopped if is_unfinished(purchase, rows) else finished).append(purchase)
    # Of these there is nothing to tell, and the next sweep need not read them again.
    await in_thread(context.journal.note_told, [purchase.id for purchase in finished])
    async with LeaseKeeper(context.journal, context.settings.lease_s) as keeper:
        for purchase in stopped:
            try:
                async with keeper.holding(purchase.resource):
                    line = await _name(context, purchase, idle_s, tell)
            except LeaseLost:
                # A run works on it after all, or another sweep names it.
                continue
            if line is not None:
                named.append(line)
    return named


async def _name(
    context: RunContext,
    purchase: Purchase,
    idle_s: float,
    tell: Callable[[FollowLine], Awaitable[None]] | None,
) -> FollowLine | None:
    # Read again under the lease: a run may have been through with it a moment ago.
    still = await in_thread(
        context.journal.idle_purchases,
        purchase.project_id,
        idle_s=idle_s,
        reference=purchase.reference,
    )
    if not still:
        return None
    rows = await in_thread(context.journal.intentions, purchase_id=purchase.id)
    line = stopped_line(purchase, rows) if is_unfinished(purchase, rows) else None
    if line is not None and tell is not None:
        await tell(line)
    await in_thread(context.journal.note_told, [purchase.id])
    return line


def is_unfinished(purchase: Purchase, rows: Sequence[Intention]) -> bool:
    """Whether something of it is open, or it has rented fewer numbers than it was to."""
    quantity = wanted(purchase)
    done = sum(row.state is IntentionState.DONE for row in rows)
    return any(row.state in OPEN_STATES for row in rows) or (
        quantity is not None and 0 < done < quantity
    )


def close_command(reference: str, project_id: str) -> str:
    """Keeps that somebody knows of a purchase. A reference may begin with a hyphen."""
    reference, project = shlex.quote(reference), shlex.quote(project_id)
    if reference.startswith("-"):
        return f"numberflow journal close --project {project} --by <your-name> -- {reference}"
    return f"numberflow journal close {reference} --project {project} --by <your-name>"


def stopped_line(purchase: Purchase, rows: Sequence[Intention]) -> FollowLine:
    """What the sweep says of one such purchase."""
    summary = f"stopped; {so_far(purchase, rows)}"
    kept = kept_words(rows)
    bought = wanted(purchase) is not None and any(row.state is IntentionState.DONE for row in rows)
    advice = (
        "run the same reference again: it goes on where it stopped"
        + ("; or release what was rented (release-numbers)" if bought else "")
        + ("; or give them an address again (emergency-address, action provision)" if kept else "")
        + f"; or say that you know: {typed(close_command(purchase.reference, purchase.project_id))}"
    )
    return FollowLine(
        kind="purchase",
        order_id=purchase.id,
        reference=purchase.reference,
        state="stopped",
        is_open=True,
        needs_person=True,
        summary=summary,
        advice=advice,
        numbers=tuple(
            OrderNumberLine(
                phone_number=str(
                    (row.result or {}).get("phone_number") or row.subject or "not known yet"
                ),
                state=row.state.value,
                monthly=row.monthly_amount if row.state is IntentionState.DONE else None,
                currency=row.currency or "",
            )
            for row in rows
            if row.state in AT_STAKE_STATES or row.state is IntentionState.DONE
        ),
        alarms=(Alarm(name="stopped", text=f"{summary}. {advice}."),),
    )
