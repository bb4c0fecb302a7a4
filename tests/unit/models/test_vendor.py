"""The vendor's resources as we read them."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.samples import load

from numberflow.client.protocol import parse_json
from numberflow.models import (
    ActiveNumber,
    ActiveNumbersPage,
    AvailableNumber,
    CallbackConfiguration,
    Money,
    NumberType,
    ProvisioningStatus,
    RentAnyRequest,
    RentRequest,
    SmsSettings,
    UpdateRequest,
    VoiceConfiguration,
    VoiceSettings,
    VoiceType,
)

LIVE: dict[str, Any] = json.loads(load("rent_200").body)


def usd(amount: str) -> Money:
    """`amount` US dollars."""
    return Money(currency_code="USD", amount=Decimal(amount))


def test_live_number() -> None:
    """The reply recorded live is read completely.

    Empty texts are None, the waiting job is there, the price is exact.
    """
    number = ActiveNumber.model_validate(LIVE)
    assert (
        ActiveNumber(
            phone_number="+13075550142",
            project_id="6f0c2b7e-1d34-4a58-9e0b-2f7c8d915a10",
            region_code="US",
            number_type=NumberType.LOCAL,
            capabilities=("SMS", "VOICE"),
            money=usd("0.50"),
            next_charge_at=datetime(2026, 3, 3, 10, 15, 29, 481516, tzinfo=UTC),
            sms_configuration={},
            voice_configuration=VoiceConfiguration(
                type=VoiceType.RTC,
                scheduled_voice_provisioning={
                    "type": "RTC",
                    "app_id": "2f6b8c1e-0a57-4d3c-9b6e-1c0f7a5d4e21",
                    "status": ProvisioningStatus.WAITING,
                    "last_updated_at": datetime(2026, 2, 3, 10, 15, 29, 954535, tzinfo=UTC),
                },
            ),
            callback_url="https://hooks.example.test/sinch/numbers",
        )
        == number
    )
    assert number.unreadable == ()


def test_json_round_trip() -> None:
    """A number that is stored as JSON, by our names or the vendor's, comes back equal."""
    for sample in ("rent_200", "active_sms_failed_200"):
        number = ActiveNumber.model_validate(json.loads(load(sample).body))
        assert number == ActiveNumber.model_validate_json(number.model_dump_json())
        assert number == ActiveNumber.model_validate_json(number.model_dump_json(by_alias=True))


def test_unknown_values_are_kept() -> None:
    """Values that no enum lists are kept, and members that nobody knows are ignored."""
    read = ActiveNumber.model_validate(
        {**LIVE, "type": "SATELLITE", "capability": ["SMS", "SMELL"], "color": {"a": 1}}
    )
    assert (read.number_type, read.capabilities, read.unreadable) == (
        "SATELLITE",
        ("SMS", "SMELL"),
        (),
    )
    failed = ActiveNumber.model_validate(json.loads(load("active_sms_failed_200").body))
    assert failed.sms_configuration is not None
    assert failed.sms_configuration.scheduled_provisioning is not None
    assert failed.sms_configuration.scheduled_provisioning.error_codes == (
        "EXCEEDED_10DLC_LIMIT",
        "CODE_OF_TOMORROW",
    )


@pytest.mark.parametrize("nothing", [None, "", ...])
def test_null_empty_and_absent_mean_nothing(nothing: Any) -> None:
    """Null, an empty string and an absent member are the same: None, or () for lists."""
    members = (
        {}
        if nothing is ...
        else dict.fromkeys([name for name in LIVE if name != "phoneNumber"], nothing)
    )
    assert ActiveNumber(phone_number="+13075550142") == ActiveNumber.model_validate(
        {"phoneNumber": "+13075550142", **members}
    )


MEMBERS = sorted(set(LIVE) - {"phoneNumber"})


@pytest.mark.parametrize("member", MEMBERS)
def test_one_bad_member_does_not_lose_the_number(member: str) -> None:
    """A member that cannot be read is taken as nothing and named; all others are as they were."""
    read = ActiveNumber.model_validate(
        {**LIVE, member: {"phoneNumber": ["?"]} if member != "smsConfiguration" else 5}
    )
    without = ActiveNumber.model_validate(
        {name: value for name, value in LIVE.items() if name != member}
    )
    if (
        member == "voiceConfiguration"
    ):  # an object is an object: without any member that we know it is an empty configuration
        without = without.model_copy(update={"voice_configuration": VoiceConfiguration()})
        assert without == read
    else:
        assert without.model_copy(update={"unreadable": (member,)}) == read


