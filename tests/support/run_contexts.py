"""A desk at the in-process simulator.

Real client, real journal on SQLite, a clock that waiting turns. No Prefect, no sockets, no waiting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from support.journals import new_journal

from numberflow.client import Client
from numberflow.journal import Intention, Journal
from numberflow.purchase.run_context import RunContext
from numberflow.settings import Settings
from numberflow.simulator import BASE_URL, InProcessTransport, Simulator, SimulatorSettings


class Shop:
    """One simulator and one journal, and what a test asks of them.

    Waiting advances the simulator's clock and is noted in `waited_s`.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.simulator = Simulator(
            SimulatorSettings(**{"seed": 1, "active": 0, "speed": 0.0} | settings)
        )
        self.journal_url = new_journal(folder / "journal.db")
        self.waited_s: list[float] = []
        values = {
            **self.simulator.environment(BASE_URL),
            "NUMBERFLOW_HOME": str(folder),
            "NUMBERFLOW_SETTLE_S": "8",
        }
        self.settings = Settings.model_validate(
            {name.lower(): value for name, value in values.items()}
        )

    def context(self) -> AbstractAsyncContextManager[RunContext]:
        """A desk of its own for each run, as every process has."""
        return self._context()

    @asynccontextmanager
    async def _context(self) -> AsyncIterator[RunContext]:
        transport = InProcessTransport(self.simulator)
        with Journal.open(self.journal_url) as journal:
            async with Client(self.settings, transport=transport, paced=False) as client:
                yield RunContext(
                    client, journal, self.settings, wait=self._wait, wait_for_owner_s=0.0
                )

    async def _wait(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        self.simulator.clock.advance(seconds)

    async def script(self, action: str, **fields: Any) -> None:
        """Script an outcome (docs/simulator.md, "Scripts")."""
        transport = httpx.ASGITransport(self.simulator.control_app)
        async with httpx.AsyncClient(transport=transport, base_url="http://control.test") as http:
            reply = await http.post("/script", json={"action": action} | fields)
        reply.raise_for_status()

    def fault(self, operation: str, fault: str, **fields: Any) -> None:
        """Let a request meet a fault (docs/simulator.md, "Faults")."""
        self.simulator.faults.add({"operation": operation, "fault": fault} | fields)

    def charged(self) -> list[str]:
        """The numbers that the vendor's ledger has a set-up charge for, in that order.

        What really was bought.
        """
        return [
            charge["phone_number"]
            for charge in self.simulator.charges()
            if charge["kind"] == "setup"
        ]

    def requests(self, operation: str) -> int:
        """How many requests of one operation arrived."""
        return sum(request["operation"] == operation for request in self.simulator.requests())

    def lines(self, reference: str | None = None) -> tuple[Intention, ...]:
        """The journal's rows."""
        with Journal.open(self.journal_url) as journal:
            return journal.intentions(reference=reference)
