"""Every operation of the imported-numbers API and its refusals, in-process and on a port.

Each exchange is validated against docs/vendor/.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from support.letters import (
    ADDRESS,
    BLANKET,
    DIRECT,
    RESELLER,
    SIGNER,
    local_numbers,
    order,
    toll_free_numbers,
)
from support.openapi import document, validate_callback
from support.simulated import Checked, checked, error_of, flat_error_of

from numberflow.simulator import SimulatorSettings
from numberflow.simulator.app import APIS

pytestmark = pytest.mark.anyio

MONDAY = datetime(2026, 1, 5, 10, 0, 0, 481516, tzinfo=UTC)
HOUR, DAY = 3_600, 86_400
ONE, TWO = local_numbers(2)
PLAN = {"servicePlanId": "plan-0001", "campaignId": "C1"}
PREFIX = "GLOBAL_PROCESS_STATE_"
HOOK = "http://127.0.0.1:9/hook"
SECRET = "imported-secret"
NO_NUMBER = (404, "NOT_FOUND", "The imported number could not be found.", [])
NO_QUALIFIED = (404, "NOT_FOUND", "The qualified number could not be found.", [])
NO_ORDER = (404, "NOT_FOUND", "The hosting order could not be found.", [])
EXISTS = (409, "ALREADY_EXISTS", "The imported number already exists.", [])


@pytest.fixture(params=["in-process", "served"])
async def api(request) -> AsyncIterator[Checked]:
    settings = SimulatorSettings(seed=7, active=0, speed=0, start_at=MONDAY, stock_us_local=10)
    async with checked(request.param, settings) as client:
        yield client


@pytest.fixture
async def control(api) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=api.simulator.control_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as client:
        yield client


async def script(control, action, **fields):
    response = await control.post("/script", json={"action": action} | fields)
    assert response.status_code == 200, response.text
    return response.json()


def number(phone_number=ONE, **more):
    return {"phoneNumber": phone_number, "regionCode": "US", "smsConfiguration": dict(PLAN)} | more


async def imported(api, phone_number=ONE, **more):
    response = await api.imported("POST", "importedNumbers", json=number(phone_number, **more))
    assert response.status_code == 200, response.text
    return response.json()


async def read(api, rest, **arguments):
    response = await api.imported("GET", rest, **arguments)
    assert response.status_code == 200, response.text
    return response.json()


async def qualified(api, control, numbers):
    """Numbers that are VERIFIED by invoices."""
    assert (
        await api.imported("POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": numbers})
    ).status_code == 200
    api.later(30)
    await script(control, "invoices", phone_numbers=numbers, delay_s=0)


async def text_enabled(api, control, numbers, **more):
    """A text-enable order whose letter is signed."""
    await qualified(api, control, numbers)
    body = order(numbers, **DIRECT, campaignId="C1", **more)
    opened = (await api.imported("POST", "hostingOrders:textEnableNumbers", json=body)).json()
    api.later(60)
    await script(control, "loa", hosting_order_id=opened["hostingOrderId"])
    return opened["hostingOrderId"]


def test_every_operation_of_the_contract_is_served():
    """The simulator has the 23 operations of the contract, method and path, and no other."""
    paths = {
        (method.upper(), path.removeprefix("/v1/projects/{projectId}/"))
        for path, item in document("imported")["paths"].items()
        for method in item
        if method != "parameters"
    }
    found = {
        (method, path)
        for method, path in paths
        for operation in APIS["imported"]
        if operation.method == method
        and operation.pattern.fullmatch(path.replace("{", "").replace("}", ""))
    }
    assert (found, len(APIS["imported"])) == (paths, 23)


# -- imported numbers
# -------------------------------------------------------------------------------------------------


async def test_importing_one_number(api):
    """The reply is the bare number with a pending job.

    GET shows plan, then campaign and carriers, until all is done.
    """
    reply = await imported(api, displayName="Front desk", callbackUrl=HOOK)
    assert {"smsProvisioning", "campaignProvisioning", "mnoConfiguration"}.isdisjoint(reply)
    sms = reply["smsConfiguration"]
    assert (sms["servicePlanId"], sms["campaignId"], sms["scheduledProvisioning"]["status"]) == (
        "plan-0001",
        "C1",
        "IN_PROGRESS",
    )
    shown = await read(api, f"importedNumbers/{ONE}")
    assert (shown["smsProvisioning"]["state"], shown["campaignProvisioning"]["state"]) == (
        "IN_PROGRESS",
        "WAITING",
    )
    api.later(5)
    shown = await read(api, f"importedNumbers/{ONE}")
    assert (shown["smsProvisioning"]["state"], shown["campaignProvisioning"]["state"]) == (
        "DONE",
        "IN_PROGRESS",
    )
    assert {"smsAtt", "smsTmo", "mmsAtt", "mmsTmo"} == set(shown["mnoConfiguration"])
    api.later(1800)
    shown = await read(api, f"importedNumbers/{ONE}")
    assert shown["campaignProvisioning"]["state"] == "DONE"
    assert shown["smsConfiguration"] == PLAN | {"migrateToSinchTmo": False}
    assert {("DONE", "PROVISIONING")} == {
        (block["state"], block["operation"]) for block in shown["mnoConfiguration"].values()
    }
    assert [("import", ONE)] == [
        (one["cause"], one["phone_number"]) for one in api.simulator.charges()
    ]


async def test_ids_that_move_up_when_done(api):
    """By switch an imported number shows plan and campaign only when they are linked."""
    api.simulator.switches.set("imported_ids_at_once", False)
    sms = (await imported(api))["smsConfiguration"]
    assert (sms["servicePlanId"], sms["scheduledProvisioning"]["servicePlanId"]) == (
        "",
        "plan-0001",
    )
    api.later(5)
    sms = (await read(api, f"importedNumbers/{ONE}"))["smsConfiguration"]
    assert (sms["servicePlanId"], sms["campaignId"]) == ("plan-0001", "")


@pytest.mark.parametrize(
    ("body", "message", "field"),
    [
        ({}, "phoneNumber is required", "phoneNumber"),
        (number("+442079460000"), "Invalid phone_number +442079460000", "phoneNumber"),
        (number(regionCode="GB"), "Invalid region_code GB", "regionCode"),
        (
            number(smsConfiguration={}),
            "smsConfiguration.servicePlanId is required",
            "smsConfiguration.servicePlanId",
        ),
        (
            number(smsConfiguration={"servicePlanId": "nosuchplan"}),
            "Invalid service_plan_id nosuchplan",
            "smsConfiguration.servicePlanId",
        ),
        (number(smsConfiguration="plan"), "smsConfiguration takes an object", "smsConfiguration"),
        (number(displayName=7), "displayName takes text", "displayName"),
    ],
)
async def test_refused_imports(api, body, message, field):
    """A malformed import is a flat 400 in the contract's words, and imports nothing."""
    response = await api.imported("POST", "importedNumbers", json=body, sloppy=True)
    assert (400, "INVALID_ARGUMENT", message, [field]) == flat_error_of(response)
    assert (api.simulator.imported_numbers(), api.simulator.charges()) == ([], [])


