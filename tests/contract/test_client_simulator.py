"""The client against the simulator: two independent readings of the contract meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from numberflow.client import Client
from numberflow.errors import InsufficientFunds, NotFound, PermissionRefused, Rejected, Throttled
from numberflow.models import RentAnyRequest, RentRequest, SmsSettings, UpdateRequest, VoiceSettings
from numberflow.settings import Settings
from numberflow.simulator import BASE_URL, InProcessTransport, Simulator, SimulatorSettings

pytestmark = pytest.mark.anyio


def settings(simulator: Simulator, **changes: str) -> Settings:
    """The account that the simulator offers."""
    env = simulator.environment(BASE_URL)
    fields = {
        "project_id": env["SINCH_PROJECT_ID"],
        "key_id": env["SINCH_KEY_ID"],
        "key_secret": env["SINCH_KEY_SECRET"],
        "auth_url": env["SINCH_AUTH_URL"],
        "numbers_url": env["SINCH_NUMBERS_URL"],
        "imported_url": env["SINCH_IMPORTED_URL"],
    }
    return Settings.model_validate({**fields, **changes})


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a fresh simulator."""
    simulator = Simulator()
    async with Client(settings(simulator), transport=InProcessTransport(simulator)) as opened:
        yield opened


async def test_life_of_a_number(client: Client) -> None:
    """A number is found, checked, rented, shown, renamed, released, and every step is read
    completely.
    """
    region = next(each for each in await client.regions.list() if each.region_code == "US")
    assert "LOCAL" in region.types
    found = await client.available_numbers.search(
        region_code="US",
        number_type="LOCAL",
        pattern="+1",
        search_pattern="START",
        capabilities=("SMS",),
        size=3,
    )
    number = found[0].phone_number
    checked = await client.available_numbers.get(number)
    assert checked in found
    assert checked.monthly_price is not None
    assert (checked.monthly_price.amount > Decimal(0), checked.monthly_price.currency_code) == (
        True,
        "USD",
    )

    request = RentRequest(
        sms=SmsSettings(service_plan_id="plan-1"), callback_url="https://hooks.example.test/x"
    )
    rented = await client.available_numbers.rent(number, request)
    assert (
        number,
        client.project_id,
        checked.monthly_price,
        None,
        "https://hooks.example.test/x",
        (),
    ) == (
        rented.phone_number,
        rented.project_id,
        rented.money,
        rented.expire_at,
        rented.callback_url,
        rented.unreadable,
    )
    assert rented.sms_configuration is not None
    assert rented.sms_configuration.scheduled_provisioning is not None
    assert rented.sms_configuration.scheduled_provisioning.service_plan_id == "plan-1"
    with pytest.raises(NotFound) as gone:
        await client.available_numbers.get(number)
    assert ("AvailableNumber", number) == (gone.value.resource_type, gone.value.resource_name)

    update = UpdateRequest(display_name="Line 1", voice=VoiceSettings(app_id="app-1"))
    await client.active_numbers.update(number, update)
    shown = await client.active_numbers.get(number)
    assert shown.display_name == "Line 1"
    assert number in [
        each.phone_number async for each in client.active_numbers.iterate(page_size=7)
    ]

    released = await client.active_numbers.release(number)
    assert (shown.next_charge_at, shown.next_charge_at) == (
        released.next_charge_at,
        released.expire_at,
    )
    assert released.expire_at is not None


async def test_rent_any(client: Client) -> None:
    """RentAny gives a number that was not held before."""
    before = {each.phone_number async for each in client.active_numbers.iterate()}
    rented = await client.available_numbers.rent_any(
        RentAnyRequest(region_code="US", number_type="LOCAL")
    )
    assert {rented.phone_number} == {
        each.phone_number async for each in client.active_numbers.iterate()
    } - before


async def test_pages_agree_with_the_whole(client: Client) -> None:
    """Walking in small pages shows each number once, as many as the vendor counts, in the order
    asked for.
    """
    page = await client.active_numbers.list_page(page_size=3)
    found = [
        each.phone_number
        async for each in client.active_numbers.iterate(page_size=3, order_by="phoneNumber")
    ]
    assert (page.total_size, sorted(set(found))) == (len(found), found)


async def test_refusals(client: Client) -> None:
    """A number that is not held, and a value the vendor does not know, come back as the errors they
    are.
    """
    with pytest.raises(NotFound) as missing:
        await client.active_numbers.get("+13075559999")
    assert (missing.value.resource_type, missing.value.resource_name) == (
        "ActiveNumber",
        "+13075559999",
    )
    with pytest.raises(Rejected) as refused:
        await client.available_numbers.search(region_code="US", number_type="XXX")
    assert (refused.value.code, "XXX" in refused.value.vendor_message) == ("INVALID_ARGUMENT", True)


async def test_callback_secret(client: Client) -> None:
    """The signing secret that is set is the one that is read."""
    await client.callback_configuration.update("0123456789abcdef0123456789abcdef")
    read = (await client.callback_configuration.get()).hmac_secret
    assert read is not None
    assert read.get_secret_value() == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("wrong", [{"key_secret": "wrong"}, {"project_id": "someone-else"}])
async def test_wrong_credentials(wrong: dict[str, str]) -> None:
    """A wrong secret and a project of somebody else are refused, and the message names the
    variables.
    """
    simulator = Simulator()
    async with Client(
        settings(simulator, **wrong), transport=InProcessTransport(simulator)
    ) as client:
        with pytest.raises(PermissionRefused, match="SINCH_KEY_SECRET"):
            await client.regions.list()


@pytest.mark.parametrize("shape", ["nested", "without_status", "flat"])
async def test_words_in_every_shape(shape: str) -> None:
    """Whatever shape its errors have, the vendor's words and the kind of error come through."""
    switches = {"error_shape": shape, "insufficient_balance_402": True, "rate_limit": True}
    simulator = Simulator(SimulatorSettings(balance=Decimal(0), switches=switches))
    async with Client(settings(simulator), transport=InProcessTransport(simulator)) as client:
        number = (
            await client.available_numbers.search(region_code="US", number_type="LOCAL", size=1)
        )[0]
        with pytest.raises(InsufficientFunds, match="Insufficient balance"):
            await client.available_numbers.rent(number.phone_number, RentRequest())
        simulator.faults.add({"operation": "rent", "fault": "rate_limited"})
        with pytest.raises(Throttled, match=r"(?i)resource.exhausted"):
            await client.available_numbers.rent(number.phone_number, RentRequest())


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials(status: int) -> None:
    """A key or a token that is not accepted is refused with 401 or 403, and the client says so
    once.
    """
    simulator = Simulator(SimulatorSettings(switches={"refused_credentials": status}))
    wrong = settings(simulator, key_secret="wrong")
    async with Client(wrong, transport=InProcessTransport(simulator)) as client:
        with pytest.raises(
            PermissionRefused, match=f"HTTP {status} invalid_client.*not accepted"
        ) as caught:
            await client.regions.list()
    assert (caught.value.status, len(simulator.requests())) == (status, 1)
