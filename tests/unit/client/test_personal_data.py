"""Marked personal data: it is on the wire, and nowhere else."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
import stamina
from support import wire as w
from support.accounts import settings

from numberflow.client import Client
from numberflow.errors import NumberflowError
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.hosting import (
    ResellerLoa,
    Signer,
    SignerAddress,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)

pytestmark = pytest.mark.anyio

ORDER_ID = "01k0q7b2m4x8d6r5s9t3v1w0yz"
NUMBER = "+13075550142"
MARK = "Marked-Person-7f3a"
SHORT = "Qzx"
ADDRESS = EmergencyAddressRequest(
    display_name=SHORT,
    street_number="1",
    street_info=f"{MARK} Road",
    city="Atlanta",
    state="GA",
    postal_code="30303",
)
LETTER = ResellerLoa(
    business_name=f"{MARK} Bakery",
    authorised_person=Signer(first_name=SHORT, last_name=MARK, email=f"{MARK}@example.test"),
    address=SignerAddress(
        building_number="1",
        street=f"{MARK} Road",
        city="Springfield",
        state="IL",
        postal_code="62701",
        country="US",
    ),
    current_voice_carrier=MARK,
)

Call = Callable[[Client], Awaitable[Any]]
PERSONAL: dict[str, Call] = {
    "registration": lambda client: client.number_orders.update_registration(
        ORDER_ID,
        {"data": [{"firstName": SHORT, "lastName": MARK}, [{"address": f"{MARK} Street 1"}]]},
    ),
    "validate address": lambda client: client.emergency_addresses.validate(NUMBER, ADDRESS),
    "provision address": lambda client: client.emergency_addresses.provision(NUMBER, ADDRESS),
    "text-enable": lambda client: client.hosting_orders.text_enable(
        TextEnableRequest(region_code="US", numbers=(NUMBER,), service_plan_id="p", loa=LETTER)
    ),
    "text-enable toll-free": lambda client: client.hosting_orders.text_enable_toll_free(
        TextEnableTollFreeRequest(
            region_code="US", numbers=(NUMBER,), service_plan_id="p", loa=LETTER
        )
    ),
    "text-enable, twin": lambda client: client.qualified_numbers.text_enable(
        TextEnableRequest(region_code="US", numbers=(NUMBER,), service_plan_id="p", loa=LETTER)
    ),
    "attachment": lambda client: client.number_orders.upload_attachment(
        ORDER_ID, "a", io.BytesIO(f"{SHORT} {MARK}".encode()), file_name=f"{SHORT} {MARK}.pdf"
    ),
}

ECHO: dict[str, Any] = {
    "code": 400,
    "message": f"{MARK.upper()} of {SHORT}",
    "status": f"BAD {MARK}",
    "details": [
        {
            "type": "ResourceInfo",
            "resourceType": MARK,
            "resourceName": SHORT,
            "description": f"{MARK} {SHORT}",
        },
        {
            "type": "BadRequest",
            "fieldViolations": [{"field": MARK, "description": f"'{SHORT}', {MARK}/x"}],
        },
    ],
}
REPLIES: dict[str, w.Behaviour] = {
    **{f"{status} echo": w.answer(status, {"error": ECHO}) for status in (400, 403, 404, 429, 500)},
    "409 flat echo": w.answer(409, ECHO),
    "200 echo": w.answer(200, [MARK, SHORT]),
    "200 text": w.answer(200, f"<p>{SHORT} {MARK}".encode()),
    "200 odd members": w.answer(
        200,
        {
            "requestDetails": MARK,
            "streetInfo": MARK,
            "city": [SHORT],
            "validationResult": [MARK],
            "hostingOrderId": [MARK],
        },
    ),
    "reset": w.reset,
    "read time-out": w.hang,
    "cut short": w.cut_short,
    "not HTTP": w.garbage,
}


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Repeats come at once."""
    with stamina.set_testing(True, attempts=3):
        yield


def chain(error: BaseException | None) -> list[BaseException]:
    """The error and everything that hangs on it, causes and suppressed contexts too."""
    if error is None:
        return []
    return [error, *chain(error.__cause__), *chain(error.__context__)]


def shown(error: BaseException) -> str:
    """All that a log, a stored result or a curious tool could show of an error."""
    texts: list[object] = []
    for each in chain(error):
        texts += [
            str(each),
            repr(each),
            vars(each),
            pickle.dumps(each) if isinstance(each, NumberflowError) else "",
        ]
        if isinstance(each, httpx.RequestError):
            texts += [each.request.headers, each.request.content]
        if isinstance(each, json.JSONDecodeError):
            texts.append(each.doc)
    return "\n".join(map(str, texts))


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("call", PERSONAL)
async def test_personal_data_stays_on_the_wire(
    call: str, reply: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the vendor or the network answers, data that left is in no error, cause, pickle or
    log, though the vendor repeats it in every place.
    """
    caplog.set_level("DEBUG")
    error: BaseException | None = None
    async with (
        w.serve(otherwise=REPLIES[reply]) as server,
        Client(settings(server.url, http_timeout_s=0.1)) as client,
    ):
        try:
            result = await PERSONAL[call](client)
        except NumberflowError as caught:
            error = caught
        else:
            assert MARK not in repr(result)
    sent = [call.body.decode() for call in server.calls]
    assert [True] * len(sent) == [MARK in body and SHORT in body for body in sent]
    assert sent
    told = caplog.text + (shown(error) if error else "")
    assert [False, False] == [text.casefold() in told.casefold() for text in (MARK, SHORT)]
