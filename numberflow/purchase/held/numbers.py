"""Which of some numbers the project holds, rented or imported; a run that names others is refused.

Reads only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from numberflow.client.active_numbers import PAGE_SIZE
from numberflow.errors import BadInput, NumberflowError
from numberflow.models.wording import first_of
from numberflow.planning.configuring import HeldNumber, held_active, held_imported
from numberflow.purchase.run_context import READS_AT_ONCE, RunContext, each_of
from numberflow.steps import ACTIVE_NUMBER, read_or_none
from numberflow.steps.reading import imported_or_none

# One page stands for so many reads at least.
LISTED_MIN = 10


async def held_number(context: RunContext, phone_number: str) -> HeldNumber | None:
    """The number as it is held; None when it is neither rented nor imported.

    Costs: nothing; one read or two.
    """
    active = await read_or_none(context.client.active_numbers.get(phone_number), ACTIVE_NUMBER)
    return await _imported(context, phone_number) if active is None else held_active(active)


async def _imported(context: RunContext, phone_number: str) -> HeldNumber | None:
    # Only North American numbers can be imported, and only about those this API can be asked
    # (docs/vendor/imported-hosting-behaviour.md §7).
    imported = (
        await imported_or_none(context.client, phone_number)
        if phone_number.startswith("+1")
        else None
    )
    return None if imported is None else held_imported(imported)


async def held_numbers(
    context: RunContext,
    phone_numbers: Sequence[str],
    *,
    imported: Collection[str] = (),
    left_out: tuple[type[NumberflowError], ...] = (),
) -> dict[str, HeldNumber | None]:
    """Each number as it is held, in the order asked.

    Costs: nothing; pages of the active list where they are fewer than the numbers, else a read for
    each.

    `imported`: those that are known to be imported; the active list is not asked for them.
    `left_out`: errors that leave out the number whose read they end.
    """
    found: dict[str, HeldNumber | None] = {}
    rented = [number for number in phone_numbers if number not in imported]
    if len(rented) >= LISTED_MIN:
        # Where the list does not come, each is asked for by name.
        with suppress(*left_out):
            found |= await _listed(context, frozenset(rented))
    rest = [number for number in phone_numbers if number not in found]

    async def one(phone_number: str) -> None:
        with suppress(*left_out):
            found[phone_number] = await (_imported if phone_number in imported else held_number)(
                context, phone_number
            )

    # Lists may be filtered or late: "not there" is asked for by name.
    await each_of(rest, one, at_once=READS_AT_ONCE)
    return {number: found[number] for number in phone_numbers if number in found}


async def _listed(context: RunContext, wanted: frozenset[str]) -> dict[str, HeldNumber | None]:
    """Those of the wanted numbers that some pages of the active list show.

    No more pages than a fraction of the reads they are to spare.
    """
    found: dict[str, HeldNumber | None] = {}
    pages_max = len(wanted) // LISTED_MIN
    page_token: str | None = None
    for _ in range(pages_max):
        page = await context.client.active_numbers.list_page(page_token=page_token)
        found |= {
            each.phone_number: held_active(each)
            for each in page.active_numbers
            if each.phone_number in wanted
        }
        page_token = page.next_page_token
        pages = -(-(page.total_size or 0) // PAGE_SIZE)
        if page_token is None or len(found) == len(wanted) or pages > pages_max:
            # What is left of a long list costs more than it spares.
            break
    return found


def require_held(held: Mapping[str, object | None]) -> None:
    """Refuse a run about numbers that are not ours.

    Raises:
        BadInput: names them; nothing was sent.
    """
    others = [number for number, each in held.items() if each is None]
    if others:
        raise BadInput(
            f"phone_numbers: {first_of(others)}: the project holds no such number, rented or "
            "imported",
            field="phone_numbers",
            remedy="leave them out, or check the project; nothing was sent for any number",
        )
