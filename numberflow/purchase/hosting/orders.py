"""What runs over numbers that live elsewhere share: tokens of orders, whose orders a number is in.

And how far an order and its numbers are.

Not here: which steps are due (import_numbers, text_enable, qualify) and the sweep that follows open
orders (follow).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from numberflow.client import Client
from numberflow.journal import Intention, IntentionState, OrderKind, Purchase, folded
from numberflow.models.hosting import HostingOrder
from numberflow.models.reports import NumbersLine
from numberflow.planning.hosting import (
    FINAL_ORDER_STATES,
    NumberProgress,
    Progress,
    imported_code,
    judge_number,
)
from numberflow.planning.hosting_failures import Step
from numberflow.purchase.costly_steps import CostlySteps
from numberflow.purchase.follow import take_up
from numberflow.purchase.numbers_report import GONE, row_line
from numberflow.purchase.run_context import READS_AT_ONCE, RunContext, each_of, in_thread
from numberflow.steps import named
from numberflow.steps.hosting import IMPORT_ORDER, TEXT_ENABLE
from numberflow.steps.reading import imported_or_none, none_if_absent

# 80 bits: no two orders of all accounts share a token by chance, and it still fits into a column of
# the dashboard.
_TOKEN_DIGITS = 20
# Further numbers of one page; the server may use less.
_PAGE_SIZE = 100
BUSY = "ordered by another reference"


def token_of(purchase: Purchase, position: int) -> str:
    """The word in an order's name by which it is found again.

    The same for the same purchase and position, and nobody else's.
    """
    digest = hashlib.sha256(f"{purchase.id}/{position}".encode()).hexdigest()
    return f"nf-{digest[:_TOKEN_DIGITS]}"


async def lost_race(context: RunContext, rows: Sequence[Intention]) -> bool:
    """Whether one of these steps was refused by a 409.

    Somebody else was faster, so what is left is to be looked at again.
    """
    for row in rows:
        if row.state is IntentionState.REFUSED:
            history = await in_thread(context.journal.history, row.id)
            if history.attempts and history.attempts[-1].http_status == 409:
                return True
    return False


async def take_up_orders(context: RunContext, rows: Sequence[Intention]) -> dict[str, str]:
    """Hand the orders of these steps to the sweep. Repeat at will.

    Returns the order's id by its token.
    """
    await take_up(context, rows)
    return {
        named(row): str(row.result["order"]["order_id"])
        for row in rows
        if row.state is IntentionState.DONE
        and row.opens_order
        and row.result is not None
        and "order" in row.result
    }


async def withdraw_late(steps: CostlySteps, rows: Sequence[Intention]) -> list[Intention]:
    """Take back orders that were just written down, when another reference was a moment earlier.

    Nothing of them was sent. Two runs that looked at the same time both found the numbers free; of
    what they wrote down, both see the same one as the first.
    """
    kept = []
    for row in rows:
        numbers = row.request.get("numbers", ())
        busy = (
            await ordered_elsewhere(steps.context, row.reference, numbers, before=row)
            if row.state is IntentionState.PLANNED
            else {}
        )
        if busy:
            number, reference = next(iter(busy.items()))
            reason = f"{number} stands in an order of reference {reference!r}; nothing was sent"
            kept.append(await steps.withdraw(row, reason))
        else:
            kept.append(row)
    return kept


async def ordered_elsewhere(
    context: RunContext,
    reference: str,
    phone_numbers: Sequence[str],
    *,
    before: Intention | None = None,
) -> dict[str, str]:
    """Numbers that an order of another reference of ours works on, or may: number and reference.

    Costs: nothing; a read for each open order.

    Args:
        context: collaborators.
        reference: ours; not its purchase, which another run of it may open while we look.
        phone_numbers: the numbers to look for.
        before: only orders that were written down before this step.

    The vendor says only of imported numbers that they cannot be ordered again
    (docs/vendor/imported-hosting-behaviour.md §8).
    """
    wanted = set(phone_numbers)
    busy: dict[str, str] = {}
    ended: frozenset[tuple[OrderKind, str]] | None = None
    for operation in (IMPORT_ORDER, TEXT_ENABLE):
        for row in await in_thread(
            context.journal.intentions, project_id=context.project_id, operation=operation
        ):
            shared = wanted.intersection(row.request["numbers"])
            is_ours = folded(row.reference) == folded(reference)
            if not shared or is_ours or row.state is IntentionState.REFUSED:
                continue
            if before is not None and (row.created_at, row.id) > (before.created_at, before.id):
                continue
            if row.state is IntentionState.DONE:
                order = (row.result or {}).get("order")
                if ended is None:
                    kept = await in_thread(
                        context.journal.followed, context.project_id, open_only=False
                    )
                    ended = frozenset(
                        (each.kind, each.order_id) for each in kept if not each.is_open
                    )
                if order is None or (OrderKind(order["kind"]), order["order_id"]) in ended:
                    continue
                shown = await none_if_absent(context.client.hosting_orders.get(order["order_id"]))
                if shown is not None and shown.state in FINAL_ORDER_STATES:
                    continue
            busy |= dict.fromkeys(sorted(shared), row.reference)
    return busy


def busy_line(phone_number: str, reference: str) -> NumbersLine:
    """A number that was left alone because another reference has it, in words."""
    return NumbersLine(
        phone_number=phone_number,
        state=BUSY,
        advice=f"reference {reference!r} has it in an order that has not ended; wait for that, or "
        "run that reference again to see how far it is",
    )


async def order_progress(
    client: Client, order_id: str
) -> tuple[HostingOrder | None, list[NumberProgress]]:
    """How far an order and its numbers are. None: reads do not show the order (yet).

    Codes of failures are looked up where they are shown.

    Costs: nothing; two reads and one for each failed number.
    """
    order = await none_if_absent(client.hosting_orders.get(order_id))
    if order is None:
        return None, []
    shown = [
        number
        async for number in client.hosting_orders.iterate_numbers(order_id, page_size=_PAGE_SIZE)
    ]
    return order, [await _with_code(client, judge_number(number, order)) for number in shown]


async def _with_code(client: Client, number: NumberProgress) -> NumberProgress:
    """An order names carriers' codes only.

    The vendor's own stand at the imported number, if there is one (§4).
    """
    if number.progress is not Progress.FAILED or number.code or number.step is not Step.CAMPAIGN:
        return number
    code = imported_code(await imported_or_none(client, number.phone_number))
    return replace(number, code=code)


def progress_line(number: NumberProgress, order_id: str, intention_id: str = "") -> NumbersLine:
    """One number of an order in words."""
    advice = str(number.advice or "")
    if number.progress is not Progress.FAILED and number.step is not None:
        advice = f"{number.step} is {number.step_state or 'not shown'}"
    return NumbersLine(
        phone_number=number.phone_number,
        state=number.progress.value,
        order_id=order_id,
        code=number.code,
        advice=advice,
        intention_id=intention_id,
    )


async def ordered_lines(context: RunContext, row: Intention, order_id: str) -> list[NumbersLine]:
    """The numbers of one order step in words.

    How far they are where an order was opened, the journal's word where not.
    """
    numbers = list(row.request["numbers"])
    if row.state is not IntentionState.DONE:
        return [row_line(each, row) for each in numbers]
    order, shown = await order_progress(context.client, order_id) if order_id else (None, [])
    told = {each.phone_number: each for each in shown}
    if order is None or not told.keys() >= set(numbers):
        # Just opened: reads may be behind. The order is known all the same.
        return [
            NumbersLine(phone_number=each, state="ordered", order_id=order_id, intention_id=row.id)
            for each in numbers
        ]
    lines = [progress_line(told[each], order_id, row.id) for each in numbers]
    done = [line.phone_number for line in lines if line.state == Progress.DONE]
    shown_now = await each_of(
        done, lambda number: imported_or_none(context.client, number), at_once=READS_AT_ONCE
    )
    gone = {number for number, each in zip(done, shown_now, strict=True) if each is None}
    return [gone_line(line) if line.phone_number in gone else line for line in lines]


def gone_line(line: NumbersLine) -> NumbersLine:
    """A number that was imported and is not there any more, in words."""
    return line.model_copy(
        update={
            "state": GONE,
            "advice": "it was released or removed since; import it under a new reference",
        }
    )
