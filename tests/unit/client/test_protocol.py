"""What replies mean: recorded bytes in, data or the right error out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr
from support.samples import load

from numberflow.client import active_numbers, available_numbers, callback_configuration, regions
from numberflow.client.auth import build_token
from numberflow.client.protocol import (
    Request,
    decipher,
    pairs,
    parse_json,
    request_id,
    segment,
    token_expired,
)
from numberflow.errors import (
    InsufficientFunds,
    NotFound,
    NumberflowError,
    OutcomeUnknown,
    PermissionRefused,
    Rejected,
    Throttled,
)
from numberflow.models import RentAnyRequest, RentRequest

NUMBER = "+13075550142"
RENT = available_numbers.build_rent("p", NUMBER, RentRequest())
GET = active_numbers.build_get("p", NUMBER)
EVERY_REQUEST: list[Request[Any]] = [
    RENT,
    GET,
    available_numbers.build_rent_any("p", RentAnyRequest(region_code="US", number_type="LOCAL")),
    available_numbers.build_get("p", NUMBER),
    available_numbers.build_search("p", region_code="US", number_type="LOCAL"),
    active_numbers.build_list_page("p"),
    active_numbers.build_release("p", NUMBER),
    regions.build_list("p"),
    callback_configuration.build_get("p"),
    build_token("k", SecretStr("s")),
]


def told(name: str, request: Request[Any] = RENT) -> Any:
    """The error that a recorded reply means."""
    sample = load(name)
    with pytest.raises(NumberflowError) as caught:
        decipher(request, sample.status, sample.headers, sample.body)
    return caught.value


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rent_404_taken", NotFound),
        ("active_404", NotFound),
        ("route_404", NotFound),
        ("gateway_404_html", NotFound),
        ("imported_404_flat", NotFound),
        ("search_400_enum", Rejected),
        ("list_400_order_by", Rejected),
        ("imported_400_flat", Rejected),
        ("rent_400_no_credit", InsufficientFunds),
        ("rent_402", InsufficientFunds),
        ("rent_403_trial", PermissionRefused),
        ("project_403", PermissionRefused),
        ("any_401", PermissionRefused),
        ("any_401_expired", PermissionRefused),
        ("any_429_seconds", Throttled),
        ("any_429_date", Throttled),
        ("any_429_silent", Throttled),
        ("any_500", OutcomeUnknown),
        ("gateway_502_html", OutcomeUnknown),
        ("gateway_200_html", OutcomeUnknown),
        ("empty_200", OutcomeUnknown),
    ],
)
def test_kind_of_error(name: str, kind: type[Exception]) -> None:
    """Each recorded refusal becomes exactly the error on which the caller acts."""
    assert kind is type(told(name))


def test_facts_of_a_refusal() -> None:
    """Status, code, resource and request id are attributes.

    The message names request, status and resource.
    """
    error = told("rent_404_taken")
    assert (
        error.status,
        error.code,
        error.vendor_message,
        error.resource_type,
        error.resource_name,
        error.field_violations,
        error.request_id,
    ) == (
        404,
        "NOT_FOUND",
        "",
        "AvailableNumber",
        NUMBER,
        (),
        "5d1f0c9e-77aa-4c1b-9a54-0d5b7f1f2a10",
    )
    assert (
        "POST /v1/projects/p/availableNumbers/%2B13075550142:rent: HTTP 404 NOT_FOUND "
        f"AvailableNumber {NUMBER}" == str(error)
    )


def test_a_gateways_404_is_no_evidence() -> None:
    """A 404 without the vendor's envelope shows no resource type, so that nobody takes it for a
    missing number.
    """
    assert (told("gateway_404_html").resource_type, told("gateway_404_html").request_id) == (
        "",
        None,
    )


@pytest.mark.parametrize(
    ("name", "violations"),
    [
        ("list_400_order_by", (("order_by", "Invalid order_by XXX"),)),
        ("imported_400_flat", (("phone_numbers", "more than 5"),)),
    ],
)
def test_field_violations(name: str, violations: tuple[tuple[str, str], ...]) -> None:
    """Field violations are read out of both envelopes and show in the message."""
    error = told(name)
    assert violations == error.field_violations
    assert f"{violations[0][0]}: {violations[0][1]}" in str(error)


def test_flat_envelope() -> None:
    """The flat envelope of the imported API has the same facts, with its code as text or number."""
    assert (
        told("imported_404_flat").code,
        told("imported_404_flat").vendor_message,
    ) == ("NOT_FOUND", "Imported number not found")
    with pytest.raises(Rejected) as caught:
        decipher(RENT, 409, {}, b'{"code": 409, "message": null}')
    assert (caught.value.code, caught.value.vendor_message) == ("409", "")


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            429,
            b'{"error": {"code": 429, "message": "Over limit"}}',
            Throttled,
            "HTTP 429 (Over limit)",
        ),
        (
            402,
            b'{"code": "402", "error": "payment_required", "message": "Top up first"}',
            InsufficientFunds,
            "HTTP 402 (payment_required: Top up first)",
        ),
        (
            400,
            b'{"code": "402", "error": "", "message": "Top up"}',
            InsufficientFunds,
            "HTTP 400 402 (Top up)",
        ),
        (
            409,
            b'{"code": "409", "message": "imported", "status": "ALREADY_EXISTS"}',
            Rejected,
            "ALREADY_EXISTS (imported)",
        ),
        (
            401,
            b'{"error": "invalid_client", "error_description": "no such key"}',
            PermissionRefused,
            "invalid_client (no such key)",
        ),
        (
            400,
            b'{"error": "invalid_scope", "message": "no scope"}',
            Rejected,
            "invalid_scope (no scope)",
        ),
        (
            413,
            (
                b'{"error": {"status": "CONTENT_TOO_LARGE", "details": [{"resourceName": "file", '
                b'"description": "at most 10 MB"}]}}'
            ),
            Rejected,
            "CONTENT_TOO_LARGE file (at most 10 MB)",
        ),
        (
            502,
            b"<html><head><title>502 Bad&nbsp;Gateway</title></head>",
            OutcomeUnknown,
            "HTTP 502 (502 Bad Gateway)",
        ),
        (
            503,
            b"<html><style>p{}</style><p>Back  at\nnoon</p>",
            OutcomeUnknown,
            "HTTP 503 (Back at noon)",
        ),
        (404, b"no such route", NotFound, "HTTP 404 (no such route)"),
        (500, b'"out of order"', OutcomeUnknown, "HTTP 500 (out of order)"),
        (403, b"", PermissionRefused, "HTTP 403, without a reason"),
        (500, b"[]", OutcomeUnknown, "HTTP 500, without a reason"),
    ],
)
def test_the_vendors_own_words(
    status: int, body: bytes, kind: type[NumberflowError], words: str
) -> None:
    """Every error shape of the contract gives its kind of error and the vendor's own words."""
    with pytest.raises(kind) as caught:
        decipher(RENT, status, {}, body)
    assert (type(caught.value), words in str(caught.value)) == (kind, True), str(caught.value)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Insufficient balance", InsufficientFunds),
        (400, "INSUFFICIENT_BALANCE", InsufficientFunds),
        (400, "not enough credit", InsufficientFunds),
        (400, "pattern insufficient", Rejected),
        (409, "Insufficient balance", Rejected),
        (402, "", InsufficientFunds),
    ],
)
def test_insufficient_funds(status: int, message: str, kind: type[Exception]) -> None:
    """402, and a 400 that says so in message, code or violation, mean no credit.

    Nothing else does.
    """
    details = [{"type": "BadRequest", "fieldViolations": [{"field": "x", "description": message}]}]
    for error in ({"message": message}, {"status": message}, {"details": details}):
        with pytest.raises(NumberflowError) as caught:
            decipher(RENT, status, {}, json.dumps({"error": error}).encode())
        assert kind is type(caught.value)


