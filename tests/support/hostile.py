"""Replies that no honest server sends, in any size: each is a behaviour of a Wire.

A page of the vendor's with something in it is in the form of live replies, so that the fast way of
an export meets it, too.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import zlib
from collections.abc import Iterator

from support.live_pages import live, page
from support.wire import Behaviour, answer

_PIECE = 1 << 16


def endless_body(size: int, *, declared: bool) -> Behaviour:
    """A body of `size` blanks, with its length in the head or in chunks without an end in sight."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        how = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"
        writer.write(f"HTTP/1.1 200 OK\r\n{how}\r\n\r\n".encode())
        piece = b" " * _PIECE
        framed = piece if declared else b"%x\r\n%b\r\n" % (_PIECE, piece)
        for _ in range(size // _PIECE):
            writer.write(framed)
            await writer.drain()

    return behave


def gzip_bomb(size: int) -> Behaviour:
    """An empty page with `size` blanks in it: a thousandth of that on the wire."""
    packed = b"".join(_packed(size))
    return answer(200, packed, {"Content-Encoding": "gzip"})


def _packed(size: int) -> Iterator[bytes]:
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    yield packer.compress(b'{"activeNumbers":[')
    for _ in range(max(1, size // _PIECE)):
        yield packer.compress(b" " * _PIECE)
    yield packer.compress(b'],"nextPageToken":"","totalSize":0}')
    yield packer.flush()


def packed(body: bytes) -> bytes:
    """`body` as gzip."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def packed_twice() -> Behaviour:
    """Gzip within gzip, which would unpack to a millionfold."""
    return answer(200, packed(packed(page([live(0)]))), {"Content-Encoding": "gzip, gzip"})


def deep(levels: int) -> Behaviour:
    """A page with a number that has something nested so deeply."""
    odd = b'{"phoneNumber":"+12025550100","odd":' + b"[" * levels + b"]" * levels + b"}"
    return answer(200, b'{"activeNumbers":[' + odd + b'],"nextPageToken":"","totalSize":1}')


def many_objects(count: int) -> Behaviour:
    """A page of that many empty objects: three bytes each, and a hundred times that in memory."""
    entries = b",".join([b"{}"] * count)
    return answer(200, b'{"activeNumbers":[' + entries + b'],"nextPageToken":"","totalSize":1}')


def with_nan() -> Behaviour:
    """A page with a price that is no number."""
    number = live(0) | {"money": {"currencyCode": "USD", "amount": float("nan")}}
    return answer(200, page([number]))


def not_utf8() -> Behaviour:
    """A page with a name in another encoding."""
    return answer(200, page([live(0) | {"displayName": "Caf#"}]).replace(b"Caf#", b"Caf\xe9"))


def one_long_header(size: int) -> Behaviour:
    """A header of that many bytes."""
    return answer(200, page([live(0)]), {"X-Long": "x" * size})


def many_headers(count: int) -> Behaviour:
    """That many headers of 1 KB."""
    return answer(200, page([live(0)]), {f"X-{place}": "x" * 1000 for place in range(count)})


def drip(pause_s: float) -> Behaviour:
    """A whole page is announced, and comes a byte at a time."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        body = page([live(place) for place in range(100)])
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause_s)

    return behave


def endless_tokens(total_size: int) -> Behaviour:
    """Pages of one new number each, always with a new token; no region is on offer."""
    count = itertools.count()

    async def behave(writer: asyncio.StreamWriter) -> None:
        place = next(count)
        number = live(0) | {"phoneNumber": f"+{12_025_000_000 + place}", "expireAt": None}
        body = {
            "availableRegions": [],
            "activeNumbers": [number],
            "nextPageToken": f"token-{place}",
            "totalSize": total_size,
        }
        await answer(200, json.dumps(body).encode())(writer)

    return behave