def test_unreadable_member_deep_inside() -> None:
    """A job that cannot be read is named where it stands: nobody can take it for "no job"."""
    read = ActiveNumber.model_validate(
        {**LIVE, "smsConfiguration": {"servicePlanId": "p", "scheduledProvisioning": "?"}}
    )
    assert read.sms_configuration is not None
    assert (
        read.sms_configuration.service_plan_id,
        read.sms_configuration.unreadable,
    ) == ("p", ("scheduledProvisioning",))


@pytest.mark.parametrize(
    "value", [{}, {"phoneNumber": None}, {"phoneNumber": ""}, {"phoneNumber": []}, None, [], "x", 5]
)
def test_a_number_needs_its_phone_number(value: Any) -> None:
    """Without a phone number there is no number."""
    for model in (ActiveNumber, AvailableNumber):
        with pytest.raises(ValidationError):
            model.model_validate(value)


@given(
    st.dictionaries(
        st.text(string.ascii_letters + "_", max_size=20).filter(
            lambda name: name not in LIVE and name not in ActiveNumber.model_fields
        ),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
        max_size=5,
    )
)
def test_extra_junk(junk: dict[str, Any]) -> None:
    """Any valid number with any further members reads like the number without them."""
    assert ActiveNumber.model_validate(LIVE) == ActiveNumber.model_validate({**LIVE, **junk})


@given(
    st.dictionaries(
        st.sampled_from(MEMBERS),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text()),
    )
)
def test_wrong_members(wrong: dict[str, Any]) -> None:
    """Whatever stands in the other members, the number itself is read."""
    assert ActiveNumber.model_validate({**LIVE, **wrong}).phone_number == "+13075550142"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-03-03T10:15:29.481516Z", datetime(2026, 3, 3, 10, 15, 29, 481516, tzinfo=UTC)),
        ("2026-03-03T10:15:29.481516999", datetime(2026, 3, 3, 10, 15, 29, 481516, tzinfo=UTC)),
        ("2026-03-03T10:15:29.481516999Z", datetime(2026, 3, 3, 10, 15, 29, 481516, tzinfo=UTC)),
        ("2026-03-03T10:15:29.1", datetime(2026, 3, 3, 10, 15, 29, 100000, tzinfo=UTC)),
        ("2026-03-03T10:15:29", datetime(2026, 3, 3, 10, 15, 29, tzinfo=UTC)),
        ("2026-03-03T10:15:29+02:00", datetime(2026, 3, 3, 8, 15, 29, tzinfo=UTC)),
    ],
)
def test_times(text: str, when: datetime) -> None:
    """Times of every form the vendor writes are aware UTC, cut to microseconds."""
    read = ActiveNumber(phone_number="+13075550142", expire_at=text).expire_at
    assert when == read
    assert read is not None
    assert timedelta(0) == read.utcoffset()


@pytest.mark.parametrize(
    "text", ["soon", "2026-13-01T00:00:00Z", 1770114930, "9999-12-31T23:59:59-01:00", True]
)
def test_what_is_no_time(text: Any) -> None:
    """What is not written as a time is unreadable, bare numbers included."""
    read = ActiveNumber.model_validate({"phoneNumber": "+13075550142", "expireAt": text})
    assert (read.expire_at, read.unreadable) == (None, ("expireAt",))


@pytest.mark.parametrize(
    ("months", "read"), [(0, 1), (1, 1), (12, 12), ("3", 3), (None, 1), (-1, 1)]
)
def test_payment_interval(months: Any, read: int) -> None:
    """An interval of 0 months, or none, is one month (assumed)."""
    for model in (ActiveNumber, AvailableNumber):
        number = model.model_validate(
            {"phoneNumber": "+13075550142", "paymentIntervalMonths": months}
        )
        assert read == number.payment_interval_months


@pytest.mark.parametrize(
    ("wire", "amount"),
    [
        (b'"0.50"', "0.50"),
        (b"0.10", "0.10"),
        (b"2", "2"),
        (b'"-1.5"', "-1.5"),
        (b'"007.00"', "7.00"),
    ],
)
def test_amounts(wire: bytes, amount: str) -> None:
    """Amounts are exact, whether they are text or numbers on the wire."""
    read = Money.model_validate(parse_json(b'{"currencyCode": "USD", "amount": ' + wire + b"}"))
    assert amount == str(read.amount)


@pytest.mark.parametrize(
    "amount",
    [
        0.1,
        True,
        "0,50",
        "1_000",
        "1e5",
        " 1",
        "",
        "NaN",
        "1e999999999",
        Decimal("Infinity"),
        Decimal("1e40"),
        [],
        None,
    ],
)
def test_what_is_no_amount(amount: Any) -> None:
    """Binary floats, exponents and local spellings are no amounts.

    As a member they leave the price unreadable.
    """
    with pytest.raises(ValidationError):
        Money(currency_code="USD", amount=amount)
    price = {"currencyCode": "USD", "amount": amount}
    read = AvailableNumber.model_validate({"phoneNumber": "+13075550142", "monthlyPrice": price})
    assert (read.monthly_price, read.unreadable) == (None, ("monthlyPrice",))


