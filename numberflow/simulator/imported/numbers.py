"""Imported numbers: import, link, unlink, delete. No HTTP.

§9 and §12. What is shown of a link follows from the facts of its last change and the clock. Orders
hand numbers over with `adopt`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.account import Account
from numberflow.simulator.imported.steps import (
    CAMPAIGN,
    DONE,
    FAILED,
    FINAL,
    HELD_ELSEWHERE,
    PLATFORM,
    UNLINK,
    WAITING,
    Failure,
    Step,
)

PROVISIONING, DEPROVISIONING = "PROVISIONING", "DEPROVISIONING"
RESOURCE = "IMPORTED_NUMBER"


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of one link: to which plan or campaign, on or off, and its step."""

    service_id: str
    type: str
    step: Step
    created_at: datetime

    def linked(self, now: datetime) -> str:
        """The id that is really in effect."""
        reached = self.step.state(now) == DONE
        return self.service_id if reached == (self.type == PROVISIONING) else ""

    def asked(self, now: datetime) -> str:
        """The requested id, as long as it has not failed.

        A link that could not be removed is still there.
        """
        on = (self.type == PROVISIONING) == (self.step.state(now) != FAILED)
        return self.service_id if on else ""

    def running(self, now: datetime) -> bool:
        """Whether the step is unfinished."""
        return self.step.state(now) not in FINAL


@dataclass(slots=True)
class ImportedNumber:
    """One imported number."""

    phone_number: str
    region_code: str
    display_name: str
    callback_url: str
    created_at: datetime
    changed_at: datetime
    plan: Change | None = None
    campaign: Change | None = None

    def updated_at(self, now: datetime) -> datetime:
        """When it last changed."""
        changes = [change for change in (self.plan, self.campaign) if change is not None]
        return max(
            [
                self.changed_at,
                *(change.step.updated_at(now, change.created_at) for change in changes),
            ]
        )

    @property
    def toll_free(self) -> bool:
        """Whether the number is toll-free."""
        return is_toll_free(self.phone_number)


_TOLL_FREE_PREFIXES = tuple(f"+1{code}" for code in (800, 833, 844, 855, 866, 877, 888))
"""§13."""


def is_toll_free(phone_number: str) -> bool:
    """Whether a North American number is toll-free, by its prefix."""
    return phone_number.startswith(_TOLL_FREE_PREFIXES)


