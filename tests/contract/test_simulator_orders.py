"""Every number-order operation and its refusals, in-process and on a port.

Each exchange is validated against docs/vendor/.
"""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support.openapi import validate_callback
from support.registrations import (
    AU_FILE,
    AU_OPTIONAL_FILE,
    DE_ADDRESS_FILE,
    DE_IDENTITY_FILE,
    PDF,
    au_mobile,
    de_local,
)
from support.simulated import Checked, checked, error_of

from numberflow.simulator import SimulatorSettings

pytestmark = pytest.mark.anyio

START_AT = datetime(2026, 2, 3, 10, 15, 30, 481516, tzinfo=UTC)
AU = {"regionCode": "AU", "numberType": "MOBILE"}
DE = {"regionCode": "DE", "numberType": "LOCAL"}
US = {"regionCode": "US", "numberType": "LOCAL"}
DAY = 86_400


@pytest.fixture(params=["in-process", "served"])
async def api(request) -> AsyncIterator[Checked]:
    settings = SimulatorSettings(seed=7, active=0, speed=0, start_at=START_AT, stock_us_local=60)
    async with checked(request.param, settings) as client:
        yield client


@pytest.fixture
async def control(api) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=api.simulator.control_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as client:
        yield client


async def create(api, **body):
    if "numberOrderOption" not in body and "quantityOrderOption" not in body:
        kind = {"regionCode": body["regionCode"], "type": body["numberType"]}
        chosen = (await api.offered(**kind, size=1))[0]["phoneNumber"]
        body["numberOrderOption"] = {"phoneNumbers": [chosen]}
    response = await api.call("POST", "numberOrders:createNumberOrder", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def fill(api, order):
    path = f"numberOrders/{order['idNumberOrder']}"
    put = await api.call(
        "PUT", f"{path}/registration", json={"requestDetails": {"data": au_mobile()}}
    )
    assert put.status_code == 200, put.text
    assert (
        await api.call("POST", f"{path}/attachments/{AU_FILE}", files={"file": PDF})
    ).json() == {}
    api.later(5)
    return path


async def test_requirements(api):
    """AU MOBILE has a form of three sections and two files.

    A kind without requirements is the recorded 404.
    """
    found = (await api.call("POST", "numberOrders:lookupNumberRequirements", json=AU)).json()
    assert (found["fields"]["schema"], len(found["fields"]["rules"])) == (
        "/schema/policySchema-v1.json",
        3,
    )
    assert [(AU_FILE, True), (AU_OPTIONAL_FILE, False)] == [
        (file["id"], file["mandatory"]) for file in found["attachments"]
    ]
    for kind in (
        US,
        {"regionCode": "US", "numberType": "TOLL_FREE"},
        {"regionCode": "SE", "numberType": "MOBILE"},
    ):
        missing = await api.call("POST", "numberOrders:lookupNumberRequirements", json=kind)
        assert error_of(missing) == (
            404,
            "NOT_FOUND",
            "Number requirements not found",
            ["NumberProduct"],
        )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "INVALID_ARGUMENT", "", ["region_code"])),
        ({"regionCode": "AU"}, (400, "INVALID_ARGUMENT", "", ["number_type"])),
        (
            {"regionCode": "AU", "numberType": "CELL"},
            (
                400,
                "INVALID_ARGUMENT",
                'parsing field "numberType": "CELL" is not a valid value',
                [],
            ),
        ),
    ],
)
async def test_refused_lookups(api, body, expected):
    """A look-up needs a region and a type."""
    response = await api.call(
        "POST", "numberOrders:lookupNumberRequirements", json=body, sloppy=True
    )
    assert expected == error_of(response)


