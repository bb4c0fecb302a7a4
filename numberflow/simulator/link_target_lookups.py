"""Look-ups in the five products that numbers link to: lists, and one by id (link-targets.md)."""

import json
from typing import Any

from numberflow.simulator import problems
from numberflow.simulator.link_targets import CAMPAIGN, FAX, SMS, TRUNK, VOICE, Target
from numberflow.simulator.operations import Answer, Call, Handler, Operation, operation
from numberflow.simulator.world import World

_NAMES = {
    SMS: ("list_sms_apps", "get_sms_app", "smsApps", "SmsApp"),
    CAMPAIGN: ("list_campaigns", "fetch_campaign", "campaignRegistrations", "Campaign"),
    VOICE: ("list_voice_services", "get_voice_service", "services", "Service"),
    TRUNK: ("list_trunks", "get_trunk", "trunks", "Trunk"),
    FAX: ("list_fax_services", "get_fax_service", "services", "Service"),
}
"""Operations that list and get, the member of the list, and the resource in a refusal."""

PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX = 50, 100


def _shown(product: str, target: Target) -> dict[str, Any]:
    if product == SMS:
        return {
            "id": target.id,
            "smsServiceId": target.other_id or target.id,
            "name": target.name,
            "status": target.status,
            "regions": ["US"],
            "test": False,
        }
    if product == CAMPAIGN:
        return {
            "campaignRegistrationId": f"01{target.id.lower():0>24}",
            "campaignId": target.id,
            "name": target.name,
            "status": target.status,
        }
    shown: dict[str, Any] = {"id": target.id, "name": target.name}
    if product == VOICE:
        # The real reply has one, which nobody may log or keep.
        shown["serviceSecret"] = f"never-keep-{target.id}"
    if product == TRUNK:
        shown |= {"hostName": target.name, "domain": f"{target.name}.pstn.sinch.test"}
    if product == FAX:
        shown["defaultForProject"] = target.name == "main"
    return shown


def _admit(world: World) -> None:
    """Raises Problem 403 or 404 when the key has no right to these products, by switch."""
    right = world.switches.link_targets_right
    if right == "forbidden":
        raise problems.permission_denied()
    if right == "hidden":
        raise problems.route_not_found()


def _answer(shown: dict[str, Any]) -> Answer:
    return Answer(json.dumps(shown, separators=(",", ":")).encode())


def _lister(product: str) -> Handler:
    def handle(world: World, call: Call) -> Answer:
        _admit(world)
        size, start = _page(product, call)
        found = world.link_targets.of(product)
        rows = [_shown(product, each) for each in found[start : start + size]]
        reply: dict[str, Any] = {_NAMES[product][2]: rows, "totalSize": len(found)}
        if product == SMS:
            reply["pageSize"] = size
            if start + size < len(found):
                reply["nextPageToken"] = f"from-{start + size}"
        return _answer(reply)

    return handle


def _page(product: str, call: Call) -> tuple[int, int]:
    text = call.value("pageSize") or str(PAGE_SIZE_DEFAULT)
    if not text.isdigit() or not 1 <= int(text) <= PAGE_SIZE_MAX:
        raise problems.bad_value("page_size", text)
    size = int(text)
    if product != SMS:
        page = call.value("page") or "1"
        return size, (int(page) - 1) * size if page.isdigit() and page != "0" else 0
    token = call.value("pageToken") or "from-0"
    if not token.removeprefix("from-").isdigit():
        raise problems.bad_value("page_token", token)
    return size, int(token.removeprefix("from-"))


def _getter(product: str) -> Handler:
    def handle(world: World, call: Call) -> Answer:
        _admit(world)
        target_id = call.value("campaignId") if product == CAMPAIGN else call.path["id"]
        target = world.link_targets.find(product, target_id or "")
        if target is None and world.switches.link_targets == "any" and target_id:
            target = Target(target_id, "any")
        if target is None:
            raise problems.link_target_not_found(_NAMES[product][3], target_id or "")
        return _answer(_shown(product, target))

    return handle


def _operations(product: str, collection: str, one: str) -> tuple[Operation, ...]:
    lists, gets, _, _ = _NAMES[product]
    return (
        operation(lists, "GET", collection, _lister(product)),
        operation(gets, "GET", one, _getter(product)),
    )


OPERATIONS: dict[str, tuple[Operation, ...]] = {
    "provisioning": _operations(SMS, "sms/smsApps", "sms/smsApps/{id}"),
    "campaigns": _operations(
        CAMPAIGN, "campaignRegistrations", "campaignRegistrations:fetchByTcrCampaignId"
    ),
    "voice": _operations(VOICE, "services", "services/{id}"),
    "trunking": _operations(TRUNK, "trunks", "trunks/{id}"),
    "fax": _operations(FAX, "services", "services/{id}"),
}
"""Operations by the prefix of their API."""

VERSIONS = {"voice": "v2", "fax": "v3"}
"""Versions in the path; of the others v1."""
