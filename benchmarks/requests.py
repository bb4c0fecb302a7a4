"""Question: how many requests (target: at most 3) and how long does a rented number take?

    python benchmarks/requests.py [--rounds 3]

That is, when nothing goes wrong. The simulator runs in a process of its own and counts. The
purchase runs here, at library level, over loopback. Token requests are counted separately.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
from support.judging import violations
from support.purchases import buy, order
from support.shop import settings_at

from numberflow.client import Client
from numberflow.journal import Journal
from numberflow.purchase.run_context import RunContext
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve

QUANTITIES = (1, 10, 100)
PER_NUMBER_MAX = 3.0


@contextmanager
def simulator_process() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Control address and environment of a simulator in another process."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs,), daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(timeout=10)


def _serve(connection: Connection) -> None:
    with serve(Simulator(SimulatorSettings(active=250))) as running:
        connection.send((running.control_url, dict(running.environment)))
        connection.recv()


async def measure(
    control_url: str, settings: Settings, quantity: int
) -> tuple[Counter[str], float]:
    """Requests per operation and seconds of one purchase with a journal of its own.

    What it bought is checked in the ledger.
    """
    async with httpx.AsyncClient(base_url=control_url, trust_env=False) as control:
        # Making a new journal takes its own second, once in the life of an installation.
        Journal.open(settings.journal_url).close()
        requests: list[dict[str, Any]] = (await control.get("/requests")).json()["requests"]
        charges: list[dict[str, Any]] = (await control.get("/charges")).json()["charges"]
        began_s = perf_counter()
        report = await buy(lambda: _context(settings), order(quantity=quantity), f"PO-{quantity}")
        took_s = perf_counter() - began_s
        new: list[dict[str, Any]] = (await control.get("/requests")).json()["requests"][
            len(requests) :
        ]
        spent: list[dict[str, Any]] = (await control.get("/charges")).json()["charges"][
            len(charges) :
        ]
    wrong = violations(spent, report, asked=quantity)
    assert not wrong, wrong
    assert report.rented == quantity, report.reason
    return Counter(entry["operation"] for entry in new), took_s


@asynccontextmanager
async def _context(settings: Settings) -> AsyncIterator[RunContext]:
    with Journal.open(settings.journal_url) as journal:
        async with Client(settings) as client:
            yield RunContext(client, journal, settings)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print((__doc__ or "").partition("\n")[0])
    print(
        f"Machine: {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}; journal on SQLite, {rounds} rounds"
    )
    worst = 0.0
    with simulator_process() as (control_url, environment):
        for quantity in QUANTITIES:
            times, told = [], ""
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as home:
                    settings = settings_at(environment, Path(home))
                    counted, took_s = asyncio.run(measure(control_url, settings, quantity))
                tokens = counted.pop("token", 0)
                per_number = counted.total() / quantity
                worst = max(worst, per_number)
                times.append(took_s)
                told = (
                    f"{per_number:.2f} a number "
                    f"({', '.join(f'{name} {n}' for name, n in sorted(counted.items()))}; token "
                    f"{tokens} apart)"
                )
            seconds = ", ".join(f"{took_s:.2f}" for took_s in times)
            print(f"quantity {quantity:>3}: {told}; {seconds} s")
    print(f"worst: {worst:.2f} requests a number, target {PER_NUMBER_MAX:.0f}")
    return int(worst > PER_NUMBER_MAX)


if __name__ == "__main__":
    sys.exit(main())