class ImportedNumbers:
    """All imported numbers of one project. The caller holds the world's lock."""

    def __init__(self, account: Account, is_being_hosted: Callable[[str], bool]) -> None:
        self._account = account
        self._is_being_hosted = is_being_hosted
        self._switches = account.switches
        self.all: dict[str, ImportedNumber] = {}

    def get(self, phone_number: str) -> ImportedNumber:
        """The number. Raises Problem 404."""
        self._account.settle()
        number = self.all.get(phone_number)
        if number is None:
            raise refusals.not_found("imported number")
        return number

    # Importing.

    def conflicts(self, phone_number: str) -> bool:
        """Whether the number cannot be imported: it is imported, or an order is working on it.

        Whether the order prevents it is disputed (`open_order_conflicts`).
        """
        return phone_number in self.all or (
            self._switches.open_order_conflicts and self._is_being_hosted(phone_number)
        )

    def add(
        self,
        phone_number: str,
        region_code: str,
        display_name: str,
        links: tuple[str, str],
        callback_url: str,
        request: int | None,
    ) -> ImportedNumber:
        """Imports one number and starts linking it to plan and campaign. Raises Problem 409."""
        now = self._account.settle()
        if self.conflicts(phone_number):
            raise refusals.already_exists()
        number = ImportedNumber(phone_number, region_code, display_name, callback_url, now, now)
        self.all[phone_number] = number
        self._account.charge("import", phone_number, self._switches.imported_number_cost, request)
        plan, campaign = links
        self._link_plan(number, plan, now)
        self._link_campaign(number, campaign, now)
        return number

    def adopt(
        self,
        phone_number: str,
        region_code: str,
        display_name: str,
        callback_url: str,
        plan: Change,
    ) -> ImportedNumber:
        """Takes over a number that an order has linked to its plan; the order sends the events."""
        now = plan.step.ends_at
        number = ImportedNumber(
            phone_number, region_code, display_name, callback_url, now, now, plan
        )
        self.all[phone_number] = number
        return number

    # -- changing

    def update(
        self,
        number: ImportedNumber,
        display_name: str | None,
        plan: str | None,
        campaign: str | None,
        callback_url: str | None,
    ) -> None:
        """Changes what is given: None is not, an empty id unlinks.

        Raises Problem 400 without having changed anything.
        """
        now = self._account.settle()
        if plan == "" and campaign is None:
            # Unlinking the plan also unlinks the campaign (assumed, §9).
            campaign = ""
        plan_step = self._plan_change(number.plan, plan, "service plan", now)
        campaign_step = self._plan_change(number.campaign, campaign, "campaign", now)
        plan_then = self.target(number.plan, now) if plan is None else plan
        campaign_then = self.target(number.campaign, now) if campaign is None else campaign
        if campaign_then and not plan_then:
            raise refusals.precondition("a campaign needs a service plan")
        if display_name is not None:
            number.display_name = display_name
        if callback_url is not None:
            number.callback_url = callback_url
        number.changed_at = now
        if campaign_step and not campaign:
            self._unlink_campaign(number, now)
        if plan_step and not plan:
            self._unlink_plan(number, now)
        if plan_step and plan:
            self._link_plan(number, plan, now)
        if campaign_step and campaign:
            self._link_campaign(number, campaign, now)

    def target(self, change: Change | None, now: datetime) -> str:
        """The id that a link is on, or on its way to."""
        if change is None:
            return ""
        if change.type == DEPROVISIONING:
            return change.linked(now) if change.step.state(now) == FAILED else ""
        return change.asked(now)

    def _plan_change(
        self, change: Change | None, asked: str | None, what: str, now: datetime
    ) -> bool:
        """Whether a step is needed to get the requested id.

        Raises Problem 400 for a link over a link (§9).
        """
        if asked is None:
            return False
        current = self.target(change, now)
        if asked == current:
            # This includes an unlink of what is being unlinked.
            return False
        if asked and change is not None and change.type == DEPROVISIONING and change.running(now):
            raise refusals.precondition(f"the {what} is still being unlinked")
        if asked and current:
            raise refusals.precondition(f"unlink the {what} {current} before linking {asked}")
        return True

    def _link_plan(self, number: ImportedNumber, plan: str, now: datetime) -> None:
        ends_at = now + timedelta(seconds=self._switches.imported_platform_s)
        failure = self._account.failure(number.phone_number, PLATFORM)
        self._start(number, "plan", Change(plan, PROVISIONING, Step(now, ends_at, failure), now))

    def _unlink_plan(self, number: ImportedNumber, now: datetime) -> None:
        assert number.plan is not None
        step = self._unlink_step(number, now)
        self._start(number, "plan", Change(number.plan.service_id, DEPROVISIONING, step, now))

    def _unlink_step(self, number: ImportedNumber, now: datetime) -> Step:
        ends_at = now + timedelta(seconds=self._switches.imported_unlink_s)
        return Step(now, ends_at, self._account.failure(number.phone_number, UNLINK))

    def _link_campaign(self, number: ImportedNumber, campaign: str, now: datetime) -> None:
        if not campaign or number.region_code == "CA":
            # 10DLC is a US scheme; a Canadian number's campaign is ignored (assumed, §18).
            return
        assert number.plan is not None
        starts_at = max(now, number.plan.step.ends_at)
        ends_at = starts_at + timedelta(seconds=self._switches.imported_campaign_s)
        failure = self._account.failure(number.phone_number, CAMPAIGN)
        change = Change(campaign, PROVISIONING, Step(starts_at, ends_at, failure), now)
        number.campaign = change
        # Scheduled after the end of the plan's step, which may be at the same moment.
        self._account.at(starts_at, lambda at: self._check_campaign(number, change, at))

    def _unlink_campaign(self, number: ImportedNumber, now: datetime) -> None:
        assert number.campaign is not None
        step = self._unlink_step(number, now)
        self._start(
            number, "campaign", Change(number.campaign.service_id, DEPROVISIONING, step, now)
        )

    def _start(self, number: ImportedNumber, link: str, change: Change) -> None:
        setattr(number, link, change)
        self._account.at(
            change.step.ends_at, lambda at: self._ended(number, link, change.created_at, at)
        )

    def _check_campaign(self, number: ImportedNumber, change: Change, at: datetime) -> None:
        if number.campaign is not change:
            return
        if number.plan is None or not number.plan.linked(at):
            # Without a plan the step never runs, and sends no event (§12).
            number.campaign = None
            return
        refused = self.campaign_refusal(number.phone_number, change.service_id)
        step = Step(at, at, refused) if refused is not None else change.step
        self._start(number, "campaign", replace(change, step=step))

    def _ended(self, number: ImportedNumber, link: str, created_at: datetime, at: datetime) -> None:
        change: Change | None = getattr(number, link)
        if (
            self.all.get(number.phone_number) is not number
            or change is None
            or change.created_at != created_at
        ):
            return
        if change.running(at):
            return
        names = {
            ("plan", PROVISIONING): "PROVISIONING_TO_SMS_PLATFORM",
            ("plan", DEPROVISIONING): "DEPROVISIONING_TO_SMS_PLATFORM",
            ("campaign", PROVISIONING): "LINK_TO_10DLC_CAMPAIGN",
            ("campaign", DEPROVISIONING): "UNLINK_TO_10DLC_CAMPAIGN",
        }
        failure = change.step.failure
        # Events about the service plan never carry a code (§12).
        code = failure.code if failure is not None and link == "campaign" else None
        self._account.tell(
            RESOURCE,
            number.phone_number,
            number.callback_url,
            names[link, change.type],
            failure is None,
            at,
            code,
        )

    def fail(self, phone_number: str, step: str, failure: Failure | None) -> None:
        """Makes an unfinished step of this number fail, or not fail."""
        number = self.all.get(phone_number)
        link = {PLATFORM: "plan", CAMPAIGN: "campaign"}.get(step)
        if number is None or link is None:
            return
        change: Change | None = getattr(number, link)
        if (
            change is not None
            and change.type == PROVISIONING
            and change.running(self._account.settle())
        ):
            changed = replace(change, step=replace(change.step, failure=failure))
            if link == "campaign" and change.step.state(self._account.settle()) == WAITING:
                number.campaign = changed
                self._account.at(
                    change.step.starts_at, lambda at: self._check_campaign(number, changed, at)
                )
            else:
                setattr(number, link, changed)

    # -- leaving

    def delete(self, number: ImportedNumber) -> None:
        """Removes the number; a DELETE event goes to its last address.

        Raises Problem 400 while an order works on it.
        """
        now = self._account.settle()
        if self._is_being_hosted(number.phone_number):
            raise refusals.precondition("the number is being hosted")
        del self.all[number.phone_number]
        self._account.tell(RESOURCE, number.phone_number, number.callback_url, "DELETE", True, now)

    def campaign_refusal(self, phone_number: str, campaign_id: str) -> Failure | None:
        """Why a campaign link fails at its start: toll-free, no credit, campaign full (§7, §12).

        Otherwise charges the link.
        """
        now = self._account.settle()
        cost, ledger = Decimal(self._switches.campaign_link_cost), self._account.ledger
        if is_toll_free(phone_number):
            return Failure("TFN_NOT_ALLOWED")
        if ledger.balance is not None and (ledger.balance <= 0 or not ledger.affords(cost)):
            return Failure("INSUFFICIENT_BALANCE")
        if self.on_campaign(campaign_id, now) >= self._switches.campaign_numbers_max:
            return Failure("EXCEEDED_10DLC_LIMIT")
        if cost:
            self._account.charge(
                "campaign_link", phone_number, self._switches.campaign_link_cost, None
            )
        return None

    def on_campaign(self, campaign_id: str, now: datetime) -> int:
        """How many numbers are linked to a campaign."""
        return sum(
            1
            for number in self.all.values()
            if number.campaign is not None
            and number.campaign.service_id == campaign_id
            and number.campaign.linked(now)
        )

    def needs_move(self, number: ImportedNumber, now: datetime) -> bool:
        """Whether linking failed because T-Mobile has the number elsewhere.

        Reads show it as migrateToSinchTmo, §10.
        """
        change = number.campaign
        failure = (
            None if change is None or change.step.state(now) != FAILED else change.step.failure
        )
        return failure is not None and failure.carrier_code == HELD_ELSEWHERE
