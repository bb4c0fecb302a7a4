"""What a run asks of the vendor, and the callbacks about it, as a seed shuffles them.

The vendor is done and has told so before it answers; answers are lost; the process dies. Callbacks
come in any order, twice, and months late. Judge are the vendor's own books. Played by
tests/stories/test_callbacks.py and benchmarks/callback_seeds.py.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
from support.draining import Drains
from support.dying import Fate, operation_of
from support.hosting import CAMPAIGN, PLAN, HostingShop, importing, numbers
from support.orders import Cabinet, order_once, wanted
from support.purchases import order as bought

from numberflow.journal import Journal, OrderKind, opened_order
from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.parameters import check_parameters
from numberflow.purchase.follow import follow_orders
from numberflow.simulator import InProcessTransport
from numberflow.simulator.provisioning import SmsLink, VoiceLink
from tasks.follow import FOLLOWERS

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
HOOK = "https://hooks.example.test/"
OLD, OLD_VOICE = SmsLink("plan-a", "CAMPA"), VoiceLink("RTC", "app-a")
NEW, NEW_VOICE = SmsLink("plan-b", "CAMPB"), VoiceLink("EST", "trunk-b")
SMS = {"service_plan_id": NEW.service_plan_id, "campaign_id": NEW.campaign_id}
VOICE = {"type": NEW_VOICE.type, "trunk_id": NEW_VOICE.id}
LINKED, FAILED = "linked", "link failed"
_EVENTS = {LINKED: "numberflow.number.linked", FAILED: "numberflow.number.failed"}

T = TypeVar("T")


class Hasty(HostingShop):
    """A shop whose vendor tells what it did before it answers, or never answers."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        super().__init__(folder)
        self.chance = chance
        self.drains = Drains(self)
        self.reply_after_s = [0.0, 10.0, MINUTE, 2 * HOUR]

    def vendor(self) -> httpx.AsyncBaseTransport:
        """The way to it."""
        return _HastyTransport(InProcessTransport(self.simulator), self)

    async def before_the_reply(self, request: httpx.Request) -> None:
        """What a costly request caused may be over by now, and callbacks have come of it."""
        if self.chance.random() < 0.5:
            await self.pass_time(self.chance.choice(self.reply_after_s))
        if self.chance.random() < 0.3:
            raise httpx.ReadError("Connection reset by peer", request=request)

    async def pass_time(self, seconds: float) -> None:
        """Time passes, some callbacks come, once or more, and somebody looks."""
        self.simulator.clock.advance(seconds)
        self.simulator.world.settle()
        self.drains.age(seconds=min(seconds, 15 * MINUTE))
        sent = self._sent()
        if sent:
            self.drains.arrive(*self.chance.choices(sent, k=self.chance.randint(0, 3)))
        if self.chance.random() < 0.2:
            async with self.context() as context:
                await follow_orders(context, FOLLOWERS)
        await self.drains()

    def _sent(self) -> list[dict[str, Any]]:
        return [each["body"] for each in self.simulator.callbacks.deliveries()]

    async def done(self, run: Callable[[Fate], Awaitable[T | None]]) -> T:
        """What a run of this reference brings; others before it may die after a costly request."""
        for _ in range(2):
            if self.chance.random() < 0.3:
                fate = Fate("request", n=self.chance.randint(1, 2), after=True, costly=True)
                try:
                    if (found := await run(fate)) is not None:
                        return found
                except BaseException as error:
                    self._expect_death(error)
                await self.pass_time(5 * MINUTE)
        found = await run(Fate())
        assert found is not None
        return found

    def settle_order(self, intention_id: str) -> None:
        """A person names the order that a lost reply told of."""
        with Journal.open(self.journal_url) as journal:
            asked = journal.history(intention_id).intention
            facts = {**asked.request, "intention_id": intention_id}
            order_id = self.simulator.orders()[-1]["order_id"]
            result = opened_order(OrderKind.NUMBER, order_id, "", **facts)
            journal.settle_by_person(
                intention_id, "done", by="Ada", note="the dashboard has it", result=result
            )

    async def end(self) -> list[str]:
        """Months later the rest of the callbacks comes, and all of them again. What is wrong."""
        for _ in range(self.chance.randint(0, 6)):
            await self.pass_time(15 * MINUTE)
        self.simulator.clock.advance(60 * DAY)
        self.simulator.world.settle()
        sent = self._sent()
        assert sent, "the story has no callbacks"
        self.drains.arrive(*self.chance.sample(sent, k=len(sent)), *sent)
        self.drains.age(hours=1)
        left = await self.drains()
        wrong = [] if (left.waiting, left.unreadable) == (0, 0) else [f"left in the inbox: {left}"]
        return wrong + self.unwritten

    def ended(self, kind: OrderKind, states: Mapping[str, str], events: list[str]) -> list[str]:
        """What is wrong with the journal's states of a kind of work, and with what was emitted.

        `states`: by order or number, as the vendor has it.
        """
        with Journal.open(self.journal_url) as journal:
            works = journal.followed(self.settings.project_id, kind=kind, open_only=False)
        noted = {str(work.facts.get("number") or work.order_id): work.state for work in works}
        wrong = [] if noted == dict(states) else [f"vendor {states}, journal {noted}"]
        emitted = Counter(f"{each.name} {each.resource}" for each in self.drains.emitted)
        return wrong + ([] if emitted == Counter(events) else [f"emitted {emitted}, not {events}"])

    def links_ended(self, states: Mapping[str, str]) -> list[str]:
        """The same for the links of numbers."""
        project = self.settings.project_id
        return self.ended(
            OrderKind.LINK,
            states,
            [f"{_EVENTS[state]} numberflow.number.{project}.{n}" for n, state in states.items()],
        )

    def linked(self, sms: SmsLink, voice: VoiceLink) -> dict[str, str]:
        """How the links of each rented number ended, by the vendor's books."""
        world = self.simulator.world
        now = world.settle()
        return {
            held.phone_number: LINKED
            if world.linking.in_effect(held, now) == (sms, voice)
            else FAILED
            for held in world.holdings
        }


