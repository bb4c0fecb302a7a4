"""The vendor's resources as we read them, and the bodies that we send. Frozen values, no decisions.

Belongs here: names, types and tolerance of one reply member. Does not: whether a link is done, what
a number costs us, what to do next (numberflow.planning), and how a reply came in
(numberflow.client).

Attributes are snake_case and mean the same everywhere: `number_type` (wire `type`), `capabilities`
(wire `capability` on numbers). Times end in `_at` and are aware UTC. `model_dump(by_alias=True)`
returns the wire names. wire.py says how tolerantly replies are read, and what "nothing" is.

Source of the shapes: docs/vendor/numbers.openapi.yaml, components.schemas.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic.alias_generators import to_camel

from numberflow.models.wire import Body, Listed, Months, Page, Resource, UtcDatetime


class NumberType(StrEnum):
    """Kinds of numbers known today."""

    MOBILE = "MOBILE"
    LOCAL = "LOCAL"
    TOLL_FREE = "TOLL_FREE"


class Capability(StrEnum):
    """What a number can carry, as known today."""

    SMS = "SMS"
    VOICE = "VOICE"


class SearchPattern(StrEnum):
    """Where a pattern has to match the E.164 text of a number."""

    START = "START"
    CONTAINS = "CONTAINS"
    END = "END"


class ProvisioningStatus(StrEnum):
    """States of a link job. On success the job disappears (numbers-behaviour.md §6)."""

    UNSPECIFIED = "PROVISIONING_STATUS_UNSPECIFIED"
    WAITING = "WAITING"
    IN_PROGRESS = "IN_PROGRESS"
    FAILED = "FAILED"


class VoiceType(StrEnum):
    """Where voice goes: RTC a voice app, EST a SIP trunk, FAX a fax service."""

    RTC = "RTC"
    EST = "EST"
    FAX = "FAX"


_PLAIN_AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def _amount(value: Any) -> Decimal:
    if isinstance(value, bool | float):
        # Pydantic handles ValueError
        raise ValueError("an amount is text or Decimal, never a binary float")  # noqa: TRY004
    if isinstance(value, str) and not _PLAIN_AMOUNT.fullmatch(value):
        raise ValueError("not a decimal amount")
    if not isinstance(value, str | int | Decimal):
        raise ValueError("not a decimal amount")  # noqa: TRY004 — pydantic collects ValueError
    amount = Decimal(value)
    # 30 digits: far above any price, and far below the exponents with which a short text expands to
    # gigabytes of digits.
    if not amount.is_finite() or abs(amount.adjusted()) > 30:
        raise ValueError("not a sensible amount")
    return amount


class Money(BaseModel):
    """An amount in one currency, never a float; two currencies raise ValueError."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )

    currency_code: str = Field(min_length=1)
    amount: Annotated[Decimal, BeforeValidator(_amount)]

    def __add__(self, other: Money) -> Money:
        return Money(
            currency_code=self.currency_code, amount=self.amount + self._same_currency(other)
        )

    def __mul__(self, times: int) -> Money:
        if isinstance(times, bool) or not isinstance(times, int):
            return NotImplemented
        return Money(currency_code=self.currency_code, amount=self.amount * times)

    __rmul__ = __mul__

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same_currency(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same_currency(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same_currency(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same_currency(other)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency_code}"

    def _same_currency(self, other: Money) -> Decimal:
        if self.currency_code != other.currency_code:
            raise ValueError(f"cannot mix {self.currency_code} and {other.currency_code}")
        return other.amount


class AvailableRegion(Resource):
    """A region with numbers on offer, and the number types on offer there."""

    region_code: str
    region_name: str | None = None
    types: tuple[str, ...] = ()


class AvailableNumber(Resource):
    """A number in stock. Seeing it reserves nothing."""

    phone_number: str
    region_code: str | None = None
    number_type: str | None = Field(default=None, alias="type")
    capabilities: tuple[str, ...] = Field(default=(), alias="capability")
    setup_price: Money | None = None
    monthly_price: Money | None = None
    payment_interval_months: Months = 1
    supporting_documentation_required: bool | None = None
    """Of region and type. US LOCAL says true and rents directly (numbers-behaviour.md §1)."""


class ScheduledProvisioning(Resource):
    """The SMS link job that is running or has failed."""

    service_plan_id: str | None = None
    campaign_id: str | None = None
    status: str | None = None
    last_updated_at: UtcDatetime | None = Field(default=None, alias="lastUpdatedTime")
    error_codes: tuple[str, ...] = ()


class SmsConfiguration(Resource):
    """The SMS link in effect, and the job that would change it."""

    service_plan_id: str | None = None
    campaign_id: str | None = None
    scheduled_provisioning: ScheduledProvisioning | None = None


class ScheduledVoiceProvisioning(Resource):
    """The voice link job that is running or has failed. The vendor gives no error codes here."""

    type: str | None = None
    app_id: str | None = None
    trunk_id: str | None = None
    service_id: str | None = None
    status: str | None = None
    last_updated_at: UtcDatetime | None = Field(default=None, alias="lastUpdatedTime")


class VoiceConfiguration(Resource):
    """The voice link and the job that would change it. `type` is RTC when unlinked."""

    type: str | None = None
    app_id: str | None = None
    trunk_id: str | None = None
    service_id: str | None = None
    last_updated_at: UtcDatetime | None = Field(default=None, alias="lastUpdatedTime")
    scheduled_voice_provisioning: ScheduledVoiceProvisioning | None = None


class ActiveNumber(Resource):
    """A number that the project holds. `expire_at` set = released, leaving at that moment."""

    phone_number: str
    project_id: str | None = None
    display_name: str | None = None
    region_code: str | None = None
    number_type: str | None = Field(default=None, alias="type")
    capabilities: tuple[str, ...] = Field(default=(), alias="capability")
    money: Money | None = None
    """Price per `payment_interval_months`. The setup price is never shown again."""
    payment_interval_months: Months = 1
    next_charge_at: UtcDatetime | None = Field(default=None, alias="nextChargeDate")
    expire_at: UtcDatetime | None = None
    sms_configuration: SmsConfiguration | None = None
    voice_configuration: VoiceConfiguration | None = None
    callback_url: str | None = None


class ActiveNumbersPage(Page):
    """One page of held numbers."""

    active_numbers: Annotated[tuple[ActiveNumber, ...], Listed] = ()


class CallbackConfiguration(Resource):
    """The project's callback signing secret; any text is accepted when reading."""

    project_id: str | None = None
    hmac_secret: SecretStr | None = None


class SmsSettings(Body):
    """The wanted SMS link. "" unlinks.

    To detach only the campaign, send the current plan and `campaign_id=""`
    (docs/vendor/numbers-behaviour.md §7).
    """

    service_plan_id: str
    campaign_id: str | None = None


_ID_OF_VOICE_TYPE = {
    VoiceType.RTC: "app_id",
    VoiceType.EST: "trunk_id",
    VoiceType.FAX: "service_id",
}


class VoiceSettings(Body):
    """The wanted voice link: `type` and its id (RTC app_id, EST trunk_id, FAX service_id).

    An empty id unlinks (assumed: the vendor documents no form for it).
    """

    type: VoiceType = VoiceType.RTC
    app_id: str | None = None
    trunk_id: str | None = None
    service_id: str | None = None

    @model_validator(mode="after")
    def _one_matching_id(self) -> Self:
        wanted = _ID_OF_VOICE_TYPE[self.type]
        given = [name for name in _ID_OF_VOICE_TYPE.values() if getattr(self, name) is not None]
        if given != [wanted]:
            raise ValueError(f"voice type {self.type} takes {wanted} and no other id")
        return self


class Links(Body):
    """Links and callback address, as a rent, an order and an update name them."""

    sms: SmsSettings | None = Field(default=None, alias="smsConfiguration")
    voice: VoiceSettings | None = Field(default=None, alias="voiceConfiguration")
    callback_url: str | None = None


class NewLinks(Links):
    """Links of a number that we do not have yet."""

    @model_validator(mode="after")
    def _nothing_empty(self) -> Self:
        # An empty configuration makes the vendor refuse the rent (docs/vendor/numbers-behaviour.md
        # §5): say so before anything is sent.
        for settings in (self.sms, self.voice):
            if settings is not None and "" in settings.to_wire().values():
                raise ValueError(
                    "an empty id unlinks, and a number that is not rented yet has nothing to unlink"
                )
        return self


class RentRequest(NewLinks):
    """Body of a rent of one named number. Everything is optional."""


class RentAnyRequest(NewLinks):
    """Body of search-and-rent in one call.

    US LOCAL only (docs/vendor/numbers-behaviour.md §5). A lost reply names no number: prefer search
    and rent.
    """

    region_code: str
    number_type: str = Field(alias="type")
    pattern: str | None = None
    search_pattern: SearchPattern | None = None
    capabilities: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _pattern_goes_with_place(self) -> Self:
        if (self.pattern is None) != (self.search_pattern is None):
            raise ValueError("pattern and search_pattern go together")
        return self

    def to_wire(self) -> dict[str, Any]:
        """The JSON object to send: the pattern nested, an empty list of capabilities left out."""
        wire = super().to_wire()
        pattern, search_pattern = wire.pop("pattern", None), wire.pop("searchPattern", None)
        if pattern is not None:
            wire["numberPattern"] = {"pattern": pattern, "searchPattern": search_pattern}
        if not wire["capabilities"]:
            del wire["capabilities"]
        return wire


class UpdateRequest(Links):
    """Body of a partial update. What is None keeps its value at the vendor."""

    display_name: str | None = None
