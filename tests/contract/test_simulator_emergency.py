"""Emergency addresses of the simulator.

Every operation and refusal, in-process and on a port, validated against docs/vendor/.
"""

from collections.abc import AsyncIterator

import httpx
import pytest
from support.openapi import validate_request
from support.simulated import Checked, checked, error_of

from numberflow.simulator import SimulatorSettings

pytestmark = pytest.mark.anyio

EXACT = {
    "streetNumber": "3040",
    "streetInfo": "Lenox Rd NE",
    "location": "",
    "city": "Atlanta",
    "state": "GA",
    "postalCode": "30324",
    "postalCodePlusFour": "4741",
}
NEAR = EXACT | {"streetInfo": "Lenox Road NE", "postalCodePlusFour": ""}
NONE = EXACT | {"streetInfo": "Lenox Road"}
EMPTY = dict.fromkeys(EXACT, "")
UNKNOWN = "+13125550199"
VERBS = ("provision", "validate", "deprovision")


def request(address):
    return {"displayName": "Head office", "address": address}


@pytest.fixture(params=["in-process", "served"])
async def api(request) -> AsyncIterator[Checked]:
    settings = SimulatorSettings(seed=7, active=60, speed=0, stock_us_local=60)
    async with checked(request.param, settings) as client:
        yield client


@pytest.fixture
async def control(api) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=api.simulator.control_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as client:
        yield client


@pytest.fixture
def phone_number(api) -> str:
    return next(
        one["phone_number"]
        for one in api.simulator.emergency_coverage()
        if one["region_code"] == "US"
    )


@pytest.fixture
async def path(api, control, phone_number) -> str:
    """The emergency address of a number that has the feature."""
    script = {"action": "emergency_feature", "phone_number": phone_number}
    assert (await control.post("/script", json=script)).json() == {"changed": 1}
    return f"activeNumbers/{phone_number}/emergencyAddress"


async def all_operations(api, path):
    yield await api.call("GET", path)
    for verb in VERBS:
        body = {} if verb == "deprovision" else {"json": request(EXACT)}
        yield await api.call("POST", f"{path}:{verb}", **body)


async def test_numbers_without_the_feature(api, phone_number):
    """By default every operation on a held number gets the recorded 404, Missing E911 feature."""
    async for response in all_operations(api, f"activeNumbers/{phone_number}/emergencyAddress"):
        assert error_of(response) == (
            404,
            "NOT_FOUND",
            "Missing E911 feature",
            ["EmergencyAddress"],
        )


async def test_numbers_that_are_not_held(api):
    """On a number that is not held every operation is 404 for the number itself."""
    async for response in all_operations(api, f"activeNumbers/{UNKNOWN}/emergencyAddress"):
        assert error_of(response) == (404, "NOT_FOUND", "", ["ActiveNumber"])


async def test_a_number_abroad_never_has_the_feature(api):
    """With the switch on for all, a German number still lacks it."""
    api.simulator.switches.set("emergency_feature", True)
    german = next(
        one.phone_number
        for one in api.simulator.world.holdings
        if one.region_code not in ("US", "CA")
    )
    response = await api.call("GET", f"activeNumbers/{german}/emergencyAddress")
    assert error_of(response) == (404, "NOT_FOUND", "Missing E911 feature", ["EmergencyAddress"])


async def test_provision_read_deprovision(api, path):
    """An exact address is stored as given, read back without a name, and removed.

    Before and after there is none.
    """
    none = (404, "NOT_FOUND", "", ["EmergencyAddress"])
    assert none == error_of(await api.call("GET", path))
    assert none == error_of(await api.call("POST", f"{path}:deprovision"))
    assert (await api.call("POST", f"{path}:provision", json=request(EXACT))).json() == EXACT
    assert (await api.call("GET", path)).json() == EXACT
    other = EXACT | {"location": "Suite 5"}
    assert (await api.call("POST", f"{path}:provision", json=request(other))).json() == other
    assert (await api.call("POST", f"{path}:deprovision")).json() == {}
    assert none == error_of(await api.call("GET", path))
    api.simulator.switches.set("emergency_unset", "empty")
    assert (await api.call("GET", path)).json() == EMPTY


