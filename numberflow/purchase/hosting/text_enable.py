"""Text-enable qualified numbers by one order with a letter of authorisation, through the journal.

Nothing of it can be corrected afterwards.

Not here: how the order is sent and recognised (steps.hosting), the letter (letter), and what
becomes of the order later (follow).
"""

from __future__ import annotations

from collections.abc import Sequence

from numberflow.errors import SpendRefused
from numberflow.journal import Intention, IntentionState, NewIntention, Purchase
from numberflow.models.hosting import BlanketLoa
from numberflow.models.reports import NumbersLine, NumbersReport
from numberflow.models.text_enable_numbers import TextEnableParameters
from numberflow.planning.hosting import ADVICE, Readiness, counted, readiness
from numberflow.purchase.costly_steps import hold_purchase
from numberflow.purchase.hosting.letter import Letter, signer_digest
from numberflow.purchase.hosting.orders import (
    busy_line,
    ordered_elsewhere,
    ordered_lines,
    take_up_orders,
    token_of,
    withdraw_late,
)
from numberflow.purchase.link_targets import require_link_targets
from numberflow.purchase.numbers_report import numbers_report
from numberflow.purchase.run_context import (
    RunContext,
    begun_rows,
    in_thread,
    new_purchase,
    open_purchase,
    require_same_journal,
)
from numberflow.steps.hosting import TEXT_ENABLE, TextEnable
from numberflow.steps.reading import qualified_numbers

OPERATION = "text_enable_numbers"

_PLANNED = "to be text-enabled"


async def open_text_enabling(
    context: RunContext, order: TextEnableParameters, reference: str
) -> tuple[Purchase, tuple[Intention, ...]]:
    """The purchase of this reference and its steps so far. Sends nothing.

    A new reference stays unused as long as a number is not ready.

    Costs: nothing. Repeat: safe; the same reference with other parameters is refused.

    Raises:
        SpendRefused: a number is not ready.
        ReferenceConflict: the reference stands for something else.
        JournalUnavailable: no journal, no order.
    """
    new = new_purchase(context, order, reference, OPERATION)
    await require_same_journal(context, new)
    if await in_thread(context.journal.find_purchase, context.project_id, reference) is None:
        await require_orderable(context, order, reference)
    purchase = await open_purchase(context, new)
    return purchase, await in_thread(context.journal.intentions, purchase_id=purchase.id)


def is_sent(rows: Sequence[Intention]) -> bool:
    """Whether the order is at the vendor for certain.

    Then nothing can be sent any more, and no letter is needed.
    """
    return any(row.state is IntentionState.DONE for row in rows)


async def unready_lines(context: RunContext, order: TextEnableParameters) -> list[NumbersLine]:
    """Every number with whether it is ready. Costs: nothing."""
    shown = await qualified_numbers(context.client, order.phone_numbers)
    states = {number: readiness(each) for number, each in shown.items()}
    return [
        NumbersLine(phone_number=number, state=_PLANNED)
        if state is Readiness.READY
        else NumbersLine(phone_number=number, state=state.value, advice=ADVICE[state])
        for number, state in states.items()
    ]


async def require_orderable(
    context: RunContext, order: TextEnableParameters, reference: str
) -> None:
    """Refuse numbers that are not ready, or that another reference has ordered.

    Costs: nothing. Repeat: safe.

    Another run of this reference may order them while we look. Then they look taken.
    So our own steps are looked at again before a refusal.

    Raises:
        BadInput: the link leads nowhere.
        SpendRefused: names what is in the way.
        ReferenceConflict: the reference stands for something else by now.
    """
    await require_link_targets(context, order.sms, None, adding=len(order.phone_numbers))
    try:
        await _require_ready(context, order)
        await _require_free(context, reference, order)
    except SpendRefused:
        if not await begun_rows(context, new_purchase(context, order, reference, OPERATION)):
            raise


async def _require_ready(context: RunContext, order: TextEnableParameters) -> None:
    """Refuse what the vendor would refuse as a whole because of one number. Costs: nothing.

    Raises:
        SpendRefused: says how many numbers lack what.
    """
    lines = [line for line in await unready_lines(context, order) if line.state != _PLANNED]
    if lines:
        raise SpendRefused(
            f"{len(lines)} of {len(order.phone_numbers)} numbers are not ready: "
            f"{counted(line.state for line in lines)}",
            rule="readiness",
            remedy=f"{lines[0].phone_number} is {lines[0].state}: {lines[0].advice}; run with "
            "plan_only to see every number",
        )


