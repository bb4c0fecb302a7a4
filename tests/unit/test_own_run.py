"""Whether a run may go on is read at Prefect.

Never older than the question, shared by those who ask together, open when it cannot be read.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import anyio
import pytest
from prefect.client.schemas.objects import State
from prefect.states import Cancelling, Crashed, Paused, Running, Suspended

import tasks.run_context
from tasks.run_context import OwnRun

pytestmark = pytest.mark.anyio


class Server:
    """Answers reads of a flow run with `state`, or fails with it; counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: State[Any] | Exception) -> None:
        self.state = state
        self.reads = 0
        self.warnings: list[str] = []
        self.run = OwnRun(str(uuid4()), self.warnings.append)
        monkeypatch.setattr(tasks.run_context, "get_client", self._client)

    @asynccontextmanager
    async def _client(self) -> Any:
        yield self

    async def read_flow_run(self, _id: Any) -> Any:
        self.reads += 1
        await anyio.sleep(0.01)
        if isinstance(self.state, Exception):
            raise self.state
        return SimpleNamespace(state=self.state)


@pytest.mark.parametrize(
    ("state", "held"),
    [
        (Running(), ""),
        (Suspended(), "Suspended"),
        (Paused(), "Paused"),
        (Cancelling(), "Cancelling"),
        (Crashed(), "Crashed"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_states_that_hold(
    monkeypatch: pytest.MonkeyPatch, state: State[Any], held: str
) -> None:
    """Suspended, paused, cancelling, and every state in which somebody declared the run over."""
    assert held == await Server(monkeypatch, state).run.held_by()


async def test_those_who_ask_together_share_a_read_that_began_after_they_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten at once are two reads at most; whoever asks after a change sees it."""
    server = Server(monkeypatch, Running())
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(server.run.held_by)
    assert server.reads <= 2
    server.state = Suspended()
    assert "Suspended" == await server.run.held_by()


async def test_a_server_that_does_not_answer_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on and its log says so once: `numberflow stop` does not need Prefect."""
    server = Server(monkeypatch, ConnectionError("gone"))
    assert ["", ""] == [await server.run.held_by(), await server.run.held_by()]
    assert [
        "Whether this run was suspended or cancelled could not be read: ConnectionError"
    ] == server.warnings


async def test_a_server_that_is_too_slow_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each question would hold up a costly step for seconds.

    After a while it is asked again, and heard.
    """
    server = Server(monkeypatch, TimeoutError())
    assert ["", "", 1] == [await server.run.held_by(), await server.run.held_by(), server.reads]
    server.state = Suspended()
    assert "" == await server.run.held_by()
    monkeypatch.setattr(server.run, "_again_at_s", 0.0)
    assert "Suspended" == await server.run.held_by()