async def test_importing_twice(api):
    """A second import is a flat 409, changes nothing and costs nothing."""
    await imported(api)
    assert flat_error_of(await api.imported("POST", "importedNumbers", json=number())) == EXISTS
    assert len(api.simulator.charges()) == 1


async def test_relinking_takes_two_requests(api):
    """Over a live link 400 FAILED_PRECONDITION; unlinked, waited, linked: the new plan is there."""
    await imported(api)
    api.later(1805)
    path = f"importedNumbers/{ONE}"
    other = {"smsConfiguration": {"servicePlanId": "plan-0002", "campaignId": "C2"}}
    refused = flat_error_of(await api.imported("PATCH", path, json=other))
    assert refused[:2] == (400, "FAILED_PRECONDITION")
    unlink = {"smsConfiguration": {"servicePlanId": "", "campaignId": ""}}
    reply = (await api.imported("PATCH", path, json=unlink)).json()
    assert (
        reply["smsConfiguration"]["servicePlanId"],
        reply["smsConfiguration"]["scheduledProvisioning"]["status"],
    ) == (
        "",
        "IN_PROGRESS",
    )
    shown = await read(api, path)
    assert (shown["smsProvisioning"]["type"], shown["smsProvisioning"]["state"]) == (
        "DEPROVISIONING",
        "IN_PROGRESS",
    )
    assert flat_error_of(await api.imported("PATCH", path, json=other))[:2] == (
        400,
        "FAILED_PRECONDITION",
    )
    api.later(5)
    assert (await read(api, path))["smsProvisioning"]["state"] == "DONE"
    assert (await api.imported("PATCH", path, json=other)).status_code == 200
    api.later(1805)
    assert (await read(api, path))["smsConfiguration"]["servicePlanId"] == "plan-0002"


async def test_renaming(api):
    """The name changes on its own and at once; a body without any known key is 400.

    An unknown plan is 400.
    """
    await imported(api)
    path = f"importedNumbers/{ONE}"
    assert (await api.imported("PATCH", path, json={"displayName": "Bäckerei"})).json()[
        "displayName"
    ] == "Bäckerei"
    empty = await api.imported("PATCH", path, json={})
    assert flat_error_of(empty) == (
        400,
        "INVALID_ARGUMENT",
        "the field mask is missing",
        ["fieldMask"],
    )
    unknown = await api.imported(
        "PATCH", path, json={"smsConfiguration": {"servicePlanId": "nosuchplan"}}
    )
    assert flat_error_of(unknown)[2] == "Invalid service_plan_id nosuchplan"


async def test_deleting(api):
    """200 without a body ({} by switch), then 404 everywhere; importing again is allowed."""
    await imported(api)
    path = f"importedNumbers/{ONE}"
    response = await api.imported("DELETE", path)
    assert (response.status_code, response.content) == (200, b"")
    for method, body in (("GET", None), ("PATCH", {"displayName": "x"}), ("DELETE", None)):
        gone = await api.imported(method, path, **({} if body is None else {"json": body}))
        assert flat_error_of(gone) == NO_NUMBER
    api.simulator.switches.set("imported_delete_body", True)
    await imported(api)
    assert (await api.imported("DELETE", path)).json() == {}


async def test_listing_imported_numbers(api, control):
    """Plan and campaign are mandatory filters, an empty campaign means none.

    Pages hold every number once.
    """
    await script(control, "seed_imported", count=25, service_plan_id="plan-0001", campaign_id="C1")
    await script(control, "seed_imported", count=3, service_plan_id="plan-0001")
    seen, token = [], ""
    while True:
        params = PLAN | {"pageSize": 10} | ({"pageToken": token} if token else {})
        page = await read(api, "importedNumbers", params=params)
        seen += [one["phoneNumber"] for one in page["importedNumbers"]]
        token = page["nextPageToken"]
        assert page["totalSize"] == 25
        if not token:
            break
    assert (len(seen), len(set(seen))) == (25, 25)
    without = await read(
        api, "importedNumbers", params={"servicePlanId": "plan-0001", "campaignId": ""}
    )
    assert (without["totalSize"], len(without["importedNumbers"])) == (3, 3)
    end = {"numberPattern.pattern": seen[0][-4:], "numberPattern.searchPattern": "END"}
    found = await read(api, "importedNumbers", params=PLAN | end)
    assert seen[0] in [one["phoneNumber"] for one in found["importedNumbers"]]
    assert (await read(api, "importedNumbers", params=PLAN | {"regionCode": "CA"}))[
        "totalSize"
    ] == 0


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "servicePlanId"),
        ({"servicePlanId": "plan-0001"}, "campaignId"),
        (PLAN | {"regionCode": "GB"}, "regionCode"),
        (PLAN | {"numberPattern.searchPattern": "CONTAINS"}, "numberPattern.searchPattern"),
        (PLAN | {"numberPattern.pattern": "abc"}, "numberPattern.pattern"),
        (PLAN | {"pageSize": "0"}, "pageSize"),
        (PLAN | {"pageToken": "nonsense"}, "pageToken"),
        (PLAN | {"orderBy": "phoneNumber"}, "orderBy"),
    ],
)
async def test_refused_lists(api, params, field):
    """A list without its mandatory filters, or with nonsense in it, is a flat 400 that names the
    parameter.
    """
    response = await api.imported("GET", "importedNumbers", params=params, sloppy=True)
    assert flat_error_of(response)[3] == [field]


async def test_lenient_lists(api):
    """By switch lists do without plan and campaign and then show everything."""
    await imported(api)
    api.simulator.switches.set("imported_lists_lenient", True)
    assert (await read(api, "importedNumbers", sloppy=True))["totalSize"] == 1


# -- qualified numbers
# ------------------------------------------------------------------------------------------------