async def test_a_given_number_is_ordered(api):
    """Creating an order reserves the number at the price of the search.

    The order reads the same, and nothing is charged.
    """
    offered = (await api.offered(regionCode="AU", type="MOBILE", size=1))[0]
    order = await create(
        api,
        **AU,
        numberOrderOption={"phoneNumbers": [offered["phoneNumber"]]},
        smsConfiguration={"servicePlanId": "plan-0001"},
        voiceConfiguration={"type": "EST", "trunkId": "trunk-1"},
        callbackUrl="https://hooks.example.test/orders",
    )
    [number] = order["orderNumbers"]
    assert (order["state"], number["phoneNumber"], number["capabilities"]) == (
        "CREATED",
        offered["phoneNumber"],
        offered["capability"],
    )
    assert number["numberPrice"] == {
        "setupPrice": offered["setupPrice"],
        "monthlyPrice": offered["monthlyPrice"],
        "paymentIntervalMonths": 1,
    }
    assert (order["expireTime"], order["createTime"]) == (
        "2026-02-05T10:15:30.481516Z",
        "2026-02-03T10:15:30Z",
    )
    assert (order["smsConfiguration"], order["voiceConfiguration"]) == (
        {"servicePlanId": "plan-0001"},
        {"type": "EST", "trunkId": "trunk-1"},
    )
    assert "callbackUrl" not in order
    assert order == (await api.call("GET", f"numberOrders/{order['idNumberOrder']}")).json()
    assert (await api.call("GET", f"availableNumbers/{offered['phoneNumber']}")).status_code == 404
    assert api.simulator.charges() == []


async def test_configurations_not_given_are_left_out(api):
    """An order without links has no smsConfiguration and no voiceConfiguration (README, correction
    6).
    """
    order = await create(api, **AU)
    assert {"smsConfiguration", "voiceConfiguration"}.isdisjoint(order)


async def test_a_quantity_is_ordered(api):
    """25 numbers by pattern and capabilities; a sequential order gets neighbours."""
    option = {
        "requestedQuantity": 25,
        "numberPattern": {"pattern": "+614", "searchPattern": "START"},
        "capabilities": ["SMS", "VOICE"],
    }
    order = await create(api, **AU, quantityOrderOption=option)
    assert len({number["phoneNumber"] for number in order["orderNumbers"]}) == 25
    order = await create(
        api, **DE, quantityOrderOption={"requestedQuantity": 4, "sequential": True}
    )
    values = [int(number["phoneNumber"]) for number in order["orderNumbers"]]
    assert list(range(values[0], values[0] + 4)) == values


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, ["order_option"]),
        (
            {
                "numberOrderOption": {"phoneNumbers": ["+61412000000"]},
                "quantityOrderOption": {"requestedQuantity": 1},
            },
            ["order_option"],
        ),
        ({"numberOrderOption": {"phoneNumbers": []}}, ["number_order_option.phone_numbers"]),
        (
            {"numberOrderOption": {"phoneNumbers": ["+61412000000", "+61412000001"]}},
            ["number_order_option.phone_numbers"],
        ),
        (
            {"numberOrderOption": {"phoneNumbers": ["0412000000"]}},
            ["number_order_option.phone_numbers"],
        ),
        (
            {"numberOrderOption": {"phoneNumbers": ["+13125550199"]}},
            ["number_order_option.phone_numbers"],
        ),
        ({"quantityOrderOption": {}}, ["quantity_order_option.requested_quantity"]),
        (
            {"quantityOrderOption": {"requestedQuantity": 0}},
            ["quantity_order_option.requested_quantity"],
        ),
        (
            {"quantityOrderOption": {"requestedQuantity": 101}},
            ["quantity_order_option.requested_quantity"],
        ),
        (
            {"quantityOrderOption": {"requestedQuantity": True}},
            ["quantity_order_option.requested_quantity"],
        ),
        (
            {"quantityOrderOption": {"requestedQuantity": 31, "sequential": True}},
            ["quantity_order_option.sequential"],
        ),
        (
            {
                "quantityOrderOption": {
                    "requestedQuantity": 1,
                    "numberPattern": {"pattern": "+1", "searchPattern": "START"},
                }
            },
            ["quantity_order_option.requested_quantity"],
        ),
        (
            {"quantityOrderOption": {"requestedQuantity": 1}, "smsConfiguration": {}},
            ["sms_configuration"],
        ),
        (
            {"quantityOrderOption": {"requestedQuantity": 1}, "callbackUrl": "ftp://x"},
            ["callback_url"],
        ),
    ],
)
async def test_refused_orders(api, change, fields):
    """An order that the contract refuses is a 400 that names the field, and reserves nothing."""
    response = await api.call(
        "POST", "numberOrders:createNumberOrder", json=AU | change, sloppy=True
    )
    assert (400, "INVALID_ARGUMENT", "", fields) == error_of(response)
    assert api.simulator.orders() == []


