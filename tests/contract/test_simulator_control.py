"""The control surface, the callbacks it can stage, and serving itself."""

import asyncio
import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.openapi import document, validate_callback
from support.simulated import Checked

from numberflow.simulator import PortInUse, Simulator, SimulatorSettings, serve
from numberflow.simulator.callbacks import may_be_called, signature

pytestmark = pytest.mark.anyio

SECRET = "sim-secret-0123456789-abcdefghijkl"
HOOK = "http://127.0.0.1:9/hook"


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator(SimulatorSettings(seed=2, active=12, speed=0, stock_us_local=50))


@pytest.fixture
async def control(simulator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=simulator.control_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as client:
        yield client


async def test_health_and_state(control, simulator):
    """State shows clock, seed, project, switches and counts, and no secret."""
    assert (await control.get("/health")).json() == {"status": "ok"}
    state = (await control.get("/state")).json()
    assert (state["seed"], state["held"], state["rentals"], state["chaos"]) == (2, 12, 0, 0.0)
    assert state["switches"] == simulator.switches.as_dict()
    assert simulator.settings.key_secret not in json.dumps(state)


async def test_clock_charges_and_requests(control, simulator):
    """Advancing the clock renews what is due; charges and requests tell what happened."""
    api = Checked(simulator)
    number = await api.rented()
    await control.post("/clock/advance", json={"seconds": 40 * 86_400})
    ledger = (await control.get("/charges")).json()
    own = [
        charge["cause"]
        for charge in ledger["charges"]
        if charge["phone_number"] == number["phoneNumber"]
    ]
    assert (own, ledger["rentals"]) == (["rent", "rent", "renewal"], 1)
    assert set(ledger["totals"]) == {"USD"}
    requests = (await control.get("/requests")).json()["requests"]
    assert [entry["operation"] for entry in requests] == ["token", "search", "rent"]
    assert [entry["committed"] for entry in requests] == [False, False, True]
    assert len((await control.get("/requests", params={"since": 2})).json()["requests"]) == 1
    assert (await control.get("/requests/summary")).json() == {"rent": 1, "search": 1, "token": 1}
    await api.http.aclose()


async def test_faults_and_holds(control, simulator):
    """Rules can be added, read with their counters, removed one by one and cleared.

    What is not there is 404.
    """
    first = (await control.post("/faults", json={"fault": "delay", "delay_s": 0})).json()["id"]
    await control.post("/faults", json={"fault": "empty_200"})
    listed = (await control.get("/faults")).json()["faults"]
    assert [(rule["fault"], rule["fired"]) for rule in listed] == [("delay", 0), ("empty_200", 0)]
    assert (await control.delete(f"/faults/{first}")).status_code == 200
    assert (await control.delete(f"/faults/{first}")).status_code == 404
    assert (await control.delete("/faults")).json() == {"faults": []}
    assert (await control.get("/holds")).json() == {"holds": []}
    assert (await control.post("/holds/1/release")).status_code == 404
    assert (await control.post("/holds/release-all")).json() == {"released": 0}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/clock/advance", {"seconds": -1}, "seconds"),
        ("POST", "/clock/advance", {}, "seconds"),
        ("POST", "/clock/advance", [], "body"),
        ("GET", "/requests?since=x", None, "since"),
        ("POST", "/faults", {"fault": "x"}, "fault"),
        ("PUT", "/switches", {"nothing": 1}, "nothing"),
        ("PUT", "/chaos", {"rate": 2}, "rate"),
        ("POST", "/script", {"action": "dance"}, "action"),
        (
            "POST",
            "/script",
            {"action": "price", "phone_number": "+1", "setup": "x", "monthly": "1"},
            "setup",
        ),
        (
            "POST",
            "/script",
            {"action": "price", "setup": "1", "monthly": "1", "region_code": "ZZ", "type": "A"},
            "region_code",
        ),
        ("POST", "/script", {"action": "rival"}, "phone_number"),
        ("POST", "/script", {"action": "provisioning", "outcome": "FAILED"}, "service_plan_id"),
        (
            "POST",
            "/script",
            {"action": "provisioning", "app_id": "a", "outcome": "MAYBE"},
            "outcome",
        ),
        ("POST", "/script", {"action": "balance", "amount": "-1"}, "amount"),
        ("POST", "/script", {"action": "trial", "value": "yes"}, "value"),
        ("POST", "/script", {"action": "seed_active", "count": "many"}, "count"),
        ("POST", "/script", {"action": "callback", "phone_number": "+13125550199"}, "url"),
        (
            "POST",
            "/script",
            {"action": "callback", "phone_number": "+1", "url": HOOK, "forge": "x"},
            "forge",
        ),
    ],
)
async def test_bad_input_names_the_field(control, method, path, body, field):
    """Bad input is 400 with a message that names the field."""
    response = await control.request(method, path, json=body)
    assert (response.status_code, field in response.json()["error"]) == (400, True)