@pytest.mark.parametrize(
    ("name", "seconds"), [("any_429_seconds", 7), ("any_429_date", 30), ("any_429_silent", None)]
)
def test_retry_after(name: str, seconds: float | None) -> None:
    """Retry-After is read as seconds and as a date against the vendor's own clock.

    Absent is None.
    """
    assert seconds == told(name).retry_after_s


NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0),
        ("1.5", 1.5),
        ("999999999999", 999999999999.0),
        ("9" * 400, None),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("Tue, 03 Feb 2026 12:00:09 GMT", 9),
        ("Tue, 03 Feb 2026 12:00:09 -0000", 9),
        ("Tue, 03 Feb 2026 11:00:00 GMT", 0),
        ("Tue, 99 Feb 2026 11:00:00 GMT", None),
        ("Tue, 03 Feb 99999999 11:00:00 GMT", None),
    ],
)
def test_odd_retry_after(said: str, seconds: float | None) -> None:
    """Absurd waits are kept as facts, unreadable ones are None, dates of the past are 0.

    Our clock serves when the reply has no Date.
    """
    with pytest.raises(Throttled) as caught:
        decipher(GET, 429, {"Retry-After": said}, b"", received_at=NOON)
    assert seconds == caught.value.retry_after_s


def test_retry_after_date_without_a_clock() -> None:
    """A date that nothing can be subtracted from is None."""
    with pytest.raises(Throttled) as caught:
        decipher(GET, 429, {"Retry-After": "Tue, 03 Feb 2026 12:00:09 GMT"}, b"")
    assert None is caught.value.retry_after_s


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (101, "unexpected_status"),
        (302, "unexpected_status"),
        (408, "request_timeout"),
        (500, "server_error"),
        (503, "server_error"),
        (599, "server_error"),
    ],
)
def test_neither_yes_nor_no(status: int, cause: str) -> None:
    """Statuses that say neither yes nor no leave the outcome unknown."""
    with pytest.raises(OutcomeUnknown) as caught:
        decipher(RENT, status, {"x-request-id": "r"}, b"")
    assert (status, cause, "r") == (
        caught.value.status,
        caught.value.cause,
        caught.value.request_id,
    )


