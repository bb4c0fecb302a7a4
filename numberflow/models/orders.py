"""Parameters of a purchase, checked as far as that is possible without a request.

Here: the parameters, their rules and the message for each broken rule. Not here: anything that
needs the vendor's answer (stock, prices, regions on sale) and any decision made from them
(`numberflow.planning`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

import phonenumbers
from pydantic import BeforeValidator, Field, field_validator, model_validator

from numberflow.models.parameters import (
    Amount,
    CallbackUrl,
    CurrencyCode,
    OptionalAmount,
    OptionalText,
    Parameters,
    PhoneNumbers,
    Reference,
    ReferencedParameters,
    RegionCode,
    WholeNumber,
    empty_is_none,
    none_is_empty,
)
from numberflow.models.phone_text import read_pattern
from numberflow.models.vendor import Capability, NumberType, SearchPattern, VoiceType

# A search returns one page and no token (docs/vendor/numbers-behaviour.md §4), so a larger purchase
# would search for minutes. Split a larger one, with one reference each.
QUANTITY_MAX = 500
# Provisioning takes seconds to a day (§6). A flow run may wait a few minutes; the rest is reported
# as pending.
PROVISIONING_WAIT_MAX_S = 3600
# As many as a number has (E.164).
_PATTERN_DIGITS_MAX = 15
# Longer than any id the vendor shows (UUIDs, ULIDs, names of service plans); a paste of something
# else is longer.
_ID_LENGTH_MAX = 255


class Strategy(StrEnum):
    """`chosen` names each number before it is rented; `any`: the vendor picks (US LOCAL only)."""

    CHOSEN = "chosen"
    ANY = "any"


def empty_group_is_none(value: Any) -> Any:
    """Read an empty group as None: forms show groups flat and send them empty."""
    if isinstance(value, Mapping) and all(empty_is_none(each) is None for each in value.values()):
        return None
    return empty_is_none(value)


class SmsLink(Parameters):
    """The SMS link that every rented number gets."""

    service_plan_id: str = Field(
        min_length=1,
        max_length=_ID_LENGTH_MAX,
        title="Service plan",
        description="SMS service plan id",
        json_schema_extra={"position": 0},
    )
    campaign_id: str | None = Field(
        default=None,
        max_length=_ID_LENGTH_MAX,
        title="10DLC campaign",
        description="US only",
        json_schema_extra={"position": 1},
    )

    @field_validator("campaign_id")
    @classmethod
    def _empty_is_none(cls, value: str | None) -> str | None:
        return value or None


_VOICE_ID = {VoiceType.RTC: "app_id", VoiceType.EST: "trunk_id", VoiceType.FAX: "service_id"}


class VoiceLink(Parameters):
    """The voice link that every rented number gets: exactly the id that belongs to the type."""

    type: VoiceType = Field(
        default=VoiceType.RTC,
        title="Voice product",
        description="May stay empty: the id says which",
        json_schema_extra={"position": 0},
    )
    app_id: str | None = Field(
        default=None,
        max_length=_ID_LENGTH_MAX,
        title="Voice app (RTC)",
        json_schema_extra={"position": 1},
    )
    trunk_id: str | None = Field(
        default=None,
        max_length=_ID_LENGTH_MAX,
        title="SIP trunk (EST)",
        json_schema_extra={"position": 2},
    )
    service_id: str | None = Field(
        default=None,
        max_length=_ID_LENGTH_MAX,
        title="Fax service (FAX)",
        json_schema_extra={"position": 3},
    )

    @model_validator(mode="before")
    @classmethod
    def _type_of_the_id(cls, value: Any) -> Any:
        """Drop what is empty, and derive the type from a single id."""
        if not isinstance(value, Mapping):
            return value
        given = {name: each for name, each in value.items() if empty_is_none(each) is not None}
        ids = [(kind, name) for kind, name in _VOICE_ID.items() if name in given]
        if "type" not in given and len(ids) == 1:
            given["type"] = ids[0][0]
        return given

    @model_validator(mode="after")
    def _one_id(self) -> Self:
        wanted = _VOICE_ID[self.type]
        given = [name for name in _VOICE_ID.values() if getattr(self, name)]
        if given != [wanted]:
            raise ValueError(
                f"type {self.type} takes {wanted} and no other id (given: "
                f"{', '.join(given) or 'none'})"
            )
        return self

    @property
    def target_id(self) -> str:
        """The one id that is set."""
        return self.app_id or self.trunk_id or self.service_id or ""


OptionalSmsLink = Annotated[SmsLink | None, BeforeValidator(empty_group_is_none)]
OptionalVoiceLink = Annotated[VoiceLink | None, BeforeValidator(empty_group_is_none)]


class WantedNumbers(ReferencedParameters):
    """What every purchase states: which numbers, links, caps, and its reference."""

    # `kyc` and `attachments` are papers: corrected papers continue the same order.
    continued_by = frozenset({
        "reference", "max_today", "max_monthly", "currency", "plan_only", "approve_above",
        "provisioning_wait_s", "project", "kyc", "attachments",
    })  # fmt: skip

    region_code: RegionCode
    number_type: NumberType
    quantity: WholeNumber = Field(default=1, ge=1, le=QUANTITY_MAX)
    capabilities: tuple[Capability, ...] = ()
    pattern: Annotated[OptionalText, BeforeValidator(read_pattern)] = None
    search_pattern: Annotated[SearchPattern | None, BeforeValidator(empty_is_none)] = None
    sms: OptionalSmsLink = None
    voice: OptionalVoiceLink = None
    callback_url: CallbackUrl = None
    reference: Reference = None
    max_today: Amount
    max_monthly: Amount
    currency: CurrencyCode = "USD"
    plan_only: bool = False
    approve_above: OptionalAmount = None

    @field_validator("capabilities", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return none_is_empty(value)

    @field_validator("capabilities")
    @classmethod
    def _each_once(cls, value: tuple[Capability, ...]) -> tuple[Capability, ...]:
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _links_and_pattern(self) -> Self:
        if self.sms and self.sms.campaign_id and self.region_code != "US":
            raise ValueError(
                "sms.campaign_id: 10DLC campaigns exist for US numbers only; leave it out for "
                "other regions"
            )
        for number in self.named_numbers:
            if phonenumbers.parse(number).country_code != _country_code(self.region_code):
                raise ValueError(
                    f"{self.named_field}: {number} does not belong to region {self.region_code}"
                )
        if self.pattern is not None:
            if self.named_numbers:
                raise ValueError(
                    f"{self.named_field}: named numbers take no pattern and no strategy"
                )
            _check_pattern(self.pattern, self.search_pattern, self.region_code)
        elif self.search_pattern is not None:
            raise ValueError(
                "search_pattern: has no pattern to apply; give pattern too, or leave both out"
            )
        return self

    @property
    def named_numbers(self) -> tuple[str, ...]:
        """The numbers that are named; empty when any matching numbers will do."""
        return ()

    @property
    def named_field(self) -> str:
        """The parameter that names numbers, for messages."""
        return "phone_numbers"

    @property
    def wanted(self) -> int:
        """How many numbers to buy."""
        return len(self.named_numbers) or self.quantity

    @property
    def effective_search_pattern(self) -> SearchPattern | None:
        """The search pattern to send; always set when there is a pattern (§4)."""
        if self.pattern is None:
            return None
        return self.search_pattern or (
            SearchPattern.START if self.pattern.startswith("+") else SearchPattern.CONTAINS
        )

    def what_is_done(self) -> dict[str, Any]:
        """The parameters that identify a purchase, as JSON values.

        Caps, approval, waiting and the credentials block are left out: a higher cap continues the
        same purchase.
        """
        return super().what_is_done() | {"quantity": self.wanted}


class SearchAndRentParameters(WantedNumbers):
    """Parameters of search-and-rent, checked."""

    phone_numbers: PhoneNumbers = ()
    strategy: Strategy = Strategy.CHOSEN
    provisioning_wait_s: WholeNumber = Field(default=120, ge=0, le=PROVISIONING_WAIT_MAX_S)

    @field_validator("phone_numbers")
    @classmethod
    def _each_number_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > QUANTITY_MAX:
            raise ValueError(
                f"names {len(value)} numbers; at most {QUANTITY_MAX} are bought under one reference"
            )
        if len(set(value)) != len(value):
            raise ValueError("a number is listed twice")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.strategy is Strategy.ANY and (self.region_code, self.number_type) != (
            "US",
            NumberType.LOCAL,
        ):
            raise ValueError('strategy: "any" works for US LOCAL only; use "chosen"')
        if self.phone_numbers and self.strategy is Strategy.ANY:
            raise ValueError("phone_numbers: named numbers take no pattern and no strategy")
        # quantity 1 is the default of the form; any other value has to agree with the list.
        if self.phone_numbers and self.quantity not in (1, len(self.phone_numbers)):
            raise ValueError(
                f"quantity: is {self.quantity}, but {len(self.phone_numbers)} phone_numbers are "
                "named"
            )
        return self

    @property
    def named_numbers(self) -> tuple[str, ...]:
        """`phone_numbers`."""
        return self.phone_numbers


def _check_pattern(pattern: str, search_pattern: SearchPattern | None, region_code: str) -> None:
    """Patterns are compared with the E.164 text: START needs plus and country code (§4, live)."""
    starts = search_pattern is SearchPattern.START or (
        search_pattern is None and pattern.startswith("+")
    )
    country_code = _country_code(region_code)
    if starts:
        if not re.fullmatch(rf"\+[0-9]{{1,{_PATTERN_DIGITS_MAX}}}", pattern):
            raise ValueError(
                "pattern: START needs plus and country code, such as "
                f"{_meant(pattern, country_code)}"
            )
        prefix = f"+{country_code}"
        # phonenumbers knows no country code of this region: the vendor decides.
        if country_code and not (pattern.startswith(prefix) or prefix.startswith(pattern)):
            raise ValueError(
                f"pattern: {pattern} cannot match region {region_code}, whose numbers start with "
                f"{prefix}"
            )
    elif not re.fullmatch(rf"[0-9]{{1,{_PATTERN_DIGITS_MAX}}}", pattern):
        raise ValueError(
            f"pattern: {search_pattern or 'CONTAINS'} takes digits only, such as "
            f"{_digits(pattern)[:6] or '2255'}"
        )


def _meant(pattern: str, country_code: int) -> str:
    """A pattern for START with the given digits, or an example."""
    digits = _digits(pattern)
    if not country_code or not digits or len(digits) > _PATTERN_DIGITS_MAX:
        return f"+{country_code or 1}307"
    # 1415 most likely means +1415: a forgotten plus is more common than a national number that
    # begins so.
    return f"+{digits}" if digits.startswith(str(country_code)) else f"+{country_code}{digits}"


def _country_code(region_code: str) -> int:
    return int(phonenumbers.country_code_for_region(region_code))


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)
