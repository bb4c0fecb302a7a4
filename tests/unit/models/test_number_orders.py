"""Number orders as we read them, and the bodies that we send."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.samples import load

from numberflow.client.protocol import parse_json
from numberflow.models import Money, SmsSettings, VoiceSettings
from numberflow.models.number_orders import (
    NumberOrder,
    NumberOrderRequest,
    NumberOrderState,
    NumberPrice,
    NumberRequirements,
    OrderNumber,
    Registration,
    UploadStatus,
)

ORDER_ID = "01k0q7b2m4x8d6r5s9t3v1w0yz"
ORDER: dict[str, Any] = json.loads(load("order_created_200").body)
REGISTRATION: dict[str, Any] = json.loads(load("registration_200").body)
ONE_USD = Money(currency_code="USD", amount=Decimal("1.00"))


def test_order() -> None:
    """The published order is read completely."""
    price = NumberPrice(setup_price=ONE_USD, monthly_price=ONE_USD, payment_interval_months=1)
    number = OrderNumber(phone_number="+61491570156", number_price=price, capabilities=("SMS",))
    read = NumberOrder.model_validate(ORDER)
    assert (
        NumberOrder(
            order_id=ORDER_ID,
            project_id="6f0c2b7e-1d34-4a58-9e0b-2f7c8d915a10",
            region_code="AU",
            number_type="MOBILE",
            state=NumberOrderState.CREATED,
            order_numbers=(number,),
            sms_configuration={"servicePlanId": "plan-0001"},
            expire_at=datetime(2026, 2, 5, 10, 15, 30, tzinfo=UTC),
            created_at=datetime(2026, 2, 3, 10, 15, 30, tzinfo=UTC),
            updated_at=datetime(2026, 2, 3, 10, 15, 30, tzinfo=UTC),
        )
        == read
    )
    assert read == NumberOrder.model_validate_json(read.model_dump_json(by_alias=True))


def test_older_name_of_capabilities() -> None:
    """An order number with the older `capability` is read too; the present name wins."""
    assert OrderNumber.model_validate(
        {"phoneNumber": "+1", "capability": ["SMS"]}
    ).capabilities == ("SMS",)
    both = {"phoneNumber": "+1", "capability": ["SMS"], "capabilities": ["VOICE"]}
    assert OrderNumber.model_validate(both).capabilities == ("VOICE",)


MEMBERS = sorted(set(ORDER) - {"idNumberOrder"})
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text() | st.integers())
    | st.dictionaries(st.text(), st.text())
)


@given(st.dictionaries(st.sampled_from([*MEMBERS, "somethingNew"]), ANYTHING))
def test_an_order_keeps_its_id(wrong: dict[str, Any]) -> None:
    """Whatever stands in the other members, the order id is read.

    Orders cannot be listed, so it must not be lost.
    """
    assert NumberOrder.model_validate({**ORDER, **wrong}).order_id == ORDER_ID


@pytest.mark.parametrize("member", MEMBERS)
def test_unreadable_members_are_named(member: str) -> None:
    """A member that cannot be read is nothing, and is named."""
    wrong: Any = 5 if member.endswith("Configuration") else {"phoneNumber": ["?"]}
    assert NumberOrder.model_validate({**ORDER, member: wrong}).unreadable == (member,)


@pytest.mark.parametrize(
    "value", [{}, {"idNumberOrder": None}, {"idNumberOrder": ""}, {"state": "CREATED"}, [], None]
)
def test_an_order_needs_its_id(value: Any) -> None:
    """Without an id there is no order."""
    with pytest.raises(ValidationError):
        NumberOrder.model_validate(value)


def test_requirements_are_passed_through() -> None:
    """The form comes out as it came in, nulls, empty texts and numbers included, also as JSON."""
    body = load("requirements_200").body
    read = NumberRequirements.model_validate(parse_json(body))
    fields = json.loads(body)["fields"]
    assert fields == read.fields
    assert fields == json.loads(read.model_dump_json())["fields"]
    (attachment,) = read.attachments
    assert (
        "5b1f9a60-3c1d-4a77-8d2e-6a90c7e4b311",
        True,
        ("application/pdf",),
        (),
        "https://files.example.test/blank.pdf",
    ) == (
        attachment.attachment_id,
        attachment.mandatory,
        attachment.allowed_mime_types,
        attachment.allowed_document_types,
        attachment.template[0].url,
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e15, 1e15).map(lambda x: round(x, 3))
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_form_is_passed_through(fields: dict[str, Any]) -> None:
    """Whatever a form describes, it comes out as it came in."""
    assert (
        fields
        == NumberRequirements.model_validate(
            parse_json(json.dumps({"fields": fields}).encode())
        ).fields
    )


def test_registration() -> None:
    """Data, files and messages of a registration are read, and what is personal does not show."""
    read = Registration.model_validate(REGISTRATION)
    assert read.request_details is not None
    assert read.request_details.get_secret_value() == REGISTRATION["requestDetails"]
    (attachment,) = read.attachments
    assert attachment.file_name is not None
    assert (attachment.file_name.get_secret_value(), attachment.upload_status) == (
        "ada-example-register.pdf",
        UploadStatus.COMPLETED,
    )
    shown = repr(read) + str(read) + str(read.model_dump()) + read.model_dump_json()
    assert [False] * 4 == [
        text in shown for text in ("Ada", "Wombat", "61491570157", "ada-example")
    ]


def test_reasons_quote_nobody() -> None:
    """Reviewers' messages can be shown.

    What they quote from data and file names is blotted out, names of fields are not.
    """
    assert (
        "The extract of … is older than three months.",
        "lastName: ask … … for the full name; … is cut off",
    ) == Registration.model_validate(REGISTRATION).reasons
    assert Registration.model_validate(
        {"logs": [{"message": None}, {"message": "send more"}]}
    ).reasons == ("send more",)


@pytest.mark.parametrize("newest", [None, {}, ...])
def test_older_form_of_registration(newest: Any) -> None:
    """Data at the top level, as older documents have it, is read as request details.

    The newest form wins.
    """
    value = {"data": [1]} if newest is ... else {"data": [1], "requestDetails": newest}
    read = Registration.model_validate(value).request_details
    assert read is not None
    assert read.get_secret_value() == {"data": [1]}
    both = Registration.model_validate(
        {"data": [1], "requestDetails": {"data": [2]}}
    ).request_details
    assert both is not None
    assert both.get_secret_value() == {"data": [2]}


def test_unreadable_registration_shows_nothing() -> None:
    """Data that cannot be read is named, not shown.

    A registration that is none raises without its content.
    """
    assert Registration.model_validate(
        {"requestDetails": "Ada", "attachments": "Bob"}
    ).unreadable == (
        "attachments",
        "requestDetails",
    )
    with pytest.raises(ValidationError) as caught:
        Registration.model_validate("Ada Example")
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "wire"),
    [
        (
            {"phone_number": "+61491570156", "sms": SmsSettings(service_plan_id="p")},
            {
                "smsConfiguration": {"servicePlanId": "p"},
                "numberOrderOption": {"phoneNumbers": ["+61491570156"]},
            },
        ),
        ({"quantity": 3}, {"quantityOrderOption": {"requestedQuantity": 3}}),
        (
            {
                "quantity": 100,
                "sequential": False,
                "pattern": "+614",
                "search_pattern": "START",
                "capabilities": ("SMS", "VOICE"),
                "voice": VoiceSettings(type="EST", trunk_id="t"),
                "callback_url": "https://hooks.example.test/x",
            },
            {
                "voiceConfiguration": {"type": "EST", "trunkId": "t"},
                "callbackUrl": "https://hooks.example.test/x",
                "quantityOrderOption": {
                    "requestedQuantity": 100,
                    "sequential": False,
                    "numberPattern": {"pattern": "+614", "searchPattern": "START"},
                    "capabilities": ["SMS", "VOICE"],
                },
            },
        ),
    ],
)
def test_order_on_the_wire(wanted: dict[str, Any], wire: dict[str, Any]) -> None:
    """An order is sent as one given number or as a quantity with its criteria, and what was not
    asked for is left out.
    """
    request = NumberOrderRequest(region_code="AU", number_type="MOBILE", **wanted)
    assert {"regionCode": "AU", "numberType": "MOBILE", **wire} == request.to_wire()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"phone_number": "+61491570156", "quantity": 1},
        {"quantity": 0},
        {"quantity": 101},
        {"phone_number": "+61491570156", "sequential": False},
        {"phone_number": "+61491570156", "capabilities": ("SMS",)},
        {"phone_number": "+61491570156", "pattern": "1", "search_pattern": "END"},
        {"quantity": 1, "pattern": "1"},
        {"quantity": 1, "search_pattern": "END"},
        {"quantity": 1, "sms": SmsSettings(service_plan_id="")},
        {"quantity": 1, "phonenumber": "x"},
    ],
)
def test_impossible_orders(wrong: dict[str, Any]) -> None:
    """An order is one given number without criteria, or 1 to 100 by criteria; nothing else."""
    with pytest.raises(ValidationError):
        NumberOrderRequest(region_code="AU", number_type="MOBILE", **wrong)
