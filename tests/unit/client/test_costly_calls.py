"""Every costly call, over a real socket: whatever goes wrong after it left, it left once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import stamina
from support import wire as w
from support.accounts import Log, settings

from numberflow.client import Client
from numberflow.errors import OutcomeUnknown, Rejected, Throttled
from numberflow.models import SmsSettings
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.hosting import (
    BlanketLoa,
    DirectLoa,
    ImportNumbersRequest,
    Signer,
    SignerAddress,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)
from numberflow.models.imported import ImportedUpdateRequest, ImportNumberRequest
from numberflow.models.number_orders import NumberOrderRequest

pytestmark = pytest.mark.anyio

ORDER_ID = "01k0q7b2m4x8d6r5s9t3v1w0yz"
NUMBER = "+13075550142"
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
TOLL_FREE = TextEnableTollFreeRequest(
    region_code="US",
    numbers=("+18335550129",),
    service_plan_id="p",
    loa=DirectLoa(
        authorised_person=Signer(first_name="Ada", last_name="Example", email="ada@example.test"),
        address=SignerAddress(
            building_number="1",
            street="Sample Road",
            city="Springfield",
            state="IL",
            postal_code="62701",
            country="US",
        ),
        current_voice_carrier="Example Telco",
    ),
)

Call = Callable[[Client, Log | None], Awaitable[Any]]
COSTLY: dict[str, Call] = {
    "create order": lambda client, watch: client.number_orders.create(
        NumberOrderRequest(region_code="AU", number_type="MOBILE", quantity=1), watch=watch
    ),
    "submit order": lambda client, watch: client.number_orders.submit(ORDER_ID, watch=watch),
    "provision": lambda client, watch: client.emergency_addresses.provision(
        NUMBER, ADDRESS, watch=watch
    ),
    "import": lambda client, watch: client.imported_numbers.import_number(
        ImportNumberRequest(
            phone_number=NUMBER, region_code="US", sms=SmsSettings(service_plan_id="p")
        ),
        watch=watch,
    ),
    "update imported": lambda client, watch: client.imported_numbers.update(
        NUMBER, ImportedUpdateRequest(display_name="x"), watch=watch
    ),
    "delete imported": lambda client, watch: client.imported_numbers.delete(NUMBER, watch=watch),
    "add qualified": lambda client, watch: client.qualified_numbers.add([NUMBER], watch=watch),
    "voice challenge": lambda client, watch: client.qualified_numbers.send_voice_challenge(
        NUMBER, watch=watch
    ),
    "verify": lambda client, watch: client.qualified_numbers.verify_voice_challenge(
        NUMBER, "1234", watch=watch
    ),
    "delete qualified": lambda client, watch: client.qualified_numbers.delete(NUMBER, watch=watch),
    "text-enable, twin": lambda client, watch: client.qualified_numbers.text_enable(
        LOCAL, watch=watch
    ),
    "text-enable toll-free, twin": lambda client, watch: (
        client.qualified_numbers.text_enable_toll_free(TOLL_FREE, watch=watch)
    ),
    "import order": lambda client, watch: client.hosting_orders.import_numbers(
        ImportNumbersRequest(region_code="US", numbers=(NUMBER,), service_plan_id="p"), watch=watch
    ),
    "text-enable": lambda client, watch: client.hosting_orders.text_enable(LOCAL, watch=watch),
    "text-enable toll-free": lambda client, watch: client.hosting_orders.text_enable_toll_free(
        TOLL_FREE, watch=watch
    ),
    "deprovision": lambda client, watch: client.emergency_addresses.deprovision(
        NUMBER, watch=watch
    ),
}

AFTER_LEAVING: dict[str, tuple[w.Behaviour, str]] = {
    "reset": (w.reset, "reset"),
    "read time-out": (w.hang, "read_timeout"),
    "cut short": (w.cut_short, "cut_short"),
    "503": (w.answer(503, {}, {"Retry-After": "0"}), "server_error"),
    "HTML with 200": (w.answer(200, b"<html>"), "unreadable"),
}


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Repeats, should there be any, come at once."""
    with stamina.set_testing(True, attempts=100):
        yield


@pytest.mark.parametrize("fault", AFTER_LEAVING)
@pytest.mark.parametrize("call", COSTLY)
async def test_costly_call_leaves_once(call: str, fault: str) -> None:
    """A costly call that meets a fault after it left is on the wire once, comes back as
    OutcomeUnknown, and asked the watch once.
    """
    behaviour, cause = AFTER_LEAVING[fault]
    watch = Log()
    async with w.serve(otherwise=behaviour) as server, Client(settings(server.url)) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await COSTLY[call](client, watch)
    assert (1, cause, 1) == (
        len(server.calls),
        caught.value.cause,
        watch.events.count("before_send"),
    )


@pytest.mark.parametrize(("status", "kind"), [(400, Rejected), (409, Rejected), (429, Throttled)])
@pytest.mark.parametrize("call", COSTLY)
async def test_refused_costly_call_leaves_once(
    call: str, status: int, kind: type[Exception]
) -> None:
    """A refused costly call is not repeated, 429 included."""
    async with (
        w.serve(otherwise=w.answer(status, {})) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(kind):
            await COSTLY[call](client, None)
    assert len(server.calls) == 1
