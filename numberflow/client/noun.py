"""What every noun of the vendor has in the client: a project, and a way to send its requests."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TypeVar

from numberflow.client.paging import walk
from numberflow.client.protocol import Request
from numberflow.client.transport import Transport, Watch
from numberflow.models.wire import Page

T = TypeVar("T")
P = TypeVar("P", bound=Page)


class Noun:
    """One noun of one project."""

    def __init__(self, transport: Transport, project_id: str) -> None:
        self._transport = transport
        self._project = project_id

    async def _send(self, request: Request[T], watch: Watch | None = None) -> T:
        return await self._transport.send(request, watch=watch)

    async def _walk(
        self, first: Request[P], entries: Callable[[P], Iterable[T]]
    ) -> AsyncIterator[T]:
        """Every entry of the pages that begin with the one of `first`. Errors as in `walk`."""

        async def fetch(page_token: str | None) -> P:
            more = () if page_token is None else (("pageToken", page_token),)
            return await self._send(dataclasses.replace(first, query=first.query + more))

        noun = f"{first.path.rpartition('/')[2]} of {self._transport.host(first.base)}"
        async for page in walk(noun, fetch):
            for entry in entries(page):
                yield entry
