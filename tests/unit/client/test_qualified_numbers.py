"""Qualified numbers over a real socket: what leaves, and what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr
from support import wire as w
from support.accounts import settings
from support.samples import load

from numberflow.client import Client, qualified_numbers
from numberflow.errors import BadInput, Rejected
from numberflow.models.hosting import (
    BlanketLoa,
    DirectLoa,
    Signer,
    SignerAddress,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)
from numberflow.models.imported import QualificationState

pytestmark = pytest.mark.anyio

NUMBER = "+12025550134"
OTHER = "+12025550135"
BASE = "/imported/v1/projects/project-1/qualifiedNumbers"
ORDER_ID = "01arz3nhyrtsv4rrffq69g5fav"
LOCAL = TextEnableRequest(
    region_code="US", numbers=(NUMBER,), service_plan_id="p", loa=BlanketLoa()
)
LETTER = DirectLoa(
    authorised_person=Signer(first_name="Ada", last_name="Example", email="ada@example.test"),
    address=SignerAddress(
        building_number="10",
        street="Sample Road",
        city="Springfield",
        state="IL",
        postal_code="62701",
        country="US",
    ),
    current_voice_carrier="Example Telco",
)
TOLL_FREE = TextEnableTollFreeRequest(
    region_code="US", numbers=("+18335550129",), service_plan_id="p", loa=LETTER
)


def reply(name: str) -> w.Behaviour:
    """The recorded reply."""
    sample = load(name, "imported")
    return w.answer(sample.status, sample.body)


async def test_way_to_verified() -> None:
    """Add, look, call, verify, forget.

    Each leaves as documented, with phoneNumbers as the key and the code as text.
    """
    script = ("added_200", "qualified_200", "qualified_200", "verified_200", "deleted_200")
    async with w.serve(*map(reply, script)) as server, Client(settings(server.url)) as client:
        numbers = client.qualified_numbers
        added = await numbers.add([NUMBER, OTHER])
        shown = await numbers.get(NUMBER)
        called = await numbers.send_voice_challenge(NUMBER)
        verified = await numbers.verify_voice_challenge(NUMBER, "0042")
        await numbers.delete(NUMBER)
    assert ([NUMBER, OTHER], shown, QualificationState.HOSTING_DONE) == (
        [number.phone_number for number in added],
        called,
        verified.state,
    )
    number = f"{BASE}/%2B12025550134"
    assert [
        ("POST", f"{BASE}:addNumbers", {"phoneNumbers": [NUMBER, OTHER]}),
        ("GET", number, None),
        ("POST", f"{number}:sendVoiceChallenge", None),
        ("POST", f"{number}:verifyVoiceChallenge", {"code": "0042"}),
        ("DELETE", number, None),
    ] == [
        (call.method, call.target, json.loads(call.body) if call.body else None)
        for call in server.calls
    ]


async def test_list_per_state() -> None:
    """A walk asks for one state, by its full name."""
    async with (
        w.serve(reply("qualified_page_200")) as server,
        Client(settings(server.url)) as client,
    ):
        found = [
            number.phone_number
            async for number in client.qualified_numbers.iterate(
                state=QualificationState.VERIFIED, region_code="US", order_by="updatedTime"
            )
        ]
    assert [NUMBER] == found
    assert [
        f"{BASE}?states=GLOBAL_PROCESS_STATE_VERIFIED&regionCode=US&pageSize=100&orderBy=updatedTime"
    ] == [call.target for call in server.calls]


async def test_text_enable_twins() -> None:
    """Text-enabling from here sends the same body as from the orders.

    Local numbers are answered with the order's id alone.
    """
    async with (
        w.serve(reply("text_enabled_id_200"), reply("order_text_enable_200")) as server,
        Client(settings(server.url)) as client,
    ):
        order_id = await client.qualified_numbers.text_enable(LOCAL)
        order = await client.qualified_numbers.text_enable_toll_free(TOLL_FREE)
    assert (ORDER_ID, ORDER_ID) == (order_id, order.hosting_order_id)
    assert [
        (f"{BASE}:textEnableNumbers", LOCAL.to_wire()),
        (f"{BASE}:textEnableTollFreeNumbers", TOLL_FREE.to_wire()),
    ] == [(call.target, json.loads(call.body)) for call in server.calls]


async def test_code_does_not_show() -> None:
    """The spoken code is in no error, though the vendor repeats it."""
    echo = {"code": "400", "message": "code 48213 is stale", "status": "INVALID_ARGUMENT"}
    async with w.serve(w.answer(400, echo)) as server, Client(settings(server.url)) as client:
        with pytest.raises(Rejected) as caught:
            await client.qualified_numbers.verify_voice_challenge(NUMBER, SecretStr("48213"))
    assert ("code … is stale", False) == (
        caught.value.vendor_message,
        "48213" in str(vars(caught.value)),
    )


@pytest.mark.parametrize("code", ["", "12 34", "1\n", "1" * 33])
def test_what_is_no_code(code: str) -> None:
    """What cannot be a code does not use up a try, and is not shown."""
    with pytest.raises(BadInput) as caught:
        qualified_numbers.build_verify_voice_challenge("p", NUMBER, SecretStr(code))
    assert ("code", "code: not what a voice would spell") == (
        caught.value.field,
        caught.value.message,
    )


MANY = [f"+1202555{n:04}" for n in range(501)]


@pytest.mark.parametrize(
    ("numbers", "field"),
    [
        ([], "phone_numbers"),
        (MANY, "phone_numbers"),
        ([NUMBER, OTHER, NUMBER], "phone_numbers"),
        (NUMBER, "phone_numbers"),
        (["2025550134"], "phone_number"),
    ],
)
def test_bad_batches(numbers: Any, field: str) -> None:
    """A batch is 1 to 500 numbers, each once."""
    with pytest.raises(BadInput) as caught:
        qualified_numbers.build_add_numbers("p", numbers)
    assert (field, True) == (caught.value.field, bool(caught.value.remedy))


def test_largest_batch() -> None:
    """500 numbers go into one request."""
    body = qualified_numbers.build_add_numbers("p", MANY[:500]).body
    assert body is not None
    assert len(json.loads(body)["phoneNumbers"]) == 500
