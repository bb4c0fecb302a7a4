"""Every request that the client can build is one that the contract knows."""

from __future__ import annotations

import asyncio
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from support.multipart import validate_form
from support.openapi import document, find_operation, validate_request, validate_response
from support.samples import load

from numberflow.client import (
    active_numbers,
    available_numbers,
    callback_configuration,
    emergency_addresses,
    hosting_orders,
    imported_numbers,
    number_orders,
    qualified_numbers,
    regions,
)
from numberflow.client.auth import build_token
from numberflow.client.multipart import FileSource, prepare
from numberflow.client.protocol import Request
from numberflow.models import RentAnyRequest, RentRequest, SmsSettings, UpdateRequest, VoiceSettings
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.hosting import (
    BlanketLoa,
    DirectLoa,
    HostingOrderState,
    HostingOrderType,
    ImportNumbersRequest,
    ResellerLoa,
    Signer,
    SignerAddress,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)
from numberflow.models.imported import (
    ImportedSmsSettings,
    ImportedUpdateRequest,
    ImportNumberRequest,
    QualificationState,
)
from numberflow.models.number_orders import NumberOrderRequest

P = "6f0c2b7e-1d34-4a58-9e0b-2f7c8d915a10"
NUMBER = "+13075550142"
SMS = SmsSettings(service_plan_id="plan-0001", campaign_id="CAMP001")
RTC, EST, FAX = (
    VoiceSettings(app_id="a"),
    VoiceSettings(type="EST", trunk_id="t"),
    VoiceSettings(type="FAX", service_id="s"),
)
CALLBACK = "https://hooks.example.test/sinch"
ORDER_ID = "01k0q7b2m4x8d6r5s9t3v1w0yz"
LEAST = {
    "display_name": "x",
    "street_number": "1479",
    "street_info": "Lenox Road NE",
    "city": "Atlanta",
    "state": "GA",
    "postal_code": "30306",
}
ADDRESS = EmergencyAddressRequest(**LEAST)
WHOLE_ADDRESS = EmergencyAddressRequest(**LEAST, location="Suite 5", postal_code_plus_four="3216")


def order(**wanted: Any) -> Request[Any]:
    """A new order of AU MOBILE."""
    return number_orders.build_create(
        P, NumberOrderRequest(region_code="AU", number_type="MOBILE", **wanted)
    )


def upload(source: FileSource, **more: Any) -> Request[Any]:
    """An upload of `source`."""
    file = asyncio.run(
        prepare(source, file_name="extract.pdf", media_type="application/pdf", **more)
    )
    return number_orders.build_upload_attachment(
        P, ORDER_ID, "5b1f9a60-3c1d-4a77-8d2e-6a90c7e4b311", file
    )


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
ALWAYS = {
    "region_code": "US",
    "numbers": (NUMBER,),
    "service_plan_id": "p",
    "display_name": "x",
    "callback_url": CALLBACK,
}
SOON = datetime(2026, 1, 8, 6, tzinfo=UTC)


def text_enable(loa: DirectLoa | ResellerLoa | BlanketLoa) -> TextEnableRequest:
    """A text-enabling of local numbers with everything in it."""
    return TextEnableRequest(
        **ALWAYS, loa=loa, campaign_id="c", nnid="104029", scheduled_osr_update_at=SOON
    )


def text_enable_toll_free(loa: DirectLoa | ResellerLoa) -> TextEnableTollFreeRequest:
    """A text-enabling of toll-free numbers with everything in it."""
    return TextEnableTollFreeRequest(**ALWAYS, loa=loa, scheduled_provisioning_at=SOON)


def path_of(request: Request[Any]) -> str:
    """The path with the prefix by which the judge tells the APIs apart."""
    return f"/{request.base}{request.path}"


async def body_of(request: Request[Any]) -> bytes:
    """The body as it would leave."""
    if request.upload is None:
        return request.body or b""
    return b"".join([piece async for piece in request.upload.body()])


