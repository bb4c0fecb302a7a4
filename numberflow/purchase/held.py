"""Which of some numbers the project holds, rented or imported, and refusing a run that names others. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from numberflow.errors import BadInput
from numberflow.journal import Intention, NewPurchase, State
from numberflow.planning.configuring import HeldNumber, held_active, held_imported
from numberflow.purchase.desk import Desk, each_of, in_thread
from numberflow.purchase.hosting import READS_AT_ONCE
from numberflow.steps import ACTIVE_NUMBER, read_or_none
from numberflow.steps.reading import imported_or_none

_NAMES_SHOWN_MAX = 5


async def held_number(desk: Desk, phone_number: str) -> HeldNumber | None:
    """The number as it is held; None when it is neither rented nor imported. Costs: nothing; one read or two."""
    active = await read_or_none(desk.client.active_numbers.get(phone_number), ACTIVE_NUMBER)
    if active is not None:
        return held_active(active)
    # Only North American numbers can be imported, and only about those this API can be asked (docs/vendor/imported-hosting-behaviour.md §7).
    imported = await imported_or_none(desk.client, phone_number) if phone_number.startswith("+1") else None
    return None if imported is None else held_imported(imported)


async def held_numbers(desk: Desk, phone_numbers: Sequence[str]) -> dict[str, HeldNumber | None]:
    """Each number as it is held, in the order asked. Costs: nothing."""
    shown = await each_of(phone_numbers, lambda number: held_number(desk, number), at_once=READS_AT_ONCE)
    return dict(zip(phone_numbers, shown, strict=True))


def require_held(held: Mapping[str, HeldNumber | None]) -> None:
    """Refuse a run about numbers that are not ours.

    Raises:
        BadInput: names them; nothing was sent.
    """
    others = [number for number, each in held.items() if each is None]
    if others:
        more = f" and {len(others) - _NAMES_SHOWN_MAX} more" if len(others) > _NAMES_SHOWN_MAX else ""
        raise BadInput(
            f"phone_numbers: {', '.join(others[:_NAMES_SHOWN_MAX])}{more}: the project holds no such number, rented or imported",
            field="phone_numbers",
            mend="leave them out, or check the project; nothing was sent for any number",
        )


async def begun_rows(desk: Desk, new: NewPurchase) -> tuple[Intention, ...]:
    """The steps of this reference that were not refused. A reference that is new stays unused until what it names was checked.

    Raises:
        ReferenceConflict: the reference stands for something else.
    """
    if await in_thread(desk.journal.find_purchase, new.project_id, new.reference) is None:
        return ()
    purchase = await in_thread(desk.journal.open_purchase, new)
    rows = await in_thread(desk.journal.intentions, purchase_id=purchase.id)
    return tuple(row for row in rows if row.state is not State.REFUSED)
