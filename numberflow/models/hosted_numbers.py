"""Parameters that all flows about North American numbers that live elsewhere have in common."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from numberflow.models.north_american import HostingRegion, check_numbers, check_region
from numberflow.models.orders import SmsLink
from numberflow.models.parameters import CallbackUrl, NamedNumbersParameters, empty_is_none

# Our token takes 24 characters more; the vendor documents no limit.
DISPLAY_NAME_LENGTH_MAX = 100
# What our own tokens look like; the last word of an order's name shows whose it is.
_TOKEN = re.compile(r"(?i)\bnf-[0-9a-f]{8,}")


def _plain_name(value: str) -> str:
    if not value.isprintable():
        raise ValueError("contains unprintable characters; write plain words")
    if _TOKEN.search(value):
        raise ValueError(
            "holds a word like the tokens by which orders are found again; leave it out"
        )
    return value


DisplayName = Annotated[
    Annotated[str, Field(max_length=DISPLAY_NAME_LENGTH_MAX), AfterValidator(_plain_name)] | None,
    BeforeValidator(empty_is_none),
]


class NorthAmericanParameters(NamedNumbersParameters):
    """Numbers that can live elsewhere, each once."""

    numbers_max: ClassVar[int]
    """Most numbers in one run."""

    @field_validator("phone_numbers")
    @classmethod
    def _north_american(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_numbers(value, most=cls.numbers_max)
        return value


class HostedNumbersParameters(NorthAmericanParameters):
    """Numbers that are to be linked here, by import or by text-enabling."""

    region_code: HostingRegion = HostingRegion.US
    sms: SmsLink
    display_name: DisplayName = None
    callback_url: CallbackUrl = None

    @model_validator(mode="after")
    def _fits_its_region(self) -> Self:
        try:
            check_region(self.phone_numbers, self.region_code)
        except ValueError as error:
            raise ValueError(f"phone_numbers: {error}") from None
        if self.sms.campaign_id is not None and self.region_code is HostingRegion.CA:
            # The vendor ignores it, and then an order could not be found by its campaign
            # (docs/vendor/imported-hosting-behaviour.md §18).
            raise ValueError(
                "sms.campaign_id: 10DLC campaigns are for US numbers; leave it empty for CA"
            )
        return self