REQUESTS: dict[str, Request[Any]] = {
    "token": build_token("key", SecretStr("secret")),
    "regions": regions.build_list(P),
    "regions of types": regions.build_list(P, types=("LOCAL", "TOLL_FREE")),
    "search": available_numbers.build_search(P, region_code="US", number_type="LOCAL"),
    "search, all filters": available_numbers.build_search(
        P,
        region_code="US",
        number_type="LOCAL",
        pattern="+1307",
        search_pattern="START",
        capabilities=("SMS", "VOICE"),
        size=5,
    ),
    "check": available_numbers.build_get(P, NUMBER),
    "rent": available_numbers.build_rent(P, NUMBER, RentRequest()),
    **{
        f"rent, {voice.type}": available_numbers.build_rent(
            P, NUMBER, RentRequest(sms=SMS, voice=voice, callback_url=CALLBACK)
        )
        for voice in (RTC, EST, FAX)
    },
    "rent any": available_numbers.build_rent_any(
        P, RentAnyRequest(region_code="US", number_type="LOCAL")
    ),
    "rent any, everything": available_numbers.build_rent_any(
        P,
        RentAnyRequest(
            region_code="US",
            number_type="LOCAL",
            pattern="+1307",
            search_pattern="START",
            capabilities=("SMS",),
            sms=SMS,
            voice=RTC,
            callback_url=CALLBACK,
        ),
    ),
    "list": active_numbers.build_list_page(P),
    "list, all filters": active_numbers.build_list_page(
        P,
        region_code="US",
        number_type="LOCAL",
        pattern="42",
        search_pattern="END",
        capabilities=("SMS", "VOICE"),
        page_size=5,
        page_token="a+b/c==",
        order_by="displayName",
    ),
    "list, as bytes": active_numbers.build_list_page_bytes(P, number_type="LOCAL"),
    "get": active_numbers.build_get(P, NUMBER),
    "update": active_numbers.build_update(
        P, NUMBER, UpdateRequest(display_name="x", sms=SMS, voice=EST, callback_url=CALLBACK)
    ),
    "unlink": active_numbers.build_update(
        P,
        NUMBER,
        UpdateRequest(
            sms=SmsSettings(service_plan_id="", campaign_id=""),
            voice=VoiceSettings(app_id=""),
            callback_url="",
        ),
    ),
    "release": active_numbers.build_release(P, NUMBER),
    "requirements": number_orders.build_lookup_requirements(
        P, region_code="AU", number_type="MOBILE"
    ),
    **{
        f"order of a number, {voice.type}": order(
            phone_number="+61491570156", sms=SMS, voice=voice, callback_url=CALLBACK
        )
        for voice in (RTC, EST, FAX)
    },
    "order by quantity": order(quantity=100),
    "order by quantity, all criteria": order(
        quantity=3,
        sequential=True,
        pattern="+614",
        search_pattern="START",
        capabilities=("SMS", "VOICE"),
    ),
    "get order": number_orders.build_get(P, ORDER_ID),
    "get registration": number_orders.build_get_registration(P, ORDER_ID),
    "update registration": number_orders.build_update_registration(
        P, ORDER_ID, {"data": [[{"senderId": "x"}], {}]}
    ),
    "upload": upload(io.BytesIO(b"%PDF")),
    "upload, with its type": upload(io.BytesIO(b"%PDF"), document_type="ID_CARD"),
    "submit order": number_orders.build_submit(P, ORDER_ID),
    "get address": emergency_addresses.build_get(P, NUMBER),
    **{
        f"{build.__name__}, {name}": build(P, NUMBER, address)
        for build in (emergency_addresses.build_validate, emergency_addresses.build_provision)
        for name, address in (("least", ADDRESS), ("everything", WHOLE_ADDRESS))
    },
    "deprovision address": emergency_addresses.build_deprovision(P, NUMBER),
    "callback configuration": callback_configuration.build_get(P),
    "imported list": imported_numbers.build_list_page(P, service_plan_id="p", campaign_id=""),
    "imported list, all filters": imported_numbers.build_list_page(
        P,
        service_plan_id="p",
        campaign_id="c",
        region_code="CA",
        pattern="555",
        page_size=5,
        page_token="a+b/c==",
        order_by="createdTime",
    ),
    "get imported": imported_numbers.build_get(P, NUMBER),
    "import": imported_numbers.build_import(
        P,
        ImportNumberRequest(
            phone_number=NUMBER,
            region_code="US",
            sms=SMS,
            display_name="Front desk",
            callback_url=CALLBACK,
        ),
    ),
    "update imported": imported_numbers.build_update(
        P,
        NUMBER,
        ImportedUpdateRequest(
            display_name="x", sms=ImportedSmsSettings(service_plan_id=""), callback_url=""
        ),
    ),
    "delete imported": imported_numbers.build_delete(P, NUMBER),
    "add qualified": qualified_numbers.build_add_numbers(P, [NUMBER]),
    "qualified list": qualified_numbers.build_list_page(
        P,
        state=QualificationState.VERIFIED,
        region_code="US",
        page_size=5,
        page_token="a+b/c==",
        order_by="updatedTime",
    ),
    "get qualified": qualified_numbers.build_get(P, NUMBER),
    "voice challenge": qualified_numbers.build_send_voice_challenge(P, NUMBER),
    "verify": qualified_numbers.build_verify_voice_challenge(P, NUMBER, SecretStr("0042")),
    "delete qualified": qualified_numbers.build_delete(P, NUMBER),
    **{
        f"{build.__module__}.{build.__name__}, {loa.kind}": build(P, text_enable(loa))
        for build in (hosting_orders.build_text_enable, qualified_numbers.build_text_enable)
        for loa in (DIRECT, RESELLER, BlanketLoa())
    },
    **{
        f"{build.__module__}.{build.__name__}, {loa.kind}": build(P, text_enable_toll_free(loa))
        for build in (
            hosting_orders.build_text_enable_toll_free,
            qualified_numbers.build_text_enable_toll_free,
        )
        for loa in (DIRECT, RESELLER)
    },
    "import order": hosting_orders.build_import_numbers(
        P,
        ImportNumbersRequest(
            region_code="US",
            numbers=(NUMBER,),
            service_plan_id="p",
            campaign_id="c",
            display_name="token",
            callback_url=CALLBACK,
            migrate_to_sinch_tmo=True,
        ),
    ),
    "hosting order": hosting_orders.build_get(P, ORDER_ID),
    "hosting report": hosting_orders.build_report(P, ORDER_ID),
    "hosting orders": hosting_orders.build_list_page(
        P,
        state=HostingOrderState.SUBMITTED,
        order_type=HostingOrderType.TEXT_ENABLE,
        service_plan_id="p",
        campaign_id="",
        region_code="US",
        page_size=5,
        page_token="a+b/c==",
        order_by="createdTime",
    ),
    "hosting numbers": hosting_orders.build_list_numbers_page(
        P,
        ORDER_ID,
        osr_update_state="DONE",
        platform_provisioning_state="FAILED",
        campaign_provisioning_state="WAITING",
        page_size=5,
        page_token="a+b/c==",
        order_by="updatedTime",
    ),
    "hosting number": hosting_orders.build_get_number(P, ORDER_ID, NUMBER),
    "imported callback configuration": callback_configuration.build_get(P, host="imported"),
    "imported callback secret": callback_configuration.build_update(
        P, SecretStr("a" * 32), host="imported"
    ),
    "callback secret": callback_configuration.build_update(P, SecretStr("a" * 32)),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_request_is_in_the_contract(name: str) -> None:
    """Method, path, query names and values, content type and body are as
    docs/vendor/numbers.openapi.yaml has them.
    """
    request = REQUESTS[name]
    path, query = path_of(request), request.target.partition("?")[2]
    headers = dict(request.all_headers)
    body = asyncio.run(body_of(request))
    validate_request(request.method, path, query, headers, body)
    if request.upload is not None:
        validate_form(request.method, path, headers["Content-Type"], body)


def test_every_operation_is_here() -> None:
    """The requests above are all operations that the two APIs have, no more and no fewer."""
    built = set()
    for request in REQUESTS.values():
        api, operation, _, _ = find_operation(request.method, path_of(request))
        built.add((api, operation["operationId"]))
    known = {
        (api, operation["operationId"])
        for api in ("numbers", "imported")
        for item in document(api)["paths"].values()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    }
    assert known == built


def test_every_builder_is_here() -> None:
    """No public builder of the client is missing from this file."""
    modules = (
        active_numbers,
        available_numbers,
        callback_configuration,
        emergency_addresses,
        hosting_orders,
        imported_numbers,
        number_orders,
        qualified_numbers,
        regions,
    )
    builders = {
        (m.__name__.rpartition(".")[2], name)
        for m in modules
        for name in vars(m)
        if name.startswith("build_")
    }
    source = Path(__file__).read_text(encoding="utf-8")
    assert {
        (module, name)
        for module, name in builders
        if not re.search(rf"\b{module}\.{name}\b", source)
    } == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"path": f"/v1/projects/{P}/activeNumber"},
        {"method": "DELETE"},
        {"query": "capability=SMELL"},
        {"query": "pageSize=many"},
        {"query": "capabilities=SMS"},
    ],
)
def test_the_judge_can_say_no(changes: dict[str, Any]) -> None:
    """The judge of these tests refuses a wrong path, method, query name or query value."""
    good = {"method": "GET", "path": f"/v1/projects/{P}/activeNumbers", "query": ""}
    wrong = {**good, **changes}
    with pytest.raises(AssertionError):
        validate_request(wrong["method"], wrong["path"], wrong["query"], {}, b"")