class _HastyTransport(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, shop: Hasty) -> None:
        self._inner = inner
        self._shop = shop

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        reply = await self._inner.handle_async_request(request)
        if operation_of(request) is not None:
            await self._shop.before_the_reply(request)
        return reply


async def _ordered(shop: Hasty) -> list[str]:
    """A number order that is completed, or rejected, by a reviewer."""
    # An order that nobody hands in expires after half an hour, and a person has to look.
    shop.reply_after_s = [0.0, 10.0, MINUTE]
    cabinet = Cabinet(shop.settings.home / "papers")
    order = wanted(cabinet, sms={"service_plan_id": "plan-1"}, callback_url=HOOK)
    outcome = shop.chance.choice(["COMPLETED", "REJECTED"])
    await shop.script("review", outcome=outcome, times=1)
    placed = await shop.done(lambda fate: order_once(lambda: shop.context(fate), order))
    if placed.open_items:
        # Nobody can look up an order whose id was in a lost reply: a person has read it in the
        # dashboard.
        shop.settle_order(placed.open_items[0].intention_id)
        placed = await order_once(shop.context, order)
    # One that nobody sent: what it claims is not believed.
    claim = {"resourceType": "NUMBER_ORDER", "resourceId": placed.order_id, "status": outcome}
    shop.drains.arrive({"eventId": "claim", **claim})
    await shop.pass_time(2 * DAY)
    event = f"numberflow.order.{outcome.lower()} numberflow.order.{shop.settings.project_id}"
    return await shop.end() + shop.ended(
        OrderKind.NUMBER, {placed.order_id: outcome}, [f"{event}.{placed.order_id}"]
    )


