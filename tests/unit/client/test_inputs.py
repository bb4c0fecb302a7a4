"""Values from the caller, and the requests that are built from them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from numberflow.client import (
    active_numbers,
    available_numbers,
    callback_configuration,
    inputs,
    regions,
)
from numberflow.errors import BadInput
from numberflow.models import RentAnyRequest, RentRequest, SmsSettings, UpdateRequest, VoiceSettings

NUMBER = "+13075550142"


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: available_numbers.build_get("p", "13075550142"), "phone_number"),
        (lambda: available_numbers.build_get("p", "+1307555014x"), "phone_number"),
        (lambda: available_numbers.build_rent("p", "+0123456", RentRequest()), "phone_number"),
        (lambda: active_numbers.build_release("p", f"{NUMBER}\n"), "phone_number"),
        (
            lambda: active_numbers.build_update("p", "../x", UpdateRequest(display_name="x")),
            "phone_number",
        ),
        (lambda: active_numbers.build_update("p", NUMBER, UpdateRequest()), "request"),
        (
            lambda: available_numbers.build_search("p", region_code="us", number_type="LOCAL"),
            "region_code",
        ),
        (
            lambda: available_numbers.build_search("p", region_code="US", number_type="local"),
            "number_type",
        ),
        (lambda: active_numbers.build_list_page("p", capabilities=("sms",)), "capabilities"),
        (lambda: active_numbers.build_list_page("p", capabilities="SMS"), "capabilities"),
        (lambda: active_numbers.build_list_page("p", page_size=0), "page_size"),
        (lambda: active_numbers.build_list_page("p", order_by="name"), "order_by"),
        (
            lambda: available_numbers.build_search(
                "p", region_code="US", number_type="LOCAL", size=-1
            ),
            "size",
        ),
        (lambda: inputs.number_pattern("212", "START"), "pattern"),
        (lambda: inputs.number_pattern(None, "START"), "pattern"),
        (lambda: inputs.number_pattern("212", "MIDDLE"), "search_pattern"),
        (lambda: regions.build_list("p", types=["LOCAL", ""]), "types"),
    ],
)
def test_bad_input(build: Any, field: str) -> None:
    """A value that cannot work names its field and a fix before anything is built."""
    with pytest.raises(BadInput) as caught:
        build()
    assert (field, True) == (caught.value.field, bool(caught.value.remedy))


@pytest.mark.parametrize(
    ("pattern", "search_pattern", "sent"),
    [
        (None, None, (None, None)),
        ("", None, (None, None)),
        ("+1307", None, ("+1307", "START")),
        ("307", None, ("307", "CONTAINS")),
        ("307", "END", ("307", "END")),
        ("+1307", "START", ("+1307", "START")),
    ],
)
def test_number_pattern(
    pattern: str | None, search_pattern: str | None, sent: tuple[str | None, str | None]
) -> None:
    """A pattern never leaves without the place where it has to match."""
    assert sent == inputs.number_pattern(pattern, search_pattern)


@pytest.mark.parametrize("secret", ["short", "x" * 65, "x" * 31 + "!", ""])
def test_bad_hmac_secret(secret: str) -> None:
    """A secret that the vendor would refuse is refused here, and not shown."""
    with pytest.raises(BadInput) as caught:
        callback_configuration.build_update("p", SecretStr(secret))
    assert not secret or secret not in str(caught.value) + str(vars(caught.value))


def test_search_names() -> None:
    """Searching says capabilities and size on the wire."""
    request = available_numbers.build_search(
        "p",
        region_code="US",
        number_type="LOCAL",
        pattern="+1307",
        capabilities=["SMS", "VOICE"],
        size=5,
    )
    assert request.query == (
        ("regionCode", "US"),
        ("type", "LOCAL"),
        ("numberPattern.pattern", "+1307"),
        ("numberPattern.searchPattern", "START"),
        ("capabilities", "SMS"),
        ("capabilities", "VOICE"),
        ("size", "5"),
    )


def test_list_names() -> None:
    """Listing says capability and pageSize on the wire."""
    request = active_numbers.build_list_page(
        "p",
        region_code="US",
        number_type="LOCAL",
        capabilities=["SMS"],
        page_token="t",
        order_by="displayName",
    )
    assert request.query == (
        ("regionCode", "US"),
        ("type", "LOCAL"),
        ("capability", "SMS"),
        ("pageSize", "100"),
        ("pageToken", "t"),
        ("orderBy", "displayName"),
    )


def test_project_is_encoded() -> None:
    """A project id cannot break out of its place in the path."""
    assert regions.build_list("../other?").path == "/v1/projects/..%2Fother%3F/availableRegions"


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (RentRequest(), {}),
        (
            RentRequest(
                sms=SmsSettings(service_plan_id="plan"),
                voice=VoiceSettings(type="EST", trunk_id="trunk"),
                callback_url="https://x.test",
            ),
            {
                "smsConfiguration": {"servicePlanId": "plan"},
                "voiceConfiguration": {"type": "EST", "trunkId": "trunk"},
                "callbackUrl": "https://x.test",
            },
        ),
    ],
)
def test_rent_body(request_: RentRequest, body: dict[str, Any]) -> None:
    """A rent sends what is set and nothing else."""
    built = available_numbers.build_rent("p", NUMBER, request_)
    assert (body, True, NUMBER) == (json.loads(built.body or b""), built.costly, built.phone_number)


def test_rent_any_body() -> None:
    """RentAny nests the pattern and leaves out an empty list of capabilities."""
    plain = RentAnyRequest(region_code="US", number_type="LOCAL")
    full = RentAnyRequest(
        region_code="US",
        number_type="LOCAL",
        pattern="+1307",
        search_pattern="START",
        capabilities=("SMS",),
    )
    bodies = [
        json.loads(available_numbers.build_rent_any("p", each).body or b"")
        for each in (plain, full)
    ]
    assert bodies == [
        {"regionCode": "US", "type": "LOCAL"},
        {
            "regionCode": "US",
            "type": "LOCAL",
            "numberPattern": {"pattern": "+1307", "searchPattern": "START"},
            "capabilities": ["SMS"],
        },
    ]


def test_update_tells_empty_from_absent() -> None:
    """An empty string is sent, because it unlinks; what is None is left out."""
    request = UpdateRequest(sms=SmsSettings(service_plan_id="", campaign_id=""), display_name="")
    body = json.loads(active_numbers.build_update("p", NUMBER, request).body or b"")
    assert body == {"smsConfiguration": {"servicePlanId": "", "campaignId": ""}, "displayName": ""}