async def test_a_taken_number(api):
    """An order for a reserved number is 400, or 404 by switch; a number of another kind is 400."""
    order = await create(api, **AU)
    body = AU | {"numberOrderOption": {"phoneNumbers": [order["orderNumbers"][0]["phoneNumber"]]}}
    taken = await api.call("POST", "numberOrders:createNumberOrder", json=body)
    assert error_of(taken) == (400, "INVALID_ARGUMENT", "", ["number_order_option.phone_numbers"])
    api.simulator.switches.set("order_taken_number", "not_found")
    missing = await api.call("POST", "numberOrders:createNumberOrder", json=body)
    assert error_of(missing) == (404, "NOT_FOUND", "", ["AvailableNumber"])
    other = (await api.offered(regionCode="SE", type="MOBILE", size=1))[0]["phoneNumber"]
    wrong = await api.call(
        "POST",
        "numberOrders:createNumberOrder",
        json=AU | {"numberOrderOption": {"phoneNumbers": [other]}},
    )
    assert error_of(wrong) == (400, "INVALID_ARGUMENT", "", ["number_order_option.phone_numbers"])


async def test_trial_account_may_not_order(api):
    """A trial account gets the same 403 as on a rent."""
    api.simulator.world.trial = True
    body = AU | {"quantityOrderOption": {"requestedQuantity": 1}}
    refused = await api.call("POST", "numberOrders:createNumberOrder", json=body)
    expected = (
        403,
        "PERMISSION_DENIED",
        "Trial account is not enabled to rent number",
        ["AvailableNumber"],
    )
    assert expected == error_of(refused)


async def test_unknown_orders(api):
    """Every operation on an unknown order is 404 for that order."""
    path = "numberOrders/01k0q7b2m4x8d6r5s9t3v1w0yz"
    calls = (
        ("GET", path, {}),
        ("GET", f"{path}/registration", {}),
        ("PUT", f"{path}/registration", {"json": {"requestDetails": {}}}),
        ("POST", f"{path}/attachments/{AU_FILE}", {"files": {"file": PDF}}),
        ("POST", f"{path}/submit", {}),
    )
    for method, url, arguments in calls:
        assert error_of(await api.call(method, url, **arguments)) == (
            404,
            "NOT_FOUND",
            "",
            ["NumberOrder"],
        )


async def test_au_mobile_to_completed(api):
    """Registration, file, submission, review.

    After a day the number is active, linked and charged once.
    """
    order = await create(api, **AU, smsConfiguration={"servicePlanId": "plan-0001"})
    path = await fill(api, order)
    registration = (await api.call("GET", f"{path}/registration")).json()
    assert registration["requestDetails"] == {"data": au_mobile()}
    [file] = registration["attachments"]
    assert (file["attachmentId"], file["fileName"], file["uploadStatus"]) == (
        AU_FILE,
        "extract.pdf",
        "COMPLETED",
    )
    assert (await api.call("POST", f"{path}/submit")).json()["state"] == "IN_REVIEW"
    assert (await api.call("POST", f"{path}/submit")).json()["state"] == "IN_REVIEW"
    api.later(DAY)
    done = (await api.call("GET", path)).json()
    phone_number = done["orderNumbers"][0]["phoneNumber"]
    active = (await api.call("GET", f"activeNumbers/{phone_number}")).json()
    assert (done["state"], active["smsConfiguration"]["scheduledProvisioning"]["status"]) == (
        "COMPLETED",
        "WAITING",
    )
    api.later(3)
    active = (await api.call("GET", f"activeNumbers/{phone_number}")).json()
    assert active["smsConfiguration"]["servicePlanId"] == "plan-0001"
    assert [("order", "6.50"), ("order", "6.50")] == [
        (charge["cause"], charge["amount"]) for charge in api.simulator.charges()
    ]


