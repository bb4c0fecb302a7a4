"""Cut connections: how the application drops a client, on a real socket or in the process.

faults.py decides why.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Dropped(ConnectionResetError):
    """In-process stand-in for a lost connection.

    `how` is reset, cut (mid-reply) or silent (no reply in time).
    """

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Connections:
    """The open sockets of a served simulator, by the client's address from ASGI."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def opened(self, transport: asyncio.Transport) -> None:
        """Remembers a connection."""
        self._transports[transport.get_extra_info("peername")[:2]] = transport

    def closed(self, transport: asyncio.Transport) -> None:
        """Removes a connection."""
        peer = next((key for key, value in self._transports.items() if value is transport), None)
        if peer is not None:
            del self._transports[peer]

    def of(self, scope: Scope) -> asyncio.Transport | None:
        """The socket behind a request; None inside the process."""
        client = scope.get("client")
        return self._transports.get((client[0], client[1])) if client else None


async def reset(transport: asyncio.Transport | None, receive: Receive) -> None:
    """A TCP reset: the client reads an error, not an orderly end.

    Raises Dropped inside the process.
    """
    if transport is None:
        raise Dropped("reset")
    sock = transport.get_extra_info("socket")
    # Lingering for zero seconds makes close() send RST instead of FIN.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await gone(receive)


async def hang_up(transport: asyncio.Transport | None, receive: Receive, how: str) -> None:
    """An orderly close without (the rest of) a reply. Raises Dropped inside the process."""
    if transport is None:
        raise Dropped(how)
    transport.close()
    await gone(receive)


async def gone(receive: Receive) -> None:
    """Waits until the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
