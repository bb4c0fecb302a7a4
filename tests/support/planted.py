"""A project whose journal and vendor agree, made from a seed, and every way in which they may not.

`World` is the clean project; each function of `PLANTS` spoils it in one way and says which findings
that has to bring. What it writes down is what the two tables hold, never how they are compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from numberflow.planning.reconciling.kinds import Kind
from numberflow.planning.reconciling.lines import (
    Custody,
    Does,
    JournalSide,
    Line,
    Order,
    Reference,
    Stand,
    VendorSide,
)

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
READ_AT = NOW - timedelta(minutes=45)


class World:
    """Both tables, to be filled: `count` numbers in references of up to five."""

    def __init__(self, seed: int, count: int = 40) -> None:
        self.rng = random.Random(seed)
        self.lines: list[Line] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self.custody: dict[str, Custody] = {}
        self.claims: dict[str, str] = {}
        self.elsewhere: dict[str, str] = {}
        self.references: dict[str, Reference] = {}
        self.orders: list[Order] = []
        self.linking: set[str] = set()
        self.leaving: set[str] = set()
        self.addresses: dict[str, bool] = {}
        self._numbers = iter(range(12_000_000_000, 12_999_999_999))
        self._ids = iter(range(10**9))
        self.untouched: list[str] = []
        while len(self.rows) < count:
            self._clean()

    # ---- parts

    def number(self) -> str:
        """A number that nobody has yet."""
        return f"+{next(self._numbers)}"

    def name(self) -> str:
        """A reference that nobody has yet."""
        return f"PO-{next(self._ids)}"

    def ago(self, least_days: float = 0.2, most_days: float = 300) -> datetime:
        """A time before the reading."""
        return READ_AT - timedelta(days=self.rng.uniform(least_days, most_days))

    def line(self, number: str, reference: str, **values: Any) -> Line:
        """A step in the journal; a rent that is done unless `values` say otherwise."""
        given = {
            "id": f"{next(self._ids):020x}", "operation": "rent", "does": Does.GETS,
            "stand": Stand.DONE, "at": self.ago(), "monthly": Decimal("2.00"), "currency": "USD",
        } | values  # fmt: skip
        if given["does"] is not Does.GETS:
            given |= {"monthly": None, "currency": None}
        made = Line(phone_number=number, reference=reference, **given)
        self.lines.append(made)
        if made.operation == "rent" and made.stand is not Stand.REFUSED:
            self.claims[number] = made.id
        return made

    def row(self, number: str, **values: Any) -> dict[str, Any]:
        """The number at the vendor, as a rent leaves it."""
        self.rows[number] = {
            "phone_number": number, "source": "rented", "display_name": None,
            "price_amount": Decimal("2.000000"), "price_currency": "USD",
            "payment_interval_months": 1, "expire_at": None, "voice_type": "RTC",
            "next_charge_at": NOW + timedelta(days=self.rng.uniform(4, 27)),
        } | values  # fmt: skip
        return self.rows[number]

    def pick(self) -> str:
        """A clean rented number that nothing was planted on; it is spoilt only once."""
        if not self.untouched:
            self._rents()
        return self.untouched.pop(self.rng.randrange(len(self.untouched)))

    def holder(self, number: str) -> Line:
        """The step that got it."""
        return next(
            line for line in self.lines
            if line.phone_number == number and line.does is Does.GETS and line.stand is Stand.DONE
        )  # fmt: skip

    def ask(self, number: str, **wants: str) -> Line:
        """A change of a number that took effect."""
        return self.line(
            number, self.name(), operation="update", does=Does.CHANGES, wants=wants,
            at=self.ago(0.1, 0.19),
        )  # fmt: skip

    # ---- a clean project

    def _clean(self) -> None:
        way: Callable[[], None] = self.rng.choices(
            [self._rents, self._adopts, self._orders, self._hosts, self._releases], [8, 1, 1, 1, 1]
        )[0]
        way()

    def _rents(self) -> None:
        reference, quantity = self.name(), self.rng.randint(1, 5)
        self.references[reference] = Reference(reference, quantity)
        wants, shown = self._links()
        months = self.rng.choice([1, 1, 3])
        for _ in range(quantity):
            number = self.number()
            self.line(number, reference, wants=wants)
            self.row(
                number, payment_interval_months=months, price_amount=Decimal("2.000000") * months,
                **shown,
            )  # fmt: skip
            self.untouched.append(number)
        if self.rng.random() < 0.3:
            # Lost to another buyer: never shown, and replaced.
            self.line(self.number(), reference, stand=Stand.REFUSED)

    def _links(self) -> tuple[dict[str, str], dict[str, str]]:
        wants, shown = {}, {}
        if self.rng.random() < 0.5:
            wants |= {"service_plan_id": "plan-a", "campaign_id": "C1"}
            shown |= {"sms_service_plan_id": "plan-a", "sms_campaign_id": "C1"}
        if self.rng.random() < 0.3:
            wants |= {"voice_type": "EST", "voice_id": "trunk-1"}
            shown |= {"voice_type": "EST", "voice_target_id": "trunk-1"}
        if self.rng.random() < 0.3:
            wants["callback_url"] = shown["callback_url"] = "https://hooks.example/sinch"
        return wants, shown

    def _adopts(self) -> None:
        number = self.number()
        self.row(number)
        self.adopt(number)

    def adopt(self, number: str, *, is_held: bool = True, **values: Any) -> None:
        """What a person said of a number."""
        given = {"monthly": Decimal("2.00"), "currency": "USD", "at": self.ago(0.1, 0.2)} | values
        self.custody[number] = Custody(number, is_held, by="ann", **given)

    def _orders(self) -> None:
        reference, number = self.name(), self.number()
        self.line(number, reference, operation="create_order", monthly=None, currency=None)
        self.references[reference] = Reference(reference)
        self.row(number)

    def _hosts(self) -> None:
        number = self.number()
        self.line(number, self.name(), operation="import", is_hosted=True, monthly=None,
                  currency=None, wants={"service_plan_id": "plan-h"})  # fmt: skip
        self.row(number, source="imported", price_amount=None, price_currency=None,
                 next_charge_at=None, sms_service_plan_id="plan-h")  # fmt: skip

    def _releases(self) -> None:
        number, reference = self.number(), self.name()
        self.line(number, reference, at=self.ago(100, 200))
        self.line(number, self.name(), operation="release", does=Does.GIVES_UP, at=self.ago(1, 9))
        del self.claims[number]
        if self.rng.random() < 0.5:
            self.row(number, expire_at=NOW + timedelta(days=self.rng.uniform(8, 25)))

    # ---- to compare

    def sides(self) -> tuple[JournalSide, VendorSide]:
        """Both tables, in an order that means nothing."""
        lines, rows = list(self.lines), list(self.rows.values())
        self.rng.shuffle(lines)
        self.rng.shuffle(rows)
        journal = JournalSide(
            lines=lines, now=NOW, custody=self.custody, claims=self.claims,
            elsewhere=self.elsewhere, references=list(self.references.values()),
            orders=self.orders, linking=frozenset(self.linking), leaving=frozenset(self.leaving),
        )  # fmt: skip
        return journal, VendorSide(rows, READ_AT, NOW, addresses=self.addresses)


Expected = Iterator[tuple[Kind, str]]


def _orphan(world: World) -> Expected:
    number = world.number()
    way = world.rng.randrange(4)
    if way == 0:
        world.line(number, world.name(), stand=Stand.REFUSED)
        world.row(number)
    elif way == 1:
        world.row(number, callback_url="https://hooks.example/sinch?numberflow=abc")
    elif way == 2:
        world.line(number, world.name(), at=world.ago(100, 200))
        world.line(number, world.name(), operation="release", does=Does.GIVES_UP,
                   at=world.ago(3, 9))  # fmt: skip
        world.row(number)
    else:
        world.adopt(number, is_held=False)
        world.row(number)
    yield Kind.ORPHAN, number


def _bought_elsewhere(world: World) -> Expected:
    number = world.number()
    world.row(number, display_name="dashboard")
    yield Kind.BOUGHT_ELSEWHERE, number


def _lost_reply(world: World) -> Expected:
    number = world.number()
    line = world.line(number, world.name(), stand=Stand.UNKNOWN)
    if world.rng.random() < 0.5:
        world.row(number)
    yield Kind.LOST_REPLY, line.id


def _claimed_twice(world: World) -> Expected:
    number = world.pick()
    world.line(number, world.name(), operation="create_order")
    yield Kind.CLAIMED_TWICE, number


def _adopted_and_held(world: World) -> Expected:
    number = world.pick()
    world.adopt(number)
    yield Kind.ADOPTED_AND_HELD, number


def _two_projects(world: World) -> Expected:
    number = world.pick() if world.rng.random() < 0.5 else world.number()
    world.elsewhere[number] = "another-project"
    world.rows.get(number) or world.row(number)
    yield Kind.TWO_PROJECTS, number


def _released_elsewhere(world: World) -> Expected:
    number = world.pick()
    del world.rows[number]
    yield Kind.RELEASED_ELSEWHERE, number


def _leaving_unasked(world: World) -> Expected:
    number = world.pick()
    world.rows[number]["expire_at"] = NOW + timedelta(days=20)
    yield Kind.LEAVING_UNASKED, number


def _adopted_gone(world: World) -> Expected:
    number = world.number()
    world.adopt(number)
    yield Kind.ADOPTED_GONE, number


def _imported_gone(world: World) -> Expected:
    number = world.number()
    world.line(number, world.name(), operation="import", is_hosted=True)
    yield Kind.IMPORTED_GONE, number


def _imported_unknown(world: World) -> Expected:
    number = world.number()
    world.row(number, source="imported", price_amount=None, price_currency=None,
              next_charge_at=None)  # fmt: skip
    yield Kind.IMPORTED_UNKNOWN, number


def _claim_without_number(world: World) -> Expected:
    number = world.number()
    if world.rng.random() < 0.5:
        world.line(number, world.name(), stand=Stand.REFUSED)
    world.claims[number] = "f" * 20
    yield Kind.CLAIM_WITHOUT_NUMBER, number


def _half_done(world: World) -> Expected:
    number = world.pick()
    reference = world.holder(number).reference
    have = sum(
        line.reference == reference and line.stand is Stand.DONE and line.does is Does.GETS
        for line in world.lines
    )
    world.references[reference] = Reference(reference, have + world.rng.randint(1, 3))
    world.untouched = [
        each for each in world.untouched if world.holder(each).reference != reference
    ]
    yield Kind.HALF_DONE_PURCHASE, reference


def _stopped(world: World) -> Expected:
    reference = world.name()
    world.references[reference] = Reference(reference, 3)
    for _ in range(world.rng.randint(1, 3)):
        world.line(world.number(), reference, stand=Stand.PLANNED)
    yield Kind.STOPPED_STEPS, reference


def _unfollowed(world: World) -> Expected:
    order_id = f"order-{world.name()}"
    seen_at = NOW - timedelta(days=world.rng.uniform(1, 9))
    world.orders.append(
        Order(order_id, "number_order", world.name(), "IN_REVIEW", seen_at, "IN_REVIEW")
    )
    yield Kind.ORDER_UNFOLLOWED, order_id


def _sweep_stands_still(world: World) -> Expected:
    kind = world.rng.choice(["link", "release"])
    for _ in range(world.rng.randint(1, 4)):
        seen_at = NOW - timedelta(days=world.rng.uniform(1, 9))
        world.orders.append(Order(world.number(), kind, world.name(), "sent", seen_at))
    yield Kind.ORDER_UNFOLLOWED, f"{kind}s"


def _ended(world: World) -> Expected:
    order_id = f"order-{world.name()}"
    word = world.rng.choice(["COMPLETED", "REJECTED", "EXPIRED"])
    world.orders.append(Order(order_id, "number_order", world.name(), "IN_REVIEW",
                              NOW - timedelta(minutes=20), word, has_ended=True))  # fmt: skip
    yield Kind.ORDER_ENDED, order_id


def _moved(kind: Kind, name: str, column: str) -> Callable[[World], Expected]:
    def plant(world: World) -> Expected:
        number = world.pick()
        ours = world.ask(number, **{name: "ours"})
        assert ours.wants
        world.rows[number][column] = world.rng.choice(["theirs", None])
        yield kind, number

    return plant


def _moved_type(world: World) -> Expected:
    number = world.pick()
    world.ask(number, voice_type="FAX", voice_id="f-1")
    world.rows[number] |= {"voice_type": "EST", "voice_target_id": "f-1"}
    yield Kind.MOVED_VOICE, number


def _link_failed(world: World) -> Expected:
    number = world.pick()
    world.ask(number, service_plan_id="plan-new")
    status, target = world.rng.choice([("FAILED", "plan-new"), ("IN_PROGRESS", "theirs")])
    world.rows[number] |= {"sms_service_plan_id": None, "sms_provisioning_status": status,
                           "sms_provisioning_service_plan_id": target}  # fmt: skip
    yield Kind.MOVED_SERVICE_PLAN, number


def _address(*, given: bool) -> Callable[[World], Expected]:
    def plant(world: World) -> Expected:
        number = world.pick()
        does = Does.PUTS_ADDRESS if given else Does.TAKES_ADDRESS
        world.line(number, world.name(), operation="emergency", does=does,
                   at=world.ago(0.1, 0.15))  # fmt: skip
        world.addresses[number] = not given
        yield (Kind.ADDRESS_MISSING if given else Kind.ADDRESS_UNASKED), number

    return plant


def _price_rise(world: World) -> Expected:
    number = world.pick()
    world.rows[number]["price_amount"] *= Decimal("1.1")
    yield Kind.PRICE_RISE, number


def _currency(world: World) -> Expected:
    number = world.pick()
    world.rows[number]["price_currency"] = "EUR"
    yield Kind.CURRENCY_CHANGED, number


def _expires_soon(world: World) -> Expected:
    number = world.number()
    world.line(number, world.name(), at=world.ago(100, 200))
    world.line(number, world.name(), operation="release", does=Does.GIVES_UP, at=world.ago(1, 9))
    world.row(number, expire_at=NOW + timedelta(days=world.rng.uniform(0, 7)))
    yield Kind.EXPIRES_SOON, number


def _renewals(world: World) -> Expected:
    at = NOW + timedelta(days=world.rng.uniform(0, 3))
    world.rows[world.pick()]["next_charge_at"] = at
    yield Kind.RENEWALS, f"{at.date()} USD"


PLANTS: Mapping[str, Callable[[World], Expected]] = {
    "orphan": _orphan,
    "bought in the dashboard": _bought_elsewhere,
    "lost reply": _lost_reply,
    "claimed twice": _claimed_twice,
    "adopted and held": _adopted_and_held,
    "two projects": _two_projects,
    "released elsewhere": _released_elsewhere,
    "leaving": _leaving_unasked,
    "adopted gone": _adopted_gone,
    "imported gone": _imported_gone,
    "imported unknown": _imported_unknown,
    "claim without number": _claim_without_number,
    "half-done purchase": _half_done,
    "cancelled run": _stopped,
    "order that nobody follows": _unfollowed,
    "sweep stands still": _sweep_stands_still,
    "order ended": _ended,
    "moved plan": _moved(Kind.MOVED_SERVICE_PLAN, "service_plan_id", "sms_service_plan_id"),
    "moved campaign": _moved(Kind.MOVED_CAMPAIGN, "campaign_id", "sms_campaign_id"),
    "moved voice": _moved(Kind.MOVED_VOICE, "voice_id", "voice_target_id"),
    "moved voice type": _moved_type,
    "failed link": _link_failed,
    "callback URL": _moved(Kind.WRONG_CALLBACK_URL, "callback_url", "callback_url"),
    "display name": _moved(Kind.RENAMED, "display_name", "display_name"),
    "address missing": _address(given=True),
    "address unasked": _address(given=False),
    "price rise": _price_rise,
    "currency": _currency,
    "expires": _expires_soon,
    "renews": _renewals,
}


def planted(seed: int, count: int = 40, each_least: int = 0) -> tuple[World, set[tuple[Kind, str]]]:
    """A world with a mess in it, and the findings that it has to bring.

    `each_least`: how often each way is planted at least.
    """
    world = World(seed, count)
    expected: set[tuple[Kind, str]] = set()
    for plant in PLANTS.values():
        for _ in range(max(each_least, world.rng.randint(0, 2))):
            expected |= set(plant(world))
    return world, expected
