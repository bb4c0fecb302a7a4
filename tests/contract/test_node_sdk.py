"""What the vendor's Node SDK (@sinch/numbers 1.5.0) sends for emergency addresses, recorded byte by
byte, works against the served simulator.

tests/samples/node_sdk/emergency.cjs makes the calls and the record. The SDK itself accepted every
reply there (2026-11-25).
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

SAMPLES = Path(__file__).parents[1] / "samples" / "node_sdk"
RECORDED_NUMBER = "+12012369741"
ADDRESS = {
    "streetNumber": "1040",
    "streetInfo": "Crown Pointe Pkwy NE",
    "location": "",
    "city": "Atlanta",
    "state": "GA",
    "postalCode": "30338",
    "postalCodePlusFour": "0339",
}


@pytest.fixture
def running() -> Iterator[Running]:
    """A simulator whose numbers may have an emergency address."""
    simulator = Simulator(SimulatorSettings(seed=5, active=60, speed=0))
    simulator.switches.set("emergency_feature", True)
    with serve(simulator) as one:
        yield one


def replay(running: Running, name: str, phone_number: str, bearer: str) -> tuple[int, Any]:
    """Send a recorded request as it was, but for number, host and token.

    Status and JSON of the reply.
    """
    head, _, body = (SAMPLES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines) | {"authorization": f"Bearer {bearer}"}
    base = urlsplit(running.environment["SINCH_NUMBERS_URL"])
    connection = http.client.HTTPConnection(base.netloc)
    try:
        # The SDK does not encode the plus of the number: http.client sends the path as it stands,
        # too.
        connection.request(
            method, base.path + path.replace(RECORDED_NUMBER, phone_number), body or None, headers
        )
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read() or b"null")
    finally:
        connection.close()


def test_recorded_calls(running: Running) -> None:
    """Validate, provision, read and deprovision, as the SDK sends them, do what they say."""
    environment = running.environment
    token = httpx.post(
        f"{environment['SINCH_AUTH_URL']}/oauth2/token", data={"grant_type": "client_credentials"},
        auth=(environment["SINCH_KEY_ID"], environment["SINCH_KEY_SECRET"]), trust_env=False,
    ).json()["access_token"]  # fmt: skip
    coverage = running.simulator.emergency_coverage()
    number = next(
        each["phone_number"]
        for each in coverage
        if each["region_code"] == "US" and not each["address"]
    )

    status, validated = replay(running, "validate", number, token)
    assert (200, "NEAR_MATCH", ADDRESS) == (
        status,
        validated["validationResult"],
        validated["correctedAddress"],
    )
    assert (200, ADDRESS) == replay(running, "provision", number, token)
    assert (200, ADDRESS) == replay(running, "get", number, token)
    assert 200 == replay(running, "deprovision", number, token)[0]
    status, error = replay(running, "get", number, token)
    assert (404, "EmergencyAddress") == (status, error["error"]["details"][0]["resourceType"])


def test_samples_are_the_sdks() -> None:
    """The record holds the four calls, without a token."""
    assert {"validate.http", "provision.http", "get.http", "deprovision.http"} == {
        path.name for path in SAMPLES.glob("*.http")
    }
    assert not [
        path for path in SAMPLES.glob("*.http") if b"authorization" in path.read_bytes().lower()
    ]