async def _require_free(context: RunContext, reference: str, order: TextEnableParameters) -> None:
    """Refuse numbers that an order of another reference works on. Costs: nothing.

    Raises:
        SpendRefused: names the first number, and the reference that has it.
    """
    busy = await ordered_elsewhere(context, reference, order.phone_numbers)
    if busy:
        line = busy_line(*next(iter(busy.items())))
        raise SpendRefused(
            f"{len(busy)} of {len(order.phone_numbers)} numbers stand in an order of another "
            f"reference, {line.phone_number} for one",
            rule="readiness",
            remedy=line.advice,
        )


def is_confirmed(context: RunContext, purchase: Purchase, letter: Letter | BlanketLoa) -> bool:
    """Whether a person has confirmed the signer that this letter names.

    A blanket letter has none.
    """
    if isinstance(letter, BlanketLoa):
        return True
    kept = (purchase.approval or {}).get("signer")
    return kept is not None and kept == signer_digest(context, letter.authorised_person.email)


async def confirm_signer(
    context: RunContext, purchase: Purchase, letter: Letter, by: str
) -> Purchase:
    """Write down who confirmed the signer's e-mail; of the e-mail only a keyed digest.

    Costs: nothing. Repeat: safe.
    """
    approval = {"by": by, "signer": signer_digest(context, letter.authorised_person.email)}
    return await in_thread(context.journal.save_approval, purchase.id, approval)


async def text_enable(
    context: RunContext,
    order: TextEnableParameters,
    reference: str,
    letter: Letter | BlanketLoa | None,
) -> list[Intention]:
    """Send the order once, and hand it to the sweep.

    Costs: no price is published; count on one for each number, and a legal document goes out.
    Repeat: safe; an open step is looked up at the vendor before anything is
    sent again.

    Args:
        context: collaborators.
        order: what is wanted.
        reference: the caller's name for it.
        letter: under seal; None when the order is at the vendor already.

    Raises:
        SpendRefused: nobody has confirmed the signer, or a number is not ready; nothing was sent.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no order.
    """
    purchase, _ = await open_text_enabling(context, order, reference)
    async with hold_purchase(context, purchase) as steps:
        rows = list(await steps.rows())
        if not is_sent(rows):
            if letter is None or not is_confirmed(context, purchase, letter):
                raise SpendRefused(
                    "nobody has confirmed whom the letter goes to",
                    rule="signer",
                    remedy="confirm the signer",
                )
            rows = [await steps.run(row, TextEnable(context.client, letter)) for row in rows]
        if all(row.state is IntentionState.REFUSED for row in rows):
            await require_orderable(context, order, reference)
            planned = await steps.plan([_line(order, purchase, len(rows))])
            (row,) = await withdraw_late(steps, planned)
            rows.append(await steps.run(row, TextEnable(context.client, letter)))
        return rows


async def text_enable_report(
    context: RunContext,
    order: TextEnableParameters,
    reference: str,
    rows: Sequence[Intention] = (),
) -> NumbersReport:
    """Put a run into words, every number with how far it is now.

    Costs: nothing; a few reads. Repeat: safe.

    Raises:
        BadInput: plan only, and the link leads nowhere.
    """
    order_ids = await take_up_orders(context, rows)
    told: dict[str, NumbersLine] = {}
    for row in rows:
        told |= {
            line.phone_number: line
            for line in await ordered_lines(context, row, order_ids.get(str(row.subject), ""))
        }
    if not rows and order.plan_only:
        await require_link_targets(context, order.sms, None, adding=len(order.phone_numbers))
    if not told:
        told = {line.phone_number: line for line in await unready_lines(context, order)}
    notes = []
    if order_ids:
        notes.append(
            "the order is followed by follow-orders until every number has ended; nothing can "
            "cancel or correct it"
        )
    if order.is_toll_free:
        notes.append(
            "a text-enabled toll-free number may send only when it is verified, which is another "
            "registration"
        )
    if order.plan_only:
        notes.append("plan only: nothing was sent")
    return numbers_report(
        [told[number] for number in order.phone_numbers],
        rows,
        wished=_WISHED | {_PLANNED} if order.plan_only else _WISHED,
        notes=notes,
        reference=reference,
        action="text-enable",
        plan_only=order.plan_only,
    )


_WISHED = frozenset({"ordered", "in progress", "done"})


def _line(order: TextEnableParameters, purchase: Purchase, position: int) -> NewIntention:
    token = token_of(purchase, position)
    at = order.scheduled_osr_update_time
    request = {
        "region_code": str(order.region_code),
        "numbers": list(order.phone_numbers),
        "service_plan_id": order.sms.service_plan_id,
        "campaign_id": order.sms.campaign_id or "",
        "display_name": order.display_name,
        "callback_url": order.callback_url,
        "toll_free": order.is_toll_free,
        "nnid": order.nnid,
        "scheduled_at": None if at is None else at.isoformat(),
        "loa_kind": str(order.loa_kind),
    }
    return NewIntention(TEXT_ENABLE, token, f"{TEXT_ENABLE} {token}", request)