FORM = {
    "whole": b'--b\r\nContent-Disposition: form-data; name="file"; '
    b'filename="a"\r\n\r\nx\r\n--b--\r\n',
    "no file": b'--b\r\nContent-Disposition: form-data; name="documentType"\r\n\r\nx\r\n--b--\r\n',
    "unknown part": b'--b\r\nContent-Disposition: form-data; name="fil"; '
    b'filename="a"\r\n\r\nx\r\n--b--\r\n',
    "not whole": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n',
}


@pytest.mark.parametrize("form", FORM)
def test_the_judge_of_forms_can_say_no(form: str) -> None:
    """The judge of multipart bodies takes a whole form with a file and refuses any other."""
    path = f"/v1/projects/{P}/numberOrders/{ORDER_ID}/attachments/x"
    try:
        validate_form("POST", path, "multipart/form-data; boundary=b", FORM[form])
    except AssertionError:
        assert form != "whole"
    else:
        assert form == "whole"


SAMPLES = {
    "requirements_200": ("POST", "numberOrders:lookupNumberRequirements"),
    "requirements_404": ("POST", "numberOrders:lookupNumberRequirements"),
    "order_created_200": ("POST", "numberOrders:createNumberOrder"),
    "order_400_taken": ("POST", "numberOrders:createNumberOrder"),
    "order_in_review_200": ("POST", f"numberOrders/{ORDER_ID}/submit"),
    "order_404": ("GET", f"numberOrders/{ORDER_ID}"),
    "registration_200": ("GET", f"numberOrders/{ORDER_ID}/registration"),
    "registration_400_fields": ("PUT", f"numberOrders/{ORDER_ID}/registration"),
    **dict.fromkeys(
        ("emergency_200", "emergency_404_feature", "emergency_404_none"),
        ("GET", f"activeNumbers/{NUMBER}/emergencyAddress"),
    ),
    **dict.fromkeys(
        ("validate_200_exact", "validate_200_near", "validate_200_none"),
        ("POST", f"activeNumbers/{NUMBER}/emergencyAddress:validate"),
    ),
    "emergency_400": ("POST", f"activeNumbers/{NUMBER}/emergencyAddress:provision"),
    "upload_413": ("POST", f"numberOrders/{ORDER_ID}/attachments/x"),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_are_in_the_contract(name: str) -> None:
    """The replies that the client is tested with are ones that the contract allows."""
    method, rest = SAMPLES[name]
    sample = load(name)
    validate_response(
        method, f"/v1/projects/{P}/{rest}", sample.status, sample.headers, sample.body
    )


HOSTING = "hostingOrders/01arz3nhyrtsv4rrffq69g5fav"
QUALIFIED = f"qualifiedNumbers/{NUMBER}"
IMPORTED_SAMPLES = {
    "number_200": ("GET", f"importedNumbers/{NUMBER}"),
    "number_404": ("GET", f"importedNumbers/{NUMBER}"),
    "any_403_nested": ("GET", f"importedNumbers/{NUMBER}"),
    "deleted_200": ("DELETE", f"importedNumbers/{NUMBER}"),
    "page_200": ("GET", "importedNumbers"),
    "import_200": ("POST", "importedNumbers"),
    "import_400": ("POST", "importedNumbers"),
    "import_409": ("POST", "importedNumbers"),
    "qualified_200": ("GET", QUALIFIED),
    "verified_200": ("POST", f"{QUALIFIED}:verifyVoiceChallenge"),
    "added_200": ("POST", "qualifiedNumbers:addNumbers"),
    "qualified_page_200": ("GET", "qualifiedNumbers"),
    "text_enabled_id_200": ("POST", "qualifiedNumbers:textEnableNumbers"),
    "order_text_enable_200": ("POST", "hostingOrders:textEnableNumbers"),
    "order_other_name_200": ("POST", "hostingOrders:textEnableTollFreeNumbers"),
    "text_enable_400": ("POST", "hostingOrders:textEnableNumbers"),
    "order_import_200": ("POST", "hostingOrders:importNumbers"),
    "order_waiting_200": ("GET", HOSTING),
    "orders_page_200": ("GET", "hostingOrders"),
    "order_number_200": ("GET", f"{HOSTING}/numbers/{NUMBER}"),
    "order_numbers_page_200": ("GET", f"{HOSTING}/numbers"),
    "report_200": ("GET", f"{HOSTING}/report"),
    "callback_configuration_200": ("GET", "callbackConfiguration"),
}


@pytest.mark.parametrize("name", IMPORTED_SAMPLES)
def test_imported_samples_are_in_the_contract(name: str) -> None:
    """The replies of the imported API that the client is tested with are ones that the contract
    allows.
    """
    method, rest = IMPORTED_SAMPLES[name]
    sample = load(name, "imported")
    validate_response(
        method, f"/imported/v1/projects/{P}/{rest}", sample.status, sample.headers, sample.body
    )


def test_every_imported_sample_is_judged() -> None:
    """No sample of the imported API is missing above."""
    folder = Path(__file__).parents[1] / "samples" / "imported"
    assert set(IMPORTED_SAMPLES) == {path.stem for path in folder.glob("*.http")}
