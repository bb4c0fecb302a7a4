"""Let the vendor pick and rent a number (`availableNumbers:rentAny`, US LOCAL only).

A lost reply names nothing, so every request carries a marker of its own in the callback URL, and
the numbers that were held before are written down first. Prefer search and rent: it can be proven
with two reads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from numberflow.client import Client
from numberflow.journal import Applied, Attempt, Evidence, Finding, Intention
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.vendor import ActiveNumber, RentAnyRequest
from numberflow.steps import rent
from numberflow.steps.link import link_order, with_links

OPERATION = "rent_any"
MARKER_KEY = "numberflow"
# Used when the caller gave no callback URL. `.invalid` never resolves (RFC 2606), so events go
# nowhere, as without a URL.
UNANSWERED_CALLBACK_URL = "https://numberflow.invalid/"


def marked_callback_url(callback_url: str | None, marker: str) -> str:
    """The callback URL with the marker as one more query parameter."""
    parts = urlsplit(callback_url or UNANSWERED_CALLBACK_URL)
    query = [*parse_qsl(parts.query, keep_blank_values=True), (MARKER_KEY, marker)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def carries_marker(callback_url: str | None, marker: str) -> bool:
    """Whether a number's callback URL has this marker."""
    return bool(callback_url) and (MARKER_KEY, marker) in parse_qsl(
        urlsplit(callback_url or "").query
    )


def request_facts(
    order: SearchAndRentParameters, marker: str, callback_url: str | None = None
) -> dict[str, Any]:
    """What the journal keeps: a resumed run sends the same request with the same marker.

    `callback_url` is for an order that names none.
    """
    pattern = order.effective_search_pattern
    return {
        "region_code": order.region_code,
        "number_type": order.number_type.value,
        "pattern": order.pattern,
        "search_pattern": pattern.value if pattern else None,
        "capabilities": [capability.value for capability in order.capabilities],
        **rent.request_facts(
            order.sms, order.voice, marked_callback_url(order.callback_url or callback_url, marker)
        ),
        "marker": marker,
    }


class RentAny:
    """The two halves of renting any number, bound to a client.

    Costs: set-up price and first period of a number that the vendor picks. Source:
    docs/vendor/numbers-behaviour.md §5, §12.

    Args:
        client: an entered client.
        before: the numbers that the project held before the purchase began.
        claimed_by_others: reads from the journal, at each look, the numbers that other intentions
            hold.
    """

    def __init__(
        self,
        client: Client,
        *,
        before: Collection[str],
        claimed_by_others: Callable[[Intention], Awaitable[Collection[str]]],
    ) -> None:
        self._client = client
        self._before = frozenset(before)
        self._claimed_by_others = claimed_by_others

    async def do(self, attempt: Attempt) -> Applied:
        """Send the request once. Raises what the client raises."""
        facts = attempt.intention.request
        body = RentAnyRequest(
            region_code=facts["region_code"],
            number_type=facts["number_type"],
            pattern=facts["pattern"],
            search_pattern=facts["search_pattern"],
            capabilities=tuple(facts["capabilities"]),
            sms=facts["sms"],
            voice=facts["voice"],
            callback_url=facts["callback_url"],
        )
        number = await self._client.available_numbers.rent_any(body, watch=attempt)
        return Applied(
            result=rent.result_facts(number) | link_order(number.phone_number, attempt.intention),
            note="the vendor answered with the number that it picked",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Walk the held numbers of the region and type. Costs nothing; repeat at will."""
        facts = intention.request
        held = [
            number
            async for number in self._client.active_numbers.iterate(
                region_code=facts["region_code"],
                number_type=facts["number_type"],
                pattern=facts.get("pattern"),
                search_pattern=facts.get("search_pattern"),
            )
        ]
        # Read after the list: a number that another intention bought in between is then known as
        # its own.
        others = await self._claimed_by_others(intention)
        evidence = judge(held, facts["marker"], before=self._before, claimed_by_others=others)
        return with_links(evidence, intention)


def judge(
    held: Iterable[ActiveNumber],
    marker: str,
    *,
    before: Collection[str],
    claimed_by_others: Collection[str],
) -> Evidence:
    """Which held number is the one that this request rented, if any.

    The marker decides. A new number without any callback URL could be ours if the vendor dropped
    the URL: the only such number is taken for ours. A new number with another callback URL was
    bought by somebody else.
    """
    held = list(held)
    marked = [number for number in held if carries_marker(number.callback_url, marker)]
    unmarked = [
        number
        for number in held
        if not number.callback_url
        and number.phone_number not in before
        and number.phone_number not in claimed_by_others
    ]
    candidates = marked or unmarked
    how = (
        "carries the marker of this request"
        if marked
        else "is the only new number without a callback URL"
    )
    seen = {"held": len(held), "marked": len(marked), "new_without_callback_url": len(unmarked)}
    if len(candidates) == 1:
        return Evidence(
            finding=Finding.APPLIED,
            note=f"{candidates[0].phone_number} {how}",
            seen=seen,
            result=rent.result_facts(candidates[0]),
        )
    if candidates:
        numbers = ", ".join(number.phone_number for number in candidates[:5])
        return Evidence(
            finding=Finding.INCONCLUSIVE,
            note=f"{len(candidates)} numbers could be the one: {numbers}",
            seen=seen,
        )
    return Evidence(
        finding=Finding.ABSENT, note="no held number carries the marker, none is new", seen=seen
    )
