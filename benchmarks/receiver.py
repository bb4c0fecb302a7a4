"""Question: how many signed callbacks a second are stored before they are answered, and how soon?

    python benchmarks/receiver.py [--seconds 60] [--rates 500,1000] [--hostile 20000]

The receiver runs in a process of its own with SQLite (synchronous=FULL); the vendor here sends at
fixed moments over 64 connections, whatever the replies do, and delivers again what got none. First
each rate as it is, then the first rate over three kill -9 and restarts, with every tenth event
sent twice; then the same from the simulator, which delivers again by the schedule that is assumed
of the vendor, ten times as fast. Afterwards the inbox is compared with what was answered. Then
hostile requests: forged, unsigned, malformed, too large, of no project, by wrong methods, and 50
slow bodies throughout.
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
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep

# In place of this folder, where requests.py would hide the package of that name from every library.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import psutil
from support.receiving import PROJECT, SECRET, body_of, environment, receiver, signed

from numberflow.cli.processes import free_port
from numberflow.journal import Journal
from numberflow.simulator import Simulator, SimulatorSettings, serve
from numberflow.simulator.news import News
from numberflow.simulator.provisioning import Event

CONNECTIONS = 64
KILLS = 3
AGAIN_AFTER_S = 0.5
PATIENCE_S = 600.0
# Of memory, in bytes: what a table of addresses or an answer that is kept would exceed.
GROWTH_MAX = 10_000_000
# The simulator looks through all of its deliveries for what is due.
SIMULATED_RATE, SPEED = 50, 10.0
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


def at_rate(rate: int, seconds: int) -> bool:
    """One rate, undisturbed; whether each was kept once."""
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
    return (0, len(events)) == (lost, rows)


def lives(variables: dict[str, str], port: int, pause_s: float, is_done: Callable[[], bool]) -> int:
    """Receivers on one port: all but the last are killed after a while. How many were."""
    kills = 0
    for last in (*[False] * KILLS, True):
        with receiver(variables, port=port) as running:
            end = perf_counter() + (PATIENCE_S if last else pause_s)
            while perf_counter() < end and not is_done():
                sleep(0.05)
            if not last and not is_done():
                running.kill()
                kills += 1
    return kills


def over_kills(rate: int, seconds: int) -> bool:
    """Kill -9 and restart while events come, every tenth twice; whether each was kept once."""
    once = events_of("k", rate * seconds)
    events = [each for n, each in enumerate(once) for _ in range(2 if n % 10 == 0 else 1)]
    port = free_port(0)

    async def story(variables: dict[str, str]) -> tuple[int, set[str], int]:
        sending = asyncio.create_task(offer(port, events, rate))
        pause_s = seconds / (KILLS + 1)
        kills = await asyncio.to_thread(lives, variables, port, pause_s, sending.done)
        _, answered, tries = await sending
        return kills, answered, tries

    with tempfile.TemporaryDirectory() as folder:
        kills, answered, tries = asyncio.run(story(environment(Path(folder))))
        lost, rows = kept(Path(folder), answered)
    print(
        f"{rate}/s over {kills} kill -9: {len(events)} deliveries of {len(once)} events, {tries} "
        f"tries, {len(answered)} answered, {lost} lost, {rows} rows"
    )
    return (0, len(once)) == (lost, rows)


def from_the_simulator(seconds: int) -> bool:
    """The same from the simulator, which delivers again by its own schedule."""
    count, port = SIMULATED_RATE * seconds, free_port(0)
    settings = SimulatorSettings(active=0, speed=SPEED, project_id=PROJECT)
    with tempfile.TemporaryDirectory() as folder, serve(Simulator(settings)) as vendor:
        vendor.simulator.world.hmac_secret = SECRET
        sender, url = vendor.simulator.callbacks, f"http://127.0.0.1:{port}{PATH}"

        def announce() -> None:
            for n in range(count):
                event = Event("PROVISIONING_TO_VOICE_PLATFORM", "SUCCEEDED")
                news = News(f"+1307{n:07d}", url, event, vendor.simulator.clock.now())
                sender.announce(news, duplicates=1 if n % 10 == 0 else 0)
                sleep(1 / SIMULATED_RATE)

        announcing = Thread(target=announce)

        def is_done() -> bool:
            states = {each["state"] for each in sender.deliveries()}
            return not announcing.is_alive() and "pending" not in states

        announcing.start()
        kills = lives(environment(Path(folder)), port, seconds / (KILLS + 1), is_done)
        deliveries = sender.deliveries()
        lost, rows = kept(
            Path(folder), {each["event_id"] for each in deliveries if each["state"] == "delivered"}
        )
    tries = sum(len(each["attempts"]) for each in deliveries)
    gave_up = sum(each["state"] != "delivered" for each in deliveries)
    print(
        f"the simulator, {SIMULATED_RATE}/s over {kills} kill -9: {len(deliveries)} deliveries of "
        f"{count} events, {tries} tries, {gave_up} given up, {lost} lost, {rows} rows"
    )
    return (0, 0, count) == (gave_up, lost, rows)


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


def strangers(count: int) -> bool:
    """Status codes and memory; whether they harmed nobody."""
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
    return (bad, well) == (0, 200) and after - before < GROWTH_MAX


def main() -> int:
    """Run them all; 1 when an event was lost or doubled, or a stranger did harm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rates", default="500,1000")
    parser.add_argument("--hostile", type=int, default=20_000)
    given = parser.parse_args()
    rates = [int(each) for each in given.rates.split(",")]
    cores = psutil.cpu_count()
    print(f"{platform.platform()}, {cores} cores, load {psutil.getloadavg()[0]:.1f}, SQLite")
    well = [at_rate(rate, given.seconds) for rate in rates]
    well.append(over_kills(rates[0], given.seconds))
    well.append(from_the_simulator(given.seconds))
    well.append(strangers(given.hostile))
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
