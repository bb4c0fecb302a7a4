"""Send requests to the vendor, and say for each failure whether it may have taken effect.

Belongs here: the connection pool, time limits, each request's turn (pace.py), and the line between
"surely not sent" and "may have happened". Does not: what a reply means (protocol.py), how often a
read is tried (retry.py).

The line is drawn where httpcore reports `http11.send_request_headers.started`. Everything before it
(token, turn, a free connection, name, TCP, TLS) is NotSent. Everything after it is OutcomeUnknown
until a whole reply was read.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import importlib.metadata
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self, TypeVar, cast
from urllib.parse import urlsplit

import httpx
from opentelemetry.trace import SpanKind
from pydantic import SecretStr

from numberflow.client import attempts, protocol, retry
from numberflow.client.attempts import Stopwatch
from numberflow.client.auth import Token, TokenKeeper, build_token
from numberflow.client.bulk import BulkReads, HeadTooLarge
from numberflow.client.multipart import SourceFailed
from numberflow.client.pace import HostPace, Pacer, Shared, shared_name
from numberflow.client.protocol import Request
from numberflow.client.reply_body import BODY_BYTES_MAX, ReplyRefused, read_body
from numberflow.errors import NotSent, OutcomeUnknown, Throttled
from numberflow.settings import Settings
from numberflow.traces import span

T = TypeVar("T")

# Waiting longer than 10 s for a TCP and TLS handshake does not help.
CONNECT_TIMEOUT_MAX_S = 10.0

# Most connections. An idle one is dropped after 5 s: reusing one that the vendor is just closing
# would turn a purchase into an unknown outcome.
CONNECTIONS_MAX = 32
IDLE_S = 5.0

# A costly call is given up at four fifths of the lease, so that it can never outlast it. When the
# lease may be taken over, its request is no longer on its way from here. The rest of the lease is
# for writing the outcome down.
COSTLY_SHARE_OF_LEASE = 0.8

# A read's reply has to be there in this many times the time-out of its pieces: without it, one byte
# a second would hold a read for the whole of its budget.
REPLY_TIMEOUTS = 1.5

try:
    _VERSION = importlib.metadata.version("numberflow")
except importlib.metadata.PackageNotFoundError:  # run from a source tree that is not installed
    _VERSION = "source"


class Watch(Protocol):
    """What the caller of a costly call has to know about its departure."""

    def before_send(self) -> None:
        """Called last before the first byte leaves, on an open connection.

        If this raises, nothing is sent and the exception comes out unchanged.

        Called once more before the one repeat that follows a 401 for an expired token. Runs on the
        event
        loop: be brief.
        """

    def replied(self, status: int | None, request_id: str | None) -> None:
        """Called when the status line and the headers of a reply were read, before its body.

        Must not raise: the request has already left.
        """


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, its body read and decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@functools.cache
def _tls() -> ssl.SSLContext:
    """The TLS context: which servers are trusted.

    Made once a process: reading the authorities' certificates takes as long as several requests,
    and clients come and go.
    """
    return httpx.create_ssl_context()


class Transport:
    """The open connections to one vendor account.

    An async context manager. It can be used again after it was closed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        paced: bool = True,
        shared_pace: Shared | None = None,
        on_wait: Callable[[str], None] | None = None,
        read_budget: retry.Budget | None = None,
        token_budget: retry.Budget = retry.TOKEN_BUDGET,
        reply_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self._reply_bytes_max = reply_bytes_max
        self._bases: dict[protocol.Base, str] = {
            "auth": settings.auth_url,
            "numbers": settings.numbers_url,
            "imported": settings.imported_url,
            **cast("Mapping[protocol.Base, str]", settings.link_target_urls),
        }
        self._timeout = httpx.Timeout(
            settings.http_timeout_s, connect=min(CONNECT_TIMEOUT_MAX_S, settings.http_timeout_s)
        )
        self._costly_total_s = COSTLY_SHARE_OF_LEASE * settings.lease_s
        self._token_request = build_token(settings.key_id, settings.key_secret)
        self._transport = transport
        # Only httpcore reports when the first byte leaves. For other transports (in-process ones)
        # the moment before the call counts.
        self._traces = transport is None or isinstance(transport, httpx.AsyncHTTPTransport)
        self._rates = {
            "auth": settings.token_rate,
            "numbers": settings.numbers_rate,
            "imported": settings.imported_rate,
            # No host publishes a figure; a run sends a request or two to each (assumed).
            **dict.fromkeys(settings.link_target_urls, settings.imported_rate),
        }
        self._key_id = settings.key_id
        self._paced = paced
        self._shared_pace = shared_pace
        self._on_wait = on_wait
        patience_s = settings.patience_s
        self._read_budget = read_budget or dataclasses.replace(
            retry.READ_BUDGET, throttled_s=patience_s
        )
        self._token_budget = dataclasses.replace(token_budget, throttled_s=patience_s)
        self._http: httpx.AsyncClient | None = None
        self._bulk: BulkReads | None = None
        self._pacers: dict[str, Pacer] = {}
        self._tokens: TokenKeeper | None = None
        self._vendor_ahead = timedelta(0)
        self.sent: Counter[tuple[str, int]] = Counter()
        """Requests that left, by host and HTTP status; 0 where no reply came."""

    def vendor_now(self) -> datetime:
        """The vendor's clock, by the Date of its last reply (to the second).

        This machine's while there is no reply. Aware UTC.
        """
        return datetime.now(UTC) + self._vendor_ahead

    async def __aenter__(self) -> Self:
        if self._http is not None:
            raise RuntimeError("this client is already open")
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": f"numberflow/{_VERSION}",
        }
        tls = _tls()
        self._http = httpx.AsyncClient(
            transport=self._transport,
            verify=tls,
            # The simulator is never behind a proxy, despite HTTP_PROXY.
            mounts=None if self._transport else {"all://127.0.0.1": None, "all://localhost": None},
            http2=False,
            follow_redirects=False,
            timeout=self._timeout,
            limits=httpx.Limits(
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=CONNECTIONS_MAX,
                keepalive_expiry=IDLE_S,
            ),
            headers=headers,
        )
        self._pacers = {base: self._pacer(base) for base in self._bases}
        self._tokens = TokenKeeper(
            self._token_request, self._exchange_token, budget=self._token_budget
        )
        if self._transport is None:
            self._bulk = BulkReads(
                headers=headers,
                timeout=self._timeout,
                connections=CONNECTIONS_MAX,
                idle_s=IDLE_S,
                tls=tls,
                bytes_max=self._reply_bytes_max,
            )
        return self

    async def __aexit__(self, *_raised: object) -> None:
        http, self._http, self._tokens = self._http, None, None
        bulk, self._bulk = self._bulk, None
        pacers, self._pacers = self._pacers, {}
        for pacer in pacers.values():
            await pacer.close()
        if bulk is not None:
            await bulk.close()
        if http is not None:
            await http.aclose()

    async def send(self, request: Request[T], *, watch: Watch | None = None) -> T:
        """Return the result of `request`.

        Reads are repeated within the read budget, which does not include waits for the vendor's
        limit. A costly call is sent once. One exception: a 401 that says `expired` (a refusal
        before any handling) is followed by one repeat with a new token, for which
        `watch.before_send` is asked again. An upload whose file can be read only once is sent once
        in any case.

        Raises:
            NotSent: surely nothing happened.
            OutcomeUnknown: it may have happened.
            Throttled: nothing happened; for a costly call also when its turn does not come in time.
            Rejected and its subclasses: see protocol.decipher.
            asyncio.CancelledError: as always; for a costly call it means OutcomeUnknown once
                `watch.before_send` was called.
            RuntimeError: the client is not open.
        """
        tokens = self._open_tokens()
        budget = self._read_budget
        if request.total_s is not None:
            budget = dataclasses.replace(budget, total_s=max(request.total_s, budget.total_s))
        limits = (
            _TimeLimits(
                self._costly_total_s,
                reserve_s=min(self._timeout.read or 0.0, self._costly_total_s / 2),
            )
            if request.costly
            else _TimeLimits(budget.total_s, patience_s=budget.throttled_s)
        )
        # Outside the loop below: the token's repeats must not multiply with those of the read.
        await self._token(tokens, request, limits)

        async def once() -> T:
            return await self._send_once(tokens, request, watch, limits)

        if request.costly or not _repeatable(request):
            return await once()
        return await attempts.with_retries(once, budget, stopwatch=limits.stopwatch)

    async def _send_once(
        self, tokens: TokenKeeper, request: Request[T], watch: Watch | None, limits: _TimeLimits
    ) -> T:
        bearer = await self._token(tokens, request, limits)
        reply = await self._exchange(request, bearer, watch, limits)
        if protocol.token_expired(reply.status, reply.headers):
            bearer = await self._token(tokens, request, limits, refused=bearer)
            if not _repeatable(request):
                raise NotSent(
                    f"{request}: refused before any handling, for an "
                    "expired token; the file is used up: open it again"
                )
            reply = await self._exchange(request, bearer, watch, limits)
        return self._decipher(request, reply)

    async def _token(
        self,
        tokens: TokenKeeper,
        request: Request[Any],
        limits: _TimeLimits,
        *,
        refused: SecretStr | None = None,
    ) -> SecretStr:
        try:
            # A token has its own budget, so a read waits for it as long as for its turn.
            with limits.waiting():
                async with asyncio.timeout_at(limits.token_by_s):
                    return await tokens.current(refused=refused)
        except TimeoutError:
            message = f"{request}: no access token in time"
            if tokens.throttled:
                raise Throttled(f"{message}, for the vendor's limit") from None
            raise NotSent(message) from None

    async def _exchange_token(self, request: Request[Token]) -> Token:
        limits = _TimeLimits(self._token_budget.total_s, patience_s=self._token_budget.throttled_s)
        reply = await self._exchange(request, None, None, limits)
        return self._decipher(request, reply)

    def _decipher(self, request: Request[T], reply: Reply) -> T:
        return protocol.decipher(
            request,
            reply.status,
            reply.headers,
            reply.body,
            received_at=reply.received_at,
            host=self.host(request.base),
        )

    def host(self, base: protocol.Base) -> str:
        """Who answers the requests of `base`, with its port, for messages."""
        return urlsplit(self._bases[base]).netloc.rpartition("@")[2]

    async def _exchange(
        self,
        request: Request[Any],
        bearer: SecretStr | None,
        watch: Watch | None,
        limits: _TimeLimits,
    ) -> Reply:
        """Send at most one request, in its turn.

        Every exception of the libraries below is raised as NotSent or OutcomeUnknown.
        """
        pacer = await self._turn(request, limits)
        departure = _Departure(request, watch, limits.leave_by_s)
        departed_s = asyncio.get_running_loop().time()
        done_by_s = limits.done_by_s
        if not request.costly and request.upload is None and request.total_s is None:
            reply_s = REPLY_TIMEOUTS * (self._timeout.read or 0.0)
            done_by_s = min(done_by_s, departed_s + reply_s)
        try:
            async with asyncio.timeout_at(done_by_s):
                with span(
                    f"{request.method} {request.base}",
                    kind=SpanKind.CLIENT,
                    http__request__method=request.method,
                    server__address=self.host(request.base),
                ) as traced:
                    reply = await self._move(request, bearer, departure)
                    traced.set_attribute("http.response.status_code", reply.status)
        except NotSent:
            raise
        except Exception as error:
            if error is departure.refusal:
                raise
            if isinstance(error, httpx.RequestError):
                # httpx keeps the request, with body and token, on its exceptions, and ours keep
                # those as their cause.
                error.request = httpx.Request(request.method, self._bases[request.base])
            judged = departure.judge(request, self.host(request.base), error)
            if isinstance(judged, OutcomeUnknown):
                self.sent[self.host(request.base), 0] += 1
            raise judged from error
        self.sent[self.host(request.base), reply.status] += 1
        if reply.status == 429:
            asked_s = protocol.retry_after_s(reply.headers, reply.received_at)
            pacer.refused(departed_s=departed_s, retry_after_s=asked_s)
        else:
            pacer.passed()
        return reply

    async def _turn(self, request: Request[Any], limits: _TimeLimits) -> Pacer:
        """Wait until the host's pace lets this request leave."""
        pacer = self._pacers.get(request.base)
        if pacer is None:
            raise NotSent("the client was closed while a call was under way")
        if asyncio.get_running_loop().time() >= limits.turn_by_s:
            # Its token took all the time: whether a turn comes at once no longer matters.
            message = f"{request}: no time left for its reply when its token came"
            raise Throttled(message) if self._open_tokens().throttled else NotSent(message)
        try:
            with limits.waiting():
                async with asyncio.timeout_at(limits.turn_by_s):
                    await pacer.turn()
        except TimeoutError:
            raise Throttled(
                f"{request}: not sent, its turn under the vendor's limit did not come in time"
            ) from None
        except asyncio.CancelledError:
            if self._pacers.get(request.base) is pacer:
                raise
            raise NotSent("the client was closed while a call was under way") from None
        return pacer

    def _pacer(self, base: protocol.Base) -> Pacer:
        if not self._paced:
            return Pacer()
        return HostPace(
            "token" if base == "auth" else base,
            shared_name(self._bases[base], self._key_id),
            self._rates[base],
            shared=self._shared_pace,
            on_wait=self._on_wait,
        )

    async def _move(
        self, request: Request[Any], bearer: SecretStr | None, departure: _Departure
    ) -> Reply:
        http = self._open_http()
        headers = list(request.all_headers)
        if bearer is not None:
            headers.append(("Authorization", f"Bearer {bearer.get_secret_value()}"))
        if request.large and self._bulk is not None:
            departure.leave()
            status, found, body = await self._bulk.get(
                self._bases[request.base] + request.target, headers, departure.arrive
            )
            return Reply(status, found, body, datetime.now(UTC))
        outgoing = http.build_request(
            request.method,
            self._bases[request.base] + request.target,
            headers=headers,
            content=request.body if request.upload is None else request.upload.body(),
            extensions={"trace": departure.trace} if self._traces else None,
        )
        if not self._traces:
            departure.leave()
        response = await http.send(outgoing, stream=True)
        try:
            departure.arrive(response.status_code, response.headers)
            self._note_clock(request, response.headers.get("date"))
            if response.is_stream_consumed:  # a transport of the caller that has no stream
                body = response.content
            else:
                body = await read_body(
                    response.headers, response.aiter_raw(), self._reply_bytes_max
                )
        finally:
            await response.aclose()
        return Reply(response.status_code, dict(response.headers), body, datetime.now(UTC))

    def _note_clock(self, request: Request[Any], date: str | None) -> None:
        """Keep the vendor's clock: deadlines are the vendor's (an order's `expireTime`).

        The token host and those of link targets are other machines.
        """
        shown = protocol.http_date(date or "")
        if shown is not None and request.base in ("numbers", "imported"):
            self._vendor_ahead = shown - datetime.now(UTC)

    def _open_http(self) -> httpx.AsyncClient:
        if self._http is None:
            raise NotSent("the client was closed while a call was under way")
        return self._http

    def _open_tokens(self) -> TokenKeeper:
        if self._tokens is None:
            raise RuntimeError(
                "the client is not open: use `async with numberflow.Client() as client:`"
            )
        return self._tokens


