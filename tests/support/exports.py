"""Exports to test with: a simulated project in the same process whose numbers can come and go
between two requests, and readers who check.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq

from numberflow.client import Budget, Client
from numberflow.export.publish import names
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings
from numberflow.simulator.inprocess import BASE_URL, InProcessTransport

# No pause between tries: what a budget is worth is tested elsewhere.
AT_ONCE = Budget(attempts=5, total_s=60.0, wait_initial_s=0.0, wait_factor=1.0, wait_max_s=0.0)


class Meddler(httpx.AsyncBaseTransport):
    """Lets `meddle` change the world before each page of the active list."""

    def __init__(self, simulator: Simulator, meddle: Callable[[], None] | None) -> None:
        self._inner = InProcessTransport(simulator)
        self._meddle = meddle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._meddle is not None and request.url.path.endswith("/activeNumbers"):
            self._meddle()
        return await self._inner.handle_async_request(request)


@asynccontextmanager
async def project(
    active: int,
    *,
    seed: int = 1,
    page_size: int = 100,
    chaos: float = 0.0,
    meddle: Any = None,
    **switches: Any,
) -> AsyncIterator[tuple[Simulator, Client]]:
    """A simulated project and an open client of it.

    `meddle` is called with the simulator before each page.
    """
    simulator = simulated(active, seed=seed, page_size=page_size, chaos=chaos, **switches)
    async with client_of(simulator, meddle) as client:
        yield simulator, client


def simulated(
    active: int, *, seed: int = 1, page_size: int = 100, chaos: float = 0.0, **switches: Any
) -> Simulator:
    """A simulated project. Little is for sale, since an export does not look at that."""
    switches = {"page_size_max": page_size, **switches}
    simulator = Simulator(
        SimulatorSettings(
            seed=seed, active=active, chaos=chaos, stock_us_local=200, switches=switches
        )
    )
    for number in simulator.world.holdings:
        # What leaves while it is read is a test's own doing, never the date's on which it runs.
        if number.expire_at is not None and number.expire_at < simulator.clock.now() + timedelta(
            hours=1
        ):
            number.expire_at = None
    return simulator


@asynccontextmanager
async def client_of(simulator: Simulator, meddle: Any = None) -> AsyncIterator[Client]:
    """An open client of it; `meddle` as in `project`."""
    transport = Meddler(simulator, None if meddle is None else lambda: meddle(simulator))
    settings = Settings.model_validate(simulator.environment(BASE_URL))
    async with Client(settings, transport=transport, paced=False, read_budget=AT_ONCE) as client:
        yield client


def held(simulator: Simulator) -> set[str]:
    """Phone numbers that the project holds now."""
    return {number.phone_number for number in simulator.world.holdings}


def counts(simulator: Simulator) -> dict[tuple[str, str], int]:
    """The simulator's own count by region and type."""
    found: dict[tuple[str, str], int] = {}
    for number in simulator.world.holdings:
        found[number.kind] = found.get(number.kind, 0) + 1
    return found


class Traffic:
    """Numbers that come and go while somebody reads.

    Remembers what was there all the time, and what was there at any time.
    """

    def __init__(self, seed: int, *, rate: float, at_once: int) -> None:
        self._random = random.Random(seed)
        self._rate = rate
        self._at_once = at_once
        self.started = False
        self.always: set[str] = set()
        self.ever: set[str] = set()
        self.changes = 0

    def __call__(self, simulator: Simulator) -> None:
        if not self.started:
            self.started = True
            self.always, self.ever = held(simulator), held(simulator)
        if self._random.random() >= self._rate:
            return
        for _ in range(self._at_once):
            self.changes += 1
            if self._random.random() < 0.5:
                self.ever.update(simulator.world.add_held(1))
            else:
                gone = self._random.choice(sorted(held(simulator)))
                simulator.world.holdings.remove(gone)
                self.always.discard(gone)


def check_readable(root: Path) -> int | None:
    """What a reader who checks sees: rows of the published snapshot, None while there is none.

    Raises when anything is not right.

    The data first, then the manifest: it names the data that is there and the data that is about to
    be replaced (docs/inventory.md).
    """
    found = sorted((root / "inventory" / "v1").glob("snapshot_date=*/project_id=*/numbers.parquet"))
    if not found:
        return None
    assert len(found) == 1, found
    content = found[0].read_bytes()
    manifest = json.loads((found[0].parent / "_manifest.json").read_bytes())
    assert names(manifest, hashlib.sha256(content).hexdigest()), (
        "the manifest does not know the data"
    )
    # From what was hashed, not by name again: the file may be another one by now.
    table = pq.read_table(io.BytesIO(content), columns=["phone_number"])
    entries = {entry["sha256"]: entry["rows"] for entry in (manifest, *manifest["previous"])}
    numbers = table.column("phone_number").to_pylist()
    assert entries[hashlib.sha256(content).hexdigest()] == len(numbers)
    assert len(set(numbers)) == len(numbers)
    return len(numbers)
