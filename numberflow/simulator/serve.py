"""The simulator on ports: on 127.0.0.1 unless asked otherwise, in a thread or until interrupted.

simulator.py wires what it serves.
"""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from numberflow.simulator.connections import Connections
from numberflow.simulator.settings import SimulatorSettings
from numberflow.simulator.simulator import Simulator

HOST = "127.0.0.1"
"""Where it listens unless told otherwise. The control surface never listens anywhere else."""
ANYWHERE = "0.0.0.0"  # noqa: S104 - compared with, not listened on
_TICK_S = 0.02
"""How often due callbacks are looked for.

Fast enough for tests, with an idle cost below 1 % of a core.
"""


class PortInUse(OSError):
    """A port is taken; the message says which one and what to do."""


@dataclass(frozen=True)
class Running:
    """A simulator that is listening."""

    simulator: Simulator
    url: str
    control_url: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a client at it."""
        return self.simulator.environment(self.url)


@contextlib.contextmanager
def serve(
    simulator: Simulator, port: int = 0, control_port: int = 0, host: str = HOST
) -> Iterator[Running]:
    """Serves in a background thread until the block ends. Port 0 takes a free one.

    `host` is where the APIs listen. Both ports listen before this returns, so nobody can connect
    too early. Raises PortInUse.
    """
    with (
        _listening(port, "--port", host) as service,
        _listening(control_port, "--control-port") as control,
    ):
        thread = _ServerThread(simulator, service, control)
        thread.start()
        try:
            yield Running(simulator, _url(service), _url(control))
        finally:
            simulator.holds.release_all()
            thread.stop()


def serve_forever(
    settings: SimulatorSettings,
    port: int = 8377,
    control_port: int = 8378,
    announce: Callable[[Running], None] | None = None,
    host: str = HOST,
) -> None:
    """Serves until Ctrl-C or SIGTERM; calls `announce` once it is listening. Raises PortInUse.

    Call it from the main thread: signals arrive only there.
    """
    stop = threading.Event()
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        with serve(Simulator(settings), port, control_port, host) as running:
            if announce is not None:
                announce(running)
            with contextlib.suppress(KeyboardInterrupt):
                stop.wait()
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextlib.contextmanager
def _listening(port: int, option: str, host: str = HOST) -> Iterator[socket.socket]:
    # The protocol is named, because only then asyncio switches Nagle's algorithm off. Otherwise a
    # reply takes 45 ms (measured 2026-11-23).
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            raise PortInUse(
                f"port {port} on {host} cannot be used ({error.strerror}); choose another with "
                f"{option}"
            ) from None
        sock.listen(512)
        yield sock
    finally:
        sock.close()


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    # Whoever listens everywhere is found here, too.
    return f"http://{HOST if host == ANYWHERE else host}:{port}"


class _ServerThread(threading.Thread):
    """One event loop for both ports and the callbacks."""

    def __init__(
        self, simulator: Simulator, service: socket.socket, control: socket.socket
    ) -> None:
        super().__init__(name="numberflow-simulator", daemon=True)
        self._simulator = simulator
        protocol = _protocol(simulator.app.connections)
        self._servers = (
            (_server(simulator.app, protocol), service),
            (_server(_guarded(simulator.control_app), H11Protocol), control),
        )

    def run(self) -> None:
        asyncio.run(self._serve())

    def stop(self) -> None:
        """Stops serving and waits for the thread."""
        for server, _ in self._servers:
            server.should_exit = True
        self.join(timeout=10)

    async def _serve(self) -> None:
        pump = asyncio.ensure_future(self._send_callbacks())
        try:
            await asyncio.gather(*(server.serve(sockets=[sock]) for server, sock in self._servers))
        finally:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump

    async def _send_callbacks(self) -> None:
        async with self._simulator.callbacks.open_client() as client:
            while True:
                self._simulator.callbacks.pump(client)
                await asyncio.sleep(_TICK_S)


def _guarded(control_app: Any) -> Any:
    """The control surface for programs on this machine only.

    A page in a browser on it could otherwise reach the port by a name of its own that suddenly
    means 127.0.0.1 (DNS rebinding).
    """
    return TrustedHostMiddleware(
        control_app, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False
    )


def _server(app: Any, protocol: type[asyncio.Protocol]) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        # Lost replies are normal here; uvicorn would report each as an error of the application.
        log_config=None,
        log_level=60,
        access_log=False,
        server_header=False,
        date_header=False,
        # Longer than httpx keeps an idle connection (5 s): a server that closes first looks like an
        # unwanted fault.
        timeout_keep_alive=75,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """A server that stops at once.

    uvicorn takes two tenths of a second, and a test run stops hundreds.
    """

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(_TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        del sockets  # the caller closes them
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        # Replies that are already written still leave; what is under way ends with the event loop.
        await asyncio.sleep(0)


def _protocol(connections: Connections) -> type[asyncio.Protocol]:
    """A uvicorn protocol through which the application finds a request's socket, to reset it."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connections.opened(cast("asyncio.Transport", transport))
            super().connection_made(cast("asyncio.Transport", transport))

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self.transport)
            super().connection_lost(exc)

    return Protocol
