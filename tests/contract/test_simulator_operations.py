"""Every operation of the simulator and its refusals, in-process and on a port.

Each exchange is validated against docs/vendor/.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from support.simulated import Checked

from numberflow.simulator import Simulator, SimulatorSettings, serve

pytestmark = pytest.mark.anyio

START_AT = datetime(2026, 1, 31, 10, 15, 29, 481516, tzinfo=UTC)
UNKNOWN = "+13125550199"


def error_of(response):
    """Status and the parts of the envelope a client may branch on."""
    error = response.json()["error"]
    details = [
        detail.get("resourceType") or detail["fieldViolations"][0]["field"]
        for detail in error["details"]
    ]
    return response.status_code, error["status"], error["message"], details


@pytest.fixture(params=["in-process", "served"])
async def api(request) -> AsyncIterator[Checked]:
    simulator = Simulator(
        SimulatorSettings(seed=7, active=45, speed=0, start_at=START_AT, stock_us_local=300)
    )
    if request.param == "in-process":
        client = Checked(simulator)
        yield client
        await client.http.aclose()
    else:
        with serve(simulator) as running:
            client = Checked(simulator, running)
            yield client
            await client.http.aclose()


async def test_token_reply(api):
    """A token reply has the live figures, and its JWT expires in the wall clock's future."""
    reply = (await api.token()).json()
    assert (reply["expires_in"], reply["token_type"], reply["scope"]) == (3599, "bearer", "")
    assert len(reply["access_token"].split(".")) == 3


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        ({"auth": ("nobody", "wrong")}, 401, "invalid_client"),
        ({"auth": None}, 401, "invalid_client"),
        ({"data": {"grant_type": "password"}}, 400, "unsupported_grant_type"),
        ({"data": {}}, 400, "invalid_request"),
    ],
)
async def test_token_refusals(api, arguments, status, error):
    """Wrong credentials are 401, a wrong grant is 400, each with a JSON object."""
    response = await api.token(**arguments)
    assert (status, error) == (response.status_code, response.json()["error"])


async def test_token_bucket(api):
    """The 31st token request in a burst is refused with 429 and without Retry-After."""
    responses = [await api.token() for _ in range(40)]
    refused = [response for response in responses if response.status_code == 429]
    assert [response.status_code for response in responses[:30]] == [200] * 30
    assert len(refused) > 0
    assert "retry-after" not in refused[0].headers


async def test_regions(api):
    """Without types every region is listed.

    A filter keeps regions that offer one of the types, types untrimmed.
    """
    everything = (await api.call("GET", "availableRegions")).json()["availableRegions"]
    toll_free = (await api.call("GET", "availableRegions", params={"types": "TOLL_FREE"})).json()[
        "availableRegions"
    ]
    assert len(everything) > len(toll_free)
    assert toll_free == [
        {"regionCode": "US", "regionName": "United States", "types": ["LOCAL", "TOLL_FREE"]}
    ]
    either = await api.call("GET", "availableRegions", params={"types": ["TOLL_FREE", "MOBILE"]})
    assert len(either.json()["availableRegions"]) > 1


async def test_search_start_pattern(api):
    """START compares with the whole E.164 text: +1307 finds Wyoming, bare 307 finds nothing."""
    query = {"numberPattern.searchPattern": "START"}
    found = await api.offered(**query, **{"numberPattern.pattern": "+1307"})
    assert found
    assert {"+1307"} == {number["phoneNumber"][:5] for number in found}
    assert await api.offered(**query, **{"numberPattern.pattern": "307"}) == []


async def test_search_end_and_contains(api):
    """END and CONTAINS take digits; a pattern without searchPattern is taken as CONTAINS."""
    last = (await api.offered(size=1))[0]["phoneNumber"][-3:]
    found = await api.offered(
        **{"numberPattern.pattern": last, "numberPattern.searchPattern": "END"}, size=100
    )
    assert {last} == {number["phoneNumber"][-3:] for number in found}
    contained = await api.offered(**{"numberPattern.pattern": last}, size=100)
    assert all(last in number["phoneNumber"] for number in contained)
    assert len(contained) >= len(found)