async def test_de_local_needs_two_files_with_types(api):
    """DE LOCAL asks for documentType.

    A wrong one is 400, and both files are needed before the submission.
    """
    order = await create(api, **DE)
    path = f"numberOrders/{order['idNumberOrder']}"
    await api.call("PUT", f"{path}/registration", json={"requestDetails": {"data": de_local()}})
    upload = f"{path}/attachments/{DE_ADDRESS_FILE}"
    refused = await api.call(
        "POST", upload, files={"file": PDF}, data={"documentType": "LIBRARY_CARD"}
    )
    assert error_of(refused) == (400, "INVALID_ARGUMENT", "", ["document_type"])
    assert (
        await api.call("POST", upload, files={"file": PDF}, data={"documentType": "UTILITY_BILL"})
    ).status_code == 200
    api.later(5)
    incomplete = await api.call("POST", f"{path}/submit")
    assert error_of(incomplete) == (
        400,
        "INVALID_ARGUMENT",
        "",
        [f"attachments.{DE_IDENTITY_FILE}"],
    )
    identity = f"{path}/attachments/{DE_IDENTITY_FILE}"
    # No media type is prescribed for the identity document, so any will do.
    odd = ("card.heic", b"x", "image/heic")
    assert (
        await api.call("POST", identity, files={"file": odd}, data={"documentType": "ID_CARD"})
    ).status_code == 200
    api.later(5)
    assert (await api.call("POST", f"{path}/submit")).json()["state"] == "IN_REVIEW"


async def test_refused_registration_names_every_field(api):
    """A registration with two mistakes is a 400 with two violations, and stores nothing."""
    order = await create(api, **AU)
    path = f"numberOrders/{order['idNumberOrder']}/registration"
    data = au_mobile()
    data[0][0]["confirmationOfUse"], data[2]["phoneNumber"] = False, "12"
    refused = await api.call("PUT", path, json={"requestDetails": {"data": data}})
    fields = ["request_details.data[0][0].confirmationOfUse", "request_details.data[2].phoneNumber"]
    assert (400, "INVALID_ARGUMENT", "", fields) == error_of(refused)
    assert (await api.call("GET", path)).json() == {
        "requestDetails": {},
        "attachments": [],
        "logs": [],
    }


async def test_older_shape_of_registration(api):
    """Data at the top level are refused, unless the switch allows what older documents say."""
    order = await create(api, **AU)
    path = f"numberOrders/{order['idNumberOrder']}/registration"
    refused = await api.call("PUT", path, json={"data": au_mobile()}, sloppy=True)
    assert error_of(refused) == (400, "INVALID_ARGUMENT", "", ["request_details"])
    api.simulator.switches.set("order_top_level_data", True)
    stored = await api.call("PUT", path, json={"data": au_mobile()}, sloppy=True)
    assert stored.json()["requestDetails"] == {"data": au_mobile()}


