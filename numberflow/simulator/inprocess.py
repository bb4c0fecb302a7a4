"""The simulator without sockets: an httpx transport that calls the application directly, for tests.

Lost connections become the exceptions that httpx raises on a real socket. Silence becomes a read
timeout at once, so no test waits.
"""

from typing import Any
from urllib.parse import unquote

import anyio
import httpx

from numberflow.simulator.app import IMPATIENT
from numberflow.simulator.connections import Dropped
from numberflow.simulator.simulator import Simulator

BASE_URL = "http://simulator.test"
"""Any host will do; this one can never be reached by accident (RFC 6761)."""


class InProcessTransport(httpx.AsyncBaseTransport):
    """Routes every request to `simulator.app`, whatever its host."""

    def __init__(self, simulator: Simulator) -> None:
        self._app = simulator.app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Runs one request.

        Raises httpx.ReadError, RemoteProtocolError or ReadTimeout where a fault loses the reply.
        """
        body = await request.aread()
        path, _, query = request.url.raw_path.partition(b"?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": None,
            "server": (request.url.host, request.url.port),
            "extensions": {IMPATIENT: {}},
        }
        exchange = _Exchange(body)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Dropped as dropped:
            raise _exception(dropped, request) from dropped
        return httpx.Response(
            exchange.status, headers=exchange.headers, content=exchange.body, request=request
        )


class _Exchange:
    """The client's side of one ASGI conversation."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        if self._body is None:
            # The client stays until it is cancelled.
            await anyio.sleep_forever()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message["headers"])
        else:
            self.body += message.get("body", b"")


def _exception(dropped: Dropped, request: httpx.Request) -> httpx.TransportError:
    match dropped.how:
        case "reset":
            return httpx.ReadError("Connection reset by peer", request=request)
        case "cut":
            return httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body", request=request
            )
        case _:
            return httpx.ReadTimeout("the simulator keeps silent", request=request)