async def test_a_voice_challenge_with_one_wrong_code(api, control):
    """Pending, eligible, called, wrong code (200, VERIFICATION_FAILED), called again, right code,
    VERIFIED.
    """
    [added] = (
        await api.imported("POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": [ONE]})
    ).json()["qualifiedNumbers"]
    assert (added["globalProcessState"], added["regionCode"]) == (
        f"{PREFIX}ELIGIBLE_CHECK_PENDING",
        "US",
    )
    api.later(30)
    path = f"qualifiedNumbers/{ONE}"
    shown = await read(api, path)
    assert (shown["globalProcessState"], shown["osrEligibility"]["status"]) == (
        f"{PREFIX}ELIGIBLE",
        "DONE",
    )
    pending = (await api.imported("POST", f"{path}:sendVoiceChallenge")).json()
    assert (pending["globalProcessState"], pending["ownershipVerification"]["status"]) == (
        f"{PREFIX}VERIFICATION_PENDING",
        "IN_PROGRESS",
    )
    code = (await script(control, "voice_code", phone_number=ONE))["code"]
    wrong = {"code": f"{(int(code) + 1) % 10_000:04d}"}
    failed = await api.imported("POST", f"{path}:verifyVoiceChallenge", json=wrong)
    assert (failed.status_code, failed.json()["globalProcessState"]) == (
        200,
        f"{PREFIX}VERIFICATION_FAILED",
    )
    await api.imported("POST", f"{path}:sendVoiceChallenge")
    code = (await script(control, "voice_code", phone_number=ONE))["code"]
    right = (await api.imported("POST", f"{path}:verifyVoiceChallenge", json={"code": code})).json()
    assert (right["globalProcessState"], right["ownershipVerification"]["status"]) == (
        f"{PREFIX}VERIFIED",
        "DONE",
    )
    assert [2] == [
        len([one for one in api.simulator.charges() if one["kind"] == "voice_challenge"])
    ]


async def test_a_wrong_code_refused_by_switch(api, control):
    """By switch a wrong code is 400; it counts all the same."""
    api.simulator.switches.set("wrong_voice_code", "refused")
    await api.imported("POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": [ONE]})
    api.later(30)
    path = f"qualifiedNumbers/{ONE}"
    await api.imported("POST", f"{path}:sendVoiceChallenge")
    code = (await script(control, "voice_code", phone_number=ONE))["code"]
    body = {"code": f"{(int(code) + 1) % 10_000:04d}"}
    refused = await api.imported("POST", f"{path}:verifyVoiceChallenge", json=body)
    assert flat_error_of(refused) == (400, "INVALID_ARGUMENT", "the code is wrong", ["code"])
    assert (await read(api, path))["globalProcessState"] == f"{PREFIX}VERIFICATION_FAILED"


async def test_refused_challenges(api, control):
    """No call while the check runs, no code without a call, none without a body, and a blocked
    number until staff unblock it.
    """
    await api.imported("POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": [ONE]})
    path = f"qualifiedNumbers/{ONE}"
    assert flat_error_of(await api.imported("POST", f"{path}:sendVoiceChallenge"))[:2] == (
        400,
        "FAILED_PRECONDITION",
    )
    early = await api.imported("POST", f"{path}:verifyVoiceChallenge", json={"code": "1234"})
    assert flat_error_of(early)[:2] == (400, "FAILED_PRECONDITION")
    bare = await api.imported("POST", f"{path}:verifyVoiceChallenge", json={}, sloppy=True)
    assert flat_error_of(bare) == (400, "INVALID_ARGUMENT", "code is required", ["code"])
    for _ in range(3):
        api.later(600)
        assert (await api.imported("POST", f"{path}:sendVoiceChallenge")).status_code == 200
    api.later(600)
    assert (await read(api, path))["globalProcessState"] == f"{PREFIX}VERIFICATION_BLOCKED"
    assert (await script(control, "unblock", phone_number=ONE))["state"] == "VERIFICATION_FAILED"
    assert (await api.imported("POST", f"{path}:sendVoiceChallenge")).status_code == 200


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([], "phoneNumbers takes a list of phone numbers"),
        ("+12175550000", "phoneNumbers takes a list of phone numbers"),
        ([ONE, ONE], "phoneNumbers has a number twice"),
        ([ONE, "+4912"], "Invalid phone_number +4912"),
        (local_numbers(501), "phoneNumbers exceeds the limit of 500"),
    ],
)
async def test_refused_batches(api, listed, message):
    """A batch with one bad number, too many, or one twice is refused as a whole."""
    response = await api.imported(
        "POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": listed}, sloppy=True
    )
    assert (400, "INVALID_ARGUMENT", message, ["phoneNumbers"]) == flat_error_of(response)
    assert api.simulator.qualified_numbers() == {}


async def test_five_hundred_numbers_listed_by_state(api, control):
    """500 numbers are added at once, qualified by invoices, and listed by state, one value or
    several.
    """
    numbers = local_numbers(500)
    await qualified(api, control, numbers)
    params = {"states": f"{PREFIX}VERIFIED", "pageSize": 100}
    page = await read(api, "qualifiedNumbers", params=params)
    assert (len(page["qualifiedNumbers"]), page["totalSize"]) == (100, 500)
    none = await read(api, "qualifiedNumbers", params={"states": f"{PREFIX}ELIGIBLE"})
    assert none == {"qualifiedNumbers": [], "nextPageToken": "", "totalSize": 0}
    several = {"states": [f"{PREFIX}ELIGIBLE", f"{PREFIX}VERIFIED"], "regionCode": "US"}
    assert (await read(api, "qualifiedNumbers", params=several, sloppy=True))["totalSize"] == 500
    for states in ({}, {"states": "VERIFIED"}, {"states": f"{PREFIX}LOST"}):
        refused = await api.imported("GET", "qualifiedNumbers", params=states, sloppy=True)
        assert flat_error_of(refused)[3] == ["states"]


async def test_adding_a_known_number_shows_its_state(api, control):
    """A known number comes back with its present state, not as 409."""
    await qualified(api, control, [ONE])
    again = await api.imported(
        "POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": [ONE, TWO]}
    )
    assert [f"{PREFIX}VERIFIED", f"{PREFIX}ELIGIBLE_CHECK_PENDING"] == [
        one["globalProcessState"] for one in again.json()["qualifiedNumbers"]
    ]


async def test_forgetting_a_qualified_number(api):
    """A deleted number is 404 on every operation; unknown ones were so before."""
    await api.imported("POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": [ONE]})
    assert (await api.imported("DELETE", f"qualifiedNumbers/{ONE}")).content == b""
    for method, verb, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("POST", ":sendVoiceChallenge", None),
        ("POST", ":verifyVoiceChallenge", {"code": "1234"}),
    ):
        arguments = {} if body is None else {"json": body}
        gone = await api.imported(method, f"qualifiedNumbers/{ONE}{verb}", **arguments)
        assert flat_error_of(gone) == NO_QUALIFIED


