"""Qualified numbers on the wire: list, read, delete, add, voice challenge (§3).

Text-enabling them is in hosting_orders.py.
"""

import json
from collections.abc import Mapping
from typing import Any

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.qualification import STATES, QualifiedNumber
from numberflow.simulator.imported.wire import STATE_PREFIX, Shown, as_json, qualified_number
from numberflow.simulator.imported_api import reading
from numberflow.simulator.imported_api.pages import Item, page
from numberflow.simulator.lag import Commit
from numberflow.simulator.operations import Answer, Call, operation, read_one
from numberflow.simulator.stock import OFFERS
from numberflow.simulator.world import World

_NOUN = "qualified"
_CANADIAN = tuple(block.prefix for block in OFFERS["CA", "LOCAL"].blocks)
"""addNumbers takes no region, so it follows from the area code."""


def list_qualified(world: World, call: Call) -> Answer:
    """Qualified numbers in a state; the state is mandatory."""
    states = reading.states(call, (*STATES, "UNSPECIFIED"), STATE_PREFIX)
    region_code = call.value("regionCode")
    if region_code is not None:
        reading.region(region_code)

    def fits(shown: Mapping[str, Any]) -> bool:
        state = shown["globalProcessState"].removeprefix(STATE_PREFIX)
        return state in states and region_code in (None, shown["regionCode"])

    now = world.settle()
    items = [
        Item(number.phone_number, number.created_at, number.updated_at(now), _shown(world, number))
        for number in world.imported.qualified.all.values()
    ]
    return page(world, call, "qualifiedNumbers", _NOUN, items, fits)


def get_qualified(world: World, call: Call) -> Answer:
    """One qualified number."""
    phone_number = call.path["phone_number"]
    missing = refusals.not_found("qualified number")

    def show() -> bytes:
        return as_json(_shown(world, world.imported.qualified.get(phone_number)))

    return read_one(world, _NOUN, phone_number, missing, show)


def delete_qualified(world: World, call: Call) -> Answer:
    """Removes a qualified number; an imported number that came from it stays."""
    number = world.imported.qualified.get(call.path["phone_number"])
    commit = before(world, number)
    world.imported.qualified.delete(number)
    return Answer(b"{}" if world.switches.imported_delete_body else b"", (commit,), changed=True)


def add_qualified(world: World, call: Call) -> Answer:
    """Starts the checks. A number that is already known is returned as it is (*assumed*, §16)."""
    listed = reading.phone_numbers(call.json(), "phoneNumbers", reading.BATCH_MAX)
    qualified = world.imported.qualified
    fresh = qualified.add(list(listed))
    shown = [_shown(world, qualified.get(one)) for one in listed]
    commits = tuple(Commit(one, None, noun=_NOUN) for one in fresh)
    return Answer(as_json({"qualifiedNumbers": shown}), commits, changed=bool(fresh))


def send_voice_challenge(world: World, call: Call) -> Answer:
    """Calls the number and speaks a code."""
    number = world.imported.qualified.get(call.path["phone_number"])
    commit = before(world, number)
    world.imported.qualified.call(number, call.number)
    return Answer(as_json(_shown(world, number)), (commit,), changed=True)


def verify_voice_challenge(world: World, call: Call) -> Answer:
    """Checks the spoken code. A wrong one is a 200 with a state that says so (*assumed*, §18)."""
    number = world.imported.qualified.get(call.path["phone_number"])
    code = reading.required(call.json(), "code")
    commit = before(world, number)
    right = world.imported.qualified.verify(number, code)
    if not right and world.switches.wrong_voice_code == "refused":
        raise refusals.invalid("code", "the code is wrong")
    return Answer(as_json(_shown(world, number)), (commit,), changed=True)


def _shown(world: World, number: QualifiedNumber) -> Shown:
    region_code = "CA" if number.phone_number.startswith(_CANADIAN) else "US"
    return qualified_number(number, world.project_id, region_code, world.settle())


def before(world: World, number: QualifiedNumber) -> Commit:
    """What reads show of a number now, for later reads that lag."""
    return Commit(number.phone_number, json.dumps(_shown(world, number)), noun=_NOUN)


_NUMBER = "qualifiedNumbers/{phoneNumber}"

OPERATIONS = (
    operation("list_qualified", "GET", "qualifiedNumbers", list_qualified),
    operation("add_qualified", "POST", "qualifiedNumbers:addNumbers", add_qualified),
    operation(
        "send_voice_challenge", "POST", f"{_NUMBER}:sendVoiceChallenge", send_voice_challenge
    ),
    operation(
        "verify_voice_challenge", "POST", f"{_NUMBER}:verifyVoiceChallenge", verify_voice_challenge
    ),
    operation("get_qualified", "GET", _NUMBER, get_qualified),
    operation("delete_qualified", "DELETE", _NUMBER, delete_qualified),
)
