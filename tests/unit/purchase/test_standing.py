"""What a plan says about a reference is what the run then does."""

from __future__ import annotations

from decimal import Decimal

import anyio
import pytest
from support.purchases import buy, order
from support.run_contexts import Shop

from numberflow.errors import ReferenceConflict
from numberflow.journal import Intention, IntentionState
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.reports import PurchaseReport, RunOutcome
from numberflow.purchase.renting import rent
from numberflow.purchase.renting.choose import OPERATION, write_down_quote
from numberflow.purchase.renting.quoting import quote_order
from numberflow.purchase.renting.report import plan_report
from numberflow.purchase.renting.standing import stand
from numberflow.purchase.run_context import new_purchase, open_purchase
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.purchase.text import report_text

pytestmark = pytest.mark.anyio


async def plan(
    shop: Shop, wanted: SearchAndRentParameters, reference: str = "PO-1"
) -> PurchaseReport:
    """A run with plan_only."""
    async with shop.context() as context:
        standing = await stand(context, wanted, reference)
        return plan_report(
            standing.lines,
            standing.quote,
            refused=standing.refused,
            notes=standing.notes,
            asked=wanted.wanted,
            reference=reference,
            project_id=context.project_id,
            currency=wanted.currency,
        )


async def cancelled(
    shop: Shop, wanted: SearchAndRentParameters, after: int, reference: str = "PO-1"
) -> None:
    """A run that is cancelled when so many numbers are rented."""
    limits = SpendLimits(wanted.max_today, wanted.max_monthly, wanted.currency)
    async with shop.context() as context:
        context.flow_run_id = "run-1"
        new = new_purchase(context, wanted, reference, OPERATION)
        purchase = await open_purchase(context, new)
        quote = await quote_order(context, wanted, seed=reference)
        await write_down_quote(context, purchase, wanted, quote, limits)
        seen: dict[str, Intention] = {}
        with anyio.CancelScope() as scope:

            async def count(_: Intention) -> None:
                if sum(line.state is IntentionState.DONE for line in seen.values()) == after:
                    scope.cancel()

            await rent.rent_chosen(context, purchase, wanted, limits, seen=seen, progress=count)


async def test_cancelled_purchase(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 wanted, 13 charged, cancelled.

    The plan says 13 held and 17 to go, and the run that follows buys those 17.
    """
    monkeypatch.setattr(rent, "RENTS_AT_ONCE", 1)
    wanted = order(quantity=30)
    await cancelled(shop, wanted, after=13)
    assert shop.simulator.rentals() == 13
    planned = await plan(shop, wanted)
    assert (RunOutcome.DONE, 13, 17, Decimal("17.00"), shop.simulator.rentals()) == (
        planned.outcome,
        planned.rented,
        planned.to_go,
        planned.quoted_today,
        13,
    )
    assert (
        "**13 of 30** numbers are held already, bought by run run-1 for 13.00 USD. "
        "**17 to go** would cost 17.00 USD today and 8.50 USD a month."
    ) in report_text(planned)
    report = await buy(shop.context, wanted, "PO-1")
    assert (30, 17, Decimal("17.00"), 30) == (
        report.rented,
        report.rented_now,
        report.charged_now,
        shop.simulator.rentals(),
    )


async def test_purchase_that_is_done(shop: Shop) -> None:
    """A run that finds its purchase done bought nothing, and says so; so does its plan."""
    wanted = order(quantity=3)
    await cancelled(shop, wanted, after=3)
    again = await buy(shop.context, wanted, "PO-1")
    assert (RunOutcome.DONE, 3, 0, Decimal(0), 3) == (
        again.outcome,
        again.rented,
        again.rented_now,
        again.charged_now,
        shop.simulator.rentals(),
    )
    assert (
        "**3 of 3** numbers held: 3 bought earlier, by run run-1; this run bought 0, **0.00 USD** "
        "today. "
        "**1.50 USD** a month."
    ) in report_text(again)
    planned = await plan(shop, wanted)
    assert (RunOutcome.DONE, 0) == (planned.outcome, planned.to_go)
    assert "A run would rent nothing." in report_text(planned)


async def test_settled_is_bought_earlier(shop: Shop) -> None:
    """A number whose lost reply is settled by a later run was bought by the earlier one."""
    shop.fault("rent", "reset_after")
    shop.fault("get_active", "error_before", times=None)
    first = await buy(shop.context, order(quantity=1), "PO-1")
    shop.simulator.faults.clear()
    then = await buy(shop.context, order(quantity=1), "PO-1")
    assert (RunOutcome.NEEDS_PERSON, RunOutcome.DONE, 1, 0) == (
        first.outcome,
        then.outcome,
        then.rented,
        then.rented_now,
    )


@pytest.mark.parametrize(("cap", "refused"), [("3.99", True), ("4.00", False)])
async def test_what_was_spent_today(shop: Shop, cap: str, refused: bool) -> None:
    """The plan refuses what the run would refuse: the day's cap counts other purchases, too."""
    await buy(shop.context, order(quantity=3), "PO-1")
    wanted = order(quantity=1, max_today=cap)
    planned = await plan(shop, wanted, "PO-2")
    assert shop.lines("PO-2") == ()
    report = await buy(shop.context, wanted, "PO-2")
    assert (refused, refused) == (
        planned.outcome is RunOutcome.REFUSED,
        report.outcome is RunOutcome.REFUSED,
    )
    assert planned.quoted_today == Decimal("1.00")
    if refused:
        assert report.reason in planned.reason
        assert planned.remedy == report.remedy


async def test_lowered_cap(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap that was lowered to stop a purchase stops its plan as it stops its run."""
    monkeypatch.setattr(rent, "RENTS_AT_ONCE", 1)
    await cancelled(shop, order(quantity=5), after=2)
    lowered = order(quantity=5, max_today="4.00")
    planned = await plan(shop, lowered)
    report = await buy(shop.context, lowered, "PO-1")
    assert (RunOutcome.REFUSED, RunOutcome.REFUSED) == (planned.outcome, report.outcome)
    assert planned.reason.removeprefix("a run would be refused: ") in report.reason


async def test_reference_of_another_purchase(shop: Shop) -> None:
    """A reference that stands for something else is refused by the plan, too."""
    await buy(shop.context, order(quantity=1), "PO-1")
    with pytest.raises(ReferenceConflict, match="quantity was 1, now 2"):
        await plan(shop, order(quantity=2))