def test_money_arithmetic() -> None:
    """Money adds, multiplies by whole numbers and compares, exactly."""
    assert usd("0.30") == usd("0.10") + usd("0.20")
    assert usd("1.50") == usd("0.50") * 3 == 3 * usd("0.50")
    assert [
        usd("1") < usd("2"), usd("1.0") <= usd("1"), usd("1") > usd("2"), usd("1") >= usd("2")
    ] == [True, True, False, False]  # fmt: skip
    assert usd("1.0") == usd("1.00")
    assert str(usd("0.50")) == "0.50 USD"


@pytest.mark.parametrize("times", [1.5, True, "2"])
def test_money_times_something_else(times: Any) -> None:
    """Money is multiplied by whole numbers only."""
    with pytest.raises(TypeError):
        usd("1") * times


@pytest.mark.parametrize("operator", ["__add__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_currencies_do_not_mix(operator: str) -> None:
    """Two currencies neither add nor compare."""
    with pytest.raises(ValueError, match="USD and EUR"):
        getattr(usd("1"), operator)(Money(currency_code="EUR", amount=Decimal(1)))


def test_page() -> None:
    """A page has its numbers and its token; the last one has none."""
    page = ActiveNumbersPage.model_validate(json.loads(load("active_page_200").body))
    assert (len(page.active_numbers), page.next_page_token, page.total_size) == (2, "a+b/c==", 3)
    last = ActiveNumbersPage.model_validate(json.loads(load("active_last_page_200").body))
    assert (last.active_numbers, last.next_page_token, last.total_size) == ((), None, 0)
    assert ActiveNumbersPage() == ActiveNumbersPage.model_validate(
        {"activeNumbers": None, "nextPageToken": None}
    )


def test_callback_secret_is_sealed() -> None:
    """The signing secret does not show in repr or JSON, whatever characters it has."""
    read = CallbackConfiguration.model_validate(
        {"projectId": "p", "hmacSecret": "a secret, with commas"}
    )
    assert read.hmac_secret is not None
    assert read.hmac_secret.get_secret_value() == "a secret, with commas"
    assert ["commas" in text for text in (repr(read), str(read), read.model_dump_json())] == [
        False
    ] * 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "RTC", "trunk_id": "t"},
        {"type": "EST", "app_id": "a"},
        {"type": "FAX"},
        {},
        {"app_id": "a", "service_id": "s"},
        {"type": "SIP", "app_id": "a"},
        {"app": "a"},
    ],
)
def test_voice_settings_need_their_id(wrong: dict[str, str]) -> None:
    """Voice settings carry exactly the id of their type."""
    with pytest.raises(ValidationError):
        VoiceSettings(**wrong)


@pytest.mark.parametrize(
    ("settings", "wire"),
    [
        (VoiceSettings(app_id="a"), {"type": "RTC", "appId": "a"}),
        (VoiceSettings(type="EST", trunk_id="t"), {"type": "EST", "trunkId": "t"}),
        (VoiceSettings(type="FAX", service_id=""), {"type": "FAX", "serviceId": ""}),
        (
            SmsSettings(service_plan_id="p", campaign_id=""),
            {"servicePlanId": "p", "campaignId": ""},
        ),
    ],
)
def test_settings_on_the_wire(settings: VoiceSettings | SmsSettings, wire: dict[str, str]) -> None:
    """Settings are sent with the wire names, and empty ids are sent."""
    assert wire == settings.to_wire()


def test_nothing_to_unlink_at_a_rent() -> None:
    """A rent takes no empty ids, an update does."""
    for links in ({"sms": SmsSettings(service_plan_id="")}, {"voice": VoiceSettings(app_id="")}):
        with pytest.raises(ValidationError):
            RentRequest(**links)
        with pytest.raises(ValidationError):
            RentAnyRequest(region_code="US", number_type="LOCAL", **links)
        assert UpdateRequest(**links).to_wire()


def test_pattern_of_rent_any_goes_with_its_place() -> None:
    """RentAny takes pattern and search_pattern together or not at all."""
    for half in ({"pattern": "+1"}, {"search_pattern": "START"}):
        with pytest.raises(ValidationError):
            RentAnyRequest(region_code="US", number_type="LOCAL", **half)


def test_frozen() -> None:
    """Resources and requests cannot be changed, and a misspelt member of a request is refused."""
    for value, member in (
        (ActiveNumber.model_validate(LIVE), "expire_at"),
        (RentRequest(), "sms"),
        (usd("1"), "amount"),
    ):
        with pytest.raises(ValidationError):
            setattr(value, member, None)
    with pytest.raises(ValidationError):
        RentRequest.model_validate({"callbackurl": "x"})
