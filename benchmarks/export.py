"""Question: how fast is the export, and how much memory does it take, against what one would use instead and against the least possible?

    python benchmarks/export.py [--sizes 10000,100000] [--delays 0,50] [--rounds 5] [--variants ours,floor,json_normalize,sdk,dlt]

Every variant runs in a process of its own against a stub that answers from pre-rendered pieces in another process (benchmarks/support). In each round
every variant runs once, in random order, and ratios are taken inside the round: on a shared machine only they mean anything. Imports are not timed.
"Ours" is all of it: proof of completeness, duplicates, checksum, manifest, publication. dlt takes part where it is installed. Loading is timed last.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import random
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
from typing import Any

# In place of this folder: its modules would hide packages of the same name.
sys.path.pop(0)

import pandas as pd

from numberflow import load_inventory

SUPPORT = Path(__file__).parent / "support"

# Targets by figure; ratios but where a unit stands there. The reasons stand in docs/inventory.md.
TARGETS = {
    "sdk ÷ ours": "≥ 25", "dlt ÷ ours": "≥ 25", "json_normalize ÷ ours": "≥ 8 (0 ms), ≥ 10 (50 ms)", "ours ÷ floor": "≤ 2.0",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """One variant in one round."""

    seconds: float
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
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    return Result(**facts, requests=_requests(url))


def _requests(url: str) -> int:
    """Requests since this was last asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/count") as reply:
        return int(json.load(reply)["requests"])


def spread(values: list[float], digits: int = 2) -> str:
    """Median with the least and the greatest."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def measure(variants: list[str], size: int, delay_ms: int, rounds: int, connections: int) -> dict[str, list[Result]]:
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
    print("| Variant | run s | Peak RSS MB | Requests | Bytes a number | ÷ ours |\n|---|---|---|---|---|---|")
    ours = results.get("ours")
    for variant, found in results.items():
        against = [other.seconds / mine.seconds for other, mine in zip(found, ours, strict=True)] if ours else []
        print(
            f"| {variant} | {spread([each.seconds for each in found])} | {spread([each.peak_mb for each in found], 0)} "
            f"| {found[0].requests} | {found[0].bytes / size:.0f} | {spread(against) if against else '-'} |"
        )


def load_times(size: int, rounds: int) -> None:
    """The loader against pandas' default reading of the same file."""
    with tempfile.TemporaryDirectory() as folder, stub(size, 0) as url:
        once("ours", url, 16, Path(folder))
        file = next(Path(folder).rglob("numbers.parquet"))
        load_inventory(root=folder), pd.read_parquet(file)  # imports, caches
        ratios: list[float] = []
        for _ in range(rounds):
            began = perf_counter()
            load_inventory(root=folder)
            middle = perf_counter()
            pd.read_parquet(file)
            ratios.append((middle - began) / (perf_counter() - middle))
    print(f"\nload_inventory ÷ pandas.read_parquet with its defaults, {size:,} rows: {spread(ratios)} (target ≤ 0.4)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--delays", default="0,50")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--variants", default="ours,floor,json_normalize,sdk,dlt")
    chosen = parser.parse_args()
    variants = [name for name in chosen.variants.split(",") if name != "dlt" or importlib.util.find_spec("dlt")]
    print(__doc__.splitlines()[0])
    print(
        f"\n{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"{chosen.rounds} rounds, {chosen.connections} connections for ours."
    )
    print("Targets: " + "; ".join(f"{name} {target}" for name, target in TARGETS.items()))
    mine: dict[tuple[int, int], list[Result]] = {}
    for size in map(int, chosen.sizes.split(",")):
        for delay_ms in map(int, chosen.delays.split(",")):
            results = measure(variants, size, delay_ms, chosen.rounds, chosen.connections)
            show(results, size, delay_ms)
            mine[size, delay_ms] = results.get("ours", [])
    _growth(mine)
    load_times(max(map(int, chosen.sizes.split(","))), chosen.rounds)


def _growth(mine: dict[tuple[int, int], list[Any]]) -> None:
    """How ours grows with the size, and with the delay. Sizes are measured one after the other: read these with the load in mind."""
    print()
    sizes = sorted({size for size, _ in mine})
    delays = sorted({delay for _, delay in mine})

    def median(size: int, delay: int, of: str) -> float:
        return statistics.median(getattr(each, of) for each in mine[size, delay])

    if not all(mine.values()):
        return
    for small, large in itertools.pairwise(sizes):
        time, memory = (median(large, delays[0], of) / median(small, delays[0], of) for of in ("seconds", "peak_mb"))
        print(
            f"ours, {large:,} ÷ {small:,} numbers: time {time:.1f} (target ≤ {large / small:.0f}), peak RSS {memory:.2f} (target ≤ 1.3)"
        )
    if len(delays) > 1:
        for size in sizes:
            print(
                f"ours, {delays[-1]} ms ÷ {delays[0]} ms at {size:,}: {median(size, delays[-1], 'seconds') / median(size, delays[0], 'seconds'):.2f} (target ≤ 1.5)"
            )


if __name__ == "__main__":
    main()
