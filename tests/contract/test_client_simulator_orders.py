"""The client's number orders and emergency addresses against the simulator.

Two independent readings of the contract meet.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from numberflow.client import Client
from numberflow.client.emergency_addresses import absence
from numberflow.errors import NotFound, Rejected
from numberflow.models import SmsSettings
from numberflow.models.emergency import (
    Absence,
    EmergencyAddress,
    EmergencyAddressRequest,
    ValidationResult,
)
from numberflow.models.number_orders import (
    NumberOrderRequest,
    NumberOrderState,
    NumberRequirements,
    UploadStatus,
)
from numberflow.models.personal import unseal
from numberflow.settings import Settings
from numberflow.simulator import BASE_URL, InProcessTransport, Simulator, SimulatorSettings

pytestmark = pytest.mark.anyio

DATA: dict[str, Any] = {
    "data": [
        [
            {
                "senderId": "+61491570156",
                "purposeOfTheTraffic": "One Time Password",
                "intendedUseOfMobileNumbers": "Codes",
                "confirmationOfUse": True,
            }
        ],
        {
            "endBusinessName": "Wombat Bakery Pty",
            "endBusinessAddress": "1 Billabong Lane",
            "city": "Melbourne",
            "state": "VIC",
            "country": "AU",
            "postalCode": "3000",
        },
        {"firstName": "Adelaide", "lastName": "Quokka", "phoneNumber": "+61491570157"},
    ]
}


@pytest.fixture
def simulator() -> Simulator:
    """A fresh simulator whose clock moves by advance() alone."""
    return Simulator(SimulatorSettings(speed=0, active=12))


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    """A client of the simulator."""
    names = ("project_id", "key_id", "key_secret", "auth_url", "numbers_url", "imported_url")
    env = simulator.environment(BASE_URL)
    account = Settings(_env_file=None, **{name: env[f"SINCH_{name.upper()}"] for name in names})
    async with Client(account, transport=InProcessTransport(simulator)) as opened:
        yield opened


async def staff(simulator: Simulator, **script: Any) -> None:
    """What the vendor's people do, by the control port."""
    transport = httpx.ASGITransport(app=simulator.control_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as control:
        answer = await control.post("/script", json=script)
    assert answer.status_code == 200, answer.text


async def required(client: Client) -> NumberRequirements:
    """The requirements of AU MOBILE."""
    found = await client.number_orders.lookup_requirements(region_code="AU", number_type="MOBILE")
    assert found is not None
    return found


async def filed(client: Client, order_id: str) -> None:
    """Data and the mandatory files of an AU MOBILE order, handed in."""
    await client.number_orders.update_registration(order_id, DATA)
    for each in (await required(client)).attachments:
        if each.mandatory:
            await client.number_orders.upload_attachment(
                order_id,
                each.attachment_id,
                io.BytesIO(b"%PDF-1.7 x"),
                file_name="quokka.pdf",
                media_type="application/pdf",
            )


async def test_an_order_to_its_end(client: Client, simulator: Simulator) -> None:
    """A given number is ordered, filed, submitted, blocked with a reason, fixed and completed.

    Every step is read completely.
    """
    stock = await client.available_numbers.search(region_code="AU", number_type="MOBILE", size=1)
    wanted = NumberOrderRequest(
        region_code="AU",
        number_type="MOBILE",
        phone_number=stock[0].phone_number,
        sms=SmsSettings(service_plan_id="plan-1"),
        callback_url="https://hooks.example.test/x",
    )
    created = await client.number_orders.create(wanted)
    (number,) = created.order_numbers
    assert number.number_price is not None
    assert (NumberOrderState.CREATED, stock[0].phone_number, stock[0].monthly_price, ()) == (
        created.state,
        number.phone_number,
        number.number_price.monthly_price,
        created.unreadable,
    )
    assert created.expire_at is not None
    with pytest.raises(Rejected):
        await client.number_orders.create(wanted)

    await filed(client, created.order_id)
    simulator.clock.advance(60)
    registration = await client.number_orders.get_registration(created.order_id)
    assert registration.request_details is not None
    assert (DATA, [UploadStatus.COMPLETED], ()) == (
        unseal(registration.request_details),
        [each.upload_status for each in registration.attachments if each.file_name],
        registration.unreadable,
    )
    await staff(
        simulator,
        action="review",
        outcome="BLOCKED",
        logs=["Who is Adelaide Quokka?"],
        order_id=created.order_id,
    )
    submitted = await client.number_orders.submit(created.order_id)
    assert submitted.state == NumberOrderState.IN_REVIEW
    simulator.clock.advance(2 * 86_400)
    blocked = await client.number_orders.get(created.order_id)
    reasons = (await client.number_orders.get_registration(created.order_id)).reasons
    assert (NumberOrderState.BLOCKED, ("Who is … …?",)) == (blocked.state, reasons[-1:])

    await client.number_orders.update_registration(created.order_id, DATA)
    await client.number_orders.submit(created.order_id)
    simulator.clock.advance(2 * 86_400)
    assert (await client.number_orders.get(created.order_id)).state == NumberOrderState.COMPLETED
    assert (await client.active_numbers.get(number.phone_number)).region_code == "AU"


async def test_quantity_without_requirements(client: Client, simulator: Simulator) -> None:
    """US numbers have no requirements.

    Three consecutive ones are ordered by criteria and become ours.
    """
    assert (
        await client.number_orders.lookup_requirements(region_code="US", number_type="LOCAL")
        is None
    )
    order = await client.number_orders.create(
        NumberOrderRequest(
            region_code="US",
            number_type="LOCAL",
            quantity=3,
            sequential=True,
            capabilities=("SMS",),
        )
    )
    numbers = sorted(int(each.phone_number) for each in order.order_numbers)
    assert list(range(numbers[0], numbers[0] + 3)) == numbers
    await client.number_orders.submit(order.order_id)
    simulator.clock.advance(2 * 86_400)
    held = {each.phone_number async for each in client.active_numbers.iterate()}
    assert {each.phone_number for each in order.order_numbers} <= held


async def test_refusals_of_an_order(client: Client) -> None:
    """Wrong data name their field and nobody; an incomplete order is not submitted.

    An order of nobody is not found.
    """
    order = await client.number_orders.create(
        NumberOrderRequest(region_code="AU", number_type="MOBILE", quantity=1)
    )
    person = {**DATA["data"][2], "phoneNumber": "61491570157"}
    with pytest.raises(Rejected) as wrong:
        await client.number_orders.update_registration(
            order.order_id, {"data": [*DATA["data"][:2], person]}
        )
    assert wrong.value.field_violations
    assert "phoneNumber" in wrong.value.field_violations[0][0]
    assert [text in str(vars(wrong.value)) for text in ("61491570157", "Quokka")] == [False, False]
    with pytest.raises(Rejected) as incomplete:
        await client.number_orders.submit(order.order_id)
    with pytest.raises(NotFound) as missing:
        await client.number_orders.get("01zzzzzzzzzzzzzzzzzzzzzzzz")
    assert (400, 400, "NumberOrder") == (
        wrong.value.status,
        incomplete.value.status,
        missing.value.resource_type,
    )


async def test_files(client: Client) -> None:
    """A file of another kind is 400, one that is too large 413, streamed from an iterator it is
    taken, and it can be replaced.
    """
    order = await client.number_orders.create(
        NumberOrderRequest(region_code="AU", number_type="MOBILE", quantity=1)
    )
    attachment_id = (await required(client)).attachments[0].attachment_id

    async def send(file: Any, media_type: str = "application/pdf") -> int:
        try:
            await client.number_orders.upload_attachment(
                order.order_id, attachment_id, file, file_name="quokka.pdf", media_type=media_type
            )
        except Rejected as error:
            assert "quokka" not in str(vars(error))
            return error.status
        return 200

    async def pieces() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7 "
        yield b"content"

    assert [400, 413, 200, 200] == [
        await send(io.BytesIO(b"GIF89a"), "image/gif"),
        await send(io.BytesIO(bytes(11 * 2**20))),
        await send(pieces()),
        await send(io.BytesIO(b"%PDF-1.7 again")),
    ]


def address(street: str, **more: str) -> EmergencyAddressRequest:
    """An address in Atlanta."""
    return EmergencyAddressRequest(
        display_name="Wombat",
        street_number="1479",
        street_info=street,
        city="Atlanta",
        state="GA",
        postal_code="30306",
        **more,
    )


async def test_life_of_an_emergency_address(client: Client, simulator: Simulator) -> None:
    """A near match is shown and provisioned, read, and removed.

    Without the feature, without an address and not held are told apart.
    """
    number = next(
        each.phone_number
        for each in [held async for held in client.active_numbers.iterate()]
        if each.region_code == "US" and "VOICE" in each.capabilities
    )
    addresses = client.emergency_addresses
    assert await addresses.get(number) is Absence.FEATURE
    with pytest.raises(NotFound) as missing:
        await addresses.provision(number, address("Lenox Road NE"))
    assert absence(missing.value) is Absence.FEATURE
    await staff(simulator, action="emergency_feature", phone_number=number)
    assert await addresses.get(number) is Absence.ADDRESS

    near = await addresses.validate(number, address("Lenox Road NE"))
    none = await addresses.validate(number, address("Lenox Road"))
    assert near.corrected_address is not None
    exact = await addresses.validate(
        number, EmergencyAddressRequest.for_address("Wombat", near.corrected_address)
    )
    assert [
        (ValidationResult.NEAR_MATCH, False),
        (ValidationResult.NO_MATCH, True),
        (ValidationResult.EXACT_MATCH, False),
    ] == [(verdict.result, bool(verdict.candidate_addresses)) for verdict in (near, none, exact)]
    assert (None, ()) == (
        exact.corrected_address,
        near.unreadable + none.unreadable + exact.unreadable,
    )
    assert await addresses.get(number) is Absence.ADDRESS

    stored = await addresses.provision(
        number, EmergencyAddressRequest.for_address("Wombat", near.corrected_address)
    )
    assert (near.corrected_address, True) == (stored, stored == await addresses.get(number))
    await addresses.deprovision(number)
    assert await addresses.get(number) is Absence.ADDRESS
    with pytest.raises(NotFound) as not_held:
        await addresses.get("+13075559999")
    assert not_held.value.resource_type == "ActiveNumber"


@pytest.mark.parametrize("unset", ["not_found", "empty"])
async def test_both_ways_to_have_none(client: Client, simulator: Simulator, unset: str) -> None:
    """However a number says that it has no address, it is read so."""
    simulator.switches.set("emergency_unset", unset)
    simulator.switches.set("emergency_feature", True)
    found = [
        await client.emergency_addresses.get(each.phone_number)
        async for each in client.active_numbers.iterate(region_code="US", capabilities=("VOICE",))
    ]
    assert {Absence.ADDRESS} == set(found)
    assert not any(isinstance(each, EmergencyAddress) for each in found)