async def test_refused_uploads(api):
    """Unknown id 404, wrong type 400, no file part 400, too large 413; none of them is stored."""
    order = await create(api, **AU)
    path = f"numberOrders/{order['idNumberOrder']}"
    unknown = await api.call("POST", f"{path}/attachments/nothing", files={"file": PDF})
    assert error_of(unknown) == (404, "NOT_FOUND", "", ["Attachment"])
    upload = f"{path}/attachments/{AU_FILE}"
    wrong = await api.call(
        "POST", upload, files={"file": ("a.exe", b"MZ", "application/x-msdownload")}
    )
    assert error_of(wrong) == (400, "INVALID_ARGUMENT", "", ["file"])
    absent = await api.call("POST", upload, files={"other": PDF}, sloppy=True)
    assert error_of(absent) == (400, "INVALID_ARGUMENT", "", ["file"])
    plain = await api.call("POST", upload, json={}, sloppy=True)
    assert error_of(plain) == (400, "INVALID_ARGUMENT", "", ["file"])
    api.simulator.switches.set("attachment_max_bytes", 100)
    large = await api.call("POST", upload, files={"file": ("a.pdf", b"x" * 101, "application/pdf")})
    assert error_of(large) == (413, "CONTENT_TOO_LARGE", "", ["file"])
    assert (await api.call("GET", f"{path}/registration")).json()["attachments"] == []
    assert (
        await api.call("POST", upload, files={"file": ("a.pdf", b"x" * 100, "application/pdf")})
    ).status_code == 200


async def test_the_limit_is_ten_mebibytes(api):
    """A file of exactly 10 MiB is taken, one byte more is 413."""
    order = await create(api, **AU)
    upload = f"numberOrders/{order['idNumberOrder']}/attachments/{AU_FILE}"
    most = 10 * 1024 * 1024
    sizes = [
        (
            await api.call(
                "POST", upload, files={"file": ("a.pdf", b"x" * size, "application/pdf")}
            )
        ).status_code
        for size in (most, most + 1)
    ]
    assert sizes == [200, 413]


async def test_uploading_again(api):
    """A second file replaces the first, or is refused by switch."""
    order = await create(api, **AU)
    path = await fill(api, order)
    upload = f"{path}/attachments/{AU_FILE}"
    await api.call("POST", upload, files={"file": ("second.pdf", b"x", "application/pdf")})
    [file] = (await api.call("GET", f"{path}/registration")).json()["attachments"]
    assert (file["fileName"], file["uploadStatus"]) == ("second.pdf", "WAITING")
    api.simulator.switches.set("attachment_again", "refused")
    refused = await api.call("POST", upload, files={"file": PDF})
    assert error_of(refused) == (400, "INVALID_ARGUMENT", "", ["attachment_id"])


async def test_how_the_registration_lists_files(api):
    """By switch the registration lists missing files too, and shows those that are there under ids
    of its own.
    """
    api.simulator.switches.set("attachment_ids_differ", True)
    api.simulator.switches.set("registration_lists_missing_files", True)
    path = await fill(api, await create(api, **AU))
    files = (await api.call("GET", f"{path}/registration")).json()["attachments"]
    assert [("extract.pdf", 26), ("", 36)] == [
        (file["fileName"], len(file["attachmentId"])) for file in files
    ]


async def test_submit_without_registration(api):
    """Nothing filled in: 400 that names the data and the file; expired: 400.

    ExpireTime may turn null by switch.
    """
    order = await create(api, **AU)
    path = f"numberOrders/{order['idNumberOrder']}"
    refused = await api.call("POST", f"{path}/submit")
    assert error_of(refused)[3] == ["request_details.data", f"attachments.{AU_FILE}"]
    await fill(api, order)
    api.simulator.switches.set("order_expire_time_after_submit", "null")
    assert (await api.call("POST", f"{path}/submit")).json()["expireTime"] is None
    late = f"numberOrders/{(await create(api, **AU))['idNumberOrder']}"
    api.later(2 * DAY)
    assert (await api.call("GET", late)).json()["state"] == "EXPIRED"
    assert error_of(await api.call("POST", f"{late}/submit")) == (
        400,
        "INVALID_ARGUMENT",
        "",
        ["state"],
    )


async def test_no_credit_when_charged_at_submission(api):
    """By switch the money is due on submission; lack of it refuses the submission like a rent."""
    api.simulator.switches.set("order_charged_at", "submitted")
    api.simulator.world.ledger.balance = Decimal(1)
    path = await fill(api, await create(api, **AU))
    refused = await api.call("POST", f"{path}/submit")
    assert error_of(refused) == (400, "FAILED_PRECONDITION", "Insufficient balance", [])


