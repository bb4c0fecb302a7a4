"""Whole purchases at the in-process simulator, judged by its ledger.

What was charged, against what journal and report say.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from support.judging import violations
from support.purchases import buy, order
from support.run_contexts import Shop

from numberflow.journal import ALL_PROJECTS, Applied, Attempt, IntentionState, Journal
from numberflow.models.reports import PurchaseReport, RunOutcome
from numberflow.purchase.renting.choose import find_numbers
from numberflow.purchase.renting.quoting import quote_order
from numberflow.purchase.text import quote_text
from numberflow.steps.rent import Rent

pytestmark = pytest.mark.anyio


async def bought(shop: Shop, reference: str = "PO-1", **parameters: Any) -> PurchaseReport:
    """One run of a purchase; its report fits the ledger in any case."""
    wanted = order(**parameters)
    before = {charge["charge_id"] for charge in shop.simulator.charges()}
    done_before = {
        line.subject for line in shop.lines(reference) if line.state is IntentionState.DONE
    }
    report = await buy(shop.context, wanted, reference)
    charges = [
        charge
        for charge in shop.simulator.charges()
        if charge["charge_id"] not in before or charge["phone_number"] in done_before
    ]
    assert [] == violations(charges, report, asked=wanted.wanted)
    return report


async def for_sale(shop: Shop, count: int, **parameters: Any) -> list[str]:
    """Numbers that can be bought now."""
    async with shop.context() as context:
        found = await find_numbers(context.client, order(**parameters), quantity=count, seed="test")
    return [number.phone_number for number in found]


async def test_nothing_goes_wrong(shop: Shop) -> None:
    """As many numbers as asked are rented, once each, at the quoted price, with at most three
    requests a number.
    """
    report = await bought(shop, quantity=10)
    assert (RunOutcome.DONE, 10, Decimal("10.00"), Decimal("5.00")) == (
        report.outcome,
        report.rented,
        report.charged_today,
        report.monthly,
    )
    assert sorted(report.phone_numbers) == sorted(shop.charged())
    requests = [request for request in shop.simulator.requests() if request["operation"] != "token"]
    assert len(requests) <= 30, [request["operation"] for request in requests]


async def test_same_reference_is_the_same_purchase(shop: Shop) -> None:
    """A second run with the same reference reports the same numbers and buys none."""
    first = await bought(shop, quantity=3)
    again = await bought(shop, quantity=3)
    assert (first.phone_numbers, 3, 3) == (
        again.phone_numbers,
        shop.simulator.rentals(),
        shop.requests("rent"),
    )


async def test_same_reference_with_other_parameters(shop: Shop) -> None:
    """The same reference with another quantity is refused, with the difference, and sends nothing
    that costs money.
    """
    await bought(shop, quantity=1)
    report = await buy(shop.context, order(quantity=2), "PO-1")
    assert (RunOutcome.REFUSED, 1) == (report.outcome, shop.simulator.rentals())
    assert "quantity was 1, now 2" in report.reason


async def test_a_stop_in_the_middle_keeps_what_is_written_down(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the stop nothing is rented.

    The report names what was, and the same reference buys the numbers that were chosen.
    """
    with Journal.open(shop.journal_url) as journal:

        async def rent_and_stop_after_the_third(step: Rent, attempt: Attempt) -> Applied:
            applied = await rent(step, attempt)
            if shop.simulator.rentals() >= 3:
                journal.stop(ALL_PROJECTS, by="ann", why="prices look wrong")
            return applied

        rent = Rent.do
        monkeypatch.setattr(Rent, "do", rent_and_stop_after_the_third)
        report = await bought(shop, quantity=10)
        chosen = {line.subject for line in shop.lines()}
        rented = shop.simulator.rentals()
        # Four are under way at a time: those that were permitted before the stop are finished, and
        # no other begins.
        assert (RunOutcome.REFUSED, rented, True) == (
            report.outcome,
            report.rented,
            3 <= rented <= 6,
        )
        assert ("prices look wrong" in report.reason, "numberflow go" in report.remedy) == (
            True,
            True,
        )
        assert 10 - rented == sum(line.state is IntentionState.PLANNED for line in shop.lines())
        again = await bought(shop, quantity=10)
        assert (RunOutcome.REFUSED, rented) == (again.outcome, shop.simulator.rentals())
        journal.go(ALL_PROJECTS)
    monkeypatch.undo()
    done = await bought(shop, quantity=10)
    assert (RunOutcome.DONE, chosen) == (done.outcome, set(done.phone_numbers))


