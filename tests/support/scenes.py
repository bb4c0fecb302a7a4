"""What crash tests play on: a simulator on a port, a journal, and processes that buy three numbers.

Judged by the simulator's ledger.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from support.judging import violations
from support.runs import REPORT, Ended, Nursery, Run, fresh_run, until

from numberflow.journal import Intention, Journal
from numberflow.models.reports import RunOutcome
from numberflow.simulator import Running, Simulator

ASKED = 3
REFERENCE = "PO-1042"
_RENT = re.compile(r"/availableNumbers/([^/]+):rent$")


class Scene:
    """One vendor, one journal, any number of processes."""

    def __init__(
        self,
        running: Running,
        nursery: Nursery,
        api_url: str,
        folder: Path,
        *,
        journal_url: str = "",
        settle_s: float = 0.4,
        lease_s: float = 30.0,
        **parameters: Any,
    ) -> None:
        """`parameters` of the purchase replace or add to those of a plain one."""
        self.simulator: Simulator = running.simulator
        self.folder = folder
        self.journal_url = journal_url or f"sqlite:///{folder / 'journal' / 'numberflow.db'}"
        self.environment = running.environment | {
            "NUMBERFLOW_HOME": str(folder / "home"),
            "NUMBERFLOW_DATABASE_URL": self.journal_url,
            "NUMBERFLOW_PAPERS_URL": str(folder / "papers"),
            "NUMBERFLOW_SETTLE_S": str(settle_s),
            "NUMBERFLOW_LEASE_S": str(lease_s),
        }
        self.parameters: dict[str, Any] = {
            "region_code": "US",
            "number_type": "LOCAL",
            "quantity": ASKED,
            "max_today": "500",
            "max_monthly": "500",
            "reference": REFERENCE,
        } | parameters
        self._nursery = nursery
        self._api_url = api_url
        self._serial = itertools.count(1)
        self._runs: list[Run] = []

    # ---- processes

    def start(
        self, fate: Mapping[str, Any] | None = None, *, fresh: bool = False, **parameters: Any
    ) -> Run:
        """Start `numberflow run search-and-rent`: forked, or `fresh` from the command line."""
        wanted = json.dumps(self.parameters | parameters)
        return self._start(
            ["run", "search-and-rent", "--params", wanted, "--report", REPORT], fate, fresh=fresh
        )

    def command(self, *arguments: str) -> Ended:
        """Run another subcommand of `numberflow` to its end."""
        return self._start(arguments, None, fresh=False).wait()

    def start_flow(
        self, deployment: str, parameters: Mapping[str, Any], fate: Mapping[str, Any] | None = None
    ) -> Run:
        """Start `numberflow run` of another flow; its report is what it prints (`Ended.out`)."""
        return self._start(
            ["run", deployment, "--params", json.dumps(dict(parameters)), "--json"],
            fate,
            fresh=False,
        )

    def _start(
        self, arguments: Sequence[str], fate: Mapping[str, Any] | None, *, fresh: bool
    ) -> Run:
        folder = self.folder / f"run-{next(self._serial)}"
        folder.mkdir()
        if fresh:
            assert not fate, "a fresh process has no fate of its own"
            run = fresh_run(arguments, self.environment, folder, self._api_url)
        else:
            run = self._nursery.start(arguments, self.environment, folder, fate)
        self._runs.append(run)
        return run

    def close(self) -> None:
        """Kill every process that is still there, stopped ones too."""
        for run in self._runs:
            if run.code is None:
                run.kill()

    def run(self, fate: Mapping[str, Any] | None = None, **parameters: Any) -> Ended:
        """Start one and wait for its end."""
        return self.start(fate, **parameters).wait()

    def held(self, run: Run) -> dict[str, Any]:
        """Wait until the simulator holds a request of `run`; the hold."""

        def found() -> list[dict[str, Any]]:
            assert run.code is None, f"ended with {run.code} before anything was held: {run.wait()}"
            return self.simulator.holds.list()

        hold: dict[str, Any] = until(found, "a request is held")[0]
        return hold

    def kill_while_held(self, run: Run) -> None:
        """Kill -9 while the simulator holds its request, and wait until the simulator notices."""
        self.held(run)
        run.kill()
        until(
            lambda: not self.simulator.holds.list(), "the simulator notices that its client is gone"
        )
        self.simulator.faults.clear()

    # ---- what is true

    def intentions(self) -> tuple[Intention, ...]:
        """Every row of the journal."""
        with Journal.open(self.journal_url) as journal:
            return journal.intentions()

    def violations(self, ended: Ended, *, asked: int = ASKED) -> list[str]:
        """What the purchase did wrong, by the vendor's ledger; `ended` is how its last run did."""
        if ended.report is None:
            return [f"no report; exit {ended.code}: {ended.told[-2000:]}"]
        expected = {RunOutcome.DONE: 0, RunOutcome.REFUSED: 3, RunOutcome.NEEDS_PERSON: 4}[
            ended.report.outcome
        ]
        found = violations(self.simulator.charges(), ended.report, asked=asked)
        if ended.code != expected:
            found.append(f"{ended.report.outcome} with exit {ended.code}")
        if "Traceback" in ended.told:
            found.append(f"a traceback where a sentence is due: {ended.told[-2000:]}")
        return found + self.unwritten()

    def unwritten(self) -> list[str]:
        """Rents that reached the vendor without an attempt that stands in the journal.

        Never more requests than attempts.
        """
        sent: Counter[str | None] = Counter(self.rents_sent())
        written: Counter[str | None] = Counter()
        with Journal.open(self.journal_url) as journal:
            for intention in journal.intentions():
                attempts = len(journal.history(intention.id).attempts)
                written[intention.subject if intention.operation == "rent" else None] += attempts
        return [
            f"{n} rents of {number} were sent, {written[number]} stand in the journal"
            for number, n in sent.items()
            if n > written[number]
        ]

    def rents_sent(self) -> list[str | None]:
        """The number of each rent request that reached the vendor, in order.

        None where the vendor was to pick.
        """
        found: list[str | None] = []
        for request in self.simulator.requests():
            if request["operation"] == "rent":
                match = _RENT.search(request["path"])
                assert match is not None, request["path"]
                found.append(unquote(match[1]))
            elif request["operation"] == "rent_any":
                found.append(None)
        return found

    def operations(self) -> list[str]:
        """The operation of each request that reached the vendor, in order."""
        return [str(request["operation"]) for request in self.simulator.requests()]


COMPLETE: tuple[int, int, list[str]] = (0, ASKED, [])
"""What `ending` gives for a purchase that is done: exit code, rentals in the ledger, violations."""


def ending(scene: Scene, ended: Ended) -> tuple[int, int, list[str]]:
    """How a purchase ended, to be compared with COMPLETE."""
    return ended.code, scene.simulator.rentals(), scene.violations(ended)
