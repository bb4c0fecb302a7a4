"""The readers of all younger nouns against whatever a server may send."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.client import (
    callback_configuration,
    emergency_addresses,
    hosting_orders,
    imported_numbers,
    number_orders,
    qualified_numbers,
)
from numberflow.client.multipart import Upload
from numberflow.client.protocol import Request, decipher
from numberflow.errors import NumberflowError, OutcomeUnknown
from numberflow.models import SmsSettings
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.hosting import BlanketLoa, ImportNumbersRequest, TextEnableRequest
from numberflow.models.imported import ImportNumberRequest
from numberflow.models.number_orders import NumberOrderRequest
from numberflow.models.wire import Page, Resource

NUMBER = "+12025550134"
ID = "01k0q7b2m4x8d6r5s9t3v1w0yz"
ADDRESS = EmergencyAddressRequest(
    display_name="x",
    street_number="1",
    street_info="Sample Road",
    city="Atlanta",
    state="GA",
    postal_code="30303",
)
LOCAL = TextEnableRequest(
    region_code="US", numbers=(NUMBER,), service_plan_id="p", loa=BlanketLoa()
)

WITH_RESULT: dict[str, Request[Any]] = {
    "requirements": number_orders.build_lookup_requirements(
        "p", region_code="AU", number_type="MOBILE"
    ),
    "create": number_orders.build_create(
        "p", NumberOrderRequest(region_code="AU", number_type="LOCAL", quantity=1)
    ),
    "order": number_orders.build_get("p", ID),
    "registration": number_orders.build_get_registration("p", ID),
    "address": emergency_addresses.build_get("p", NUMBER),
    "validation": emergency_addresses.build_validate("p", NUMBER, ADDRESS),
    "imported": imported_numbers.build_get("p", NUMBER),
    "import": imported_numbers.build_import(
        "p",
        ImportNumberRequest(
            phone_number=NUMBER, region_code="US", sms=SmsSettings(service_plan_id="p")
        ),
    ),
    "imported page": imported_numbers.build_list_page("p", service_plan_id="p", campaign_id="c"),
    "add": qualified_numbers.build_add_numbers("p", [NUMBER]),
    "qualified": qualified_numbers.build_get("p", NUMBER),
    "qualified page": qualified_numbers.build_list_page("p", state="X"),
    "hosting order id": qualified_numbers.build_text_enable("p", LOCAL),
    "hosting order": hosting_orders.build_get("p", ID),
    "import order": hosting_orders.build_import_numbers(
        "p", ImportNumbersRequest(region_code="US", numbers=(NUMBER,), service_plan_id="p")
    ),
    "hosting orders": hosting_orders.build_list_page(
        "p", state="X", order_type="X", service_plan_id="", campaign_id=""
    ),
    "hosting numbers": hosting_orders.build_list_numbers_page("p", ID),
    "hosting number": hosting_orders.build_get_number("p", ID, NUMBER),
    "report": hosting_orders.build_report("p", ID),
    "secret": callback_configuration.build_get("p", host="imported"),
}
WITHOUT_RESULT: dict[str, Request[Any]] = {
    "deprovision": emergency_addresses.build_deprovision("p", NUMBER),
    "delete imported": imported_numbers.build_delete("p", NUMBER),
    "delete qualified": qualified_numbers.build_delete("p", NUMBER),
    "upload": number_orders.build_upload_attachment(
        "p", ID, "a", Upload(io.BytesIO(b"x"), file_name="x.pdf", media_type="application/pdf")
    ),
}
EVERY = {**WITH_RESULT, **WITHOUT_RESULT}

# The wire names of all members that any reader knows, and of those that it only renames.
KNOWN = {
    info.alias or name
    for kind in (Resource, Page)
    for model in kind.__subclasses__()
    for name, info in model.model_fields.items()
}
OTHER = {name for model in Resource.__subclasses__() for name in model.other_names} | {"data"}
MEMBERS = st.text(max_size=8) | st.sampled_from(sorted(KNOWN | OTHER))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([NUMBER, ID, 10**400]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner, max_size=6),
    max_leaves=20,
)


@given(JSON, st.sampled_from(sorted(EVERY)))
def test_arbitrary_json_with_200(value: Any, name: str) -> None:
    """Whatever JSON a 2xx carries, it is read or it is an unknown outcome.

    No other exception ever comes out.
    """
    cause = "unreadable"
    try:
        decipher(EVERY[name], 200, {}, json.dumps(value).encode())
    except OutcomeUnknown as error:
        cause = error.cause
    assert cause in ("unreadable", "wrong_number", "wrong_order")


@given(
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
    st.integers(100, 599),
    st.sampled_from(sorted(EVERY)),
)
def test_arbitrary_bytes_with_any_status(body: bytes, status: int, name: str) -> None:
    """Whatever bytes come with whatever status, only errors of the tree come out, with a short
    message and nothing hanging on to them.
    """
    told, context = "", None
    try:
        decipher(EVERY[name], status, {}, body)
    except NumberflowError as error:
        told, context = str(error), error.__context__
    assert (len(told) < 700, context) == (True, None)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"5", b"<html>", b'{"status": "ok"}', b"[" * 100_000]
)
@pytest.mark.parametrize("name", WITH_RESULT)
def test_no_result_is_read_out_of_nothing(name: str, body: bytes) -> None:
    """An empty body, another kind of JSON, a gateway's greeting or page.

    None of them is a result.
    """
    with pytest.raises(OutcomeUnknown) as caught:
        decipher(WITH_RESULT[name], 200, {}, body)
    assert caught.value.cause in ("unreadable", "wrong_number")


@pytest.mark.parametrize(
    ("body", "good"), [(b"", True), (b"{}", True), (b"<html>", False), (b"[" * 100_000, False)]
)
@pytest.mark.parametrize("name", WITHOUT_RESULT)
def test_success_without_a_result(name: str, body: bytes, good: bool) -> None:
    """Where no reply is documented, none and any JSON is a success, anything else is not."""
    cause = ""
    try:
        decipher(WITHOUT_RESULT[name], 200, {}, body)
    except OutcomeUnknown as error:
        cause = error.cause
    assert (cause == "") == good


LISTS = {
    "imported page": "importedNumbers",
    "qualified page": "qualifiedNumbers",
    "hosting orders": "hostingOrders",
    "hosting numbers": "numbers",
    "add": "qualifiedNumbers",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_never_loses_an_entry(name: str) -> None:
    """A list with an entry that cannot be read is unreadable as a whole.

    An empty one is empty however it is written.
    """
    request, member = WITH_RESULT[name], LISTS[name]
    entries = [
        {"phoneNumber": NUMBER, "hostingOrderId": ID},
        {"phoneNumber": None, "hostingOrderId": ""},
    ]
    with pytest.raises(OutcomeUnknown):
        decipher(request, 200, {}, json.dumps({member: entries}).encode())
    empty = [
        decipher(request, 200, {}, body) for body in (b"{}", json.dumps({member: None}).encode())
    ]
    assert empty[0] == empty[1] == decipher(request, 200, {}, json.dumps({member: []}).encode())
