"""Parameters of import-numbers, checked as far as that is possible without a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from numberflow.models.north_american import (
    HostingRegion,
    check_numbers,
    check_region,
    is_toll_free,
)
from numberflow.models.orders import SmsLink
from numberflow.models.parameters import (
    CallbackUrl,
    NamedNumbersParameters,
    WholeNumber,
    check_parameters,
    empty_is_none,
)

# A hundred orders of five: what one sweep still follows within a minute or two.
NUMBERS_MAX = 500
# The default of every account; the account manager can raise it
# (docs/vendor/imported-hosting-behaviour.md §7).
NUMBERS_PER_ORDER = 5
# Our token takes 24 characters more; the vendor documents no limit.
DISPLAY_NAME_LENGTH_MAX = 100
# What our own tokens look like; the last word of an order's name decides whose it is.
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


class ImportNumbersParameters(NamedNumbersParameters):
    """Parameters of import-numbers, checked. Build it with `parse_import_numbers`."""

    continued_by = frozenset({"numbers_per_order"})

    region_code: HostingRegion = HostingRegion.US
    sms: SmsLink
    display_name: DisplayName = None
    callback_url: CallbackUrl = None
    migrate_to_sinch_tmo: bool = False
    numbers_per_order: WholeNumber = Field(default=NUMBERS_PER_ORDER, ge=1, le=NUMBERS_MAX)

    @field_validator("phone_numbers")
    @classmethod
    def _north_american(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_numbers(value, most=NUMBERS_MAX)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            check_region(self.phone_numbers, self.region_code)
        except ValueError as error:
            raise ValueError(f"phone_numbers: {error}") from None
        if self.sms.campaign_id is None:
            return self
        if self.region_code is HostingRegion.CA:
            # Ignored at the vendor, and then an order could not be found again by its campaign
            # (docs/vendor/imported-hosting-behaviour.md §18).
            raise ValueError(
                "sms.campaign_id: 10DLC campaigns are for US numbers; leave it empty for CA"
            )
        for number in self.phone_numbers:
            if is_toll_free(number):
                raise ValueError(
                    f"sms.campaign_id: {number} is toll-free and takes no campaign; import "
                    "toll-free numbers in a run without one"
                )
        return self

    @property
    def by_order(self) -> bool:
        """Whether hosting orders are needed.

        For several numbers, and for the move at T-Mobile, which nothing else can ask for (§10).
        """
        return len(self.phone_numbers) > 1 or self.migrate_to_sinch_tmo


def parse_import_numbers(parameters: Mapping[str, Any]) -> ImportNumbersParameters:
    """Check the parameters of import-numbers. Sends nothing.

    Raises:
        BadInput: as in `check_parameters`.
    """
    return check_parameters(ImportNumbersParameters, parameters)
