"""Question: do random faults and deaths ever make a purchase break a promise?

A promise is broken by a double charge, by a charge that no report names, or by a run that ends in
no known way.

    python benchmarks/chaos.py                            1,000 seeded purchases at 20 % faults
    python benchmarks/chaos.py --first 417 --purchases 1  one seed again
    python benchmarks/chaos.py --processes 50             whole processes, killed with SIGKILL

The first two run at library level, two processes at a time; the last one runs
`numberflow run search-and-rent`. The judge is the simulator's ledger. The exit code is 1 when a
promise was broken; then the seed is printed and its journal kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import stamina.instrumentation
from support.chaos import PATIENCE, Ended, purchase_in_chaos, summary
from support.judging import violations
from support.settling import settle_by_truth

from numberflow.cli.prefect_server import start_server, wait_ready
from numberflow.cli.processes import free_port, stop
from numberflow.models.reports import PurchaseReport, RunOutcome
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

AT_ONCE = 2
# Prefect's start takes most of a run; a run that is not through after this is counted as lost.
RUN_TIMEOUT_S = 180.0
PROCESS_RUNS_MAX = 10
# Runs of one purchase that are killed at most; later ones are left alone, so that it ends.
KILLS_MAX = 3
_EXITS = {0: RunOutcome.DONE, 3: RunOutcome.REFUSED, 4: RunOutcome.NEEDS_PERSON}


def library_purchase(seed: int, faults: float, keep: str) -> Ended:
    """One seed at library level, in this process. Its folder stays when something went wrong."""
    stamina.instrumentation.set_on_retry_hooks([])
    logging.disable(logging.WARNING)
    folder = Path(keep, f"seed-{seed}")
    folder.mkdir()
    ended = asyncio.run(purchase_in_chaos(seed, folder, faults=faults))
    if not ended.wrong:
        shutil.rmtree(folder)
    return ended


def process_purchase(seed: int, faults: float, keep: str, api_url: str) -> Ended:
    """One seed as whole processes against a simulator of its own.

    SIGKILL strikes at a random request of a run.
    """
    rng = random.Random(f"process-{seed}")
    asked = rng.randint(1, 3)
    home = Path(keep, f"process-seed-{seed}")
    home.mkdir()
    parameters = {
        "region_code": "US",
        "number_type": "LOCAL",
        "quantity": asked,
        "max_today": "500",
        "max_monthly": "500",
        "reference": f"PO-{seed}",
        "provisioning_wait_s": 0,
        "strategy": "any" if rng.random() < 0.2 else "chosen",
    }
    wrong: list[str] = []
    runs = kills = persons = 0
    report: PurchaseReport | None = None
    with serve(
        Simulator(SimulatorSettings(seed=seed, chaos=faults, active=6, stock_us_local=60))
    ) as running:
        while (
            runs < PROCESS_RUNS_MAX
            and not wrong
            and (report is None or report.outcome is not RunOutcome.DONE)
        ):
            runs += 1
            kill_at = (
                rng.randint(1, 4 + 4 * asked) if kills < KILLS_MAX and rng.random() < 0.75 else None
            )
            code, report = _run_process(
                home, parameters, running, api_url, kill_at, rng.uniform(0.0, 0.05)
            )
            kills += code == -signal.SIGKILL
            if report is None:
                if code != -signal.SIGKILL:
                    wrong.append(f"run {runs} ended with code {code} and no report")
                continue
            if _EXITS.get(code) is not report.outcome and code != -signal.SIGKILL:
                wrong.append(f"run {runs}: code {code} for {report.outcome}")
            wrong += [
                f"run {runs}: {what}"
                for what in violations(running.simulator.charges(), report, asked=asked)
            ]
            persons += report.outcome is RunOutcome.NEEDS_PERSON
            if report.outcome is RunOutcome.NEEDS_PERSON and persons % PATIENCE == 0:
                settle_by_truth(
                    f"sqlite:///{home / 'numberflow.db'}", report, running.simulator.charges()
                )
        rentals, requests = running.simulator.rentals(), len(running.simulator.requests())
    if (report is None or report.outcome is not RunOutcome.DONE or rentals != asked) and not wrong:
        wrong.append(
            f"{rentals} of {asked} after {runs} runs: {report.reason if report else 'no report'}"
        )
    if not wrong:
        shutil.rmtree(home)
    return Ended(seed, asked, runs, kills, persons, rentals, requests, tuple(wrong))


def _run_process(
    home: Path,
    parameters: dict[str, Any],
    running: Running,
    api_url: str,
    kill_at: int | None,
    delay_s: float,
) -> tuple[int, PurchaseReport | None]:
    """Exit code and report (None when the run left none) of one `numberflow run`.

    Killed at its `kill_at`-th request.
    """
    report_file = home / "report.json"
    report_file.unlink(missing_ok=True)
    environment = os.environ | running.environment | {
        "NUMBERFLOW_HOME": str(home),
        # Chaos lets reads lag by up to a second; silence lasts two.
        "NUMBERFLOW_SETTLE_S": "3",
        "NUMBERFLOW_HTTP_TIMEOUT_S": "1.5",
        "PREFECT_API_URL": api_url,
        "PREFECT_HOME": str(home / "prefect"),
    }  # fmt: skip
    before = len(running.simulator.requests())
    with (home / "runs.log").open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "numberflow",
                "run",
                "search-and-rent",
                "--params",
                json.dumps(parameters),
                "--report",
                str(report_file),
            ],
            env=environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=home,
        )
        end = monotonic() + RUN_TIMEOUT_S
        while process.poll() is None and monotonic() < end:
            if kill_at is not None and len(running.simulator.requests(since=before)) >= kill_at:
                sleep(delay_s)
                process.kill()
                break
            sleep(0.005)
        if process.poll() is None and monotonic() >= end:
            process.terminate()
        code = process.wait()
    return code, PurchaseReport.model_validate_json(
        report_file.read_text()
    ) if report_file.exists() else None


@contextmanager
def prefect(folder: Path) -> Iterator[str]:
    """The Prefect server of PREFECT_API_URL, or one for the time of the benchmark.

    Yields its API address.
    """
    if url := os.environ.get("PREFECT_API_URL"):
        yield url
        return
    port = free_port(0)
    api_url = f"http://127.0.0.1:{port}/api"
    server = start_server(folder / "prefect", port, folder / "prefect.log")
    try:
        wait_ready(api_url, server, folder / "prefect.log")
        yield api_url
    finally:
        stop(server)


def run_all(arguments: argparse.Namespace, keep: Path) -> Sequence[Ended]:
    """Every seed, two at a time; failures are printed as they come."""
    seeds = range(arguments.first, arguments.first + (arguments.processes or arguments.purchases))
    if arguments.processes:
        with prefect(keep) as api_url, ThreadPoolExecutor(AT_ONCE) as pool:
            ended = pool.map(
                lambda seed: process_purchase(seed, arguments.faults, str(keep), api_url), seeds
            )
            return [_told(one, keep) for one in ended]
    with ProcessPoolExecutor(AT_ONCE) as pool:
        count = len(seeds)
        ended = pool.map(
            library_purchase, seeds, [arguments.faults] * count, [str(keep)] * count, chunksize=5
        )
        return [_told(one, keep) for one in ended]


def _told(ended: Ended, keep: Path) -> Ended:
    for what in ended.wrong:
        print(f"seed {ended.seed}: {what} (journal kept under {keep})", flush=True)
    return ended


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--purchases", type=int, default=1000, help="at library level (default 1000)"
    )
    parser.add_argument(
        "--processes", type=int, default=0, help="purchases as whole processes instead"
    )
    parser.add_argument(
        "--faults",
        type=float,
        default=0.2,
        help="share of requests that meet a fault (default 0.2)",
    )
    parser.add_argument("--first", type=int, default=1, help="first seed (default 1)")
    arguments = parser.parse_args()
    print((__doc__ or "").partition("\n")[0])
    print(
        f"Machine: {os.cpu_count()} cores, {platform.system()}, Python "
        f"{platform.python_version()}, {AT_ONCE} at a time"
    )
    keep = Path(tempfile.mkdtemp(prefix="numberflow-chaos-"))
    began_s = monotonic()
    ended = run_all(arguments, keep)
    last = ended[-1].seed
    print(f"seeds {arguments.first} to {last}, {arguments.faults:.0%} faults: {summary(ended)}")
    print(f"{monotonic() - began_s:.0f} s")
    failed = any(one.wrong for one in ended)
    if not failed:
        shutil.rmtree(keep)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
