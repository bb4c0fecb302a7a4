"""Hosting orders as costly steps.

Import several numbers (`hostingOrders:importNumbers`), text-enable (`…:textEnable…Numbers`).

An order has no key and cannot be searched by number; each carries a token of ours in `displayName`,
which is the intention's subject. Nothing can be cancelled or corrected. The letter of authorisation
is handed to the step under seal and is never written down. Source:
docs/vendor/imported-hosting-behaviour.md §4, §15.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from numberflow.client import Client
from numberflow.errors import NotSent
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Finding,
    Intention,
    OrderKind,
    opened_order,
)
from numberflow.models.hosting import (
    BlanketLoa,
    DirectLoa,
    HostingOrder,
    HostingOrderState,
    HostingOrderType,
    ImportNumbersRequest,
    ResellerLoa,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)
from numberflow.planning.hosting import Readiness, readiness
from numberflow.steps import VendorStep, named
from numberflow.steps.reading import imported_or_none, qualified_numbers

IMPORT_ORDER, TEXT_ENABLE = "import_order", "text_enable"

Loa = DirectLoa | ResellerLoa | BlanketLoa

# Further numbers of one page; the server may use less.
_PAGE_SIZE = 100
# In the order in which an order goes through them: one that moves on while it is looked for is met
# in its next state.
_ORDER_STATES = (
    HostingOrderState.SUBMITTED,
    HostingOrderState.WAITING_FOR_LOA_SIGNATURE,
    HostingOrderState.IN_PROGRESS,
    HostingOrderState.COMPLETED,
    HostingOrderState.REJECTED,
)


class ImportOrder(VendorStep):
    """The two halves of importing several numbers by one order, bound to a client.

    The intention's subject is the order's token; its `request` holds numbers, region, links and
    texts.

    Costs: no price is published; count on one for each number.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the order once. Raises what the client raises."""
        facts = attempt.intention.request
        body = ImportNumbersRequest(
            region_code=facts["region_code"],
            numbers=tuple(facts["numbers"]),
            service_plan_id=facts["service_plan_id"],
            campaign_id=facts["campaign_id"] or None,
            display_name=name_with_token(facts["display_name"], named(attempt.intention)),
            callback_url=facts["callback_url"],
            migrate_to_sinch_tmo=facts["migrate_to_sinch_tmo"] or None,
        )
        order = await self._client.hosting_orders.import_numbers(
            body, numbers_max=len(body.numbers), watch=attempt
        )
        return Applied(result=opened(order, attempt.intention), note="the vendor opened the order")

    async def look(self, intention: Intention) -> Evidence:
        """Look for the order by its token, then at the numbers. Costs nothing; repeat at will."""
        orders = await find_orders(self._client, intention, HostingOrderType.IMPORT)
        if orders:
            return judge_orders(orders, await _numbers_in(self._client, orders), intention)
        shown = [
            await imported_or_none(self._client, number) for number in intention.request["numbers"]
        ]
        return judge_import_absence([number.phone_number for number in shown if number is not None])


class TextEnable:
    """The two halves of text-enabling numbers by one order, bound to a client and a letter.

    The intention's subject is the order's token; its `request` holds numbers, region, links and
    times, and nothing of the letter.

    Costs: no price is published; count on one for each number. A legal document goes out to the
    signer.

    Args:
        client: an entered client.
        loa: the letter; None to look only, when there is nothing left to send.
    """

    def __init__(self, client: Client, loa: Loa | None) -> None:
        self._client = client
        self._loa = loa

    async def do(self, attempt: Attempt) -> Applied:
        """Send the order once. Raises what the client raises."""
        if self._loa is None:
            raise NotSent("the letter was not read, so nothing was sent")
        facts = attempt.intention.request
        shared: dict[str, Any] = {
            "region_code": facts["region_code"],
            "numbers": tuple(facts["numbers"]),
            "service_plan_id": facts["service_plan_id"],
            "loa": self._loa,
            "display_name": name_with_token(facts["display_name"], named(attempt.intention)),
            "callback_url": facts["callback_url"],
        }
        at = (
            None if facts["scheduled_at"] is None else datetime.fromisoformat(facts["scheduled_at"])
        )
        if facts["toll_free"]:
            toll_free = TextEnableTollFreeRequest(**shared, scheduled_provisioning_at=at)
            order = await self._client.hosting_orders.text_enable_toll_free(
                toll_free, watch=attempt
            )
        else:
            local = TextEnableRequest(
                **shared,
                campaign_id=facts["campaign_id"] or None,
                nnid=facts["nnid"],
                scheduled_osr_update_at=at,
            )
            order = await self._client.hosting_orders.text_enable(local, watch=attempt)
        return Applied(result=opened(order, attempt.intention), note="the vendor opened the order")

    async def look(self, intention: Intention) -> Evidence:
        """Look for the order by its token, then at the numbers. Costs nothing; repeat at will."""
        orders = await find_orders(self._client, intention, HostingOrderType.TEXT_ENABLE)
        if orders:
            return judge_orders(orders, await _numbers_in(self._client, orders), intention)
        shown = await qualified_numbers(self._client, intention.request["numbers"])
        return judge_text_enable_absence(
            {number: readiness(each) for number, each in shown.items()}
        )


async def find_orders(
    client: Client, intention: Intention, order_type: HostingOrderType
) -> list[HostingOrder]:
    """Every order that carries the intention's token.

    There is a list for each state, and no list of all (§7).
    """
    found: dict[str, HostingOrder] = {}
    token = named(intention)
    for state in _ORDER_STATES:
        listed = client.hosting_orders.iterate(
            state=state,
            order_type=order_type,
            service_plan_id=intention.request["service_plan_id"],
            campaign_id=intention.request["campaign_id"],
        )
        async for order in listed:
            if carries(order.display_name, token):
                found[order.hosting_order_id] = order
    return list(found.values())


async def _numbers_in(client: Client, orders: Sequence[HostingOrder]) -> list[str]:
    listed = client.hosting_orders.iterate_numbers(orders[0].hosting_order_id, page_size=_PAGE_SIZE)
    return [number.phone_number async for number in listed]


def judge_orders(
    orders: Sequence[HostingOrder], numbers: Collection[str], intention: Intention
) -> Evidence:
    """An order with our token and our numbers is ours: the step took effect.

    Two, or one with other numbers (`numbers`), a person has to see.
    """
    ids = [order.hosting_order_id for order in orders]
    if len(orders) > 1:
        return Evidence(
            Finding.INCONCLUSIVE, f"{len(orders)} orders carry the token", {"orders": ids}
        )
    if set(numbers) != set(intention.request["numbers"]):
        seen = {"orders": ids, "numbers": len(numbers)}
        return Evidence(
            Finding.INCONCLUSIVE, "an order carries the token, and shows other numbers", seen
        )
    return Evidence(
        Finding.APPLIED, "an order carries the token", {"orders": ids}, opened(orders[0], intention)
    )


def judge_import_absence(imported: Collection[str]) -> Evidence:
    """No order carries the token. It never was there if none of its numbers is imported (§15)."""
    if imported:
        return Evidence(
            Finding.INCONCLUSIVE,
            f"no order carries the token, and {len(imported)} of its numbers are imported",
            {"orders": [], "imported": sorted(imported)},
        )
    return Evidence(
        Finding.ABSENT,
        "no order carries the token, and none of its numbers is imported",
        {"orders": []},
    )


def judge_text_enable_absence(states: Mapping[str, Readiness]) -> Evidence:
    """No order carries the token.

    It never was there if all numbers are as ready as before (§15).
    """
    other = sorted(number for number, state in states.items() if state is not Readiness.READY)
    if other:
        return Evidence(
            Finding.INCONCLUSIVE,
            f"no order carries the token, and {len(other)} of its numbers are not ready any more",
            {"orders": [], "not_ready": other[:20]},
        )
    return Evidence(
        Finding.ABSENT,
        "no order carries the token, and all numbers are still ready",
        {"orders": []},
    )


def name_with_token(display_name: str | None, token: str) -> str:
    """What an order is called: the caller's words and our token."""
    return f"{display_name} {token}" if display_name else token


def carries(display_name: str | None, token: str) -> bool:
    """Whether an order's name ends with the token.

    What stands before it is the caller's, who may write anything.
    """
    return display_name is not None and display_name.split()[-1:] == [token]


def opened(order: HostingOrder, intention: Intention) -> dict[str, Any]:
    """What is kept of an order, so that the sweep takes it up whatever becomes of the run.

    Its id and state, never its letter.
    """
    what = "import" if intention.operation == IMPORT_ORDER else "text-enable"
    return opened_order(
        OrderKind.HOSTING, order.hosting_order_id, order.state or "",
        numbers=list(intention.request["numbers"]), token=named(intention), what=what,
    )  # fmt: skip
