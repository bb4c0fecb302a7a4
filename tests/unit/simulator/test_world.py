"""Rules of the world: buying, charging, linking, releasing, expiry. No HTTP."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import phonenumbers
import pytest

from numberflow.simulator.clock import Clock, add_months
from numberflow.simulator.holdings import seeded_numbers
from numberflow.simulator.linking import JobScript
from numberflow.simulator.problems import Problem
from numberflow.simulator.provisioning import VoiceLink
from numberflow.simulator.settings import SimulatorSettings
from numberflow.simulator.stock import OFFERS
from numberflow.simulator.switches import Switches
from numberflow.simulator.world import Wanted, World

START_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOTHING = Wanted()


@pytest.fixture
def world() -> World:
    return make_world()


def make_world(**settings) -> World:
    chosen = SimulatorSettings(
        **({"seed": 3, "active": 0, "stock_us_local": 50, "start_at": START_AT} | settings)
    )
    return World(chosen, Clock(START_AT, speed=0), Switches(chosen.switches))


def first(world: World, kind=("US", "LOCAL")) -> str:
    return next(
        number.phone_number for number in world.shelf.of_kind(kind) if "SMS" in number.capability
    )


def seconds(world: World, count: float) -> None:
    world.clock.advance(count)
    world.settle()


def days(world: World, count: float) -> None:
    seconds(world, count * 86_400)


def test_generated_numbers_are_valid_and_of_their_region():
    """Every number held or for sale is a valid E.164 number of its region."""
    held, shelves = seeded_numbers(11, 2_000, START_AT, 500)
    pairs = [(number.phone_number, number.region_code) for number in held]
    pairs += [
        (phone_number, kind[0]) for kind, numbers in shelves.items() for phone_number in numbers
    ]
    bad = [
        (phone_number, region)
        for phone_number, region in pairs
        if not phonenumbers.is_valid_number(phonenumbers.parse(phone_number))
        or phonenumbers.region_code_for_number(phonenumbers.parse(phone_number)) != region
    ]
    assert bad == []
    assert len(pairs) == len({phone_number for phone_number, _ in pairs})


def test_the_same_seed_makes_the_same_world():
    """Two worlds of one seed hold and offer the same numbers; another seed does not."""
    one, same, other = (make_world(active=40), make_world(active=40), make_world(active=40, seed=4))
    assert list(one.holdings) == list(same.holdings)
    assert [number.phone_number for number in one.shelf.of_kind(("US", "LOCAL"))] == [
        number.phone_number for number in same.shelf.of_kind(("US", "LOCAL"))
    ]
    assert list(one.holdings) != list(other.holdings)


def test_seeded_numbers_are_charged_in_the_future():
    """No seeded number has a charge date in the past or more than its interval and a day ahead.

    Some pay for more than a month at a time.
    """
    world = make_world(active=500)
    assert {1, 3, 12} == {number.interval_months for number in world.holdings}
    for number in world.holdings:
        assert (
            START_AT
            < number.next_charge_at
            <= START_AT + timedelta(days=31 * number.interval_months + 1)
        )
    assert world.ledger.charges() == []


def test_renewal_is_the_price_of_the_interval():
    """A number that pays by the year is charged the price that it shows, once a year
    (docs/vendor/numbers-behaviour.md §13).
    """
    world = make_world(active=500)
    number = next(
        each for each in world.holdings if each.interval_months == 12 and each.expire_at is None
    )
    due = number.next_charge_at
    world.clock.advance((due - START_AT).total_seconds() + 1)
    world.settle()
    assert [(due, number.monthly)] == [
        (charge.at, charge.amount)
        for charge in world.ledger.charges()
        if charge.phone_number == number.phone_number
    ]
    assert number.next_charge_at == add_months(due, 12)


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        (1, (2026, 2, 28)),
        (2, (2026, 3, 31)),
        (11, (2026, 12, 31)),
        (12, (2027, 1, 31)),
        (25, (2028, 2, 29)),
    ],
)
def test_months_are_clamped_to_their_end(months, expected):
    """A month after the 31st is the last day of a shorter month, and later months return to the
    31st.
    """
    assert expected == add_months(START_AT, months).timetuple()[:3]


def test_rent_charges_once_and_a_second_rent_finds_it_gone(world):
    """A rent costs setup plus a month; the same number cannot be rented twice."""
    phone_number = first(world)
    world.rent(phone_number, NOTHING, request=9)
    with pytest.raises(Problem) as refused:
        world.rent(phone_number, NOTHING)
    assert refused.value.status == 404
    assert [("setup", Decimal("0.50"), 9), ("monthly", Decimal("0.50"), 9)] == [
        (charge.kind, charge.amount, charge.request) for charge in world.ledger.charges()
    ]
    assert {"USD": Decimal("1.00")} == world.ledger.totals()


def test_renewal_each_month_from_the_day_of_the_rent(world):
    """A number rented on 31 January is renewed on 28 February and 31 March."""
    world.rent(first(world), NOTHING)
    days(world, 60)
    renewals = [
        charge.at.date().isoformat()
        for charge in world.ledger.charges()
        if charge.cause == "renewal"
    ]
    assert renewals == ["2026-02-28", "2026-03-31"]


def test_release_ends_at_the_charge_date_without_refund(world):
    """A released number stays until its charge date, costs nothing more, and is then for sale
    again.
    """
    phone_number = first(world)
    world.rent(phone_number, NOTHING)
    released, _ = world.release(phone_number)
    assert released.next_charge_at == released.expire_at
    days(world, 27)
    assert phone_number == world.held(phone_number).phone_number
    days(world, 2)
    assert (world.holdings.get(phone_number), world.shelf.get(phone_number) is not None) == (
        None,
        True,
    )
    assert {"USD": Decimal("1.00")} == world.ledger.totals()


def test_quarantine_by_switch(world):
    """With return_to_stock_after_s an expired number is not for sale at once."""
    world.switches.set("return_to_stock_after_s", 86_400 * 3.0)
    phone_number = first(world)
    world.rent(phone_number, NOTHING)
    world.release(phone_number)
    days(world, 29)
    assert (world.holdings.get(phone_number), world.shelf.get(phone_number)) == (None, None)
    days(world, 3)
    assert phone_number == world.shelf.get(phone_number).phone_number


def test_renewal_without_credit_keeps_the_number(world):
    """Without credit at renewal the number stays, nextChargeDate unchanged, and it is charged once
    credit is back.
    """
    world.ledger.balance = Decimal("1.00")
    number, _ = world.rent(first(world), NOTHING)
    due_at = number.next_charge_at
    days(world, 30)
    assert (due_at, 2) == (number.next_charge_at, len(world.ledger.charges()))
    world.ledger.balance = Decimal("0.50")
    days(world, 2)
    assert (3, Decimal("0.00")) == (len(world.ledger.charges()), world.ledger.balance)


def test_balance_refuses_a_rent_that_it_does_not_cover(world):
    """A rent needs credit for setup and month together."""
    world.ledger.balance = Decimal("1.49")
    world.rent(first(world), NOTHING)
    with pytest.raises(Problem) as refused:
        world.rent(first(world), NOTHING)
    assert (400, Decimal("0.49")) == (refused.value.status, world.ledger.balance)


def test_only_us_local_can_be_rented_directly(world):
    """Every kind but US LOCAL is refused with 400 and stays for sale."""
    for kind in OFFERS:
        if kind == ("US", "LOCAL"):
            continue
        phone_number = next(world.shelf.of_kind(kind)).phone_number
        with pytest.raises(Problem) as refused:
            world.rent(phone_number, NOTHING)
        assert (refused.value.status, world.shelf.get(phone_number) is not None) == (400, True)
    assert world.ledger.rentals() == 0


def linked(world: World, **wanted) -> str:
    number, _ = world.rent(first(world), Wanted(**wanted))
    return number.phone_number


def test_events_of_a_link_with_plan_and_campaign(world):
    """Plan and campaign are told apart, when the job ends, once."""
    heard = []
    world.listeners.append(heard.append)
    linked(world, service_plan_id="plan-a", campaign_id="C1", callback_url="http://127.0.0.1/x")
    seconds(world, 7.9)
    assert heard == []
    seconds(world, 0.1)
    seconds(world, 60)
    assert [news.event[:2] for news in heard] == [
        ("PROVISIONING_TO_SMS_PLATFORM", "SUCCEEDED"),
        ("PROVISIONING_TO_CAMPAIGN", "SUCCEEDED"),
    ]
    assert {START_AT + timedelta(seconds=8)} == {news.at for news in heard}


def test_expiry_tells_of_linked_products_only(world):
    """At expiry a number with voice alone gives one deprovisioning event."""
    heard = []
    phone_number = linked(world, voice=VoiceLink("EST", "trunk-1"))
    seconds(world, 10)
    world.release(phone_number)
    world.listeners.append(heard.append)
    days(world, 30)
    assert [tuple(news.event) for news in heard] == [
        ("DEPROVISIONING_FROM_VOICE_PLATFORM", "SUCCEEDED", None)
    ]


def test_release_drops_a_waiting_link(world):
    """A release while the link is waiting drops the job: it never ends and never takes effect."""
    heard = []
    world.listeners.append(heard.append)
    phone_number = linked(world, service_plan_id="plan-a", voice=VoiceLink("RTC", "app-1"))
    number, _ = world.release(phone_number)
    assert (number.sms_job, number.voice_job) == (None, None)
    seconds(world, 60)
    assert (heard, number.sms.service_plan_id, number.voice.id) == ([], "", "")


def test_failed_campaign_leaves_the_plan_in_effect(world):
    """When only the campaign fails, the combined job is FAILED with its code while the plan is
    linked.
    """
    world.linking.scripts["C1"] = JobScript(
        failed=True, error_codes=("CAMPAIGN_PENDING_ACCEPTANCE",)
    )
    phone_number = linked(world, service_plan_id="plan-a", campaign_id="C1")
    seconds(world, 60)
    number = world.held(phone_number)
    sms, _ = world.linking.in_effect(number, world.clock.now())
    assert sms == ("plan-a", "")
    assert number.sms_job.error_codes == ("CAMPAIGN_PENDING_ACCEPTANCE",)
    del world.linking.scripts["C1"]
    world.update(phone_number, Wanted(service_plan_id="plan-a", campaign_id="C1"))
    seconds(world, 60)
    assert world.held(phone_number).sms == ("plan-a", "C1")


def test_repeating_a_running_link_starts_nothing_new(world):
    """PATCH with the values of the running job leaves that job alone."""
    phone_number = linked(world, service_plan_id="plan-a")
    job = world.held(phone_number).sms_job
    world.update(phone_number, Wanted(service_plan_id="plan-a"))
    assert job is world.held(phone_number).sms_job


def test_another_link_is_refused_while_one_is_running(world):
    """A different plan is refused while a link to the first one is under way."""
    phone_number = linked(world, service_plan_id="plan-a")
    with pytest.raises(Problem) as refused:
        world.update(phone_number, Wanted(service_plan_id="plan-b"))
    assert refused.value.status == 400


def test_unlink_at_once_by_switch(world):
    """With unlink_at_once the empty state is there in the reply."""
    world.switches.set("unlink_at_once", True)
    phone_number = linked(world, service_plan_id="plan-a", voice=VoiceLink("RTC", "app-1"))
    seconds(world, 10)
    number, _ = world.update(
        phone_number, Wanted(service_plan_id="", campaign_id="", voice=VoiceLink("RTC", ""))
    )
    assert (number.sms, number.sms_job, number.voice.id, number.voice_job) == (
        ("", ""),
        None,
        "",
        None,
    )


def test_voice_change_by_switch(world):
    """Voice may be switched directly unless refuse_direct_voice_change is on."""
    phone_number = linked(world, voice=VoiceLink("RTC", "app-1"))
    seconds(world, 10)
    world.switches.set("refuse_direct_voice_change", True)
    with pytest.raises(Problem):
        world.update(phone_number, Wanted(voice=VoiceLink("FAX", "fax-1")))
    world.switches.set("refuse_direct_voice_change", False)
    world.update(phone_number, Wanted(voice=VoiceLink("FAX", "fax-1")))
    seconds(world, 10)
    assert world.held(phone_number).voice == ("FAX", "fax-1")


def test_rival_and_price(world):
    """A rival's purchase empties the shelf without a charge.

    A new list price holds for numbers that come back, too.
    """
    phone_number = first(world)
    assert (world.rival_takes(phone_number), world.rival_takes(phone_number)) == (True, False)
    assert world.ledger.charges() == []
    other = first(world)
    world.rent(other, NOTHING)
    world.release(other)
    world.reprice_kind(("US", "LOCAL"), lambda number: (Decimal(3), Decimal(4), number.currency))
    days(world, 40)
    assert (Decimal(3), Decimal(4)) == (
        world.shelf.get(other).setup,
        world.shelf.get(other).monthly,
    )


def test_more_held_numbers_are_uncharged(world):
    """add_held gives the project so many new numbers, none of them charged, in the index that lists
    them.
    """
    added = world.add_held(25)
    assert sorted(added) == world.holdings.sorted_numbers("US", "LOCAL")
    assert (len(set(added)), world.ledger.charges()) == (25, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("no_such_switch", 1),
        ("page_size_max", 0),
        ("page_size_max", "9"),
        ("rate_limit", 1),
        ("page_tokens", "odd"),
        ("basic_burst", True),
    ],
)
def test_switches_refuse_nonsense_by_name(name, value):
    """A switch that does not exist or cannot take the value is refused by name."""
    with pytest.raises(ValueError, match=name):
        Switches({name: value})


@pytest.mark.parametrize(
    "wrong",
    [
        {"chaos": 1.5},
        {"active": -1},
        {"speed": -1},
        {"stock_us_local": -1},
        {"start_at": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)
def test_settings_refuse_nonsense(wrong):
    """Settings that make no sense are refused, and the key secret is in no repr."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SimulatorSettings(**wrong)
    assert SimulatorSettings().key_secret not in repr(SimulatorSettings())
