"""The receiver on a port, until SIGTERM or Ctrl-C; what it has taken by then is answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from numberflow.errors import BadInput
from numberflow.journal import Journal
from numberflow.receiver.app import AskForRuns, receiver_app
from numberflow.receiver.secrets import KnownSecrets, SecretSource
from numberflow.receiver.senders import Senders
from numberflow.settings import Settings

# The vendor waits 10 s for a reply (assumed): a database that is busy for longer is better refused
# in time.
BUSY_TIMEOUT_S = 5.0
# Requests that are under way when it is asked to stop; none takes longer than its body may.
STOP_TIMEOUT_S = 15
# Whoever sends no whole head in this time is disconnected; uvicorn has no setting for it.
HEAD_TIMEOUT_S = 10.0
# With what one turn of the loop accepts on top, below the usual limit of 1,024 open files.
CONNECTIONS_MAX = 512
BACKLOG = 256


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    blocks: SecretSource | None = None,
    ask: AskForRuns | None = None,
    announce: Callable[[int], object] = lambda _port: None,
) -> None:
    """Serve until stopped; call it from the main thread.

    Args:
        settings: where the inbox is, and whose callbacks are taken.
        host: address to listen on.
        port: 0 takes a free one.
        blocks: reads the secrets of Prefect blocks.
        ask: has somebody work through the inbox.
        announce: gets the port once it listens.

    Raises:
        BadInput: host or port cannot be used.
        JournalUnavailable: the database cannot be opened.
    """
    with (
        Journal.open(settings.journal_url, busy_timeout_s=BUSY_TIMEOUT_S) as journal,
        _listening(host, port) as listener,
    ):
        app = receiver_app(journal, KnownSecrets(settings, blocks), Senders(settings), ask)
        config = uvicorn.Config(
            app,
            http=_Connection,
            backlog=BACKLOG,
            # A header that a stranger writes would change the address that we see (senders.py).
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            ws="none",
            lifespan="on",
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
        )
        announce(listener.getsockname()[1])
        uvicorn.Server(config).run(sockets=[listener])


class _Connection(H11Protocol):
    """A connection that is closed when no request comes, or when others need its place."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._answered: object = None
        self._since_s = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request. The idle connection that is oldest leaves a full house."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._expect_request)
        if len(self.connections) > CONNECTIONS_MAX:
            idle = [
                each for each in self.connections if isinstance(each, _Connection) and each.is_idle
            ]
            min(idle, key=lambda each: each._since_s).drop()  # noqa: SLF001 - of its own class

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way that has come at least to the end of its head."""
        return self.cycle is None or self.cycle.response_complete

    def drop(self) -> None:
        """Close at once. The peer may not read, so that nothing is waited for."""
        self.connections.discard(self)
        self.transport.abort()

    def _expect_request(self) -> None:
        if self.is_idle and self.cycle is self._answered:
            self.drop()
            return
        self._answered = self.cycle
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._expect_request)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol is named, because asyncio switches Nagle's algorithm off only then.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise BadInput(
            f"cannot listen on {host} port {port}: {error.strerror}",
            field="port",
            remedy="choose another with --port, or an address of this machine with --host",
        ) from None
    return listener