class _TimeLimits:
    """Until when one call may wait for its turn, and its request may take (monotonic seconds).

    A costly call has one bound for both, so that it never outlasts its lease. It keeps `reserve_s`
    of
    it for the reply: a request that leaves at the last moment is cut off, and its outcome unknown.
    A read waits for its turn for `patience_s`, and its waits extend the time of its requests.
    """

    def __init__(
        self, total_s: float, *, patience_s: float | None = None, reserve_s: float = 0.0
    ) -> None:
        self.stopwatch = Stopwatch()
        self._total_s = total_s
        self._reserve_s = reserve_s
        self._patience_s = patience_s

    @property
    def token_by_s(self) -> float:
        return self.turn_by_s + self._reserve_s

    @property
    def turn_by_s(self) -> float:
        patience_s = (
            self._total_s if self._patience_s is None else max(self._patience_s, self._total_s)
        )
        return self.stopwatch.began_s + patience_s - self._reserve_s

    @property
    def leave_by_s(self) -> float | None:
        """When the first byte must have left, if there is such a moment.

        A connection may use up half of the reserve.
        """
        return self.done_by_s - self._reserve_s / 2 if self._reserve_s else None

    @property
    def done_by_s(self) -> float:
        limited_s = 0.0 if self._patience_s is None else self.stopwatch.limited_s
        return self.stopwatch.began_s + self._total_s + limited_s

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what passes inside as waiting for the limit."""
        before_s = self.stopwatch.total_s
        try:
            yield
        finally:
            self.stopwatch.limited_s += self.stopwatch.total_s - before_s


def _repeatable(request: Request[Any]) -> bool:
    return request.upload is None or request.upload.repeatable


class _Departure:
    """Where one request is on its way: not left, left, answered.

    Calls the watch at the right moments.
    """

    def __init__(
        self, request: Request[Any], watch: Watch | None, leave_by_s: float | None
    ) -> None:
        self._request = request
        self._watch = watch
        self._leave_by_s = leave_by_s
        self._left = False
        self._status: int | None = None
        self._request_id: str | None = None
        self.refusal: BaseException | None = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """The httpcore hook.

        A CONNECT that opens a tunnel through a proxy does not count as our request leaving.
        """
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self.leave()

    def leave(self) -> None:
        if self._leave_by_s is not None and time.monotonic() > self._leave_by_s:
            raise NotSent(f"{self._request}: no time left for its reply")
        if self._watch is not None:
            try:
                self._watch.before_send()
            except BaseException as error:
                self.refusal = error
                raise
        self._left = True

    def arrive(self, status: int, headers: Mapping[str, str]) -> None:
        self._status = status
        self._request_id = protocol.request_id(headers)
        if self._watch is None:
            return
        try:
            self._watch.replied(self._status, self._request_id)
        except Exception as error:
            # Unchanged, the caller could mistake it for a refusal of before_send, which means
            # "nothing was sent".
            raise _WatchFailed from error

    def judge(self, request: Request[Any], host: str, error: Exception) -> NotSent | OutcomeUnknown:
        if not self._left or isinstance(
            error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout
        ):
            return NotSent(f"{request}: {type(error).__name__} before the request left for {host}")
        fate = protocol.fate_of(request)
        facts: dict[str, Any] = {"status": self._status, "request_id": self._request_id}
        if isinstance(error, ReplyRefused):
            # Another reply may be whole, but no other one is smaller.
            return OutcomeUnknown(
                f"{request}: {host} sent {error.what}; {fate}",
                cause=error.cause,
                worth_repeating=error.cause != "too_large",
                remedy=protocol.ADDRESS_REMEDY,
                **facts,
            )
        if _is_head_too_large(error):
            return OutcomeUnknown(
                f"{request}: {host} sent more headers than a reply may have; {fate}",
                cause="too_large",
                worth_repeating=False,
                remedy=protocol.ADDRESS_REMEDY,
                **facts,
            )
        if isinstance(error, TimeoutError) and self._status is not None and not request.costly:
            return OutcomeUnknown(
                f"{request}: {host} began a reply and did not end it in time; {fate}",
                cause="slow_reply",
                worth_repeating=False,
                **facts,
            )
        return OutcomeUnknown(
            f"{request}: {type(error).__name__} after the request left for {host}; {fate}",
            cause=_cause(error, self._status),
            **facts,
        )


def _is_head_too_large(error: BaseException | None) -> bool:
    """Whether a library gave up reading the head of a reply.

    h11 does over 100 KB, aiohttp over 8 KB in a line or 128 lines.
    """
    while error is not None:
        if getattr(error, "error_status_hint", None) == 431 or isinstance(error, HeadTooLarge):
            return True
        error = error.__cause__ or error.__context__
    return False


class _WatchFailed(Exception):
    """`Watch.replied` raised."""


# Looked up in this order; machine words that the journal keeps.
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ReadTimeout, "read_timeout"),
    (httpx.WriteTimeout, "write_timeout"),
    (httpx.NetworkError, "reset"),
    (TimeoutError, "total_timeout"),
    (_WatchFailed, "watch_failed"),
    (SourceFailed, "source_failed"),
)


def _cause(error: Exception, status: int | None) -> str:
    if isinstance(error, httpx.RemoteProtocolError):
        return "broken_protocol" if status is None else "cut_short"
    return next((word for kind, word in _CAUSES if isinstance(error, kind)), "transport_error")
