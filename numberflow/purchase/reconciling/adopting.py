"""Take numbers that were bought elsewhere into the journal, with no cost attached.

Reads the vendor, writes the journal. Not here: what finds such numbers (planning.reconciling).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numberflow.client.active_numbers import PAGE_SIZE
from numberflow.errors import BadInput
from numberflow.journal import Said
from numberflow.models.adoption import Adoption
from numberflow.models.vendor import ActiveNumber
from numberflow.models.wording import count_of, first_of
from numberflow.planning.reconciling.lines import JournalSide, Line
from numberflow.planning.reconciling.numbers import Held, held
from numberflow.purchase.held.numbers import LISTED_MIN, require_held
from numberflow.purchase.reconciling.journal_side import journal_side
from numberflow.purchase.run_context import READS_AT_ONCE, RunContext, each_of, in_thread
from numberflow.steps import ACTIVE_NUMBER, read_or_none
from numberflow.steps.reading import imported_or_none


@dataclass(frozen=True, slots=True)
class Adopted:
    """One number and what was written down of it. `seen`: what the vendor showed, as JSON."""

    phone_number: str
    said: Said
    reference: str
    seen: Mapping[str, Any]


async def adopt(context: RunContext, order: Adoption, *, by: str) -> list[Adopted]:
    """Write down that the project holds these numbers, or that it no longer does.

    All of them or none. Costs: nothing; nothing counts against a cap. Repeat: safe; a number that
    is adopted already is adopted once more, for the reference that is named now.

    Raises:
        BadInput: a number is not held, is held by a reference, or the vendor shows otherwise.
        NumberClaimed: a rent took one of them at this moment.
        JournalUnavailable: nothing was written.
    """
    side = await in_thread(journal_side, context.journal, context.project_id)
    known = _known(side, order.phone_numbers)
    seen: dict[str, dict[str, Any]]
    if order.undo:
        said = Said.UNDONE
        seen = {number: {} for number in order.phone_numbers}
        _refuse(
            [number for number, each in known.items() if each.adopted is None],
            "not adopted, so there is nothing to undo",
            "leave them out",
        )
    else:
        shown = await _shown(context, order.phone_numbers)
        if order.gone:
            said = Said.GONE
            _require_gone(known, side.claims, shown)
        else:
            said = Said.ADOPTED
            require_held(shown)
            _require_free(known, shown)
        seen = {number: each or {} for number, each in shown.items()}
    await in_thread(
        context.journal.say, context.project_id, said, seen, by=by, reference=order.reference
    )
    return [
        Adopted(number, said, order.reference or "", seen[number]) for number in order.phone_numbers
    ]


def _known(side: JournalSide, numbers: Sequence[str]) -> dict[str, Held]:
    """What the journal says of each."""
    mine: dict[str, list[Line]] = {number: [] for number in numbers}
    for line in side.lines:
        if line.phone_number in mine:
            mine[line.phone_number].append(line)
    return {number: held(lines, side.custody.get(number)) for number, lines in mine.items()}


async def _shown(context: RunContext, numbers: Sequence[str]) -> dict[str, dict[str, Any] | None]:
    """What the vendor shows of each; None where the project does not hold it."""
    found: dict[str, dict[str, Any] | None] = {}
    wanted = frozenset(numbers)
    if len(numbers) >= LISTED_MIN:
        # Pages of the list where they are fewer than a read for each.
        rows_max = len(numbers) // LISTED_MIN * PAGE_SIZE
        looked_at = 0
        async for number in context.client.active_numbers.iterate():
            looked_at += 1
            if number.phone_number in wanted:
                found[number.phone_number] = _facts(number)
            if looked_at >= rows_max or len(found) == len(wanted):
                break

    async def one(phone_number: str) -> None:
        active = await read_or_none(context.client.active_numbers.get(phone_number), ACTIVE_NUMBER)
        if active is not None:
            found[phone_number] = _facts(active)
            return
        # Only North American numbers can be imported.
        imported = (
            await imported_or_none(context.client, phone_number)
            if phone_number.startswith("+1")
            else None
        )
        found[phone_number] = None if imported is None else {"is_hosted": True}

    rest = [number for number in numbers if number not in found]
    await each_of(rest, one, at_once=READS_AT_ONCE)
    return {number: found[number] for number in numbers}


def _facts(number: ActiveNumber) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if number.money is not None:
        facts |= {
            "monthly": str(number.money.amount / number.payment_interval_months),
            "currency": number.money.currency_code,
        }
    if number.expire_at is not None:
        facts["expire_at"] = number.expire_at.isoformat()
    return facts


def _require_free(known: Mapping[str, Held], shown: Mapping[str, dict[str, Any] | None]) -> None:
    owned = {number: each for number, each in known.items() if each.holders or each.is_moving}
    if owned:
        number, first = next(iter(owned.items()))
        whose = first.how if first.holders else "a step about it is not over"
        raise BadInput(
            f"phone_numbers: {number}: {whose}"
            + (f"; and {count_of(len(owned) - 1, 'other')} likewise" if len(owned) > 1 else ""),
            field="phone_numbers",
            remedy="leave them out: the journal accounts for them; nothing was written",
        )
    _refuse(
        [number for number, each in shown.items() if each and each.get("expire_at")],
        "about to leave the project, so there is nothing to adopt",
        "leave them out",
    )


def _require_gone(
    known: Mapping[str, Held],
    claimed: Collection[str],
    shown: Mapping[str, dict[str, Any] | None],
) -> None:
    _refuse(
        [
            number
            for number, each in known.items()
            if not each.is_explained and number not in claimed
        ],
        "not in the journal as held",
        "leave them out",
    )
    _refuse(
        [
            number
            for number, each in shown.items()
            if each is not None and not each.get("expire_at")
        ],
        "held by the project, and does not leave it",
        "release it with release-numbers, or leave it out",
    )


def _refuse(numbers: Sequence[str], problem: str, remedy: str) -> None:
    if numbers:
        raise BadInput(
            f"phone_numbers: {first_of(numbers)}: {problem}",
            field="phone_numbers",
            remedy=f"{remedy}; nothing was written",
        )
