"""A stub of the active list whose answers cost next to nothing.

    python benchmarks/support/export_stub.py NUMBERS DELAY_MS

So a benchmark measures the reader and not the server. The stub prints its address, then serves
until its standard input closes. It has twelve regions times three types, 60 % of the numbers are
US LOCAL, and a number takes about 976 bytes. Every number is rendered before the first request, so
a page is a slice of bytes. Tokens are positions; totals, filters, START patterns and page sizes
work as in the contract.
"""

# ruff: noqa: D102 - asyncio names the methods of a protocol

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
from bisect import bisect_left
from urllib.parse import parse_qs, unquote

REGIONS = {
    "AU": "61",
    "BE": "32",
    "CA": "1",
    "DE": "49",
    "DK": "45",
    "ES": "34",
    "FR": "33",
    "GB": "44",
    "NL": "31",
    "PL": "48",
    "SE": "46",
    "US": "1",
}
TYPES = ("LOCAL", "MOBILE", "TOLL_FREE")
PAGE_SIZE_MAX = 1000
PROJECT = "6f0c2b7e-1d34-4a58-9e0b-2f7c8d915a10"
VARIANTS = 97


def _tail(rng: random.Random, region: str, kind: str) -> tuple[bytes, bytes]:
    """Everything of a number but the number itself and the microseconds of its next charge.

    What is before those, and what is after.
    """
    job = None
    if rng.random() < 0.03:
        job = {
            "servicePlanId": "plan-9",
            "campaignId": "C09999",
            "status": "FAILED",
            "lastUpdatedTime": "2026-08-27T12:00:00.123456Z",
            "errorCodes": ["CAMPAIGN_NOT_AVAILABLE"],
        }
    # A campaign belongs to a plan, or two do: a project has about as many links as the greater of
    # both, not as their product.
    plan = rng.randrange(40)
    rest = {
        "projectId": PROJECT,
        "displayName": rng.choice(
            [
                "",
                "Support line",
                "Müller & Söhne",
                "夜間受付",
                "Driver hotline of the northern region",
            ]
        ),
        "regionCode": region,
        "type": kind,
        "capability": rng.choice([["SMS", "VOICE"], ["VOICE"]]),
        "money": {"currencyCode": "USD", "amount": rng.choice(["0.50", "1.00", "2.00", "12.75"])},
        "paymentIntervalMonths": 1,
        "nextChargeDate": (
            f"2026-12-{rng.randrange(1, 29):02d}"
            f"T{rng.randrange(24):02d}:{rng.randrange(60):02d}:10.MICROSZ"
        ),
        "expireAt": f"2026-12-{rng.randrange(1, 29):02d}T08:00:00.000001Z"
        if rng.random() < 0.03
        else None,
        "smsConfiguration": {
            "servicePlanId": f"plan-{plan:028d}",
            "scheduledProvisioning": job,
            "campaignId": f"C{plan + 100 * rng.randrange(2):05d}",
        },
        "voiceConfiguration": {
            "appId": f"2f6b8c1e-0a57-4d3c-9b6e-{rng.randrange(50):012d}",
            "scheduledVoiceProvisioning": None,
            "lastUpdatedTime": None,
            "type": "RTC",
            "trunkId": "",
            "serviceId": "",
        },
        "callbackUrl": (
            "https://callbacks.example.com/sinch/numbers/v1/events/of/tenant/"
            f"{rng.randrange(1000):04d}/{'x' * 180}"
        ),
    }
    before, _, after = (
        json.dumps(rest, separators=(",", ":"), ensure_ascii=False)[1:]
        .encode()
        .partition(b"MICROS")
    )
    return before, after


