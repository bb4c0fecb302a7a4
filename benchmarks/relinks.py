"""Question: how long do 200 relinks take compared with one, and is every failed job named?

    python benchmarks/relinks.py [--numbers 200]

Both the run and the sweep have to name it. Every tenth unlink fails, and every tenth link; once
with SMS plans and campaigns, once with voice. The simulator runs in a process of its own, in real
time, over loopback; runs and sweeps run here, at library level. Target: less than 1.3 times the
time of one, plus the requests at the rate budget. Afterwards the report and the sweep are compared
with the simulator, number by number.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
from support.shop import settings_at

from numberflow.journal import Journal, OrderKind
from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import FollowLine, NumbersReport
from numberflow.purchase.follow import follow_orders
from numberflow.purchase.held.configure import configure, configure_report
from numberflow.purchase.held.link_follow import follow_link
from numberflow.purchase.run_context import RunContext, open_client
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve

OLD = {
    "sms": {"service_plan_id": "plan-a", "campaign_id": "CAMPA"},
    "voice": {"type": "RTC", "app_id": "app-a"},
}
NEW = {
    "sms": {"service_plan_id": "plan-b", "campaign_id": "CAMPB"},
    "voice": {"type": "EST", "trunk_id": "trunk-b"},
}
TIMES_MAX = 1.3


@contextmanager
def simulator_process() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Control address and environment of a simulator in another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(timeout=10)


def _serve(connection: Connection) -> None:
    with serve(Simulator(SimulatorSettings(active=0))) as running:
        connection.send((running.control_url, dict(running.environment)))
        connection.recv()


class Run:
    """One installation: settings with a journal, and the simulator's control surface."""

    def __init__(self, settings: Settings, control: httpx.AsyncClient) -> None:
        self.settings = settings
        self.control = control

    async def configure(
        self, numbers: Sequence[str], link: Mapping[str, Any], reference: str
    ) -> NumbersReport:
        """One run of configure-numbers."""
        order = check_parameters(
            ConfigureParameters, {"phone_numbers": list(numbers), "confirm_unlink": True, **link}
        )
        with Journal.open(self.settings.journal_url) as journal:
            async with open_client(self.settings) as client:
                context = RunContext(client, journal, self.settings)
                rows = await configure(context, order, reference)
                return await configure_report(context, order, reference, rows)

    async def sweep(self) -> list[FollowLine]:
        """One sweep over all links."""
        with Journal.open(self.settings.journal_url) as journal:
            async with open_client(self.settings) as client:
                return await follow_orders(
                    RunContext(client, journal, self.settings), {OrderKind.LINK: follow_link}
                )

    async def requests(self) -> Counter[str]:
        """How many requests of each operation have arrived, tokens aside."""
        summary = Counter((await self.control.get("/requests/summary")).json())
        return summary - Counter({"token": summary["token"]})

    async def fail(self, number: str, step: str) -> None:
        """Let a job of this number fail."""
        script = {
            "action": "provisioning",
            "phone_number": number,
            "step": step,
            "outcome": "FAILED",
        }
        codes = {"error_codes": ["CAMPAIGN_MNO_REVIEW"]} if step.endswith("sms") else {}
        (await self.control.post("/script", json=script | codes)).raise_for_status()

    async def linked(self, number: str, product: str) -> str:
        """What is in effect at the vendor, by its own books: old, new, none or something else."""
        shown = (await self.control.get(f"/active/{number}")).json()
        sms, voice = shown["smsConfiguration"], shown["voiceConfiguration"]
        pair = (sms["servicePlanId"], sms["campaignId"])
        if product == "sms":
            return {("plan-a", "CAMPA"): "old", ("plan-b", "CAMPB"): "new", ("", ""): "none"}.get(
                pair, str(pair)
            )
        ids = (voice["appId"], voice["trunkId"], voice["serviceId"])
        return {("app-a", "", ""): "old", ("", "trunk-b", ""): "new", ("", "", ""): "none"}.get(
            ids, str(ids)
        )


