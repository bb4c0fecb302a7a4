"""The client's second API against the simulator.

Imported and qualified numbers, hosting orders, its callback secret.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from numberflow.client import Client
from numberflow.errors import NotFound, Rejected
from numberflow.models import SmsSettings
from numberflow.models.hosting import (
    BlanketLoa,
    DirectLoa,
    HostingOrderState,
    HostingOrderType,
    ImportNumbersRequest,
    Signer,
    SignerAddress,
    TextEnableRequest,
    TextEnableTollFreeRequest,
)
from numberflow.models.imported import (
    ImportedSmsSettings,
    ImportedUpdateRequest,
    ImportNumberRequest,
    QualificationState,
    StepState,
)
from numberflow.models.personal import unseal
from numberflow.settings import Settings
from numberflow.simulator import BASE_URL, InProcessTransport, Simulator, SimulatorSettings

pytestmark = pytest.mark.anyio

NUMBER = "+12025550134"
OTHER = "+12025550135"
LETTER = DirectLoa(
    authorised_person=Signer(
        first_name="Adelaide", last_name="Quokka", email="quokka@example.test"
    ),
    address=SignerAddress(
        building_number="10",
        street="Sample Road",
        city="Springfield",
        state="IL",
        postal_code="62701",
        country="US",
    ),
    current_voice_carrier="Example Telco",
)
DAY_S = 86_400


@pytest.fixture
def simulator() -> Simulator:
    """A fresh simulator whose clock moves by advance() alone."""
    return Simulator(SimulatorSettings(speed=0, active=3))


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    """A client of the simulator."""
    names = ("project_id", "key_id", "key_secret", "auth_url", "numbers_url", "imported_url")
    env = simulator.environment(BASE_URL)
    account = Settings(_env_file=None, **{name: env[f"SINCH_{name.upper()}"] for name in names})
    async with Client(account, transport=InProcessTransport(simulator)) as opened:
        yield opened


async def staff(simulator: Simulator, **script: Any) -> Any:
    """What people do whom the client does not see, by the control port."""
    transport = httpx.ASGITransport(app=simulator.control_app)
    async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as control:
        answer = await control.post("/script", json=script)
    assert answer.status_code == 200, answer.text
    return answer.json()


def text_enable(*numbers: str, **more: Any) -> TextEnableRequest:
    """A request with a direct letter, unless told otherwise."""
    return TextEnableRequest(
        region_code="US", numbers=numbers, service_plan_id="plan-0001", **{"loa": LETTER, **more}
    )


async def test_life_of_an_imported_number(client: Client, simulator: Simulator) -> None:
    """A number is imported, linked, found in its list, moved to another plan in two steps and
    deleted; 409 and 404 say so.
    """
    numbers = client.imported_numbers
    request = ImportNumberRequest(
        phone_number=NUMBER,
        region_code="US",
        sms=SmsSettings(service_plan_id="plan-0001", campaign_id="CAMP001"),
        display_name="Front desk",
        callback_url="https://hooks.example.test/x",
    )
    imported = await numbers.import_number(request)
    assert (NUMBER, "Front desk", ()) == (
        imported.phone_number,
        imported.display_name,
        imported.unreadable,
    )
    with pytest.raises(Rejected) as again:
        await numbers.import_number(request)
    assert (409, "ALREADY_EXISTS") == (again.value.status, again.value.code)

    simulator.clock.advance(3600)
    shown = await numbers.get(NUMBER)
    assert shown.sms_provisioning is not None
    assert shown.campaign_provisioning is not None
    assert shown.mno_configuration is not None
    assert shown.mno_configuration.sms_tmo is not None
    assert (StepState.DONE, StepState.DONE, StepState.DONE, ()) == (
        shown.sms_provisioning.state,
        shown.campaign_provisioning.state,
        shown.mno_configuration.sms_tmo.state,
        shown.unreadable,
    )
    found = numbers.iterate(
        service_plan_id="plan-0001", campaign_id="CAMP001", pattern="555", page_size=1
    )
    assert [NUMBER] == [number.phone_number async for number in found]

    both = ImportedSmsSettings(service_plan_id="", campaign_id="")
    await numbers.update(NUMBER, ImportedUpdateRequest(sms=both, display_name="Back office"))
    simulator.clock.advance(60)
    await numbers.update(
        NUMBER, ImportedUpdateRequest(sms=ImportedSmsSettings(service_plan_id="plan-0002"))
    )
    simulator.clock.advance(60)
    moved = await numbers.get(NUMBER)
    assert moved.sms_configuration is not None
    assert ("Back office", "plan-0002", None) == (
        moved.display_name,
        moved.sms_configuration.service_plan_id,
        moved.sms_configuration.campaign_id,
    )
    without = numbers.iterate(service_plan_id="plan-0002", campaign_id="")
    assert [NUMBER] == [number.phone_number async for number in without]

    await numbers.delete(NUMBER)
    with pytest.raises(NotFound) as gone:
        await numbers.get(NUMBER)
    assert gone.value.code == "NOT_FOUND"


@pytest.mark.parametrize("nested", [False, True])
async def test_both_envelopes(client: Client, simulator: Simulator, nested: bool) -> None:
    """A plan that nobody knows is the same refusal in either envelope."""
    simulator.switches.set("imported_all_nested", nested)
    with pytest.raises(Rejected) as caught:
        await client.imported_numbers.import_number(
            ImportNumberRequest(
                phone_number=NUMBER, region_code="US", sms=SmsSettings(service_plan_id="nosuchplan")
            )
        )
    assert (400, "INVALID_ARGUMENT", True) == (
        caught.value.status,
        caught.value.code,
        "nosuchplan" in caught.value.vendor_message,
    )


async def test_voice_challenge(client: Client, simulator: Simulator) -> None:
    """A number is added, checked, called, fails one code and passes the next."""
    numbers = client.qualified_numbers
    added = await numbers.add([NUMBER, OTHER])
    assert [(NUMBER, ()), (OTHER, ())] == [(each.phone_number, each.unreadable) for each in added]
    simulator.clock.advance(60)
    assert (await numbers.get(NUMBER)).state == QualificationState.ELIGIBLE
    called = await numbers.send_voice_challenge(NUMBER)
    spoken = (await staff(simulator, action="voice_code", phone_number=NUMBER))["code"]
    failed = await numbers.verify_voice_challenge(NUMBER, "0000" if spoken != "0000" else "1111")
    await numbers.send_voice_challenge(NUMBER)
    spoken = (await staff(simulator, action="voice_code", phone_number=NUMBER))["code"]
    verified = await numbers.verify_voice_challenge(NUMBER, spoken)
    assert [
        QualificationState.VERIFICATION_PENDING,
        QualificationState.VERIFICATION_FAILED,
        QualificationState.VERIFIED,
    ] == [each.state for each in (called, failed, verified)]
    in_state = {
        state: [each.phone_number async for each in numbers.iterate(state=state, page_size=1)]
        for state in (QualificationState.ELIGIBLE, QualificationState.VERIFIED)
    }
    assert {QualificationState.ELIGIBLE: [OTHER], QualificationState.VERIFIED: [NUMBER]} == in_state
    await numbers.delete(OTHER)
    with pytest.raises(NotFound):
        await numbers.get(OTHER)


async def test_text_enabling(client: Client, simulator: Simulator) -> None:
    """Two qualified numbers are text-enabled with a letter that waits for its signature.

    The order is found by its token, and read number by number.
    """
    orders = client.hosting_orders
    await client.qualified_numbers.add([NUMBER, OTHER])
    simulator.clock.advance(60)
    with pytest.raises(Rejected):
        await orders.text_enable(text_enable(NUMBER, OTHER))
    await staff(simulator, action="invoices", phone_numbers=[NUMBER, OTHER], delay_s=0)
    created = await orders.text_enable(
        text_enable(NUMBER, OTHER, campaign_id="CAMP001", display_name="nf-token")
    )
    assert (HostingOrderState.SUBMITTED, HostingOrderType.TEXT_ENABLE, ()) == (
        created.state,
        created.order_type,
        created.unreadable,
    )
    assert created.text_enable_info is not None
    assert created.text_enable_info.loa_type == "DIRECT"
    assert unseal(created.text_enable_info.authorised_person) == unseal(LETTER.authorised_person)
    assert "Quokka" not in repr(created)

    simulator.clock.advance(120)
    waiting = [
        order.hosting_order_id
        async for order in orders.iterate(
            state=HostingOrderState.WAITING_FOR_LOA_SIGNATURE,
            order_type=HostingOrderType.TEXT_ENABLE,
            service_plan_id="plan-0001",
            campaign_id="CAMP001",
        )
        if order.display_name == "nf-token"
    ]
    assert waiting == [created.hosting_order_id]
    await staff(
        simulator,
        action="step_failure",
        phone_number=OTHER,
        step="campaign",
        code="CAMPAIGN_EXPIRED",
    )
    await staff(simulator, action="loa", hosting_order_id=created.hosting_order_id)
    simulator.clock.advance(2 * DAY_S)
    order = await orders.get(created.hosting_order_id)
    report = await orders.report(created.hosting_order_id)
    assert (HostingOrderState.COMPLETED, 2, 2, 1) == (
        order.state,
        report.total,
        report.osr_updated,
        report.added_to_campaign,
    )
    numbers = [
        number async for number in orders.iterate_numbers(created.hosting_order_id, page_size=1)
    ]
    steps = {
        number.phone_number: number.campaign_provisioning and number.campaign_provisioning.state
        for number in numbers
    }
    assert ({NUMBER: StepState.DONE, OTHER: StepState.FAILED}, {()}) == (
        steps,
        {each.unreadable for each in numbers},
    )
    failed = [
        number.phone_number
        async for number in orders.iterate_numbers(
            created.hosting_order_id, campaign_provisioning_state="FAILED"
        )
    ]
    assert ([OTHER], StepState.DONE) == (
        failed,
        (state := (await orders.get_number(created.hosting_order_id, NUMBER)).osr_update)
        and state.state,
    )
    assert (await client.imported_numbers.get(NUMBER)).phone_number == NUMBER


async def test_blanket_and_twins(client: Client, simulator: Simulator) -> None:
    """A blanket letter needs the account's agreement.

    The twin answers with the order's id, the toll-free one with the order.
    """
    toll_free = "+18335550129"
    await client.qualified_numbers.add([NUMBER, toll_free])
    simulator.clock.advance(60)
    await staff(simulator, action="invoices", phone_numbers=[NUMBER, toll_free], delay_s=0)
    with pytest.raises(Rejected):
        await client.qualified_numbers.text_enable(text_enable(NUMBER, loa=BlanketLoa()))
    simulator.switches.set("blanket_loa", True)
    order_id = await client.qualified_numbers.text_enable(text_enable(NUMBER, loa=BlanketLoa()))
    other = await client.qualified_numbers.text_enable_toll_free(
        TextEnableTollFreeRequest(
            region_code="US", numbers=(toll_free,), service_plan_id="plan-0001", loa=LETTER
        )
    )
    shown = await client.hosting_orders.get(order_id)
    assert (order_id, True) == (shown.hosting_order_id, other.hosting_order_id != order_id)


async def test_bulk_import(client: Client, simulator: Simulator) -> None:
    """Five numbers are imported by one order.

    A sixth is refused, by us first and by the vendor too.
    """
    numbers = tuple(f"+1202555{n:04}" for n in range(200, 206))
    request = ImportNumbersRequest(
        region_code="US", numbers=numbers[:5], service_plan_id="plan-0001"
    )
    order = await client.hosting_orders.import_numbers(request)
    with pytest.raises(Rejected):
        await client.hosting_orders.import_numbers(
            ImportNumbersRequest(
                region_code="US",
                numbers=tuple(f"+1202556{n:04}" for n in range(6)),
                service_plan_id="p",
            ),
            numbers_max=6,
        )
    simulator.clock.advance(3600)
    done = await client.hosting_orders.get(order.hosting_order_id)
    found = [
        number.phone_number
        async for number in client.imported_numbers.iterate(
            service_plan_id="plan-0001", campaign_id="", page_size=2
        )
    ]
    assert (HostingOrderType.IMPORT, HostingOrderState.COMPLETED, sorted(numbers[:5])) == (
        done.order_type,
        done.state,
        sorted(found),
    )


async def test_secrets_are_apart(client: Client) -> None:
    """Each API keeps a signing secret of its own."""
    await client.callback_configuration.update("a" * 32)
    await client.imported_callback_configuration.update("b" * 32)
    read = [
        (await each.get()).hmac_secret
        for each in (client.callback_configuration, client.imported_callback_configuration)
    ]
    assert ["a" * 32, "b" * 32] == [secret and secret.get_secret_value() for secret in read]
