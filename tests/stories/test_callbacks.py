"""What becomes of callbacks: late, twice, in any order, about anything, they end in the vendor's
state, and each outcome is emitted once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.callback_stories import HOOK, STORIES, told
from support.draining import Drains
from support.dying import Fate
from support.hosting import HostingShop, importing, numbers, text_enabling
from support.orders import Cabinet, order_once, wanted
from support.run_contexts import Shop

from numberflow.errors import OutcomeUnknown
from numberflow.journal import OrderKind
from numberflow.purchase.follow import Followed
from tasks.follow import FOLLOWERS

pytestmark = pytest.mark.anyio

HOUR, DAY = 3600.0, 86_400.0
# The rest are more throws of the same dice; benchmarks/callback_seeds.py throws them all.
SEEDS = [pytest.param(seed, marks=[pytest.mark.exhaustive] * (seed > 3)) for seed in range(200)]


async def _unanswered(*_: object) -> Followed:
    """The vendor is down."""
    raise OutcomeUnknown("HTTP 503", status=503, cause="server_error")


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("seed", SEEDS)
async def test_any_order_ends_in_the_vendors_state(tmp_path: Path, seed: int, story: str) -> None:
    """Callbacks come shuffled, twice, months late, and before the reply of the request that caused
    them, which is lost at times: the journal ends with what the vendor's books say, and each
    outcome was emitted once (support/callback_stories.py).
    """
    assert [] == await told(story, tmp_path, seed)


async def test_what_we_do_not_know_is_noted_and_not_acted_on(tmp_path: Path) -> None:
    """Numbers that are not ours, unknown types and statuses: no request leaves, nothing waits."""
    shop = Shop(tmp_path)
    drains = Drains(shop)
    drains.arrive(
        {"eventId": "1", "resourceType": "ACTIVE_NUMBER", "resourceId": "+13075550142"},
        {"eventId": "2", "resourceType": "NEVER_HEARD_OF", "resourceId": "x", "status": "ODD"},
        {"eventId": "3", "resourceType": "HOSTING_ORDER_NUMBER", "resourceId": "01ABC"},
        {"resourceType": "ACTIVE_NUMBER"},
    )
    report = await drains()
    assert (0, 1) == (report.waiting, report.unreadable)
    assert {"not in the journal"} == {line.came for line in report.resources}
    assert ([], []) == (drains.names, shop.simulator.requests(0))


async def test_a_vendor_that_does_not_answer(tmp_path: Path) -> None:
    """The callback waits, and the next run does it; a run that died after the event emits the same
    one again.
    """
    shop = Shop(tmp_path)
    order = wanted(Cabinet(tmp_path / "papers"), callback_url=HOOK)
    placed = await order_once(shop.context, order)
    shop.simulator.clock.advance(2 * DAY)
    drains = Drains(shop)
    drains.arrive({"eventId": "e", "resourceType": "NUMBER_ORDER", "resourceId": placed.order_id})
    drains.followers = {**FOLLOWERS, OrderKind.NUMBER: _unanswered}
    assert 1 == (await drains()).waiting
    drains.followers = FOLLOWERS
    # Not due yet.
    assert () == (await drains()).resources
    drains.age(minutes=1)
    drains.dies = True
    with pytest.raises(RuntimeError, match="died"):
        await drains()
    assert 0 == (await drains()).waiting
    assert ["numberflow.order.completed"] * 2 == drains.names
    assert 1 == len({outcome.id for outcome in drains.emitted})


async def test_a_callback_that_comes_before_the_reply(tmp_path: Path) -> None:
    """It waits until the step that it tells of has ended and is followed: then its event leaves."""
    shop = HostingShop(tmp_path)
    drains, (number,) = Drains(shop), numbers(1)
    order = importing([number])
    assert await shop.import_numbers(order, fate=Fate("request", after=True, costly=True)) is None
    drains.arrive({"eventId": "e", "resourceType": "ACTIVE_NUMBER", "resourceId": number})
    report = await drains()
    assert (1, [False]) == (report.waiting, [line.is_done for line in report.resources])
    await shop.import_numbers(order)
    await shop.wait(2 * HOUR)
    drains.age(minutes=1)
    assert 0 == (await drains()).waiting
    assert ["numberflow.number.linked"] == drains.names


async def test_an_order_whose_id_nobody_has_heard(tmp_path: Path) -> None:
    """Its callback waits while a step is open that may have opened it, and not for ever."""
    shop = HostingShop(tmp_path)
    drains, few = Drains(shop), numbers(2)
    await shop.qualify_at_once(few)
    order = text_enabling(few)
    assert await shop.text_enable(order, fate=Fate("request", after=True, costly=True)) is None
    opened = shop.simulator.hosting_orders()[0]["hosting_order_id"]
    told = {"resourceType": "HOSTING_ORDER", "resourceId": opened}
    drains.arrive({"eventId": "early", **told})
    assert 1 == (await drains()).waiting
    drains.age(hours=7)
    (line,) = (await drains()).resources
    assert (True, "left to follow-orders") == (line.is_done, line.came.partition(":")[0])
    drains.arrive({"eventId": "e", **told})
    await shop.text_enable(order)
    await shop.wait(HOUR)
    await shop.script("loa", hosting_order_id=opened)
    await shop.wait(DAY)
    assert 0 == (await drains()).waiting
    assert ["numberflow.import.completed"] == drains.names


async def test_a_read_that_lags_behind_the_callback(tmp_path: Path) -> None:
    """A link that is being made is looked at again, or a sweep sees it first: its event leaves
    all the same. A link that failed has one, too.
    """
    shop = HostingShop(tmp_path)
    drains, (good, bad) = Drains(shop), numbers(2)
    await shop.script("step_failure", phone_number=bad, step="campaign", code="CAMPAIGN_EXPIRED")
    for number in (good, bad):
        await shop.import_numbers(importing([number]), number)
    drains.arrive(
        *({"eventId": n, "resourceType": "ACTIVE_NUMBER", "resourceId": n} for n in (good, bad))
    )
    assert (2, []) == ((await drains()).waiting, drains.names)
    await shop.wait(2 * HOUR)
    await shop.sweep()
    drains.age(minutes=1)
    assert 0 == (await drains()).waiting
    assert ["numberflow.number.failed", "numberflow.number.linked"] == drains.names


async def test_many_callbacks_about_one_order(tmp_path: Path) -> None:
    """It is looked at once, and found without a walk over everything that was ever followed."""
    shop = HostingShop(tmp_path)
    drains, few = Drains(shop), numbers(20)
    looks: list[str] = []
    follow = FOLLOWERS[OrderKind.HOSTING]

    async def counted(context: Any, work: Any, now: Any) -> Followed:
        looks.append(work.order_id)
        return await follow(context, work, now)

    drains.followers = {**FOLLOWERS, OrderKind.HOSTING: counted}
    await shop.qualify_at_once(few)
    await shop.text_enable(text_enabling(few))
    drains.arrive(
        *({"eventId": n, "resourceType": "HOSTING_ORDER_NUMBER", "resourceId": n} for n in few)
    )
    report = await drains()
    assert (20, 20, 1) == (len(report.resources), report.waiting, len(looks))
