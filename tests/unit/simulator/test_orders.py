"""Rules of number orders: reservation, registration, files, review, outcome. No HTTP."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from support.registrations import AU_FILE, au_mobile

from numberflow.simulator import Simulator, SimulatorSettings
from numberflow.simulator.order import Review
from numberflow.simulator.problems import Problem
from numberflow.simulator.stock import consecutive_runs, stock_number
from numberflow.simulator.world import Wanted, World

START_AT = datetime(2026, 2, 3, 10, 15, 30, tzinfo=UTC)
AU, US = ("AU", "MOBILE"), ("US", "LOCAL")
DAY = 86_400
HOOK = "http://127.0.0.1:9/hook"


def make_world(**settings) -> World:
    chosen = {
        "seed": 3,
        "active": 0,
        "stock_us_local": 50,
        "start_at": START_AT,
        "speed": 0,
    } | settings
    return Simulator(SimulatorSettings(**chosen)).world


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def news(world):
    heard = []
    world.listeners.append(lambda one: heard.append((one.resource_type, one.event.status)))
    return heard


def later(world, seconds):
    world.clock.advance(seconds)
    return world.settle()


def order(world, kind=AU, quantity=1, **wanted):
    numbers = world.orders.by_criteria(kind, quantity, lambda _: True, sequential=False)
    return world.orders.create(kind, numbers, Wanted(callback_url=HOOK, **wanted), 1)


def filled(world, **arguments):
    one = order(world, **arguments)
    world.orders.register(one, {"data": au_mobile()})
    required = world.orders.file(one, AU_FILE)
    world.orders.upload(one, required, "extract.pdf", "application/pdf", "", empty=False)
    later(world, 5)
    return one


def submitted(world, **arguments):
    one = filled(world, **arguments)
    world.orders.submit(one, 7)
    return one


def state(world, one):
    return one.state(world.settle())


def test_creating_takes_the_numbers_off_the_shelf_and_costs_nothing(world):
    """A new order is CREATED, reserves its numbers, and charges nothing."""
    one = order(world, quantity=3)
    assert ["CREATED", None, []] == [
        state(world, one),
        world.shelf.get(one.numbers[0].phone_number),
        world.ledger.charges(),
    ]
    assert (len(one.order_id), one.order_id) == (26, one.order_id.lower())


def test_an_order_expires_at_its_time_and_gives_the_numbers_back(world, news):
    """At expireTime, not before, an order that was not submitted is EXPIRED and its numbers are for
    sale.
    """
    one = order(world)
    later(world, 2 * DAY - 1)
    assert state(world, one) == "CREATED"
    later(world, 1)
    assert state(world, one) == "EXPIRED"
    assert world.shelf.get(one.numbers[0].phone_number) == one.numbers[0]
    assert news == [("NUMBER_ORDER", "EXPIRED")]


def test_the_reservation_can_be_half_an_hour():
    """The switch reservation_s sets how long an order may stay unsubmitted."""
    world = make_world(switches={"reservation_s": 1800})
    one = order(world)
    assert one.expires_at == START_AT + timedelta(minutes=30)
    later(world, 1800)
    assert state(world, one) == "EXPIRED"


def test_completion_charges_and_activates_at_that_moment(world, news):
    """When the review completes, numbers become active, are charged, and their links start."""
    one = submitted(world, quantity=2, service_plan_id="plan-0001")
    assert (state(world, one), world.ledger.charges()) == ("IN_REVIEW", [])
    done_at = later(world, DAY)
    assert state(world, one) == "COMPLETED"
    assert [("setup", 7, "order"), ("monthly", 7, "order")] * 2 == [
        (charge.kind, charge.request, charge.cause) for charge in world.ledger.charges()
    ]
    assert {done_at} == {charge.at for charge in world.ledger.charges()}
    held = world.held(one.numbers[0].phone_number)
    assert (held.rented_at, held.callback_url, held.sms_job.target.service_plan_id) == (
        done_at,
        HOOK,
        "plan-0001",
    )
    assert world.ledger.rentals() == 2
    assert news == [("NUMBER_ORDER", "IN_REVIEW"), ("NUMBER_ORDER", "COMPLETED")]


def test_a_submitted_order_outlives_its_reservation(world):
    """A review that takes longer than the reservation completes all the same.

    By switch the order expires.
    """
    world.orders.scripts.append((None, Review("COMPLETED", 5 * DAY), None))
    one = submitted(world)
    later(world, 3 * DAY)
    assert state(world, one) == "IN_REVIEW"
    world.switches.set("reservation_lapses_in_review", True)
    other = submitted(world)
    later(world, 3 * DAY)
    assert (state(world, one), state(world, other)) == ("COMPLETED", "EXPIRED")
    later(world, 9 * DAY)
    assert (state(world, one), state(world, other), world.ledger.rentals()) == (
        "COMPLETED",
        "EXPIRED",
        1,
    )


def test_rejection_gives_the_numbers_back_and_says_why(world):
    """A rejected order charges nothing, returns its numbers, and keeps the reviewers' words."""
    world.orders.scripts.append((None, Review("REJECTED", 60, ("The extract is not legible.",)), 1))
    one = submitted(world)
    assert one.logs(world.settle()) == []
    at = later(world, 60)
    assert (state(world, one), one.logs(at)) == ("REJECTED", [(at, "The extract is not legible.")])
    assert world.shelf.get(one.numbers[0].phone_number) is not None
    assert (world.ledger.charges(), world.orders.scripts) == ([], [])


