"""Question: do processes with one access key keep the vendor's limit, and what does a turn cost?

    python benchmarks/rate.py [--seconds 60] [--processes 4] [--only shared|turns|export|large]

- shared: that many processes read as quickly as they may, with one key and one journal, under
  limits of 20 requests/s (Numbers) and 10 requests/s (imported numbers), 429 without Retry-After.
  Targets: at most 1.2 times the limit, at most 2 % refused, no read fails.
- turns: what waiting for a turn takes when the limit is far away. Target: a median of at most 1 ms.
- export: `numberflow export` of 20,000 rented and 300 imported numbers under the same limits.
  Target: complete, 0 failures.
- large: `numberflow export` of 100,000 numbers in pages of 100 without limits, by the pace that
  grows and by the 50 requests/s that every client had before. Target: the rented numbers are not
  read more slowly. No number leaves meanwhile: one that does costs about 100 requests more, in
  whichever of the two runs it falls.

The simulator runs in a process of its own and counts. Its limits are what the contract assumes;
nobody publishes real ones.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx
import pyarrow.parquet as pq
from support.postgres import PostgresServer
from support.shop import settings_at

from numberflow.client.pace import HostPace
from numberflow.journal import Journal, Paces
from numberflow.purchase.run_context import open_client
from numberflow.settings import Rates
from numberflow.simulator import Simulator, SimulatorSettings, serve

LIMITS = {"rate_limit": True, "imported_rate_limit": True, "imported_rate_retry_after_s": 0}
LIMIT_PER_S = {"numbers": 20.0, "imported": 10.0}
RENTED, IMPORTED, LARGE = 20_000, 300, 100_000
SHARE_MAX, TIMES_MAX, TURN_MAX_MS = 0.02, 1.2, 1.0
AT_ONCE = 8


@contextmanager
def simulator_process(
    active: int, *, limited: bool = True
) -> Iterator[tuple[str, Mapping[str, str], Connection]]:
    """Control address and environment of a simulator in another process.

    Send "count" for its requests by host and status, "cpu" for its CPU seconds.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, active, limited), daemon=True)
    process.start()
    try:
        yield *ours.recv(), ours
    finally:
        ours.send("stop")
        process.join(timeout=10)


def _serve(connection: Connection, active: int, limited: bool) -> None:
    simulator = Simulator(SimulatorSettings(active=active, switches=LIMITS if limited else {}))
    for number in simulator.world.holdings:
        number.expire_at = None
    with serve(simulator) as running:
        connection.send((running.control_url, dict(running.environment)))
        while (asked := connection.recv()) != "stop":
            found = Counter(
                (entry["path"].split("/")[1], entry["status"]) for entry in simulator.requests()
            )
            connection.send(dict(found) if asked == "count" else process_time())


def _read(
    environment: Mapping[str, str], home: str, host: str, seconds: float, told: Connection
) -> None:
    """One process: reads for so long; how many it got, and how many failed."""

    async def run() -> tuple[int, int]:
        got = failed = 0
        ends_at = perf_counter() + seconds
        async with open_client(settings_at(environment, Path(home))) as client:

            async def loop() -> None:
                nonlocal got, failed
                while perf_counter() < ends_at:
                    try:
                        if host == "numbers":
                            await client.active_numbers.list_page(page_size=1)
                        else:
                            await client.imported_numbers.list_page(
                                service_plan_id="plan-0001", campaign_id="", page_size=1
                            )
                        got += 1
                    except Exception as error:  # noqa: BLE001 - counted, and said
                        failed += 1
                        print(f"    failed: {type(error).__name__}: {error}")

            await asyncio.gather(*(loop() for _ in range(AT_ONCE)))
        return got, failed

    told.send(asyncio.run(run()))


def shared(processes: int, seconds: float) -> bool:
    good = True
    context = multiprocessing.get_context("spawn")
    for host, limit in LIMIT_PER_S.items():
        with (
            simulator_process(250) as (_, environment, simulator),
            tempfile.TemporaryDirectory() as home,
        ):
            Journal.open(f"sqlite:///{home}/numberflow.db").close()
            pipes, started = [], []
            for _ in range(processes):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=_read, args=(environment, home, host, seconds, theirs)
                )
                process.start()
                pipes.append(ours)
                started.append(process)
            results = [pipe.recv() for pipe in pipes]
            for process in started:
                process.join()
            simulator.send("count")
            seen: dict[tuple[str, int], int] = simulator.recv()
        asked = sum(count for (at, _), count in seen.items() if at == host)
        refused = seen.get((host, 429), 0)
        failed = sum(failed for _, failed in results)
        each = sorted(got for got, _ in results)
        fine = asked / seconds <= TIMES_MAX * limit and refused <= SHARE_MAX * asked and not failed
        good &= fine
        print(
            f"  {host}: limit {limit:.0f}/s, {processes} processes, {seconds:.0f} s: "
            f"{asked / seconds:.1f} requests/s "
            f"({asked / seconds / limit:.2f} of the limit), {refused} of {asked} refused "
            f"({refused / asked:.2%}), "
            f"{failed} failures, each process {each[0]} to {each[-1]}: "
            f"{'reached' if fine else 'MISSED'}",
            flush=True,
        )
    return good


