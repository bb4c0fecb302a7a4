"""Question: how long does the simulator take to hold 200,000 numbers, and to serve a page?

    python benchmarks/simulator.py

Pages have 100 numbers and come from anywhere in the list. Targets: ready within 10 s, a page in
under 5 ms (handler, without the client's own time).
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import time
from base64 import b64encode

import httpx

from numberflow.simulator import BASE_URL, InProcessTransport, Simulator, SimulatorSettings

ACTIVE = 200_000
PAGES = 300


async def page_times_ms(simulator: Simulator) -> list[float]:
    """Time of each of PAGES pages of 100, walked by token, through the application, no socket."""
    settings = simulator.settings
    environment = simulator.environment(BASE_URL)
    url = f"{environment['SINCH_NUMBERS_URL']}/v1/projects/{settings.project_id}/activeNumbers"
    basic = b64encode(f"{settings.key_id}:{settings.key_secret}".encode()).decode()
    times, token = [], ""
    async with httpx.AsyncClient(transport=InProcessTransport(simulator)) as http:
        answer = await http.post(
            f"{environment['SINCH_AUTH_URL']}/oauth2/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {basic}"},
        )
        headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
        for _ in range(PAGES):
            began = time.perf_counter()
            page = await http.get(
                url, params={"pageSize": 100, "pageToken": token, "type": "LOCAL"}, headers=headers
            )
            times.append((time.perf_counter() - began) * 1000)
            body = page.raise_for_status().json()
            assert len(body["activeNumbers"]) == 100
            token = body["nextPageToken"]
    return times


def main() -> None:
    """Measure and print."""
    print(__doc__.splitlines()[0])
    print(f"Machine: {os.cpu_count()} cores, Python {platform.python_version()}")
    began = time.perf_counter()
    simulator = Simulator(SimulatorSettings(seed=1, active=ACTIVE))
    print(f"ready with {ACTIVE:,} numbers: {time.perf_counter() - began:.1f} s")
    times = sorted(asyncio.run(page_times_ms(simulator)))
    print(
        f"page of 100, {PAGES} pages by token, in-process client included: median "
        f"{statistics.median(times):.1f} ms, "
        f"p95 {times[int(0.95 * len(times))]:.1f} ms, worst {times[-1]:.1f} ms"
    )


if __name__ == "__main__":
    main()
