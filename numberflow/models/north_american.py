"""Numbers that can live elsewhere: North American ones, local or toll-free.

These rules hold in the parameters of every flow about them. Source:
docs/vendor/imported-hosting-behaviour.md §7, §13.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import phonenumbers

from numberflow.models.parameters import check_each_once

# docs/vendor/imported-hosting-behaviour.md §13.
_TOLL_FREE = tuple(f"+1{code}" for code in (800, 833, 844, 855, 866, 877, 888))


class HostingRegion(StrEnum):
    """Where numbers can live that are imported or text-enabled."""

    US = "US"
    CA = "CA"


def is_toll_free(phone_number: str) -> bool:
    """Whether a North American number is toll-free, by its prefix."""
    return phone_number.startswith(_TOLL_FREE)


def check_numbers(phone_numbers: Sequence[str], *, most: int) -> None:
    """Check that there are 1 to `most` numbers, all North American, without duplicates.

    Raises:
        ValueError: says what is wrong, with the number.
    """
    check_each_once(phone_numbers, most=most)
    for number in phone_numbers:
        if phonenumbers.parse(number).country_code != 1:
            raise ValueError(
                f"{number} is neither a US nor a CA number; no other can live elsewhere"
            )


def check_region(phone_numbers: Sequence[str], region_code: HostingRegion) -> None:
    """Check that all numbers belong to that region, as far as their area codes say.

    Toll-free numbers belong to both regions.

    Raises:
        ValueError: names the number, its region and the remedy.
    """
    for number in phone_numbers:
        # None: an area code that the numbering plan does not know yet. Then the vendor decides.
        home = phonenumbers.region_code_for_number(phonenumbers.parse(number))
        if home is None or is_toll_free(number) or home == region_code:
            continue
        remedy = (
            f"put {home} numbers into a run of their own"
            if home in tuple(HostingRegion)
            else "only US and CA do"
        )
        raise ValueError(f"{number} belongs to {home}, not to {region_code}; {remedy}")
