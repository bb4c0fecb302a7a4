"""Question: how many signed callbacks a second are stored before they are answered, and how soon?

    python benchmarks/receiver.py [--seconds 60] [--rates 500,1000] [--hostile 20000]

The receiver runs in a process of its own with SQLite (synchronous=FULL); the vendor here sends at
fixed moments over 64 connections, whatever the replies do, and delivers again what got none. First
each rate as it is, then the first rate over three kill -9 and restarts, with every tenth event
sent twice. Afterwards the inbox is compared with what was answered. Then hostile requests: forged,
unsigned, malformed, too large, of no project, by wrong methods, and 50 slow bodies throughout.
Targets: 500 a second with a p99 below 200 ms, none lost, no 5xx for a stranger, memory flat.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter, sleep

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psutil
from support.receiving import PROJECT, Receiver, body_of, environment, receiver, signed

from numberflow.cli.processes import free_port
from numberflow.journal import Journal

CONNECTIONS = 64
KILLS = 3
AGAIN_AFTER_S = 0.5
PATH = f"/callbacks/{PROJECT}"


def request_of(
    body: bytes, headers: dict[str, str], path: str = PATH, method: str = "POST"
) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: receiver", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """A connection that is opened anew when it breaks."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> int | None:
        """The status of the reply; None when there was none."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
            if b"connection: close" in head.lower():
                self.close()
            else:
                length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
            return int(head.split(b" ", 2)[1])
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            self.close()
            return None

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def offer(
    port: int, events: list[tuple[str, bytes]], rate: float
) -> tuple[list[float], set[str], int]:
    """Send each event at its moment, and again until it is answered with 200.

    Returns seconds from moment to reply of those that took one try, the answered, and the tries.
    """
    seconds, answered, tries = [], set[str](), 0
    waiting: asyncio.Queue[tuple[float, str, bytes]] = asyncio.Queue()
    start = perf_counter()

    async def deliver() -> None:
        nonlocal tries
        line = Line(port)
        while True:
            due, event_id, request = await waiting.get()
            again = 0
            while await line.send(request) != 200:
                again += 1
                await asyncio.sleep(AGAIN_AFTER_S)
            tries += 1 + again
            if not again:
                seconds.append(perf_counter() - due)
            answered.add(event_id)
            waiting.task_done()

    lines = [asyncio.create_task(deliver()) for _ in range(CONNECTIONS)]
    for n, (event_id, request) in enumerate(events):
        due = start + n / rate
        if (wait := due - perf_counter()) > 0:
            await asyncio.sleep(wait)
        waiting.put_nowait((due, event_id, request))
    await waiting.join()
    for each in lines:
        each.cancel()
    return seconds, answered, tries


def events_of(name: str, count: int) -> list[tuple[str, bytes]]:
    """Signed requests with ids of their own."""
    ids = [f"{name}-{n}" for n in range(count)]
    return [(each, request_of(body := body_of(each), signed(body))) for each in ids]


def kept(home: Path, answered: set[str]) -> tuple[int, int]:
    """Answered events that are not in the inbox, and rows in it."""
    with Journal.open(f"sqlite:///{home / 'numberflow.db'}") as journal:
        rows = {each.event_id for each in journal.waiting_callbacks(PROJECT, limit=1_000_000)}
    return len(answered - rows), len(rows)


def told(seconds: list[float]) -> str:
    """Median and 99th percentile."""
    cuts = statistics.quantiles(seconds, n=100)
    return f"p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms"


def at_rate(rate: int, seconds: int) -> None:
    """One rate, undisturbed."""
    events = events_of(f"r{rate}", rate * seconds)
    with tempfile.TemporaryDirectory() as folder, receiver(environment(Path(folder))) as running:
        begun = perf_counter()
        times, answered, _ = asyncio.run(offer(running.port, events, rate))
        took = perf_counter() - begun
        used = psutil.Process(running.process.pid).cpu_times()
        lost, rows = kept(Path(folder), answered)
    print(
        f"{rate}/s for {seconds} s: {len(answered) / took:.0f}/s answered, {told(times)}, {lost} "
        f"lost, {rows} rows; receiver {(used.user + used.system) / took * 100:.0f} % of a core"
    )


def over_kills(rate: int, seconds: int) -> None:
    """Kill -9 and restart while events come, every tenth of them twice."""
    once = events_of("k", rate * seconds)
    events = [each for n, each in enumerate(once) for _ in range(2 if n % 10 == 0 else 1)]
    port = free_port(0)

    async def story(variables: dict[str, str]) -> tuple[list[float], set[str], int]:
        sending = asyncio.create_task(offer(port, events, rate))

        def live(pause_s: float) -> None:
            with receiver(variables, port=port) as running:
                wait_until(running, pause_s)

        def wait_until(running: Receiver, pause_s: float) -> None:
            end = perf_counter() + pause_s
            while perf_counter() < end and not sending.done():
                sleep(0.05)
            if not sending.done():
                running.kill()

        for _ in range(KILLS):
            await asyncio.to_thread(live, seconds / (KILLS + 1))
        await asyncio.to_thread(live, 600)
        return await sending

    with tempfile.TemporaryDirectory() as folder:
        _, answered, tries = asyncio.run(story(environment(Path(folder))))
        lost, rows = kept(Path(folder), answered)
    print(
        f"{rate}/s over {KILLS} kill -9: {len(events)} deliveries of {len(once)} events, {tries} "
        f"tries, {len(answered)} answered, {lost} lost, {rows} rows"
    )


async def hostile(port: int, count: int) -> Counter[int | None]:
    """Requests of strangers; how they were answered. None: hung up."""
    body, large = body_of(), b"x" * (64 * 1024 + 1)
    kinds = [
        request_of(body, signed(body, "another")),
        request_of(body, {}),
        request_of(body + b" ", signed(body)),
        request_of(b"[" * 60_000, {"X-Sinch-Signature": "0" * 40}),
        request_of(b"\xff\x00", {"X-Sinch-Signature": "\u00e9" * 40}),
        request_of(large, signed(large)),
        request_of(body, signed(body), path="/callbacks/nobody"),
        request_of(body, signed(body), path="/callbacks/%00%2e%2e/x"),
        request_of(b"", {}, method="DELETE"),
        request_of(b"", {}, path="/" + "x" * 5000),
        b"\x00\x01\x02 no request\r\n\r\n",
    ]
    found: Counter[int | None] = Counter()
    head = request_of(b"", {}).replace(b"Content-Length: 0", b"Content-Length: 9")

    async def slow() -> None:
        while True:
            found[await Line(port).send(head + b"x")] += 1

    async def fast(own: range) -> None:
        line = Line(port)
        for n in own:
            found[await line.send(kinds[n % len(kinds)])] += 1

    slowly = [asyncio.create_task(slow()) for _ in range(50)]
    await asyncio.gather(*(fast(range(n, count, CONNECTIONS)) for n in range(CONNECTIONS)))
    for each in slowly:
        each.cancel()
    return found


def strangers(count: int) -> None:
    """Status codes and memory."""
    with tempfile.TemporaryDirectory() as folder, receiver(environment(Path(folder))) as running:
        process = psutil.Process(running.process.pid)
        asyncio.run(hostile(running.port, count // 10))
        before = process.memory_info().rss
        found = asyncio.run(hostile(running.port, count))
        after = process.memory_info().rss
        body = body_of("after")
        well = running.http.post(PATH, content=body, headers=signed(body)).status_code
    bad = sum(times for status, times in found.items() if status is not None and status >= 500)
    replies = ", ".join(f"{status}: {times}" for status, times in found.most_common())
    print(
        f"{count} hostile requests: {bad} answers of 5xx ({replies}); memory "
        f"{before / 1e6:.0f} → {after / 1e6:.0f} MB; a signed one afterwards: {well}"
    )


def main() -> None:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rates", default="500,1000")
    parser.add_argument("--hostile", type=int, default=20_000)
    given = parser.parse_args()
    rates = [int(each) for each in given.rates.split(",")]
    cores = psutil.cpu_count()
    print(f"{platform.platform()}, {cores} cores, load {psutil.getloadavg()[0]:.1f}, SQLite")
    for rate in rates:
        at_rate(rate, given.seconds)
    over_kills(rates[0], given.seconds)
    strangers(given.hostile)


if __name__ == "__main__":
    main()