async def test_search_sizes(api):
    """Ten results by default, at most a hundred whatever is asked."""
    assert (
        len(await api.offered()),
        len(await api.offered(size=3)),
        len(await api.offered(size=5000)),
    ) == (10, 3, 100)


async def test_search_again_gives_another_sample(api):
    """The same search twice does not give the same numbers in the same order."""
    assert await api.offered() != await api.offered()


async def test_search_capabilities_are_all_required(api):
    """A number in a search for SMS and VOICE has both.

    A search for VOICE may return numbers that have more.
    """
    both = await api.offered(capabilities=["SMS", "VOICE"], size=100)
    voice = await api.offered(capabilities="VOICE", size=100)
    assert [number["capability"] for number in both] == [["SMS", "VOICE"]] * 100
    assert ["SMS", "VOICE"] in [number["capability"] for number in voice]


@pytest.mark.parametrize(
    ("switch", "params", "found"),
    [
        ("odd_region", {"regionCode": "us"}, 0),
        ("odd_region", {"regionCode": "XX"}, 0),
        ("odd_size", {"size": "0"}, 10),
        ("odd_size", {"size": "-5"}, 10),
        ("odd_pattern", {"numberPattern.pattern": "+", "numberPattern.searchPattern": "START"}, 0),
        (
            "odd_pattern",
            {"numberPattern.pattern": "+0415", "numberPattern.searchPattern": "START"},
            0,
        ),
    ],
)
async def test_assumed_refusals_are_switches(api, switch, params, found):
    """What is refused by assumption alone can be tolerated instead."""
    query = {"regionCode": "US", "type": "LOCAL", **params}
    refused = await api.call("GET", "availableNumbers", sloppy=True, params=query)
    api.simulator.switches.set(switch, "default" if switch == "odd_size" else "nothing")
    tolerated = await api.call("GET", "availableNumbers", sloppy=True, params=query)
    assert (refused.status_code, len(tolerated.json()["availableNumbers"])) == (400, found)


async def test_documents_flag(api):
    """The flag is on every result, or by switch only where papers are really asked for."""
    everywhere = await api.offered(size=1)
    api.simulator.switches.set("documents_flag_everywhere", False)
    seldom = await api.offered(size=1)
    flags = [each[0]["supportingDocumentationRequired"] for each in (everywhere, seldom)]
    assert flags == [True, False]


async def test_search_empty_stock(api):
    """No stock is 200 with an empty list, for a kind that is not sold too."""
    area = {"numberPattern.pattern": "+1415", "numberPattern.searchPattern": "START"}
    assert await api.offered(**area) == []
    assert await api.offered(regionCode="US", type="MOBILE") == []


