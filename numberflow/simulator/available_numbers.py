"""Regions and available numbers: list regions, search, check, rent, rentAny.

docs/vendor/numbers-behaviour.md §4, §5, §17.
"""

import random

from numberflow.simulator import problems, reading
from numberflow.simulator.operations import Answer, Call, operation
from numberflow.simulator.requirements import REQUIREMENTS
from numberflow.simulator.stock import OFFERS, StockNumber
from numberflow.simulator.wire import active_number, available_number
from numberflow.simulator.world import World

SIZE_DEFAULT = 10
"""Search results when `size` is absent (*assumed*, table entry 8)."""


def list_regions(world: World, call: Call) -> Answer:
    """All regions with numbers on offer, not paginated."""
    switches = world.switches
    asked = reading.choices(
        call.values("types"),
        reading.NUMBER_TYPES,
        "types",
        comma_joined=switches.comma_joined_lists,
    )
    types_of: dict[str, list[str]] = {}
    for region, number_type in OFFERS:
        types_of.setdefault(region, []).append(number_type)
    parts = []
    for region, types in types_of.items():
        if asked and not asked & set(types):
            continue
        shown = (
            [one for one in types if one in asked]
            if asked and switches.regions_trim_types
            else types
        )
        name = next(offer.region_name for kind, offer in OFFERS.items() if kind[0] == region)
        listed = ",".join(f'"{one}"' for one in shown)
        parts.append(f'{{"regionCode":"{region}","regionName":"{name}","types":[{listed}]}}')
    return Answer(f'{{"availableRegions":[{",".join(parts)}]}}'.encode())


def search(world: World, call: Call) -> Answer:
    """A random sample of matches; no page, no total. Each search returns other numbers (§4)."""
    region = reading.region(call.value("regionCode"), world.switches, required=True)
    number_type = call.value("type")
    if number_type is None:
        raise problems.bad_field("type", "type is required")
    reading.choice(number_type, reading.NUMBER_TYPES, "type")
    pattern = reading.Pattern(
        call.value("numberPattern.pattern"),
        call.value("numberPattern.searchPattern"),
        world.switches,
    )
    needed = reading.choices(
        call.values("capabilities"),
        reading.CAPABILITIES,
        "capabilities",
        comma_joined=world.switches.comma_joined_lists,
    )
    most = reading.page_size_max(call, world.switches)
    size = reading.size(call.value("size"), "size", "size", SIZE_DEFAULT, most, world.switches)
    now = world.settle()
    assert region is not None
    kind = (region, number_type)
    shadows = world.shadows.for_list(now, search=True)
    offered = [number for number in world.shelf.of_kind(kind) if number.phone_number not in shadows]
    stale = [shadow.commit.stock_before for shadow in shadows.values()]
    offered.extend(number for number in stale if number is not None and number.kind == kind)
    fitting = [
        number
        for number in offered
        if needed <= set(number.capability) and pattern.fits(number.phone_number)
    ]
    # With the request's number each sample differs, while the whole run stays repeatable.
    rng = random.Random(f"search-{world.seed}-{call.number}")
    sample = rng.sample(fitting, min(size, len(fitting)))
    return Answer(
        f'{{"availableNumbers":[{",".join(_shown(world, number) for number in sample)}]}}'.encode()
    )


def check(world: World, call: Call) -> Answer:
    """Whether one number is for sale, and at what price. Reserves nothing."""
    phone_number = reading.phone_number(call)
    now = world.settle()
    shadow = world.shadows.of(phone_number, now)
    number = world.shelf.get(phone_number) if shadow is None else shadow.commit.stock_before
    if number is None:
        raise problems.available_number_not_found(phone_number)
    return Answer(_shown(world, number).encode())


def rent(world: World, call: Call) -> Answer:
    """Rents a named number. Charged at once."""
    phone_number = reading.phone_number(call)
    wanted = reading.wanted(call.json(), update=False)
    number, commit = world.rent(phone_number, wanted, call.number)
    return Answer(
        active_number(number, world.project_id, world.clock.now()).encode(), (commit,), changed=True
    )


def rent_any(world: World, call: Call) -> Answer:
    """Rents any matching number.

    Region and type are required although only US and LOCAL work (§5).
    """
    body = call.json()
    region = reading.region(
        reading.text(body, "regionCode", "regionCode") or None, world.switches, required=True
    )
    number_type = reading.text(body, "type", "type") or None
    if number_type is None:
        raise problems.bad_field("type", "type is required")
    reading.choice(number_type, reading.NUMBER_TYPES, "type")
    fits = reading.criteria(body, world.switches)
    wanted = reading.wanted(body, update=False)
    if not world.switches.legacy_rent_everywhere:
        if region != "US":
            raise problems.bad_field("region_code", f"Invalid region_code {region}")
        if number_type != "LOCAL":
            raise problems.bad_field("type", f"Invalid type {number_type}")
    assert region is not None
    number, commit = world.rent_any((region, number_type), fits, wanted, call.number)
    return Answer(
        active_number(number, world.project_id, world.clock.now()).encode(), (commit,), changed=True
    )


def _shown(world: World, number: StockNumber) -> str:
    needed = world.switches.documents_flag_everywhere or number.kind in REQUIREMENTS
    return available_number(number, documents_required=needed)


OPERATIONS = (
    operation("list_regions", "GET", "availableRegions", list_regions),
    operation("search", "GET", "availableNumbers", search),
    operation("rent_any", "POST", "availableNumbers:rentAny", rent_any),
    operation("check", "GET", "availableNumbers/{phoneNumber}", check),
    operation("rent", "POST", "availableNumbers/{phoneNumber}:rent", rent),
)
