"""The HTTP side: routes a request to its operation, applies its fault, and sends the reply.

Rules are in world.py, operations in one module per noun, the choice of faults in faults.py. A new
noun is one more entry in `APIS`. This is a bare ASGI application: routing by hand keeps a page of
the list well under five milliseconds.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from numberflow.simulator import (
    active_numbers,
    available_numbers,
    callback_configuration,
    connections,
    emergency_addresses,
    link_target_lookups,
    number_orders,
    problems,
)
from numberflow.simulator.backend import Backend
from numberflow.simulator.connections import Receive, Scope, Send, gone, hang_up, reset
from numberflow.simulator.faults import CHAOS_PAGE_SIZE_MAX, Fault
from numberflow.simulator.holds import wait_for
from numberflow.simulator.imported.refusals import shaped
from numberflow.simulator.imported_api import (
    configuration,
    hosting_orders,
    imported_numbers,
    qualified_numbers,
)
from numberflow.simulator.operations import Answer, Call, Operation
from numberflow.simulator.problems import Problem
from numberflow.simulator.requestlog import Entry
from numberflow.simulator.stock import OFFERS, Kind, StockNumber

APIS: dict[str, tuple[Operation, ...]] = {
    "numbers": (
        *available_numbers.OPERATIONS,
        *active_numbers.OPERATIONS,
        *emergency_addresses.OPERATIONS,
        *number_orders.OPERATIONS,
        *callback_configuration.OPERATIONS,
    ),
    "imported": (
        *imported_numbers.OPERATIONS,
        *hosting_orders.OPERATIONS,
        *qualified_numbers.OPERATIONS,
        *configuration.OPERATIONS,
    ),
    **link_target_lookups.OPERATIONS,
}
"""Operations by the prefix of their API."""

_ROUTE = re.compile(
    r"/(?P<api>[a-z]+)/(?P<version>v[0-9])/projects/(?P<project_id>[^/]+)/(?P<rest>.+)"
)
_IMPORTED_PREFIX = "/imported/"
_TOKEN_PATH = "/auth/oauth2/token"  # noqa: S105  a path

_HTML = (
    b"<html><head><title>Service</title></head><body><h1>We will be right back</h1></body></html>"
)
_SPOILT = {
    "html_200": ("text/html", _HTML),
    "empty_200": ("application/json", b""),
    "wrong_json": ("application/json", b'[{"unexpected":true}]'),
}
ENDING = ("timeout_before", "error_before", "reset_before", "rate_limited", "token_expired")
"""Faults that end a request before it is handled."""

IMPATIENT = "simulator.impatient"
"""ASGI extension of a client that treats silence as a timeout at once."""

_ABSURD_RETRY_AFTER_S = 99_999_999


class App:
    """The simulated service as an ASGI application."""

    def __init__(self, simulator: Backend) -> None:
        self._sim = simulator
        self.connections = connections.Connections()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request (ASGI 3)."""
        if scope["type"] != "http":
            return
        exchange = await self._open(scope, receive, send)
        try:
            await exchange.run()
        finally:
            exchange.finish()

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> "_Exchange":
        received = bytearray()
        while True:
            message = await receive()
            received += message.get("body", b"")
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                break
        body = bytes(received)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        method, path = scope["method"], scope["path"]
        query = scope["query_string"].decode("latin-1")
        found, parts, project_id = route(method, path)
        name = (
            "token"
            if method == "POST" and path == _TOKEN_PATH
            else (found.name if found else "unknown")
        )
        entry = self._sim.log.open(
            at=self._sim.clock.now(),
            operation=name,
            method=method,
            path=path,
            query=query,
            user_agent=headers.get("user-agent", ""),
            has_body=bool(body),
        )
        cap = CHAOS_PAGE_SIZE_MAX if self._sim.faults.chaos else None
        call = Call(entry.n, parts, parse_qsl(query, keep_blank_values=True), body, headers, cap)
        patient = IMPATIENT not in scope.get("extensions", {})
        client = _Client(receive, send, self.connections.of(scope), patient)
        return _Exchange(self._sim, entry, call, (found, project_id), client)