def test_a_503_may_say_when() -> None:
    """The Retry-After of a 503 is a fact of the error, for the reads that may come back."""
    with pytest.raises(OutcomeUnknown) as caught:
        decipher(GET, 503, {"Retry-After": "3"}, b"")
    assert caught.value.retry_after_s == 3


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_any_2xx_is_a_yes(status: int) -> None:
    """Every 2xx with a readable body is a success (docs/vendor/numbers-behaviour.md §2)."""
    assert decipher(RENT, status, {}, load("rent_200").body).phone_number == NUMBER


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"null",
        b"[]",
        b"5",
        b'"text"',
        b"{",
        b"\xff\xfe\xfd",
        b"<html>",
        b'{"error": {"code": 500}}',
        b'{"phoneNumber": null}',
        b'{"phoneNumber": ""}',
        b'{"phoneNumber": {}}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("request_", [RENT, EVERY_REQUEST[2]])
def test_unreadable(request_: Request[Any], body: bytes) -> None:
    """A 2xx from which no number can be read has an unknown outcome."""
    with pytest.raises(OutcomeUnknown) as caught:
        decipher(request_, 200, {}, body)
    assert (caught.value.status, caught.value.cause) == (200, "unreadable")


@pytest.mark.parametrize("number", ["+13075550143", "13075550142", f"{NUMBER} "])
def test_another_number(number: str) -> None:
    """A 2xx about another number than the one asked for has an unknown outcome."""
    with pytest.raises(OutcomeUnknown) as caught:
        decipher(RENT, 200, {}, json.dumps({"phoneNumber": number}).encode())
    assert (caught.value.cause, number in str(caught.value)) == ("wrong_number", True)


def test_a_gateways_greeting_is_no_empty_list() -> None:
    """A JSON object with members but none that belong to a list is not read as an empty list.

    An empty object is.
    """
    for request in EVERY_REQUEST[4:6]:
        with pytest.raises(OutcomeUnknown):
            decipher(request, 200, {}, b'{"status": "ok"}')
    assert decipher(active_numbers.build_list_page("p"), 200, {}, b"{}").active_numbers == ()
    assert decipher(EVERY_REQUEST[4], 200, {}, b'{"availableNumbers": null}') == ()