async def test_reviews_are_scripted(api, control):
    """The control port blocks the next review, then rejects the order on the desk.

    Logs appear in the registration.
    """
    script = {
        "action": "review",
        "outcome": "BLOCKED",
        "delay_s": 60,
        "logs": ["Which business?"],
        "times": 1,
    }
    assert (await control.post("/script", json=script)).status_code == 200
    path = await fill(api, await create(api, **AU))
    order_id = path.rpartition("/")[2]
    await api.call("POST", f"{path}/submit")
    api.later(60)
    assert (await api.call("GET", path)).json()["state"] == "BLOCKED"
    await api.call("POST", f"{path}/submit")
    now = {
        "action": "review",
        "order_id": order_id,
        "outcome": "REJECTED",
        "logs": ["Not the owner."],
    }
    assert (await control.post("/script", json=now)).json() == {
        "order_id": order_id,
        "state": "REJECTED",
    }
    logs = (await api.call("GET", f"{path}/registration")).json()["logs"]
    assert ["Which business?", "Not the owner."] == [log["message"] for log in logs]
    [truth] = (await control.get("/orders")).json()["orders"]
    assert (truth["order_id"], truth["state"], truth["charged"]) == (order_id, "REJECTED", False)
    again = await control.post("/script", json=now)
    assert (again.status_code, again.json()) == (
        400,
        {"error": "order_id: the order is REJECTED, nothing can become of it"},
    )


@pytest.mark.parametrize(
    ("script", "status", "field"),
    [
        ({"action": "review", "outcome": "MAYBE"}, 400, "outcome"),
        ({"action": "review", "outcome": "COMPLETED", "only": 0}, 400, "only"),
        ({"action": "review", "outcome": "COMPLETED", "times": 0}, 400, "times"),
        ({"action": "review", "outcome": "COMPLETED", "logs": "text"}, 400, "logs"),
        ({"action": "review", "outcome": "COMPLETED", "order_id": "unknown"}, 404, "no order"),
        ({"action": "upload", "outcome": "LOST"}, 400, "outcome"),
    ],
)
async def test_refused_scripts(control, script, status, field):
    """A script that makes no sense is refused, and names the field."""
    response = await control.post("/script", json=script)
    assert (status, True) == (response.status_code, response.json()["error"].startswith(field))


async def test_a_scripted_upload_fails(api, control):
    """A file whose processing fails is shown as FAILED and keeps the order from being submitted."""
    await control.post("/script", json={"action": "upload", "outcome": "FAILED"})
    path = await fill(api, await create(api, **AU))
    [file] = (await api.call("GET", f"{path}/registration")).json()["attachments"]
    assert file["uploadStatus"] == "FAILED"
    assert error_of(await api.call("POST", f"{path}/submit"))[3] == [f"attachments.{AU_FILE}"]


async def test_order_callbacks(api):
    """Each new state is one NUMBER_ORDER event without failureCode, sent to the order's address,
    and no event for CREATED.
    """
    bodies = []

    async def hook(scope, receive, send):
        bodies.append(await Request(scope, receive).body())
        await Response()(scope, receive, send)

    api.simulator.callbacks.open_client = lambda: httpx.AsyncClient(
        transport=httpx.ASGITransport(app=hook)
    )
    order = await create(api, **AU, callbackUrl="http://127.0.0.1:9/hook")
    path = await fill(api, order)
    await api.call("POST", f"{path}/submit")
    api.later(DAY)
    log = []
    while len([one for one in log if one["state"] == "delivered"]) < 2:
        api.later(5)
        await api.simulator.callbacks.deliver_due()
        log = api.simulator.callbacks.deliveries()
    for one in log:
        validate_callback(json.dumps(one["body"]).encode())
    assert [("NUMBER_ORDER_PROCESSING", "IN_REVIEW"), ("NUMBER_ORDER_PROCESSING", "COMPLETED")] == [
        (one["body"]["eventType"], one["body"]["status"]) for one in log
    ]
    assert {order["idNumberOrder"]} == {one["body"]["resourceId"] for one in log}
    assert not [one for one in log if "failureCode" in one["body"]]