async def test_lost_reply_is_looked_up(shop: Shop) -> None:
    """A rent whose reply is lost is found by looking.

    The number is charged once and asked for once.
    """
    shop.fault("rent", "reset_after", nth=1)
    report = await bought(shop, quantity=2)
    assert (RunOutcome.DONE, 2, 2) == (
        report.outcome,
        shop.simulator.rentals(),
        shop.requests("rent"),
    )


async def test_number_lost_to_a_rival_is_replaced(shop: Shop) -> None:
    """A number that a rival takes between quote and rent is replaced, and the replacement stands in
    the journal before its rent leaves.
    """
    shop.fault("rent", "rival", nth=2)
    report = await bought(shop, quantity=3)
    assert (RunOutcome.DONE, 3, 4) == (report.outcome, report.rented, shop.requests("rent"))
    assert [
        IntentionState.DONE,
        IntentionState.DONE,
        IntentionState.DONE,
        IntentionState.REFUSED,
    ] == sorted(line.state for line in shop.lines())
    with_rent = [
        unquote(request["path"]).rsplit("/", 1)[1].removesuffix(":rent") for request in rents(shop)
    ]
    assert set(with_rent) == {line.subject for line in shop.lines()}, (
        "every number asked for was written down"
    )
    replacement = max(shop.lines(), key=lambda line: line.position)
    assert (with_rent[-1], IntentionState.DONE) == (replacement.subject, replacement.state)


def rents(shop: Shop) -> list[dict[str, Any]]:
    """The rent requests that arrived."""
    return [request for request in shop.simulator.requests() if request["operation"] == "rent"]


async def test_replacement_stays_within_the_caps(shop: Shop) -> None:
    """A replacement that would break a cap is not bought.

    The run keeps what it has, says why, and names the cap.
    """
    shop.fault("rent", "rival", nth=1)
    # The shelf becomes dearer when the replacement is searched for: the first choice is written
    # down by then.
    shop.fault("search", "price_change", nth=2, factor=3)
    report = await bought(shop, quantity=2, max_today="2.00", max_monthly="1.00")
    assert (RunOutcome.REFUSED, 1, 1) == (report.outcome, report.rented, shop.simulator.rentals())
    assert any(
        note.startswith("lost numbers were not replaced: the purchase costs")
        for note in report.notes
    )
    assert "raise max_today" in report.remedy


async def test_replacements_have_an_end(shop: Shop) -> None:
    """Where a rival takes every number, the run ends refused after a bounded number of requests,
    and nothing is charged.
    """
    shop.fault("rent", "rival", times=None)
    report = await bought(shop, quantity=1)
    assert (RunOutcome.REFUSED, 0, 6) == (
        report.outcome,
        shop.simulator.rentals(),
        shop.requests("rent"),
    )


async def test_named_numbers_are_not_replaced(shop: Shop) -> None:
    """A named number that a rival takes is not replaced by another: the person named this one."""
    one, other = await for_sale(shop, 2)
    shop.fault("rent", "rival", nth=1)
    report = await bought(shop, phone_numbers=[one, other])
    assert (RunOutcome.REFUSED, (other,), [other], 2) == (
        report.outcome,
        report.phone_numbers,
        shop.charged(),
        shop.requests("rent"),
    )


async def test_no_credit_stops_the_rest(shop: Shop) -> None:
    """When credit ends, what was not tried is given back, numbers and money, and the same reference
    goes on after a top-up.
    """
    await shop.script("balance", amount="2.00")
    report = await bought(shop, quantity=20)
    assert (
        RunOutcome.REFUSED,
        2,
        "top up the account, then run again with the same reference",
    ) == (
        report.outcome,
        report.rented,
        report.remedy,
    )
    assert shop.requests("rent") < 10, "the lines that were not under way yet are not tried"
    async with shop.context() as context:
        claims = context.journal.claims(context.project_id)
        spent = context.journal.spent(context.project_id, shop.lines()[0].spend_day)
    assert (set(report.phone_numbers), Decimal("2.00")) == (set(claims), spent.totals["USD"])
    assert {IntentionState.DONE, IntentionState.REFUSED} == {line.state for line in shop.lines()}


