"""What the simulator signs, the vendor's own Python and Node SDKs verify, and what it forges they
refuse.

The receiver's side is in tests/crash/test_receiver.py: it takes what the standard library signs.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from numberflow.simulator import Simulator, SimulatorSettings
from numberflow.simulator.callbacks import FORGERIES
from numberflow.simulator.news import News
from numberflow.simulator.provisioning import Event

SinchClient = pytest.importorskip("sinch").SinchClient
NODE_SDK = Path(__file__).parents[1] / "samples" / "node_sdk"
NUMBERS_SECRET, IMPORTED_SECRET = "numbers-secret-0123456789", "imported-sécret-0123456789"
# Resource types of both APIs: each API has a secret of its own.
SECRETS = {
    "ACTIVE_NUMBER": NUMBERS_SECRET,
    "NUMBER_ORDER": NUMBERS_SECRET,
    "HOSTING_ORDER_NUMBER": IMPORTED_SECRET,
}


@dataclass(frozen=True)
class Sent:
    """One request as it arrived, and what it was to be."""

    resource_type: str
    forged: bool
    headers: dict[str, str]
    body: bytes

    @property
    def secret(self) -> str:
        """Of its API."""
        return SECRETS[self.resource_type]


@pytest.fixture(scope="module")
def sent() -> list[Sent]:
    """A good one of each type, and each kind of forgery."""
    simulator = Simulator(SimulatorSettings(seed=5, active=1, speed=0))
    simulator.world.hmac_secret = NUMBERS_SECRET
    simulator.world.imported.hmac_secret = IMPORTED_SECRET
    arrived: list[Sent] = []

    def arrive(request: httpx.Request) -> httpx.Response:
        kind, forged = request.url.path.strip("/").split("/")
        arrived.append(Sent(kind, forged != "no", dict(request.headers), request.content))
        return httpx.Response(200)

    simulator.callbacks.open_client = lambda: httpx.AsyncClient(
        transport=httpx.MockTransport(arrive)
    )
    for kind in SECRETS:
        for forge in (None, *FORGERIES):
            url = f"http://127.0.0.1:1/{kind}/{forge or 'no'}"
            event = Event("PROVISIONING_TO_VOICE_PLATFORM", "SUCCEEDED", None)
            news = News("+13075550142", url, event, simulator.clock.now(), kind)
            simulator.callbacks.announce(news, forge=forge)
    simulator.clock.advance(2)
    asyncio.run(simulator.callbacks.deliver_due())
    assert len(SECRETS) * (1 + len(FORGERIES)) == len(arrived)
    return arrived


def test_the_python_sdk_verifies_them(sent: list[Sent]) -> None:
    """Good ones are valid and read, of both APIs; no forgery is valid."""
    sdk = SinchClient(key_id="key", key_secret="secret", project_id="project")
    found = []
    for each in sent:
        events = sdk.numbers.sinch_events(each.secret)
        valid = events.validate_authentication_header(each.headers, each.body)
        found.append((each.resource_type, each.forged, valid))
        if valid and each.secret == NUMBERS_SECRET:
            event = events.parse_event(each.body, each.headers)
            assert ("+13075550142", UTC) == (event.resource_id, event.timestamp.tzinfo)
    assert [(each.resource_type, each.forged, not each.forged) for each in sent] == found


@pytest.mark.skipif(shutil.which("node") is None, reason="no `node` on the PATH: install Node.js")
@pytest.mark.skipif(
    not (NODE_SDK / "node_modules" / "@sinch" / "sdk-core").exists(),
    reason="the vendor's Node SDK is not installed: make node-sdk",
)
def test_the_node_sdk_verifies_them(sent: list[Sent]) -> None:
    """The same of the SDK for Node.js."""
    given = [
        {"secret": each.secret, "headers": each.headers, "body": each.body.decode()}
        for each in sent
    ]
    done = subprocess.run(
        ["node", NODE_SDK / "callbacks.cjs"],
        input=json.dumps(given), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert [not each.forged for each in sent] == [each["valid"] for each in found]
    for each, seen in zip(sent, found, strict=True):
        if not each.forged:
            assert (each.resource_type, "+13075550142") == (
                seen["event"]["resourceType"],
                seen["event"]["resourceId"],
            )
            assert datetime.fromisoformat(seen["event"]["timestamp"]).tzinfo is not None