async def test_a_near_match(api, path):
    """Validation shows the correction.

    Provisioning stores it, or what was given, or refuses, by switch.
    """
    verdict = (await api.call("POST", f"{path}:validate", json=request(NEAR))).json()
    assert (
        verdict["validationResult"],
        verdict["correctedAddress"],
        verdict["candidateAddresses"],
    ) == (
        "NEAR_MATCH",
        EXACT,
        [],
    )
    assert (verdict["displayName"], verdict["validatedAddress"]) == ("Head office", NEAR)
    assert (await api.call("POST", f"{path}:provision", json=request(NEAR))).json() == EXACT
    api.simulator.switches.set("emergency_near_match", "as_given")
    assert (await api.call("POST", f"{path}:provision", json=request(NEAR))).json() == NEAR
    api.simulator.switches.set("emergency_near_match", "refused")
    refused = await api.call("POST", f"{path}:provision", json=request(NEAR))
    assert error_of(refused) == (400, "INVALID_ARGUMENT", "", ["address"])
    assert (await api.call("GET", path)).json() == NEAR


async def test_no_match(api, path):
    """Validation shows candidates and is 200.

    Provisioning is 400 and stores nothing, unless the switch stores anything.
    """
    verdict = (await api.call("POST", f"{path}:validate", json=request(NONE))).json()
    assert (verdict["validationResult"], verdict["correctedAddress"]) == ("NO_MATCH", EMPTY)
    assert ["Lenox Rd NE"] == [one["streetInfo"] for one in verdict["candidateAddresses"]]
    refused = await api.call("POST", f"{path}:provision", json=request(NONE))
    assert error_of(refused) == (400, "INVALID_ARGUMENT", "", ["address"])
    assert (await api.call("GET", path)).status_code == 404
    api.simulator.switches.set("emergency_no_match", "stored")
    assert (await api.call("POST", f"{path}:provision", json=request(NONE))).json() == NONE


async def test_validation_stores_nothing(api, path):
    """An exact address that was only validated is not the number's.

    An unused correction may be an empty object.
    """
    verdict = (await api.call("POST", f"{path}:validate", json=request(EXACT))).json()
    assert (verdict["validationResult"], verdict["correctedAddress"]) == ("EXACT_MATCH", EMPTY)
    api.simulator.switches.set("emergency_unused_correction", "empty_object")
    verdict = (await api.call("POST", f"{path}:validate", json=request(EXACT))).json()
    assert verdict["correctedAddress"] == {}
    assert (await api.call("GET", path)).status_code == 404


@pytest.mark.parametrize("verb", ["validate", "provision"])
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (
            {},
            [
                "display_name",
                *(
                    f"address.{one}"
                    for one in ("street_number", "street_info", "city", "state", "postal_code")
                ),
            ],
        ),
        (request(EXACT | {"city": ""}), ["address.city"]),
        (
            request({key: value for key, value in EXACT.items() if key != "postalCode"}),
            ["address.postal_code"],
        ),
    ],
)
async def test_incomplete_addresses(api, path, verb, body, fields):
    """Every missing member is named."""
    response = await api.call("POST", f"{path}:{verb}", json=body, sloppy=True)
    assert (400, "INVALID_ARGUMENT", "", fields) == error_of(response)


async def test_the_address_goes_with_the_number(api, path, phone_number):
    """A released number keeps its address until it expires; then number and address are gone."""
    await api.call("POST", f"{path}:provision", json=request(EXACT))
    await api.call("POST", f"activeNumbers/{phone_number}:release")
    assert (await api.call("GET", path)).json() == EXACT
    api.later(40 * 86_400)
    assert error_of(await api.call("GET", path))[3] == ["ActiveNumber"]
    assert phone_number not in [one["phone_number"] for one in api.simulator.emergency_coverage()]


async def test_a_delay_by_switch(api, path):
    """With emergency_delay_s reads show the old address until then."""
    api.simulator.switches.set("emergency_delay_s", 30)
    await api.call("POST", f"{path}:provision", json=request(EXACT))
    assert (await api.call("GET", path)).status_code == 404
    api.later(30)
    assert (await api.call("GET", path)).json() == EXACT


