"""Number orders over a real socket: what leaves, how often, and what comes back."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import stamina
from pydantic import Secret, SecretStr
from support import wire as w
from support.accounts import Log, settings
from support.multipart import parts
from support.samples import load

from numberflow.client import Client, number_orders
from numberflow.client.protocol import decipher
from numberflow.errors import BadInput, NotFound, NotSent, OutcomeUnknown, Rejected
from numberflow.models.number_orders import NumberOrderRequest, NumberOrderState

pytestmark = pytest.mark.anyio

ORDER_ID = "01k0q7b2m4x8d6r5s9t3v1w0yz"
ATTACHMENT_ID = "5b1f9a60-3c1d-4a77-8d2e-6a90c7e4b311"
NUMBER = "+61491570156"
PATH = f"/numbers/v1/projects/project-1/numberOrders/{ORDER_ID}"
DETAILS: dict[str, Any] = json.loads(load("registration_200").body)["requestDetails"]
REQUEST = NumberOrderRequest(region_code="AU", number_type="MOBILE", phone_number=NUMBER)


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Repeats come at once."""
    with stamina.set_testing(True, attempts=100):
        yield


def reply(name: str) -> w.Behaviour:
    """The recorded reply."""
    sample = load(name)
    return w.answer(sample.status, sample.body)


async def test_an_order_from_start_to_review() -> None:
    """Look-up, order, data, file, submit: each leaves as documented and comes back as a model."""
    script = ("requirements_200", "order_created_200", "registration_200", "registration_200")
    async with (
        w.serve(
            *map(reply, script),
            w.answer(200, b""),
            reply("order_in_review_200"),
            reply("order_created_200"),
        ) as server,
        Client(settings(server.url)) as client,
    ):
        orders = client.number_orders
        requirements = await orders.lookup_requirements(region_code="AU", number_type="MOBILE")
        created = await orders.create(REQUEST)
        written = await orders.update_registration(ORDER_ID, DETAILS)
        read = await orders.get_registration(ORDER_ID)
        await orders.upload_attachment(
            ORDER_ID,
            ATTACHMENT_ID,
            io.BytesIO(b"%PDF-1"),
            file_name="extract.pdf",
            media_type="application/pdf",
        )
        submitted = await orders.submit(ORDER_ID)
        shown = await orders.get(ORDER_ID)
    assert requirements is not None
    assert (ATTACHMENT_ID, ORDER_ID, True, NumberOrderState.IN_REVIEW, True) == (
        requirements.attachments[0].attachment_id,
        created.order_id,
        written == read,
        submitted.state,
        created == shown,
    )
    base = PATH.removesuffix(f"/{ORDER_ID}")
    assert [
        ("POST", f"{base}:lookupNumberRequirements"),
        ("POST", f"{base}:createNumberOrder"),
        ("PUT", f"{PATH}/registration"),
        ("GET", f"{PATH}/registration"),
        ("POST", f"{PATH}/attachments/{ATTACHMENT_ID}"),
        ("POST", f"{PATH}/submit"),
        ("GET", PATH),
    ] == [(call.method, call.target) for call in server.calls]
    assert [
        {"regionCode": "AU", "numberType": "MOBILE"},
        {
            "regionCode": "AU",
            "numberType": "MOBILE",
            "numberOrderOption": {"phoneNumbers": [NUMBER]},
        },
        {"requestDetails": DETAILS},
    ] == [json.loads(call.body) for call in server.calls[:3]]
    (file,) = parts(server.calls[4].headers["content-type"], server.calls[4].body)
    assert (file.name, file.file_name, file.media_type, file.content) == (
        "file",
        "extract.pdf",
        "application/pdf",
        b"%PDF-1",
    )
    assert server.calls[5].body == b""


async def test_no_requirements_is_an_answer() -> None:
    """The vendor's own 404 about requirements is None.

    Any other 404 of the look-up stays an error.
    """
    async with (
        w.serve(
            *map(reply, ("requirements_404", "route_404", "gateway_404_html", "order_404"))
        ) as server,
        Client(settings(server.url)) as client,
    ):
        assert None is await client.number_orders.lookup_requirements(
            region_code="US", number_type="LOCAL"
        )
        for _ in range(3):
            with pytest.raises(NotFound):
                await client.number_orders.lookup_requirements(
                    region_code="US", number_type="LOCAL"
                )
    assert len(server.calls) == 4


@pytest.mark.parametrize(
    ("kind", "name", "means"),
    [
        ("NumberProduct", "", True),
        ("sinch.unifiednumber.v1.NumberProduct", "x", True),
        ("", "numberRequirements", True),
        ("NumberOrder", "x", False),
        ("", "", False),
    ],
)
def test_no_requirements_is_recognised_by_resource(kind: str, name: str, means: bool) -> None:
    """Resource type or name tell missing requirements, never the message."""
    error = NotFound(
        "x", resource_type=kind, resource_name=name, vendor_message="Number requirements not found"
    )
    assert means == number_orders.no_requirements(error)


