"""Number orders as we read them, and the bodies that we send: requirements, order, registration.

Frozen values, no decisions. Belongs here: shapes of the numberOrders family. Does not: whether a
form is filled in, how long a reservation still lasts, what to do about BLOCKED
(numberflow.planning). Source: docs/vendor/numbers-behaviour.md §10,
docs/vendor/numbers.openapi.yaml.

Registration data, file names and what reviewers write are personal and sealed (personal.py).
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, JsonValue, Secret, model_validator

from numberflow.models import personal
from numberflow.models.personal import Sealed
from numberflow.models.vendor import (
    Money,
    NewLinks,
    SearchPattern,
    SmsConfiguration,
    VoiceConfiguration,
)
from numberflow.models.wire import Months, Resource, UtcDatetime

# docs/vendor/numbers.openapi.yaml, QuantityOrderOption.
QUANTITY_MAX = 100


class NumberOrderState(StrEnum):
    """States known today. BLOCKED waits for a fix; COMPLETED, REJECTED, EXPIRED are final."""

    UNSPECIFIED = "NUMBER_ORDER_STATE_UNSPECIFIED"
    CREATED = "CREATED"
    IN_REVIEW = "IN_REVIEW"
    BLOCKED = "BLOCKED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class UploadStatus(StrEnum):
    """States of an uploaded file. Processing continues after the reply to the upload."""

    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


def _plain(value: Any) -> Any:
    # The transport reads 0.5 as Decimal because of money. A form is passed on as JSON, where a
    # Decimal would become text.
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


class AttachmentTemplate(Resource):
    """A blank form that the vendor offers for a required file."""

    name: str | None = None
    url: str | None = None


class RequiredAttachment(Resource):
    """A file that an order of the region and type needs. The upload has its `attachment_id`."""

    attachment_id: str = Field(alias="id")
    title: str | None = None
    description: str | None = None
    mandatory: bool | None = None
    template: tuple[AttachmentTemplate, ...] = ()
    allowed_mime_types: tuple[str, ...] = ()
    """() = any."""
    allowed_document_types: tuple[str, ...] = ()
    """Unless (), the upload's document type is one of these."""


class NumberRequirements(Resource):
    """What an order of a region and type has to provide.

    `fields` is the vendor's description of the form, unchanged: only its outermost layout is
    published (docs/vendor/numbers-behaviour.md §10).
    """

    fields: Annotated[dict[str, JsonValue], BeforeValidator(_plain)] = Field(default_factory=dict)
    attachments: tuple[RequiredAttachment, ...] = ()


class NumberPrice(Resource):
    """What one ordered number costs."""

    setup_price: Money | None = None
    monthly_price: Money | None = None
    payment_interval_months: Months = 1


class OrderNumber(Resource):
    """A number that an order reserves, and holds later."""

    other_names: ClassVar = {"capability": "capabilities"}  # an older model of the Java SDK

    phone_number: str
    number_price: NumberPrice | None = None
    capabilities: tuple[str, ...] = ()


class NumberOrder(Resource):
    """An order. Keep `order_id` first: orders cannot be listed."""

    order_id: str = Field(alias="idNumberOrder")
    project_id: str | None = None
    region_code: str | None = None
    number_type: str | None = None
    state: str | None = None
    order_numbers: tuple[OrderNumber, ...] = ()
    sms_configuration: SmsConfiguration | None = None
    voice_configuration: VoiceConfiguration | None = None
    expire_at: UtcDatetime | None = Field(default=None, alias="expireTime")
    """Deadline for registration, files and submit: 30 minutes to 48 hours."""
    created_at: UtcDatetime | None = Field(default=None, alias="createTime")
    updated_at: UtcDatetime | None = Field(default=None, alias="updateTime")


class Attachment(Resource):
    """A file that was uploaded, or is still missing."""

    attachment_id: str | None = None
    file_name: Sealed | None = None
    mime_type: str | None = None
    document_type: str | None = None
    upload_status: str = UploadStatus.WAITING
    created_at: UtcDatetime | None = Field(default=None, alias="createTime")
    updated_at: UtcDatetime | None = Field(default=None, alias="updateTime")


class RegistrationLog(Resource):
    """What a reviewer wrote, under seal; `Registration.reasons` is for showing."""

    message: Sealed | None = None
    created_at: UtcDatetime | None = Field(default=None, alias="createTime")


class Registration(Resource):
    """Data, files and reviewers' messages of an order."""

    request_details: Annotated[Secret[dict[str, Any]], BeforeValidator(_plain)] | None = None
    attachments: tuple[Attachment, ...] = ()
    logs: tuple[RegistrationLog, ...] = ()
    """Oldest first."""

    @model_validator(mode="before")
    @classmethod
    def _data_at_the_top(cls, value: Any) -> Any:
        # The older form of the reply (docs/vendor/numbers-behaviour.md §10, "Shape drift").
        if isinstance(value, dict) and not value.get("requestDetails") and value.get("data"):
            return {**value, "requestDetails": {"data": value["data"]}}
        return value

    @property
    def reasons(self) -> tuple[str, ...]:
        """What reviewers wrote, oldest first, without the data and file names of the registration.

        An old message may quote data from before a correction, which is not known here. So show
        only the newest ones (`reasons_after`).
        """
        return self.reasons_after(0)

    def reasons_after(self, count: int) -> tuple[str, ...]:
        """`reasons` without the first `count` messages, which were written about earlier data."""
        data = personal.unseal(self.request_details)
        files = [str(personal.unseal(each.file_name) or "") for each in self.attachments]
        hidden = personal.texts([data, files, [name.rpartition(".")[0] for name in files]])
        written = [log.message.get_secret_value() for log in self.logs[count:] if log.message]
        return tuple(personal.blot(message, hidden) for message in written)


class NumberOrderRequest(NewLinks):
    """Body of a new order: one `phone_number`, or a `quantity`. It costs at once."""

    region_code: str
    number_type: str
    phone_number: str | None = None
    quantity: int | None = Field(default=None, ge=1, le=QUANTITY_MAX)
    sequential: bool | None = None
    pattern: str | None = None
    search_pattern: SearchPattern | None = None
    capabilities: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.phone_number is None) == (self.quantity is None):
            raise ValueError("an order takes exactly one of phone_number and quantity")
        criteria = (self.sequential, self.pattern, self.search_pattern, self.capabilities or None)
        if self.phone_number is not None and any(each is not None for each in criteria):
            raise ValueError(
                "sequential, pattern, search_pattern and capabilities go with quantity"
            )
        if (self.pattern is None) != (self.search_pattern is None):
            raise ValueError("pattern and search_pattern go together")
        return self

    def to_wire(self) -> dict[str, Any]:
        """The JSON object to send, with the criteria nested under the kind of order."""
        wire = super().to_wire()
        criteria = {
            name: wire.pop(name, None)
            for name in (
                "phoneNumber",
                "quantity",
                "sequential",
                "pattern",
                "searchPattern",
                "capabilities",
            )
        }
        if self.phone_number is not None:
            wire["numberOrderOption"] = {"phoneNumbers": [criteria["phoneNumber"]]}
            return wire
        option: dict[str, Any] = {"requestedQuantity": criteria["quantity"]}
        if criteria["sequential"] is not None:
            option["sequential"] = criteria["sequential"]
        if criteria["pattern"] is not None:
            option["numberPattern"] = {
                "pattern": criteria["pattern"],
                "searchPattern": criteria["searchPattern"],
            }
        if criteria["capabilities"]:
            option["capabilities"] = criteria["capabilities"]
        wire["quantityOrderOption"] = option
        return wire
