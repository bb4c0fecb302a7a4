"""Faults whose nature is the socket, over real sockets.

Resets, cuts, silence, and requests that are held while their client goes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.counts import count
from support.journals import new_journal
from support.judging import violations
from support.purchases import SuccessorDesk, buy, order
from support.shop import settings_at

from numberflow.client import Client
from numberflow.client.retry import Budget
from numberflow.journal import Journal
from numberflow.models.reports import RunOutcome
from numberflow.purchase.run_context import RunContext
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

pytestmark = pytest.mark.anyio

ASKED = 2
# Real seconds here: as short as a loaded machine allows.
SETTLE_S = 0.2
TIMEOUT_S = 0.5
FAULTS = (
    "reset_before",
    "reset_after",
    "truncated",
    "timeout_before",
    "timeout_after",
    "hold_before",
    "hold_after",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """One simulator on a port for all tests of this module; each test rents numbers of its own."""
    with serve(Simulator(SimulatorSettings(active=3, stock_us_local=300))) as listening:
        yield listening


@dataclass
class Counter:
    """A journal of its own, and what the shared ledger shows since it began."""

    running: Running
    folder: Path

    def __post_init__(self) -> None:
        self.journal_url = new_journal(self.folder / "journal.db")
        self._before = len(self.running.simulator.charges())

    @asynccontextmanager
    async def context(self) -> AsyncIterator[RunContext]:
        """What one run works with."""
        settings = settings_at(
            self.running.environment, self.folder, settle_s=SETTLE_S, http_timeout_s=TIMEOUT_S
        )
        with Journal.open(self.journal_url) as journal:
            async with Client(settings, read_budget=Budget(4, 10.0, 0.01, 1.0, 0.05)) as client:
                yield SuccessorDesk(client, journal, settings)

    @property
    def charges(self) -> list[dict[str, object]]:
        """The ledger since this test began."""
        return self.running.simulator.charges()[self._before :]


@pytest.mark.parametrize("operation", ["rent", "rent_any"])
@pytest.mark.parametrize(
    ("fault", "late"),
    [
        *((fault, False) for fault in FAULTS),
        pytest.param("hold_before", True, id="hold_before-late"),
    ],
)
async def test_a_real_socket_that_fails_costs_one_charge(
    operation: str, fault: str, running: Running, tmp_path: Path, *, late: bool
) -> None:
    """A costly request meets a socket's fault (late: it takes effect only after its client has
    gone): charged once, named, done in the end.
    """
    count("fault-matrix cases")
    faults = running.simulator.faults
    faults.clear()
    hold = (
        {"hold_s": 2 * TIMEOUT_S, "commit_on_disconnect": late}
        if fault.startswith("hold")
        else {"hold_s": 10}
    )
    faults.add({"operation": operation, "fault": fault, **hold})
    counter = Counter(running, tmp_path)
    wanted = order(quantity=ASKED, strategy="any" if operation == "rent_any" else "chosen")
    # The mark of a rent_any follows from the reference, and all tests share one project.
    reference = f"PO-{operation}-{fault}-{late}"
    report = await buy(counter.context, wanted, reference)
    assert [] == violations(counter.charges, report, asked=ASKED)
    faults.clear()
    final = await buy(counter.context, wanted, reference)
    assert [] == violations(counter.charges, final, asked=ASKED)
    # A lost rent_any that had no effect is a person's to repeat; everything else is done.
    without_effect = operation == "rent_any" and fault.endswith("_before") and not late
    expected = (RunOutcome.NEEDS_PERSON, ASKED - 1) if without_effect else (RunOutcome.DONE, ASKED)
    assert expected == (final.outcome, final.rented)
