"""One purchase through random faults and random deaths, run again until it ends.

Everything random comes from one seed.

Shared by tests/faults/test_chaos.py (a slice) and benchmarks/chaos.py (the figure). The simulator
draws its faults from the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from support.dying import Fate
from support.purchases import order
from support.shop import Shop, needs_person

from numberflow.models.reports import PurchaseReport, RunOutcome

# A purchase that did not end after this many runs has lost its way. The last ones meet a healthy
# vendor, so that it can end at all.
RUNS_MAX = 30
RUNS_WITH_DEATHS = 12
RUNS_WITH_FAULTS = 24
# After so many reports that ask for a person, there is one.
PATIENCE = 3


@dataclass(frozen=True)
class Ended:
    """What one seed came to. `wrong` lists broken promises; empty is the goal."""

    seed: int
    asked: int
    runs: int
    deaths: int
    persons: int
    rentals: int
    requests: int
    wrong: tuple[str, ...]


def random_fate(rng: random.Random) -> Fate:
    """Two runs of three die: at a request or a write to the journal, before or after it takes
    effect.
    """
    dice = rng.random()
    if dice < 1 / 3:
        return Fate()
    at = "request" if dice < 2 / 3 else "write"
    return Fate(at, n=rng.randint(1, 15 if at == "request" else 25), after=rng.random() < 0.5)  # type: ignore[arg-type]


async def purchase_in_chaos(seed: int, folder: Path, *, faults: float) -> Ended:
    """Run the purchase of this seed until it is done.

    Each report that a run lives to give is judged by the ledger.
    """
    rng = random.Random(f"purchase-{seed}")
    asked = rng.randint(1, 4)
    wanted = order(quantity=asked, strategy="any" if rng.random() < 0.2 else "chosen")
    shop = Shop(folder, seed=seed, chaos=faults, stock_us_local=60)
    persons = runs = 0
    wrong: list[str] = []
    report: PurchaseReport | None = None
    while runs < RUNS_MAX and not wrong and not _is_done(report):
        runs += 1
        if runs > RUNS_WITH_FAULTS:
            shop.simulator.set_chaos(0)
        report = await shop.buy(wanted, fate=random_fate(rng) if runs <= RUNS_WITH_DEATHS else None)
        if report is None:
            continue
        # Chaos lets reads lag by up to a second, far less than the settling time, so nothing that
        # took effect may be asked for again.
        wrong = [
            f"run {runs}: {what}"
            for what in (*shop.violations(report, asked=asked), *shop.repeats())
        ]
        if needs_person(report):
            persons += 1
            if persons % PATIENCE == 0:
                shop.settle_by_truth(report)
    if not _is_done(report):
        wrong.append(f"not done after {runs} runs: {report.reason if report else 'died'}")
    elif shop.simulator.rentals() != asked:
        wrong.append(f"done with {shop.simulator.rentals()} rentals of {asked}")
    rentals, requests = shop.simulator.rentals(), len(shop.simulator.requests())
    return Ended(seed, asked, runs, shop.deaths, persons, rentals, requests, tuple(wrong))


def _is_done(report: PurchaseReport | None) -> bool:
    return report is not None and report.outcome is RunOutcome.DONE


def summary(ended: Sequence[Ended]) -> str:
    """Totals in one line."""
    return (
        f"{len(ended)} purchases, {sum(one.asked for one in ended)} numbers asked, "
        f"{sum(one.rentals for one in ended)} rented, "
        f"{sum(one.runs for one in ended)} runs, {sum(one.deaths for one in ended)} killed, "
        f"{sum(one.persons for one in ended)} reports asked for a person, "
        f"{sum(one.requests for one in ended)} requests, "
        f"{sum(bool(one.wrong) for one in ended)} purchases broke a promise"
    )
