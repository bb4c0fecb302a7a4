"""The imported-numbers API as a whole: its three nouns, and what concerns several of them."""

from datetime import timedelta

from numberflow.simulator.imported.account import Account
from numberflow.simulator.imported.hosting import HostingOrders
from numberflow.simulator.imported.numbers import PROVISIONING, Change, ImportedNumbers
from numberflow.simulator.imported.qualification import QualifiedNumbers
from numberflow.simulator.imported.steps import Failure, Step
from numberflow.simulator.project import Project


class ImportedService(Account):
    """State of the imported-numbers API of one project. The caller holds the world's lock."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self.numbers = ImportedNumbers(
            self, lambda phone_number: self.hosting.open_order_of(phone_number) is not None
        )
        self.qualified = QualifiedNumbers(self)
        self.hosting: HostingOrders = HostingOrders(self, self.numbers, self.qualified)

    def set_failure(self, phone_number: str, step: str, failure: Failure | None) -> None:
        """Scripts the outcome of a step, also of steps that already run."""
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