@pytest.mark.parametrize(
    ("region_code", "number_type"), [("GB", "MOBILE"), ("DE", "LOCAL"), ("US", "TOLL_FREE")]
)
async def test_what_has_to_be_ordered(shop: Shop, region_code: str, number_type: str) -> None:
    """What the vendor does not rent directly is refused before a rent leaves, with the way to
    order-numbers.
    """
    report = await bought(shop, region_code=region_code, number_type=number_type, quantity=2)
    assert (RunOutcome.REFUSED, 0, ()) == (report.outcome, shop.requests("rent"), shop.lines())
    assert f"{number_type} numbers in {region_code} cannot be rented directly" in report.reason
    assert "run order-numbers with the same region_code, number_type and quantity" in report.remedy
    assert f"numberflow requirements --region {region_code} --type {number_type}" in report.remedy


async def test_flag_for_papers_is_a_warning(shop: Shop) -> None:
    """A number that the vendor marks as in need of papers is rented all the same.

    The quote says what the mark means.
    """
    async with shop.context() as context:
        quote = await quote_order(context, order(quantity=2), seed="PO-1")
    assert "marks 2 of 2 as in need of papers" in quote.warning
    assert quote.warning in quote_text(quote, "PO-1")
    assert (await bought(shop, quantity=2)).outcome is RunOutcome.DONE


async def test_trial_account(shop: Shop) -> None:
    """An account that may not rent is refused at the first number, in the vendor's words, and the
    others are not tried.
    """
    await shop.script("trial", value=True)
    report = await bought(shop, quantity=8)
    assert (RunOutcome.REFUSED, 0, 1) == (
        report.outcome,
        shop.simulator.rentals(),
        shop.requests("rent"),
    )
    assert {IntentionState.REFUSED} == {line.state for line in shop.lines()}


async def test_strategy_any(shop: Shop) -> None:
    """Numbers that the vendor picks are charged once each and named by the report, also after a
    lost reply.
    """
    shop.fault("rent_any", "reset_after", nth=2)
    report = await bought(shop, strategy="any", quantity=3)
    assert (RunOutcome.DONE, 3, 3, 0) == (
        report.outcome,
        shop.simulator.rentals(),
        shop.requests("rent_any"),
        shop.requests("rent"),
    )
    assert sorted(report.phone_numbers) == sorted(shop.charged())


async def test_strategy_any_without_a_match(shop: Shop) -> None:
    """Where nothing matches, the vendor is not asked to pick anything."""
    report = await bought(shop, strategy="any", pattern="+1312")
    assert (RunOutcome.REFUSED, 0) == (report.outcome, shop.requests("rent_any"))


async def test_links_that_work(shop: Shop) -> None:
    """Links are awaited until they are in effect, on the vendor's clock."""
    report = await bought(
        shop,
        quantity=2,
        sms={"service_plan_id": "plan-1"},
        voice={"app_id": "app-1"},
        provisioning_wait_s=60,
    )
    assert (RunOutcome.DONE, [("done", "done", True)] * 2) == (
        report.outcome,
        [(line.sms, line.voice, line.confirmed) for line in report.numbers],
    )
    assert 0 < sum(shop.waited_s) < 60


async def test_links_that_fail_need_a_person(shop: Shop) -> None:
    """A failed link needs a person and comes with the advice for its code.

    The number stays rented and charged.
    """
    await shop.script(
        "provisioning", service_plan_id="plan-1", outcome="FAILED", error_codes=["CAMPAIGN_EXPIRED"]
    )
    report = await bought(shop, sms={"service_plan_id": "plan-1"}, provisioning_wait_s=60)
    assert (
        RunOutcome.NEEDS_PERSON,
        "failed",
        "CAMPAIGN_EXPIRED: the campaign has expired; use another",
        1,
    ) == (
        report.outcome,
        report.numbers[0].sms,
        report.numbers[0].advice,
        report.rented,
    )


async def test_links_that_take_long_are_pending(shop: Shop) -> None:
    """A link that is not there after the wait is reported as pending.

    The run is done and does not wait on.
    """
    await shop.script("provisioning", service_plan_id="plan-1", outcome="SUCCEEDED", delay_s=3600)
    report = await bought(shop, sms={"service_plan_id": "plan-1"}, provisioning_wait_s=30)
    assert (RunOutcome.DONE, "pending", 30.0) == (
        report.outcome,
        report.numbers[0].sms,
        sum(shop.waited_s),
    )


