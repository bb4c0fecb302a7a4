"""Hosting orders: import and text-enable orders, their letters, their numbers' steps. No HTTP.

§4, §5, §16. order.py has the facts of one order and what follows from them. Nothing cancels or
corrects an order. qualification.py decides whether a number is qualified.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from numberflow.simulator.ids import ulid_like
from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.account import Account
from numberflow.simulator.imported.numbers import PROVISIONING, Change, ImportedNumbers
from numberflow.simulator.imported.order import (
    DEFAULT_NNID,
    IMPORT,
    OPEN_STATES,
    TEXT_ENABLE,
    WAITING_FOR_LOA_SIGNATURE,
    HostedNumber,
    HostingOrder,
    Wanted,
)
from numberflow.simulator.imported.qualification import QualifiedNumbers
from numberflow.simulator.imported.steps import (
    CAMPAIGN,
    FOREVER,
    IN_PROGRESS,
    OSR,
    PLATFORM,
    Durations,
    Failure,
    Step,
)

RESOURCE = "HOSTING_ORDER_NUMBER"
_EVENTS = {
    OSR: "OSR_UPDATE",
    PLATFORM: "PROVISIONING_TO_SMS_PLATFORM",
    CAMPAIGN: "LINK_TO_10DLC_CAMPAIGN",
}


class HostingOrders:
    """All hosting orders of one project. The caller holds the world's lock."""

    def __init__(
        self, account: Account, numbers: ImportedNumbers, qualified: QualifiedNumbers
    ) -> None:
        self._account = account
        self._numbers = numbers
        self._qualified = qualified
        self._switches = account.switches
        self.all: dict[str, HostingOrder] = {}

    def __iter__(self) -> Iterator[HostingOrder]:
        return iter(list(self.all.values()))

    def get(self, order_id: str) -> HostingOrder:
        """The order. Raises Problem 404."""
        self._account.settle()
        order = self.all.get(order_id)
        if order is None:
            raise refusals.not_found("hosting order")
        return order

    def open_order_of(self, phone_number: str) -> HostingOrder | None:
        """The order that is working on a number."""
        now = self._account.settle()
        for order in self.all.values():
            hosted = order.numbers.get(phone_number)
            if hosted is not None and order.outcome(hosted, now) == IN_PROGRESS:
                return order
        return None

    # -- creating

    def import_numbers(self, wanted: Wanted, request: int | None) -> HostingOrder:
        """Opens an import order. Raises Problem 409 if a number is imported or on its way."""
        for phone_number in wanted.phone_numbers:
            if self._numbers.conflicts(phone_number):
                raise refusals.already_exists()
        return self._open(wanted, "import", request)

    def text_enable(self, wanted: Wanted, request: int | None) -> HostingOrder:
        """Opens a text-enable order.

        Raises Problem: 404 not qualified, 409 imported, 400 not ready, or no blanket letter agreed.
        """
        now = self._account.settle()
        if not wanted.loa_type and not self._switches.blanket_loa:
            raise refusals.precondition("there is no blanket LOA for this account")
        for phone_number in wanted.phone_numbers:
            self._qualified.get(phone_number)
            if phone_number in self._numbers.all:
                raise refusals.already_exists()
        ready = [
            self._qualified.must_be_ready(phone_number) for phone_number in wanted.phone_numbers
        ]
        order = self._open(wanted, "hosting", request)
        for number in ready:
            # The proof stays valid: a number whose hosting failed may be text-enabled again.
            number.passed_at = number.passed_at or number.proven_at(now)
            number.hosting = (order, order.numbers[number.phone_number])
        return order

    def _open(self, wanted: Wanted, cause: str, request: int | None) -> HostingOrder:
        now = self._account.settle()
        switches = self._switches
        leaves_at = now + timedelta(seconds=switches.hosting_submitted_s)
        expires_at = leaves_at + timedelta(seconds=switches.loa_life_s) if wanted.loa_type else None
        durations = Durations(
            switches.hosting_osr_s,
            switches.imported_platform_s,
            switches.imported_campaign_s,
            switches.toll_free_osr_business_days if wanted.toll_free else None,
        )
        numbers = {
            one: HostedNumber(one, self._failures(one, wanted)) for one in wanted.phone_numbers
        }
        order = HostingOrder(
            ulid_like(self._account.rng),
            wanted,
            now,
            leaves_at,
            expires_at,
            durations,
            numbers,
            request,
        )
        self.all[order.order_id] = order
        for hosted in numbers.values():
            self._account.charge(cause, hosted.phone_number, switches.imported_number_cost, request)
            self._come_back(order, hosted, leaves_at)
        return order

    def _failures(self, phone_number: str, wanted: Wanted) -> dict[str, Failure]:
        if wanted.migrate:
            # The order moves the number from the other aggregator (§10).
            self._account.held_elsewhere.discard(phone_number)
        failures = {step: self._account.failure(phone_number, step) for step in _EVENTS}
        if wanted.nnid not in ("", DEFAULT_NNID) and wanted.nnid not in self._account.allowed_nnids:
            failures[OSR] = Failure("INVALID_NNID")
        return {step: failure for step, failure in failures.items() if failure is not None}

    # -- what time brings

    def _follow(self, order: HostingOrder, hosted: HostedNumber, at: datetime) -> None:
        """Does what is due for one number, and schedules itself for the next step.

        May be called at any time, and again.
        """
        while not hosted.finished and not hosted.is_parked:
            steps = list(order.steps(hosted, at).items())
            if len(steps) <= hosted.told:
                return None
            name, step = steps[hosted.told]
            if name == CAMPAIGN and not hosted.campaign_checked:
                if at < step.starts_at:
                    return self._come_back(order, hosted, step.starts_at)
                self._check_campaign(order, hosted, step)
                continue
            if at < step.ends_at:
                return self._come_back(order, hosted, step.ends_at)
            hosted.told += 1
            self._ended(order, hosted, name, step)
            if step.failure is not None or hosted.told == len(order.needed):
                hosted.finished = True
                self._finished(order, hosted, step)
        return None

    def _come_back(self, order: HostingOrder, hosted: HostedNumber, moment: datetime) -> None:
        self._account.at(moment, lambda at: self._follow(order, hosted, at))

    def _check_campaign(self, order: HostingOrder, hosted: HostedNumber, step: Step) -> None:
        hosted.campaign_checked = True
        if CAMPAIGN not in hosted.failures:
            refused = self._numbers.campaign_refusal(hosted.phone_number, order.wanted.campaign_id)
            if refused is not None:
                hosted.failures[CAMPAIGN] = refused
        number = self._numbers.all.get(hosted.phone_number)
        if number is not None and order.wanted.kind == IMPORT:
            # The order decides when it ends, since staff may park the number.
            endless = Step(step.starts_at, FOREVER)
            number.campaign = Change(
                order.wanted.campaign_id, PROVISIONING, endless, step.starts_at
            )

    def _ended(self, order: HostingOrder, hosted: HostedNumber, name: str, step: Step) -> None:
        failure = step.failure
        code = failure.code if failure is not None and name != PLATFORM else None
        self._tell(order, hosted, _EVENTS[name], failure is None, step.ends_at, code)
        wanted, numbers = order.wanted, self._numbers
        if wanted.kind == IMPORT and name == PLATFORM and failure is None:
            numbers.adopt(
                hosted.phone_number,
                wanted.region_code,
                wanted.display_name,
                wanted.callback_url,
                Change(wanted.service_plan_id, PROVISIONING, step, step.starts_at),
            )
        number = numbers.all.get(hosted.phone_number)
        if name == CAMPAIGN and number is not None:
            number.campaign = Change(wanted.campaign_id, PROVISIONING, step, step.starts_at)

    def _finished(self, order: HostingOrder, hosted: HostedNumber, step: Step) -> None:
        failure = step.failure
        self._tell(
            order,
            hosted,
            "HOSTING_PROCESS",
            failure is None,
            step.ends_at,
            failure.code if failure else None,
        )
        wanted = order.wanted
        if wanted.kind == TEXT_ENABLE and failure is None:
            steps = order.steps(hosted, step.ends_at)
            plan = Change(
                wanted.service_plan_id, PROVISIONING, steps[PLATFORM], steps[PLATFORM].starts_at
            )
            number = self._numbers.adopt(
                hosted.phone_number,
                wanted.region_code,
                wanted.display_name,
                wanted.callback_url,
                plan,
            )
            number.created_at = number.changed_at = step.ends_at
            if CAMPAIGN in steps:
                number.campaign = Change(
                    wanted.campaign_id, PROVISIONING, steps[CAMPAIGN], steps[CAMPAIGN].starts_at
                )

    def _tell(
        self,
        order: HostingOrder,
        hosted: HostedNumber,
        event: str,
        succeeded: bool,
        at: datetime,
        code: str | None,
    ) -> None:
        by_order = self._switches.hosting_event_resource == "order"
        resource_id = order.order_id if by_order else hosted.phone_number
        self._account.tell(
            RESOURCE, resource_id, order.wanted.callback_url, event, succeeded, at, code
        )

    # -- what people do

    def sign(self, order: HostingOrder, after_s: float) -> None:
        """The authorised person signs the letter.

        Raises ValueError if no letter waits for a signature.
        """
        now = self._must_wait(order)
        # Takes effect only at that time: the letter may have expired or been declined by then.
        self._account.at(now + timedelta(seconds=after_s), lambda at: self._signed(order, at))
        self._account.settle()

    def _signed(self, order: HostingOrder, at: datetime) -> None:
        if order.state(at) != WAITING_FOR_LOA_SIGNATURE:
            return
        order.signed_at = at
        for hosted in order.numbers.values():
            self._follow(order, hosted, at)

    def refuse(self, order: HostingOrder, after_s: float, *, signer: bool) -> None:
        """The signer declines, or the vendor rejects the order as a whole.

        Raises ValueError if it is too late.
        """
        now = self._account.settle()
        if signer:
            self._must_wait(order)
        elif order.state(now) not in OPEN_STATES:
            raise ValueError(f"hosting_order_id: the order is {order.state(now)}")
        while_in = (WAITING_FOR_LOA_SIGNATURE,) if signer else OPEN_STATES
        self._account.at(
            now + timedelta(seconds=after_s), lambda at: self._refused(order, while_in, at)
        )
        self._account.settle()

    def _refused(self, order: HostingOrder, while_in: tuple[str, ...], at: datetime) -> None:
        if order.state(at) in while_in:
            order.refused_at = at

    def _must_wait(self, order: HostingOrder) -> datetime:
        now = self._account.settle()
        if order.state(now) != WAITING_FOR_LOA_SIGNATURE:
            raise ValueError(
                f"hosting_order_id: the order is {order.state(now)}, no letter waits for a "
                "signature"
            )
        return now

    def park(self, phone_number: str, *, value: bool) -> None:
        """Staff take a number of an open order aside, or give it back.

        Raises ValueError if there is none.
        """
        now = self._account.settle()
        order = self.open_order_of(phone_number)
        if order is None:
            raise ValueError(f"phone_number: no open order works on {phone_number}")
        hosted = order.numbers[phone_number]
        if value and not hosted.is_parked:
            hosted.parked.append((now, None))
        elif not value and hosted.is_parked:
            hosted.parked[-1] = (hosted.parked[-1][0], now)
            self._follow(order, hosted, now)

    def fail(self, phone_number: str, step: str, failure: Failure | None) -> None:
        """Makes an unfinished step fail, or not fail."""
        order = self.open_order_of(phone_number)
        if order is None:
            return
        hosted = order.numbers[phone_number]
        if list(order.needed)[: hosted.told].count(step):
            return
        if failure is None:
            hosted.failures.pop(step, None)
        else:
            hosted.failures[step] = failure
        self._follow(order, hosted, self._account.settle())
