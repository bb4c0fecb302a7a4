"""A server on a real loopback socket that answers, or fails to, exactly as a test says.

It knows nothing about the vendor.

`async with serve(...) as wire:` listens on 127.0.0.1, port 0, and is gone afterwards, open
connections included. Each request takes the next of `wire.script`; when that is used up,
`wire.otherwise` answers. POSTs to /oauth2/token take from `wire.tokens` instead and get a token by
default.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Seen:
    """A request as it came over the wire: `target` is raw."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_token(self) -> bool:
        """Whether it asks for a token."""
        return self.target.endswith("/oauth2/token")


@dataclass
class Wire:
    """What the test scripts and what it may look at afterwards.

    `called` is set with the first request that is not for a token.
    """

    port: int = 0
    script: list[Behaviour] = field(default_factory=list)
    otherwise: Behaviour | None = None
    tokens: list[Behaviour] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0
    bytes_received: int = 0

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[Seen]:
        """All requests but those for tokens."""
        return [each for each in self.seen if not each.is_token]

    @property
    def token_calls(self) -> list[Seen]:
        """The requests for tokens."""
        return [each for each in self.seen if each.is_token]


def answer(
    status: int = 200,
    body: Any = None,
    headers: dict[str, str] | None = None,
    *,
    after_s: float = 0,
) -> Behaviour:
    """A whole reply; `body` is bytes as they are, or anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def behave(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after_s)
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(raw)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + raw)
        await writer.drain()

    return behave


def token(name: str = "token", expires_in: int = 3599) -> Behaviour:
    """The reply of a token endpoint."""
    return answer(
        200, {"access_token": name, "expires_in": expires_in, "scope": "", "token_type": "bearer"}
    )


async def reset(writer: asyncio.StreamWriter) -> None:
    """TCP RST after the request was read."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close in good order without a word."""
    writer.close()


async def hang(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.sleep(3600)


async def cut_short(writer: asyncio.StreamWriter) -> None:
    """Status 200, a promise of 500 bytes, ten of them, end."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\nX-Request-Id: cut-1\r\n\r\n{"phoneNum')
    await writer.drain()
    writer.close()


async def stall_in_body(writer: asyncio.StreamWriter) -> None:
    """Status 200 and half a body, then silence."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"phoneNum')
    await writer.drain()
    await asyncio.sleep(3600)


async def trickle(writer: asyncio.StreamWriter) -> None:
    """One byte of body every 50 ms: no read ever times out, and the reply never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def garbage(writer: asyncio.StreamWriter) -> None:
    """Bytes that are not HTTP."""
    writer.write(b"\x16\x03\x01 this is not the protocol you are looking for\r\n\r\n")
    await writer.drain()
    writer.close()


async def bad_gzip(writer: asyncio.StreamWriter) -> None:
    """A body that says gzip and is not."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!")
    await writer.drain()


def unused_url() -> str:
    """An address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextlib.asynccontextmanager
async def serve(
    *script: Behaviour, otherwise: Behaviour | None = None, tokens: tuple[Behaviour, ...] = ()
) -> AsyncIterator[Wire]:
    """A listening Wire."""
    wire = Wire(script=list(script), otherwise=otherwise, tokens=list(tokens))
    serving: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        wire.connections += 1
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while not writer.is_closing():
                request = await _read_request(reader, wire)
                wire.seen.append(request)
                if not request.is_token:
                    wire.called.set()
                await _next(wire, request)(writer)
        writer.close()
        serving.discard(task)

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def _next(wire: Wire, request: Seen) -> Behaviour:
    if request.is_token:
        return wire.tokens.pop(0) if wire.tokens else token()
    if wire.script:
        return wire.script.pop(0)
    assert wire.otherwise is not None, f"nothing scripted for {request.method} {request.target}"
    return wire.otherwise


async def _read_request(reader: asyncio.StreamReader, wire: Wire) -> Seen:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *rest = head[:-4].decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)
    }
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    wire.bytes_received += len(head) + len(body)
    return Seen(method, target, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body