async def test_a_number_that_is_not_eligible(api, control):
    """NOT_ELIGIBLE is final, says why, and cannot be called."""
    await script(control, "not_eligible", phone_number=ONE, error="mobile number")
    await api.imported("POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": [ONE]})
    api.later(30)
    shown = await read(api, f"qualifiedNumbers/{ONE}")
    assert (shown["globalProcessState"], shown["osrEligibility"]) == (
        f"{PREFIX}NOT_ELIGIBLE",
        {"status": "FAILED", "error": "mobile number"},
    )
    call = await api.imported("POST", f"qualifiedNumbers/{ONE}:sendVoiceChallenge")
    assert flat_error_of(call)[:2] == (400, "FAILED_PRECONDITION")


# -- hosting orders
# --------------------------------------------------------------------------------------------------


async def test_twelve_numbers_in_three_import_orders(api):
    """5 + 5 + 2 numbers: each order is found by its name, completes, and its numbers are imported
    and charged once.
    """
    numbers = local_numbers(12)
    ids = []
    for index in range(0, 12, 5):
        body = order(numbers[index : index + 5], campaignId="C1", displayName=f"PO-1042/{index}")
        reply = (await api.imported("POST", "hostingOrders:importNumbers", json=body)).json()
        assert (reply["state"], reply["type"]) == ("SUBMITTED", "IMPORT")
        ids.append(reply["hostingOrderId"])
    listed = await read(
        api, "hostingOrders", params=PLAN | {"states": "SUBMITTED", "type": "IMPORT"}
    )
    assert ["PO-1042/0", "PO-1042/5", "PO-1042/10"] == [
        one["displayName"] for one in listed["hostingOrders"]
    ]
    api.later(60 + 5 + 1800)
    states = [(await read(api, f"hostingOrders/{one}"))["state"] for one in ids]
    assert (states, (await read(api, "importedNumbers", params=PLAN))["totalSize"]) == (
        ["COMPLETED"] * 3,
        12,
    )
    assert [12, 12] == [
        len(api.simulator.charges()),
        len({one["phone_number"] for one in api.simulator.charges()}),
    ]


@pytest.mark.parametrize(
    ("change", "message", "field"),
    [
        ({"numbers": local_numbers(6)}, "numbers exceeds the limit of 5", "numbers"),
        ({"numbers": []}, "numbers takes a list of phone numbers", "numbers"),
        ({"numbers": [ONE, ONE]}, "numbers has a number twice", "numbers"),
        ({"regionCode": "MX"}, "Invalid region_code MX", "regionCode"),
        ({"servicePlanId": ""}, "servicePlanId is required", "servicePlanId"),
        ({"servicePlanId": "nosuchplan"}, "Invalid service_plan_id nosuchplan", "servicePlanId"),
        (
            {"migrateToSinchTmo": "yes"},
            "migrateToSinchTmo takes true or false",
            "migrateToSinchTmo",
        ),
    ],
)
async def test_refused_import_orders(api, change, message, field):
    """A malformed import order is a flat 400, and no order exists."""
    response = await api.imported(
        "POST", "hostingOrders:importNumbers", json=order([ONE]) | change, sloppy=True
    )
    assert (400, "INVALID_ARGUMENT", message, [field]) == flat_error_of(response)
    assert api.simulator.hosting_orders() == []


async def test_import_orders_of_known_numbers(api):
    """A number that is imported, or that an open order imports, makes the whole order 409.

    The limit can be raised.
    """
    await imported(api)
    body = order([TWO, ONE])
    assert (
        flat_error_of(await api.imported("POST", "hostingOrders:importNumbers", json=body))
        == EXISTS
    )
    assert (
        await api.imported("POST", "hostingOrders:importNumbers", json=order([TWO]))
    ).status_code == 200
    assert (
        flat_error_of(await api.imported("POST", "hostingOrders:importNumbers", json=order([TWO])))
        == EXISTS
    )
    assert flat_error_of(await api.imported("POST", "importedNumbers", json=number(TWO))) == EXISTS
    api.simulator.switches.set("imported_numbers_max", 6)
    many = order(local_numbers(6, first=10))
    assert (
        await api.imported("POST", "hostingOrders:importNumbers", json=many, sloppy=True)
    ).status_code == 200


async def test_text_enabling_forty_numbers(api, control):
    """Direct letter signed two days late, 38 done and 2 failed with their reasons.

    COMPLETED, and the report says so.
    """
    numbers = local_numbers(40)
    await qualified(api, control, numbers)
    await script(control, "step_failure", phone_number=numbers[3], step="osr", code="INVALID_NNID")
    await script(control, "held_elsewhere", phone_number=numbers[7])
    body = order(numbers, **DIRECT, campaignId="C1", displayName="PO-7 token")
    opened = (await api.imported("POST", "hostingOrders:textEnableNumbers", json=body)).json()
    info = opened["textEnableInfo"]
    assert (opened["state"], opened["type"], info["loaType"], info["nnid"]) == (
        "SUBMITTED",
        "TYPE_TEXT_ENABLE",
        "Direct",
        "104029",
    )
    assert (info["authorisedPerson"], info["address"], info["serviceProvider"]) == (
        SIGNER,
        ADDRESS,
        "Sinch America Inc.",
    )
    path = f"hostingOrders/{opened['hostingOrderId']}"
    api.later(2 * DAY)
    assert (await read(api, path))["state"] == "WAITING_FOR_LOA_SIGNATURE"
    await script(control, "loa", hosting_order_id=opened["hostingOrderId"], outcome="SIGNED")
    assert (await read(api, path))["state"] == "IN_PROGRESS"
    assert (await read(api, f"qualifiedNumbers/{numbers[0]}"))[
        "globalProcessState"
    ] == f"{PREFIX}HOSTING_IN_PROGRESS"
    api.later(DAY)
    assert (await read(api, path))["state"] == "COMPLETED"
    assert await read(api, f"{path}/report") == {
        "total": 40,
        "osrUpdated": 39,
        "smsProvisioned": 39,
        "addedToCampaign": 38,
        "ongoingManualAction": 0,
    }
    failed = await read(api, f"{path}/numbers", params={"osrUpdateState": "FAILED"})
    assert [numbers[3]] == [one["phoneNumber"] for one in failed["numbers"]]
    failed = await read(api, f"{path}/numbers", params={"campaignProvisioningState": "FAILED"})
    [shown] = failed["numbers"]
    assert (shown["phoneNumber"], shown["smsTmo"]["errorCode"], shown["smsAtt"]["state"]) == (
        numbers[7],
        "60135",
        "DONE",
    )
    assert shown == await read(api, f"{path}/numbers/{numbers[7]}")
    assert (await read(api, "importedNumbers", params=PLAN))["totalSize"] == 38
    states = [
        (await read(api, f"qualifiedNumbers/{one}"))["hostedNumber"]["status"]
        for one in (numbers[0], numbers[3])
    ]
    assert states == [1, 2]