@pytest.mark.parametrize(
    ("path", "params", "expected"),
    [
        ("availableNumbers", {"type": "LOCAL"}, (400, "INVALID_ARGUMENT", "", ["region_code"])),
        ("availableNumbers", {"regionCode": "US"}, (400, "INVALID_ARGUMENT", "", ["type"])),
        (
            "availableNumbers",
            {"regionCode": "US", "type": "XXX"},
            (400, "INVALID_ARGUMENT", 'parsing field "type": "XXX" is not a valid value', []),
        ),
        (
            "availableNumbers",
            {"regionCode": "US", "type": "LOCAL", "capabilities": "FAX"},
            (
                400,
                "INVALID_ARGUMENT",
                'parsing field "capabilities": "FAX" is not a valid value',
                [],
            ),
        ),
        (
            "availableNumbers",
            {"regionCode": "US", "type": "LOCAL", "numberPattern.searchPattern": "LIKE"},
            (
                400,
                "INVALID_ARGUMENT",
                'parsing field "numberPattern.searchPattern": "LIKE" is not a valid value',
                [],
            ),
        ),
        (
            "availableNumbers",
            {"regionCode": "US", "type": "LOCAL", "numberPattern.pattern": "abc"},
            (400, "INVALID_ARGUMENT", "", ["number_pattern"]),
        ),
        (
            "availableNumbers",
            {"regionCode": "ZZ", "type": "LOCAL"},
            (400, "INVALID_ARGUMENT", "", ["region_code"]),
        ),
        (
            "availableNumbers",
            {"regionCode": "US", "type": "LOCAL", "size": "0"},
            (400, "INVALID_ARGUMENT", "", ["size"]),
        ),
        (
            "availableNumbers",
            {"regionCode": "US", "type": "LOCAL", "size": "ten"},
            (400, "INVALID_ARGUMENT", 'parsing field "size": "ten" is not a valid value', []),
        ),
        ("availableNumbers/12345", {}, (400, "INVALID_ARGUMENT", "", ["phone_number"])),
        (f"availableNumbers/{UNKNOWN}", {}, (404, "NOT_FOUND", "", ["AvailableNumber"])),
        (
            "availableRegions",
            {"types": "LOCAL,MOBILE"},
            (
                400,
                "INVALID_ARGUMENT",
                'parsing field "types": "LOCAL,MOBILE" is not a valid value',
                [],
            ),
        ),
        ("activeNumbers", {"orderBy": "price"}, (400, "INVALID_ARGUMENT", "", ["order_by"])),
        ("activeNumbers", {"pageToken": "nonsense"}, (400, "INVALID_ARGUMENT", "", ["page_token"])),
        ("activeNumbers", {"pageSize": "-1"}, (400, "INVALID_ARGUMENT", "", ["page_size"])),
        (
            "activeNumbers",
            {"capability": "SMS,VOICE"},
            (
                400,
                "INVALID_ARGUMENT",
                'parsing field "capability": "SMS,VOICE" is not a valid value',
                [],
            ),
        ),
        ("activeNumbers/abc", {}, (400, "INVALID_ARGUMENT", "", ["phone_number"])),
        (f"activeNumbers/{UNKNOWN}", {}, (404, "NOT_FOUND", "", ["ActiveNumber"])),
    ],
)
async def test_refused_reads(api, path, params, expected):
    """A read that the contract refuses is refused in the documented words."""
    assert expected == error_of(await api.call("GET", path, params=params, sloppy=True))


async def test_check_and_rent(api):
    """A check shows the searched number.

    A rent answers with the number, charges setup and a month, and takes it off the shelf.
    """
    offered = (await api.offered(size=1, capabilities="SMS"))[0]
    path = f"availableNumbers/{offered['phoneNumber']}"
    assert offered == (await api.call("GET", path)).json()
    rented = (
        await api.call("POST", f"{path}:rent", json={"callbackUrl": "https://hooks.example.test/n"})
    ).json()
    assert offered["phoneNumber"] == rented["phoneNumber"]
    assert offered["monthlyPrice"] == rented["money"]
    assert (rented["nextChargeDate"], rented["expireAt"]) == ("2026-02-28T10:15:29.481516Z", None)
    assert rented["callbackUrl"] == "https://hooks.example.test/n"
    assert rented == (await api.call("GET", f"activeNumbers/{offered['phoneNumber']}")).json()
    assert (await api.call("GET", path)).status_code == 404
    charged = [(charge["kind"], charge["amount"]) for charge in api.simulator.charges()]
    assert charged == [("setup", "0.50"), ("monthly", "0.50")]
    assert error_of(await api.call("POST", f"{path}:rent", json={})) == (
        404,
        "NOT_FOUND",
        "",
        ["AvailableNumber"],
    )
    assert api.simulator.rentals() == 1


async def test_rent_without_any_body(api):
    """A rent without a body rents without links."""
    phone_number = (await api.offered(size=1))[0]["phoneNumber"]
    response = await api.call("POST", f"availableNumbers/{phone_number}:rent", sloppy=True)
    assert (response.status_code, response.json()["smsConfiguration"]["scheduledProvisioning"]) == (
        200,
        None,
    )


