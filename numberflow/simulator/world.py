"""The simulated world of one project: stock, held numbers, prices, what time does. No HTTP.

Rules of renting, releasing, renewal and expiry are here (docs/vendor/numbers-behaviour.md §5, §8,
§13); those of linking in linking.py. Not here: reading a request, writing a reply, and
misbehaviour, except for the lag of reads, which needs the state before a change. A refusal raises
problems.Problem and has changed nothing.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from numberflow.simulator import problems
from numberflow.simulator.clock import Clock
from numberflow.simulator.emergency import EmergencyAddresses
from numberflow.simulator.holdings import HeldNumber, Holdings, seeded_numbers
from numberflow.simulator.imported.service import ImportedService
from numberflow.simulator.lag import Commit, LagSpec, Shadows
from numberflow.simulator.link_targets import LinkTargets
from numberflow.simulator.linking import Linking, refusal
from numberflow.simulator.news import News
from numberflow.simulator.orders import Orders
from numberflow.simulator.project import Project
from numberflow.simulator.provisioning import Event, SmsLink, farewell_events
from numberflow.simulator.settings import SimulatorSettings
from numberflow.simulator.stock import (
    CURRENCY,
    OFFERS,
    Kind,
    Shelf,
    StockNumber,
    pick_numbers,
    seeded_run,
    stock_number,
)
from numberflow.simulator.switches import Switches
from numberflow.simulator.wanted import Wanted
from numberflow.simulator.wire import active_number

_RENEWAL_RETRY = timedelta(days=1)
"""Without credit for a renewal the number stays until the next try (*assumed*, §13)."""

RUN_LENGTH = 30
"""Consecutive numbers of every kind on the shelf.

