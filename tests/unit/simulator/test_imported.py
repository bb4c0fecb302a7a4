"""State machines of the imported-numbers API: qualification, letters, steps, links. No HTTP."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from support.letters import BLANKET, DIRECT, local_numbers, order, toll_free_numbers

from numberflow.simulator import Simulator, SimulatorSettings
from numberflow.simulator.imported.refusals import shaped
from numberflow.simulator.imported.steps import (
    DONE,
    FAILED,
    IN_PROGRESS,
    Failure,
    add_business_days,
    next_day_after,
)
from numberflow.simulator.imported.wire import hosted_number, report
from numberflow.simulator.imported_api import reading
from numberflow.simulator.problems import Problem, too_many_requests, unauthenticated

FRIDAY = datetime(2026, 1, 9, 10, tzinfo=UTC)
HOUR, DAY = 3_600, 86_400
ONE = local_numbers(1)[0]
HOOK = "http://127.0.0.1:9/hook"


def make(**settings) -> Simulator:
    chosen = {
        "seed": 3,
        "active": 0,
        "stock_us_local": 10,
        "start_at": FRIDAY,
        "speed": 0,
    } | settings
    return Simulator(SimulatorSettings(**chosen))


@pytest.fixture
def sim() -> Simulator:
    return make()


@pytest.fixture
def service(sim):
    return sim.world.imported


@pytest.fixture
def news(sim):
    heard = []
    sim.world.listeners.append(
        lambda one: heard.append(
            (one.resource_type, one.event.event_type, one.event.status, one.event.failure_code)
        )
    )
    return heard


def later(sim, seconds):
    sim.clock.advance(seconds)
    return sim.world.settle()


def state(sim, phone_number=ONE):
    return sim.world.imported.qualified.get(phone_number).state(sim.world.settle())


def qualified(sim, *phone_numbers):
    """Numbers that are VERIFIED by invoices."""
    service = sim.world.imported.qualified
    service.add(list(phone_numbers))
    later(sim, 30)
    for one in phone_numbers:
        service.take_invoices(service.get(one), accepted=True, after_s=0)


def text_enable(sim, numbers, *, toll_free=False, **more):
    body = order(numbers, **(DIRECT if not more.keys() & {"blanketLoaInfo"} else {}), **more)
    wanted = reading.text_enable_order(body, (), toll_free=toll_free)
    return sim.world.imported.hosting.text_enable(wanted, 5)


def import_order(sim, numbers, **more):
    return sim.world.imported.hosting.import_numbers(
        reading.import_order(order(numbers, **more), (), 5), 5
    )


def refusal(act) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        act()
    return refused.value.status, refused.value.body["error"]["status"]


# -- calendar


@pytest.mark.parametrize(("days", "expected"), [(0, 9), (1, 12), (2, 13), (5, 16), (6, 19)])
def test_business_days_skip_the_weekend(days, expected):
    """From a Friday, one business day later is Monday, same time."""
    assert add_business_days(FRIDAY, days) == FRIDAY.replace(day=expected)


@pytest.mark.parametrize(
    ("late_s", "slides_days"), [(-1, 0), (0, 0), (1, 1), (DAY, 1), (DAY + 1, 2)]
)
def test_a_missed_moment_slides_by_whole_days(late_s, slides_days):
    """A signature after the scheduled moment moves it to the next day at the same time."""
    begins_at = FRIDAY + timedelta(seconds=late_s)
    assert next_day_after(FRIDAY, begins_at) == FRIDAY + timedelta(days=slides_days)


# -- qualification


def test_the_eligibility_check(sim, service):
    """A number is checked for 30 s and is then ELIGIBLE, or NOT_ELIGIBLE for good."""
    service.not_eligible[local_numbers(2)[1]] = "mobile number"
    service.qualified.add(local_numbers(2))
    assert state(sim) == "ELIGIBLE_CHECK_PENDING"
    later(sim, 30)
    assert ["ELIGIBLE", "NOT_ELIGIBLE"] == [state(sim, one) for one in local_numbers(2)]
    later(sim, 90 * DAY)
    assert ["ELIGIBLE", "NOT_ELIGIBLE"] == [state(sim, one) for one in local_numbers(2)]


def test_adding_again_changes_nothing(sim, service):
    """A known number is not checked again."""
    assert service.qualified.add([ONE]) == [ONE]
    later(sim, 30)
    assert (service.qualified.add([ONE]), state(sim)) == ([], "ELIGIBLE")


def test_the_right_code_verifies(sim, service):
    """The code that was spoken makes the number VERIFIED, and each call is in the ledger once."""
    number = eligible(sim)
    service.qualified.call(number, 4)
    assert state(sim) == "VERIFICATION_PENDING"
    assert service.qualified.verify(number, service.qualified.spoken_code(number)) is True
    assert (state(sim), service.qualified.spoken_code(number)) == ("VERIFIED", None)
    assert [("voice_challenge", ONE, Decimal("0.00"), 4)] == [
        (charge.kind, charge.phone_number, charge.amount, charge.request)
        for charge in sim.world.ledger.charges()
    ]


def eligible(sim):
    sim.world.imported.qualified.add([ONE])
    later(sim, 30)
    return sim.world.imported.qualified.get(ONE)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10_000:04d}"


def test_three_wrong_codes_block(sim, service):
    """Each wrong code needs another call; the third blocks the number until staff release it."""
    number = eligible(sim)
    seen = []
    for _ in range(3):
        service.qualified.call(number, None)
        service.qualified.verify(number, wrong(service.qualified.spoken_code(number)))
        seen.append(state(sim))
    assert seen == ["VERIFICATION_FAILED", "VERIFICATION_FAILED", "VERIFICATION_BLOCKED"]
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: service.qualified.call(number, None))
    service.qualified.unblock(number)
    service.qualified.call(number, None)
    assert state(sim) == "VERIFICATION_PENDING"


def test_after_a_wrong_code_another_call_is_needed(sim, service):
    """The right code after a wrong one is refused, unless the switch lets a code survive."""
    number = eligible(sim)
    service.qualified.call(number, None)
    code = service.qualified.spoken_code(number)
    service.qualified.verify(number, wrong(code))
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: service.qualified.verify(number, code))
    sim.switches.set("voice_code_survives_wrong_try", True)
    assert (service.qualified.verify(number, code), state(sim)) == (True, "VERIFIED")


def test_a_code_runs_out(sim, service):
    """After ten minutes the code is no good, the number VERIFICATION_FAILED, and that counts as a
    try.
    """
    number = eligible(sim)
    service.qualified.call(number, None)
    later(sim, 599)
    assert state(sim) == "VERIFICATION_PENDING"
    later(sim, 1)
    assert (
        state(sim),
        service.qualified.spoken_code(number),
        number.failures(sim.world.settle()),
    ) == (
        "VERIFICATION_FAILED",
        None,
        1,
    )
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: service.qualified.verify(number, "1234"))


def test_no_call_while_one_is_pending(sim, service):
    """A number whose code is awaited is not called again, nor one that is still being checked."""
    service.qualified.add([ONE])
    number = service.qualified.get(ONE)
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: service.qualified.call(number, None))
    later(sim, 30)
    service.qualified.call(number, None)
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: service.qualified.call(number, None))


def test_invoices_take_two_business_days(sim, service):
    """Invoices that arrive on a Friday are decided on Tuesday; without them nothing ever moves."""
    number = eligible(sim)
    service.qualified.take_invoices(number, accepted=True, after_s=None)
    assert number.invoices.decided_at == FRIDAY + timedelta(days=4, seconds=30)
    later(sim, 4 * DAY - 1)
    assert state(sim) == "ELIGIBLE"
    later(sim, 1)
    assert state(sim) == "VERIFIED"
    other = local_numbers(2)[1]
    service.qualified.add([other])
    later(sim, 90 * DAY)
    assert state(sim, other) == "ELIGIBLE"


def test_refused_invoices(sim, service):
    """Refused invoices are VERIFICATION_FAILED; a call or other invoices may follow."""
    number = eligible(sim)
    service.qualified.take_invoices(number, accepted=False, after_s=60)
    later(sim, 60)
    assert (state(sim), number.ownership(sim.world.settle())) == ("VERIFICATION_FAILED", "FAILED")
    service.qualified.call(number, None)
    assert state(sim) == "VERIFICATION_PENDING"
    service.qualified.take_invoices(number, accepted=True, after_s=0)
    assert state(sim) == "VERIFIED"


def test_by_switch_invoices_leave_the_number_eligible():
    """With invoices_leave_eligible the state stays ELIGIBLE, ownership is DONE, and the number can
    be text-enabled.
    """
    sim = make(switches={"invoices_leave_eligible": True})
    qualified(sim, ONE)
    number = sim.world.imported.qualified.get(ONE)
    assert (state(sim), number.ownership(sim.world.settle())) == ("ELIGIBLE", "DONE")
    assert (400, "FAILED_PRECONDITION") == refusal(
        lambda: sim.world.imported.qualified.call(number, None)
    )
    text_enable(sim, [ONE])
    assert state(sim) == "HOSTING_IN_PROGRESS"


# -- hosting orders
# --------------------------------------------------------------------------------------------------


def test_a_direct_letter_waits_for_its_signature(sim, news):
    """SUBMITTED for a minute, then waiting; two days later signed.

    After OSR, plan and campaign COMPLETED, with four events.
    """
    qualified(sim, ONE)
    one = text_enable(sim, [ONE], campaignId="C1", callbackUrl=HOOK)
    seen = [one.state(sim.world.settle())]
    seen.append(one.state(later(sim, 60)))
    seen.append(one.state(later(sim, 2 * DAY)))
    sim.world.imported.hosting.sign(one, 0)
    seen.append(one.state(sim.world.settle()))
    assert seen == [
        "SUBMITTED",
        "WAITING_FOR_LOA_SIGNATURE",
        "WAITING_FOR_LOA_SIGNATURE",
        "IN_PROGRESS",
    ]
    hosted = one.numbers[ONE]
    now = later(sim, 4 * HOUR)
    assert ["DONE", "IN_PROGRESS", "WAITING"] == [
        step.state(now) for step in one.steps(hosted, now).values()
    ]
    assert (state(sim), ONE in sim.world.imported.numbers.all) == ("HOSTING_IN_PROGRESS", False)
    later(sim, 5 + 1799)
    assert one.state(sim.world.settle()) == "IN_PROGRESS"
    now = later(sim, 1)
    assert (one.state(now), state(sim)) == ("COMPLETED", "HOSTING_DONE")
    assert [(RESOURCE, name, "SUCCEEDED", None) for name in TEXT_EVENTS] == news
    imported = sim.world.imported.numbers.get(ONE)
    assert (imported.plan.linked(now), imported.campaign.linked(now), imported.callback_url) == (
        "plan-0001",
        "C1",
        HOOK,
    )
    assert report(one, now) == {
        "total": 1,
        "osrUpdated": 1,
        "smsProvisioned": 1,
        "addedToCampaign": 1,
        "ongoingManualAction": 0,
    }


RESOURCE = "HOSTING_ORDER_NUMBER"
TEXT_EVENTS = (
    "OSR_UPDATE",
    "PROVISIONING_TO_SMS_PLATFORM",
    "LINK_TO_10DLC_CAMPAIGN",
    "HOSTING_PROCESS",
)


def test_an_unsigned_letter_runs_out(sim):
    """After 30 days without signature the order is REJECTED, its number HOSTING_FAILED, and it can
    be text-enabled again.
    """
    qualified(sim, ONE)
    one = text_enable(sim, [ONE])
    later(sim, 60 + 30 * DAY - 1)
    assert one.state(sim.world.settle()) == "WAITING_FOR_LOA_SIGNATURE"
    assert (one.state(later(sim, 1)), state(sim)) == ("REJECTED", "HOSTING_FAILED")
    with pytest.raises(ValueError, match="REJECTED"):
        sim.world.imported.hosting.sign(one, 0)
    text_enable(sim, [ONE])
    assert state(sim) == "HOSTING_IN_PROGRESS"


def test_a_declined_letter(sim, news):
    """A declined letter rejects the order, and no event says so."""
    qualified(sim, ONE)
    one = text_enable(sim, [ONE])
    with pytest.raises(ValueError, match="SUBMITTED"):
        sim.world.imported.hosting.sign(one, 0)
    later(sim, 60)
    sim.world.imported.hosting.refuse(one, 10, signer=True)
    assert one.state(sim.world.settle()) == "WAITING_FOR_LOA_SIGNATURE"
    assert (one.state(later(sim, 10)), state(sim), news) == ("REJECTED", "HOSTING_FAILED", [])


@pytest.mark.parametrize("first", ["signed", "declined", "ran out"])
def test_what_comes_first_counts(sim, first):
    """A letter that was signed cannot be declined later, nor signed after it was declined or has
    run out.
    """
    qualified(sim, ONE)
    one, hosting = text_enable(sim, [ONE]), sim.world.imported.hosting
    later(sim, 60)
    hosting.sign(one, {"signed": 10, "declined": 20, "ran out": 40 * DAY}[first])
    hosting.refuse(one, {"signed": 20, "declined": 10, "ran out": 50 * DAY}[first], signer=True)
    later(sim, 60)
    later(sim, 60 * DAY)
    assert one.state(sim.world.settle()) == ("COMPLETED" if first == "signed" else "REJECTED")


def test_an_order_that_ended_cannot_be_rejected_any_more(sim):
    """A rejection that comes after the order has completed changes nothing."""
    one = import_order(sim, [ONE])
    sim.world.imported.hosting.refuse(one, DAY, signer=False)
    later(sim, HOUR)
    assert one.state(sim.world.settle()) == "COMPLETED"
    later(sim, 2 * DAY)
    assert (one.state(sim.world.settle()), ONE in sim.world.imported.numbers.all) == (
        "COMPLETED",
        True,
    )


def test_a_blanket_letter_needs_the_agreement_but_no_signature(sim):
    """Without agreement 400; with it the order goes on by itself."""
    qualified(sim, ONE)
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: text_enable(sim, [ONE], **BLANKET))
    sim.switches.set("blanket_loa", True)
    one = text_enable(sim, [ONE], **BLANKET)
    assert (one.state(later(sim, 60)), one.state(later(sim, 4 * HOUR + 5))) == (
        "IN_PROGRESS",
        "COMPLETED",
    )


def test_the_registry_change_waits_for_its_schedule(sim):
    """OSR does not start before scheduledOsrUpdateTime.

    A later signature slides it to the next day.
    """
    qualified(sim, ONE)
    schedule = FRIDAY + timedelta(days=1)
    one = text_enable(sim, [ONE], scheduledOsrUpdateTime=schedule.isoformat())
    later(sim, 60)
    sim.world.imported.hosting.sign(one, 0)
    now = sim.world.settle()
    assert one.steps(one.numbers[ONE], now)["osr"].starts_at == schedule
    other = local_numbers(2)[1]
    qualified(sim, other)
    late = text_enable(sim, [other], scheduledOsrUpdateTime=schedule.isoformat())
    later(sim, 60)
    sim.world.imported.hosting.sign(late, DAY)
    now = later(sim, DAY)
    assert late.steps(late.numbers[other], now)["osr"].starts_at == schedule + timedelta(days=1)


def test_toll_free_takes_two_business_days_and_no_campaign(sim, news):
    """A toll-free order's registry change lasts two business days.

    There is no campaign step, whatever the body says.
    """
    number = toll_free_numbers(1)[0]
    qualified(sim, number)
    one = text_enable(sim, [number], toll_free=True, campaignId="C1")
    later(sim, 60)
    sim.world.imported.hosting.sign(one, 0)
    assert one.needed == ("osr", "platform")
    assert one.state(later(sim, 4 * DAY - 1)) == "IN_PROGRESS"
    assert one.state(later(sim, 6)) == "COMPLETED"
    assert ["OSR_UPDATE", "PROVISIONING_TO_SMS_PLATFORM", "HOSTING_PROCESS"] == [
        event[1] for event in news
    ]


def test_partial_failure_completes_the_order(sim, service, news):
    """38 of 40 done and 2 failed is COMPLETED.

    The failed ones have their code, and later steps are left out.
    """
    numbers = local_numbers(40)
    qualified(sim, *numbers)
    service.set_failure(numbers[0], "osr", Failure("INVALID_NNID"))
    service.set_failure(numbers[1], "campaign", Failure("CAMPAIGN_MNO_REJECTED"))
    one = text_enable(sim, numbers, campaignId="C1")
    later(sim, 60)
    service.hosting.sign(one, 0)
    now = later(sim, DAY)
    assert (one.state(now), sorted(one.as_dict(now)["numbers"].values()).count(FAILED)) == (
        "COMPLETED",
        2,
    )
    assert report(one, now) == {
        "total": 40,
        "osrUpdated": 39,
        "smsProvisioned": 39,
        "addedToCampaign": 38,
        "ongoingManualAction": 0,
    }
    shown = hosted_number(one, one.numbers[numbers[0]], "p", now)
    assert (
        shown["osrUpdate"]["state"],
        "platformProvisioning" in shown,
        "campaignProvisioning" in shown,
    ) == (
        "FAILED",
        False,
        False,
    )
    failed = [event for event in news if event[2] == "FAILED"]
    assert sorted(failed) == [
        (RESOURCE, "HOSTING_PROCESS", "FAILED", "CAMPAIGN_MNO_REJECTED"),
        (RESOURCE, "HOSTING_PROCESS", "FAILED", "INVALID_NNID"),
        (RESOURCE, "LINK_TO_10DLC_CAMPAIGN", "FAILED", "CAMPAIGN_MNO_REJECTED"),
        (RESOURCE, "OSR_UPDATE", "FAILED", "INVALID_NNID"),
    ]
    assert (state(sim, numbers[0]), state(sim, numbers[2])) == ("HOSTING_FAILED", "HOSTING_DONE")
    assert len(service.numbers.all) == 38


def test_a_parked_number_stands_still(sim, service):
    """A number in the hands of staff makes no progress and holds the order open.

    Given back, it takes as long as it would have.
    """
    numbers = local_numbers(2)
    qualified(sim, *numbers)
    one = text_enable(sim, numbers)
    later(sim, 60)
    service.hosting.sign(one, 0)
    later(sim, HOUR)
    service.hosting.park(numbers[0], value=True)
    now = later(sim, 10 * DAY)
    assert [IN_PROGRESS, DONE] == [one.outcome(hosted, now) for hosted in one.numbers.values()]
    assert (one.state(now), report(one, now)["ongoingManualAction"]) == ("IN_PROGRESS", 1)
    service.hosting.park(numbers[0], value=False)
    assert one.outcome(one.numbers[numbers[0]], later(sim, 3 * HOUR + 4)) == IN_PROGRESS
    now = later(sim, 1)
    assert (one.state(now), service.numbers.get(numbers[0]).created_at) == ("COMPLETED", now)


def test_another_nnid_needs_permission(sim, service):
    """An order with an NNID of its own fails at the registry, unless the account may use it."""
    numbers = local_numbers(2)
    qualified(sim, *numbers)
    sim.switches.set("blanket_loa", True)
    refused = text_enable(sim, numbers[:1], nnid="104999", **BLANKET)
    service.allowed_nnids.add("104999")
    allowed = text_enable(sim, numbers[1:], nnid="104999", **BLANKET)
    now = later(sim, DAY)
    assert [FAILED, DONE] == [
        one.outcome(next(iter(one.numbers.values())), now) for one in (refused, allowed)
    ]


def test_text_enabling_needs_proof(sim, service):
    """Unqualified: 404; checked only: 400; imported: 409; by switch ELIGIBLE is enough."""
    assert (404, "NOT_FOUND") == refusal(lambda: text_enable(sim, [ONE]))
    eligible(sim)
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: text_enable(sim, [ONE]))
    other = local_numbers(2)[1]
    qualified(sim, other)
    service.numbers.add(other, "US", "", ("plan-0001", ""), "", None)
    assert (409, "ALREADY_EXISTS") == refusal(lambda: text_enable(sim, [other]))
    sim.switches.set("text_enable_from_eligible", True)
    text_enable(sim, [ONE])
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: text_enable(sim, [ONE]))
    assert (400, "FAILED_PRECONDITION") == refusal(
        lambda: service.qualified.delete(service.qualified.get(ONE))
    )


def test_an_import_order(sim, news, service):
    """SUBMITTED, IN_PROGRESS, COMPLETED without letter or registry.

    The number is imported when its plan is linked.
    """
    numbers = local_numbers(5)
    one = import_order(sim, numbers, campaignId="C1")
    assert (one.state(sim.world.settle()), service.numbers.all) == ("SUBMITTED", {})
    assert one.state(later(sim, 60)) == "IN_PROGRESS"
    now = later(sim, 5)
    assert (sorted(service.numbers.all), service.numbers.get(ONE).campaign.running(now)) == (
        numbers,
        True,
    )
    assert (409, "ALREADY_EXISTS") == refusal(lambda: import_order(sim, numbers[:1]))
    now = later(sim, 1800)
    assert (one.state(now), service.numbers.get(ONE).campaign.linked(now)) == ("COMPLETED", "C1")
    assert [RESOURCE] * 15 == [event[0] for event in news]
    assert [5, 5] == [
        len(sim.world.ledger.charges()),
        len({charge.phone_number for charge in sim.world.ledger.charges()}),
    ]


def test_a_number_is_never_in_two_open_orders(sim, service):
    """A number that an open order works on is 409 for another import."""
    import_order(sim, [ONE])
    assert (409, "ALREADY_EXISTS") == refusal(lambda: import_order(sim, [ONE]))
    assert (409, "ALREADY_EXISTS") == refusal(
        lambda: service.numbers.add(ONE, "US", "", ("plan-0001", ""), "", None)
    )


def test_an_order_that_is_rejected(sim, service):
    """The vendor may refuse an open order as a whole, and no other."""
    one = import_order(sim, [ONE])
    service.hosting.refuse(one, 0, signer=False)
    assert (one.state(sim.world.settle()), one.outcome(one.numbers[ONE], sim.world.settle())) == (
        "REJECTED",
        FAILED,
    )
    later(sim, DAY)
    assert service.numbers.all == {}
    with pytest.raises(ValueError, match="REJECTED"):
        service.hosting.refuse(one, 0, signer=False)


def test_held_by_another_aggregator(sim, service):
    """60135: the campaign fails and the number says that it must be moved.

    Deleted and imported with the flag, it links.
    """
    service.held_elsewhere.add(ONE)
    import_order(sim, [ONE], campaignId="C1")
    now = later(sim, DAY)
    number = service.numbers.get(ONE)
    assert (number.campaign.step.failure.carrier_code, service.numbers.needs_move(number, now)) == (
        "60135",
        True,
    )
    service.numbers.delete(number)
    import_order(sim, [ONE], campaignId="C1", migrateToSinchTmo=True)
    now = later(sim, DAY)
    number = service.numbers.get(ONE)
    assert (number.campaign.linked(now), service.numbers.needs_move(number, now)) == ("C1", False)


# -- links


def imported(sim, campaign="C1", region="US"):
    number = sim.world.imported.numbers.add(ONE, region, "", ("plan-0001", campaign), HOOK, 3)
    later(sim, 5 + 1800)
    return number


def update(sim, number, plan=None, campaign=None):
    sim.world.imported.numbers.update(number, None, plan, campaign, None)


def test_unlink_then_relink(sim, news):
    """Changing the plan takes an unlink, which takes the campaign along, its end, and a link.

    Each with its events.
    """
    number = imported(sim)
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: update(sim, number, plan="plan-0002"))
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: update(sim, number, campaign="C2"))
    update(sim, number, plan="")
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: update(sim, number, plan="plan-0002"))
    now = later(sim, 5)
    assert (number.plan.linked(now), number.campaign.linked(now)) == ("", "")
    update(sim, number, plan="plan-0002", campaign="C2")
    now = later(sim, 5 + 1800)
    assert (number.plan.linked(now), number.campaign.linked(now)) == ("plan-0002", "C2")
    link = ["PROVISIONING_TO_SMS_PLATFORM", "LINK_TO_10DLC_CAMPAIGN"]
    unlink = ["UNLINK_TO_10DLC_CAMPAIGN", "DEPROVISIONING_TO_SMS_PLATFORM"]
    assert [*link, *unlink, *link] == [event[1] for event in news]


def test_a_campaign_needs_a_plan(sim):
    """Linking a campaign to a number without a plan is refused, and so is keeping one while the
    plan goes.
    """
    number = imported(sim)
    assert (400, "FAILED_PRECONDITION") == refusal(
        lambda: update(sim, number, plan="", campaign="C1")
    )
    update(sim, number, plan="", campaign="")
    later(sim, 5)
    assert (400, "FAILED_PRECONDITION") == refusal(lambda: update(sim, number, campaign="C1"))


def test_asking_for_what_is_so_starts_nothing(sim, news):
    """A PATCH to the present plan and campaign makes no event."""
    number = imported(sim)
    news.clear()
    update(sim, number, plan="plan-0001", campaign="C1")
    later(sim, DAY)
    assert news == []


def test_a_failed_link_can_be_asked_for_again(sim, service):
    """After a failure the same campaign may be linked again, without unlinking first."""
    service.set_failure(ONE, "campaign", Failure("CAMPAIGN_PENDING_ACCEPTANCE"))
    number = imported(sim)
    assert number.campaign.step.state(sim.world.settle()) == FAILED
    service.set_failure(ONE, "campaign", None)
    update(sim, number, campaign="C1")
    assert number.campaign.linked(later(sim, 1800)) == "C1"


def test_a_failed_plan_never_gets_to_its_campaign(sim, service, news):
    """When the plan fails, the campaign is not tried and no event tells of it.

    Plan events carry no code.
    """
    service.set_failure(ONE, "platform", Failure("PARTNER_SERVICE_UNAVAILABLE"))
    number = imported(sim)
    assert number.campaign is None
    assert news == [("IMPORTED_NUMBER", "PROVISIONING_TO_SMS_PLATFORM", "FAILED", None)]


def test_a_failure_may_come_while_the_step_runs(sim, service):
    """A failure that is scripted while the campaign is being linked takes effect at its end."""
    number = service.numbers.add(ONE, "US", "", ("plan-0001", "C1"), "", None)
    later(sim, 100)
    service.set_failure(ONE, "campaign", Failure("CAMPAIGN_EXPIRED"))
    assert number.campaign.step.state(sim.world.settle()) == IN_PROGRESS
    assert number.campaign.step.state(later(sim, 1800)) == FAILED


@pytest.mark.parametrize(
    ("switches", "balance", "number", "expected"),
    [
        ({}, "0", ONE, "INSUFFICIENT_BALANCE"),
        ({"campaign_link_cost": "2.00"}, "1.99", ONE, "INSUFFICIENT_BALANCE"),
        ({"campaign_numbers_max": 0}, None, ONE, "EXCEEDED_10DLC_LIMIT"),
        ({}, None, toll_free_numbers(1)[0], "TFN_NOT_ALLOWED"),
    ],
)
def test_what_keeps_a_number_from_a_campaign(switches, balance, number, expected):
    """No credit, a full campaign and a toll-free number fail the link at its start, each with its
    code.
    """
    sim = make(switches=switches, balance=None if balance is None else Decimal(balance))
    one = sim.world.imported.numbers.add(number, "US", "", ("plan-0001", "C1"), "", None)
    now = later(sim, 5)
    assert (one.plan.linked(now), one.campaign.step.state(now), one.campaign.step.failure.code) == (
        "plan-0001",
        FAILED,
        expected,
    )


def test_costs_are_charged_once():
    """With prices set, an import and its campaign are charged once each; a call too."""
    sim = make(
        switches={
            "imported_number_cost": "1.50",
            "campaign_link_cost": "2.00",
            "voice_challenge_cost": "0.10",
        }
    )
    imported(sim)
    sim.world.imported.qualified.add([ONE])
    later(sim, 30)
    sim.world.imported.qualified.call(sim.world.imported.qualified.get(ONE), None)
    assert [("import", "1.50"), ("campaign_link", "2.00"), ("voice_challenge", "0.10")] == [
        (charge.kind, str(charge.amount)) for charge in sim.world.ledger.charges()
    ]


def test_canadian_campaigns_are_ignored(sim):
    """A Canadian number has no campaign, whatever was asked."""
    assert imported(sim, region="CA").campaign is None


def test_deleting_and_importing_again(sim, news):
    """A deleted number is gone, tells a DELETE event, and may be imported again."""
    number = imported(sim)
    sim.world.imported.numbers.delete(number)
    assert news[-1] == ("IMPORTED_NUMBER", "DELETE", "SUCCEEDED", None)
    assert (404, "NOT_FOUND") == refusal(lambda: sim.world.imported.numbers.get(ONE))
    imported(sim)
    later(sim, DAY)
    assert len(sim.world.imported.numbers.all) == 1


def test_a_deleted_number_makes_no_more_events(sim, news):
    """The steps of a number that is gone end silently."""
    number = sim.world.imported.numbers.add(ONE, "US", "", ("plan-0001", "C1"), "", None)
    sim.world.imported.numbers.delete(number)
    later(sim, DAY)
    assert ["DELETE"] == [event[1] for event in news]


# -- envelopes


def test_envelopes(sim):
    """Flat with a text code on most operations, nested on callbackConfiguration and for 401 and
    429, nested all over by switch.
    """
    problem = Problem(
        404, {"error": {"code": 404, "message": "x", "status": "NOT_FOUND", "details": []}}
    )
    assert shaped(problem, "get_imported", sim.switches).body == {
        "code": "404",
        "message": "x",
        "status": "NOT_FOUND",
    }
    nested = [
        shaped(problem, "get_imported_callback_configuration", sim.switches),
        shaped(too_many_requests("1"), "get_imported", sim.switches),
        shaped(unauthenticated(expired=True), "get_imported", sim.switches),
    ]
    assert [404, 429, 401] == [one.body["error"]["code"] for one in nested]
    assert (nested[1].headers, "expired" in nested[2].headers["www-authenticate"]) == (
        {"retry-after": "1"},
        True,
    )
    sim.switches.set("imported_all_nested", True)
    assert shaped(problem, "get_imported", sim.switches).body["error"]["code"] == 404