def test_a_page_with_an_unreadable_entry_is_unreadable() -> None:
    """A list never silently loses an entry."""
    for request, member in (
        (EVERY_REQUEST[4], "availableNumbers"),
        (EVERY_REQUEST[5], "activeNumbers"),
    ):
        with pytest.raises(OutcomeUnknown):
            decipher(
                request,
                200,
                {},
                json.dumps({member: [{"phoneNumber": NUMBER}, {"phoneNumber": None}]}).encode(),
            )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(
                [
                    "phoneNumber",
                    "money",
                    "amount",
                    "currencyCode",
                    "expireAt",
                    "capability",
                    "smsConfiguration",
                    "activeNumbers",
                    "nextPageToken",
                    "availableNumbers",
                    "availableRegions",
                    "regionCode",
                    "access_token",
                    "expires_in",
                    "error",
                    "details",
                    "fieldViolations",
                    "hmacSecret",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(json_values, st.sampled_from(EVERY_REQUEST))
@example({"phoneNumber": NUMBER, "expireAt": "9999-12-31T23:59:59-23:59"}, RENT)
@example({"phoneNumber": NUMBER, "money": {"currencyCode": "USD", "amount": 1e300}}, RENT)
@example({"access_token": "a", "expires_in": float("nan")}, EVERY_REQUEST[-1])
def test_arbitrary_json_with_200(value: Any, request_: Request[Any]) -> None:
    """Whatever JSON a 2xx carries, it is read or it is an unknown outcome.

    No other exception ever comes out.
    """
    cause = "unreadable"
    try:
        decipher(request_, 200, {}, json.dumps(value).encode())
    except OutcomeUnknown as error:
        cause = error.cause
    assert cause in ("unreadable", "wrong_number")


@given(
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.integers(100, 599),
    st.sampled_from(EVERY_REQUEST),
)
def test_arbitrary_bytes_with_any_status(body: bytes, status: int, request_: Request[Any]) -> None:
    """Whatever bytes come with whatever status, only errors of the tree come out, and a short
    message.
    """
    message = ""
    try:
        decipher(request_, status, {"Retry-After": body.decode("latin-1")}, body)
    except NumberflowError as error:
        message = str(error)
    assert len(message) < 700


def test_a_failed_read_shows_no_value() -> None:
    """An unreadable reply is described by place and kind, never by its content."""
    with pytest.raises(OutcomeUnknown) as caught:
        decipher(callback_configuration.build_get("p"), 200, {}, b'["very-secret-value"]')
    assert (
        caught.value.cause,
        "very-secret-value" in repr(caught.value),
        caught.value.__cause__,
    ) == ("unreadable", False, None)


def test_vendor_text_is_shortened_and_cleaned() -> None:
    """Vendor text is cut to 200 characters and stripped of control characters, and secrets that it
    echoes are blotted out.
    """
    request = callback_configuration.build_update("p", SecretStr("s" * 32))
    body = json.dumps({"error": {"message": f"{'s' * 32}\n\x1b[31m" + "x" * 500}}).encode()
    with pytest.raises(Rejected) as caught:
        decipher(request, 400, {}, body)
    text = caught.value.vendor_message
    assert (len(text), text[:10], text.isprintable()) == (200, "…  [31mxxx", True)
    assert "ss" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "variable"),
    [
        (400, "SINCH_KEY_ID"),
        (401, "SINCH_KEY_SECRET"),
        (403, "SINCH_KEY_ID"),
        (404, "SINCH_AUTH_URL"),
    ],
)
def test_refused_token_request(status: int, variable: str) -> None:
    """Every refusal of the token endpoint is PermissionRefused and names the variable to check."""
    with pytest.raises(PermissionRefused, match=variable) as caught:
        decipher(EVERY_REQUEST[-1], status, {}, load("token_401").body)
    assert (caught.value.code, caught.value.vendor_message) == (
        "invalid_client",
        "Client authentication failed",
    )


@pytest.mark.parametrize(
    ("name", "expired"),
    [("any_401_expired", True), ("any_401", False), ("project_403", False), ("token_401", False)],
)
def test_token_expired(name: str, expired: bool) -> None:
    """Only a 401 whose challenge says expired asks for a new token.

    The header's name counts in any case.
    """
    sample = load(name)
    assert expired == token_expired(
        sample.status, {key.title(): value for key, value in sample.headers.items()}
    )


def test_a_403_that_says_expired_is_final() -> None:
    """The word expired in another status than 401 changes nothing."""
    assert False is token_expired(403, {"www-authenticate": "expired"})


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, None),
        ({"x-request-id": ""}, None),
        ({"x-request-id": " a\x07b "}, "ab"),
        ({"x-sinch-request-id": "s", "traceparent": "t"}, "s"),
        ({"x-correlation-id": "c"}, "c"),
        ({"traceparent": "00-ab-cd-01"}, "00-ab-cd-01"),
        ({"x-request-id": "x" * 500}, "x" * 128),
    ],
)
def test_request_id(headers: dict[str, str], known: str | None) -> None:
    """The request id is found under the usual names, cleaned and bounded; absent is None."""
    assert known == request_id(headers)


def test_numbers_in_json_are_decimal() -> None:
    """Amounts never pass through a binary float, and what would explode stays text."""
    read = parse_json(b"[0.10, 1e999999999, 1e99999999999999999999, 7]")
    assert [Decimal("0.10"), "1e999999999", "1e99999999999999999999", 7] == read
    assert isinstance(read[0], Decimal)


def test_target_is_encoded() -> None:
    """Every query value and path segment is encoded completely; keys repeat; None is left out."""
    request: Request[None] = Request(
        method="GET",
        base="numbers",
        path=f"/v1/{segment('a/b?c')}",
        query=pairs(("types", ("A", "B")), ("none", None), ("pageToken", "a+b/c= &ü")),
        read=lambda _: None,
    )
    assert request.target == "/v1/a%2Fb%3Fc?types=A&types=B&pageToken=a%2Bb%2Fc%3D%20%26%C3%BC"


def test_repr_of_a_request_shows_no_secret() -> None:
    """Headers and body stay out of the repr."""
    request = callback_configuration.build_update("p", SecretStr("s" * 32))
    assert ("callbackConfiguration" in repr(request), "s" * 32 in repr(request)) == (True, False)
