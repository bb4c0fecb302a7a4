"""Every fault of the simulator as a client meets it, in-process and on a port.

And what the world looks like afterwards.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from support.simulated import Checked

from numberflow.simulator import Simulator, SimulatorSettings, serve

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["in-process", "served"])
async def api(request) -> AsyncIterator[Checked]:
    simulator = Simulator(SimulatorSettings(seed=7, active=15, speed=0, stock_us_local=100))
    if request.param == "in-process":
        client = Checked(simulator)
        await client.token()
        yield client
        await client.http.aclose()
    else:
        with serve(simulator) as running:
            client = Checked(simulator, running)
            yield client
            await client.http.aclose()


async def rent(api: Checked, **fault) -> tuple[str, httpx.Response | Exception]:
    """Rents a number under a fault; what came back, or the exception."""
    phone_number = (await api.offered(size=1))[0]["phoneNumber"]
    if fault:
        api.simulator.faults.add({"operation": "rent"} | fault)
    base = f"{api.environment['SINCH_NUMBERS_URL']}{api.project_path}"
    url = f"{base}/availableNumbers/{phone_number}:rent"
    token = (await api.token()).json()["access_token"]
    try:
        return phone_number, await api.http.post(
            url, json={}, headers={"authorization": f"Bearer {token}"}
        )
    except httpx.HTTPError as error:
        return phone_number, error


async def holds(api: Checked, phone_number: str) -> bool:
    return (await api.call("GET", f"activeNumbers/{phone_number}")).status_code == 200


@pytest.mark.parametrize("stage", ["before", "after"])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [("reset", (httpx.ReadError,)), ("timeout", (httpx.ReadTimeout, httpx.RemoteProtocolError))],
)
async def test_lost_replies(api, fault, stage, expected):
    """A reset or a silence loses the reply.

    Before commits nothing, after has rented and charged.
    """
    phone_number, outcome = await rent(api, fault=f"{fault}_{stage}", hold_s=0.05)
    assert isinstance(outcome, expected), repr(outcome)
    committed = stage == "after"
    assert (await holds(api, phone_number), api.simulator.rentals()) == (committed, int(committed))
    logged = [entry for entry in api.simulator.requests() if entry["operation"] == "rent"]
    assert [(entry["status"], entry["committed"], entry["fault"]) for entry in logged] == [
        (None, committed, f"{fault}_{stage}")
    ]


@pytest.mark.parametrize("stage", ["before", "after"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_server_errors(api, stage, status):
    """A 5xx comes with the envelope or as HTML, before or after the commit."""
    for html in (False, True):
        rentals = api.simulator.rentals()
        phone_number, outcome = await rent(api, fault=f"error_{stage}", status=status, html=html)
        assert outcome.status_code == status
        assert ("<html" in outcome.text) is html
        assert await holds(api, phone_number) is (stage == "after")
        assert api.simulator.rentals() - rentals == int(stage == "after")


async def test_truncated(api):
    """A reply cut short breaks the protocol for the client although the number is rented."""
    phone_number, outcome = await rent(api, fault="truncated")
    assert isinstance(outcome, httpx.RemoteProtocolError), repr(outcome)
    assert await holds(api, phone_number)


@pytest.mark.parametrize(
    ("fault", "content_type", "body"),
    [
        ("html_200", "text/html", b"<html"),
        ("empty_200", "application/json", b""),
        ("wrong_json", "application/json", b'[{"unexpected":true}]'),
    ],
)
async def test_spoilt_replies(api, fault, content_type, body):
    """A 200 that says nothing useful hides a rent that took place."""
    phone_number, outcome = await rent(api, fault=fault)
    assert (outcome.status_code, outcome.headers["content-type"]) == (200, content_type)
    assert outcome.content.startswith(body)
    assert b"phoneNumber" not in outcome.content
    assert await holds(api, phone_number)


@pytest.mark.parametrize(
    ("retry_after", "check"),
    [
        (None, lambda value: value is None),
        (7, lambda value: value == "7"),
        ("absurd", lambda value: value == "99999999"),
        ("date", lambda value: value.endswith("GMT")),
    ],
)
async def test_rate_limited(api, retry_after, check):
    """A 429 changes nothing and carries the Retry-After that was asked for."""
    phone_number, outcome = await rent(api, fault="rate_limited", retry_after=retry_after)
    assert outcome.status_code == 429
    assert check(outcome.headers.get("retry-after"))
    assert not await holds(api, phone_number)


async def test_token_expired(api):
    """token_expired is a 401 that says so, before anything happens."""
    phone_number, outcome = await rent(api, fault="token_expired")
    assert (outcome.status_code, "expired" in outcome.headers["www-authenticate"]) == (401, True)
    assert not await holds(api, phone_number)


async def test_delay(api):
    """A delay answers late and correctly."""
    begun_s = time.monotonic()
    phone_number, outcome = await rent(api, fault="delay", delay_s=0.2)
    assert time.monotonic() - begun_s >= 0.2
    assert (outcome.status_code, await holds(api, phone_number)) == (200, True)


async def test_price_change(api):
    """price_change charges another price than the one quoted."""
    _, outcome = await rent(api, fault="price_change", factor=3)
    assert outcome.json()["money"]["amount"] == "1.50"
    assert [charge["amount"] for charge in api.simulator.charges()] == ["1.50", "1.50"]


async def test_rival(api):
    """A rival makes the rent a 404; after a search he takes the first number shown."""
    phone_number, outcome = await rent(api, fault="rival")
    assert outcome.status_code == 404
    assert not await holds(api, phone_number)
    api.simulator.faults.add({"fault": "rival", "operation": "search", "count": 2})
    shown = await api.offered(size=3)
    statuses = [
        (await api.call("GET", f"availableNumbers/{number['phoneNumber']}")).status_code
        for number in shown
    ]
    assert statuses == [404, 404, 200]


async def test_stale_reads_by_clock(api):
    """After a rent that lags, all reads show the state before it until the simulated clock has
    passed the lag.
    """
    phone_number, outcome = await rent(api, fault="stale_reads", lag_s=30)
    assert outcome.status_code == 200
    assert not await holds(api, phone_number)
    assert (await api.call("GET", f"availableNumbers/{phone_number}")).status_code == 200
    before = (await api.call("GET", "activeNumbers", params={"pageSize": 100})).json()
    assert (len(before["activeNumbers"]), before["totalSize"]) == (15, 15)
    last_digits = {"numberPattern.pattern": phone_number[1:], "numberPattern.searchPattern": "END"}
    assert [number["phoneNumber"] for number in await api.offered(**last_digits)] == [phone_number]
    api.simulator.clock.advance(30)
    assert await holds(api, phone_number)
    after = (await api.call("GET", "activeNumbers", params={"pageSize": 100})).json()
    assert (len(after["activeNumbers"]), after["totalSize"]) == (16, 16)
    assert await api.offered(**last_digits) == []


async def test_stale_reads_by_count(api):
    """A lag of two reads ends with the third."""
    phone_number, _ = await rent(api, fault="stale_reads", lag_reads=2)
    assert [await holds(api, phone_number) for _ in range(3)] == [False, False, True]


async def test_stale_list(api):
    """stale_list shows the old state in lists only; an update and a release lag as well."""
    phone_number, _ = await rent(api, fault="stale_list", lag_s=30)
    assert await holds(api, phone_number)
    assert (await api.call("GET", "activeNumbers")).json()["totalSize"] == 15
    api.simulator.clock.advance(31)
    api.simulator.faults.add({"fault": "stale_list", "operation": "release", "lag_s": 30})
    await api.call("POST", f"activeNumbers/{phone_number}:release")
    listed = (await api.call("GET", "activeNumbers", params={"pageSize": 100})).json()[
        "activeNumbers"
    ]
    shown = {number["phoneNumber"]: number["expireAt"] for number in listed}
    assert shown[phone_number] is None
    truth = (await api.call("GET", f"activeNumbers/{phone_number}")).json()
    assert truth["expireAt"] == truth["nextChargeDate"]


async def test_lost_reply_and_lag_together(api):
    """A lost reply can be followed by reads that do not show the purchase yet, with one rule."""
    phone_number, outcome = await rent(api, fault="reset_after", lag_s=30)
    assert isinstance(outcome, httpx.ReadError)
    assert (await holds(api, phone_number), api.simulator.rentals()) == (False, 1)
    api.simulator.clock.advance(30)
    assert await holds(api, phone_number)


@pytest.mark.parametrize("stage", ["before", "after"])
async def test_holds(api, stage):
    """A held rent waits before or after its effect, and answers when it is released."""
    task = asyncio.ensure_future(rent(api, fault=f"hold_{stage}"))
    held = await held_request(api)
    assert (held["operation"], held["stage"]) == ("rent", stage)
    assert api.simulator.rentals() == int(stage == "after")
    assert api.simulator.holds.release(held["id"])
    _, outcome = await task
    assert (outcome.status_code, api.simulator.rentals()) == (200, 1)
    assert api.simulator.holds.list() == []


async def held_request(api: Checked) -> dict:
    for _ in range(500):
        if found := api.simulator.holds.list():
            return found[0]
        await asyncio.sleep(0.01)
    raise AssertionError("nothing is held")


@pytest.mark.parametrize(("commit", "rentals"), [(False, 0), (True, 1)])
async def test_client_dies_while_held_before(commit, rentals):
    """If the client goes while held before the commit nothing is rented, unless the rule says
    commit_on_disconnect.
    """
    simulator = Simulator(SimulatorSettings(active=0, stock_us_local=20))
    with serve(simulator) as running:
        api = Checked(simulator, running)
        task = asyncio.ensure_future(rent(api, fault="hold_before", commit_on_disconnect=commit))
        await held_request(api)
        task.cancel()
        await asyncio.wait({task})
        await api.http.aclose()
        for _ in range(500):
            if not simulator.holds.list() and simulator.rentals() == rentals:
                break
            await asyncio.sleep(0.01)
        assert (simulator.holds.list(), simulator.rentals()) == ([], rentals)


async def test_chaos_leaves_a_consistent_world():
    """Under heavy chaos every rent the log calls committed is one rental in the ledger, and pages
    shrink to ten.
    """
    simulator = Simulator(SimulatorSettings(seed=3, active=30, chaos=0.5, stock_us_local=200))
    simulator.faults.chaos_hold_s = 0.01
    api = Checked(simulator)
    phone_numbers = [
        number.phone_number for number in simulator.world.shelf.of_kind(("US", "LOCAL"))
    ][:60]
    settings = simulator.settings
    base = f"{api.environment['SINCH_NUMBERS_URL']}{api.project_path}"
    statuses = []
    for phone_number in phone_numbers:
        url = f"{base}/availableNumbers/{phone_number}:rent"
        try:
            simulator.clock.advance(1)
            response = await api.http.post(
                url, auth=(settings.key_id, settings.key_secret), json={}
            )
            statuses.append(response.status_code)
        except httpx.HTTPError as error:
            statuses.append(type(error).__name__)
    committed = [entry for entry in simulator.requests() if entry["committed"]]
    assert (len(committed), len(simulator.charges())) == (
        simulator.rentals(),
        2 * simulator.rentals(),
    )
    assert len(set(statuses)) > 4
    simulator.faults.chaos = 0.0001
    page = await api.call("GET", "activeNumbers", params={"pageSize": 100})
    assert len(page.json()["activeNumbers"]) == 10
    await api.http.aclose()
