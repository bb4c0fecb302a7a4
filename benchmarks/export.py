"""Question: how fast is the export and how much memory does it take, compared with alternatives?

    python benchmarks/export.py [--sizes 10000,100000,1000000] [--delays 0,50] [--rounds 5]
        [--variants ours,floor,json_normalize,node,sdk,dlt] [--no-flow]

The alternatives are what one would use instead, and the least possible (`floor`). Every variant
runs in a process of its own against a stub in another process that answers from pre-rendered
pieces (benchmarks/support). In each round every variant runs once, in random order. Ratios are
taken within the round: on a shared machine only they mean anything. Imports are not timed. CPU
seconds stand beside wall time: where others use the cores too, a program with several threads loses
more wall time. "Ours" is all of it: proof of completeness, duplicates, checksum, manifest,
publication. dlt and node take part where they are installed. At the end the figures are compared
with their targets.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

# In place of this folder: its modules would hide packages of the same name.
sys.path.pop(0)

import pandas as pd

from numberflow import load_inventory
from numberflow.cli.prefect_server import start_server, wait_ready
from numberflow.cli.processes import free_port, stop

SUPPORT = Path(__file__).parent / "support"


@dataclass(frozen=True)
class Result:
    """One variant in one round."""

    seconds: float
    engine_s: float
    cpu_s: float
    peak_mb: float
    rows: int
    bytes: int
    requests: int


@contextmanager
def stub(count: int, delay_ms: int) -> Iterator[str]:
    """Address of a stub with so many numbers."""
    process = subprocess.Popen(
        [sys.executable, str(SUPPORT / "export_stub.py"), str(count), str(delay_ms)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate()


def once(variant: str, url: str, connections: int, folder: Path | None = None) -> Result:
    """Run one variant in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            sys.executable,
            str(SUPPORT / "export_variants.py"),
            variant,
            url,
            str(folder or scratch),
            str(connections),
        ]
        _requests(url)
        # numberflow and the SDK are quiet; dlt is not.
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    return Result(**facts, requests=_requests(url))


def _requests(url: str) -> int:
    """Requests since this was last asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/count") as reply:
        return int(json.load(reply)["requests"])


def spread(values: list[float], digits: int = 2) -> str:
    """Median with the least and the greatest."""
    return (
        f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to "
        f"{max(values):.{digits}f})"
    )


def measure(
    variants: list[str], size: int, delay_ms: int, rounds: int, connections: int
) -> dict[str, list[Result]]:
    """All rounds at one size and delay."""
    results: dict[str, list[Result]] = {variant: [] for variant in variants}
    with stub(size, delay_ms) as url:
        for _ in range(rounds):
            for variant in random.sample(variants, len(variants)):
                result = once(variant, url, connections)
                assert result.rows == size, (variant, result.rows, size)
                results[variant].append(result)
    return results


def show(results: dict[str, list[Result]], size: int, delay_ms: int) -> None:
    """A table of one size and delay."""
    print(f"\n## {size:,} numbers, {delay_ms} ms a page\n")
    print(
        "| Variant | run s | CPU s | Peak RSS MB | Requests | Bytes a number | ÷ ours "
        "|\n|---|---|---|---|---|---|---|"
    )
    ours = results.get("ours")
    for variant, found in results.items():
        against = (
            [other.seconds / mine.seconds for other, mine in zip(found, ours, strict=True)]
            if ours
            else []
        )
        print(
            f"| {variant} | {spread([each.seconds for each in found])} | "
            f"{spread([each.cpu_s for each in found])} | "
            f"{spread([each.peak_mb for each in found], 0)} "
            f"| {found[0].requests} | {found[0].bytes / size:.0f} | "
            f"{spread(against) if against else '-'} |"
        )


def load_times(size: int, rounds: int) -> None:
    """The loader against pandas' default reading of the same file."""
    with tempfile.TemporaryDirectory() as folder, stub(size, 0) as url:
        once("ours", url, 16, Path(folder))
        file = next(Path(folder).rglob("numbers.parquet"))
        load_inventory(root=folder), pd.read_parquet(file)  # imports, caches
        ratios: list[float] = []
        for _ in range(
            5 * rounds
        ):  # each takes less than a turn of the scheduler when others run too
            began = perf_counter()
            load_inventory(root=folder)
            middle = perf_counter()
            pd.read_parquet(file)
            ratios.append((middle - began) / (perf_counter() - middle))
    verdict(f"load_inventory ÷ pandas.read_parquet with its defaults, {size:,}", ratios, "<=", 0.4)


def flow_cost(size: int, rounds: int, connections: int) -> None:
    """The flow on a running server against the library call that it makes."""
    with tempfile.TemporaryDirectory() as home:
        port = free_port(0)
        server = start_server(Path(home), port, Path(home) / "server.log")
        try:
            os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
            wait_ready(os.environ["PREFECT_API_URL"], server, Path(home) / "server.log")
            with stub(size, 50) as url:
                once("flow", url, connections)  # the server's first run is slower
                found: dict[str, list[Result]] = {"whole": [], "flow": []}
                for _ in range(rounds):
                    for variant in random.sample(list(found), 2):
                        found[variant].append(once(variant, url, connections))
        finally:
            del os.environ["PREFECT_API_URL"]
            stop(server)
    pairs = list(zip(found["flow"], found["whole"], strict=True))
    alone, inside = ([each.seconds for each in found[variant]] for variant in ("whole", "flow"))
    print(
        f"\nwith changes, costs, forecast and page, {size:,} numbers at 50 ms: {spread(alone)} s; "
        f"as a flow {spread(inside)} s"
    )
    verdict(
        "flow call - library call, s",
        [flow.seconds - whole.seconds for flow, whole in pairs],
        "<=",
        1.0,
    )
    verdict(
        "engine inside the flow ÷ alone",
        [flow.engine_s / whole.engine_s for flow, whole in pairs],
        "<=",
        1.05,
    )


