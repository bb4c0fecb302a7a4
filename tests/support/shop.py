"""One vendor, one journal, and runs over them that follow one another like processes.

In-process, and time passes only where a run waits.

The simulator's clock stands still and moves on by what the code under test waits, so a settling
time of two minutes costs nothing and a lag of reads ends exactly when a run was patient enough.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import stamina
from support.dying import Fate, MortalTransport, is_death
from support.journals import new_journal
from support.judging import violations
from support.purchases import SuccessorDesk, buy, change
from support.settling import settle_by_truth

from numberflow.client import Client
from numberflow.client.retry import Budget
from numberflow.journal import Intention, Journal
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.reports import PurchaseReport, RunOutcome
from numberflow.purchase.run_context import RunContext
from numberflow.settings import Settings
from numberflow.simulator import BASE_URL, InProcessTransport, Simulator, SimulatorSettings

# As in the product, without the waits between the tries of a read.
READS = Budget(attempts=5, total_s=60.0, wait_initial_s=0.0, wait_factor=1.0, wait_max_s=0.0)
# The product's default; it passes on the simulator's clock alone.
SETTLE_S = 120.0
# Longer than an absurd Retry-After counts for, and short: each try under a limit that stays is a
# row in the journal.
PATIENCE_S = 31.0


def settings_at(environment: Mapping[str, str], home: Path, **more: Any) -> Settings:
    """The settings of a process that was started with this environment, whatever ours is."""
    values: dict[str, Any] = {
        name.lower().removeprefix("sinch_"): value for name, value in environment.items()
    }
    return Settings(_env_file=None, home=home, **values, **more)


class _Pauses:
    """Contexts that overlap share stamina's switch: the first sets it, the last puts it back.

    Each restoring what it found, one that ends early would leave the other's setting to all tests.
    """

    open = 0
    before: Any = None


@contextmanager
def _without_pauses() -> Iterator[None]:
    if _Pauses.open == 0:
        _Pauses.before = stamina.set_testing(True, attempts=READS.attempts, cap=True)
    _Pauses.open += 1
    try:
        yield
    finally:
        _Pauses.open -= 1
        if _Pauses.open == 0:
            _Pauses.before.__exit__(None, None, None)


class Shop:
    """A simulated vendor and a journal file in `folder`.

    `unwritten` lists costly requests that left before their intention was committed; `deaths`
    counts runs that were killed.
    """

    def __init__(self, folder: Path, **simulator: Any) -> None:
        self.started_by = ""
        self.journal_file = folder / "journal.db"
        self.journal_url = new_journal(self.journal_file)
        self.simulator = Simulator(
            SimulatorSettings(**{"speed": 0, "active": 6, "stock_us_local": 40} | simulator)
        )
        self.settings = settings_at(
            self.simulator.environment(BASE_URL),
            folder,
            settle_s=SETTLE_S,
            patience_s=PATIENCE_S,
            # A shop holds a handful of numbers (tests/stories/test_release_guard.py sets its own).
            release_percent_max=100,
        )
        self.unwritten: list[str] = []
        self.deaths = 0

    async def wait(self, seconds: float) -> None:
        """Let time pass at the vendor instead of here."""
        self.simulator.clock.advance(seconds)

    def vendor(self) -> httpx.AsyncBaseTransport:
        """The way to the vendor."""
        return InProcessTransport(self.simulator)

    @asynccontextmanager
    async def context(self, fate: Fate | None = None) -> AsyncIterator[RunContext]:
        """What one process works with; it dies as `fate` says."""
        fate = fate or Fate()
        journal = fate.bind(Journal.open(self.journal_url))
        transport = MortalTransport(self.vendor(), fate, self.journal_file)
        # Token requests are repeated too, and their budget is no argument of the client.
        with _without_pauses():
            try:
                async with Client(
                    self.settings, transport=transport, paced=False, read_budget=READS
                ) as client:
                    yield SuccessorDesk(
                        client,
                        journal,
                        self.settings,
                        wait=self.wait,
                        started_by=self.started_by,
                    )
            finally:
                self.unwritten += transport.unwritten
                journal.close()

    async def buy(
        self, order: SearchAndRentParameters, reference: str = "PO-1", fate: Fate | None = None
    ) -> PurchaseReport | None:
        """One run of a purchase; None when it died."""
        try:
            return await buy(lambda: self.context(fate), order, reference)
        except BaseException as error:
            self._expect_death(error)
            return None

    async def change(
        self,
        operation: str,
        numbers: Sequence[str],
        request: Mapping[str, Any],
        reference: str = "PO-1",
        fate: Fate | None = None,
    ) -> tuple[Intention, ...] | None:
        """One run of releases or PATCHes; None when it died."""
        try:
            return await change(lambda: self.context(fate), operation, numbers, request, reference)
        except BaseException as error:
            self._expect_death(error)
            return None

    def _expect_death(self, error: BaseException) -> None:
        if not is_death(error):
            raise error
        self.deaths += 1

    def violations(
        self, report: PurchaseReport | None, *, asked: int, reads_lag_on: bool = False
    ) -> list[str]:
        """What this purchase did wrong, by the ledger (the shop has no other purchases)."""
        assert report is not None, "only a run that lived to its end can be judged"
        charges = self.simulator.charges()
        judged = violations(charges, report, asked=asked, reads_lag_on=reads_lag_on)
        return [*judged, *self._not_in_journal(charges), *self.unwritten]

    def _not_in_journal(self, charges: Sequence[Mapping[str, Any]]) -> list[str]:
        # Read from the file itself: opening a journal prepares it, which would take a tenth of the
        # matrix' time.
        with contextlib.closing(sqlite3.connect(self.journal_file)) as connection:
            rows = connection.execute("SELECT subject, result, state FROM intentions").fetchall()
        known = {subject for subject, _, _ in rows}
        known |= {
            json.loads(result).get("phone_number") for _, result, _ in rows if result is not None
        }
        nameless = sum(
            subject is None and state not in ("done", "refused") for subject, _, state in rows
        )
        missing = sorted({charge["phone_number"] for charge in charges} - known)
        return [
            f"{number} was charged, and the journal does not know it"
            for number in missing[nameless:]
        ]

    def repeats(self) -> list[str]:
        """Costly requests for one number that left although an earlier one had taken effect.

        Somebody did not look.
        """
        done: set[tuple[str, str]] = set()
        found = []
        for entry in self.simulator.requests():
            step = (entry["operation"], entry["path"])
            if step in done:
                found.append(f"{entry['method']} {entry['path']} left again")
            if entry["committed"] and entry["operation"] in ("rent", "release", "update"):
                done.add(step)
        return found

    def rows(self) -> tuple[Intention, ...]:
        """Every intention in the journal."""
        with Journal.open(self.journal_url) as journal:
            return journal.intentions()

    def settle_by_truth(self, report: PurchaseReport) -> None:
        """Do what a person does: look at the vendor's own books and say what happened to each open
        item.
        """
        settle_by_truth(self.journal_url, report, self.simulator.charges())


def needs_person(report: PurchaseReport | None) -> bool:
    """Whether a run ended by asking somebody."""
    return report is not None and report.outcome is RunOutcome.NEEDS_PERSON
