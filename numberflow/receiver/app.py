"""The receiver as an ASGI application: callbacks in, and how it is.

A callback is checked, stored and answered; what it means is not asked here. Whoever is refused
learns nothing but the status. 503 is for what is signed and cannot be stored, or cannot be checked
yet, so that the vendor delivers it again; no other stranger gets a 5xx.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from numberflow.errors import JournalUnavailable
from numberflow.journal import Journal, NewCallback
from numberflow.models.callback import BODY_BYTES_MAX, SIGNATURE_HEADER, read_callback
from numberflow.receiver.intake import Intake
from numberflow.receiver.metrics import Metrics
from numberflow.receiver.secrets import KnownSecrets
from numberflow.receiver.senders import Senders
from numberflow.receiver.signature import signed_by

logger = logging.getLogger(__name__)

# The vendor gives up after 10 s (assumed); its bodies come in one piece.
BODY_TIMEOUT_S = 10.0
# A rotated secret in a block is known to every receiver within this.
REFRESH_S = 30.0
# How soon somebody works through what arrived.
ASK_EVERY_S = 2.0

AskForRuns = Callable[[Sequence[str]], Awaitable[None]]
"""Starts work on the inbox of these projects, unless it is under way."""


class _Refused(Exception):
    """A request that is not taken: the status, and the word that it is counted under."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def receiver_app(
    journal: Journal, known: KnownSecrets, senders: Senders, ask: AskForRuns | None = None
) -> Starlette:
    """The application of one receiver. Reads the secrets when it starts, and again from then on.

    `ask` is called beside the requests while callbacks wait; its errors are logged.
    """
    receiver = _Receiver(journal, known, senders, ask)
    return Starlette(
        routes=[
            Route("/callbacks/{project}", receiver.callback, methods=["POST"]),
            Route("/health", receiver.health),
            Route("/ready", receiver.ready),
            Route("/metrics", receiver.metrics),
        ],
        lifespan=receiver.lifespan,
    )


class _Receiver:
    def __init__(
        self, journal: Journal, known: KnownSecrets, senders: Senders, ask: AskForRuns | None
    ) -> None:
        self._ask = ask
        self._journal = journal
        self._known = known
        self._senders = senders
        self._metrics = Metrics()
        self._intake = Intake(journal, self._metrics)

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        await self._known.refresh()
        async with self._intake.running():
            beside = [asyncio.create_task(each()) for each in (self._refresh, self._start_runs)]
            try:
                yield
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            await self._known.refresh()

    async def _start_runs(self) -> None:
        """While callbacks wait, have somebody work through them."""
        if self._ask is None:
            return
        is_well = True
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                projects = await asyncio.to_thread(self._journal.projects_with_callbacks)
                if projects:
                    await self._ask(projects)
                is_well = True
            except Exception as error:  # noqa: BLE001 - callbacks are taken all the same
                if is_well:
                    logger.warning("drain-callbacks was not started: %s", type(error).__name__)
                is_well = False

    async def callback(self, request: Request) -> Response:
        """Take one callback: 200 when it is on disk."""
        metrics = self._metrics
        metrics.received.inc()
        with metrics.seconds.time():
            try:
                arrived = await self._checked(request)
                await self._intake.keep(arrived)
            except _Refused as refused:
                metrics.refused.labels(refused.reason).inc()
                # What was not read to its end cannot be followed by another request.
                headers = {"connection": "close"} if refused.status in (408, 413) else None
                return Response(status_code=refused.status, headers=headers)
            except JournalUnavailable:
                metrics.refused.labels("not stored").inc()
                return Response(status_code=503, headers={"retry-after": "5"})
            if arrived.callback.unreadable is not None:
                metrics.unreadable.inc()
            return Response(status_code=200)

    async def _checked(self, request: Request) -> NewCallback:
        """The callback of a request, once everything about it is in order.

        Raises:
            _Refused: it is not.
        """
        peer = request.client.host if request.client is not None else None
        if not self._senders.may_send(peer, request.headers.getlist(self._senders.header)):
            raise _Refused(403, "address")
        body = await _body(request)
        project_id = request.path_params["project"]
        signature = request.headers.get(SIGNATURE_HEADER)
        keys = self._known.keys(project_id)
        if signature is None:
            raise _Refused(401, "unsigned")
        is_signed = signed_by(keys, body, signature)
        if not is_signed and self._known.reread_file():
            # The secret may have been rotated a moment ago.
            is_signed = signed_by(self._known.keys(project_id), body, signature)
        if not is_signed and not self._known.all_read:
            # The secret may be in a block that could not be read yet: the vendor delivers again.
            raise _Refused(503, "secrets not read")
        if not is_signed:
            raise _Refused(401, "forged" if keys else "no secret")
        return NewCallback(project_id, read_callback(body, project_id), body)

    async def health(self, _request: Request) -> Response:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Whether callbacks would be stored, and of which projects: 503 when of none."""
        try:
            await asyncio.to_thread(self._journal.check)
            database = "ok"
        except JournalUnavailable as error:
            database = error.message
        projects = self._known.projects()
        has_secret = any(any(apis.values()) for apis in projects.values())
        content = {
            "database": database,
            "secrets": projects,
            "not_read": self._known.troubles,
        }
        if not has_secret:
            content["advice"] = (
                "no secret is known, so that every callback is refused: run `numberflow callbacks "
                "rotate`, or set SINCH_CALLBACK_SECRET"
            )
        is_ready = database == "ok" and has_secret
        return JSONResponse(content, status_code=200 if is_ready else 503)

    async def metrics(self, _request: Request) -> Response:
        """Counters, and how inbox and journal stand, for Prometheus."""
        try:
            inbox = await asyncio.to_thread(self._journal.inbox)
            figures = await asyncio.to_thread(self._journal.figures)
        except JournalUnavailable:
            self._metrics.show(None, None, time.time())
        else:
            self._metrics.show(inbox, figures, time.time())
        return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _body(request: Request) -> bytes:
    """The body, while it is small and comes in time."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > BODY_BYTES_MAX:
        raise _Refused(413, "too large")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise _Refused(413, "too large")
    except TimeoutError:
        raise _Refused(408, "slow") from None
    except ClientDisconnect:
        raise _Refused(400, "cut short") from None
    return bytes(body)
