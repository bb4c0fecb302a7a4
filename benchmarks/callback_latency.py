"""Question: how long from an outcome at the vendor until it is in the journal?

    python benchmarks/callback_latency.py [--numbers 20] [--every 7] [--sweeps 3]

`numberflow up` (Prefect server, deployments), a receiver and the simulator run as they do for a
user, on this machine's clock. Numbers are rented one after another with an SMS link, which the
vendor puts on some seconds later; from that moment, by the vendor's books, the time is taken until
the journal says *linked*.

1. With callbacks, while no schedule runs: the vendor calls 1 s after the event (assumed), the
   receiver stores it and starts drain-callbacks.
2. The sweep alone: numbers without a callback, and a run of follow-orders that is started by hand
   as the clock starts it. An outcome waits for the next quarter of an hour first: nobody sits
   through that here, the waits of evenly spread moments are added (0 to 900 s, median 450 s).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psutil
from support.purchases import buy, order
from support.receiving import SECRET, environment, receiver
from support.shop import settings_at
from support.up import running

from flows.table import FLOWS
from numberflow.client import Client
from numberflow.journal import Journal, OrderKind
from numberflow.models.reports import RunOutcome
from numberflow.purchase.run_context import RunContext
from numberflow.settings import Settings
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

LOOK_EVERY_S = 0.1
PATIENCE_S = 600.0
PERIOD_S = FLOWS["follow-orders"].schedule.every.total_seconds()  # type: ignore[union-attr]


class Desk:
    """Rents numbers, and sees in the journal when their links are on."""

    def __init__(self, vendor: Running, settings: Settings) -> None:
        self._vendor = vendor
        self._settings = settings
        self.happened_at: dict[str, datetime] = {}
        self.noted_at: dict[str, datetime] = {}

    @asynccontextmanager
    async def context(self) -> AsyncIterator[RunContext]:
        """As every run has it."""
        with Journal.open(self._settings.journal_url) as journal:
            async with Client(self._settings) as client:
                yield RunContext(client, journal, self._settings)

    async def rent(self, count: int, name: str, *, callback_url: str = "") -> list[str]:
        """So many numbers under one reference; when their links will be on is the vendor's secret.

        Returns the numbers.
        """
        wanted = order(
            quantity=count, sms={"service_plan_id": "plan-1"}, callback_url=callback_url or None
        )
        report = await buy(self.context, wanted, name)
        assert report.outcome is RunOutcome.DONE, report
        for number in report.phone_numbers:
            held = self._vendor.simulator.world.holdings.get(number)
            assert held is not None
            assert held.sms_job is not None, "a link that takes a while"
            self.happened_at[number] = held.sms_job.ends_at
        return list(report.phone_numbers)

    async def watch(self, count: int) -> None:
        """Until so many numbers are noted as linked."""
        with Journal.open(self._settings.journal_url) as journal:
            until = asyncio.get_running_loop().time() + PATIENCE_S
            while len(self.noted_at) < count:
                assert asyncio.get_running_loop().time() < until, "nobody notes the outcomes"
                works = journal.followed(
                    self._settings.project_id, kind=OrderKind.LINK, open_only=False
                )
                now = datetime.now(UTC)
                for work in works:
                    if work.state == "linked":
                        self.noted_at.setdefault(str(work.facts["number"]), now)
                await asyncio.sleep(LOOK_EVERY_S)

    def seconds(self, numbers: Collection[str]) -> list[float]:
        """From outcome to journal, of each."""
        return [(self.noted_at[each] - self.happened_at[each]).total_seconds() for each in numbers]


def told(seconds: list[float]) -> str:
    """Median and spread."""
    return (
        f"median {statistics.median(seconds):.0f} s "
        f"({min(seconds):.0f} to {max(seconds):.0f} s, {len(seconds)} numbers)"
    )


async def with_callbacks(desk: Desk, url: str, count: int, every_s: float) -> list[float]:
    """Rent one number after another while callbacks come."""

    async def rent() -> None:
        for n in range(count):
            await desk.rent(1, f"CALL-{n}", callback_url=url)
            await asyncio.sleep(every_s)

    await asyncio.gather(rent(), desk.watch(count))
    return desk.seconds(desk.happened_at)


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--numbers", type=int, default=20, help="with callbacks (default 20)")
    parser.add_argument("--every", type=float, default=7.0, help="seconds between two (default 7)")
    parser.add_argument("--sweeps", type=int, default=3, help="runs of follow-orders (default 3)")
    given = parser.parse_args()
    print((__doc__ or "").partition("\n")[0])
    print(
        f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, load "
        f"{psutil.getloadavg()[0]:.1f}"
    )
    with (
        tempfile.TemporaryDirectory() as name,
        serve(Simulator(SimulatorSettings(active=0))) as vendor,
        # As the product has it: tests poll more often.
        running(Path(name), vendor.environment | {"PREFECT_RUNNER_POLL_FREQUENCY": "10"}) as up,
    ):
        vendor.simulator.world.hmac_secret = SECRET
        up.says("Ctrl-C stops everything")
        up.prefect.pause_schedules()
        desk = Desk(vendor, settings_at(vendor.environment, up.home, settle_s=1))
        project = vendor.environment["SINCH_PROJECT_ID"]
        variables = environment(up.home, SINCH_PROJECT_ID=project)
        with receiver(variables) as taking:
            url = f"{taking.url}/callbacks/{project}"
            called = asyncio.run(with_callbacks(desk, url, given.numbers, given.every))
        print(f"with callbacks: {told(called)}", flush=True)
        swept = []
        for n in range(given.sweeps):
            numbers = asyncio.run(desk.rent(3, f"SWEEP-{n}"))
            # Everything has happened when the sweep begins.
            ended = max(desk.happened_at[each] for each in numbers)
            asyncio.run(asyncio.sleep(max(0.0, (ended - datetime.now(UTC)).total_seconds()) + 1))
            begun = datetime.now(UTC)
            up.prefect.start({}, "follow-orders/follow-orders")
            asyncio.run(desk.watch(len(desk.happened_at)))
            swept += [(desk.noted_at[each] - begun).total_seconds() for each in numbers]
        run_s = statistics.median(swept)
        alone = [(n + 0.5) / 1000 * PERIOD_S + run_s for n in range(1000)]
        print(
            f"a run of follow-orders notes them after {told(swept)}; the sweep alone, with the "
            f"wait for it: median {statistics.median(alone):.0f} s "
            f"({min(alone):.0f} to {max(alone):.0f} s, computed)"
        )
        print(f"{statistics.median(alone) / statistics.median(called):.0f} times sooner")


if __name__ == "__main__":
    main()
