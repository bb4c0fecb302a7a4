"""Imported numbers on the wire: list, import, read, update, delete (§7, §9)."""

import json
from collections.abc import Mapping
from typing import Any

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.numbers import ImportedNumber
from numberflow.simulator.imported.wire import Shown, as_json, bare_number, imported_number
from numberflow.simulator.imported_api import reading
from numberflow.simulator.imported_api.pages import Item, page
from numberflow.simulator.lag import Commit
from numberflow.simulator.operations import Answer, Call, operation, read_one
from numberflow.simulator.reading import Pattern
from numberflow.simulator.world import World

_NOUN = "imported"
_SEARCH_PATTERNS = {"START": "START", "CONTAIN": "CONTAINS", "END": "END"}
"""CONTAIN has no S in this API."""


def list_imported(world: World, call: Call) -> Answer:
    """Imported numbers of a plan and campaign, both mandatory."""
    plan, campaign = reading.links(call, lenient=world.switches.imported_lists_lenient)
    region_code = call.value("regionCode")
    if region_code is not None:
        reading.region(region_code)
    how = call.value("numberPattern.searchPattern")
    if how is not None:
        reading.one_of(how, _SEARCH_PATTERNS, "numberPattern.searchPattern")
    digits = call.value("numberPattern.pattern")
    if digits is not None and not digits.removeprefix("+").isdigit():
        raise refusals.invalid("numberPattern.pattern", f"Invalid number_pattern {digits}")
    pattern = Pattern(digits, None if how is None else _SEARCH_PATTERNS[how], world.switches)

    def fits(shown: Mapping[str, Any]) -> bool:
        sms = shown["smsConfiguration"]
        return (
            plan in (None, sms["servicePlanId"])
            and campaign in (None, sms["campaignId"])
            and region_code in (None, shown["regionCode"])
            and pattern.fits(shown["phoneNumber"])
        )

    now = world.settle()
    items = [
        Item(number.phone_number, number.created_at, number.updated_at(now), _shown(world, number))
        for number in world.imported.numbers.all.values()
    ]
    return page(world, call, "importedNumbers", _NOUN, items, fits)


def import_number(world: World, call: Call) -> Answer:
    """Imports one number. The reply is the bare number; only GET shows the state of its links."""
    body = call.json()
    phone_number = reading.phone_number(reading.required(body, "phoneNumber"))
    region_code = reading.region(reading.required(body, "regionCode"))
    sms = reading.group(body, "smsConfiguration") or {}
    plan = reading.required(sms, "servicePlanId", "smsConfiguration.servicePlanId")
    reading.plan(plan, world.imported.unknown_plans, "smsConfiguration.servicePlanId")
    campaign = reading.text(sms, "campaignId", "smsConfiguration.campaignId") or ""
    number = world.imported.numbers.add(
        phone_number,
        region_code,
        reading.text(body, "displayName") or "",
        (plan, campaign),
        reading.text(body, "callbackUrl") or "",
        call.number,
    )
    return Answer(_bare(world, number), (Commit(phone_number, None, noun=_NOUN),), changed=True)


def get_imported(world: World, call: Call) -> Answer:
    """One imported number with the state of its links."""
    phone_number = call.path["phone_number"]
    missing = refusals.not_found("imported number")

    def show() -> bytes:
        return as_json(_shown(world, world.imported.numbers.get(phone_number)))

    return read_one(world, _NOUN, phone_number, missing, show)


def update_imported(world: World, call: Call) -> Answer:
    """Renames, unlinks, links. The keys of the body are the mask (*assumed*, §9)."""
    number = world.imported.numbers.get(call.path["phone_number"])
    body = call.json()
    if not {"displayName", "smsConfiguration", "callbackUrl"} & set(body):
        raise refusals.invalid("fieldMask", "the field mask is missing")
    sms = reading.group(body, "smsConfiguration") or {}
    plan = reading.text(sms, "servicePlanId", "smsConfiguration.servicePlanId")
    campaign = reading.text(sms, "campaignId", "smsConfiguration.campaignId")
    reading.plan(plan or "", world.imported.unknown_plans, "smsConfiguration.servicePlanId")
    before = _before(world, number)
    display_name, callback_url = (
        reading.text(body, "displayName"),
        reading.text(body, "callbackUrl"),
    )
    world.imported.numbers.update(number, display_name, plan, campaign, callback_url)
    return Answer(_bare(world, number), (before,), changed=True)


def delete_imported(world: World, call: Call) -> Answer:
    """Removes the number."""
    number = world.imported.numbers.get(call.path["phone_number"])
    before = _before(world, number)
    world.imported.numbers.delete(number)
    return Answer(b"{}" if world.switches.imported_delete_body else b"", (before,), changed=True)


def _shown(world: World, number: ImportedNumber) -> Shown:
    return imported_number(
        world.imported.numbers, number, world.project_id, world.switches, world.settle()
    )


def _bare(world: World, number: ImportedNumber) -> bytes:
    return as_json(
        bare_number(
            world.imported.numbers, number, world.project_id, world.switches, world.settle()
        )
    )


def _before(world: World, number: ImportedNumber) -> Commit:
    return Commit(number.phone_number, json.dumps(_shown(world, number)), noun=_NOUN)


OPERATIONS = (
    operation("list_imported", "GET", "importedNumbers", list_imported),
    operation("import_number", "POST", "importedNumbers", import_number),
    operation("get_imported", "GET", "importedNumbers/{phoneNumber}", get_imported),
    operation("update_imported", "PATCH", "importedNumbers/{phoneNumber}", update_imported),
    operation("delete_imported", "DELETE", "importedNumbers/{phoneNumber}", delete_imported),
)