def turns() -> bool:
    """A pace that allows 1,000/s, asked 250 times a second.

    Nobody waits for the limit, so what is left is the cost.
    """
    rates = Rates(1000.0, 1.0, 1000.0)
    good = True
    server = PostgresServer()
    try:
        with tempfile.TemporaryDirectory() as home:
            urls = {
                "SQLite": f"sqlite:///{home}/numberflow.db",
                "Postgres": server.fresh_database(),
            }
            for name, url in urls.items():
                Journal.open(url).close()
                median_ms, worst_ms = asyncio.run(_turns(url, rates))
                good &= median_ms <= TURN_MAX_MS
                print(
                    f"  a turn, {name}: median {median_ms:.3f} ms, 99 % below {worst_ms:.2f} ms",
                    flush=True,
                )
    finally:
        server.close()
    return good


async def _turns(url: str, rates: Rates) -> tuple[float, float]:
    taken: list[float] = []
    with Paces(url) as paces:
        pace = HostPace("numbers", "benchmark", rates, shared=paces)
        await pace.turn()
        for _ in range(1000):
            began = perf_counter()
            await pace.turn()
            taken.append(1000 * (perf_counter() - began))
            await asyncio.sleep(0.004)
        await pace.close()
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def export() -> bool:
    with (
        simulator_process(RENTED) as (control, environment, simulator),
        tempfile.TemporaryDirectory() as home,
    ):
        seed = {"action": "seed_imported", "count": IMPORTED, "service_plan_id": "plan-0001"}
        httpx.post(f"{control}/script", json=seed, trust_env=False, timeout=60).raise_for_status()
        began = perf_counter()
        ended = subprocess.run(
            [Path(sys.executable).with_name("numberflow"), "export", "--json"],
            env=os.environ | environment | {"NUMBERFLOW_HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
        took_s = perf_counter() - began
        simulator.send("count")
        seen: dict[tuple[str, int], int] = simulator.recv()
        files = list(Path(home).rglob("numbers.parquet"))
        sources: Counter[str] = Counter()
        for file in files:
            if "inventory" in file.parts:
                sources.update(pq.read_table(file, columns=["source"]).column("source").to_pylist())
    fine = ended.returncode == 0 and dict(sources) == {"rented": RENTED, "imported": IMPORTED}
    told: Any = json.loads(ended.stdout) if ended.returncode == 0 else ended.stderr[-500:]
    refused = sum(count for (_, status), count in seen.items() if status == 429)
    print(
        f"  numberflow export: exit {ended.returncode}, {dict(sources)}, {took_s:.1f} s, "
        f"{sum(seen.values())} requests, "
        f"{refused} refused: {'reached' if fine else f'MISSED: {told}'}",
        flush=True,
    )
    return fine


def large() -> bool:
    read_s: dict[str, float] = {}
    with simulator_process(LARGE, limited=False) as (_, environment, simulator):
        for name, rates in {"at 50 requests/s": "50,50,50", "growing": ""}.items():
            with tempfile.TemporaryDirectory() as home:
                cpu_s = -_cpu_s(simulator)
                began, began_cpu_s = perf_counter(), _cpu_of_children_s()
                subprocess.run(
                    [Path(sys.executable).with_name("numberflow"), "export"],
                    env=os.environ
                    | environment
                    | {"NUMBERFLOW_HOME": home, "NUMBERFLOW_NUMBERS_RATE": rates},
                    capture_output=True,
                    check=True,
                )
                took_s = perf_counter() - began
                own_cpu_s = _cpu_of_children_s() - began_cpu_s
                cpu_s += _cpu_s(simulator)
                (path,) = Path(home).glob("data/inventory/v1/*/*/_manifest.json")
                told: Any = json.loads(path.read_bytes())
            start, end = (datetime.fromisoformat(told[at]) for at in ("snapshot_at", "read_until"))
            read_s[name] = (end - start).total_seconds()
            print(
                f"  numberflow export, {name}: {told['rows']} numbers in {read_s[name]:.1f} s and "
                f"{told['requests']} requests, {took_s:.1f} s with start, "
                f"{told['completeness']['imported']['requests']} imported lists, report and end; "
                f"CPU: export {own_cpu_s:.1f} s, simulator {cpu_s:.1f} s; {told['remarks']}",
                flush=True,
            )
    fine = read_s["growing"] <= read_s["at 50 requests/s"]
    print(f"  not slower than at 50 requests/s: {'reached' if fine else 'MISSED'}", flush=True)
    return fine


def _cpu_of_children_s() -> float:
    """CPU seconds of every process that was started here and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cpu_s(simulator: Connection) -> float:
    simulator.send("cpu")
    return float(simulator.recv())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--only", choices=("shared", "turns", "export", "large"))
    given = parser.parse_args()
    print(__doc__.splitlines()[0])
    load = os.getloadavg()[0]
    print(
        f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores, load "
        f"{load:.1f} at the start"
    )
    parts = {
        "turns": turns,
        "shared": lambda: shared(given.processes, given.seconds),
        "export": export,
        "large": large,
    }
    chosen = [given.only] if given.only else list(parts)
    results = [parts[name]() for name in chosen]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