async def test_the_four_twins(api, control):
    """Three of the four text-enables answer with the whole order, the qualified local one with its
    id alone.
    """
    numbers, free = local_numbers(2), toll_free_numbers(2)
    await qualified(api, control, [*numbers, *free])
    whole = await api.imported(
        "POST", "hostingOrders:textEnableNumbers", json=order(numbers[:1], **RESELLER)
    )
    bare = await api.imported(
        "POST", "qualifiedNumbers:textEnableNumbers", json=order(numbers[1:], **DIRECT)
    )
    first = await api.imported(
        "POST", "hostingOrders:textEnableTollFreeNumbers", json=order(free[:1], **DIRECT)
    )
    second = await api.imported(
        "POST", "qualifiedNumbers:textEnableTollFreeNumbers", json=order(free[1:], **RESELLER)
    )
    assert ["hostingOrderId"] == list(bare.json())
    assert ["Reseller", "Direct", "Reseller"] == [
        one.json()["textEnableInfo"]["loaType"] for one in (whole, first, second)
    ]
    assert whole.json()["textEnableInfo"]["businessName"] == "Example Bakery LLC"
    listed = {
        "servicePlanId": "plan-0001",
        "campaignId": "",
        "states": "SUBMITTED",
        "type": "TYPE_TEXT_ENABLE",
    }
    assert (await read(api, "hostingOrders", params=listed))["totalSize"] == 4


async def test_a_toll_free_order(api, control):
    """A toll-free order has a registry step of two business days and no campaign step, and slides
    past a missed time.
    """
    numbers = toll_free_numbers(2)
    await qualified(api, control, numbers)
    body = order(numbers, **DIRECT, scheduledZipwhipProvisioningTime="2026-01-06T06:00:00Z")
    opened = (
        await api.imported("POST", "hostingOrders:textEnableTollFreeNumbers", json=body)
    ).json()
    path = f"hostingOrders/{opened['hostingOrderId']}"
    api.later(60)
    await script(control, "loa", hosting_order_id=opened["hostingOrderId"], delay_s=DAY)
    api.later(2 * DAY)
    shown = await read(api, f"{path}/numbers/{numbers[0]}")
    assert (shown["osrUpdate"]["state"], "campaignProvisioning" in shown) == ("IN_PROGRESS", False)
    # Signed on Tuesday at ten, after six: the change starts on Wednesday at six and takes two
    # business days.
    api.later(DAY + 20 * HOUR)
    assert (await read(api, path))["state"] == "COMPLETED"


@pytest.mark.parametrize("rest", ["hostingOrders", "qualifiedNumbers"])
@pytest.mark.parametrize(
    ("toll_free", "change", "field"),
    [
        (False, {"numbers": local_numbers(501)}, "numbers"),
        (False, {"numbers": toll_free_numbers(1)}, "numbers"),
        (True, {"numbers": [ONE]}, "numbers"),
        (False, {"regionCode": "GB"}, "regionCode"),
        (False, {"servicePlanId": None}, "servicePlanId"),
        (False, {"directLoaInfo": None}, "loaInfo"),
        (False, RESELLER, "loaInfo"),
        (False, {"directLoaInfo": None, "blanketLoaInfo": {"x": 1}}, "blanketLoaInfo"),
        (True, {"directLoaInfo": None} | BLANKET, "blanketLoaInfo"),
        (False, {"directLoaInfo": {}}, "directLoaInfo.currentVoiceCarrier"),
        (
            False,
            {
                "directLoaInfo": DIRECT["directLoaInfo"]
                | {"authorisedPerson": SIGNER | {"email": "ada.example.test"}}
            },
            "directLoaInfo.authorisedPerson.email",
        ),
        (
            False,
            {"directLoaInfo": DIRECT["directLoaInfo"] | {"address": {**ADDRESS, "country": ""}}},
            "directLoaInfo.address.country",
        ),
        (
            False,
            {"directLoaInfo": None, "resellerLoaInfo": DIRECT["directLoaInfo"]},
            "resellerLoaInfo.businessName",
        ),
        (False, {"nnid": "1040"}, "nnid"),
        (False, {"scheduledOsrUpdateTime": "tomorrow"}, "scheduledOsrUpdateTime"),
        (False, {"scheduledOsrUpdateTime": "2026-01-08T06:00:00"}, "scheduledOsrUpdateTime"),
    ],
)
async def test_refused_text_enables(api, rest, toll_free, change, field):
    """A malformed text-enable gets a flat 400 that names the field, no person. No order opens."""
    numbers = toll_free_numbers(1) if toll_free else [ONE]
    verb = "textEnableTollFreeNumbers" if toll_free else "textEnableNumbers"
    body = {
        key: value
        for key, value in (order(numbers, **DIRECT) | change).items()
        if value is not None
    }
    response = await api.imported("POST", f"{rest}:{verb}", json=body, sloppy=True)
    refused = flat_error_of(response)
    assert (400, [field]) == (refused[0], refused[3])
    assert "ada" not in response.text.lower()
    assert api.simulator.hosting_orders() == []