def test_a_blocked_order_is_mended_and_submitted_again(world):
    """BLOCKED takes new data and a second submission, which is reviewed anew.

    The first log stays.
    """
    world.orders.scripts.append((None, Review("BLOCKED", 60, ("Please correct the name.",)), 1))
    one = submitted(world)
    later(world, 60)
    assert state(world, one) == "BLOCKED"
    world.orders.register(one, {"data": au_mobile()})
    assert state(world, one) == "BLOCKED"
    world.orders.submit(one, 9)
    assert state(world, one) == "IN_REVIEW"
    at = later(world, DAY)
    assert (state(world, one), [message for _, message in one.logs(at)]) == (
        "COMPLETED",
        ["Please correct the name."],
    )
    assert {9} == {charge.request for charge in world.ledger.charges()}


def test_by_switch_new_data_alone_unblock():
    """With order_blocked_resume=registration a PUT puts a blocked order back into review."""
    world = make_world(switches={"order_blocked_resume": "registration"})
    world.orders.scripts.append((None, Review("BLOCKED", 60), 1))
    one = submitted(world)
    later(world, 60)
    world.orders.register(one, {"data": au_mobile()})
    assert state(world, one) == "IN_REVIEW"


def test_an_unanswered_blocked_order_is_rejected_by_switch():
    """After blocked_patience_s a blocked order that nobody answered is REJECTED, with a message,
    and gives its numbers back.
    """
    world = make_world(switches={"blocked_patience_s": 3 * DAY})
    world.orders.scripts.append((None, Review("BLOCKED", 60, ("Which company?",)), 1))
    one = submitted(world)
    later(world, 60 + 3 * DAY - 1)
    assert state(world, one) == "BLOCKED"
    at = later(world, 1)
    assert (state(world, one), len(one.logs(at))) == ("REJECTED", 2)
    assert world.shelf.get(one.numbers[0].phone_number) is not None


def test_a_pending_review_waits_until_somebody_decides(world):
    """PENDING stays in review for ever; a verdict then takes effect, and only once."""
    world.orders.scripts.append((None, Review(None, 0), None))
    one = submitted(world)
    later(world, 60 * DAY)
    assert state(world, one) == "IN_REVIEW"
    world.orders.review(one, Review("COMPLETED", 0))
    assert (state(world, one), world.ledger.rentals()) == ("COMPLETED", 1)
    with pytest.raises(ValueError, match="COMPLETED"):
        world.orders.review(one, Review("REJECTED", 0))


def test_a_new_verdict_replaces_the_one_under_way(world):
    """An order that would have been completed tomorrow can be rejected today, and is not completed
    tomorrow.
    """
    one = submitted(world)
    world.orders.review(one, Review("REJECTED", 10))
    later(world, 10 * DAY)
    assert (state(world, one), world.ledger.charges()) == ("REJECTED", [])


def test_part_of_a_quantity_order(world):
    """A review may complete some of the numbers.

    Only those are charged and active, the others return.
    """
    world.orders.scripts.append((None, Review("COMPLETED", 0, only=1), 1))
    one = submitted(world, quantity=3)
    world.settle()
    assert world.ledger.rentals() == 1
    assert [True, False, False] == [
        world.holdings.get(number.phone_number) is not None for number in one.numbers
    ]
    assert world.shelf.get(one.numbers[2].phone_number) is not None


def test_no_credit_at_completion_blocks_the_order(world):
    """Without credit the order is BLOCKED and says so.

    Topped up and submitted again it completes, charged once.
    """
    world.ledger.balance = Decimal("0.01")
    one = submitted(world)
    at = later(world, DAY)
    assert (state(world, one), one.logs(at)) == ("BLOCKED", [(at, "Insufficient balance")])
    world.ledger.balance = Decimal(100)
    world.orders.submit(one, 11)
    later(world, DAY)
    assert (state(world, one), len(world.ledger.charges())) == ("COMPLETED", 2)


def test_charged_at_submission_by_switch():
    """With order_charged_at=submitted the money goes at once, is not returned on rejection, and
    lack of it refuses the submission.
    """
    world = make_world(switches={"order_charged_at": "submitted"})
    world.ledger.balance = Decimal(13)
    world.orders.scripts.append((None, Review("REJECTED", 60), None))
    one = submitted(world)
    assert (world.ledger.balance, len(world.ledger.charges())) == (Decimal(0), 2)
    later(world, 60)
    assert (state(world, one), world.ledger.balance) == ("REJECTED", Decimal(0))
    other = filled(world)
    with pytest.raises(Problem) as refused:
        world.orders.submit(other, 8)
    assert (refused.value.status, state(world, other)) == (400, "CREATED")


