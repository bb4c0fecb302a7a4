"""The vendor's own Python SDK works against the served simulator.

It was written by other people, so it notices what we misread.
"""

import warnings
from collections.abc import Iterator

import pytest

from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

SinchClient = pytest.importorskip("sinch").SinchClient


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve(Simulator(SimulatorSettings(seed=5, active=53, speed=0))) as one:
        yield one


@pytest.fixture
def sdk(running):
    """An SDK client whose origins point at the simulator.

    The SDK has attributes for them but no constructor arguments.
    """
    environment = running.environment
    client = SinchClient(
        key_id=environment["SINCH_KEY_ID"],
        key_secret=environment["SINCH_KEY_SECRET"],
        project_id=environment["SINCH_PROJECT_ID"],
    )
    client.configuration.auth_origin = environment["SINCH_AUTH_URL"]
    client.configuration.numbers_origin = environment["SINCH_NUMBERS_URL"]
    # Loopback must not go through a proxy that the environment may name.
    client.configuration.transport.http_session.trust_env = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield client
    client.configuration.transport.http_session.close()


def search(sdk, **arguments):
    return sdk.numbers.search_for_available_numbers(
        region_code="US", number_type="LOCAL", **arguments
    ).content()


def test_search_and_check(sdk):
    """The SDK's search finds numbers by pattern, and its check shows the same price."""
    found = search(
        sdk,
        page_size=5,
        capabilities=["SMS"],
        number_pattern="+1307",
        number_search_pattern="START",
    )
    assert len(found) == 5
    assert {"+1307"} == {number.phone_number[:5] for number in found}
    checked = sdk.numbers.check_availability(phone_number=found[0].phone_number)
    assert (found[0].phone_number, found[0].monthly_price) == (
        checked.phone_number,
        checked.monthly_price,
    )


def test_rent_read_update_release(sdk, running):
    """The SDK rents a number with links, reads it, renames it and releases it.

    The ledger has one rental.
    """
    before = running.simulator.rentals()
    phone_number = search(sdk, page_size=1)[0].phone_number
    rented = sdk.numbers.rent(
        phone_number=phone_number,
        sms_configuration={"service_plan_id": "plan-0001"},
        voice_configuration={"type": "RTC", "app_id": "app-1"},
    )
    assert phone_number == rented.phone_number
    assert rented.sms_configuration.scheduled_provisioning.status == "WAITING"
    running.simulator.clock.advance(60)
    read = sdk.numbers.get(phone_number=phone_number)
    assert (read.sms_configuration.service_plan_id, read.voice_configuration.app_id) == (
        "plan-0001",
        "app-1",
    )
    updated = sdk.numbers.update(phone_number=phone_number, display_name="By the SDK")
    assert updated.display_name == "By the SDK"
    released = sdk.numbers.release(phone_number=phone_number)
    assert released.next_charge_date == released.expire_at
    assert before + 1 == running.simulator.rentals()


def test_rent_any(sdk, running):
    """The SDK's rentAny rents one number."""
    before = running.simulator.rentals()
    rented = sdk.numbers.rent_any(
        region_code="US",
        number_type="LOCAL",
        number_pattern={"pattern": "+1212", "search_pattern": "START"},
    )
    assert rented.phone_number[:5] == "+1212"
    assert before + 1 == running.simulator.rentals()


def test_list_over_pages(sdk, running):
    """The SDK's iterator walks all pages and sees every LOCAL number of the region once."""
    truth = running.simulator.world.holdings.sorted_numbers("US", "LOCAL")
    listed = sdk.numbers.list(region_code="US", number_type="LOCAL", page_size=7)
    assert truth == [number.phone_number for number in listed.iterator()]


def test_regions_and_callback_configuration(sdk):
    """The SDK lists regions and sets the callback secret."""
    regions = sdk.numbers.regions.list(types=["MOBILE", "TOLL_FREE"]).content()
    assert {"US", "AU"} <= {region.region_code for region in regions}
    secret = "sim-secret-0123456789-abcdefghijkl"
    assert secret == sdk.numbers.event_destinations.update(hmac_secret=secret).hmac_secret
    assert secret == sdk.numbers.event_destinations.get().hmac_secret


def test_expired_token_is_renewed(sdk, running):
    """On an expired token the SDK sees the word it looks for, fetches a new token and repeats the
    call.
    """
    sdk.numbers.event_destinations.get()
    running.simulator.clock.advance(3600)
    assert running.simulator.settings.project_id == sdk.numbers.event_destinations.get().project_id
