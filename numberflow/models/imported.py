"""Imported and qualified numbers as we read them, and the bodies that we send.

These are numbers that live elsewhere. Frozen values, no decisions. Belongs here: shapes of the
importedNumbers and qualifiedNumbers families. Does not: hosting orders (hosting.py), whether a
number is ready to be text-enabled (numberflow.planning). Source:
docs/vendor/imported-hosting.openapi.yaml, docs/vendor/imported-hosting-behaviour.md.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from numberflow.models.vendor import ScheduledProvisioning, SmsSettings
from numberflow.models.wire import Body, Listed, Page, Resource, UtcDatetime


class StepState(StrEnum):
    """Progress of one background step. DONE and FAILED are final.

    Older editions of the reference show numbers, which are kept as text.
    """

    UNSPECIFIED = "STATE_UNSPECIFIED"
    WAITING = "WAITING"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    FAILED = "FAILED"


class QualificationState(StrEnum):
    """States of a qualified number, without the wire's prefix (§3)."""

    UNSPECIFIED = "GLOBAL_PROCESS_STATE_UNSPECIFIED"
    ELIGIBLE_CHECK_PENDING = "GLOBAL_PROCESS_STATE_ELIGIBLE_CHECK_PENDING"
    ELIGIBLE = "GLOBAL_PROCESS_STATE_ELIGIBLE"
    NOT_ELIGIBLE = "GLOBAL_PROCESS_STATE_NOT_ELIGIBLE"
    VERIFICATION_PENDING = "GLOBAL_PROCESS_STATE_VERIFICATION_PENDING"
    VERIFICATION_FAILED = "GLOBAL_PROCESS_STATE_VERIFICATION_FAILED"
    VERIFICATION_BLOCKED = "GLOBAL_PROCESS_STATE_VERIFICATION_BLOCKED"
    VERIFIED = "GLOBAL_PROCESS_STATE_VERIFIED"
    HOSTING_IN_PROGRESS = "GLOBAL_PROCESS_STATE_HOSTING_IN_PROGRESS"
    HOSTING_DONE = "GLOBAL_PROCESS_STATE_HOSTING_DONE"
    HOSTING_FAILED = "GLOBAL_PROCESS_STATE_HOSTING_FAILED"


class HostingStatus(StrEnum):
    """Whether a qualified number is hosted; the wire also has the numbers 0, 1 and 2."""

    UNSPECIFIED = "HOSTING_STATUS_UNSPECIFIED"
    HOSTED = "HOSTING_STATUS_HOSTED"
    FAILED = "HOSTING_STATUS_FAILED"


class CarrierState(Resource):
    """One carrier and one number. T-Mobile's 60135: another aggregator has it (§10)."""

    state: str | None = None
    operation: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    updated_at: UtcDatetime | None = Field(default=None, alias="updateTime")


class MnoConfiguration(Resource):
    """SMS and MMS at AT&T and T-Mobile."""

    sms_att: CarrierState | None = None
    sms_tmo: CarrierState | None = None
    mms_att: CarrierState | None = None
    mms_tmo: CarrierState | None = None


class ImportedSmsConfiguration(Resource):
    """The link in effect, and the change that is pending or has failed."""

    service_plan_id: str | None = None
    campaign_id: str | None = None
    scheduled_provisioning: ScheduledProvisioning | None = None
    migrate_to_sinch_tmo: bool | None = None
    """T-Mobile has it under another aggregator; only an order moves it (§10)."""


class ProvisioningDetail(Resource):
    """The last link or unlink of a service plan or a campaign."""

    service_type: str | None = None
    service_id: str | None = None
    type: str | None = None
    state: str | None = None
    updated_at: UtcDatetime | None = Field(default=None, alias="updateTime")
    error_code: str | None = None
    error_message: str | None = None


class ImportedNumber(Resource):
    """A number hosted elsewhere. Import and update return it without provisioning (§4)."""

    phone_number: str
    project_id: str | None = None
    region_code: str | None = None
    display_name: str | None = None
    sms_configuration: ImportedSmsConfiguration | None = None
    callback_url: str | None = None
    sms_provisioning: ProvisioningDetail | None = None
    campaign_provisioning: ProvisioningDetail | None = None
    mno_configuration: MnoConfiguration | None = None


class ImportedNumbersPage(Page):
    """One page of imported numbers."""

    imported_numbers: Annotated[tuple[ImportedNumber, ...], Listed] = ()


class Check(Resource):
    """One check of a number: its state and what went wrong."""

    status: str | None = None
    error: str | None = None


_HOSTING_STATUS = dict(enumerate(HostingStatus))


def _hosting_status(value: Any) -> Any:
    return (
        _HOSTING_STATUS.get(value, value)
        if isinstance(value, int) and not isinstance(value, bool)
        else value
    )


class Hosting(Resource):
    """Whether the number is hosted."""

    status: Annotated[str | None, BeforeValidator(_hosting_status)] = None
    error: str | None = None


class QualifiedNumber(Resource):
    """A number on its way to being text-enabled."""

    phone_number: str
    project_id: str | None = None
    region_code: str | None = None
    state: str | None = Field(default=None, alias="globalProcessState")
    osr_eligibility: Check | None = None
    ownership_verification: Check | None = None
    hosted_number: Hosting | None = None
    created_at: UtcDatetime | None = Field(default=None, alias="createdTime")
    updated_at: UtcDatetime | None = Field(default=None, alias="updatedTime")


class QualifiedNumbersPage(Page):
    """One page of qualified numbers."""

    qualified_numbers: Annotated[tuple[QualifiedNumber, ...], Listed] = ()


class ImportNumberRequest(Body):
    """Body of the import of one number. Its messaging must already be routed to Sinch."""

    phone_number: str
    region_code: str
    sms: SmsSettings = Field(alias="smsConfiguration")
    display_name: str | None = None
    callback_url: str | None = None

    @model_validator(mode="after")
    def _nothing_to_unlink(self) -> Self:
        if "" in self.sms.to_wire().values():
            raise ValueError(
                "an empty id unlinks, and a number that is not imported yet has nothing to unlink"
            )
        return self


class ImportedSmsSettings(Body):
    """The wanted link, member by member: None stays as it is, "" unlinks.

    To link elsewhere, unlink first, in a separate request (§9).
    """

    service_plan_id: str | None = None
    campaign_id: str | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.service_plan_id is None and self.campaign_id is None:
            raise ValueError("service_plan_id or campaign_id: at least one")
        return self


class ImportedUpdateRequest(Body):
    """Body of a partial update. What is None keeps its value at the vendor."""

    display_name: str | None = None
    sms: ImportedSmsSettings | None = Field(default=None, alias="smsConfiguration")
    callback_url: str | None = None