def test_an_upload_is_processed_afterwards(world):
    """A file is WAITING for a while; submitting before it is COMPLETED is refused.

    An empty or scripted one FAILED.
    """
    one = order(world)
    world.orders.register(one, {"data": au_mobile()})
    required = world.orders.file(one, AU_FILE)
    world.orders.upload(one, required, "a.pdf", "application/pdf", "", empty=False)
    assert one.uploads[AU_FILE].status(world.settle()) == "WAITING"
    with pytest.raises(Problem) as refused:
        world.orders.submit(one, 2)
    assert f"attachments.{AU_FILE}" in str(refused.value.body)
    assert one.uploads[AU_FILE].status(later(world, 5)) == "COMPLETED"
    world.orders.upload_scripts.append((None, True, 10, 1))
    world.orders.upload(one, required, "b.pdf", "application/pdf", "", empty=False)
    assert one.uploads[AU_FILE].status(later(world, 14)) == "WAITING"
    assert (one.uploads[AU_FILE].status(later(world, 1)), one.uploads[AU_FILE].file_name) == (
        "FAILED",
        "b.pdf",
    )
    world.orders.upload(one, required, "c.pdf", "application/pdf", "", empty=True)
    assert one.uploads[AU_FILE].status(later(world, 5)) == "FAILED"


def test_without_requirements_an_order_is_submitted_directly(world):
    """A US order needs no registration; by switch it does."""
    one = order(world, kind=US)
    assert world.orders.submit(one, 2) is True
    world.switches.set("order_without_requirements", "registration_first")
    other = order(world, kind=US)
    with pytest.raises(Problem):
        world.orders.submit(other, 3)
    world.orders.register(other, {})
    assert world.orders.submit(other, 4) is True


def test_an_incomplete_submission_is_blocked_by_switch():
    """With order_incomplete_submit=blocked the order is taken and the review ends BLOCKED, naming
    what is missing.
    """
    world = make_world(switches={"order_incomplete_submit": "blocked"})
    one = order(world)
    world.orders.submit(one, 2)
    at = later(world, DAY)
    assert state(world, one) == "BLOCKED"
    assert "Business registration: missing" in [message for _, message in one.logs(at)]


@pytest.mark.parametrize(("switch", "expected"), [("same", False), ("refused", Problem)])
def test_submitting_twice(world, switch, expected):
    """A second submission does nothing, or is refused by switch; it never adds a charge."""
    world.switches.set("order_second_submit", switch)
    one = submitted(world)
    if expected is False:
        assert world.orders.submit(one, 8) is False
    else:
        with pytest.raises(Problem):
            world.orders.submit(one, 8)
    later(world, DAY)
    assert len(world.ledger.charges()) == 2


def test_nothing_is_taken_in_after_the_end(world):
    """An expired order takes no data, no file and no submission."""
    one = order(world)
    later(world, 3 * DAY)
    required = world.orders.file(one, AU_FILE)
    for act in (
        lambda: world.orders.register(one, {"data": au_mobile()}),
        lambda: world.orders.upload(one, required, "a", "application/pdf", "", empty=False),
        lambda: world.orders.submit(one, 2),
    ):
        with pytest.raises(Problem) as refused:
            act()
        assert refused.value.status == 400


def test_consecutive_numbers(world):
    """A sequential order gets neighbours.

    One that is longer than any run is refused, or ignores the wish by switch.
    """
    numbers = world.orders.by_criteria(AU, 25, lambda _: True, sequential=True)
    values = [int(number.phone_number) for number in numbers]
    assert list(range(values[0], values[0] + 25)) == values
    with pytest.raises(Problem):
        world.orders.by_criteria(AU, 60, lambda _: True, sequential=True)
    world.switches.set("order_sequence_impossible", "ignored")
    assert len(world.orders.by_criteria(AU, 60, lambda _: True, sequential=True)) == 60


def test_more_than_there_are(world):
    """A quantity beyond the stock reserves nothing, or what there is by switch."""
    with pytest.raises(Problem):
        world.orders.by_criteria(US, 51, lambda _: True, sequential=False)
    world.switches.set("order_short_stock", "partial")
    assert len(world.orders.by_criteria(US, 51, lambda _: True, sequential=False)) == 50
    with pytest.raises(Problem):
        world.orders.by_criteria(US, 1, lambda _: False, sequential=False)


def test_runs_are_cut_at_gaps():
    """Numbers 1, 2, 3, 5 make a run of three and a run of one."""
    numbers = [stock_number(US, f"+1201200000{last}") for last in (1, 2, 3, 5)]
    assert [3, 1] == [len(run) for run in consecutive_runs(numbers)]


def test_seeded_numbers_never_meet_reserved_ones(world):
    """Numbers that the project is given later are not those that an order reserves."""
    one = order(world, kind=US, quantity=50)
    assert all(world.orders.reserves(number.phone_number) for number in one.numbers)
    world.add_held(200)
    world.orders.submit(one, 2)
    later(world, DAY)
    assert (state(world, one), len(world.holdings)) == ("COMPLETED", 250)