def route(method: str, path: str) -> tuple[Operation | None, dict[str, str], str]:
    """The operation of a request with its path parts and project.

    A plus in the path may be raw or encoded.
    """
    matched = _ROUTE.fullmatch(path)
    if matched is None or matched["version"] != link_target_lookups.VERSIONS.get(
        matched["api"], "v1"
    ):
        return None, {}, ""
    for operation in APIS.get(matched["api"], ()):
        if operation.method == method:
            parts = operation.pattern.fullmatch(matched["rest"])
            if parts is not None:
                return operation, parts.groupdict(), matched["project_id"]
    return None, {}, matched["project_id"]


@dataclass(frozen=True, slots=True)
class _Client:
    """The other end: how to receive from it, how to answer, and its socket if there is one.

    An impatient client does not wait through silence.
    """

    receive: Receive
    send: Send
    transport: asyncio.Transport | None
    patient: bool


class _Exchange:
    """One request on its way through: fault before, handling, fault after, reply."""

    def __init__(
        self,
        simulator: Backend,
        entry: Entry,
        call: Call,
        target: tuple[Operation | None, str],
        client: _Client,
    ) -> None:
        self._sim = simulator
        self._entry = entry
        self._call = call
        self._operation, self._project_id = target
        self._client = client
        self._client_gone: asyncio.Task[None] | None = None

    async def run(self) -> None:
        name = self._entry.operation
        fault = (
            self._sim.faults.meet(name, self._entry.method, self._entry.path)
            if name != "unknown"
            else None
        )
        if fault is None:
            await self._reply(*self._handle(None))
            return
        self._entry.fault = fault.label
        if await self._before(fault):
            await self._after(fault, *self._handle(fault))

    def finish(self) -> None:
        """Cancels the tasks that are left."""
        if self._client_gone is not None:
            self._client_gone.cancel()

    # -- handling

    def _handle(self, fault: Fault | None) -> tuple[int, bytes, dict[str, str]]:
        try:
            answer = self._answer()
        except Problem as problem:
            problem = self._worded(problem)
            return problem.status, problem.content(), dict(problem.headers)
        self._entry.committed = answer.changed
        if fault is not None and fault.lag is not None:
            for commit in answer.commits:
                self._sim.world.cast_shadow(commit, fault.lag)
        return 200, answer.body, answer.headers

    def _answer(self) -> Answer:
        authorization = self._call.headers.get("authorization")
        if self._entry.operation == "token":
            return Answer(self._sim.access.issue(authorization, self._call.body))
        if self._operation is None:
            raise problems.route_not_found()
        with self._sim.world.lock:
            imported = self._entry.path.startswith(_IMPORTED_PREFIX)
            self._sim.access.admit(
                authorization,
                self._project_id,
                self._entry.method,
                self._operation.name,
                imported=imported,
            )
            return self._operation.handler(self._sim.world, self._call)

    async def _reply(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str],
        *,
        content_length: int | None = None,
    ) -> None:
        content_type = headers.pop("content-type", "application/json")
        # The service's clock, which may run ahead of ours. A client uses it for deadlines that the
        # service sets.
        date = format_datetime(self._sim.clock.now(), usegmt=True)
        fields = {
            "date": date,
            "content-type": content_type,
            "content-length": str(content_length or len(body)),
            **headers,
        }
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        self._entry.status = status
        await self._client.send({"type": "http.response.start", "status": status, "headers": raw})
        await self._client.send(
            {"type": "http.response.body", "body": body, "more_body": content_length is not None}
        )

    def _worded(self, problem: Problem) -> Problem:
        """A refusal in the envelope of the API that was called."""
        if not self._entry.path.startswith(_IMPORTED_PREFIX):
            return problems.shaped(problem, self._sim.switches.error_shape)
        return shaped(problem, self._entry.operation, self._sim.switches)

    async def _refuse(self, problem: Problem) -> None:
        problem = self._worded(problem)
        await self._reply(problem.status, problem.content(), dict(problem.headers))

    # -- faults

    async def _before(self, fault: Fault) -> bool:
        """Carries out what happens before handling. Returns False if the request ends here."""
        match fault.name:
            case "delay":
                await asyncio.sleep(fault.delay_s)
            case "price_change":
                self._change_prices(Decimal(fault.factor))
            case "rival":
                for phone_number in self._numbers_named():
                    self._sim.world.rival_takes(phone_number)
            case "hold_before":
                return await self._hold(fault, "before") or fault.commit_on_disconnect
            case name if name in ENDING:
                await self._end(fault)
                return False
        return True

    async def _end(self, fault: Fault) -> None:
        """Ends a request that has not been handled."""
        match fault.name:
            case "timeout_before":
                await self._be_silent(fault)
            case "error_before":
                await self._server_fault(fault)
            case "reset_before":
                await reset(self._client.transport, self._client.receive)
            case "rate_limited":
                await self._refuse(
                    problems.too_many_requests(retry_after_text(fault, self._sim.clock.now()))
                )
            case "token_expired":
                await self._refuse(problems.unauthenticated(expired=True))

    async def _after(self, fault: Fault, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Sends the reply, or what the fault leaves of it."""
        match fault.name:
            case "timeout_after":
                await self._be_silent(fault)
            case "error_after":
                await self._server_fault(fault)
            case "reset_after":
                await reset(self._client.transport, self._client.receive)
            case "truncated":
                await self._cut_short(status, body, headers)
            case name if name in _SPOILT:
                content_type, instead = _SPOILT[name]
                await self._reply(200, instead, {"content-type": content_type})
            case "hold_after" if not await self._hold(fault, "after"):
                pass
            case _:
                await self._reply(status, body, headers)
                if fault.name == "rival" and self._entry.operation == "search" and status == 200:
                    for number in json.loads(body)["availableNumbers"][: fault.count]:
                        self._sim.world.rival_takes(number["phoneNumber"])

    async def _cut_short(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        if self._client.transport is not None:
            await self._reply(status, body[: len(body) // 2], headers, content_length=len(body))
            # The log's status is what a client could use.
            self._entry.status = None
        await hang_up(self._client.transport, self._client.receive, "cut")

    async def _server_fault(self, fault: Fault) -> None:
        if fault.html:
            await self._reply(fault.status, _HTML, {"content-type": "text/html"})
        else:
            await self._refuse(problems.server_fault(fault.status))

    async def _be_silent(self, fault: Fault) -> None:
        if self._client.patient:
            await asyncio.wait({self._watch_client()}, timeout=fault.hold_s)
        await hang_up(self._client.transport, self._client.receive, "silent")

    async def _hold(self, fault: Fault, stage: str) -> bool:
        hold = self._sim.holds.open(self._entry.n, self._entry.operation, self._entry.path, stage)
        try:
            return await wait_for(hold, self._watch_client(), fault.hold_s)
        finally:
            self._sim.holds.close(hold)

    def _watch_client(self) -> "asyncio.Task[None]":
        if self._client_gone is None:
            self._client_gone = asyncio.ensure_future(gone(self._client.receive))
        return self._client_gone

    def _numbers_named(self) -> list[str]:
        """The numbers that a request is about, as far as it names them."""
        if self._entry.operation == "create_order":
            option = self._body().get("numberOrderOption")
            listed = option.get("phoneNumbers") if isinstance(option, dict) else None
            return (
                [one for one in listed if isinstance(one, str)] if isinstance(listed, list) else []
            )
        return [self._call.path["phone_number"]] if "phone_number" in self._call.path else []

    def _body(self) -> dict[str, Any]:
        """The body as far as it is an object.

        Handling reports what is wrong with it.
        """
        try:
            return self._call.json()
        except Problem:
            return {}

    def _change_prices(self, factor: Decimal) -> None:
        def change(number: StockNumber) -> tuple[Decimal, Decimal, str]:
            cent = Decimal("0.01")
            return (
                (number.setup * factor).quantize(cent),
                (number.monthly * factor).quantize(cent),
                number.currency,
            )

        world, call = self._sim.world, self._call
        named = self._numbers_named()
        if named:
            world.reprice(named, change)
            return
        kind: Kind
        if self._entry.operation == "search":
            kind = (call.value("regionCode") or "", call.value("type") or "")
        elif self._entry.operation == "rent_any":
            kind = ("US", "LOCAL")
        elif self._entry.operation == "create_order":
            body = self._body()
            kind = (str(body.get("regionCode")), str(body.get("numberType")))
        else:
            return
        if kind in OFFERS:
            world.reprice_kind(kind, change)


def retry_after_text(fault: Fault, now: datetime) -> str | None:
    """The Retry-After header of a 429.

    Seconds, an HTTP date by the service's clock, something absurd, or none.
    """
    match fault.retry_after:
        case None:
            return None
        case "date":
            return format_datetime(now + timedelta(seconds=2), usegmt=True)
        case "absurd":
            return str(_ABSURD_RETRY_AFTER_S)
        case seconds:
            return str(seconds)
