"""Question: what does a hostile vendor cost in time and memory, and what does the user see?

    python benchmarks/hostile.py [--only "gzip bomb"] [--ways read,rent,export]

True sizes over loopback: the server runs in a process of its own, and every case in another one
with the default limits and time-outs. `read` lists held numbers by the client, `rent` is a costly
call, `export` is `numberflow numbers list`, which reads as `numberflow export` does. Memory is the
peak of that process, imports included. Target: each ends by itself, with an error that names the
host, in at most 800 MB. The tests have the same cases in small
(tests/unit/client/test_hostile_replies.py).
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

# In place of this folder: its modules would hide packages of the same name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import hostile
from support import wire as w

from numberflow.client import Client
from numberflow.errors import NumberflowError

GB = 1 << 30
PEAK_MB_MAX = 800
WAYS = ("read", "rent", "export")
CASES: dict[str, Callable[[], w.Behaviour]] = {
    "4 GB, declared": lambda: hostile.endless_body(4 * GB, declared=True),
    "4 GB in chunks": lambda: hostile.endless_body(4 * GB, declared=False),
    "gzip bomb": lambda: hostile.gzip_bomb(2 * GB),
    "gzip in gzip": hostile.packed_twice,
    "endless tokens": lambda: hostile.endless_tokens(total_size=250),
    "10,000 deep": lambda: hostile.deep(10_000),
    "2,000,000 objects": lambda: hostile.many_objects(2_000_000),
    "redirect": lambda: w.answer(302, b"", {"Location": "https://evil.example/"}),
    "not UTF-8": hostile.not_utf8,
    "NaN": hostile.with_nan,
    "header of 1 MB": lambda: hostile.one_long_header(1_000_000),
    "1000 headers": lambda: hostile.many_headers(1000),
    "one byte a second": lambda: hostile.drip(1.0),
}


def _serve(name: str, pipe: Connection) -> None:
    async def run() -> None:
        async with w.serve(otherwise=CASES[name]()) as server:
            pipe.send(server.url)
            await asyncio.to_thread(pipe.recv)
            pipe.send(len(server.calls))

    asyncio.run(run())


@contextmanager
def server(name: str) -> Iterator[tuple[str, Callable[[], int]]]:
    """Address of a server that always answers so, and what ends it and counts its requests."""
    ours, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(name, its))
    process.start()

    def count() -> int:
        ours.send(None)
        return int(ours.recv())

    try:
        yield ours.recv(), count
    finally:
        process.terminate()
        process.join()


def _ask(way: str) -> None:
    """In the process that is measured."""

    async def run() -> None:
        async with Client() as client:
            if way == "rent":
                await client.available_numbers.rent("+13075550142")
            else:
                async for _ in client.active_numbers.iterate():
                    pass

    try:
        asyncio.run(run())
    except NumberflowError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)


def measure(name: str, way: str) -> tuple[float, float, int, str]:
    """Seconds, peak MB, requests, and what the user sees."""
    with server(name) as (url, count), tempfile.TemporaryDirectory() as home:
        if way == "export":
            command = [sys.executable, "-m", "numberflow", "numbers", "list"]
        else:
            command = [sys.executable, __file__, "--ask", way]
        environment = {
            **os.environ,
            "SINCH_PROJECT_ID": "project-1",
            "SINCH_KEY_ID": "key-1",
            "SINCH_KEY_SECRET": "secret",
            "SINCH_AUTH_URL": f"{url}/auth",
            "SINCH_NUMBERS_URL": f"{url}/numbers",
            "SINCH_IMPORTED_URL": f"{url}/imported",
            "NUMBERFLOW_HOME": home,
        }
        began_s = perf_counter()
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.DEVNULL, stderr=said
            )
            _, _, used = os.wait4(process.pid, 0)
            seconds = perf_counter() - began_s
            said.seek(0)
            lines = [line.strip() for line in said if line.strip()]
        peak_mb = used.ru_maxrss / (1 if sys.platform == "linux" else 1024) / 1024
        last = " ".join(line for line in lines if "trying again" not in line)
        return seconds, peak_mb, count(), re.sub(r"\s+", " ", last)[-400:]


def main() -> None:
    """Run every case and print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="cases whose name contains this")
    options.add_argument("--ways", default=",".join(WAYS))
    options.add_argument("--ask", default="", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.ask:
        _ask(chosen.ask)
        return
    print("| What comes | Way | Seconds | Peak MB | Requests | What the user sees |")
    print("|---|---|---|---|---|---|", flush=True)
    worst_mb = 0.0
    for name in CASES:
        for way in chosen.ways.split(","):
            if chosen.only not in name:
                continue
            seconds, peak_mb, requests, seen = measure(name, way)
            worst_mb = max(worst_mb, peak_mb)
            cells = f"{name} | {way} | {seconds:.1f} | {peak_mb:.0f} | {requests}"
            print(f"| {cells} | {seen.replace('|', '/')} |", flush=True)
    reached = "reached" if worst_mb <= PEAK_MB_MAX else "MISSED"
    print(f"\nPeak memory at most {PEAK_MB_MAX} MB: {worst_mb:.0f}, {reached}")


if __name__ == "__main__":
    main()
