"""Caps: what is done, under way or unknown counts, and no race gets past them."""

import re
import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.journals import (
    PROJECT,
    TurnedClock,
    Vendor,
    new_purchase,
    plan,
    planned,
    release_line,
    rent_line,
    run_step,
    take,
)

from numberflow.errors import SpendRefused
from numberflow.journal import Intention, IntentionState, Journal, NewIntention, spending
from numberflow.journal.entries import AttemptEnd, Outcome, Spend, SpendLine
from numberflow.journal.spending import Price
from numberflow.journal.transitions import Event


def _plan(
    journal: Journal, reference: str, *lines: NewIntention, **caps: Decimal | str | None
) -> tuple[Intention, ...]:
    purchase = journal.open_purchase(new_purchase(reference))
    lease = take(journal, purchase.resource)
    try:
        return plan(journal, lease, purchase, *lines, **caps)  # type: ignore[arg-type]
    finally:
        journal.give_back_leases((lease,))


def test_the_cap_is_filled_to_the_last_cent_and_no_further(journal: Journal) -> None:
    """Setup plus the first month count; the message names who used the day up, and the fix."""
    _plan(journal, "PO-1", rent_line("+1", "1.00", "2.00"), cap_today=Decimal("3.00"))
    with pytest.raises(SpendRefused) as caught:
        _plan(journal, "PO-2", rent_line("+2", "0.00", "0.01"), cap_today=Decimal("3.00"))
    assert "cap_today" == caught.value.rule
    assert "PO-1: 3.00" in str(caught.value)
    assert "max_today" in caught.value.remedy
    assert () == journal.intentions(reference="PO-2")


@pytest.mark.parametrize("state", ["planned", "sending", "unknown", "needs_person", "done"])
def test_every_state_but_refused_uses_up_the_cap(journal: Journal, state: str) -> None:
    """What may have been spent counts as spent."""
    (intention,) = _plan(journal, "PO-1", rent_line("+1"), cap_today=Decimal(3))
    leases = (take(journal, intention.purchase_resource), take(journal, intention.resource))
    ways = {
        "planned": None,
        "sending": (),
        "unknown": (Event.LOSE,),
        "needs_person": (Event.LOSE, Event.ESCALATE),
        "done": (Event.CONFIRM,),
    }
    events = ways[state]
    if events is not None:
        journal.begin(intention.id, leases=leases)
        journal.record(
            intention.id, leases=leases, events=events, attempt=AttemptEnd(Outcome.UNKNOWN)
        )
    assert state == journal.history(intention.id).intention.state
    with pytest.raises(SpendRefused):
        _plan(journal, "PO-2", rent_line("+2"), cap_today=Decimal(5))


def test_a_refused_step_uses_up_nothing(journal: Journal) -> None:
    """After the vendor's no the budget is free again."""
    (intention,) = _plan(journal, "PO-1", rent_line("+1"), cap_today=Decimal(3))
    leases = (take(journal, intention.purchase_resource), take(journal, intention.resource))
    journal.begin(intention.id, leases=leases)
    journal.record(
        intention.id, leases=leases, events=(Event.REFUSE,), attempt=AttemptEnd(Outcome.REFUSED)
    )
    assert 1 == len(_plan(journal, "PO-2", rent_line("+2"), cap_today=Decimal(3)))


def test_the_monthly_cap_covers_the_whole_purchase(journal: Journal) -> None:
    """Lines that were planned earlier under the same reference count; other references do not."""
    _plan(journal, "PO-0", rent_line("+9"), cap_monthly=Decimal(2))
    _plan(journal, "PO-1", rent_line("+1"), cap_monthly=Decimal(4))
    _plan(journal, "PO-1", rent_line("+2"), cap_monthly=Decimal(4))
    with pytest.raises(SpendRefused) as caught:
        _plan(journal, "PO-1", rent_line("+3"), cap_monthly=Decimal(4))
    assert "cap_monthly" == caught.value.rule


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (NewIntention("rent", "+1", "f", {}, None, Decimal(1), "USD"), "missing_price"),
        (NewIntention("rent", "+1", "f", {}, Decimal(1), None, "USD"), "missing_price"),
        (NewIntention("rent", "+1", "f", {}, Decimal(1), Decimal(1), None), "missing_price"),
        (NewIntention("rent_any", None, "f"), "missing_price"),
        (NewIntention("create_order", None, "f"), "missing_price"),
        (NewIntention("release", "+1", "f", {}, Decimal(1)), "missing_price"),
        (NewIntention("rent", "+1", "f", {}, Decimal(-5), Decimal(1), "USD"), "missing_price"),
        (NewIntention("rent", "+1", "f", {}, Decimal("NaN"), Decimal(1), "USD"), "missing_price"),
        (rent_line("+1", currency="EUR"), "currency"),
    ],
)
def test_doubt_about_a_price_stops(journal: Journal, line: NewIntention, rule: str) -> None:
    """Missing, unusable or foreign: nothing of the purchase is planned, even without any cap."""
    with pytest.raises(SpendRefused) as caught:
        _plan(journal, "PO-1", rent_line("+2"), line)
    assert rule == caught.value.rule
    assert () == journal.intentions(project_id=PROJECT)