async def test_text_enabling_in_the_wrong_state(api, control):
    """Not qualified 404, not proven 400, without a blanket agreement 400, imported 409.

    Delete during hosting 400.
    """
    body = order([ONE], **DIRECT)
    for rest in ("hostingOrders", "qualifiedNumbers"):
        assert (
            flat_error_of(await api.imported("POST", f"{rest}:textEnableNumbers", json=body))
            == NO_QUALIFIED
        )
    await api.imported("POST", "qualifiedNumbers:addNumbers", json={"phoneNumbers": [ONE]})
    api.later(30)
    early = await api.imported("POST", "hostingOrders:textEnableNumbers", json=body)
    assert flat_error_of(early)[:2] == (400, "FAILED_PRECONDITION")
    await script(control, "invoices", phone_numbers=[ONE], delay_s=0)
    blanket = await api.imported(
        "POST", "hostingOrders:textEnableNumbers", json=order([ONE], **BLANKET)
    )
    assert flat_error_of(blanket)[:2] == (400, "FAILED_PRECONDITION")
    assert (
        await api.imported("POST", "hostingOrders:textEnableNumbers", json=body)
    ).status_code == 200
    again = await api.imported("POST", "hostingOrders:textEnableNumbers", json=body)
    assert flat_error_of(again)[:2] == (400, "FAILED_PRECONDITION")
    # The reference lists no 400 for DELETE; the behaviour notes do (§8).
    busy = await api.imported("DELETE", f"qualifiedNumbers/{ONE}", unlisted=True)
    assert flat_error_of(busy)[:2] == (400, "FAILED_PRECONDITION")
    await qualified(api, control, [TWO])
    await imported(api, TWO)
    taken = await api.imported(
        "POST", "hostingOrders:textEnableNumbers", json=order([TWO], **DIRECT)
    )
    assert flat_error_of(taken) == EXISTS


async def test_deleting_a_number_that_an_order_works_on(api):
    """An imported number whose order still links its campaign cannot be deleted yet."""
    await api.imported("POST", "hostingOrders:importNumbers", json=order([ONE], campaignId="C1"))
    api.later(65)
    busy = await api.imported("DELETE", f"importedNumbers/{ONE}", unlisted=True)
    assert flat_error_of(busy)[:2] == (400, "FAILED_PRECONDITION")
    api.later(1800)
    assert (await api.imported("DELETE", f"importedNumbers/{ONE}")).status_code == 200


async def test_unknown_orders(api):
    """Every read of an unknown order is a flat 404; so is a number that is not in a known one."""
    path = "hostingOrders/01arz3ndektsv4rrffq69g5fav"
    for rest in (path, f"{path}/report", f"{path}/numbers", f"{path}/numbers/{ONE}"):
        assert flat_error_of(await api.imported("GET", rest)) == NO_ORDER
    opened = (await api.imported("POST", "hostingOrders:importNumbers", json=order([ONE]))).json()
    other = await api.imported("GET", f"hostingOrders/{opened['hostingOrderId']}/numbers/{TWO}")
    assert flat_error_of(other) == (404, "NOT_FOUND", "The phone number could not be found.", [])


@pytest.mark.parametrize(
    ("params", "field"),
    [
        (PLAN | {"type": "IMPORT"}, "states"),
        (PLAN | {"states": "OPEN", "type": "IMPORT"}, "states"),
        (PLAN | {"states": "SUBMITTED"}, "type"),
        (PLAN | {"states": "SUBMITTED", "type": "TEXT_ENABLE"}, "type"),
        ({"states": "SUBMITTED", "type": "IMPORT", "campaignId": "C1"}, "servicePlanId"),
        ({"states": "SUBMITTED", "type": "IMPORT", "servicePlanId": "p"}, "campaignId"),
    ],
)
async def test_refused_order_lists(api, params, field):
    """All four filters of the order list are mandatory."""
    response = await api.imported("GET", "hostingOrders", params=params, sloppy=True)
    assert flat_error_of(response)[3] == [field]


async def test_pages_of_an_order(api, control):
    """An order's numbers come in pages; a token of one filter does not fit another.

    A bad filter is 400.
    """
    numbers = local_numbers(30)
    order_id = await text_enabled(api, control, numbers)
    path = f"hostingOrders/{order_id}/numbers"
    first = await read(api, path, params={"pageSize": 20})
    second = await read(api, path, params={"pageSize": 20, "pageToken": first["nextPageToken"]})
    assert numbers == [one["phoneNumber"] for one in first["numbers"] + second["numbers"]]
    mixed = {"pageSize": 20, "osrUpdateState": "DONE", "pageToken": first["nextPageToken"]}
    assert flat_error_of(await api.imported("GET", path, params=mixed))[3] == ["pageToken"]
    bad = await api.imported("GET", path, params={"osrUpdateState": "BUSY"}, sloppy=True)
    assert flat_error_of(bad)[3] == ["osrUpdateState"]


async def test_a_number_with_staff(api, control):
    """A parked number shows as ongoingManualAction. Its order stays open until it is given back."""
    order_id = await text_enabled(api, control, [ONE, TWO])
    assert await script(control, "manual", phone_number=ONE) == {"manual": True}
    api.later(DAY)
    assert (await read(api, f"hostingOrders/{order_id}/report"))["ongoingManualAction"] == 1
    assert (await read(api, f"hostingOrders/{order_id}"))["state"] == "IN_PROGRESS"
    await script(control, "manual", phone_number=ONE, value=False)
    api.later(DAY)
    assert (await read(api, f"hostingOrders/{order_id}"))["state"] == "COMPLETED"


async def test_how_a_letter_is_echoed(api, control):
    """By switch the letter comes back as hostingOrderInfo, as samples have it, with an upper-case
    type; a blanket one has no type.
    """
    api.simulator.switches.set("loa_echo", "hostingOrderInfo")
    api.simulator.switches.set("loa_type_upper", True)
    api.simulator.switches.set("blanket_loa", True)
    await qualified(api, control, [ONE, TWO])
    direct = (
        await api.imported("POST", "hostingOrders:textEnableNumbers", json=order([ONE], **DIRECT))
    ).json()
    assert (direct["hostingOrderInfo"]["loaType"], "textEnableInfo" in direct) == ("DIRECT", False)
    blanket = (
        await api.imported("POST", "hostingOrders:textEnableNumbers", json=order([TWO], **BLANKET))
    ).json()
    assert "loaType" not in blanket["hostingOrderInfo"]
    api.later(60)
    assert (await read(api, f"hostingOrders/{blanket['hostingOrderId']}"))["state"] == "IN_PROGRESS"


# -- access, envelopes, callbacks
# -------------------------------------------------------------------------------------


async def test_callback_configuration(api):
    """The secret is this API's own, empty at first, kept when absent.

    An empty one is a nested 400 that does not repeat it.
    """
    assert (await read(api, "callbackConfiguration"))["hmacSecret"] == ""
    reply = await api.imported("PATCH", "callbackConfiguration", json={"hmacSecret": SECRET})
    assert reply.json()["hmacSecret"] == SECRET
    assert (await api.imported("PATCH", "callbackConfiguration")).json()["hmacSecret"] == SECRET
    refused = await api.imported("PATCH", "callbackConfiguration", json={"hmacSecret": ""})
    assert error_of(refused) == (400, "INVALID_ARGUMENT", "hmacSecret is not valid", ["hmacSecret"])
    assert (await api.call("GET", "callbackConfiguration")).json()["hmacSecret"] == ""