class Shelf:
    """Numbers of one region and type, ascending, as the vendor's JSON."""

    def __init__(self, rng: random.Random, region: str, kind: str, count: int) -> None:
        code = REGIONS[region]
        digits = 10 if code == "1" else 9
        # First digit 2 to 9, spread evenly, as area codes are.
        low, high = 2 * 10 ** (digits - 1), 10**digits
        # Types of a region do not overlap, nor do the two regions of country code 1.
        lane = TYPES.index(kind) * 2 + (region == "CA")
        step = (high - low) // max(1, count)
        self.numbers = [
            f"+{code}{(low + place * step) // 6 * 6 + lane}".encode() for place in range(count)
        ]
        tails = [_tail(rng, region, kind) for _ in range(VARIANTS)]
        rendered = [
            b'{"phoneNumber":"%b",%b%06d%b' % (number, before, place * 7919 % 1_000_000, after)
            for place, number in enumerate(self.numbers)
            for before, after in [tails[place % VARIANTS]]
        ]
        self._json = b",".join(rendered)
        self._begins = [0, *itertools.accumulate(len(each) + 1 for each in rendered)]

    def cut(self, start: int, stop: int) -> memoryview:
        """Numbers start to stop as JSON, with commas between them."""
        return memoryview(self._json)[self._begins[start] : self._begins[stop] - 1]


class World:
    """Every shelf. A query is answered from a list of ranges of shelves."""

    def __init__(self, count: int) -> None:
        rng = random.Random(1)
        main = count * 6 // 10
        others = [
            (region, kind)
            for region in REGIONS
            for kind in TYPES
            if (region, kind) != ("US", "LOCAL")
        ]
        share, rest = divmod(count - main, len(others))
        self.shelves = {("US", "LOCAL"): Shelf(rng, "US", "LOCAL", main)}
        for place, key in enumerate(others):
            self.shelves[key] = Shelf(rng, *key, share + (place < rest))
        self.regions = json.dumps(
            {
                "availableRegions": [
                    {"regionCode": region, "regionName": region, "types": TYPES}
                    for region in REGIONS
                ]
            }
        ).encode()

    def page(self, query: dict[str, list[str]]) -> bytes:
        """One page of the active list."""

        def one(name: str) -> str | None:
            return query.get(name, [None])[0]

        region, kind, prefix = (
            one("regionCode"),
            one("type"),
            (one("numberPattern.pattern") or "").encode(),
        )
        size = min(int(one("pageSize") or 20), PAGE_SIZE_MAX)
        start = int(one("pageToken") or 0)
        ranges: list[tuple[Shelf, int, int]] = []
        for (of_region, of_kind), shelf in self.shelves.items():
            if region in (None, of_region) and kind in (None, of_kind):
                low, high = (
                    bisect_left(shelf.numbers, prefix),
                    bisect_left(shelf.numbers, prefix + b"~"),
                )
                ranges.append((shelf, low, high))
        total = sum(high - low for _, low, high in ranges)
        parts: list[memoryview] = []
        place = 0
        for shelf, low, high in ranges:
            first, last = max(start, place), min(start + size, place + high - low)
            if first < last:
                parts.append(shelf.cut(low + first - place, low + last - place))
            place += high - low
        token = str(start + size) if start + size < total else ""
        return (
            b'{"activeNumbers":['
            + b",".join(parts)
            + f'],"nextPageToken":"{token}","totalSize":{total}}}'.encode()
        )


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as little of it as the clients need."""

    def __init__(self, world: World, delay_s: float, count: dict[str, int]) -> None:
        self._world, self._delay_s, self._count = world, delay_s, count
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ),
                0,
            )
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            target = head.split(b" ", 2)[1].decode()
            if self._delay_s and "activeNumbers" in target:
                asyncio.get_running_loop().call_later(self._delay_s, self._answer, target)
            else:
                self._answer(target)

    def _answer(self, target: str) -> None:
        path, _, query = target.partition("?")
        if path.endswith("/oauth2/token"):
            body = b'{"access_token":"stub","expires_in":3599,"scope":"","token_type":"bearer"}'
        elif path.endswith("/count"):
            body = json.dumps(self._count).encode()
            self._count["requests"] = 0
        elif path.endswith("/importedNumbers"):
            body = b'{"importedNumbers":[],"nextPageToken":"","totalSize":0}'
        else:
            self._count["requests"] += 1
            body = (
                self._world.regions
                if unquote(path).endswith("availableRegions")
                else self._world.page(parse_qs(query))
            )
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        )
        self._transport.write(body)


async def main() -> None:
    world, count = World(int(sys.argv[1])), {"requests": 0}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(world, float(sys.argv[2]) / 1000, count), "127.0.0.1", 0
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
