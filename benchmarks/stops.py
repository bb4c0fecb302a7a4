"""Question: after a stop in the middle of 30 rents, does another leave, and is each charge named?

    python benchmarks/stops.py                  20 seeds of each way to stop
    python benchmarks/stops.py --seeds 3 --only kill

Ways: suspend, cancel (the run's state is changed in Prefect), sigterm, kill (SIGKILL, then a
sweep), file (the stop file), command (`numberflow stop`). The judge is the simulator's ledger.
"After the stop" is every rent that was permitted more than GRACE_S after the stop had been
acknowledged, by the journal's attempts: a step that had asked a moment before is under way. The
exit code is 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
from support.runs import Nursery, Run

from numberflow.cli.prefect_server import start_server, wait_ready
from numberflow.cli.processes import free_port, stop
from numberflow.client import Client
from numberflow.journal import ALL_PROJECTS, Journal
from numberflow.purchase.run_context import RunContext
from numberflow.purchase.stopped import name_stopped
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve

ASKED = 30
# A vendor that takes a while over each rent, so that a stop meets several that are under way.
RENT_S = 0.15
PATIENCE_S = 180.0
# Between a step's question whether it may go on and its request lies one write to the journal. The
# promise is 2 s.
GRACE_S = 0.5
WAYS = ("suspend", "cancel", "sigterm", "kill", "file", "command")
# After these no rent may leave; a process that is told to end by a signal ends by itself.
HOLDING = frozenset({"suspend", "cancel", "file", "command"})


@dataclass(frozen=True)
class Case:
    """What one stop came to."""

    way: str
    seed: int
    charged: int
    after: int
    """Rents that were permitted after the stop was acknowledged, and sent."""
    unnamed: tuple[str, ...]
    code: int


def one(way: str, seed: int, nursery: Nursery, api_url: str, folder: Path) -> Case:
    """Start 30 rents, stop at a random one in this way, and compare ledger, journal and report."""
    folder.mkdir(parents=True)
    at = random.Random(f"{way}-{seed}").randint(2, ASKED - 6)
    with serve(Simulator(SimulatorSettings(seed=seed, active=0))) as running:
        running.simulator.faults.add({"operation": "rent", "fault": "delay", "delay_s": RENT_S})
        environment = running.environment | {
            "NUMBERFLOW_HOME": str(folder / "home"),
            "NUMBERFLOW_SETTLE_S": "1",
            "NUMBERFLOW_LEASE_S": "30",
        }
        run = nursery.start(_arguments(), environment, folder, None)
        _until(lambda: running.simulator.rentals() >= at, run)
        _stop(way, run, api_url, folder)
        acknowledged = datetime.now(UTC)
        if not run.ended.wait(PATIENCE_S):
            run.kill()
        sleep(RENT_S * 2)
        told = _told(way, folder, environment)
        charged = {
            charge["phone_number"]
            for charge in running.simulator.charges()
            if charge["kind"] == "setup"
        }
        with Journal.open(f"sqlite:///{folder / 'home' / 'numberflow.db'}") as journal:
            after = sum(
                attempt.started_at > acknowledged + timedelta(seconds=GRACE_S)
                and attempt.outcome != "not_sent"
                for row in journal.intentions()
                for attempt in journal.history(row.id).attempts
            )
        return Case(way, seed, len(charged), after, tuple(sorted(charged - told)), run.code or 0)


def _arguments() -> list[str]:
    parameters = {
        "region_code": "US",
        "number_type": "LOCAL",
        "quantity": ASKED,
        "max_today": "500",
        "max_monthly": "500",
        "reference": "PO-STOP",
        "provisioning_wait_s": 0,
    }
    return ["run", "search-and-rent", "--params", json.dumps(parameters), "--json"]


def _until(holds: Callable[[], bool], run: Run) -> None:
    end = monotonic() + PATIENCE_S
    while not holds():
        if run.code is not None or monotonic() > end:
            raise RuntimeError(
                f"the run came to nothing: {(run.folder / 'err').read_text()[-2000:]}"
            )
        sleep(0.005)


def _stop(way: str, run: Run, api_url: str, folder: Path) -> None:
    match way:
        case "suspend" | "cancel":
            kind, name = (
                ("PAUSED", "Suspended") if way == "suspend" else ("CANCELLING", "Cancelling")
            )
            (found,) = httpx.post(
                f"{api_url}/flow_runs/filter",
                json={"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}},
                timeout=30,
            ).json()
            answer = httpx.post(
                f"{api_url}/flow_runs/{found['id']}/set_state",
                json={"state": {"type": kind, "name": name}},
                timeout=30,
            ).json()
            assert answer["status"] == "ACCEPT", answer
        case "sigterm":
            run.signal(signal.SIGTERM)
        case "kill":
            run.kill()
        case "file":
            (folder / "home" / "stop").touch()
        case _:
            with Journal.open(f"sqlite:///{folder / 'home' / 'numberflow.db'}") as journal:
                journal.stop(ALL_PROJECTS, by="benchmark")


def _told(way: str, folder: Path, environment: dict[str, str]) -> set[str]:
    """The numbers that the run's own report names; of a killed run, those that the sweep names."""
    if way == "kill":
        return asyncio.run(_swept(environment))
    report: dict[str, Any] = json.loads((folder / "out").read_text())
    named = {str(line["subject"]) for line in report.get("lines", ()) if line["state"] != "planned"}
    named |= {
        str(line["phone_number"])
        for line in report.get("numbers", ())
        if line["state"] != "planned"
    }
    return named | {str(item["subject"]) for item in report.get("open_items", ())}


async def _swept(environment: dict[str, str]) -> set[str]:
    settings = Settings.model_validate({name.lower(): value for name, value in environment.items()})
    with Journal.open(settings.journal_url) as journal:
        async with Client(settings) as client:
            lines = await name_stopped(RunContext(client, journal, settings), idle_s=0.0)
    return {number.phone_number for line in lines for number in line.numbers}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="of each way (default 20)")
    parser.add_argument("--only", choices=WAYS, help="one way to stop")
    arguments = parser.parse_args()
    print((__doc__ or "").partition("\n")[0])
    print(
        f"Machine: {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}; one run at a time"
    )
    keep = Path(tempfile.mkdtemp(prefix="numberflow-stops-"))
    port = free_port(0)
    api_url, failed = f"http://127.0.0.1:{port}/api", False
    server = start_server(keep / "prefect", port, keep / "prefect.log")
    try:
        wait_ready(api_url, server, keep / "prefect.log")
        with Nursery(api_url, keep) as nursery:
            for way in (arguments.only,) if arguments.only else WAYS:
                began_s = monotonic()
                cases = [
                    one(way, seed, nursery, api_url, keep / f"{way}-{seed}")
                    for seed in range(1, arguments.seeds + 1)
                ]
                after, unnamed = (
                    sum(case.after for case in cases),
                    sum(len(case.unnamed) for case in cases),
                )
                failed |= bool(unnamed) or (way in HOLDING and after > 0)
                print(
                    f"{way:<8} {len(cases)} seeds, {sum(case.charged for case in cases)} of "
                    f"{ASKED * len(cases)} charged, "
                    f"costly requests after the stop {after}, charges that no report names "
                    f"{unnamed}, "
                    f"exit codes {sorted({case.code for case in cases})}, "
                    f"{monotonic() - began_s:.0f} s",
                    flush=True,
                )
    finally:
        stop(server)
    print(f"What the runs printed is under {keep}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
