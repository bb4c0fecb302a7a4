"""What the nouns of the imported-numbers API share: time, money, news.

Also what carriers and the vendor's staff know about this account.
"""

from datetime import datetime
from decimal import Decimal

from numberflow.simulator.imported.steps import CAMPAIGN, HELD_ELSEWHERE, Failure
from numberflow.simulator.news import News
from numberflow.simulator.project import Project
from numberflow.simulator.provisioning import Event
from numberflow.simulator.stock import CURRENCY

UNKNOWN_PLAN = "nosuchplan"
"""From the vendor's sample. All other plans exist, unless a script says otherwise."""


class Account:
    """One account of the imported-numbers API. The caller holds the world's lock.

    Attributes:
        failures: scripted outcomes of steps, by phone number and step.
        held_elsewhere: numbers that T-Mobile has under another aggregator (§10).
        not_eligible: numbers that fail the eligibility check, with the reason.
        unknown_plans: service plans that do not exist.
        allowed_nnids: NNIDs other than the default that the account may use.
        hmac_secret: signing secret, separate from the Numbers API's (§12).
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.at = project.at
        self.settle = project.settle
        self.switches = project.switches
        self.rng = project.rng
        self.ledger = project.ledger
        self.failures: dict[tuple[str, str], Failure] = {}
        self.held_elsewhere: set[str] = set()
        self.not_eligible: dict[str, str] = {}
        self.unknown_plans = {UNKNOWN_PLAN}
        self.allowed_nnids: set[str] = set()
        self.hmac_secret = ""

    def failure(self, phone_number: str, step: str) -> Failure | None:
        """The failure that the step of this number will meet."""
        if step == CAMPAIGN and phone_number in self.held_elsewhere:
            return Failure("MNO_SHARING_ERROR", HELD_ELSEWHERE)
        return self.failures.get((phone_number, step))

    def charge(self, kind: str, phone_number: str, amount: str, request: int | None) -> None:
        """Records what something costs, even when it costs nothing.

        So the ledger shows how often each thing was done.
        """
        self.ledger.charge(
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
        self._project.tell(News(resource_id, callback_url, event, at, resource_type))
