"""Hosting orders as we read them, and the bodies that we send. Frozen values, no decisions.

That is bulk import, text-enabling and letters of authorisation. Belongs here: shapes of the
hostingOrders family. Does not: the result of an order (COMPLETED is not success:
numberflow.planning reads the numbers), single numbers (imported.py). Source:
docs/vendor/imported-hosting.openapi.yaml, docs/vendor/imported-hosting-behaviour.md §4, §5, §13.

A letter of authorisation names a person, an e-mail and an address: all of it is personal and
sealed (personal.py).
"""

from __future__ import annotations

import re
from datetime import UTC
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr

from numberflow.models.imported import CarrierState
from numberflow.models.personal import Sealed, unseal
from numberflow.models.wire import Body, Listed, Page, Resource, UtcDatetime


class HostingOrderState(StrEnum):
    """States known today. DRAFT comes only from the dashboard (assumed)."""

    UNSPECIFIED = "HOSTING_ORDER_STATE_UNSPECIFIED"
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    WAITING_FOR_LOA_SIGNATURE = "WAITING_FOR_LOA_SIGNATURE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"


class HostingOrderType(StrEnum):
    """Kinds of hosting orders known today, as the wire has them."""

    UNSPECIFIED = "HOSTING_ORDER_TYPE_UNSPECIFIED"
    IMPORT = "IMPORT"
    TEXT_ENABLE = "TYPE_TEXT_ENABLE"


class AuthorisedPerson(Resource):
    """Who signs."""

    first_name: Sealed | None = None
    last_name: Sealed | None = None
    email: Sealed | None = None


class LoaAddress(Resource):
    """Where the signer is."""

    building_number: Sealed | None = None
    street: Sealed | None = None
    city: Sealed | None = None
    state: Sealed | None = None
    postal_code: Sealed | None = None
    country: Sealed | None = None


class TextEnableInfo(Resource):
    """What an order shows of its letter of authorisation."""

    business_name: Sealed | None = None
    authorised_person: AuthorisedPerson | None = None
    address: LoaAddress | None = None
    service_provider: str | None = None
    current_voice_carrier: Sealed | None = None
    nnid: str | None = None
    # The schema says Direct, a sample DIRECT (docs/vendor/imported-hosting-behaviour.md §14).
    loa_type: Annotated[str | None, AfterValidator(lambda value: value and value.upper())] = None
    """DIRECT or RESELLER; None for a blanket letter (assumed)."""


class HostingOrder(Resource):
    """An order. Keep `hosting_order_id`: orders can be listed, but not by number or by signer."""

    other_names: ClassVar = {
        "hostingOrderInfo": "textEnableInfo"
    }  # samples use the one, the schema the other (§14)

    hosting_order_id: str
    project_id: str | None = None
    display_name: str | None = None
    region_code: str | None = None
    state: str | None = None
    order_type: str | None = Field(default=None, alias="type")
    created_at: UtcDatetime | None = Field(default=None, alias="createdTime")
    updated_at: UtcDatetime | None = Field(default=None, alias="updatedTime")
    service_plan_id: str | None = None
    campaign_id: str | None = None
    migrate_to_sinch_tmo: bool | None = None
    callback_url: str | None = None
    scheduled_osr_update_at: UtcDatetime | None = Field(
        default=None, alias="scheduledOsrUpdateTime"
    )
    text_enable_info: TextEnableInfo | None = None


class HostingOrdersPage(Page):
    """One page of hosting orders."""

    hosting_orders: Annotated[tuple[HostingOrder, ...], Listed] = ()


class OsrUpdate(Resource):
    """The change of a number's messaging route."""

    nnid: str | None = None
    state: str | None = None


class PlatformProvisioning(Resource):
    """The link to the service plan."""

    service_plan_id: str | None = None
    state: str | None = None


class CampaignProvisioning(Resource):
    """The link to the campaign."""

    campaign_id: str | None = None
    state: str | None = None


class HostingOrderNumber(Resource):
    """Progress of one number of an order. A step that does not apply is missing (assumed)."""

    phone_number: str
    project_id: str | None = None
    hosting_order_id: str | None = None
    osr_update: OsrUpdate | None = None
    platform_provisioning: PlatformProvisioning | None = None
    campaign_provisioning: CampaignProvisioning | None = None
    sms_att: CarrierState | None = None
    sms_tmo: CarrierState | None = None
    mms_att: CarrierState | None = None
    mms_tmo: CarrierState | None = None


class HostingOrderNumbersPage(Page):
    """One page of an order's numbers."""

    numbers: Annotated[tuple[HostingOrderNumber, ...], Listed] = ()