async def test_plus_in_the_path_raw_or_encoded(api):
    """A raw and an encoded plus mean the same number."""
    phone_number = (await api.offered(size=1))[0]["phoneNumber"]
    encoded = await api.call("GET", "availableNumbers/" + phone_number.replace("+", "%2B"))
    assert encoded.json() == (await api.call("GET", f"availableNumbers/{phone_number}")).json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", (400, "INVALID_ARGUMENT", "invalid JSON in request body", [])),
        (b"[]", (400, "INVALID_ARGUMENT", "invalid JSON in request body", [])),
        (b'{"smsConfiguration":{}}', (400, "INVALID_ARGUMENT", "", ["sms_configuration"])),
        (b'{"voiceConfiguration":{}}', (400, "INVALID_ARGUMENT", "", ["voice_configuration"])),
        (
            b'{"smsConfiguration":{"campaignId":"C1"}}',
            (400, "INVALID_ARGUMENT", "", ["sms_configuration.service_plan_id"]),
        ),
        (
            b'{"voiceConfiguration":{"type":"EST"}}',
            (400, "INVALID_ARGUMENT", "", ["voice_configuration.trunk_id"]),
        ),
        (
            b'{"voiceConfiguration":{"type":"PBX","appId":"a"}}',
            (400, "INVALID_ARGUMENT", 'parsing field "type": "PBX" is not a valid value', []),
        ),
    ],
)
async def test_refused_rent_bodies(api, body, expected):
    """A rent with an empty or malformed configuration fails and charges nothing."""
    phone_number = (await api.offered(size=1))[0]["phoneNumber"]
    response = await api.call(
        "POST",
        f"availableNumbers/{phone_number}:rent",
        content=body,
        headers={"content-type": "application/json"},
        sloppy=True,
    )
    assert expected == error_of(response)
    assert api.simulator.charges() == []


@pytest.mark.parametrize(
    ("region", "number_type", "field"),
    [("US", "TOLL_FREE", "type"), ("GB", "MOBILE", "region_code")],
)
async def test_rent_is_for_us_local_only(api, region, number_type, field):
    """A rent outside US LOCAL is a 400 that names what is wrong; the switch lets it through."""
    phone_number = (await api.offered(regionCode=region, type=number_type))[0]["phoneNumber"]
    refused = await api.call("POST", f"availableNumbers/{phone_number}:rent", json={})
    assert (400, "INVALID_ARGUMENT", "", [field]) == error_of(refused)
    api.simulator.switches.set("legacy_rent_everywhere", True)
    assert (
        await api.call("POST", f"availableNumbers/{phone_number}:rent", json={})
    ).status_code == 200


async def test_trial_account_may_not_rent(api):
    """A trial account gets the documented 403 on rent and rentAny."""
    api.simulator.world.trial = True
    phone_number = (await api.offered(size=1))[0]["phoneNumber"]
    expected = (
        403,
        "PERMISSION_DENIED",
        "Trial account is not enabled to rent number",
        ["AvailableNumber"],
    )
    assert expected == error_of(
        await api.call("POST", f"availableNumbers/{phone_number}:rent", json={})
    )
    body = {"regionCode": "US", "type": "LOCAL"}
    assert expected == error_of(await api.call("POST", "availableNumbers:rentAny", json=body))


async def test_no_credit(api):
    """Lack of credit is 400, or 402 by switch, and leaves the number for sale."""
    api.simulator.world.ledger.balance = Decimal("0.99")
    phone_number = (await api.offered(size=1))[0]["phoneNumber"]
    refused = await api.call("POST", f"availableNumbers/{phone_number}:rent", json={})
    assert error_of(refused) == (400, "FAILED_PRECONDITION", "Insufficient balance", [])
    api.simulator.switches.set("insufficient_balance_402", True)
    assert (
        await api.call("POST", f"availableNumbers/{phone_number}:rent", json={})
    ).status_code == 402
    assert (await api.call("GET", f"availableNumbers/{phone_number}")).status_code == 200


