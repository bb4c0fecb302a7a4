"""A link that is on its way: what a step that links one number leaves behind, so that the sweep hears of it when the link is on, or fails.

The vendor takes a link at once and puts it on later (docs/vendor/imported-hosting-behaviour.md §9); between unlink and relink a number has no messaging.
Not here: looking (purchase.link_follow).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numberflow.journal import Intention, OrderKind, opened_order

# In the request of an unlink: the link that is to be put on afterwards. It is not sent.
THEN = "then"
_ID_DIGITS = 8


def sent(request: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request leaves: all but our own note of what follows."""
    return {name: value for name, value in request.items() if name != THEN}


def wanted_link(request: Mapping[str, Any]) -> dict[str, str]:
    """Plan and campaign that the number will have in the end; empty when no link is put on."""
    link = request.get(THEN) or request.get("sms") or request
    return {name: link[name] for name in ("service_plan_id", "campaign_id") if link.get(name)}


def link_result(phone_number: str, intention: Intention) -> dict[str, Any]:
    """The result of a step that changes one number. One number of one reference is followed once, from its unlink to its new link."""
    wanted = wanted_link(intention.request)
    if not wanted:
        return {"phone_number": phone_number}
    order_id = f"{phone_number} {intention.purchase_id[:_ID_DIGITS]}"
    followed = opened_order(OrderKind.LINK, order_id, "sent", number=phone_number, wanted=wanted)
    return {"phone_number": phone_number, **followed}