def test_two_currencies_on_one_day_stop(journal: Journal) -> None:
    """Their sum means nothing, so nothing more is bought that day."""
    _plan(journal, "PO-1", rent_line("+1", currency="USD"), currency="USD")
    with pytest.raises(SpendRefused, match="PO-1") as caught:
        _plan(
            journal, "PO-2", rent_line("+2", currency="EUR"), currency="EUR", cap_today=Decimal(100)
        )
    assert "currency" == caught.value.rule


def test_a_release_is_never_stopped_by_a_cap(journal: Journal) -> None:
    """Giving a number up costs nothing, even on a day that is used up."""
    assert 1 == len(
        _plan(journal, "R-1", release_line("+1"), cap_today=Decimal(0), cap_monthly=Decimal(0))
    )


def test_several_months_at_once_count_as_due(journal: Journal) -> None:
    """When the number is paid for longer than a month, all of it leaves the account on the day of
    the rent.
    """
    yearly = NewIntention(
        "rent", "+1", "f", {}, Decimal(1), Decimal(2), "USD", due_amount=Decimal(25)
    )
    with pytest.raises(SpendRefused):
        _plan(journal, "PO-1", yearly, cap_today=Decimal(24))
    _plan(journal, "PO-1", yearly, cap_today=Decimal(25), cap_monthly=Decimal(2))


@pytest.mark.anyio
async def test_a_step_that_is_sent_on_a_later_day_counts_on_that_day(journal_url: str) -> None:
    """Its spend moves, and that day's cap is checked again before anything is sent."""
    clock = TurnedClock(datetime(2026, 11, 23, 23, 59, tzinfo=UTC))
    with Journal.open(journal_url, clock=clock) as journal:
        (late,) = _plan(journal, "PO-1", rent_line("+1"), cap_today=Decimal(3))
        clock.turn(minutes=5)
        (today,) = _plan(journal, "PO-2", rent_line("+2"), cap_today=Decimal(3))
        vendor = Vendor()
        with pytest.raises(SpendRefused, match="PO-2"):
            await run_step(journal, late, vendor.rent, vendor.look)
        assert 0 == vendor.requests
        assert IntentionState.PLANNED == journal.history(late.id).intention.state
        lease = take(journal, today.purchase_resource)
        journal.withdraw(today.id, lease, "not needed")
        done = await run_step(journal, late, vendor.rent, vendor.look)
        assert (done.state, done.spend_day.day) == (IntentionState.DONE, 24)
        assert {} == dict(journal.spent(PROJECT, late.spend_day).totals)
        assert {"USD": Decimal("3.00")} == dict(journal.spent(PROJECT, done.spend_day).totals)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cap=st.integers(0, 20), prices=st.lists(st.integers(0, 9), min_size=8, max_size=8))