async def test_rent_any(api):
    """RentAny takes a number that fits, and charges for it."""
    body = {
        "regionCode": "US",
        "type": "LOCAL",
        "numberPattern": {"pattern": "+1307", "searchPattern": "START"},
        "capabilities": ["SMS", "VOICE"],
        "smsConfiguration": {"servicePlanId": "plan-0001"},
    }
    rented = (await api.call("POST", "availableNumbers:rentAny", json=body)).json()
    assert rented["phoneNumber"][:5] == "+1307"
    assert rented["smsConfiguration"]["scheduledProvisioning"]["status"] == "WAITING"
    assert [charge["cause"] for charge in api.simulator.charges()] == ["rentAny", "rentAny"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "INVALID_ARGUMENT", "", ["region_code"])),
        ({"regionCode": "US"}, (400, "INVALID_ARGUMENT", "", ["type"])),
        ({"regionCode": "US", "type": "TOLL_FREE"}, (400, "INVALID_ARGUMENT", "", ["type"])),
        ({"regionCode": "GB", "type": "LOCAL"}, (400, "INVALID_ARGUMENT", "", ["region_code"])),
        (
            {
                "regionCode": "US",
                "type": "LOCAL",
                "numberPattern": {"pattern": "+1415", "searchPattern": "START"},
            },
            (404, "NOT_FOUND", "", ["AvailableNumber"]),
        ),
    ],
)
async def test_refused_rent_any(api, body, expected):
    """RentAny needs US and LOCAL, and something that fits."""
    assert expected == error_of(
        await api.call("POST", "availableNumbers:rentAny", json=body, sloppy=True)
    )
    assert api.simulator.rentals() == 0


@pytest.mark.parametrize("style", ["url_safe", "harsh"])
@pytest.mark.parametrize("order", [None, "phoneNumber", "displayName"])
async def test_paging_sees_every_number_once(api, style, order):
    """All pages together hold every number once, in order.

    The last token is empty and totalSize counts all hits.
    """
    api.simulator.switches.set("page_tokens", style)
    params = {"pageSize": 7} | ({"orderBy": order} if order else {})
    seen, totals, token = [], set(), ""
    while True:
        page = (
            await api.call(
                "GET", "activeNumbers", params=params | ({"pageToken": token} if token else {})
            )
        ).json()
        seen += page["activeNumbers"]
        totals.add(page["totalSize"])
        token = page["nextPageToken"]
        if not token:
            break
        if style == "harsh":
            assert set("+/=") <= set(token)
        else:
            assert not set("+/=") & set(token)
    assert (45, 45, {45}) == (len(seen), len({number["phoneNumber"] for number in seen}), totals)
    key = order or "phoneNumber"
    assert sorted(seen, key=lambda number: (number[key], number["phoneNumber"])) == seen


async def test_page_token_is_bound_to_its_query(api):
    """A token of one query is refused by another."""
    token = (await api.call("GET", "activeNumbers", params={"pageSize": 5})).json()["nextPageToken"]
    for params in ({"pageSize": 5, "type": "LOCAL"}, {"pageSize": 6}):
        response = await api.call("GET", "activeNumbers", params=params | {"pageToken": token})
        assert error_of(response) == (400, "INVALID_ARGUMENT", "", ["page_token"])


async def test_list_without_type_lists_all_types(api):
    """An absent type is no filter; the switch brings the old MOBILE default back."""
    page = (await api.call("GET", "activeNumbers", params={"pageSize": 100})).json()
    assert "LOCAL" in {number["type"] for number in page["activeNumbers"]}
    api.simulator.switches.set("legacy_mobile_default", True)
    page = (await api.call("GET", "activeNumbers", params={"pageSize": 100})).json()
    assert {"MOBILE"} >= {number["type"] for number in page["activeNumbers"]}