async def test_taken_number() -> None:
    """A number that is taken is a refusal with its field, and nothing is repeated."""
    async with w.serve(reply("order_400_taken")) as server, Client(settings(server.url)) as client:
        with pytest.raises(Rejected) as caught:
            await client.number_orders.create(REQUEST)
    violations = (("number_order_option.phone_numbers", f"Number {NUMBER} is not available"),)
    assert (violations, 400) == (caught.value.field_violations, caught.value.status)


async def test_an_order_of_another_name_is_unknown() -> None:
    """A reply about another order than the one asked for is no answer."""
    other = {"idNumberOrder": "other", "state": "COMPLETED"}
    async with (
        w.serve(otherwise=w.answer(200, other)) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            await client.number_orders.submit(ORDER_ID)
    assert (caught.value.cause, len(server.calls)) == ("wrong_order", 1)


async def test_registration_is_repeated(no_waiting: None) -> None:
    """A PUT of the data survives a lost reply and a 503, and the watch is asked each time."""
    watch = Log()
    async with (
        w.serve(w.reset, w.answer(503, {}), reply("registration_200")) as server,
        Client(settings(server.url)) as client,
    ):
        await client.number_orders.update_registration(ORDER_ID, DETAILS, watch=watch)
    assert (3, 1) == (len(server.calls), len({call.body for call in server.calls}))
    assert ["before_send"] * 2 + ["replied 503", "before_send", "replied 200"] == watch.events


async def test_refused_registration_names_fields_and_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The 400 says which fields are wrong and why, with every value of ours blotted out, and comes
    once.
    """
    caplog.set_level("DEBUG")
    async with (
        w.serve(reply("registration_400_fields")) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(Rejected) as caught:
            await client.number_orders.update_registration(ORDER_ID, Secret(DETAILS))
    assert (
        ("data[1].city", '"…" is not a city of state NSW'),
        ("data[2].phoneNumber", "… has no plus"),
    ) == (caught.value.field_violations)
    assert (1, "registration of … is not valid") == (len(server.calls), caught.value.vendor_message)


@pytest.mark.parametrize(
    "details",
    [{"a": object()}, {"name": "Ada \ud800"}, {"a": float("nan")}],
    ids=["no JSON", "no Unicode", "no number"],
)
def test_registration_that_is_no_json(details: dict[str, Any]) -> None:
    """Data that cannot be written as JSON is refused before anything is sent, and not shown, in the
    chain of causes either.
    """
    with pytest.raises(BadInput) as caught:
        number_orders.build_update_registration("p", ORDER_ID, details)
    assert (caught.value.field, "Ada" in str(caught.value)) == ("request_details", False)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


async def upload(client: Client, file: Any = None, **more: Any) -> None:
    """Upload a file, small unless told otherwise."""
    source = io.BytesIO(b"content") if file is None else file
    await client.number_orders.upload_attachment(
        ORDER_ID, ATTACHMENT_ID, source, file_name="ada.pdf", **more
    )


async def test_upload_is_repeated_from_its_start(no_waiting: None) -> None:
    """A file that can seek is sent whole again after a lost reply.

    A second upload replaces the first.
    """
    async with (
        w.serve(w.reset, w.answer(502, b"x"), w.cut_short, w.answer(200, {})) as server,
        Client(settings(server.url)) as client,
    ):
        await upload(client, document_type="ID_CARD", media_type="application/pdf")
    assert [b"content"] * 4 == [
        parts(call.headers["content-type"], call.body)[-1].content for call in server.calls
    ]


async def one_time(content: bytes) -> AsyncIterator[bytes]:
    """An iterator that is used up by one upload."""
    yield content


async def test_iterator_leaves_once(no_waiting: None) -> None:
    """A file that can be read only once leaves once, in chunks when its size is not known."""
    async with (
        w.serve(otherwise=w.answer(503, {})) as server,
        Client(settings(server.url)) as client,
    ):
        for size in (None, 3):
            with pytest.raises(OutcomeUnknown):
                await upload(client, one_time(b"abc"), size=size)
    assert [("chunked", None), (None, str(len(server.calls[1].body)))] == [
        (call.headers.get("transfer-encoding"), call.headers.get("content-length"))
        for call in server.calls
    ]
    assert [b"abc", b"abc"] == [
        parts(call.headers["content-type"], call.body)[0].content for call in server.calls
    ]


@pytest.mark.parametrize("repeatable", [True, False])
async def test_upload_with_an_expired_token(repeatable: bool) -> None:
    """After a 401 for an expired token a file that can seek is sent again.

    An iterator is NotSent, and the next call has the new token.
    """
    expired = w.answer(401, {}, {"WWW-Authenticate": "Bearer error_description=expired"})
    async with (
        w.serve(expired, w.answer(200, {}), tokens=(w.token("old"), w.token("new"))) as server,
        Client(settings(server.url)) as client,
    ):
        if not repeatable:
            with pytest.raises(NotSent, match="open it again"):
                await upload(client, one_time(b"abc"))
        await upload(client)
    assert ["Bearer old", "Bearer new"] == [call.headers["authorization"] for call in server.calls]


@pytest.mark.parametrize(
    ("body", "good"), [(b"", True), (b"{}", True), (b'"ok"', True), (b"<html>", False)]
)
async def test_reply_to_an_upload(body: bytes, good: bool, no_waiting: None) -> None:
    """No body and any JSON is a success; a page of some gateway is not."""
    async with (
        w.serve(otherwise=w.answer(200, body)) as server,
        Client(settings(server.url)) as client,
    ):
        try:
            await upload(client)
        except OutcomeUnknown as error:
            assert (good, error.cause) == (False, "unreadable")
        else:
            assert good


async def test_file_too_large() -> None:
    """A file that is too large is a refusal with status 413, and its name does not come back."""
    async with w.serve(reply("upload_413")) as server, Client(settings(server.url)) as client:
        with pytest.raises(Rejected) as caught:
            await client.number_orders.upload_attachment(
                ORDER_ID,
                ATTACHMENT_ID,
                io.BytesIO(b"x"),
                file_name=SecretStr("ada-example-register.pdf"),
            )
    assert (413, "CONTENT_TOO_LARGE", "file") == (
        caught.value.status,
        caught.value.code,
        caught.value.resource_name,
    )


async def test_file_that_breaks_off(no_waiting: None) -> None:
    """A store that fails in the middle leaves the outcome unknown with its cause, and the vendor
    never has a whole body.
    """

    async def failing() -> AsyncIterator[bytes]:
        yield b"abc"
        raise OSError("s3://kyc/ada.pdf is gone")

    async with (
        w.serve(otherwise=w.answer(200, {})) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            await upload(client, failing())
    assert ("source_failed", [], "ada" in f"{caught.value!s}{caught.value.__cause__!r}") == (
        caught.value.cause,
        server.calls,
        False,
    )


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: number_orders.build_get("p", ""), "order_id"),
        (lambda: number_orders.build_submit("p", ".."), "order_id"),
        (lambda: number_orders.build_get_registration("p", "a/b"), "order_id"),
        (lambda: number_orders.build_update_registration("p", "a\n", {}), "order_id"),
        (
            lambda: number_orders.build_lookup_requirements(
                "p", region_code="au", number_type="MOBILE"
            ),
            "region_code",
        ),
        (
            lambda: number_orders.build_lookup_requirements("p", region_code="AU", number_type="m"),
            "number_type",
        ),
        (lambda: order(region_code="Australia", quantity=1), "region_code"),
        (lambda: order(number_type="mobile", quantity=1), "number_type"),
        (lambda: order(phone_number="0491570156"), "phone_number"),
        (lambda: order(quantity=1, pattern="614", search_pattern="START"), "pattern"),
        (lambda: order(quantity=1, capabilities=("sms",)), "capabilities"),
    ],
)
def test_bad_input(build: Any, field: str) -> None:
    """A value that cannot work names its field before anything is built."""
    with pytest.raises(BadInput) as caught:
        build()
    assert (field, True) == (caught.value.field, bool(caught.value.remedy))


def order(**wanted: Any) -> Any:
    """The request for an order of AU MOBILE, unless told otherwise."""
    return number_orders.build_create(
        "p", NumberOrderRequest(**{"region_code": "AU", "number_type": "MOBILE", **wanted})
    )


async def test_bad_attachment_id() -> None:
    """The id of a required file is checked like that of an order."""
    async with w.serve() as server, Client(settings(server.url)) as client:
        with pytest.raises(BadInput, match="attachment_id"):
            await client.number_orders.upload_attachment(
                ORDER_ID, "../x", io.BytesIO(b"x"), file_name="x"
            )
    assert server.seen == []


def test_gateways_greeting_is_no_empty_form() -> None:
    """JSON that is neither requirements nor a registration is not read as "nothing to fill in"."""
    for request in (
        number_orders.build_lookup_requirements("p", region_code="AU", number_type="MOBILE"),
        number_orders.build_get_registration("p", ORDER_ID),
    ):
        with pytest.raises(OutcomeUnknown):
            decipher(request, 200, {}, b'{"status": "ok"}')
