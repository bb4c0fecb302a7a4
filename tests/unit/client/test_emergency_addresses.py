"""Emergency addresses over a real socket: what leaves, and what each 404 means."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import stamina
from support import wire as w
from support.accounts import settings
from support.samples import load

from numberflow.client import Client, emergency_addresses
from numberflow.client.protocol import decipher
from numberflow.errors import BadInput, NotFound, OutcomeUnknown, Rejected
from numberflow.models.emergency import (
    Absence,
    EmergencyAddress,
    EmergencyAddressRequest,
    ValidationResult,
)

pytestmark = pytest.mark.anyio

NUMBER = "+13075550142"
PATH = "/numbers/v1/projects/project-1/activeNumbers/%2B13075550142/emergencyAddress"
ADDRESS = EmergencyAddress.model_validate(json.loads(load("emergency_200").body))
REQUEST = EmergencyAddressRequest(
    display_name="Wombat Bakery",
    street_number="1479",
    street_info="Lenox Road NE",
    city="Atlanta",
    state="GA",
    postal_code="30306",
)


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Repeats come at once."""
    with stamina.set_testing(True, attempts=100):
        yield


def reply(name: str) -> w.Behaviour:
    """The recorded reply."""
    sample = load(name)
    return w.answer(sample.status, sample.body)


async def test_life_of_an_address() -> None:
    """Validate, provision, read, deprovision.

    Each leaves as documented and comes back as a model.
    """
    async with (
        w.serve(
            *map(reply, ("validate_200_near", "emergency_200", "emergency_200")), w.answer(200, {})
        ) as server,
        Client(settings(server.url)) as client,
    ):
        addresses = client.emergency_addresses
        verdict = await addresses.validate(NUMBER, REQUEST)
        stored = await addresses.provision(NUMBER, REQUEST)
        shown = await addresses.get(NUMBER)
        await addresses.deprovision(NUMBER)
    assert (ValidationResult.NEAR_MATCH, ADDRESS, ADDRESS) == (verdict.result, stored, shown)
    assert [
        ("POST", f"{PATH}:validate"),
        ("POST", f"{PATH}:provision"),
        ("GET", PATH),
        ("POST", f"{PATH}:deprovision"),
    ] == [(call.method, call.target) for call in server.calls]
    assert [REQUEST.to_wire()] * 2 == [json.loads(call.body) for call in server.calls[:2]]
    assert server.calls[3].body == b""


@pytest.mark.parametrize(
    ("name", "found"),
    [("emergency_404_feature", Absence.FEATURE), ("emergency_404_none", Absence.ADDRESS)],
)
async def test_no_address_is_an_answer(name: str, found: Absence) -> None:
    """A number without the feature and a number without an address are findings, told apart.

    Both are also seen in the 404 of the other calls.
    """
    async with w.serve(otherwise=reply(name)) as server, Client(settings(server.url)) as client:
        assert found == await client.emergency_addresses.get(NUMBER)
        for call in (
            client.emergency_addresses.validate(NUMBER, REQUEST),
            client.emergency_addresses.provision(NUMBER, REQUEST),
            client.emergency_addresses.deprovision(NUMBER),
        ):
            with pytest.raises(NotFound) as caught:
                await call
            assert found == emergency_addresses.absence(caught.value)
    assert len(server.calls) == 4


@pytest.mark.parametrize(
    ("name", "kind"), [("active_404", "ActiveNumber"), ("gateway_404_html", ""), ("route_404", "")]
)
async def test_other_404s_stay_errors(name: str, kind: str) -> None:
    """A number that is not held, and a 404 of a gateway, are errors.

    Nobody may take them for "has no address".
    """
    async with w.serve(reply(name)) as server, Client(settings(server.url)) as client:
        with pytest.raises(NotFound) as caught:
            await client.emergency_addresses.get(NUMBER)
    assert (kind, None) == (caught.value.resource_type, emergency_addresses.absence(caught.value))


async def test_validation_is_repeated(no_waiting: None) -> None:
    """A validation stores nothing, so it survives a lost reply."""
    async with (
        w.serve(w.reset, w.answer(503, {}), reply("validate_200_exact")) as server,
        Client(settings(server.url)) as client,
    ):
        verdict = await client.emergency_addresses.validate(NUMBER, REQUEST)
    assert (ValidationResult.EXACT_MATCH, 3) == (verdict.result, len(server.calls))


async def test_refusal_shows_no_address() -> None:
    """The vendor's refusal comes out without the address that it repeats."""
    async with w.serve(reply("emergency_400")) as server, Client(settings(server.url)) as client:
        with pytest.raises(Rejected) as caught:
            await client.emergency_addresses.provision(NUMBER, REQUEST)
    assert caught.value.vendor_message == "… …, … does not exist"


EMPTY = [
    b"{}",
    b'{"city": ""}',
    b'{"city": null}',
    json.dumps(dict.fromkeys(json.loads(load("emergency_200").body), "")).encode(),
]
STRANGE = [b'{"status": "ok"}', b"", b"[]", b"null", b"<html>"]


@pytest.mark.parametrize("body", EMPTY)
def test_an_empty_address_is_none(body: bytes) -> None:
    """A number that answers with an empty address has none.

    A provisioning that is answered so has an unknown outcome.
    """
    assert decipher(emergency_addresses.build_get("p", NUMBER), 200, {}, body) is Absence.ADDRESS
    with pytest.raises(OutcomeUnknown):
        decipher(emergency_addresses.build_provision("p", NUMBER, REQUEST), 200, {}, body)


@pytest.mark.parametrize("body", STRANGE)
def test_what_is_no_address(body: bytes) -> None:
    """What is no address at all says nothing: neither that there is one nor that there is none."""
    for request in (
        emergency_addresses.build_get("p", NUMBER),
        emergency_addresses.build_provision("p", NUMBER, REQUEST),
    ):
        with pytest.raises(OutcomeUnknown):
            decipher(request, 200, {}, body)


def test_an_address_that_cannot_be_read_is_one() -> None:
    """An address with a part that cannot be read is not taken for none."""
    read = decipher(emergency_addresses.build_get("p", NUMBER), 200, {}, b'{"city": ["Atlanta"]}')
    assert isinstance(read, EmergencyAddress)
    assert read.unreadable == ("city",)


@pytest.mark.parametrize(
    ("body", "good"), [(b"", True), (b" ", True), (b"{}", True), (b"null", True), (b"<p>", False)]
)
def test_reply_to_a_deprovision(body: bytes, good: bool) -> None:
    """No body and any JSON mean that the address is gone; a gateway's page does not."""
    request = emergency_addresses.build_deprovision("p", NUMBER)
    if good:
        decipher(request, 200, {}, body)
    else:
        with pytest.raises(OutcomeUnknown):
            decipher(request, 200, {}, body)


def test_bad_number() -> None:
    """A number that is not E.164 is refused before anything is built."""
    with pytest.raises(BadInput, match="phone_number"):
        emergency_addresses.build_get("p", "13075550142")