async def test_list_filters(api):
    """Region, type, capability and pattern filters agree with the numbers' own fields, and
    totalSize with the count.
    """
    everything = (await api.call("GET", "activeNumbers", params={"pageSize": 100})).json()[
        "activeNumbers"
    ]
    wanted = [
        number
        for number in everything
        if number["regionCode"] == "US"
        and number["type"] == "LOCAL"
        and "SMS" in number["capability"]
        and "2" in number["phoneNumber"][1:]
    ]
    params = {
        "regionCode": "US",
        "type": "LOCAL",
        "capability": ["SMS"],
        "numberPattern.pattern": "2",
        "numberPattern.searchPattern": "CONTAINS",
        "pageSize": 100,
    }
    page = (await api.call("GET", "activeNumbers", params=params)).json()
    assert (wanted, len(wanted), "") == (
        page["activeNumbers"],
        page["totalSize"],
        page["nextPageToken"],
    )


@pytest.mark.parametrize("prefix", ["+1", "+12", "+44", "+9", "1", None])
async def test_list_by_prefix(api, monkeypatch, prefix):
    """A prefix finds, page by page, the numbers that begin with it, and looks at no other number.

    To look at each of 100,000 numbers for each of 4,000 prefixes took minutes.
    """
    everything = api.simulator.world.holdings.sorted_numbers(None, None)
    expected = [number for number in everything if number.startswith(prefix or "")]
    params = {"pageSize": 7, "numberPattern.searchPattern": "START"}
    if prefix is not None:
        params["numberPattern.pattern"] = prefix
    looked_at = []
    get = api.simulator.world.holdings.get
    monkeypatch.setattr(
        api.simulator.world.holdings, "get", lambda number: looked_at.append(number) or get(number)
    )
    seen, token = [], ""
    while True:
        more = {"pageToken": token} if token else {}
        page = (await api.call("GET", "activeNumbers", params=params | more)).json()
        seen += [number["phoneNumber"] for number in page["activeNumbers"]]
        assert len(expected) == page["totalSize"]
        token = page["nextPageToken"]
        if not token:
            break
    assert expected == seen == looked_at


async def test_unknown_query_keys_are_ignored(api):
    """`capabilities`, which one SDK sends on the active list, filters nothing."""
    page = (
        await api.call("GET", "activeNumbers", params={"capabilities": "FAX"}, sloppy=True)
    ).json()
    assert page["totalSize"] == 45


async def test_update_and_release(api):
    """PATCH keeps what it does not mention.

    A release sets expireAt to nextChargeDate, and a second one changes nothing.
    """
    number = await api.rented(callbackUrl="https://hooks.example.test/n")
    path = f"activeNumbers/{number['phoneNumber']}"
    updated = (await api.call("PATCH", path, json={"displayName": "Linje ett – «åå»"})).json()
    assert number | {"displayName": "Linje ett – «åå»"} == updated
    released = (await api.call("POST", f"{path}:release")).json()
    assert updated | {"expireAt": number["nextChargeDate"]} == released
    assert released == (await api.call("POST", f"{path}:release")).json()
    assert error_of(await api.call("POST", f"activeNumbers/{UNKNOWN}:release")) == (
        404,
        "NOT_FOUND",
        "",
        ["ActiveNumber"],
    )
    assert error_of(
        await api.call("PATCH", f"activeNumbers/{UNKNOWN}", json={"displayName": "x"})
    ) == (
        404,
        "NOT_FOUND",
        "",
        ["ActiveNumber"],
    )


