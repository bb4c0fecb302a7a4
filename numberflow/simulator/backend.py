"""What a simulator consists of: world, clock, access, faults, callbacks. No HTTP."""

from typing import Any

from numberflow.simulator.access import Access
from numberflow.simulator.callbacks import Callbacks
from numberflow.simulator.clock import Clock
from numberflow.simulator.faults import CHAOS_EXTRA_JOB_S, Faults
from numberflow.simulator.holds import Holds
from numberflow.simulator.imported.wire import imported_number
from numberflow.simulator.requestlog import RequestLog
from numberflow.simulator.settings import SimulatorSettings
from numberflow.simulator.switches import Switches
from numberflow.simulator.world import World


class Backend:
    """State of one simulator, and facts about it that no client of the vendor can see."""

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self.clock = Clock(self.settings.start_at, self.settings.speed)
        self.switches = Switches(self.settings.switches)
        self.world = World(self.settings, self.clock, self.switches)
        self.access = Access(self.settings, self.clock, self.switches)
        self.faults = Faults(self.settings.seed)
        self.holds = Holds()
        self.log = RequestLog()
        self.callbacks = Callbacks(self.world, self.clock, self.settings.seed)
        self.set_chaos(self.settings.chaos)

    def set_chaos(self, rate: float) -> None:
        """Sets the share of requests that meet a random fault.

        Above 0 the habits of chaos apply, too (faults.py).
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"rate: a share of requests between 0 and 1, not {rate}")
        self.faults.chaos = rate
        self.world.linking.extra_s = CHAOS_EXTRA_JOB_S if rate else 0.0

    def charges(self) -> list[dict[str, Any]]:
        """Every charge since the start, oldest first.

        Keys: charge_id, at, phone_number, kind, currency, amount, cause, request, project_id.
        """
        with self.world.lock:
            self.world.settle()
            return [charge.as_dict() for charge in self.world.ledger.charges()]

    def rentals(self) -> int:
        """How many numbers were taken and charged since the start, by rent or by number order.

        It counts them whatever their callers were told.
        """
        with self.world.lock:
            return self.world.ledger.rentals()

    def orders(self) -> list[dict[str, Any]]:
        """The real state of every number order, oldest first, without its registration data."""
        with self.world.lock:
            now = self.world.settle()
            return [order.as_dict(now) for order in self.world.orders]

    def emergency_coverage(self) -> list[dict[str, Any]]:
        """For every held US and CA number with voice: has it the feature, and an address?

        It does not show addresses.
        """
        with self.world.lock:
            now = self.world.settle()
            facts = (self.world.emergency.coverage(number, now) for number in self.world.holdings)
            return sorted(
                (one for one in facts if one is not None), key=lambda one: str(one["phone_number"])
            )

    def imported_numbers(self) -> list[dict[str, Any]]:
        """The real state of every imported number."""
        with self.world.lock:
            now, service = self.world.settle(), self.world.imported
            return [
                imported_number(service.numbers, number, self.world.project_id, self.switches, now)
                for number in service.numbers.all.values()
            ]

    def hosting_orders(self) -> list[dict[str, Any]]:
        """The real state of every hosting order, oldest first, without its letter."""
        with self.world.lock:
            now = self.world.settle()
            return [order.as_dict(now) for order in self.world.imported.hosting]

    def qualified_numbers(self) -> dict[str, str]:
        """State of every qualified number."""
        with self.world.lock:
            now = self.world.settle()
            return {
                number.phone_number: number.state(now)
                for number in self.world.imported.qualified.all.values()
            }

    def link_targets(self) -> dict[str, list[dict[str, str]]]:
        """What numbers can be linked to, by product."""
        with self.world.lock:
            return self.world.link_targets.as_dict()

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """The request log after number `since`, oldest first."""
        return self.log.since(since)

    def environment(self, url: str) -> dict[str, str]:
        """The variables that point a client at this simulator under `url`."""
        return {
            "SINCH_PROJECT_ID": self.settings.project_id,
            "SINCH_KEY_ID": self.settings.key_id,
            "SINCH_KEY_SECRET": self.settings.key_secret,
            "SINCH_AUTH_URL": f"{url}/auth",
            "SINCH_NUMBERS_URL": f"{url}/numbers",
            "SINCH_IMPORTED_URL": f"{url}/imported",
            "SINCH_LINK_TARGETS_URL": url,
        }
