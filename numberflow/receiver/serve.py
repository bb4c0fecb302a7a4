"""The receiver on a port, until SIGTERM or Ctrl-C; what it has taken by then is answered."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

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


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # The protocol is named, because asyncio switches Nagle's algorithm off only then.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
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