async def test_read_that_lags_is_waited_for(shop: Shop) -> None:
    """A rented number that reads do not show yet is looked for over the settling time, not given
    up.
    """
    shop.fault("rent", "stale_reads", lag_s=5)
    report = await bought(shop)
    assert (RunOutcome.DONE, True) == (report.outcome, report.numbers[0].confirmed)
    assert 5 <= sum(shop.waited_s) <= 8


async def test_read_that_stays_away_needs_a_person(shop: Shop) -> None:
    """A rented number that cannot be read back within the settling time is reported as charged and
    unconfirmed.
    """
    shop.fault("rent", "stale_reads", lag_s=3600)
    report = await bought(shop)
    assert (RunOutcome.NEEDS_PERSON, Decimal("1.00"), False, 8.0) == (
        report.outcome,
        report.charged_today,
        report.numbers[0].confirmed,
        sum(shop.waited_s),
    )


async def test_price_that_changed_stops_the_purchase(shop: Shop) -> None:
    """A price that rises between quote and rent is paid once.

    The first number shows it, and no other is rented.
    """
    shop.fault("rent", "price_change", factor=2, times=None)
    report = await bought(shop, quantity=3)
    assert (RunOutcome.REFUSED, 1, 1) == (report.outcome, report.rented, shop.simulator.rentals())
    (line,), (note,) = report.numbers, report.notes
    assert note.startswith(
        f"{line.phone_number}: quoted 0.50 USD a month, the vendor now says 1.00 USD; "
    )
    assert Decimal("1.00") == line.monthly
    assert "the price rose between quote and rent" in report.reason
    assert "run again with the same reference" in report.remedy

    # The later run tells both prices still, and rents the rest at what the vendor asks then.
    shop.simulator.faults.clear()
    later = await bought(shop, quantity=3)
    assert (RunOutcome.DONE, 3, 3) == (later.outcome, later.rented, shop.simulator.rentals())
    assert note in later.notes


async def test_day_cap_counts_every_reference(shop: Shop) -> None:
    """max_today holds for the project's whole day.

    A second purchase that fits alone is refused when the first used the room.
    """
    await bought(shop, "PO-1", quantity=3, max_today="4.00")
    refused = await bought(shop, "PO-2", quantity=2, max_today="4.00")
    assert (RunOutcome.REFUSED, 3) == (refused.outcome, shop.simulator.rentals())
    assert "3.00 are used up by PO-1: 3.00, and this needs 2.00" in refused.reason
    fits = await bought(shop, "PO-2", quantity=2, max_today="5.00")
    assert (RunOutcome.DONE, 5) == (fits.outcome, shop.simulator.rentals())


async def test_claimed_number_is_not_bought_twice(shop: Shop) -> None:
    """A number that one reference has written down cannot be bought by another, although the vendor
    still sells it.
    """
    (number,) = await for_sale(shop, 1)
    shop.fault("rent", "timeout_before", times=None)
    first = await bought(shop, "PO-1", phone_numbers=[number])
    shop.simulator.faults.clear()
    second = await bought(shop, "PO-2", phone_numbers=[number])
    assert (RunOutcome.REFUSED, RunOutcome.REFUSED, 0) == (
        first.outcome,
        second.outcome,
        shop.simulator.rentals(),
    )
    assert [number] == [
        line.subject for line in shop.lines() if line.state is IntentionState.PLANNED
    ]
    resumed = await bought(shop, "PO-1", phone_numbers=[number])
    assert (RunOutcome.DONE, [number]) == (resumed.outcome, shop.charged())


async def test_two_references_never_share_a_number(tmp_path: Path) -> None:
    """Purchases after one another out of a small stock get different numbers."""
    shop = Shop(tmp_path, stock_us_local=60)
    first, second = await bought(shop, "PO-1", quantity=10), await bought(shop, "PO-2", quantity=10)
    assert set() == set(first.phone_numbers) & set(second.phone_numbers)
    assert (10, 10, 20) == (first.rented, second.rented, shop.simulator.rentals())


async def test_vendor_that_is_away(shop: Shop) -> None:
    """When the vendor does not answer at all, the run is refused with what to do, and nothing was
    bought.
    """
    shop.fault("search", "error_before", status=500, times=None)
    report = await bought(shop)
    assert (
        RunOutcome.REFUSED,
        "the vendor could not be read; run again later with the same reference",
        0,
    ) == (
        report.outcome,
        report.remedy,
        shop.simulator.rentals(),
    )
