"""Open a number order (`numberOrders:createNumberOrder`), hand it in (`numberOrders/{id}/submit`).

Registration and files lie between the two. They cost nothing and may be sent again, so they are no
steps. Source: docs/vendor/numbers-behaviour.md §10, §12.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from numberflow.client import Client
from numberflow.errors import NotFound
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Finding,
    Intention,
    OrderKind,
    opened_order,
)
from numberflow.models.number_orders import NumberOrder, NumberOrderRequest, NumberOrderState
from numberflow.models.orders import WantedNumbers
from numberflow.models.vendor import AvailableNumber
from numberflow.steps import (
    AVAILABLE_NUMBER,
    NUMBER_ORDER,
    VendorStep,
    about_available,
    is_absence_of,
    read_or_none,
    rent,
)

CREATE, SUBMIT = "create_order", "submit_order"

# States that an order can only be in after somebody handed it in.
_AFTER_SUBMIT = frozenset(
    {NumberOrderState.IN_REVIEW, NumberOrderState.COMPLETED, NumberOrderState.REJECTED}
)


def request_facts(order: WantedNumbers, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal keeps of an order.

    The request, so that a resumed run sends the same one, and the parameters, so that a failed
    order can be placed anew.
    """
    criteria: dict[str, Any] = {}
    if order.wanted > 1:
        pattern = order.effective_search_pattern
        criteria = {
            "quantity": order.wanted,
            "pattern": order.pattern,
            "search_pattern": pattern.value if pattern else None,
            "capabilities": [capability.value for capability in order.capabilities],
        }
    return {
        "region_code": order.region_code,
        "number_type": order.number_type.value,
        **rent.request_facts(order.sms, order.voice, order.callback_url),
        "criteria": criteria,
        "parameters": dict(parameters),
    }


