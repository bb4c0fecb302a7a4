"""A run that was stopped from outside is accounted for from the journal, by a hook that every flow
that changes something has.
"""

from __future__ import annotations

import json
import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelling, Crashed, Failed
from support.command import ACCOUNT
from support.journals import died_in_the_middle

import flows.stopping
import tasks.account
import tasks.person
from flows.search_and_rent import search_and_rent
from flows.stopping import account_for_stop
from flows.table import FLOWS

pytestmark = pytest.mark.anyio


class Told:
    """Takes the place of Prefect's server: the artifacts and the events of a hook."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.artifacts: dict[str, Any] = {}
        self.events: list[Any] = []
        monkeypatch.setattr(tasks.account, "get_client", self._client)
        # Prefect's own would start a server to send it to.
        monkeypatch.setattr(flows.stopping, "flow_run_logger", lambda *_: logging.getLogger("test"))
        monkeypatch.setattr(
            tasks.person, "emit_event", lambda **event: self.events.append(event["payload"])
        )

    @asynccontextmanager
    async def _client(self) -> Any:
        yield self

    async def create_artifact(self, artifact: Any) -> None:
        self.artifacts[artifact.key] = artifact


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """An account, an empty journal, and a Prefect that listens."""
    for name, value in {**ACCOUNT, "NUMBERFLOW_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NUMBERFLOW_DATABASE_URL", raising=False)
    return Told(monkeypatch)


@pytest.mark.parametrize("state", [Cancelling(), Crashed(), Failed()], ids=lambda state: state.name)
@pytest.mark.parametrize("named", [True, False], ids=["by its reference", "by the run's id"])
async def test_what_is_open_is_told(told: Told, state: State[Any], *, named: bool) -> None:
    """Artifacts of that run name the number and the command that settles it, and a person is
    called.
    """
    run = FlowRun(flow_id=uuid4(), parameters={"reference": " PO-9 " if named else ""})
    died_in_the_middle("PO-9" if named else str(run.id))
    await account_for_stop(search_and_rent, run, state)
    assert {run.id} == {artifact.flow_run_id for artifact in told.artifacts.values()}
    steps = json.loads(told.artifacts["stopped-run-steps"].data)
    assert [("+12025550101", "sending"), ("+12025550102", "planned")] == [
        (row["number or order"], row["state"]) for row in steps
    ]
    (event,) = told.events
    assert (str(run.id), 1) == (event["flow_run_id"], len(event["commands"]))
    assert event["commands"][0] in told.artifacts["stopped-run"].data


async def test_what_ended_by_itself_is_not_told_twice(told: Told) -> None:
    """Refused and NeedsPerson have told everything in their own reports.

    One that began nothing calls nobody.
    """
    await account_for_stop(
        search_and_rent, FlowRun(flow_id=uuid4(), parameters={}), Failed(name="Refused")
    )
    assert {} == told.artifacts
    await account_for_stop(search_and_rent, FlowRun(flow_id=uuid4(), parameters={}), Cancelling())
    assert (["stopped-run"], []) == (list(told.artifacts), told.events)
    assert "nothing was sent" in told.artifacts["stopped-run"].data


def test_every_flow_that_changes_something_is_accounted_for() -> None:
    """Cancelled, crashed, or failed by a bug."""
    for flow in (entry.load() for entry in FLOWS.values() if entry.changes):
        for hooks in (flow.on_cancellation_hooks, flow.on_crashed_hooks, flow.on_failure_hooks):
            assert account_for_stop in hooks, flow.name
