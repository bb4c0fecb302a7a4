"""Hosting orders as we read them, and the letters that we send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from support.samples import load

from numberflow.models.hosting import (
    BlanketLoa,
    CampaignProvisioning,
    DirectLoa,
    HostingOrder,
    HostingOrderNumber,
    HostingOrderNumbersPage,
    HostingOrderReport,
    HostingOrdersPage,
    HostingOrderState,
    HostingOrderType,
    ImportNumbersRequest,
    OsrUpdate,
    PlatformProvisioning,
    ResellerLoa,
    Signer,
    SignerAddress,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)
from numberflow.models.imported import CarrierState, StepState
from numberflow.models.personal import unseal

ORDER_ID = "01arz3nhyrtsv4rrffq69g5fav"
PLAN = "07d6c2621f364b68856fe4938b7bb78f"
PERSON = {"firstName": "Ada", "lastName": "Example", "email": "ada@example.test"}
ADDRESS = {
    "buildingNumber": "10",
    "street": "Sample Road",
    "city": "Springfield",
    "state": "IL",
    "postalCode": "62701",
    "country": "US",
}
SIGNER = Signer(first_name="Ada", last_name="Example", email="ada@example.test")
WHERE = SignerAddress(
    building_number="10",
    street="Sample Road",
    city="Springfield",
    state="IL",
    postal_code="62701",
    country="US",
)
DIRECT = DirectLoa(authorised_person=SIGNER, address=WHERE, current_voice_carrier="Example Telco")
RESELLER = ResellerLoa(
    business_name="Wombat Bakery",
    authorised_person=SIGNER,
    address=WHERE,
    current_voice_carrier="Example Telco",
)
LETTER = {"authorisedPerson": PERSON, "address": ADDRESS, "currentVoiceCarrier": "Example Telco"}
LEAST = {"region_code": "US", "numbers": ("+17724295286",), "service_plan_id": PLAN}
LEAST_WIRE = {"regionCode": "US", "numbers": ["+17724295286"], "servicePlanId": PLAN}


def body(name: str) -> Any:
    """The recorded reply."""
    return json.loads(load(name, "imported").body)


def test_text_enable_order() -> None:
    """The published order is read, with its letter, and the letter does not show."""
    read = HostingOrder.model_validate(body("order_text_enable_200"))
    assert (
        ORDER_ID,
        HostingOrderState.SUBMITTED,
        HostingOrderType.TEXT_ENABLE,
        datetime(2026, 1, 8, 6, tzinfo=UTC),
    ) == (
        read.hosting_order_id,
        read.state,
        read.order_type,
        read.scheduled_osr_update_at,
    )
    assert read.text_enable_info is not None
    assert {
        **LETTER,
        "serviceProvider": "Sinch America Inc.",
        "nnid": "104029",
        "loaType": "DIRECT",
    } == unseal(read.text_enable_info)
    shown = repr(read) + str(read.model_dump()) + read.model_dump_json()
    assert [False] * 5 == [text in shown for text in ("Ada", "ada@", "Sample", "62701", "Telco")]


def test_both_names_of_the_letter() -> None:
    """The letter is read under either of its names, and its kind in either case."""
    assert HostingOrder.model_validate(
        body("order_text_enable_200")
    ) == HostingOrder.model_validate(body("order_other_name_200"))


def test_import_order() -> None:
    """An import order is read; the odd member of the sample is ignored."""
    read = HostingOrder.model_validate(body("order_import_200"))
    assert (HostingOrderType.IMPORT, True, None, ()) == (
        read.order_type,
        read.migrate_to_sinch_tmo,
        read.text_enable_info,
        read.unreadable,
    )


@given(
    st.dictionaries(
        st.sampled_from(sorted(set(body("order_text_enable_200")) - {"hostingOrderId"})),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text()),
    )
)
def test_an_order_keeps_its_id(wrong: dict[str, Any]) -> None:
    """Whatever stands in the other members, the order id is read."""
    assert (
        HostingOrder.model_validate({**body("order_text_enable_200"), **wrong}).hosting_order_id
        == ORDER_ID
    )


def test_order_number() -> None:
    """The progress of one number is read, step by step."""
    number = HostingOrderNumber(
        phone_number="+17724295286",
        project_id="d1923022-5199-4bb3-a513-c47b3a656bc5",
        hosting_order_id=ORDER_ID,
        osr_update=OsrUpdate(nnid="104029", state=StepState.DONE),
        platform_provisioning=PlatformProvisioning(service_plan_id=PLAN, state=StepState.DONE),
        campaign_provisioning=CampaignProvisioning(campaign_id="C3O8OGA", state=StepState.FAILED),
        sms_tmo=CarrierState(
            state=StepState.FAILED,
            error_code="60135",
            error_message="held by another aggregator",
            updated_at=datetime(2026, 1, 6, 9, tzinfo=UTC),
        ),
    )
    assert number == HostingOrderNumber.model_validate(body("order_number_200"))
    assert HostingOrderNumbersPage(
        numbers=(number,), total_size=1
    ) == HostingOrderNumbersPage.model_validate(body("order_numbers_page_200"))


def test_pages() -> None:
    """A page of orders never silently loses an entry."""
    assert [ORDER_ID] == [
        order.hosting_order_id
        for order in HostingOrdersPage.model_validate(body("orders_page_200")).hosting_orders
    ]
    with pytest.raises(ValidationError):
        HostingOrdersPage.model_validate({"hostingOrders": [{"state": "SUBMITTED"}]})


def test_report() -> None:
    """A counter that is not there is not zero."""
    assert HostingOrderReport(
        total=2, osr_updated=2, sms_provisioned=2, added_to_campaign=1, ongoing_manual_action=None
    ) == HostingOrderReport.model_validate(body("report_200"))


SOON = datetime(2026, 1, 8, 7, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (TextEnableRequest(**LEAST, loa=DIRECT), {"directLoaInfo": LETTER}),
        (
            TextEnableRequest(**LEAST, loa=RESELLER),
            {"resellerLoaInfo": {"businessName": "Wombat Bakery", **LETTER}},
        ),
        (TextEnableRequest(**LEAST, loa=BlanketLoa()), {"blanketLoaInfo": {}}),
        (
            TextEnableRequest(
                **LEAST,
                loa=BlanketLoa(),
                campaign_id="C3O8OGA",
                nnid="104029",
                display_name="token",
                callback_url="https://callbacks.example.test/x",
                scheduled_osr_update_at=SOON,
            ),
            {
                "campaignId": "C3O8OGA",
                "nnid": "104029",
                "displayName": "token",
                "callbackUrl": "https://callbacks.example.test/x",
                "scheduledOsrUpdateTime": "2026-01-08T06:00:00Z",
                "blanketLoaInfo": {},
            },
        ),
        (TextEnableTollFreeRequest(**LEAST, loa=DIRECT), {"directLoaInfo": LETTER}),
        (
            TextEnableTollFreeRequest(**LEAST, loa=RESELLER, scheduled_provisioning_at=SOON),
            {
                "resellerLoaInfo": {"businessName": "Wombat Bakery", **LETTER},
                "scheduledZipwhipProvisioningTime": "2026-01-08T06:00:00Z",
            },
        ),
    ],
)
def test_text_enable_on_the_wire(request_: TextEnableRequest, wire: dict[str, Any]) -> None:
    """Exactly one letter leaves, unsealed and under the name of its kind; times leave in UTC.

    And nothing of the letter shows in the request.
    """
    assert {**LEAST_WIRE, **wire} == request_.to_wire()
    shown = repr(request_) + str(request_.model_dump()) + request_.model_dump_json()
    assert [False] * 4 == [text in shown for text in ("Ada", "ada@", "Sample Road", "Wombat")]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        (TextEnableRequest, {}),
        (TextEnableRequest, {"loa": {}}),
        (TextEnableRequest, {"loa": {"kind": "none"}}),
        (TextEnableRequest, {"loa": {"kind": "direct"}}),
        (TextEnableRequest, {"loa": {"kind": "blanket", "business_name": "x"}}),
        (TextEnableRequest, {"loa": BlanketLoa(), "nnid": "12345"}),
        (TextEnableRequest, {"loa": BlanketLoa(), "campaign_id": ""}),
        (TextEnableRequest, {"loa": BlanketLoa(), "migrate_to_sinch_tmo": True}),
        (TextEnableRequest, {"loa": BlanketLoa(), "scheduled_osr_update_at": datetime(2026, 1, 8)}),  # noqa: DTZ001
        (TextEnableTollFreeRequest, {"loa": BlanketLoa()}),
        (TextEnableTollFreeRequest, {"loa": DIRECT, "campaign_id": "C"}),
    ],
)
def test_impossible_text_enables(model: Any, more: dict[str, Any]) -> None:
    """An order needs one letter of a kind that it takes, said by name.

    An empty object is no blanket letter; times need a zone.
    """
    with pytest.raises(ValidationError):
        model(**LEAST, **more)


def test_letters_from_a_file() -> None:
    """A letter that is read from a file, by our names or the vendor's, is the letter of the kind
    that it names.
    """
    letters: TypeAdapter[Any] = TypeAdapter(
        TextEnableRequest.model_fields["loa"].rebuild_annotation()
    )
    assert DIRECT == letters.validate_python({"kind": "direct", **LETTER})
    assert RESELLER == letters.validate_python(
        {"kind": "reseller", "businessName": "Wombat Bakery", **LETTER}
    )
    assert BlanketLoa() == letters.validate_python({"kind": "blanket"})


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@example", "ada@@example.test", "ada example@x.test", "a@b.test\n"]
)
def test_slips_in_an_email(email: str) -> None:
    """A slip in the signer's e-mail is noticed before it costs an order, and not shown."""
    with pytest.raises(ValidationError) as caught:
        Signer(first_name="Ada", last_name="Example", email=email)
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"street": " "}, {"country": "USA"}, {"country": "us"}, {"postal_code": None}, {"zip": "1"}],
)
def test_slips_in_an_address(wrong: dict[str, Any]) -> None:
    """Every part of the address is there, its country is US and not USA, and an error does not show
    the rest.
    """
    parts = {name: text.get_secret_value() for name, text in WHERE}
    with pytest.raises(ValidationError) as caught:
        SignerAddress(**{**parts, **wrong})
    assert "Sample Road" not in str(caught.value)


def test_import_on_the_wire() -> None:
    """An import order sends what was given; the move between aggregators is an input here."""
    request = ImportNumbersRequest(**LEAST, display_name="token", migrate_to_sinch_tmo=True)
    assert {**LEAST_WIRE, "displayName": "token", "migrateToSinchTmo": True} == request.to_wire()
    for wrong in ({"service_plan_id": ""}, {"campaign_id": ""}):
        with pytest.raises(ValidationError):
            ImportNumbersRequest(**{**LEAST, **wrong})
