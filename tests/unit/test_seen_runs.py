"""What the watch knows of a flow run, by what Prefect's API tells of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Running

from tasks.stuck_runs import _seen

HEARTBEAT = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}


class Server:
    """A server with one deployment, whose runs have sent no heartbeat."""

    async def read_deployment(self, _id: Any) -> Any:
        return SimpleNamespace(job_variables=HEARTBEAT)

    async def request(self, *_: Any, **__: Any) -> Any:
        answer = SimpleNamespace(json=lambda: {"events": []})
        answer.raise_for_status = lambda: answer
        return answer


@pytest.mark.anyio
@pytest.mark.parametrize("state", [Pending(name="Submitting"), Running()])
async def test_the_heartbeat_is_that_of_the_deployment(state: Any) -> None:
    """Also of a run whose worker died before its process began: it is retried as soon."""
    run = FlowRun(flow_id=uuid4(), deployment_id=uuid4(), state=state)
    seen = await _seen(Server(), run, datetime.now(UTC) + timedelta(seconds=120))
    assert (30.0, None) == (seen.beat_s, seen.beat_at)
