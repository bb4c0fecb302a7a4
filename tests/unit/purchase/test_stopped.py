"""The sweep names what stopped half-way.

Once, while it is so, and not what is finished or under way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from support.journals import new_purchase, plan, rent_line, take
from support.purchases import buy, order
from support.run_contexts import Shop

from numberflow.journal import ALL_PROJECTS, Applied, Attempt, Journal
from numberflow.models.reports import FollowLine
from numberflow.purchase.account import account, account_rows, account_text
from numberflow.purchase.follow import follow_orders
from numberflow.purchase.stopped import name_stopped
from numberflow.steps.rent import Rent

pytestmark = pytest.mark.anyio


@pytest.fixture
async def half_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A purchase of three numbers that stopped after its first."""
    rent = Rent.do
    with Journal.open(shop.journal_url) as journal, monkeypatch.context() as patched:

        async def rent_and_stop(step: Rent, attempt: Attempt) -> Applied:
            applied = await rent(step, attempt)
            journal.stop(ALL_PROJECTS, by="ann")
            return applied

        patched.setattr(Rent, "do", rent_and_stop)
        await buy(shop.context, order(quantity=3), "PO-HALF")
        journal.go(ALL_PROJECTS)
    assert 1 == shop.simulator.rentals()
    return shop


async def swept(shop: Shop, idle_s: float = 0.0) -> list[FollowLine]:
    """One sweep over purchases in which nothing has changed for so long."""
    async with shop.context() as context:
        return await name_stopped(context, idle_s=idle_s)


async def test_it_is_named_once_and_again_when_it_stops_again(
    half_done: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how far it came and what may be done.

    Not by the next sweep, and never once it is finished.
    """
    (line,) = await swept(half_done)
    assert ("PO-HALF", "stopped; 1 of 3 numbers rented", True) == (
        line.reference,
        line.summary,
        line.needs_person,
    )
    assert half_done.charged() == [number.phone_number for number in line.numbers]
    assert (
        f"numberflow journal close PO-HALF --project {half_done.settings.project_id} "
        "--by <your-name>" in line.alarms[0].text
    )
    assert [] == await swept(half_done)
    await buy(half_done.context, order(quantity=3), "PO-HALF")
    assert ([], 3) == (await swept(half_done), half_done.simulator.rentals())


async def test_an_account_says_what_was_charged_on_whichever_day(half_done: Shop) -> None:
    """A purchase of two days: all of it is told, and not as if it were of today."""
    with Journal.open(half_done.journal_url) as journal:
        (purchase,) = journal.purchases_named("PO-HALF")
        rows = [
            replace(row, spend_day=date(2020, 1, 1))
            for row in journal.intentions(purchase_id=purchase.id)
        ]
    report = account(purchase, rows, why="cancelled")
    assert "**Charged:** 1.00 USD" in account_text(report)
    assert "today" not in account_text(report) + "".join(account_rows(report)[0])


async def test_what_is_under_way_or_rested_for_a_moment_is_left_alone(half_done: Shop) -> None:
    """A run that holds the purchase, and the half hour, speak for it.

    What could not be told comes again.
    """
    async with half_done.context() as context:
        purchase = context.journal.find_purchase(context.project_id, "PO-HALF")
        assert purchase is not None
        async with context.hold(purchase):
            assert [] == await swept(half_done)
        assert [] == await follow_orders(context, {})

        async def fails(_: FollowLine) -> None:
            raise RuntimeError("no notification today")

        with pytest.raises(RuntimeError):
            await name_stopped(context, tell=fails, idle_s=0.0)
    assert 1 == len(await swept(half_done))


async def test_a_step_that_is_open_names_its_purchase(shop: Shop) -> None:
    """Also where numbers are not counted: a step that was written down and never sent."""
    with Journal.open(shop.journal_url) as journal:
        purchase = journal.open_purchase(new_purchase("OUT-1", shop.settings.project_id))
        lease = take(journal, purchase.resource)
        plan(journal, lease, purchase, rent_line())
        journal.give_back_leases((lease,))
    (line,) = await swept(shop)
    assert "stopped; 0 of 1 steps done" == line.summary
