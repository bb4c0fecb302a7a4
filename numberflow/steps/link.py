"""What a step that links a number leaves for the sweep, which hears when the link is on or fails.

The vendor takes a link at once and puts it on later (docs/vendor/numbers-behaviour.md §6,
docs/vendor/imported-hosting-behaviour.md §9). Between unlink and relink a number has no service.
Not here: looking (purchase.held.link_follow).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numberflow.journal import Evidence, Intention, OrderKind, number_in, opened_order

# Our own notes in the request of a step; they are not sent. THEN: the links that are to be put on
# after an unlink. BEFORE: what the number had, to be offered back, and the marks of failed jobs
# that were there already (planning.links).
THEN, BEFORE = "then", "before"
_ID_DIGITS = 8
_VOICE_ID = {"RTC": "app_id", "EST": "trunk_id", "FAX": "service_id"}


def sent(request: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request leaves: all but our own notes."""
    return {name: value for name, value in request.items() if name not in (THEN, BEFORE)}


def wanted_link(request: Mapping[str, Any]) -> dict[str, str]:
    """The ids that the number will have in the end, by the names of planning.links.

    "" where a link is only taken off, empty when none is touched.
    """
    then = request.get(THEN) or {}
    if "service_plan_id" in then or "campaign_id" in then:
        # Rows from before voice was followed.
        then = {"sms": then}
    named = {name for name in ("sms", "voice") if request.get(name) or then.get(name)}
    link: dict[str, Mapping[str, Any]] = {name: then.get(name) or request[name] for name in named}
    if not named and request.get("service_plan_id"):
        # An import has plan and campaign at the top.
        link = {"sms": {name: value for name, value in request.items() if value}}
    sms, voice = link.get("sms", {}), link.get("voice")
    wanted = {
        name: sms[name] for name in ("service_plan_id", "campaign_id") if sms.get(name) is not None
    }
    if voice:
        kind = str(voice.get("type") or "RTC")
        wanted |= {"voice_type": kind, "voice_id": str(voice.get(_VOICE_ID.get(kind, "")) or "")}
    return wanted


def link_order(phone_number: str, intention: Intention) -> dict[str, Any]:
    """What the result of a step that links a number holds for the sweep.

    Empty when it touches no link.

    One number of one reference is followed once, from its unlink to its new link.
    """
    wanted = wanted_link(intention.request)
    if not wanted:
        return {}
    before = intention.request.get(BEFORE) or {}
    order_id = _order_id(phone_number, intention)
    return opened_order(
        OrderKind.LINK, order_id, "sent", number=phone_number, wanted=wanted, before=before
    )


def release_order(phone_number: str, intention: Intention) -> dict[str, Any]:
    """What the result of a step that gave a number up holds for the sweep.

    Until a reply has shown that it is through.
    """
    order_id = _order_id(phone_number, intention)
    return opened_order(
        OrderKind.RELEASE, order_id, "sent", number=phone_number, intention_id=intention.id
    )


def _order_id(phone_number: str, intention: Intention) -> str:
    return f"{phone_number} {intention.purchase_id[:_ID_DIGITS]}"


def with_links(evidence: Evidence, intention: Intention) -> Evidence:
    """The evidence of a rent, with the links of its number for the sweep when it took effect."""
    number = number_in(evidence.result)
    if number is None:
        return evidence
    return replace(evidence, result={**(evidence.result or {}), **link_order(number, intention)})


def link_result(phone_number: str, intention: Intention) -> dict[str, Any]:
    """The result of a step that changes one number."""
    return {"phone_number": phone_number, **link_order(phone_number, intention)}
