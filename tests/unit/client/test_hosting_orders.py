"""Hosting orders over a real socket: what leaves, and what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import wire as w
from support.accounts import ONCE, settings
from support.samples import load

from numberflow.client import Client, hosting_orders
from numberflow.errors import BadInput, OutcomeUnknown, Rejected
from numberflow.models.hosting import (
    BlanketLoa,
    DirectLoa,
    HostingOrderState,
    HostingOrderType,
    ImportNumbersRequest,
    Signer,
    SignerAddress,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)

pytestmark = pytest.mark.anyio

ORDER_ID = "01arz3nhyrtsv4rrffq69g5fav"
NUMBER = "+17724295286"
BASE = "/imported/v1/projects/project-1/hostingOrders"
IMPORT = ImportNumbersRequest(
    region_code="US", numbers=(NUMBER,), service_plan_id="p", display_name="nf-token"
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
LOCAL = TextEnableRequest(
    region_code="US", numbers=(NUMBER,), service_plan_id="p", campaign_id="c", loa=LETTER
)
TOLL_FREE = TextEnableTollFreeRequest(
    region_code="US", numbers=("+18335550129",), service_plan_id="p", loa=LETTER
)


def reply(name: str) -> w.Behaviour:
    """The recorded reply."""
    sample = load(name, "imported")
    return w.answer(sample.status, sample.body)


async def test_three_kinds_of_orders() -> None:
    """Bulk import, local and toll-free text-enable are sent as documented and return the order."""
    script = ("order_import_200", "order_text_enable_200", "order_text_enable_200")
    async with w.serve(*map(reply, script)) as server, Client(settings(server.url)) as client:
        orders = [
            await client.hosting_orders.import_numbers(IMPORT),
            await client.hosting_orders.text_enable(LOCAL),
            await client.hosting_orders.text_enable_toll_free(TOLL_FREE),
        ]
    assert [
        (HostingOrderType.IMPORT, HostingOrderState.SUBMITTED),
        (HostingOrderType.TEXT_ENABLE, HostingOrderState.SUBMITTED),
        (HostingOrderType.TEXT_ENABLE, HostingOrderState.SUBMITTED),
    ] == [(order.order_type, order.state) for order in orders]
    assert [
        ("POST", f"{BASE}:importNumbers", IMPORT.to_wire()),
        ("POST", f"{BASE}:textEnableNumbers", LOCAL.to_wire()),
        ("POST", f"{BASE}:textEnableTollFreeNumbers", TOLL_FREE.to_wire()),
    ] == [(call.method, call.target, json.loads(call.body)) for call in server.calls]


async def test_following_an_order() -> None:
    """Order, report, numbers and one number are read, page after page."""
    more = {"numbers": [], "nextPageToken": "", "totalSize": 1}
    first = {**json.loads(load("order_numbers_page_200", "imported").body), "nextPageToken": "t"}
    async with (
        w.serve(
            reply("order_waiting_200"),
            reply("report_200"),
            w.answer(200, first),
            w.answer(200, more),
            reply("order_number_200"),
        ) as server,
        Client(settings(server.url)) as client,
    ):
        order = await client.hosting_orders.get(ORDER_ID)
        report = await client.hosting_orders.report(ORDER_ID)
        numbers = [
            number
            async for number in client.hosting_orders.iterate_numbers(
                ORDER_ID,
                osr_update_state="DONE",
                platform_provisioning_state="DONE",
                campaign_provisioning_state="FAILED",
            )
        ]
        number = await client.hosting_orders.get_number(ORDER_ID, NUMBER)
    assert (HostingOrderState.WAITING_FOR_LOA_SIGNATURE, 2, [number]) == (
        order.state,
        report.total,
        numbers,
    )
    query = "osrUpdateState=DONE&platformProvisioningState=DONE&campaignProvisioningState=FAILED"
    path = f"{BASE}/{ORDER_ID}"
    assert [
        path,
        f"{path}/report",
        f"{path}/numbers?{query}&pageSize=100",
        f"{path}/numbers?{query}&pageSize=100&pageToken=t",
        f"{path}/numbers/%2B17724295286",
    ] == [call.target for call in server.calls]


async def test_list() -> None:
    """State, type and both ids are always sent, the empty one too."""
    async with w.serve(reply("orders_page_200")) as server, Client(settings(server.url)) as client:
        found = [
            order.hosting_order_id
            async for order in client.hosting_orders.iterate(
                state=HostingOrderState.SUBMITTED,
                order_type=HostingOrderType.TEXT_ENABLE,
                service_plan_id="p",
                campaign_id="",
                region_code="US",
                order_by="createdTime",
            )
        ]
    assert [ORDER_ID] == found
    wanted = (
        "states=SUBMITTED&type=TYPE_TEXT_ENABLE&servicePlanId=p&campaignId=&regionCode=US"
        "&orderBy=createdTime&pageSize=100"
    )
    assert [f"{BASE}?{wanted}"] == [call.target for call in server.calls]


async def test_an_order_of_another_name_is_no_answer() -> None:
    """A reply about another order than the one asked for is not read as that order's."""
    requested = hosting_orders.build_get("project-1", "another")
    async with (
        w.serve(otherwise=reply("order_waiting_200")) as server,
        Client(settings(server.url), read_budget=ONCE) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            await client.hosting_orders.get("another")
    assert ("wrong_order", True) == (
        caught.value.cause,
        server.calls[0].target.endswith(requested.path),
    )


async def test_refused_letter_shows_nobody() -> None:
    """A refused letter names the field and blots out the signer, the address and the carrier."""
    async with w.serve(reply("text_enable_400")) as server, Client(settings(server.url)) as client:
        with pytest.raises(Rejected) as caught:
            await client.hosting_orders.text_enable(LOCAL)
    assert (
        "… of …, 10 …, is not valid",
        (("directLoaInfo.authorisedPerson.email", "… … cannot sign"),),
    ) == (
        caught.value.vendor_message,
        caught.value.field_violations,
    )


def with_numbers(count: int) -> tuple[str, ...]:
    """That many numbers."""
    return tuple(f"+1772429{n:04}" for n in range(count))


def of(request: Any, **changes: Any) -> Any:
    """The request with changes."""
    return request.model_copy(update=changes)


def listing(**changes: Any) -> Any:
    """The request for a page of orders."""
    wanted = {
        "state": "SUBMITTED",
        "order_type": "IMPORT",
        "service_plan_id": "p",
        "campaign_id": "c",
    }
    return hosting_orders.build_list_page("p", **{**wanted, **changes})


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (
            lambda: hosting_orders.build_import_numbers("p", of(IMPORT, numbers=with_numbers(6))),
            "numbers",
        ),
        (lambda: hosting_orders.build_import_numbers("p", of(IMPORT, numbers=())), "numbers"),
        (
            lambda: hosting_orders.build_import_numbers("p", of(IMPORT, numbers=(NUMBER, NUMBER))),
            "numbers",
        ),
        (
            lambda: hosting_orders.build_import_numbers("p", of(IMPORT, region_code="PR")),
            "region_code",
        ),
        (
            lambda: hosting_orders.build_text_enable("p", of(LOCAL, numbers=with_numbers(501))),
            "numbers",
        ),
        (lambda: hosting_orders.build_text_enable("p", of(LOCAL, region_code="GB")), "region_code"),
        (
            lambda: hosting_orders.build_text_enable_toll_free(
                "p", of(TOLL_FREE, numbers=("833",))
            ),
            "phone_number",
        ),
        (lambda: hosting_orders.build_get("p", ""), "hosting_order_id"),
        (lambda: hosting_orders.build_report("p", "../x"), "hosting_order_id"),
        (lambda: hosting_orders.build_get_number("p", ORDER_ID, "x"), "phone_number"),
        (
            lambda: hosting_orders.build_list_numbers_page("p", ORDER_ID, osr_update_state="done"),
            "osr_update_state",
        ),
        (lambda: hosting_orders.build_list_numbers_page("p", ORDER_ID, order_by="x"), "order_by"),
        (lambda: listing(state=""), "state"),
        (lambda: listing(order_type="import"), "order_type"),
        (lambda: listing(region_code="us"), "region_code"),
        (lambda: listing(page_size=-1), "page_size"),
    ],
)
def test_bad_input(build: Any, field: str) -> None:
    """A value that cannot work names its field before anything is built."""
    with pytest.raises(BadInput) as caught:
        build()
    assert (field, True) == (caught.value.field, bool(caught.value.remedy))


def test_limits() -> None:
    """An account with a raised limit may import more, and 500 numbers are text-enabled at once."""
    request = hosting_orders.build_import_numbers(
        "p", of(IMPORT, numbers=with_numbers(6)), numbers_max=6
    )
    assert len(json.loads(request.body or b"")["numbers"]) == 6
    local = of(LOCAL, numbers=with_numbers(500), loa=BlanketLoa())
    assert (
        len(json.loads(hosting_orders.build_text_enable("p", local).body or b"")["numbers"]) == 500
    )
