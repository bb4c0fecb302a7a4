"""Release one number (`activeNumbers/{n}:release`): the rental ends at the next charge date.

There is no way back.
"""

from __future__ import annotations

from numberflow.journal import Applied, Attempt, Evidence, Finding, Intention
from numberflow.models.vendor import ActiveNumber
from numberflow.steps import ACTIVE_NUMBER, VendorStep, named, read_or_none
from numberflow.steps.link import release_order

OPERATION = "release"


class Release(VendorStep):
    """The two halves of releasing a number, bound to a client.

    Costs: nothing is refunded and nothing can bring the number back. Source:
    docs/vendor/numbers-behaviour.md §8.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the release once. Raises what the client raises."""
        number = await self._client.active_numbers.release(named(attempt.intention), watch=attempt)
        if number.expire_at is not None:
            return Applied(
                result=_facts(number), note="the vendor answered with the end of the rental"
            )
        # Taken, and not shown: whether it will end is what the sweep looks at.
        order = release_order(named(attempt.intention), attempt.intention)
        return Applied(
            result=_facts(number) | order, note="the vendor took the release, and shows no end yet"
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read the number. Costs nothing; repeat at will."""
        number = await read_or_none(
            self._client.active_numbers.get(named(intention)), ACTIVE_NUMBER
        )
        return judge(number)


def judge(number: ActiveNumber | None) -> Evidence:
    """A release took effect when `expireAt` is set or the number is gone.

    It did not when `expireAt` is null (§8).
    """
    if number is None:
        return Evidence(
            finding=Finding.APPLIED,
            note="the number is no longer held",
            seen={"active": False},
            result={"expire_at": None},
        )
    if "expireAt" in number.unreadable:
        return Evidence(
            finding=Finding.INCONCLUSIVE, note="expireAt cannot be read", seen={"active": True}
        )
    if number.expire_at is not None:
        return Evidence(
            finding=Finding.APPLIED,
            note="expireAt is set",
            seen=_facts(number),
            result=_facts(number),
        )
    return Evidence(finding=Finding.ABSENT, note="expireAt is null", seen=_facts(number))


def _facts(number: ActiveNumber) -> dict[str, object]:
    return {
        "phone_number": number.phone_number,
        "expire_at": number.expire_at.isoformat() if number.expire_at else None,
    }