A random sample of millions has no two neighbours.
"""
_SHELF_WITH_RUN = 100
"""A shelf that is set to be smaller than this stays that small."""


@lru_cache(maxsize=64)
def _at_list_price(kind: Kind, phone_numbers: tuple[str, ...]) -> tuple[StockNumber, ...]:
    """What a shelf begins with: these numbers and a run.

    Kept, because a test run makes thousands of worlds with the same few shelves.
    """
    run = seeded_run(kind, RUN_LENGTH if len(phone_numbers) >= _SHELF_WITH_RUN else 0)
    return tuple(stock_number(kind, each) for each in sorted({*phone_numbers, *run}))


class World(Project):
    """State and rules of one project.

    Every method may be called from any thread; `settle` runs first in each.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock, switches: Switches) -> None:
        super().__init__(settings, clock, switches)
        self.hmac_secret = ""
        self.shadows = Shadows()
        self.pictures: defaultdict[str, Shadows] = defaultdict(Shadows, number=self.shadows)
        self.linking = Linking(switches, self.rng, self.at, self._tell)
        held, shelves = seeded_numbers(
            settings.seed, settings.active, clock.now(), settings.stock_us_local
        )
        self.holdings = Holdings(held)
        self.shelf = Shelf(
            number
            for kind, phone_numbers in shelves.items()
            for number in _at_list_price(kind, tuple(phone_numbers))
            if self.holdings.get(number.phone_number) is None
        )
        self.orders = Orders(self, self.shelf, self.activate)
        self.emergency = EmergencyAddresses(switches, self.held)
        self.imported = ImportedService(self)
        self.link_targets = LinkTargets(settings.seed)
        self._list_prices: dict[Kind, tuple[Decimal, Decimal, str]] = {
            kind: (offer.setup, offer.monthly, CURRENCY) for kind, offer in OFFERS.items()
        }
        for number in held:
            self._expect_charge(number)

    # -- time

    def _expect_charge(self, number: HeldNumber) -> None:
        self.at(number.next_charge_at, lambda at: self._charge_date(number, at))

    def _charge_date(self, number: HeldNumber, at: datetime) -> None:
        if self.holdings.get(number.phone_number) is not number:
            return
        if number.expire_at is not None:
            self._expire(number, at)
            return
        # The price is that of a whole interval, not of a month of it (§13).
        if not self.ledger.affords(number.monthly):
            self.at(at + _RENEWAL_RETRY, lambda later: self._charge_date(number, later))
            return
        self.ledger.renew(at, number.phone_number, number.currency, number.monthly)
        number.periods += 1
        self._expect_charge(number)

    def _expire(self, number: HeldNumber, at: datetime) -> None:
        sms, voice = self.linking.in_effect(number, at)
        self.holdings.remove(number.phone_number)
        self.emergency.forget(number.phone_number)
        self._tell(number, farewell_events(sms, voice), at)
        delay = timedelta(seconds=self.switches.return_to_stock_after_s)
        self.at(
            at + delay, lambda _: self.shelf.add(self._priced(number.kind, number.phone_number))
        )

    def _priced(self, kind: Kind, phone_number: str) -> StockNumber:
        fresh = stock_number(kind, phone_number)
        setup, monthly, currency = self._list_prices[kind]
        return StockNumber(phone_number, *kind, fresh.capability, setup, monthly, currency)

    # -- buying

    def rent(
        self, phone_number: str, wanted: Wanted, request: int | None = None
    ) -> tuple[HeldNumber, Commit]:
        """Rents one number and charges it at once. Not idempotent: a second call finds it gone.

        Raises Problem: 403 trial account, 404 not for sale, 400 outside US LOCAL, 400/402 no
        credit.
        """
        with self.lock:
            now = self.settle()
            if self.trial:
                raise problems.trial_account()
            offered = self.shelf.get(phone_number)
            if offered is None:
                raise problems.available_number_not_found(phone_number)
            self._only_us_local(offered)
            return self._buy(offered, wanted, "rent", request, now)

    def rent_any(
        self,
        kind: Kind,
        fits: Callable[[StockNumber], bool],
        wanted: Wanted,
        request: int | None = None,
    ) -> tuple[HeldNumber, Commit]:
        """Rents some matching number of a kind.

        Raises Problem like `rent`; 404 with an empty name if none matches.
        """
        with self.lock:
            now = self.settle()
            if self.trial:
                raise problems.trial_account()
            fitting = [number for number in self.shelf.of_kind(kind) if fits(number)]
            if not fitting:
                raise problems.available_number_not_found("")
            return self._buy(self.rng.choice(fitting), wanted, "rentAny", request, now)

    def _only_us_local(self, offered: StockNumber) -> None:
        if offered.kind == ("US", "LOCAL") or self.switches.legacy_rent_everywhere:
            return
        field, value = (
            ("region_code", offered.region_code)
            if offered.region_code != "US"
            else ("type", offered.number_type)
        )
        raise refusal(
            self.switches, field, f"{value} numbers cannot be rented directly, use a number order"
        )

    def _buy(
        self, offered: StockNumber, wanted: Wanted, cause: str, request: int | None, now: datetime
    ) -> tuple[HeldNumber, Commit]:
        if not self.ledger.affords(offered.setup + offered.monthly):
            raise problems.insufficient_balance(
                payment_required=self.switches.insufficient_balance_402
            )
        commit = Commit(offered.phone_number, None, offered)
        self.shelf.take(offered.phone_number)
        self.ledger.rent(now, offered, cause, request)
        return self.activate(offered, wanted, now), commit

    def activate(self, offered: StockNumber, wanted: Wanted, now: datetime) -> HeldNumber:
        """Makes a number that was taken from the shelf an active one and starts its links.

        The caller charges it.
        """
        number = HeldNumber(
            offered.phone_number,
            *offered.kind,
            offered.capability,
            offered.monthly,
            offered.currency,
            now,
            callback_url=wanted.callback_url or "",
        )
        self.holdings.add(number)
        self._expect_charge(number)
        if wanted.service_plan_id:
            self.linking.start_sms(
                number, SmsLink(wanted.service_plan_id, wanted.campaign_id or ""), now
            )
        if wanted.voice is not None and wanted.voice.id:
            self.linking.start_voice(number, wanted.voice, now)
        return number

    # -- changing and leaving

    def held(self, phone_number: str) -> HeldNumber:
        """The real state of the number. Raises Problem 404."""
        with self.lock:
            self.settle()
            number = self.holdings.get(phone_number)
            if number is None:
                raise problems.active_number_not_found(phone_number)
            return number

    def update(self, phone_number: str, wanted: Wanted) -> tuple[HeldNumber, Commit]:
        """Changes what is given. Links continue in the background.

        Raises Problem: 404, 400 relink without unlink, 409 by switch.
        """
        with self.lock:
            now = self.settle()
            number = self.held(phone_number)
            sms, voice = self.linking.in_effect(number, now)
            sms_target = SmsLink(
                sms.service_plan_id if wanted.service_plan_id is None else wanted.service_plan_id,
                sms.campaign_id if wanted.campaign_id is None else wanted.campaign_id,
            )
            touches_sms = wanted.service_plan_id is not None or wanted.campaign_id is not None
            start_sms = touches_sms and self.linking.may_link_sms(number, sms, sms_target, now)
            start_voice = wanted.voice is not None and self.linking.may_link_voice(
                number, voice, wanted.voice, now
            )
            commit = Commit(phone_number, active_number(number, self.project_id, now), None)
            if wanted.display_name is not None and wanted.display_name != number.display_name:
                number.display_name = wanted.display_name
                self.holdings.version += 1
            if wanted.callback_url is not None:
                number.callback_url = wanted.callback_url
            if touches_sms and start_sms:
                self.linking.start_sms(number, sms_target, now)
            if wanted.voice is not None and start_voice:
                self.linking.start_voice(number, wanted.voice, now)
            return number, commit

    def release(self, phone_number: str) -> tuple[HeldNumber, Commit | None]:
        """Ends the rental at the next charge date; a waiting link is dropped. No refund.

        Raises Problem 404. The commit is None when the number was already leaving.
        """
        with self.lock:
            now = self.settle()
            number = self.held(phone_number)
            if number.expire_at is not None:
                if self.switches.second_release == "not_found":
                    raise problems.active_number_not_found(phone_number)
                if self.switches.second_release == "refused":
                    raise refusal(
                        self.switches, "phone_number", f"{phone_number} is already released"
                    )
                return number, None
            commit = Commit(phone_number, active_number(number, self.project_id, now), None)
            number.sms, number.voice = self.linking.in_effect(number, now)
            number.sms_job = number.voice_job = None
            number.expire_at = number.next_charge_at
            self.at(number.expire_at, lambda at: self._charge_date(number, at))
            return number, commit

    def _tell(self, number: HeldNumber, events: Iterable[Event], at: datetime) -> None:
        for event in events:
            self.tell(News(number.phone_number, number.callback_url, event, at))

    # -- what others do

    def rival_takes(self, phone_number: str) -> bool:
        """Another buyer takes a number from the shelf. False if it was not for sale."""
        with self.lock:
            return self.shelf.take(phone_number) is not None

    def reprice(
        self,
        phone_numbers: Iterable[str],
        change: Callable[[StockNumber], tuple[Decimal, Decimal, str]],
    ) -> int:
        """Changes the price of numbers for sale; `change` returns setup, monthly, currency.

        Returns how many prices it changed.
        """
        with self.lock:
            offered = [
                number for number in map(self.shelf.get, list(phone_numbers)) if number is not None
            ]
            for number in offered:
                self.shelf.reprice(number.phone_number, *change(number))
            return len(offered)

    def reprice_kind(
        self, kind: Kind, change: Callable[[StockNumber], tuple[Decimal, Decimal, str]]
    ) -> int:
        """Changes the price of a whole kind, also of numbers that return to the shelf later."""
        with self.lock:
            setup, monthly, currency = self._list_prices[kind]
            phone_number = OFFERS[kind].blocks[0].number(0)
            self._list_prices[kind] = change(
                StockNumber(phone_number, *kind, (), setup, monthly, currency)
            )
            return self.reprice(
                [number.phone_number for number in self.shelf.of_kind(kind)], change
            )

    def cast_shadow(self, commit: Commit, spec: LagSpec) -> None:
        """Makes reads lag behind this commit."""
        with self.lock:
            self.pictures[commit.noun].cast(commit, spec, self.clock.now())

    def add_held(self, count: int) -> list[str]:
        """Gives the project more US LOCAL numbers, uncharged, as if rented a while ago.

        Returns their phone numbers.
        """
        with self.lock:
            now = self.settle()
            rng = random.Random(f"more-{self.seed}-{next(self._serial)}")
            added: list[str] = []
            while len(added) < count:
                for phone_number in pick_numbers(rng, ("US", "LOCAL"), count - len(added)):
                    taken = self.shelf.get(phone_number) or self.holdings.get(phone_number)
                    if taken is not None or self.orders.reserves(phone_number):
                        continue
                    fresh = stock_number(("US", "LOCAL"), phone_number)
                    rented_at = now - timedelta(
                        days=rng.randrange(1, 28), microseconds=rng.randrange(1_000_000)
                    )
                    number = HeldNumber(
                        phone_number,
                        *fresh.kind,
                        fresh.capability,
                        fresh.monthly,
                        fresh.currency,
                        rented_at,
                    )
                    self.holdings.add(number)
                    self._expect_charge(number)
                    added.append(phone_number)
            return added

    def facts(self) -> dict[str, Any]:
        """Counts for the control surface."""
        with self.lock:
            self.settle()
            return {
                "held": len(self.holdings),
                "for_sale": self.shelf.counts(),
                "orders": len(list(self.orders)),
                "rentals": self.ledger.rentals(),
                "trial": self.trial,
                "balance": None if self.ledger.balance is None else str(self.ledger.balance),
            }
