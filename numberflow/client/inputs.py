"""Check values from the caller before anything is sent: what the vendor would refuse or ignore.

Belongs here: one value at a time, BadInput with the field and what to write instead. Does not:
rules between values of an order (numberflow.planning).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

from numberflow.errors import BadInput
from numberflow.models.vendor import SearchPattern
from numberflow.models.wire import Body

Text = TypeVar("Text", bound=str | None)

# Patterns of docs/vendor/numbers.openapi.yaml: PhoneNumber, RegionCode,
# CallbackConfigurationUpdate.
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
_REGION = re.compile(r"[A-Z]{2}")
_HMAC_SECRET = re.compile(r"[a-zA-Z0-9-]{32,64}")
# Ids of orders and required files: 26 letters and digits, or like a UUID, in every sample. The
# shape is not promised, but an empty id or one that begins with a dot would make another path.
_RESOURCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,127}")
# Number types and capabilities are open enums: any constant of that shape passes, so that a new one
# needs no release of ours.
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")


def wrong(field: str, what: str, remedy: str) -> BadInput:
    """The refusal of one value: what is wrong with it, and what to write instead."""
    return BadInput(f"{field}: {what}", field=field, remedy=remedy)


def phone_number(value: str) -> str:
    """`value` if it is E.164 with the plus, else BadInput."""
    if not _E164.fullmatch(value):
        raise wrong("phone_number", f"{value!r} is not E.164", "write it like +13075550142")
    return value


def region_code(value: Text) -> Text:
    """`value` if it is None or looks like ISO 3166-1 alpha-2, else BadInput."""
    if value is not None and not _REGION.fullmatch(value):
        raise wrong("region_code", f"{value!r} is not a region", "two capital letters, like US")
    return value


def hosting_region(value: Text) -> Text:
    """`value` if it is None or numbers of that region can be imported or hosted, else BadInput.

    US and CA (docs/vendor/imported-hosting-behaviour.md §7).
    """
    if value not in (None, "US", "CA"):
        raise wrong("region_code", f"{value!r} is not a region of imported numbers", "US or CA")
    return value


def phone_numbers(values: Iterable[str], field: str, *, most: int) -> tuple[str, ...]:
    """Every one of `values` checked with `phone_number`.

    At least one, at most `most`, no duplicate (the vendor would refuse them all, assumed).
    """
    found = tuple(phone_number(value) for value in _listed(values, field))
    if not 1 <= len(found) <= most:
        raise wrong(field, f"{len(found)} numbers", f"1 to {most} in one request")
    twice = sorted(each for each, times in Counter(found).items() if times > 1)
    if twice:
        raise wrong(field, f"{', '.join(twice[:5])} more than once", "name each number once")
    return found


def resource_id(value: str, field: str) -> str:
    """`value` if it can be the id of an order or a required file, else BadInput."""
    if not _RESOURCE_ID.fullmatch(value):
        raise wrong(field, f"{value!r} is not an id", "write it as the vendor gave it")
    return value


def constant(value: Text, field: str) -> Text:
    """`value` if it is None or looks like one of the vendor's constants, else BadInput."""
    if value is not None and not _CONSTANT.fullmatch(value):
        raise wrong(field, f"{value!r} is not a constant", "capital letters, like LOCAL or SMS")
    return value


def constants(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Every one of `values` checked with `constant`."""
    return tuple(constant(value, field) for value in _listed(values, field))


def count(value: int | None, field: str) -> int | None:
    """`value` if it is None or at least 1, else BadInput."""
    if value is not None and value < 1:
        raise wrong(field, f"{value} is less than 1", "1 or more, or leave it out")
    return value


def number_pattern(
    pattern: str | None, search_pattern: str | None
) -> tuple[str | None, str | None]:
    """Pattern and where it has to match, both or neither.

    Without `search_pattern`: START when the pattern begins with a plus, else CONTAINS. It is never
    left to the vendor, who documents no default. START without the plus silently finds nothing
    (docs/vendor/numbers-behaviour.md §1, item 9): BadInput.
    """
    if not pattern:
        if search_pattern is not None:
            raise wrong("pattern", "a search_pattern without a pattern", "give both or neither")
        return None, None
    is_start = pattern.startswith("+")
    place = search_pattern or (SearchPattern.START if is_start else SearchPattern.CONTAINS)
    if place not in tuple(SearchPattern):
        raise wrong("search_pattern", repr(place), "START, CONTAINS or END")
    if place == SearchPattern.START and not is_start:
        remedy = "with START write plus and country code, like +1212"
        raise wrong("pattern", f"{pattern!r} would find nothing", remedy)
    return pattern, str(place)


def order_by(value: str | None, *fields: str) -> str | None:
    """`value` if it is None or one of `fields`, else BadInput."""
    if value is not None and value not in fields:
        raise wrong("order_by", repr(value), " or ".join(fields))
    return value


def hmac_secret(value: str) -> str:
    """`value` if the vendor accepts it as a signing secret, else BadInput that does not show it."""
    if not _HMAC_SECRET.fullmatch(value):
        remedy = "32 to 64 letters, digits or hyphens"
        raise wrong("hmac_secret", "wrong length or characters", remedy)
    return value


def changes(request: Body) -> dict[str, Any]:
    """What an update changes, as the JSON object to send; BadInput when that is nothing."""
    if not (body := request.to_wire()):
        raise wrong("request", "the update changes nothing", "set at least one member")
    return body


def _listed(values: Iterable[str], field: str) -> Iterable[str]:
    # A bare string is a mistake: each letter would count as a value.
    if isinstance(values, str):
        raise wrong(field, f"{values!r} is not a list", f"write ({values!r},)")
    return values
