"""Reading imported and qualified numbers for evidence.

What is there, and the vendor's own word for what is not.

This API names no resource in its 404; a gateway's own 404 has no code, so a code is what makes one
evidence (docs/vendor/imported-hosting-behaviour.md §8).
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar

from numberflow.client import Client
from numberflow.errors import NotFound
from numberflow.models.imported import ImportedNumber, QualificationState, QualifiedNumber

T = TypeVar("T")

# Up to here one read each; above, the lists of the states are shorter (a page holds a hundred).
READS_MAX = 20

# Those that most numbers are in when somebody asks come first: a walk ends when all are found.
_STATES = (
    QualificationState.VERIFIED,
    QualificationState.ELIGIBLE_CHECK_PENDING,
    QualificationState.ELIGIBLE,
    QualificationState.HOSTING_IN_PROGRESS,
    QualificationState.VERIFICATION_PENDING,
    QualificationState.VERIFICATION_FAILED,
    QualificationState.VERIFICATION_BLOCKED,
    QualificationState.NOT_ELIGIBLE,
    QualificationState.HOSTING_FAILED,
    QualificationState.HOSTING_DONE,
)


async def none_if_absent(read: Awaitable[T]) -> T | None:
    """What a read shows; None when the vendor says that there is no such thing.

    Raises:
        NotFound: a 404 that proves nothing.
    """
    try:
        return await read
    except NotFound as error:
        if error.code == "NOT_FOUND":
            return None
        raise


async def imported_or_none(client: Client, phone_number: str) -> ImportedNumber | None:
    """The imported number; None when it is not imported. Raises as `none_if_absent`."""
    return await none_if_absent(client.imported_numbers.get(phone_number))


async def qualified_numbers(
    client: Client, phone_numbers: Sequence[str]
) -> dict[str, QualifiedNumber | None]:
    """Each number as the vendor shows it now; None: it was never added, or forgotten.

    In the order asked.

    Costs: nothing; a read for each number, or the lists of the states when there are many.
    """
    found: dict[str, QualifiedNumber] = {}
    wanted = set(phone_numbers)
    if len(wanted) > READS_MAX:
        for state in _STATES:
            async for number in client.qualified_numbers.iterate(state=state, page_size=100):
                if number.phone_number in wanted:
                    found[number.phone_number] = number
            if found.keys() == wanted:
                break
    # A number can move from a list that is still to come into one that was read: whatever is
    # missing is asked for by name.
    for each in sorted(wanted - found.keys()):
        shown = await none_if_absent(client.qualified_numbers.get(each))
        if shown is not None:
            found[each] = shown
    return {each: found.get(each) for each in phone_numbers}
