"""The imported-numbers API as a whole.

Its three nouns, what staff and carriers know, its secret, and its part of money and news.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from numberflow.simulator.imported.hosting import HostingOrders
from numberflow.simulator.imported.numbers import (
    PROVISIONING,
    Change,
    ImportedNumbers,
    is_toll_free,
)
from numberflow.simulator.imported.qualification import QualifiedNumbers
from numberflow.simulator.imported.steps import CAMPAIGN, HELD_ELSEWHERE, Failure, Step
from numberflow.simulator.news import News
from numberflow.simulator.provisioning import Event
from numberflow.simulator.stock import CURRENCY

if TYPE_CHECKING:
    from numberflow.simulator.world import World

UNKNOWN_PLAN = "nosuchplan"
"""Of the vendor's sample. All other plans exist, unless a script says otherwise."""


class ImportedService:
    """State of the imported-numbers API of one world. The caller holds the world's lock.

    Attributes:
        failures: scripted outcomes of steps, by phone number and step.
        held_elsewhere: numbers that T-Mobile has under another aggregator (§10).
        not_eligible: numbers that fail the eligibility check, with the reason.
        unknown_plans: service plans that do not exist.
        allowed_nnids: NNIDs other than the default that the account may use.
        hmac_secret: signing secret, separate from the Numbers API's (§12).
    """

    def __init__(
        self, world: "World", schedule: Callable[[datetime, Callable[[datetime], None]], None]
    ) -> None:
        self._world = world
        self.at = schedule
        self.switches = world.switches
        self.rng = world.rng
        self.failures: dict[tuple[str, str], Failure] = {}
        self.held_elsewhere: set[str] = set()
        self.not_eligible: dict[str, str] = {}
        self.unknown_plans = {UNKNOWN_PLAN}
        self.allowed_nnids: set[str] = set()
        self.hmac_secret = ""
        self.numbers = ImportedNumbers(self)
        self.hosting = HostingOrders(self)
        self.qualified = QualifiedNumbers(self)

    def settle(self) -> datetime:
        """Lets everything happen that is due, and says what time it is."""
        return self._world.settle()

    def failure(self, phone_number: str, step: str) -> Failure | None:
        """What the step of this number is going to fail with."""
        if step == CAMPAIGN and phone_number in self.held_elsewhere:
            return Failure("MNO_SHARING_ERROR", HELD_ELSEWHERE)
        return self.failures.get((phone_number, step))

    def campaign_refusal(self, phone_number: str, campaign_id: str) -> Failure | None:
        """Why linking to a campaign fails at its start.

        Toll-free, no credit, campaign full (§7, §12). Else charges the link.
        """
        now = self.settle()
        cost, ledger = Decimal(self.switches.campaign_link_cost), self._world.ledger
        if is_toll_free(phone_number):
            return Failure("TFN_NOT_ALLOWED")
        if ledger.balance is not None and (ledger.balance <= 0 or not ledger.affords(cost)):
            return Failure("INSUFFICIENT_BALANCE")
        if self.numbers.on_campaign(campaign_id, now) >= self.switches.campaign_numbers_max:
            return Failure("EXCEEDED_10DLC_LIMIT")
        if cost:
            self.charge("campaign_link", phone_number, self.switches.campaign_link_cost, None)
        return None

    def charge(self, kind: str, phone_number: str, amount: str, request: int | None) -> None:
        """Writes down what something costs, even when it costs nothing.

        The ledger shows what was done how often.
        """
        self._world.ledger.charge(
            self.settle(), phone_number, kind, CURRENCY, Decimal(amount), kind, request
        )

    def tell(
        self,
        resource_type: str,
        resource_id: str,
        callback_url: str,
        event_type: str,
        succeeded: bool,
        at: datetime,
        code: str | None = None,
    ) -> None:
        """Passes an event on."""
        event = Event(
            event_type, "SUCCEEDED" if succeeded else "FAILED", None if succeeded else code
        )
        self._world.tell(News(resource_id, callback_url, event, at, resource_type))

    def set_failure(self, phone_number: str, step: str, failure: Failure | None) -> None:
        """Scripts the outcome of a step, of those that run already too."""
        if failure is None:
            self.failures.pop((phone_number, step), None)
        else:
            self.failures[phone_number, step] = failure
        self.hosting.fail(phone_number, step, failure)
        self.numbers.fail(phone_number, step, failure)

    def seed(self, count: int, service_plan_id: str, campaign_id: str) -> list[str]:
        """Gives the project imported numbers, as if imported long ago and free of charge.

        Returns their phone numbers.
        """
        now = self.settle()
        long_ago = Step(now - timedelta(days=30), now - timedelta(days=30))
        added: list[str] = []
        while len(added) < count:
            phone_number = (
                f"+1{self.rng.choice((217, 312, 415, 608))}555{self.rng.randrange(10_000):04d}"
            )
            if phone_number in self.numbers.all:
                continue
            plan = Change(service_plan_id, PROVISIONING, long_ago, long_ago.starts_at)
            number = self.numbers.adopt(phone_number, "US", "", "", plan)
            if campaign_id:
                number.campaign = Change(campaign_id, PROVISIONING, long_ago, long_ago.starts_at)
            added.append(phone_number)
        return added