def test_eight_planners_at_once_stay_under_the_cap(
    journal: Journal, cap: int, prices: list[int]
) -> None:
    """Whatever the prices, the sum never passes the cap, and whatever still fits is accepted."""
    # A project for each example, since the journal is shared by all of them.
    project = f"{cap}-{prices}-{threading.get_ident()}-{datetime.now(UTC).timestamp()}"
    refused: list[int] = []
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def planner(index: int, price: int) -> None:
        try:
            purchase = journal.open_purchase(new_purchase(f"PO-{index}", project))
            lease = take(journal, purchase.resource)
            start.wait()
            line = rent_line(f"+{index}", str(price), "0")
            plan(journal, lease, purchase, line, cap_today=Decimal(cap))
        except SpendRefused:
            refused.append(price)
        except BaseException as error:
            failures.append(error)
            start.abort()

    threads = [threading.Thread(target=planner, args=item) for item in enumerate(prices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures
    spent = sum(journal.spent(project, datetime.now(UTC).date()).totals.values(), Decimal(0))
    assert spent <= cap
    assert [price for price in refused if spent + price <= cap] == []
    assert sum(prices) - sum(refused) == spent


def test_planned_prices_read_as_they_were_written(journal: Journal) -> None:
    """Amounts stay exact, to the last zero."""
    (intention,) = planned(journal, rent_line("+1", "0.10", "1234567890.123456789012"))
    assert (str(intention.setup_amount), str(intention.monthly_amount)) == (
        "0.10",
        "1234567890.123456789012",
    )


def _rent(setup: str | None, monthly: str | None, currency: str | None, due: str | None = None):
    amounts = [None if text is None else Decimal(text) for text in (setup, monthly, due)]
    return NewIntention("rent", "+1", "f", {}, *amounts[:2], currency, amounts[2])


@pytest.mark.parametrize(
    ("line", "price"),
    [
        (_rent("1", "2", "USD"), Price(Decimal(3), Decimal(2), "USD")),
        (_rent("1", "2", "USD", "25"), Price(Decimal(25), Decimal(2), "USD")),
        (_rent("0", "0", "USD"), Price(Decimal(0), Decimal(0), "USD")),
        (release_line(), None),
        (
            NewIntention("import", "+1", "f", {}, Decimal(1), Decimal(2), "USD"),
            Price(Decimal(3), Decimal(2), "USD"),
        ),
    ],
)
def test_price(line: NewIntention, price: Price | None) -> None:
    """What a step takes at once and per month; free is a price, and a release has none."""
    assert price == spending.price_of(line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (_rent(None, "2", "USD"), "The price of rent +1 is missing"),
        (_rent("1", None, "USD"), "The price of rent +1 is missing"),
        (_rent("1", "2", None), "The price of rent +1 is missing"),
        (NewIntention("rent_any", None, "f"), "The price of rent_any is missing"),
        (
            NewIntention("release", "+1", "f", {}, None, None, None, Decimal(1)),
            "release +1 is missing",
        ),
        (_rent("-1", "2", "USD"), "The price of rent +1 is not an amount"),
        (_rent("1", "-2", "USD"), "The price of rent +1 is not an amount"),
        (_rent("1", "2", "USD", "-25"), "The price of rent +1 is not an amount"),
        (_rent("1", "Infinity", "USD"), "The price of rent +1 is not an amount"),
        (_rent("1", "2", "USD", "NaN"), "The price of rent +1 is not an amount"),
    ],
)
def test_no_price(line: NewIntention, said: str) -> None:
    """A step that costs money, or seems to, is not taken for free; the refusal says which it is."""
    with pytest.raises(SpendRefused, match=_exactly(said)) as caught:
        spending.price_of(line)
    assert ("missing_price", True) == (caught.value.rule, "search again" in caught.value.remedy)


@pytest.mark.parametrize(
    ("currencies", "expected", "found"),
    [("", None, None), ("", "USD", "USD"), ("USD USD", None, "USD"), ("USD", "USD", "USD")],
)
def test_one_currency(currencies: str, expected: str | None, found: str | None) -> None:
    """The caller's, or the one that all prices share."""
    prices = [Price(Decimal(1), Decimal(1), currency) for currency in currencies.split()]
    assert found == spending.one_currency(prices, expected)


@pytest.mark.parametrize(
    ("currencies", "expected", "said"),
    [
        ("USD EUR GBP", "USD", "A price is in EUR, GBP where USD was expected"),
        ("USD EUR", None, "A price is in USD where EUR was expected"),
        ("usd", "USD", "A price is in usd where USD was expected"),
    ],
)
def test_several_currencies(currencies: str, expected: str | None, said: str) -> None:
    """The refusal names those that do not belong."""
    prices = [Price(Decimal(1), Decimal(1), currency) for currency in currencies.split()]
    with pytest.raises(SpendRefused, match=_exactly(said)) as caught:
        spending.one_currency(prices, expected)
    assert ("currency", True) == (caught.value.rule, "set currency" in caught.value.remedy)
    assert caught.value.message.endswith("was expected, so nothing is bought.")


DAY = datetime(2026, 11, 23, tzinfo=UTC).date()


def _spent(*lines: tuple[str, str, int]) -> Spend:
    """A day on which each reference took so much of a currency."""
    totals: dict[str, Decimal] = {}
    for _, currency, due in lines:
        totals[currency] = totals.get(currency, Decimal(0)) + due
    each = (SpendLine(name, currency, Decimal(due), Decimal(0), 1) for name, currency, due in lines)
    return Spend(PROJECT, DAY, totals, tuple(each))


def _room(spent: Spend, *due: str, cap: str | None = "10") -> None:
    prices = [Price(Decimal(each), Decimal(99), "USD") for each in due]
    spending.require_room_today(spent, prices, "USD", None if cap is None else Decimal(cap))


def test_a_day_that_has_room() -> None:
    """To the last cent, and without a cap in any case."""
    _room(_spent(), "4", "6")
    _room(_spent(("PO-1", "USD", 3), ("PO-2", "USD", 3)), "1.50", "2.50")
    _room(_spent(("PO-1", "USD", 30)), "1", cap=None)


@pytest.mark.parametrize(
    ("references", "by"),
    [
        (0, "11 are used up, and"),
        (1, "11 are used up by PO-0: 11, and"),
        (5, "11 are used up by PO-0: 7, PO-1: 1, PO-2: 1, PO-3: 1, PO-4: 1, and"),
        (6, "11 are used up by PO-0: 6, PO-1: 1, PO-2: 1, PO-3: 1, PO-4: 1 and 1 more, and"),
    ],
)
def test_a_day_that_is_used_up(references: int, by: str) -> None:
    """The refusal adds up what is used and what is needed, and names a handful of references."""
    lines = [(f"PO-{n}", "USD", 1 if n else 12 - references) for n in range(references)]
    spent = _spent(*lines) if lines else Spend(PROJECT, DAY, {"USD": Decimal(11)}, ())
    with pytest.raises(SpendRefused, match=_exactly(by)) as caught:
        _room(spent, "1", "2")
    refused = caught.value
    assert "The cap of 10 USD for today (2026-11-23, UTC)" in refused.message
    assert ("cap_today", 10, 11, 3) == (
        refused.rule,
        refused.cap,
        refused.used,
        refused.needed,
    )
    assert "max_today" in refused.remedy


def test_a_day_in_another_currency() -> None:
    """Named with the references that are in it, and no cap is needed for the refusal."""
    spent = _spent(("PO-1", "USD", 1), ("PO-2", "EUR", 1), ("PO-3", "GBP", 1))
    with pytest.raises(SpendRefused, match=_exactly("EUR, GBP (PO-2, PO-3), so USD")) as caught:
        _room(spent, "1", cap=None)
    assert ("currency", True) == (
        caught.value.rule,
        caught.value.remedy.endswith("buy tomorrow (UTC) if it is right"),
    )


def test_what_a_day_took(journal: Journal) -> None:
    """By reference, most expensive first. Every open or done line of the project and day counts."""
    for reference, *lines in (
        ("PO-1", rent_line("+1", "0", "3"), release_line("+9")),
        ("PO-3", rent_line("+2", "3", "1"), rent_line("+3", "3", "1")),
        ("PO-2", rent_line("+4", "2", "1")),
    ):
        _plan(journal, reference, *lines)
    elsewhere = journal.open_purchase(new_purchase("PO-4", "project-2"))
    lease = take(journal, elsewhere.resource)
    plan(journal, lease, elsewhere, rent_line("+5"))
    (_, gone) = _plan(journal, "PO-2", rent_line("+4", "2", "1"), rent_line("+6"))
    _withdraw(journal, gone)
    assert journal.spent(PROJECT, journal.today()) == Spend(
        PROJECT,
        journal.today(),
        {"USD": Decimal(14)},
        (
            SpendLine("PO-3", "USD", Decimal(8), Decimal(2), 2),
            SpendLine("PO-1", "USD", Decimal(3), Decimal(3), 1),
            SpendLine("PO-2", "USD", Decimal(3), Decimal(1), 1),
        ),
    )
    assert {} == journal.spent(PROJECT, DAY).totals


def test_the_monthly_cap_counts_what_stays(journal: Journal) -> None:
    """Not a refused line, and not the fee of a number that is given up; the refusal adds it up."""
    ended = NewIntention("release", "+8", "f", {}, Decimal(0), Decimal(7), "USD")
    free = NewIntention("update", "+1", "f")
    _, gone, *_ = _plan(journal, "PO-1", rent_line("+1"), rent_line("+2"), ended, free)
    _withdraw(journal, gone)
    with pytest.raises(SpendRefused) as caught:
        _plan(
            journal,
            "PO-1",
            rent_line("+3", "9", "1.50"),
            rent_line("+4", "9", "1.50"),
            cap_monthly=Decimal(4),
        )
    refused = caught.value
    assert (
        "The cap of 4 USD a month for this purchase is too small: 2.00 are taken" in refused.message
    )
    assert ("cap_monthly", 4, 2, 3) == (
        refused.rule,
        refused.cap,
        refused.used,
        refused.needed,
    )
    assert "max_monthly" in refused.remedy
    assert 2 == len(
        _plan(
            journal,
            "PO-1",
            rent_line("+3", "9", "1.50"),
            rent_line("+4", "9", "1.50"),
            cap_monthly=Decimal(5),
        )
    )


def test_releases_of_a_day(journal_url: str) -> None:
    """Each number of the project that is given up today counts once, whoever gives it up.

    Not one whose release was refused, not a rent, not one of yesterday, and not what another
    project does.
    """
    clock = TurnedClock()
    with Journal.open(journal_url, clock=clock) as journal:
        _plan(journal, "R-0", release_line("+7"))
        clock.turn(days=1)
        _release_all_day(journal)


def _release_all_day(journal: Journal) -> None:
    removal = NewIntention("delete_imported", "+2", "f")
    _plan(journal, "R-1", release_line("+1"), removal, rent_line("+8"))
    (gone,) = _plan(journal, "R-2", release_line("+3"))
    _withdraw(journal, gone)
    elsewhere = journal.open_purchase(new_purchase("R-1", "project-2"))
    plan(journal, take(journal, elsewhere.resource), elsewhere, release_line("+9"))

    purchase = journal.open_purchase(new_purchase("R-3"))
    lease = take(journal, purchase.resource)

    def release(most: int) -> tuple[Intention, ...]:
        return journal.plan(
            purchase.id,
            [release_line("+1"), release_line("+4")],
            lease=lease,
            cap_today=None,
            cap_monthly=None,
            currency=None,
            releases_max=most,
        )

    with pytest.raises(SpendRefused) as caught:
        release(2)
    said = f"2 more releases would make 3 today ({journal.today()}, UTC), and 2 are allowed"
    assert ("release_limit", True, True) == (
        caught.value.rule,
        caught.value.message.startswith(said),
        "asks for approval" in caught.value.remedy,
    )
    assert ["+1", "+4"] == [line.subject for line in release(3)]
    counted = sorted(journal.released_today(PROJECT))
    assert [("+1", "planned"), ("+1", "planned"), ("+2", "planned"), ("+4", "planned")] == counted


def test_a_release_that_leaves_after_midnight_counts_on_the_new_day(journal_url: str) -> None:
    """It stays planned while the new day has no room for it."""
    clock = TurnedClock(datetime(2026, 11, 23, 23, 59, tzinfo=UTC))
    with Journal.open(journal_url, clock=clock) as journal:
        (late,) = _plan(journal, "R-1", release_line("+1"))
        clock.turn(minutes=5)
        _plan(journal, "R-2", release_line("+2"))
        leases = (take(journal, late.purchase_resource), take(journal, late.resource))
        with pytest.raises(SpendRefused, match="1 more release would make 2 today") as caught:
            journal.begin(late.id, leases=leases, releases_max=1)
        assert "release_limit" == caught.value.rule
        assert IntentionState.PLANNED is journal.history(late.id).intention.state
        journal.begin(late.id, leases=leases, releases_max=2)
        assert 2 == len(journal.released_today(PROJECT))


def _withdraw(journal: Journal, line: Intention) -> None:
    lease = take(journal, line.purchase_resource)
    journal.withdraw(line.id, lease, "not needed")
    journal.give_back_leases((lease,))


def _exactly(text: str) -> str:
    return re.escape(text)