def verdict(name: str, values: list[float], sense: str, target: float) -> None:
    """One figure against its target."""
    middle = statistics.median(values)
    reached = middle >= target if sense == ">=" else middle <= target
    VERDICTS.append(
        f"| {name} | {sense} {target:g} | {spread(values)} | "
        f"{'reached' if reached else '**missed**'} |"
    )


VERDICTS: list[str] = []
# The others of each round against ours, or ours against them: figure, whose is divided by whose,
# sense, target.
AGAINST = {
    (100_000, 0): [
        ("sdk", "ours", ">=", 25),
        ("dlt", "ours", ">=", 25),
        ("json_normalize", "ours", ">=", 8),
        ("node", "ours", ">=", 8),
        ("ours", "floor", "<=", 2),
    ],
    (100_000, 50): [("json_normalize", "ours", ">=", 10), ("node", "ours", ">=", 10)],
    (1_000_000, 0): [("ours", "floor", "<=", 2)],
}


def judge(results: dict[str, list[Result]], size: int, delay_ms: int) -> None:
    """Hold what was measured in one set against the targets."""
    for above, below, sense, target in AGAINST.get((size, delay_ms), ()):
        if above in results and below in results:
            ratios = [
                one.seconds / other.seconds
                for one, other in zip(results[above], results[below], strict=True)
            ]
            verdict(f"{above} ÷ {below}, {size:,} numbers, {delay_ms} ms", ratios, sense, target)
    if ours := results.get("ours"):
        least = -(-size // 1000)
        verdict(
            f"requests ÷ least pages, {size:,}, {delay_ms} ms",
            [each.requests / least for each in ours],
            "<=",
            1.25,
        )
        verdict(f"bytes a number, {size:,}", [each.bytes / size for each in ours], "<=", 60)
        if size == 1_000_000:
            verdict("peak RSS MB, 1,000,000", [each.peak_mb for each in ours], "<=", 300)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--delays", default="0,50")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--variants", default="ours,floor,json_normalize,node,sdk,dlt")
    parser.add_argument(
        "--no-flow", action="store_true", help="leave out the comparison with the Prefect flow"
    )
    chosen = parser.parse_args()
    variants = [name for name in chosen.variants.split(",") if _is_there(name)]
    print(__doc__.splitlines()[0])
    print(
        f"\n{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, "
        f"{chosen.rounds} rounds, {chosen.connections} connections for ours."
    )
    mine: dict[tuple[int, int], list[Result]] = {}
    for size in map(int, chosen.sizes.split(",")):
        for delay_ms in map(int, chosen.delays.split(",")):
            results = measure(variants, size, delay_ms, chosen.rounds, chosen.connections)
            show(results, size, delay_ms)
            judge(results, size, delay_ms)
            mine[size, delay_ms] = results.get("ours", [])
    _growth(mine)
    largest = max(map(int, chosen.sizes.split(",")))
    load_times(largest, chosen.rounds)
    if not chosen.no_flow:
        flow_cost(min(largest, 100_000), chosen.rounds, chosen.connections)
    print("\n| Figure | Target | Median (least to greatest) | |\n|---|---|---|---|")
    print("\n".join(VERDICTS))


def _is_there(variant: str) -> bool:
    if variant == "dlt":
        return importlib.util.find_spec("dlt") is not None
    return variant != "node" or shutil.which("node") is not None


def _growth(mine: dict[tuple[int, int], list[Result]]) -> None:
    """How ours grows with the size, and with the delay.

    Sizes are measured one after the other: read these with the load in mind.
    """
    sizes = sorted({size for size, _ in mine})
    delays = sorted({delay for _, delay in mine})
    if not all(mine.values()):
        return
    for small, large in itertools.pairwise(sizes):
        less, more = mine[small, delays[0]], mine[large, delays[0]]
        verdict(
            f"time {large:,} ÷ {small:,}",
            [b.seconds / a.seconds for a, b in zip(less, more, strict=True)],
            "<=",
            large / small,
        )
        verdict(
            f"peak RSS {large:,} ÷ {small:,}",
            [b.peak_mb / a.peak_mb for a, b in zip(less, more, strict=True)],
            "<=",
            1.3,
        )
    if len(delays) > 1:
        for size in sizes:
            ratios = [
                b.seconds / a.seconds
                for a, b in zip(mine[size, delays[0]], mine[size, delays[-1]], strict=True)
            ]
            verdict(f"ours at {delays[-1]} ms ÷ at {delays[0]} ms, {size:,}", ratios, "<=", 1.5)


if __name__ == "__main__":
    main()