async def test_relink_needs_an_unlink_first(api):
    """Another service plan is refused until the old one is unlinked and gone.

    Voice may change directly.
    """
    number = await api.rented(
        smsConfiguration={"servicePlanId": "plan-a"},
        voiceConfiguration={"type": "RTC", "appId": "app-1"},
    )
    path = f"activeNumbers/{number['phoneNumber']}"
    api.simulator.clock.advance(60)
    relink = {"smsConfiguration": {"servicePlanId": "plan-b"}}
    expected = (400, "INVALID_ARGUMENT", "", ["sms_configuration.service_plan_id"])
    assert expected == error_of(await api.call("PATCH", path, json=relink))
    unlink = {"smsConfiguration": {"servicePlanId": "", "campaignId": ""}}
    unlinking = (await api.call("PATCH", path, json=unlink)).json()["smsConfiguration"]
    assert (unlinking["servicePlanId"], unlinking["scheduledProvisioning"]["status"]) == (
        "plan-a",
        "WAITING",
    )
    assert expected == error_of(await api.call("PATCH", path, json=relink))
    api.simulator.clock.advance(60)
    assert (await api.call("PATCH", path, json=relink)).status_code == 200
    voice = await api.call(
        "PATCH", path, json={"voiceConfiguration": {"type": "FAX", "serviceId": "fax-1"}}
    )
    shown = voice.json()["voiceConfiguration"]
    assert (
        shown["type"],
        shown["appId"],
        shown["scheduledVoiceProvisioning"]["type"],
        shown["scheduledVoiceProvisioning"]["serviceId"],
    ) == ("RTC", "app-1", "FAX", "fax-1")


async def test_refusals_as_failed_precondition(api):
    """A switch turns refusals of state into FAILED_PRECONDITION."""
    number = await api.rented(smsConfiguration={"servicePlanId": "plan-a"})
    api.simulator.switches.set("refusals_use_failed_precondition", True)
    body = {"smsConfiguration": {"servicePlanId": "plan-b"}}
    response = await api.call("PATCH", f"activeNumbers/{number['phoneNumber']}", json=body)
    assert error_of(response)[:2] == (400, "FAILED_PRECONDITION")


@pytest.mark.parametrize(("choice", "status"), [("not_found", 404), ("refused", 400)])
async def test_second_release_by_switch(api, choice, status):
    """A second release can be made a 404 or a 400."""
    number = await api.rented()
    path = f"activeNumbers/{number['phoneNumber']}:release"
    assert (await api.call("POST", path)).status_code == 200
    api.simulator.switches.set("second_release", choice)
    assert status == (await api.call("POST", path)).status_code


async def test_conflict_by_switch(api):
    """A PATCH while a job runs can be made a 409."""
    number = await api.rented(smsConfiguration={"servicePlanId": "plan-a"})
    api.simulator.switches.set("conflict_while_job_runs", True)
    body = {"smsConfiguration": {"servicePlanId": "plan-a"}}
    response = await api.call("PATCH", f"activeNumbers/{number['phoneNumber']}", json=body)
    assert error_of(response)[:2] == (409, "ABORTED")


async def test_callback_configuration(api):
    """The secret is empty at first, is replaced by PATCH, and a bad one is refused without being
    repeated.
    """
    first = (await api.call("GET", "callbackConfiguration")).json()
    assert {"projectId": api.simulator.settings.project_id, "hmacSecret": ""} == first
    secret = "sim-secret-0123456789-abcdefghijkl"
    changed = (await api.call("PATCH", "callbackConfiguration", json={"hmacSecret": secret})).json()
    assert secret == changed["hmacSecret"]
    refused = await api.call(
        "PATCH", "callbackConfiguration", json={"hmacSecret": "too short!"}, sloppy=True
    )
    assert error_of(refused) == (400, "INVALID_ARGUMENT", "", ["hmac_secret"])
    assert "too short!" not in refused.text
    assert changed == (await api.call("GET", "callbackConfiguration")).json()


