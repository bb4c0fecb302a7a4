"""What becomes of callbacks: late, twice, in any order, about anything, they end in the vendor's
state, and each outcome is emitted once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.orders import Cabinet, order_once, wanted
from support.run_contexts import Shop

from numberflow.errors import OutcomeUnknown
from numberflow.journal import Journal, NewCallback, OrderKind
from numberflow.models.callback import read_callback
from numberflow.models.reports import CallbacksReport, FollowLine
from numberflow.purchase.callbacks import Outcome, drain_callbacks
from numberflow.purchase.follow import Followed, Follower, follow_orders
from tasks.follow import FOLLOWERS

pytestmark = pytest.mark.anyio

HOUR, DAY = 3600.0, 86_400.0
HOOK = "https://hooks.example.test/"
SEEDS = [pytest.param(seed, marks=[pytest.mark.exhaustive] * (seed > 3)) for seed in range(200)]


async def _unanswered(*_: object) -> Followed:
    """The vendor is down."""
    raise OutcomeUnknown("HTTP 503", status=503, cause="server_error")


class Drains:
    """Runs of drain-callbacks over one shop, and the events that they emitted."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.emitted: list[Outcome] = []
        self.dies = False
        self.followers: Mapping[OrderKind, Follower] = FOLLOWERS

    async def __call__(self) -> CallbacksReport:
        """One run."""

        async def tell(_line: FollowLine) -> None:
            """Alarms are follow-orders' story."""

        async def emit(outcome: Outcome) -> None:
            self.emitted.append(outcome)
            if self.dies:
                self.dies = False
                raise RuntimeError("died before it could note that")

        async with self.shop.context() as context:
            return await drain_callbacks(context, self.followers, tell=tell, emit=emit)

    def arrive(self, *bodies: dict[str, Any]) -> None:
        """The receiver keeps them."""
        project = self.shop.settings.project_id
        raws = [json.dumps(body).encode() for body in bodies]
        with Journal.open(self.shop.journal_url) as journal:
            journal.keep_callbacks(
                [NewCallback(project, read_callback(raw, project), raw) for raw in raws]
            )

    @property
    def names(self) -> list[str]:
        """Of the events, sorted."""
        return sorted(outcome.name for outcome in self.emitted)


@pytest.mark.parametrize("seed", SEEDS)
async def test_any_order_ends_in_the_vendors_state(tmp_path: Path, seed: int) -> None:
    """Callbacks of an order and its number come shuffled, twice, before and after what they tell,
    with sweeps and time between them.
    """
    chance = random.Random(seed)
    shop = Shop(tmp_path)
    order = wanted(
        Cabinet(tmp_path / "papers"), sms={"service_plan_id": "plan-1"}, callback_url=HOOK
    )
    outcome = chance.choice(["COMPLETED", "REJECTED"])
    await shop.script("review", outcome=outcome, times=1)
    placed = await order_once(shop.context, order)
    drains = Drains(shop)
    # One that nobody sent: what it claims is not believed.
    claim = {"resourceType": "NUMBER_ORDER", "resourceId": placed.order_id, "status": outcome}
    drains.arrive({"eventId": "claim", **claim})
    await drains()
    assert [] == drains.names
    shop.simulator.clock.advance(2 * DAY)
    shop.simulator.world.settle()
    for _ in range(6):
        shop.simulator.clock.advance(HOUR / 4)
        shop.simulator.world.settle()
        told = [each["body"] for each in shop.simulator.callbacks.deliveries()]
        drains.arrive(*chance.choices(told, k=chance.randint(0, 3)) if told else ())
        if chance.random() < 0.2:
            async with shop.context() as context:
                await follow_orders(context, FOLLOWERS)
        await drains()
    drains.arrive(*chance.sample(told, k=len(told)), *told)
    shop.simulator.clock.advance(60 * DAY)
    report = await drains()
    assert (0, 0) == (report.waiting, report.unreadable)
    with Journal.open(shop.journal_url) as journal:
        works = journal.followed(shop.settings.project_id, open_only=False)
    assert [(outcome, False)] == [(work.state, work.is_open) for work in works]
    assert [f"numberflow.order.{outcome.lower()}"] == drains.names


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
    drains.dies = True
    with pytest.raises(RuntimeError, match="died"):
        await drains()
    assert 0 == (await drains()).waiting
    assert ["numberflow.order.completed"] * 2 == drains.names
    assert 1 == len({outcome.id for outcome in drains.emitted})