async def test_access(api):
    """401, 403 and 429 are nested here too.

    The rate limit is a switch and answers with Retry-After.
    """
    for headers in ({"authorization": ""}, {"authorization": "Bearer made.up.token"}):
        response = await api.imported("GET", f"importedNumbers/{ONE}", headers=headers)
        assert error_of(response) == (401, "UNAUTHENTICATED", "Unauthorized", [])
    assert {404} == {
        (await api.imported("GET", f"importedNumbers/{ONE}")).status_code for _ in range(20)
    }
    api.simulator.switches.set("imported_rate_limit", True)
    responses = [await api.imported("GET", f"importedNumbers/{ONE}") for _ in range(40)]
    limited = [one for one in responses if one.status_code == 429]
    assert (error_of(limited[0]), limited[0].headers["retry-after"]) == (
        (429, "RESOURCE_EXHAUSTED", "Too many requests", []),
        "1",
    )
    settings = api.simulator.settings
    auth = (settings.key_id, settings.key_secret)
    statuses = [
        (await api.imported("GET", f"importedNumbers/{ONE}", auth=auth)).status_code
        for _ in range(3)
    ]
    assert (statuses[0], 429 in statuses[1:]) == (404, True)
    api.project_path = "/v1/projects/another"
    assert error_of(await api.imported("GET", f"importedNumbers/{ONE}")) == (
        403,
        "PERMISSION_DENIED",
        "Forbidden",
        [],
    )


async def test_unknown_routes_and_bad_json(api):
    """An unknown route is a flat 404, a body that is no JSON a flat 400.

    By switch all is nested.
    """
    base = api.environment["SINCH_IMPORTED_URL"] + api.project_path
    assert flat_error_of(await api.http.get(f"{base}/nothing")) == (
        404,
        "NOT_FOUND",
        "Not Found",
        [],
    )
    bad = {"content": b"{", "headers": {"content-type": "application/json"}, "sloppy": True}
    assert flat_error_of(await api.imported("POST", "importedNumbers", **bad))[:2] == (
        400,
        "INVALID_ARGUMENT",
    )
    api.simulator.switches.set("imported_all_nested", True)
    # The reference documents the flat envelope here, so the reply is not held against it.
    response = await api.imported("GET", f"importedNumbers/{ONE}", unlisted=True)
    assert error_of(response) == (404, "NOT_FOUND", "The imported number could not be found.", [])


async def test_events_have_names_times_and_secret_of_their_own(api, control):
    """Events of an order and of a single import.

    Own names, RFC 3339 times, signed with this API's secret, valid by the contract.
    """
    received = []

    async def hook(scope, receive, send):
        request = Request(scope, receive)
        received.append((await request.body(), request.headers.get("x-sinch-signature")))
        await Response()(scope, receive, send)

    await api.imported("PATCH", "callbackConfiguration", json={"hmacSecret": SECRET})
    await imported(api, TWO, callbackUrl=HOOK)
    await text_enabled(api, control, [ONE], callbackUrl=HOOK)
    api.later(DAY)
    await api.imported("DELETE", f"importedNumbers/{TWO}")
    client = httpx.ASGITransport(app=hook)
    while any(one["state"] == "pending" for one in api.simulator.callbacks.deliveries()):
        api.simulator.callbacks.open_client = lambda: httpx.AsyncClient(transport=client)
        # A served simulator tries by itself and finds nobody at that address; what is left is tried
        # here.
        api.later(640)
        await api.simulator.callbacks.deliver_due()
    log = api.simulator.callbacks.deliveries()
    for one in log:
        validate_callback(json.dumps(one["body"]).encode())
    for body, signature in received:
        assert signature == hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    assert [
        ("HOSTING_ORDER_NUMBER", "HOSTING_PROCESS"),
        ("HOSTING_ORDER_NUMBER", "LINK_TO_10DLC_CAMPAIGN"),
        ("HOSTING_ORDER_NUMBER", "OSR_UPDATE"),
        ("HOSTING_ORDER_NUMBER", "PROVISIONING_TO_SMS_PLATFORM"),
        ("IMPORTED_NUMBER", "DELETE"),
        ("IMPORTED_NUMBER", "LINK_TO_10DLC_CAMPAIGN"),
        ("IMPORTED_NUMBER", "PROVISIONING_TO_SMS_PLATFORM"),
    ] == sorted((one["resource_type"], one["body"]["eventType"]) for one in log)
    assert {True} == {one["body"]["timestamp"].endswith("Z") for one in log}


async def test_events_about_the_order_id(api, control):
    """By switch an order's events name the order instead of the number."""
    api.simulator.switches.set("hosting_event_resource", "order")
    order_id = await text_enabled(api, control, [ONE], callbackUrl="https://hooks.example.test/h")
    api.later(DAY)
    api.simulator.world.settle()
    assert {order_id} == {one["resource_id"] for one in api.simulator.callbacks.deliveries()}


async def test_habits_of_real_events(api, control):
    """One habit drops an event, another sends the next twice; all others are sent as usual."""
    await script(control, "callback_habit", drop=True)
    await script(control, "callback_habit", duplicate=1)
    await imported(api, callbackUrl="https://hooks.example.test/h")
    api.later(DAY)
    await api.imported("DELETE", f"importedNumbers/{ONE}")
    log = [
        (one["body"]["eventType"], one["state"] == "dropped")
        for one in api.simulator.callbacks.deliveries()
    ]
    assert log == [
        ("PROVISIONING_TO_SMS_PLATFORM", True),
        ("LINK_TO_10DLC_CAMPAIGN", False),
        ("LINK_TO_10DLC_CAMPAIGN", False),
        ("DELETE", False),
    ]


# -- faults and control
# -----------------------------------------------------------------------------------------------


async def test_lost_replies_and_server_faults(api):
    """A lost reply leaves the number imported; a 5xx before leaves nothing, and is flat."""
    url = f"{api.environment['SINCH_IMPORTED_URL']}{api.project_path}/importedNumbers"
    headers = {"authorization": f"Bearer {(await api.token()).json()['access_token']}"}
    api.simulator.faults.add({"operation": "import_number", "fault": "error_before", "status": 500})
    refused = await api.http.post(url, json=number(), headers=headers)
    assert flat_error_of(refused) == (500, "INTERNAL", "Internal server error.", [])
    assert api.simulator.imported_numbers() == []
    api.simulator.faults.add({"operation": "import_number", "fault": "reset_after"})
    with pytest.raises(httpx.TransportError):
        await api.http.post(url, json=number(), headers=headers)
    assert [ONE] == [one["phoneNumber"] for one in api.simulator.imported_numbers()]