async def test_credentials(api):
    """No or made-up credentials are a final 401.

    Another project is 403, or 404 for callbacks by switch.
    """
    for headers in (
        {"authorization": ""},
        {"authorization": "Bearer made.up.token"},
        {"authorization": "Digest x"},
    ):
        response = await api.call("GET", "activeNumbers", headers=headers)
        assert error_of(response) == (401, "UNAUTHENTICATED", "", [])
        assert "expired" not in response.headers["www-authenticate"]
    assert (await api.call("GET", "activeNumbers")).status_code == 200
    api.project_path = "/v1/projects/another"
    assert error_of(await api.call("GET", "activeNumbers")) == (403, "PERMISSION_DENIED", "", [])
    assert error_of(await api.call("GET", "callbackConfiguration")) == (
        403,
        "PERMISSION_DENIED",
        "",
        [],
    )
    api.simulator.switches.set("callback_configuration_404", True)
    missing = await api.call("GET", "callbackConfiguration")
    assert error_of(missing) == (
        404,
        "NOT_FOUND",
        "Could not find project with ID: another",
        ["CallbackConfiguration"],
    )


async def test_token_expires_with_the_simulated_clock(api):
    """When the clock passes the token's life, the 401 says expired."""
    assert (await api.call("GET", "activeNumbers")).status_code == 200
    api.simulator.clock.advance(3600)
    response = await api.call("GET", "activeNumbers")
    assert (response.status_code, "expired" in response.headers["www-authenticate"]) == (401, True)


async def test_basic_authentication(api):
    """HTTP Basic works for a burst of 50, then gets 429; a switch keeps it from writing."""
    settings = api.simulator.settings
    auth = (settings.key_id, settings.key_secret)
    api.simulator.switches.set("basic_per_s", 0.0)
    statuses = [
        (await api.call("GET", "callbackConfiguration", auth=auth)).status_code for _ in range(51)
    ]
    assert statuses == [200] * 50 + [429]
    assert (await api.call("GET", "activeNumbers", auth=("x", "y"))).status_code == 401
    api.simulator.switches.set("basic_burst", 1000)
    api.simulator.switches.set("basic_read_only", True)
    refused = await api.call("PATCH", "callbackConfiguration", json={}, auth=auth)
    assert error_of(refused) == (403, "PERMISSION_DENIED", "", [])


@pytest.mark.parametrize("host", ["numbers", "imported"])
async def test_rate_limits_of_a_host(api, host):
    """Each host's limit, its Retry-After and the words of its 429 can be set."""
    imported = host == "imported"
    switches = {
        "imported_rate_limit": True,
        "imported_rate_per_s": 3.0,
        "imported_rate_retry_after_s": 0,
    }
    switches["rate_limit_body"] = "message"  # which the Numbers API's schema does not allow for
    if not imported:
        switches = {"rate_limit": True, "rate_limit_per_s": 3.0, "rate_limit_burst": 3}
    for name, value in switches.items():
        api.simulator.switches.set(name, value)
    call, path = (
        (api.imported, "importedNumbers/+12025550101") if imported else (api.call, "activeNumbers")
    )
    responses = [await call("GET", path) for _ in range(9)]
    limited = [one for one in responses if one.status_code == 429]
    assert (len(limited) >= 3, responses[2].status_code) == (True, 404 if imported else 200)
    assert "retry-after" not in limited[0].headers
    assert ("Over limit" == limited[0].json()["error"]["message"]) is imported


async def test_rate_limit_by_switch(api):
    """The project's bucket is off by default; switched on, a burst of more than 40 meets a 429."""
    assert {200} == {
        (await api.call("GET", "callbackConfiguration")).status_code for _ in range(60)
    }
    api.simulator.switches.set("rate_limit", True)
    api.simulator.switches.set("rate_limit_retry_after_s", 3)
    responses = [await api.call("GET", "callbackConfiguration") for _ in range(80)]
    refused = [response for response in responses if response.status_code == 429]
    assert refused
    assert {"3"} == {response.headers["retry-after"] for response in refused}


async def test_unknown_routes(api):
    """What is no operation is 404 Not Found without details."""
    for url in ("/numbers/v1/projects/p/nothing", "/numbers/v1", "/elsewhere"):
        base = api.environment["SINCH_NUMBERS_URL"].removesuffix("/numbers")
        response = await api.http.get(base + url)
        assert error_of(response) == (404, "NOT_FOUND", "Not Found", [])
