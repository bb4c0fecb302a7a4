"""The costly steps: how each is done at the vendor, and recognised after a lost reply.

Each module pairs the journal's "do" and "look" with the client's calls.

Not here: when a step is due (purchase, flows) and the rule that a step takes effect at most once
(`numberflow.journal.billable`).
"""

from collections.abc import Awaitable
from typing import TypeVar

from numberflow.client import Client
from numberflow.errors import NotFound, OutcomeUnknown
from numberflow.journal import Intention

T = TypeVar("T")

# What the vendor's 404 names as missing (docs/vendor/numbers-behaviour.md §15).
ACTIVE_NUMBER = "ActiveNumber"
AVAILABLE_NUMBER = "AvailableNumber"
NUMBER_ORDER = "NumberOrder"  # assumed, "Not known", 18


class VendorStep:
    """A costly step that needs nothing but an entered client; each has its `do` and `look`."""

    def __init__(self, client: Client) -> None:
        self._client = client


def named(intention: Intention) -> str:
    """The number that the step is about.

    Steps on a number always have one; `rentAny` gets its own afterwards.
    """
    assert intention.subject is not None, f"{intention} names no number"
    return intention.subject


def is_absence_of(error: NotFound, resource_type: str) -> bool:
    """Whether a 404 is the vendor's word that this is not there, and not a gateway's or a route's.

    The vendor names what is missing in `details[].resourceType`; older replies put a package name
    before it, so the match is loose (docs/vendor/numbers-behaviour.md §15).
    """
    return resource_type in error.resource_type


async def read_or_none(read: Awaitable[T], resource_type: str) -> T | None:
    """What a read shows; None when the vendor says that the number is not there.

    Raises:
        NotFound: a 404 that proves nothing.
    """
    try:
        return await read
    except NotFound as error:
        if is_absence_of(error, resource_type):
            return None
        raise


async def about_available(request: Awaitable[T]) -> T:
    """Send a costly request about an available number; only a 404 that names it counts as one.

    Raises:
        NotFound: the vendor's word that the number is not there.
        OutcomeUnknown: a 404 of a gateway or an unknown route: it says nothing about the number, so
            that the vendor's state has to be looked at.
    """
    try:
        return await request
    except NotFound as error:
        if is_absence_of(error, AVAILABLE_NUMBER):
            raise
        raise OutcomeUnknown(
            f"a 404 that is not about the number: {error.message}",
            status=404,
            cause="foreign_404",
        ) from error
