"""Check a postal address as a registry would: exact, near with a correction, or unknown. Pure.

An unknown address may have candidates. The vendor's register is not published. These rules
reproduce the vendor's samples (docs/vendor/numbers-behaviour.md §11: "Road NE" becomes "Rd NE", a
missing quadrant is no match with one candidate) and are otherwise *assumed*. Any well-formed
address of a known state passes.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

EXACT_MATCH, NEAR_MATCH, NO_MATCH = "EXACT_MATCH", "NEAR_MATCH", "NO_MATCH"


class Address(NamedTuple):
    """An emergency address. `location` is a flat, suite or floor."""

    street_number: str = ""
    street_info: str = ""
    location: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    postal_code_plus_four: str = ""


NO_ADDRESS = Address()


@dataclass(frozen=True, slots=True)
class Validation:
    """What the register says. `corrected` only for a near match, `candidates` only for none."""

    result: str
    message: str
    corrected: Address = NO_ADDRESS
    candidates: tuple[Address, ...] = ()


_STREET_TYPES = {
    "avenue": "Ave",
    "boulevard": "Blvd",
    "circle": "Cir",
    "court": "Ct",
    "crescent": "Cres",
    "drive": "Dr",
    "highway": "Hwy",
    "lane": "Ln",
    "parkway": "Pkwy",
    "place": "Pl",
    "plaza": "Plz",
    "road": "Rd",
    "square": "Sq",
    "street": "St",
    "terrace": "Ter",
    "trail": "Trl",
    "way": "Way",
}
_TYPE_OF_SHORT = {short.lower(): short for short in _STREET_TYPES.values()}
_DIRECTIONS = {
    "north": "N", "south": "S", "east": "E", "west": "W",
    "northeast": "NE", "northwest": "NW", "southeast": "SE", "southwest": "SW",
}  # fmt: skip
_QUADRANTS = ("NE", "NW", "SE", "SW")
_WITHOUT_TYPE = frozenset({"broadway", "the embarcadero"})
"""Streets that need no type."""
_QUADRANT_CITIES = frozenset({("atlanta", "GA"), ("washington", "DC")})
"""Cities whose streets exist once per quadrant, so that an address without one is ambiguous."""
UNKNOWN_STREET = "nowhere"
"""A street with this word is unknown, without candidates."""

_ZIP_STATES = (
    "CT MA ME NH NJ PR RI VT",
    "DE NY PA",
    "DC MD NC SC VA WV",
    "AL FL GA MS TN",
    "IN KY MI OH",
    "IA MN MT ND SD WI",
    "IL KS MO NE",
    "AR LA OK TX",
    "AZ CO ID NM NV UT WY",
    "AK CA HI OR WA",
)
"""States by the first digit of their ZIP codes."""
_CANADIAN_PROVINCES = {
    "A": "NL",
    "B": "NS",
    "C": "PE",
    "E": "NB",
    "G": "QC",
    "H": "QC",
    "J": "QC",
    "K": "ON",
    "L": "ON",
    "M": "ON",
    "N": "ON",
    "P": "ON",
    "R": "MB",
    "S": "SK",
    "T": "AB",
    "V": "BC",
    "X": "NT NU",
    "Y": "YT",
}
"""Provinces by the first letter of their postal codes."""


def validate(address: Address, region_code: str) -> Validation:
    """What the register of a region (US or CA) says of an address."""
    canonical = _canonical(address)
    if not _exists(canonical, region_code):
        return Validation(NO_MATCH, "Address not found")
    ambiguous = _candidates(canonical)
    if ambiguous:
        return Validation(
            NO_MATCH, "Address not found|Multiple addresses are similar", candidates=ambiguous
        )
    if region_code == "US":
        canonical = canonical._replace(postal_code_plus_four=_plus_four(canonical))
    # The four extra digits may be left out; wrong ones are a difference.
    wanted = (
        canonical if address.postal_code_plus_four else canonical._replace(postal_code_plus_four="")
    )
    if wanted == address:
        return Validation(EXACT_MATCH, "Address is valid")
    changed = [words for words, of in _CHANGES if of(address) != of(canonical)]
    return Validation(
        NEAR_MATCH, "|".join(["Corrected to valid address", *changed]), corrected=canonical
    )


_CHANGES: tuple[tuple[str, Callable[[Address], str]], ...] = (
    ("Street was changed", lambda address: address.street_info),
    ("City was changed", lambda address: address.city),
    ("State was changed", lambda address: address.state),
    ("Postal code was changed", lambda address: address.postal_code),
)


def _canonical(address: Address) -> Address:
    tidy = Address(*(" ".join(part.split()) for part in address))
    postal_code, _, plus_four = tidy.postal_code.upper().partition("-")
    if re.fullmatch(r"[A-Z]\d[A-Z]\d[A-Z]\d", postal_code):
        postal_code = f"{postal_code[:3]} {postal_code[3:]}"
    city = (
        tidy.city if tidy.city not in (tidy.city.lower(), tidy.city.upper()) else tidy.city.title()
    )
    return tidy._replace(
        street_info=_street(tidy.street_info),
        city=city,
        state=tidy.state.upper(),
        postal_code=postal_code,
        postal_code_plus_four=plus_four or tidy.postal_code_plus_four,
    )


def _street(street: str) -> str:
    words = street.split()
    for index, word in enumerate(words):
        bare = word.rstrip(".").lower()
        last = index == len(words) - 1
        if bare in _DIRECTIONS and (last or (index == 0 and len(words) > 2)):
            words[index] = _DIRECTIONS[bare]
        elif bare.upper() in (*_QUADRANTS, *"NSEW") and (last or index == 0):
            words[index] = bare.upper()
        elif index and bare in _STREET_TYPES and _ends_name(words, index):
            words[index] = _STREET_TYPES[bare]
        elif index and bare in _TYPE_OF_SHORT and _ends_name(words, index):
            words[index] = _TYPE_OF_SHORT[bare]
        elif word == word.lower() and word[:1].isalpha():
            words[index] = word.capitalize()
    return " ".join(words)


def _ends_name(words: list[str], index: int) -> bool:
    """Whether this word is the last of the name, apart from a direction.

    "Park Place Rd" has only one type.
    """
    rest = words[index + 1 :]
    return not rest or (
        len(rest) == 1
        and (rest[0].upper() in (*_QUADRANTS, *"NSEW") or rest[0].lower() in _DIRECTIONS)
    )


def _exists(address: Address, region_code: str) -> bool:
    if not re.match(r"[1-9]", address.street_number) or not address.street_info or not address.city:
        return False
    if UNKNOWN_STREET in address.street_info.lower():
        return False
    if region_code == "CA":
        known = re.fullmatch(r"[A-Z]\d[A-Z] \d[A-Z]\d", address.postal_code)
        return (
            known is not None
            and address.state in _CANADIAN_PROVINCES.get(address.postal_code[0], "").split()
        )
    return (
        re.fullmatch(r"\d{5}", address.postal_code) is not None
        and address.state in _ZIP_STATES[int(address.postal_code[0])].split()
    )


def _candidates(address: Address) -> tuple[Address, ...]:
    words = address.street_info.split()
    core = words[:-1] if words[-1] in (*_QUADRANTS, *"NSEW") else words
    if (
        core[-1:]
        and core[-1].lower() not in _TYPE_OF_SHORT
        and address.street_info.lower() not in _WITHOUT_TYPE
    ):
        tail = words[len(core) :]
        streets = [" ".join([*core, short, *tail]) for short in ("Ave", "St")]
        return tuple(replace_street(address, street) for street in streets)
    if (address.city.lower(), address.state) in _QUADRANT_CITIES and words[-1] not in _QUADRANTS:
        return (replace_street(address, f"{address.street_info} NE"),)
    return ()


def replace_street(address: Address, street_info: str) -> Address:
    """The address in another street, with the four digits that go with it."""
    moved = address._replace(street_info=street_info)
    return moved._replace(
        postal_code_plus_four=_plus_four(moved) if re.fullmatch(r"\d{5}", moved.postal_code) else ""
    )


def _plus_four(address: Address) -> str:
    """The same four digits for the same block of the same street."""
    block = f"{address.street_info}|{address.postal_code}|{address.street_number[:-2]}"
    return f"{zlib.crc32(block.encode()) % 9_999 + 1:04d}"
