"""Import numbers that are routed to Sinch already.

One by one request, several by hosting orders, each through the journal and under one reference.

Not here: how one step is done and recognised (steps.import_number, steps.hosting) and what becomes
of an order later (follow).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numberflow.journal import Intention, IntentionState, NewIntention, OrderKind, Purchase
from numberflow.models.import_numbers import ImportNumbersParameters
from numberflow.models.imported import ImportedNumber
from numberflow.models.reports import NumbersLine, NumbersReport
from numberflow.models.wording import count_of
from numberflow.planning.hosting import imported_code
from numberflow.planning.hosting_failures import Step, advice_for
from numberflow.purchase.costly_steps import CostlySteps, hold_purchase
from numberflow.purchase.hosting.orders import (
    busy_line,
    gone_line,
    lost_race,
    ordered_elsewhere,
    ordered_lines,
    take_up_orders,
    token_of,
    withdraw_late,
)
from numberflow.purchase.link_targets import require_link_targets
from numberflow.purchase.numbers_report import numbers_report, row_line
from numberflow.purchase.run_context import (
    READS_AT_ONCE,
    RunContext,
    begun_rows,
    each_of,
    in_thread,
    new_purchase,
    open_purchase,
)
from numberflow.steps.hosting import IMPORT_ORDER, ImportOrder
from numberflow.steps.import_number import OPERATION as IMPORT
from numberflow.steps.import_number import ImportNumber, linked_as, told_links
from numberflow.steps.imported import DELETE_IMPORTED
from numberflow.steps.reading import imported_or_none

OPERATION = "import_numbers"
# Somebody else who imports the same numbers at the same time: looked at again this often. More
# needs a person, not a loop.
ROUNDS_MAX = 3

_CONFLICT, _PLANNED = "imported otherwise", "to be imported"


@dataclass
class ImportResult:
    """What a run of import-numbers found and did.

    `adopted`: numbers that were imported as wanted before; `others`: as somebody else wanted them.
    """

    rows: list[Intention] = field(default_factory=list)
    adopted: dict[str, ImportedNumber] = field(default_factory=dict)
    others: dict[str, ImportedNumber] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    busy: dict[str, str] = field(default_factory=dict)
    """Numbers that an order of another reference works on: number and reference."""
    order_ids: dict[str, str] = field(default_factory=dict)
    """Id of each order that is open or ended, by its token."""


async def look_at_numbers(
    context: RunContext, order: ImportNumbersParameters, phone_numbers: Sequence[str]
) -> ImportResult:
    """Which numbers are imported already, and as wanted. Costs: nothing; a read for each number."""
    shown = await each_of(
        phone_numbers,
        lambda number: imported_or_none(context.client, number),
        at_once=READS_AT_ONCE,
    )
    result = ImportResult()
    for number in shown:
        if number is not None:
            as_wanted = linked_as(number, _links(order))
            (result.adopted if as_wanted else result.others)[number.phone_number] = number
    result.missing = tuple(
        number
        for number in phone_numbers
        if number not in result.adopted and number not in result.others
    )
    return result


async def look_at_free_numbers(
    context: RunContext, order: ImportNumbersParameters, reference: str
) -> ImportResult:
    """As `look_at_numbers`, and which of the missing ones another reference has in an order.

    Costs: nothing. Repeat: safe.
    """
    await require_link_targets(context, order.sms, None, adding=len(order.phone_numbers))
    result = await look_at_numbers(context, order, order.phone_numbers)
    result.busy = await ordered_elsewhere(context, reference, result.missing)
    result.missing = tuple(each for each in result.missing if each not in result.busy)
    return result


async def import_numbers(
    context: RunContext, order: ImportNumbersParameters, reference: str
) -> ImportResult:
    """Import what is not imported yet, and hand every order to the sweep.

    Costs: no price is published; count on one for each number. Repeat: safe; an open step is looked
    up at the vendor before anything is sent again.

    Raises:
        BadInput: the link leads nowhere; nothing was sent.
        ReferenceConflict: the reference stands for something else.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no import.
    """
    new = new_purchase(context, order, reference, OPERATION)
    if not await begun_rows(context, new):
        await require_link_targets(context, order.sms, None, adding=len(order.phone_numbers))
    purchase = await open_purchase(context, new)
    async with hold_purchase(context, purchase) as steps:
        rows = [await _run(steps, row) for row in await steps.rows()]
        result = ImportResult()
        ended: list[Intention] = []
        for _ in range(ROUNDS_MAX):
            covered = {
                number
                for row in rows
                if row.state is not IntentionState.REFUSED
                for number in numbers_of(row)
            }
            result = await look_at_numbers(
                context, order, [each for each in order.phone_numbers if each not in covered]
            )
            result.busy = await ordered_elsewhere(context, reference, result.missing)
            result.missing = tuple(each for each in result.missing if each not in result.busy)
            singly, hopeless = unexplained(ended, result.missing)
            missing = [number for number in result.missing if number not in hopeless]
            if not missing:
                # Refused by themselves as there already, and still not shown: somebody else works
                # on them. Asking again would not help.
                break
            together = [number for number in missing if number not in singly]
            lines = _lines(order, purchase, together, first=len(rows))
            lines += _lines(
                order, purchase, sorted(singly), first=len(rows) + len(lines), numbers_per_order=1
            )
            planned = await withdraw_late(steps, await steps.plan(lines))
            ended = [await _run(steps, row) for row in planned]
            rows += ended
            if not await lost_race(context, ended):
                break
        result.rows = rows
        result.order_ids = await take_up_orders(context, rows)
        return result


async def import_report(
    context: RunContext,
    order: ImportNumbersParameters,
    reference: str,
    result: ImportResult,
) -> NumbersReport:
    """Put a run into words, every number with how far it is now.

    Costs: nothing; two reads for each order.
    """
    told: dict[str, NumbersLine] = {}
    # Later rows are told over earlier ones: a number that was refused in one order may stand in the
    # next.
    for row in result.rows:
        lines = (
            await ordered_lines(context, row, result.order_ids.get(str(row.subject), ""))
            if row.operation == IMPORT_ORDER
            else [await _single_line(context, order, row)]
        )
        told |= {line.phone_number: line for line in lines}
    for each, number in result.adopted.items():
        line = _adopted_line(number)
        parts = [part for part in (line.advice, left_as_it_was(order, number)) if part]
        told[each] = line.model_copy(update={"advice": "; ".join(parts)})
    told |= {each: _other_line(order, number) for each, number in result.others.items()}
    told |= {each: busy_line(each, other) for each, other in result.busy.items()}
    for missing in result.missing:
        told.setdefault(missing, NumbersLine(phone_number=missing, state=_PLANNED))
    notes = []
    if order.plan_only:
        orders = -(-len(result.missing) // order.numbers_per_order)
        how = (
            f"{count_of(orders, 'order')} of up to {order.numbers_per_order}"
            if order.by_order
            else "one request"
        )
        notes.append(
            f"plan only: {count_of(len(result.missing), 'number')} would be imported by "
            f"{how if result.missing else 'nothing'}"
        )
    elif any(
        row.operation == IMPORT_ORDER and row.state is IntentionState.DONE for row in result.rows
    ):
        notes.append(
            "the orders are followed by follow-orders until every number has ended; nothing can "
            "cancel them"
        )
    elif any(row.operation == IMPORT and row.state is IntentionState.DONE for row in result.rows):
        notes.append(
            "links take up to some hours; run again with the same reference to see whether they "
            "are on"
        )
    return numbers_report(
        [told[number] for number in order.phone_numbers],
        result.rows,
        wished=_WISHED | {_PLANNED} if order.plan_only else _WISHED,
        notes=notes,
        reference=reference,
        action="import",
        plan_only=order.plan_only,
    )


_WISHED = frozenset({"imported", "linking", "ordered", "in progress", "done"})


def unexplained(refused: Sequence[Intention], missing: Sequence[str]) -> tuple[set[str], set[str]]:
    """Numbers of refused steps of which no number has been found since.

    One of them is in the way, and nothing shows which. Pure.

    Returns:
        those to be ordered each by itself, so that the others come through, and those that were
        refused by themselves.
    """
    groups = [set(numbers_of(row)) for row in refused if row.state is IntentionState.REFUSED]
    stuck = [group for group in groups if group <= set(missing)]
    return (
        {number for group in stuck if len(group) > 1 for number in group},
        {number for group in stuck if len(group) == 1 for number in group},
    )


def numbers_of(row: Intention) -> tuple[str, ...]:
    """The numbers that a step is about."""
    return tuple(row.request.get("numbers", ())) or ((row.subject,) if row.subject else ())


def _lines(
    order: ImportNumbersParameters,
    purchase: Purchase,
    missing: Sequence[str],
    *,
    first: int,
    numbers_per_order: int = 0,
) -> list[NewIntention]:
    """The steps that import these numbers.

    `first` is the position of the next step, which makes the token of its order its own.
    """
    size = numbers_per_order or order.numbers_per_order
    texts = {"display_name": order.display_name, "callback_url": order.callback_url}
    if not order.by_order:
        request: dict[str, Any] = {"region_code": str(order.region_code), **_links(order), **texts}
        return [NewIntention(IMPORT, number, f"{IMPORT} {number}", request) for number in missing]
    lines: list[NewIntention] = []
    for begin in range(0, len(missing), size):
        token = token_of(purchase, first + len(lines))
        request = {
            "region_code": str(order.region_code),
            "numbers": list(missing[begin : begin + size]),
            **_links(order),
            **texts,
            "migrate_to_sinch_tmo": order.migrate_to_sinch_tmo,
        }
        lines.append(NewIntention(IMPORT_ORDER, token, f"{IMPORT_ORDER} {token}", request))
    return lines


async def _run(steps: CostlySteps, row: Intention) -> Intention:
    kind = ImportOrder if row.operation == IMPORT_ORDER else ImportNumber
    return await steps.run(row, kind(steps.context.client))


def _links(order: ImportNumbersParameters) -> dict[str, str]:
    return {
        "service_plan_id": order.sms.service_plan_id,
        "campaign_id": order.sms.campaign_id or "",
    }


async def _single_line(
    context: RunContext, order: ImportNumbersParameters, row: Intention
) -> NumbersLine:
    number = str(row.subject)
    if row.state is not IntentionState.DONE:
        return row_line(number, row)
    shown = await imported_or_none(context.client, number)
    if shown is None:
        line = NumbersLine(
            phone_number=number,
            state="imported",
            advice="reads do not show it yet",
            intention_id=row.id,
        )
        return gone_line(line) if await _is_gone(context, row) else line
    line = _adopted_line(shown)
    if not linked_as(shown, _links(order)):
        line = line.model_copy(
            update={"advice": f"linked by somebody to {told_links(shown)} since"}
        )
    return line.model_copy(update={"intention_id": row.id})


async def _is_gone(context: RunContext, row: Intention) -> bool:
    """Whether a number that reads do not show was there before.

    We deleted it, or the sweep has waited long enough for a late read.
    """
    rows = await in_thread(
        context.journal.intentions,
        project_id=context.project_id,
        operation=DELETE_IMPORTED,
        subject=row.subject,
    )
    if any(each.state is IntentionState.DONE and each.updated_at > row.updated_at for each in rows):
        return True
    kept = await in_thread(
        context.journal.followed,
        context.project_id,
        kind=OrderKind.LINK,
        purchase_id=row.purchase_id,
        open_only=False,
    )
    return any(each.facts.get("number") == row.subject and not each.is_open for each in kept)


def left_as_it_was(order: ImportNumbersParameters, number: ImportedNumber) -> str:
    """What an adopted number has that is not as asked, and was not changed, in words.

    Empty when there is nothing.
    """
    asked = {
        "callback_url": (order.callback_url, number.callback_url),
        "display_name": (order.display_name, number.display_name),
    }
    other = [name for name, (wanted, has) in asked.items() if wanted and wanted != (has or "")]
    return (
        f"it was there before; left as they were: {', '.join(other)} (configure-numbers changes "
        "them)"
        if other
        else ""
    )


def _adopted_line(number: ImportedNumber) -> NumbersLine:
    if code := imported_code(number):
        advice = str(advice_for(code, Step.CAMPAIGN))
        return NumbersLine(
            phone_number=number.phone_number, state="failed", code=code, advice=advice
        )
    job = number.sms_configuration and number.sms_configuration.scheduled_provisioning
    state = "linking" if job else "imported"
    return NumbersLine(phone_number=number.phone_number, state=state, advice=told_links(number))


def _other_line(order: ImportNumbersParameters, number: ImportedNumber) -> NumbersLine:
    wanted = _links(order)
    return NumbersLine(
        phone_number=number.phone_number,
        state=_CONFLICT,
        advice=f"it is imported with {told_links(number)}, wanted is plan "
        f"{wanted['service_plan_id']}, campaign "
        f"{wanted['campaign_id'] or 'none'}; link it with configure-numbers, or release it with "
        "release-numbers",
    )