async def test_scripts(control, simulator):
    """Price, rival, balance, trial, failed provisioning and more held numbers can be scripted."""
    api = Checked(simulator)
    one, two, three = [
        number["phoneNumber"] for number in await api.offered(size=3, capabilities="SMS")
    ]

    async def script(**body):
        response = await control.post("/script", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    await script(action="price", phone_number=one, setup="7.00", monthly="8.00", currency="EUR")
    quoted = (await api.call("GET", f"availableNumbers/{one}")).json()
    assert quoted["setupPrice"] == {"currencyCode": "EUR", "amount": "7.00"}
    assert (await script(action="price", region_code="US", type="LOCAL", setup="1", monthly="2"))[
        "changed"
    ] == 50
    assert await script(action="rival", phone_number=two) == {"taken": True}
    assert (await api.call("GET", f"availableNumbers/{two}")).status_code == 404
    await script(action="balance", amount="1.00")
    assert (await api.call("POST", f"availableNumbers/{three}:rent", json={})).status_code == 400
    await script(action="balance", amount=None)
    await script(action="trial", value=True)
    assert (await api.call("POST", f"availableNumbers/{three}:rent", json={})).status_code == 403
    await script(action="trial", value=False)
    await script(
        action="provisioning",
        service_plan_id="p",
        outcome="FAILED",
        error_codes=["INTERNAL_ERROR"],
        delay_s=9,
    )
    body = {"smsConfiguration": {"servicePlanId": "p"}}
    assert (await api.call("POST", f"availableNumbers/{three}:rent", json=body)).status_code == 200
    await control.post("/clock/advance", json={"seconds": 11})
    pending = (await control.get(f"/active/{three}")).json()["smsConfiguration"][
        "scheduledProvisioning"
    ]
    await control.post("/clock/advance", json={"seconds": 1})
    failed = (await control.get(f"/active/{three}")).json()["smsConfiguration"][
        "scheduledProvisioning"
    ]
    assert (pending["status"], pending["errorCodes"]) == ("IN_PROGRESS", [])
    assert (failed["status"], failed["errorCodes"]) == ("FAILED", ["INTERNAL_ERROR"])
    assert len((await script(action="seed_active", count=5))["added"]) == 5
    assert (await control.get("/active/+13125550199")).status_code == 404
    await api.http.aclose()


async def test_truth_ignores_the_lag(control, simulator):
    """/active/{phone} shows the world as it is while reads of the API lag."""
    api = Checked(simulator)
    simulator.faults.add({"fault": "stale_reads", "lag_s": 60})
    number = await api.rented()
    assert (await api.call("GET", f"activeNumbers/{number['phoneNumber']}")).status_code == 404
    assert (await control.get(f"/active/{number['phoneNumber']}")).json() == number
    await api.http.aclose()


# -- callbacks


class Receiver:
    """Takes callbacks; answers with the next of `answers`, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[bytes, str | None]] = []
        self.answers: list[int] = []
        self.app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        self.got.append((await request.body(), request.headers.get("x-sinch-signature")))
        return Response(status_code=self.answers.pop(0) if self.answers else 200)

    def events(self) -> list[dict]:
        return [json.loads(body) for body, _ in self.got]


@pytest.fixture
def receiver(simulator) -> Receiver:
    """Catches what the simulator sends, without a socket."""
    one = Receiver()
    simulator.callbacks.open_client = lambda: httpx.AsyncClient(
        transport=httpx.ASGITransport(app=one.app)
    )
    return one


def test_signature_matches_the_contract():
    """Our signature equals the contract's published vector."""
    vector = document("numbers")["webhooks"]["numbersEvent"]["post"]["x-signature-test-vectors"][0]
    assert signature(vector["secret"], vector["body"].encode()) == vector["signature"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8379/x", True),
        ("https://localhost/x", True),
        ("http://[::1]:80/x", True),
        ("http://example.test/x", False),
        ("http://127.0.0.1.example.test/", False),
        ("http://10.0.0.1/", False),
        ("ftp://127.0.0.1/", False),
        ("file:///etc/passwd", False),
        ("not a url", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_only_loopback_is_called(url, allowed):
    """Only http(s) addresses of this machine's loopback are ever called."""
    assert may_be_called(url) is allowed


async def test_outcomes_are_called_back(simulator, receiver):
    """Each product's outcome is sent once, signed, in the odd time format, when the job ends."""
    api = Checked(simulator)
    await api.call("PATCH", "callbackConfiguration", json={"hmacSecret": SECRET})
    number = await api.rented(
        callbackUrl=HOOK,
        smsConfiguration={"servicePlanId": "plan-a"},
        voiceConfiguration={"type": "RTC", "appId": "app-1"},
    )
    assert await simulator.callbacks.deliver_due() == 0
    simulator.clock.advance(5)
    assert await simulator.callbacks.deliver_due() == 2
    assert await simulator.callbacks.deliver_due() == 0
    for body, signed in receiver.got:
        validate_callback(body)
        assert hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest() == signed
    assert {event["eventType"] for event in receiver.events()} == {
        "PROVISIONING_TO_SMS_PLATFORM",
        "PROVISIONING_TO_VOICE_PLATFORM",
    }
    assert {event["resourceId"] for event in receiver.events()} == {number["phoneNumber"]}
    timestamp = receiver.events()[0]["timestamp"]
    assert (timestamp[-1] != "Z", len(timestamp.partition(".")[2])) == (True, 9)
    await api.http.aclose()


async def test_retries_follow_the_schedule(simulator, control, receiver):
    """A failing receiver is tried five times at 1, 5, 30, 120 and 600 s with the same event, then
    given up.
    """
    receiver.answers = [500] * 5
    await control.post(
        "/script", json={"action": "callback", "phone_number": "+13075550100", "url": HOOK}
    )
    tries = []
    for until_s in (0.9, 1, 4.9, 5, 30, 119, 120, 600, 5000):
        simulator.clock.advance(until_s - (tries[-1][0] if tries else 0))
        tries.append((until_s, await simulator.callbacks.deliver_due()))
    assert [count for _, count in tries] == [0, 1, 0, 1, 1, 0, 1, 1, 0]
    assert len({event["eventId"] for event in receiver.events()}) == 1
    log = (await control.get("/callbacks")).json()["callbacks"]
    assert [(entry["state"], len(entry["attempts"])) for entry in log] == [("given up", 5)]


async def test_scripted_mishaps(simulator, control, receiver):
    """Callbacks can be duplicated, late, overtaken and forged in three ways."""
    simulator.world.hmac_secret = SECRET

    async def stage(**habits) -> str:
        body = {"action": "callback", "phone_number": "+13075550100", "url": HOOK} | habits
        return (await control.post("/script", json=body)).json()["event_id"]

    async def received(advance_s: float) -> list[str]:
        receiver.got.clear()
        simulator.clock.advance(advance_s)
        while await simulator.callbacks.deliver_due():
            pass
        return [event["eventId"] for event in receiver.events()]

    twice = await stage(duplicate=1)
    assert await received(2) == [twice, twice]
    late = await stage(late_s=100)
    assert await received(100) == []
    assert await received(1) == [late]
    overtaken = await stage(reorder=True)
    prompt = await stage()
    assert await received(2) == [prompt, overtaken]
    for forge in (True, "secret", "unsigned", "body"):
        await stage(forge=forge)
        await received(2)
        body, signed = receiver.got[0]
        assert signed != signature(SECRET, body)
        assert (signed is None) is (forge == "unsigned")


async def test_other_addresses_are_skipped(simulator, control, receiver):
    """A callback to another machine is logged as skipped and not sent."""
    body = {
        "action": "callback",
        "phone_number": "+13075550100",
        "url": "https://hooks.example.test/x",
    }
    await control.post("/script", json=body)
    simulator.clock.advance(2)
    await simulator.callbacks.deliver_due()
    log = (await control.get("/callbacks")).json()["callbacks"]
    assert ([entry["state"] for entry in log], receiver.got) == (["skipped"], [])


async def test_served_simulator_calls_back_by_itself():
    """A served simulator sends due callbacks to a loopback receiver without being asked."""
    got: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        got.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    simulator = Simulator(SimulatorSettings(active=0, stock_us_local=20))
    with serve(simulator) as running:
        api = Checked(simulator, running)
        await api.rented(
            callbackUrl=f"http://127.0.0.1:{port}/hook", smsConfiguration={"servicePlanId": "p"}
        )
        simulator.clock.advance(10)
        for _ in range(300):
            if got:
                break
            await asyncio.sleep(0.01)
        await api.http.aclose()
    listener.close()
    await listener.wait_closed()
    assert [json.loads(body)["eventType"] for body in got] == ["PROVISIONING_TO_SMS_PLATFORM"]


# -- serving


async def test_taken_port_is_named():
    """A port in use is refused with a message that says which and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(PortInUse, match=rf"port {port} .*--port"),
            serve(Simulator(), port=port),
        ):
            pass


def test_command_line_serves_and_stops():
    """The module runs as a command, prints the environment, serves, and ends with 0 on SIGTERM."""
    command = [
        sys.executable,
        "-m",
        "numberflow.simulator",
        "--port",
        "0",
        "--control-port",
        "0",
        "--active",
        "3",
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("# control: "):
                break
        state = httpx.get(lines[-1].removeprefix("# control: ") + "/state", trust_env=False).json()
        process.terminate()
        assert (process.wait(timeout=10), state["held"]) == (0, 3)
    names = [line.partition("=")[0].removeprefix("export ") for line in lines[:-1]]
    assert names == [
        "SINCH_PROJECT_ID",
        "SINCH_KEY_ID",
        "SINCH_KEY_SECRET",
        "SINCH_AUTH_URL",
        "SINCH_NUMBERS_URL",
        "SINCH_IMPORTED_URL",
        "SINCH_LINK_TARGETS_URL",
    ]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "localhost:8378"}, 200),
        ({"Host": "evil.example"}, 400),
        ({"Host": "127.0.0.1.evil.example:8378"}, 400),
        ({"Origin": "https://evil.example"}, 403),
        ({"Content-Type": "text/plain"}, 400),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 400),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_pages_in_a_browser_are_kept_out(headers, status):
    """On its port the control surface takes programs of this machine: a loopback Host, JSON, and
    no Origin. A page cannot advance the clock, whatever name it has given to 127.0.0.1.
    """
    with serve(Simulator(SimulatorSettings(seed=2, active=0))) as running:
        headers = {"Content-Type": "application/json"} | headers
        with httpx.Client(trust_env=False, headers=headers) as client:
            said = client.post(f"{running.control_url}/clock/advance", content=b'{"seconds": 1}')
    assert status == said.status_code
