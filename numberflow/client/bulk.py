"""Large replies to reads, with less work per byte than httpx: pages of an inventory as bytes.

Belongs here: moving such a reply off the wire, by aiohttp (docs/adr/0008-aiohttp-for-pages.md says
why there are two). Does not: anything that costs money, that has a body, or that must know when its
first byte leaves. That is in transport.py, which is the only caller and says what a failure means.

Every failure is raised as the exception of httpx that means the same, without the request on it:
the token is in its headers.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import aiohttp
import httpx
from yarl import URL

from numberflow.client.reply_body import read_body

# A page is about 1 MB. The transfer pauses when more than twice this waits for us; with aiohttp's
# 64 KB it would pause all the time.
_BUFFER_BYTES = 1 << 20

# Looked up in this order. Trouble of a connection is an OSError, as is all trouble of a socket.
_MEANINGS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ClientProxyConnectionError, httpx.ConnectError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientOSError, httpx.ReadError),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientError, httpx.TransportError),
)


class HeadTooLarge(httpx.RemoteProtocolError):
    """The headers of a reply are longer, or more, than aiohttp reads."""


class BulkReads:
    """Open connections for reads of large replies. Made inside the event loop; `close` it.

    Args:
        headers: of every request.
        timeout: as httpx takes it.
        connections: most at once.
        idle_s: how long a connection without a request is kept.
        tls: the same as httpx has, so that both trust the same servers.
        bytes_max: most bytes of a body.
    """

    def __init__(
        self,
        *,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
        connections: int,
        idle_s: float,
        tls: ssl.SSLContext,
        bytes_max: int,
    ) -> None:
        self._bytes_max = bytes_max
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=idle_s, ssl=tls),
            headers=headers,
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=timeout.pool,
                sock_connect=timeout.connect,
                sock_read=timeout.read,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_BUFFER_BYTES,
            auto_decompress=False,  # read_body unpacks, within limits
            # Proxies are looked up below. Otherwise aiohttp would also take the login in a .netrc
            # from the environment, in place of the access token.
            trust_env=False,
        )

    async def get(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        arrived: Callable[[int, Mapping[str, str]], None],
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and whole body of the reply, decoded.

        Args:
            url: percent-encoded, as it is sent.
            headers: in addition to those of every request.
            arrived: called with status and headers before the body is read.

        Raises:
            httpx.RequestError: the subclass says what went wrong, as it would for httpx.
            ReplyRefused: as read_body.
        """
        try:
            async with self._http.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False, proxy=_proxy(url)
            ) as reply:
                found = {name.lower(): value for name, value in reply.headers.items()}
                arrived(reply.status, found)
                body = await read_body(found, reply.content.iter_any(), self._bytes_max)
                return reply.status, found, body
        except aiohttp.ClientError as error:
            meant = _meaning(error)
        raise meant  # here, so that aiohttp's exception, which may hold the request, is dropped

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()


def _meaning(error: aiohttp.ClientError) -> httpx.TransportError:
    # aiohttp says it in words only.
    if isinstance(error, aiohttp.ClientResponseError) and error.message.startswith(
        ("Got more than", "Too many headers")
    ):
        return HeadTooLarge(type(error).__name__)
    kind = next(ours for theirs, ours in _MEANINGS if isinstance(error, theirs))
    return kind(type(error).__name__)


def _proxy(url: str) -> str | None:
    """The proxy that the environment names.

    The simulator is never behind one, despite HTTP_PROXY.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in ("127.0.0.1", "localhost") or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")