async def test_stale_reads(api, control):
    """After a change, stale reads and lists show no new number or order, and old states."""
    stale = {"fault": "stale_reads", "lag_s": 5}
    api.simulator.faults.add(stale | {"operation": "import_number"})
    await imported(api)
    assert (await api.imported("GET", f"importedNumbers/{ONE}")).status_code == 404
    assert (await read(api, "importedNumbers", params=PLAN))["totalSize"] == 0
    api.later(5)
    assert (await read(api, "importedNumbers", params=PLAN))["totalSize"] == 1
    api.simulator.faults.add(stale | {"operation": "delete_imported"})
    await api.imported("DELETE", f"importedNumbers/{ONE}")
    assert (await api.imported("GET", f"importedNumbers/{ONE}")).status_code == 200
    assert (await read(api, "importedNumbers", params=PLAN))["totalSize"] == 1
    api.later(5)
    await qualified(api, control, [TWO])
    api.simulator.faults.add(stale | {"operation": "text_enable"})
    body = order([TWO], **DIRECT, campaignId="C1")
    opened = (await api.imported("POST", "hostingOrders:textEnableNumbers", json=body)).json()
    listed = PLAN | {"states": "SUBMITTED", "type": "TYPE_TEXT_ENABLE"}
    assert (await read(api, "hostingOrders", params=listed))["totalSize"] == 0
    assert (
        flat_error_of(await api.imported("GET", f"hostingOrders/{opened['hostingOrderId']}"))
        == NO_ORDER
    )
    assert (await read(api, f"qualifiedNumbers/{TWO}"))["globalProcessState"] == f"{PREFIX}VERIFIED"
    api.later(5)
    assert (await read(api, "hostingOrders", params=listed))["totalSize"] == 1
    assert (await read(api, f"qualifiedNumbers/{TWO}"))[
        "globalProcessState"
    ] == f"{PREFIX}HOSTING_IN_PROGRESS"


async def test_small_pages_under_chaos_still_hold_everything(api, control):
    """Pages of ten at most, and tokens with plus, slash and equals sign by switch, still lead to
    every number.
    """
    await script(control, "seed_imported", count=25, service_plan_id="plan-0001", campaign_id="C1")
    api.simulator.switches.set("page_tokens", "harsh")
    seen, token, pages = set(), "", 0
    while pages == 0 or token:
        params = PLAN | {"pageSize": 7} | ({"pageToken": token} if token else {})
        page = await read(api, "importedNumbers", params=params)
        seen |= {one["phoneNumber"] for one in page["importedNumbers"]}
        token, pages = page["nextPageToken"], pages + 1
    assert (len(seen), pages) == (25, 4)


async def test_what_the_control_port_shows(api, control):
    """Imported numbers, orders and qualified numbers as they are, and no letter."""
    order_id = await text_enabled(api, control, [ONE])
    await imported(api, TWO)
    assert (await control.get("/qualified-numbers")).json() == {
        "qualified_numbers": {ONE: "HOSTING_IN_PROGRESS"}
    }
    orders = await control.get("/hosting-orders")
    [shown] = orders.json()["hosting_orders"]
    assert (shown["hosting_order_id"], shown["state"], shown["numbers"]) == (
        order_id,
        "IN_PROGRESS",
        {ONE: "IN_PROGRESS"},
    )
    assert "ada" not in orders.text.lower()
    [shown] = (await control.get("/imported-numbers")).json()["imported_numbers"]
    assert shown["phoneNumber"] == TWO


@pytest.mark.parametrize(
    ("action", "fields", "status", "words"),
    [
        ("invoices", {"phone_numbers": []}, 400, "phone_numbers"),
        ("invoices", {"phone_numbers": [ONE]}, 404, ONE),
        ("invoices", {"phone_numbers": [ONE], "outcome": "LOST"}, 400, "outcome"),
        ("voice_code", {"phone_number": ONE}, 404, ONE),
        ("unblock", {}, 400, "phone_number"),
        ("loa", {"hosting_order_id": "x"}, 404, "x"),
        ("reject_hosting_order", {"hosting_order_id": "x"}, 404, "x"),
        ("step_failure", {"phone_number": ONE, "step": "sms", "code": None}, 400, "step"),
        ("step_failure", {"phone_number": ONE, "step": "osr", "code": "BAD"}, 400, "code"),
        ("manual", {"phone_number": ONE}, 400, "phone_number"),
        ("held_elsewhere", {"phone_number": ONE, "value": 1}, 400, "value"),
        ("callback_habit", {"drop": "yes"}, 400, "drop"),
    ],
)
async def test_refused_scripts(control, action, fields, status, words):
    """A script that makes no sense is refused and names what is wrong."""
    response = await control.post("/script", json={"action": action} | fields)
    assert (status, True) == (response.status_code, response.json()["error"].startswith(words))


async def test_staff_scripts(api, control):
    """A letter is declined, an order rejected, a plan unknown, an NNID allowed.

    Each shows on the wire.
    """
    await qualified(api, control, [ONE, TWO])
    body = order([ONE], **DIRECT)
    opened = (await api.imported("POST", "hostingOrders:textEnableNumbers", json=body)).json()[
        "hostingOrderId"
    ]
    early = await control.post("/script", json={"action": "loa", "hosting_order_id": opened})
    assert (early.status_code, "SUBMITTED" in early.json()["error"]) == (400, True)
    api.later(60)
    assert (await script(control, "loa", hosting_order_id=opened, outcome="DECLINED"))[
        "state"
    ] == "REJECTED"
    assert (await read(api, f"hostingOrders/{opened}"))["state"] == "REJECTED"
    other = (await api.imported("POST", "hostingOrders:importNumbers", json=order([TWO]))).json()[
        "hostingOrderId"
    ]
    assert (await script(control, "reject_hosting_order", hosting_order_id=other))[
        "state"
    ] == "REJECTED"
    await script(control, "unknown_plan", service_plan_id="plan-0001")
    unknown = await api.imported("POST", "importedNumbers", json=number())
    assert flat_error_of(unknown)[2] == "Invalid service_plan_id plan-0001"
    assert await script(control, "allow_nnid", nnid="104999") == {"allowed": ["104999"]}
    await script(
        control, "step_failure", phone_number=ONE, step="campaign", code="CAMPAIGN_EXPIRED"
    )
    assert (await script(control, "step_failure", phone_number=ONE, step="campaign", code=None))[
        "code"
    ] is None