class HostingOrderReport(Resource):
    """Counts of an order's numbers: all, and those with a step done. None: not stated."""

    total: int | None = None
    osr_updated: int | None = None
    sms_provisioned: int | None = None
    added_to_campaign: int | None = None
    ongoing_manual_action: int | None = None
    """Numbers in the hands of the vendor's staff (assumed)."""


class ImportNumbersRequest(Body):
    """Body of an import order. Only a token in `display_name` finds the order again (§15)."""

    region_code: str
    numbers: tuple[str, ...]
    service_plan_id: str = Field(min_length=1)
    campaign_id: str | None = Field(default=None, min_length=1)
    display_name: str | None = None
    callback_url: str | None = None
    migrate_to_sinch_tmo: bool | None = None
    """Take over from another aggregator at T-Mobile, after carrier error 60135 (§10)."""


# Not the grammar of RFC 5322, which accepts almost anything: typos must be noticed, because an
# order cannot be corrected (§4). ASCII only: with a letter of another script that looks like ours,
# the mail goes to somebody else.
_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")


def _filled(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty")
    return value


def _email(value: SecretStr) -> SecretStr:
    if not _EMAIL.fullmatch(value.get_secret_value()):
        raise ValueError("not an e-mail address")
    return value


def _country(value: SecretStr) -> SecretStr:
    # Samples have US and USA; the vendor's newest text has US (§14).
    if not re.fullmatch(r"[A-Z]{2}", value.get_secret_value()):
        raise ValueError("two capital letters, like US")
    return value


_Filled = Annotated[Sealed, AfterValidator(_filled)]


class Signer(Body):
    """Who signs. The letter is mailed to `email`, and a typo there stalls the order for good."""

    first_name: _Filled
    last_name: _Filled
    email: Annotated[Sealed, AfterValidator(_email)]


class SignerAddress(Body):
    """Where the signer is."""

    building_number: _Filled
    street: _Filled
    city: _Filled
    state: _Filled
    postal_code: _Filled
    country: Annotated[Sealed, AfterValidator(_country)]


class DirectLoa(Body):
    """Letter of a company that hosts its own numbers."""

    kind: Literal["direct"] = "direct"
    authorised_person: Signer
    address: SignerAddress
    current_voice_carrier: _Filled


class ResellerLoa(Body):
    """Letter of a partner that hosts the numbers of its customer, `business_name`."""

    kind: Literal["reseller"] = "reseller"
    business_name: _Filled
    authorised_person: Signer
    address: SignerAddress
    current_voice_carrier: _Filled


class BlanketLoa(Body):
    """No letter of its own: the account manager has one for all local numbers."""

    kind: Literal["blanket"] = "blanket"


# `kind` distinguishes them and is never sent. Without it an empty object, which is easily left
# behind in a file, would be a blanket letter.
_LocalLoa = Annotated[DirectLoa | ResellerLoa | BlanketLoa, Field(discriminator="kind")]
_TollFreeLoa = Annotated[DirectLoa | ResellerLoa, Field(discriminator="kind")]

_UtcFromAware = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]


class _TextEnable(Body):
    region_code: str
    numbers: tuple[str, ...]
    service_plan_id: str = Field(min_length=1)
    loa: _LocalLoa
    display_name: str | None = None
    callback_url: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """The JSON object to send, with the letter unsealed under the name of its kind."""
        wire = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"loa"})
        letter = self.letter()
        return {**wire, f"{letter.pop('kind')}LoaInfo": letter}

    def letter(self) -> dict[str, Any]:
        """The unsealed letter of authorisation, for the body of a request only."""
        letter: dict[str, Any] = unseal(self.loa)
        return letter


class TextEnableRequest(_TextEnable):
    """Body of text-enabling local numbers. Legally binding; it cannot be cancelled."""

    campaign_id: str | None = Field(default=None, min_length=1)
    """Optional in the schema, required by the text. Send it for US local numbers (§14)."""
    nnid: str | None = Field(default=None, pattern=r"^[0-9]{6}$")
    scheduled_osr_update_at: _UtcFromAware | None = Field(
        default=None, alias="scheduledOsrUpdateTime"
    )
    """Earliest moment for the change of route."""


class TextEnableTollFreeRequest(_TextEnable):
    """As `TextEnableRequest`, but without campaign, nnid and blanket letter (§13)."""

    loa: _TollFreeLoa
    scheduled_provisioning_at: _UtcFromAware | None = Field(
        default=None, alias="scheduledZipwhipProvisioningTime"
    )
    """When to change the toll-free registry; a day later if signed after that."""