async def _rented(shop: Hasty) -> list[str]:
    """Numbers that are rented with an SMS and a voice link, of which one may fail."""
    await _fail_one(shop)
    order = bought(quantity=2, sms=SMS, voice=VOICE, callback_url=HOOK)
    await shop.done(lambda fate: shop.buy(order, fate=fate))
    wrong = await shop.end()
    return wrong + shop.links_ended(shop.linked(NEW, NEW_VOICE))


async def _relinked(shop: Hasty) -> list[str]:
    """Numbers that are taken off their links and put on others, of which one may fail."""
    await _fail_one(shop)
    shop.simulator.world.add_held(2)
    for held in shop.simulator.world.holdings:
        held.sms, held.voice, held.callback_url = OLD, OLD_VOICE, HOOK
        held.sms_job = held.voice_job = held.expire_at = None
    order = check_parameters(
        ConfigureParameters,
        {
            "phone_numbers": [held.phone_number for held in shop.simulator.world.holdings],
            "sms": SMS, "voice": VOICE, "confirm_unlink": True, "provisioning_wait_s": 60,
        },
    )  # fmt: skip
    for _ in range(3):
        await shop.done(lambda fate: shop.configure(order, fate=fate))
        await shop.wait(HOUR)
    wrong = await shop.end()
    return wrong + shop.links_ended(shop.linked(NEW, NEW_VOICE))


async def _fail_one(shop: Hasty) -> None:
    which = shop.chance.choice(["", "campaign_id", "service_plan_id", "app_id"])
    subjects = {**SMS, "app_id": NEW_VOICE.id}
    if which:
        await shop.script(
            "provisioning", outcome="FAILED", step="link",
            error_codes=["CAMPAIGN_NOT_AVAILABLE"], **{which: subjects[which]},
        )  # fmt: skip


async def _imported(shop: Hasty) -> list[str]:
    """Numbers of another carrier, one by one; the link of one may fail."""
    mine = numbers(2)
    if shop.chance.random() < 0.5:
        step = shop.chance.choice(["platform", "campaign"])
        await shop.script("step_failure", phone_number=mine[0], step=step, code="CAMPAIGN_EXPIRED")
    for number in mine:
        order = importing([number], callback_url=HOOK)
        await shop.done(lambda fate, o=order, n=number: shop.import_numbers(o, n, fate=fate))
    wrong = await shop.end()
    now = shop.simulator.world.settle()
    books = shop.simulator.world.imported.numbers.all

    def state(number: str) -> str:
        plan, campaign = books[number].plan, books[number].campaign
        ids = tuple(change.linked(now) if change else "" for change in (plan, campaign))
        return LINKED if ids == (PLAN, CAMPAIGN) else FAILED

    return wrong + shop.links_ended({number: state(number) for number in mine})


async def _hosted(shop: Hasty) -> list[str]:
    """Three numbers in one hosting order, of which one may fail."""
    mine = numbers(3)
    if shop.chance.random() < 0.5:
        step = shop.chance.choice(["osr", "platform", "campaign"])
        await shop.script("step_failure", phone_number=mine[0], step=step, code="CAMPAIGN_EXPIRED")
    order = importing(mine, callback_url=HOOK)
    await shop.done(lambda fate: shop.import_numbers(order, fate=fate))
    wrong = await shop.end()
    (placed,) = shop.simulator.hosting_orders()
    order_id, state = placed["hosting_order_id"], placed["state"]
    event = f"numberflow.import.{state.lower()} numberflow.import.{shop.settings.project_id}"
    return wrong + shop.ended(OrderKind.HOSTING, {order_id: state}, [f"{event}.{order_id}"])


STORIES: Mapping[str, Callable[[Hasty], Awaitable[list[str]]]] = {
    "ordered": _ordered,
    "rented": _rented,
    "relinked": _relinked,
    "imported": _imported,
    "hosted": _hosted,
}


async def told(story: str, folder: Path, seed: int) -> list[str]:
    """Play a story with this seed. What is wrong in the end; empty when nothing is."""
    return await STORIES[story](Hasty(folder, random.Random(f"{story}-{seed}")))