async def measure(run: Run, product: str, numbers: Sequence[str], rate_per_s: float) -> bool:
    """One product: one number alone, then all the others with failures.

    Whether everything is as it has to be.
    """
    old, new = {product: OLD[product]}, {product: NEW[product]}
    await run.configure(numbers, old, f"{product}-before")
    one, many = numbers[0], numbers[1:]
    began_s = perf_counter()
    await run.configure([one], new, f"{product}-one")
    one_s = perf_counter() - began_s
    failing = dict.fromkeys(many[::10], "unlink") | dict.fromkeys(many[5::10], "link")
    for number, step in failing.items():
        await run.fail(number, f"{step}_{product}")
    before = await run.requests()
    began_s = perf_counter()
    report = await run.configure(many, new, f"{product}-many")
    many_s = perf_counter() - began_s
    sent = await run.requests() - before
    sweep = {
        line.order_id.split()[0]: line
        for line in await run.sweep()
        if line.reference == f"{product}-many"
    }
    expected = {
        "unlink": ("old", "unlink failed"),
        "link": ("none", "link failed"),
        "": ("new", "linked"),
    }
    wrong = []
    for line in report.numbers:
        number = line.phone_number
        links, told = expected[failing.get(number, "")]
        shown, swept = await run.linked(number, product), sweep[number]
        named = any(number in command for command in report.commands)
        as_told = (line.state == "as wished") == (told == "linked") and named == (told != "linked")
        coded = product == "voice" or told == "linked" or line.code == "CAMPAIGN_MNO_REVIEW"
        if (
            (shown, swept.state, bool(swept.alarms)) != (links, told, told != "linked")
            or not as_told
            or not coded
        ):
            wrong.append(f"{number}: vendor {shown}, report {line.state}, sweep {swept.state}")
    limit_s = TIMES_MAX * one_s + sent.total() / rate_per_s
    states = Counter(line.state for line in report.numbers)
    print(
        f"{product}: one number {one_s:.1f} s; {len(many)} numbers {many_s:.1f} s "
        f"(at most {limit_s:.1f}: {TIMES_MAX} x one, {sent.total()} requests at {rate_per_s:g}/s)"
    )
    print(f"  requests: {', '.join(f'{name} {n}' for name, n in sorted(sent.items()))}")
    print(
        f"  report: {', '.join(f'{n} {state}' for state, n in states.items())}; "
        f"{len(report.commands)} commands"
    )
    swept = Counter(line.state for line in sweep.values())
    print(f"  sweep: {', '.join(f'{n} {state}' for state, n in swept.items())}")
    print(f"  report, sweep and simulator agree on {len(many) - len(wrong)} of {len(many)} numbers")
    for each in wrong[:5]:
        print(f"  {each}")
    return not wrong and many_s < limit_s


async def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--numbers", type=int, default=200)
    parser.add_argument(
        "--rate", type=float, default=20.0, help="requests per second that the limit counts with"
    )
    given = parser.parse_args()
    print((__doc__ or "").partition("\n")[0])
    print(
        f"Machine: {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}; journal on SQLite"
    )
    good = True
    with simulator_process() as (control_url, environment), tempfile.TemporaryDirectory() as home:
        settings = settings_at(environment, Path(home))
        async with httpx.AsyncClient(base_url=control_url, trust_env=False) as control:
            reply = await control.post(
                "/script", json={"action": "seed_active", "count": given.numbers + 1}
            )
            run = Run(settings, control)
            async with open_client(settings) as client:
                numbers = [each.phone_number async for each in client.active_numbers.iterate()]
            assert len(numbers) == given.numbers + 1, reply.text
            for product in ("sms", "voice"):
                good &= await measure(run, product, numbers, given.rate)
    return int(not good)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
