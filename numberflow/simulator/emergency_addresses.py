"""Emergency addresses on the wire: read, provision, deprovision, validate.

docs/vendor/numbers-behaviour.md §11.
"""

import json
import re
from typing import Any

from numberflow.simulator import problems, reading
from numberflow.simulator.addresses import EXACT_MATCH, NEAR_MATCH, NO_ADDRESS, Address
from numberflow.simulator.lag import Commit
from numberflow.simulator.operations import Answer, Call, operation
from numberflow.simulator.world import World

_NOUN = "emergency_address"
_KEYS = {
    field: re.sub("_(.)", lambda letter: letter[1].upper(), field) for field in Address._fields
}  # street_number → streetNumber
_REQUIRED = ("street_number", "street_info", "city", "state", "postal_code")


def get_emergency_address(world: World, call: Call) -> Answer:
    """The stored address, without a display name."""
    number = world.emergency.able(reading.phone_number(call))
    now = world.settle()
    shadow = world.pictures[_NOUN].of(number.phone_number, now)
    if shadow is not None and shadow.commit.before is not None:
        return Answer(shadow.commit.before.encode())
    address = None if shadow is not None else world.emergency.address(number.phone_number, now)
    if address is None:
        if world.switches.emergency_unset == "empty":
            return Answer(_json(_shown(NO_ADDRESS)))
        raise problems.emergency_address_not_found()
    return Answer(_json(_shown(address)))


def validate_emergency_address(world: World, call: Call) -> Answer:
    """Says whether an address exists. Stores nothing; a non-match is a 200, too."""
    number = world.emergency.able(reading.phone_number(call))
    display_name, address = _wanted(call)
    verdict = world.emergency.validate(number, address)
    unused = (
        _shown(NO_ADDRESS) if world.switches.emergency_unused_correction == "empty_text" else {}
    )
    return Answer(
        _json(
            {
                "phoneNumber": number.phone_number,
                "displayName": display_name,
                "validatedAddress": _shown(address),
                "validationResult": verdict.result,
                "validationMessage": "" if verdict.result == EXACT_MATCH else verdict.message,
                "correctedAddress": _shown(verdict.corrected)
                if verdict.result == NEAR_MATCH
                else unused,
                "candidateAddresses": [_shown(candidate) for candidate in verdict.candidates],
            }
        )
    )


def provision_emergency_address(world: World, call: Call) -> Answer:
    """Attaches an address."""
    number = world.emergency.able(reading.phone_number(call))
    _, address = _wanted(call)
    commit = _before(world, number.phone_number)
    stored = world.emergency.provision(number, address, world.settle())
    return Answer(_json(_shown(stored)), (commit,), changed=True)


def deprovision_emergency_address(world: World, call: Call) -> Answer:
    """Removes the address."""
    number = world.emergency.able(reading.phone_number(call))
    commit = _before(world, number.phone_number)
    world.emergency.deprovision(number, world.settle())
    return Answer(b"{}", (commit,), changed=True)


def _wanted(call: Call) -> tuple[str, Address]:
    body = call.json()
    given = body.get("address")
    if given is not None and not isinstance(given, dict):
        raise problems.bad_value("address", str(given))
    display_name = reading.text(body, "displayName", "display_name")
    values = {
        field: reading.text(given or {}, key, f"address.{field}") or ""
        for field, key in _KEYS.items()
    }
    missing = [("display_name", "display_name is required")] if display_name is None else []
    missing += [
        (f"address.{field}", f"{field} is required") for field in _REQUIRED if not values[field]
    ]
    if missing:
        raise problems.bad_fields(missing)
    return display_name or "", Address(**values)


def _before(world: World, phone_number: str) -> Commit:
    address = world.emergency.address(phone_number, world.settle())
    return Commit(
        phone_number, None if address is None else _json(_shown(address)).decode(), noun=_NOUN
    )


def _shown(address: Address) -> dict[str, Any]:
    return {_KEYS[field]: value for field, value in address._asdict().items()}


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


_PATH = "activeNumbers/{phoneNumber}/emergencyAddress"

OPERATIONS = (
    operation("get_emergency_address", "GET", _PATH, get_emergency_address),
    operation(
        "provision_emergency_address", "POST", f"{_PATH}:provision", provision_emergency_address
    ),
    operation(
        "deprovision_emergency_address",
        "POST",
        f"{_PATH}:deprovision",
        deprovision_emergency_address,
    ),
    operation(
        "validate_emergency_address", "POST", f"{_PATH}:validate", validate_emergency_address
    ),
)