class CreateOrder(VendorStep):
    """The two halves of opening an order, bound to a client.

    Costs: nothing yet, but numbers are reserved and the clock of the reservation starts; the fees
    follow when the order is completed.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the order once. Raises what the client raises."""
        intention = attempt.intention
        facts = intention.request
        body = NumberOrderRequest(
            region_code=facts["region_code"],
            number_type=facts["number_type"],
            phone_number=intention.subject,
            sms=facts["sms"],
            voice=facts["voice"],
            callback_url=facts["callback_url"],
            **facts["criteria"],
        )
        order = await about_available(self._client.number_orders.create(body, watch=attempt))
        return Applied(
            result=created_facts(order, intention), note="the vendor answered with the order"
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read whether the number is still for sale; an order itself can be found by nobody.

        Costs nothing; repeat at will.
        """
        if intention.subject is None:
            return judge_create(None, None)
        available = await read_or_none(
            self._client.available_numbers.get(intention.subject), AVAILABLE_NUMBER
        )
        return judge_create(available, intention.subject)


class SubmitOrder:
    """The two halves of handing an order in, bound to a client.

    Costs: the fees of the order's numbers, when the review completes it (assumed,
    docs/vendor/numbers-behaviour.md "Not known", 20).
    """

    def __init__(self, client: Client, hidden: Iterable[str] | None = None) -> None:
        """`hidden`: texts of the registration, which a refusal may quote; None = not at hand."""
        self._client = client
        self._hidden = None if hidden is None else tuple(hidden)

    async def do(self, attempt: Attempt) -> Applied:
        """Hand the order in once. Raises what the client raises."""
        order_id = order_id_of(attempt.intention)
        order = await self._client.number_orders.submit(
            order_id, hidden=self._hidden, watch=attempt
        )
        facts = _submitted_facts(order, attempt.intention.request)
        return Applied(result=facts, note=f"the vendor answered: {order.state}")

    async def look(self, intention: Intention) -> Evidence:
        """Read the order. Costs nothing; repeat at will."""
        try:
            order = await self._client.number_orders.get(order_id_of(intention))
        except NotFound as error:
            if not is_absence_of(error, NUMBER_ORDER):
                raise
            order = None
        return judge_submit(order, intention.request)


def judge_create(available: AvailableNumber | None, phone_number: str | None) -> Evidence:
    """Whether an order was opened, from what is for sale.

    A number that is still for sale is in no order. One that is not may be in ours, whose id was in
    the lost reply, or a rival's: only a person can tell. An order by quantity leaves no trace that
    anything could be told by.
    """
    if phone_number is None:
        return Evidence(
            Finding.INCONCLUSIVE,
            "an order by quantity cannot be looked up: no list of orders exists",
        )
    if available is not None:
        return Evidence(Finding.ABSENT, "the number is still for sale", {"available": True})
    return Evidence(
        Finding.INCONCLUSIVE,
        "the number is no longer for sale: reserved by the lost order, or taken by somebody else",
        {"available": False},
    )


def judge_submit(order: NumberOrder | None, before: Mapping[str, Any]) -> Evidence:
    """Whether an order was handed in: its state now against `state_facts` when it was planned."""
    if order is None:
        return Evidence(
            Finding.INCONCLUSIVE, "the vendor does not know the order (any more)", {"state": None}
        )
    seen = {"state": order.state, "updated_at": _iso(order.updated_at)}
    if order.state in _AFTER_SUBMIT:
        return Evidence(
            Finding.APPLIED, f"the order is {order.state}", seen, _submitted_facts(order, before)
        )
    if order.state == NumberOrderState.CREATED:
        return Evidence(Finding.ABSENT, "the order is still CREATED", seen)
    if order.state == NumberOrderState.BLOCKED:
        if before["state"] == NumberOrderState.BLOCKED and not changed_since(order, before):
            return Evidence(Finding.ABSENT, "the order is still BLOCKED as it was", seen)
        return Evidence(
            Finding.APPLIED,
            "the order was reviewed and is BLOCKED",
            seen,
            _submitted_facts(order, before),
        )
    return Evidence(
        Finding.INCONCLUSIVE,
        f"the order is {order.state}: it does not say whether it was handed in",
        seen,
    )


def state_facts(order: NumberOrder) -> dict[str, Any]:
    """What an order was when a submission was planned.

    A BLOCKED of before must not pass for one of afterwards.
    """
    return {"state": order.state, "updated_at": _iso(order.updated_at)}


def is_blocked_anew(order: NumberOrder, submitted: Intention) -> bool:
    """Whether a BLOCKED order was blocked after that submission, and is not a late read."""
    if order.state != NumberOrderState.BLOCKED:
        return False
    # The first time that an order is handed in it was not blocked before: no read, however late,
    # shows a block of earlier.
    was_blocked = submitted.request.get("state") == NumberOrderState.BLOCKED
    return not was_blocked or changed_since(order, submitted.result or {})


def changed_since(order: NumberOrder, before: Mapping[str, Any]) -> bool:
    """Whether the order changed after `before`: `state_facts`, or the answer to a submission."""
    then = before.get("updated_at")
    return (
        order.updated_at is not None
        and then is not None
        and order.updated_at > datetime.fromisoformat(then)
    )


def created_facts(order: NumberOrder, intention: Intention) -> dict[str, Any]:
    """What the journal keeps of an order that was opened.

    With it the order is followed, whatever becomes of the run.
    """
    return opened_order(
        OrderKind.NUMBER,
        order.order_id,
        str(order.state),
        region_code=intention.request["region_code"],
        number_type=intention.request["number_type"],
        phone_numbers=[number.phone_number for number in order.order_numbers],
        created_at=_iso(order.created_at),
        expire_at=_iso(order.expire_at),
        intention_id=intention.id,
        sms=intention.request["sms"],
        voice=intention.request["voice"],
        parameters=intention.request["parameters"],
    )


def order_id_of(intention: Intention) -> str:
    """The order that the step is about.

    The subject of a submission, in the result of a creation.
    """
    if intention.operation == SUBMIT:
        assert intention.subject is not None, f"{intention} names no order"
        return intention.subject
    return str(intention.result["order"]["order_id"])


def _submitted_facts(order: NumberOrder, before: Mapping[str, Any]) -> dict[str, Any]:
    # A block that is seen here came after the submission: whoever looks next compares with what was
    # before.
    blocked = order.state == NumberOrderState.BLOCKED
    updated_at = before.get("updated_at") if blocked else _iso(order.updated_at)
    return {"order_id": order.order_id, "state": order.state, "updated_at": updated_at}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