@pytest.mark.parametrize(
    "fault", ["reset_after", "truncated", "html_200", "error_after", "timeout_after"]
)
async def test_a_lost_reply_leaves_the_order(api, fault):
    """An order whose reply is lost exists and reserves its number."""
    offered = (await api.offered(regionCode="AU", type="MOBILE", size=1))[0]["phoneNumber"]
    api.simulator.faults.add({"operation": "create_order", "fault": fault, "hold_s": 0.1})
    url = f"{api.environment['SINCH_NUMBERS_URL']}{api.project_path}/numberOrders:createNumberOrder"
    body = AU | {"numberOrderOption": {"phoneNumbers": [offered]}}
    try:
        response = await api.http.post(
            url, json=body, headers={"authorization": f"Bearer {api._token}"}
        )
        assert response.headers["content-type"] == "text/html" or response.status_code == 503
    except httpx.TransportError:
        pass
    assert [[offered]] == [order["phone_numbers"] for order in api.simulator.orders()]
    assert (await api.call("GET", f"availableNumbers/{offered}")).status_code == 404


async def test_reads_lag_behind_an_order(api):
    """Behind a new order, stale reads show no order and the number still for sale.

    A submitted one still as CREATED.
    """
    offered = (await api.offered(regionCode="AU", type="MOBILE", size=1))[0]["phoneNumber"]
    api.simulator.faults.add({"operation": "create_order", "fault": "stale_reads", "lag_s": 5})
    order = await create(api, **AU, numberOrderOption={"phoneNumbers": [offered]})
    path = f"numberOrders/{order['idNumberOrder']}"
    stale = [
        (await api.call("GET", url)).status_code
        for url in (path, f"{path}/registration", f"availableNumbers/{offered}")
    ]
    assert stale == [404, 404, 200]
    api.later(5)
    await fill(api, order)
    api.simulator.faults.add({"operation": "submit_order", "fault": "stale_reads", "lag_reads": 1})
    assert (await api.call("POST", f"{path}/submit")).json()["state"] == "IN_REVIEW"
    states = [(await api.call("GET", path)).json()["state"] for _ in range(2)]
    assert states == ["CREATED", "IN_REVIEW"]


async def test_a_rival_and_a_price_change(api):
    """A rival takes the number just before the order; a price change shows in the order."""
    offered = await api.offered(regionCode="AU", type="MOBILE", size=2)
    api.simulator.faults.add({"operation": "create_order", "fault": "rival"})
    body = AU | {"numberOrderOption": {"phoneNumbers": [offered[0]["phoneNumber"]]}}
    assert (await api.call("POST", "numberOrders:createNumberOrder", json=body)).status_code == 400
    api.simulator.faults.add(
        {"operation": "create_order", "fault": "price_change", "factor": 3, "times": 2}
    )
    order = await create(api, **AU, numberOrderOption={"phoneNumbers": [offered[1]["phoneNumber"]]})
    assert order["orderNumbers"][0]["numberPrice"]["monthlyPrice"]["amount"] == "19.50"
    order = await create(api, **AU, quantityOrderOption={"requestedQuantity": 1})
    assert order["orderNumbers"][0]["numberPrice"]["monthlyPrice"]["amount"] == "19.50"


async def test_order_operations_are_faulted_with_malformed_bodies(api):
    """A fault on an order whose body is no JSON still ends in the refusal of the body."""
    api.simulator.faults.add({"operation": "create_order", "fault": "rival"})
    response = await api.call(
        "POST",
        "numberOrders:createNumberOrder",
        content=b"{",
        headers={"content-type": "application/json"},
        sloppy=True,
    )
    assert error_of(response) == (400, "INVALID_ARGUMENT", "invalid JSON in request body", [])