async def test_reads_lag_behind(api, path):
    """A stale read shows no address after provisioning, and the old one after deprovisioning."""
    api.simulator.faults.add(
        {"operation": "provision_emergency_address", "fault": "stale_reads", "lag_reads": 1}
    )
    await api.call("POST", f"{path}:provision", json=request(EXACT))
    assert [404, 200] == [(await api.call("GET", path)).status_code for _ in range(2)]
    api.simulator.faults.add(
        {"operation": "deprovision_emergency_address", "fault": "stale_reads", "lag_reads": 1}
    )
    await api.call("POST", f"{path}:deprovision")
    assert [200, 404] == [(await api.call("GET", path)).status_code for _ in range(2)]


async def test_a_lost_reply_leaves_the_address(api, path):
    """A provisioning whose reply is lost has taken effect; one that was reset before has not."""
    url = f"{api.environment['SINCH_NUMBERS_URL']}{api.project_path}/{path}:provision"
    headers = {"authorization": f"Bearer {(await api.token()).json()['access_token']}"}
    for fault, status in (("reset_before", 404), ("reset_after", 200)):
        api.simulator.faults.add({"operation": "provision_emergency_address", "fault": fault})
        with pytest.raises(httpx.TransportError):
            await api.http.post(url, json=request(EXACT), headers=headers)
        assert (await api.call("GET", path)).status_code == status


async def test_coverage(api, control, path, phone_number):
    """The control port tells which US and CA voice numbers have feature and address, and no address
    itself.
    """
    await api.call("POST", f"{path}:provision", json=request(EXACT))
    reply = await control.get("/emergency-coverage")
    numbers = {one["phone_number"]: one for one in reply.json()["numbers"]}
    assert (numbers[phone_number]["feature"], numbers[phone_number]["address"]) == (True, True)
    assert [phone_number] == [one for one, facts in numbers.items() if facts["address"]]
    assert "Lenox" not in reply.text
    assert {"US", "CA"} >= {one["region_code"] for one in numbers.values()}


async def test_the_feature_for_all(api, control):
    """Without a number the script concerns every held number; an unknown one is 404."""
    changed = (
        await control.post("/script", json={"action": "emergency_feature", "value": True})
    ).json()["changed"]
    assert changed == len(api.simulator.world.holdings)
    assert {True} == {one["feature"] for one in api.simulator.emergency_coverage()}
    script = {"action": "emergency_feature", "phone_number": UNKNOWN}
    assert (await control.post("/script", json=script)).status_code == 404


NODE_BODY = (
    b'{"displayName":"Head office","address":{"streetNumber":"3040","streetInfo":"Lenox Road '
    b'NE","city":"Atlanta",'
    b'"state":"GA","postalCode":"30324"}}'
)
NODE_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json",
    "user-agent": "sinch-sdk/1.5.0 (JavaScript/v20.20.2; default; none)",
    "accept-encoding": "gzip,deflate",
}
# What @sinch/numbers 1.5.0 (npm) sent to the served simulator on 2026-11-23, call by call, and the
# status it got.
NODE_CALLS = (
    ("GET", "", b"", 404),
    ("POST", ":validate", NODE_BODY, 200),
    ("POST", ":provision", NODE_BODY, 200),
    ("GET", "", b"", 200),
    ("POST", ":deprovision", b"", 200),
)


async def test_recorded_requests_of_the_node_sdk(api, path):
    """The official Node SDK's five emergency-address calls, replayed byte for byte, work.

    Raw plus, compact JSON, empty body.
    """
    token = (await api.token()).json()["access_token"]
    base = api.environment["SINCH_NUMBERS_URL"]
    replies = []
    for method, verb, body, status in NODE_CALLS:
        url = f"{base}{api.project_path}/{path}{verb}"
        sent = await api.http.request(
            method, url, content=body, headers=NODE_HEADERS | {"authorization": f"Bearer {token}"}
        )
        validate_request(method, sent.request.url.path, "", NODE_HEADERS, body)
        assert status == sent.status_code
        replies.append(sent.json())
    assert (replies[1]["validationResult"], replies[2], replies[3], replies[4]) == (
        "NEAR_MATCH",
        EXACT,
        EXACT,
        {},
    )
