"""Hosting orders on the wire: list, read, report, numbers, import, text-enable (§4, §5, §7)."""

from collections.abc import Mapping
from typing import Any

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.order import (
    COMPLETED,
    IMPORT,
    REJECTED,
    SUBMITTED,
    TEXT_ENABLE,
    WAITING_FOR_LOA_SIGNATURE,
    HostingOrder,
)
from numberflow.simulator.imported.steps import IN_PROGRESS
from numberflow.simulator.imported.wire import as_json, hosted_number, hosting_order, report
from numberflow.simulator.imported_api import reading
from numberflow.simulator.imported_api.pages import Item, page
from numberflow.simulator.imported_api.qualified_numbers import before as qualified_before
from numberflow.simulator.lag import Commit
from numberflow.simulator.operations import Answer, Call, operation
from numberflow.simulator.world import World

_NOUN = "hosting_order"
_STATES = (
    "HOSTING_ORDER_STATE_UNSPECIFIED",
    "DRAFT",
    SUBMITTED,
    WAITING_FOR_LOA_SIGNATURE,
    IN_PROGRESS,
    COMPLETED,
    REJECTED,
)
_TYPES = ("HOSTING_ORDER_TYPE_UNSPECIFIED", IMPORT, TEXT_ENABLE)
_STEP_STATES = ("STATE_UNSPECIFIED", "WAITING", "IN_PROGRESS", "DONE", "FAILED")
_STEP_FILTERS = {
    "osrUpdateState": "osrUpdate",
    "campaignProvisioningState": "campaignProvisioning",
    "platformProvisioningState": "platformProvisioning",
}


def list_hosting_orders(world: World, call: Call) -> Answer:
    """Orders of a state, type, plan and campaign, all four mandatory."""
    states = reading.states(call, _STATES)
    of_type = call.value("type")
    if of_type is None:
        raise refusals.invalid("type", "type is required")
    reading.one_of(of_type, _TYPES, "type")
    plan, campaign = reading.links(call, lenient=world.switches.imported_lists_lenient)
    region_code = call.value("regionCode")
    if region_code is not None:
        reading.region(region_code)

    def fits(shown: Mapping[str, Any]) -> bool:
        return (
            shown["state"] in states
            and shown["type"] == of_type
            and plan in (None, shown["servicePlanId"])
            and campaign in (None, shown["campaignId"])
            and region_code in (None, shown["regionCode"])
        )

    now = world.settle()
    items = [
        Item(
            order.order_id,
            order.created_at,
            order.updated_at(now),
            hosting_order(order, world.project_id, world.switches, now),
        )
        for order in world.imported.hosting
    ]
    return page(world, call, "hostingOrders", _NOUN, items, fits)


def get_hosting_order(world: World, call: Call) -> Answer:
    """One order."""
    return Answer(_order(world, _found(world, call)))


def get_hosting_order_report(world: World, call: Call) -> Answer:
    """The counters of one order."""
    return Answer(as_json(report(_found(world, call), world.settle())))


def list_hosting_order_numbers(world: World, call: Call) -> Answer:
    """The numbers of one order, filtered by the states of their steps."""
    order = _found(world, call)
    wanted = {key: call.value(key) for key in _STEP_FILTERS}
    for key, value in wanted.items():
        if value is not None:
            reading.one_of(value, _STEP_STATES, key)

    def fits(shown: Mapping[str, Any]) -> bool:
        return all(
            value is None or shown.get(_STEP_FILTERS[key], {}).get("state") == value
            for key, value in wanted.items()
        )

    now = world.settle()
    items = [
        Item(
            one.phone_number,
            order.created_at,
            order.created_at,
            hosted_number(order, one, world.project_id, now),
        )
        for one in order.numbers.values()
    ]
    # Lag is about whole orders.
    return page(world, call, "numbers", "hosting_order_number", items, fits)


def get_hosting_order_number(world: World, call: Call) -> Answer:
    """One number of one order."""
    order = _found(world, call)
    hosted = order.numbers.get(call.path["phone_number"])
    if hosted is None:
        raise refusals.not_found("phone number")
    return Answer(as_json(hosted_number(order, hosted, world.project_id, world.settle())))


def import_numbers(world: World, call: Call) -> Answer:
    """Opens an import order of a few numbers."""
    wanted = reading.import_order(
        call.json(), world.imported.unknown_plans, world.switches.imported_numbers_max
    )
    order = world.imported.hosting.import_numbers(wanted, call.number)
    return Answer(_order(world, order), (Commit(order.order_id, None, noun=_NOUN),), changed=True)


def text_enable(world: World, call: Call) -> Answer:
    """Opens a text-enable order for local numbers; replies with the whole order."""
    return _text_enable(world, call, toll_free=False)


def text_enable_toll_free(world: World, call: Call) -> Answer:
    """The same for toll-free numbers."""
    return _text_enable(world, call, toll_free=True)


def text_enable_qualified(world: World, call: Call) -> Answer:
    """The twin operation whose reply is only the order's id."""
    return _text_enable(world, call, toll_free=False, bare=True)


def _text_enable(world: World, call: Call, *, toll_free: bool, bare: bool = False) -> Answer:
    wanted = reading.text_enable_order(
        call.json(), world.imported.unknown_plans, toll_free=toll_free
    )
    known = world.imported.qualified.all
    commits = [qualified_before(world, known[one]) for one in wanted.phone_numbers if one in known]
    order = world.imported.hosting.text_enable(wanted, call.number)
    commits.append(Commit(order.order_id, None, noun=_NOUN))
    body = as_json({"hostingOrderId": order.order_id}) if bare else _order(world, order)
    return Answer(body, tuple(commits), changed=True)


def _found(world: World, call: Call) -> HostingOrder:
    order_id = call.path["hosting_order_id"]
    # Orders are only created, so a lagging read misses a new one completely.
    if world.pictures[_NOUN].of(order_id, world.settle()) is not None:
        raise refusals.not_found("hosting order")
    return world.imported.hosting.get(order_id)


def _order(world: World, order: HostingOrder) -> bytes:
    return as_json(hosting_order(order, world.project_id, world.switches, world.settle()))


_ORDER = "hostingOrders/{hostingOrderId}"

OPERATIONS = (
    operation("list_hosting_orders", "GET", "hostingOrders", list_hosting_orders),
    operation("import_numbers", "POST", "hostingOrders:importNumbers", import_numbers),
    operation("text_enable", "POST", "hostingOrders:textEnableNumbers", text_enable),
    operation(
        "text_enable_toll_free",
        "POST",
        "hostingOrders:textEnableTollFreeNumbers",
        text_enable_toll_free,
    ),
    operation(
        "text_enable_qualified", "POST", "qualifiedNumbers:textEnableNumbers", text_enable_qualified
    ),
    operation(
        "text_enable_toll_free_qualified",
        "POST",
        "qualifiedNumbers:textEnableTollFreeNumbers",
        text_enable_toll_free,
    ),
    operation("get_hosting_order", "GET", _ORDER, get_hosting_order),
    operation("get_hosting_order_report", "GET", f"{_ORDER}/report", get_hosting_order_report),
    operation("list_hosting_order_numbers", "GET", f"{_ORDER}/numbers", list_hosting_order_numbers),
    operation(
        "get_hosting_order_number",
        "GET",
        f"{_ORDER}/numbers/{{phoneNumber}}",
        get_hosting_order_number,
    ),
)
