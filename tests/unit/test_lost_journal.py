"""A run that began with another journal takes no step; one that has begun nothing may be retried.

Every flow that changes something checks this. No Prefect server is needed to see it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from uuid import UUID, uuid4

import pytest
from prefect.exceptions import Pause
from prefect.logging import disable_run_logger
from support.run_contexts import Shop

import tasks.number_orders
import tasks.run_context
from flows import table
from numberflow.client import Client
from numberflow.journal import Journal
from numberflow.models.reports import RunOutcome
from numberflow.settings import Settings
from numberflow.simulator import BASE_URL, InProcessTransport

pytestmark = pytest.mark.anyio

FLOWS = {entry.name: entry for entry in table.FLOWS.values() if entry.changes}
NUMBER = "+12125550101"
SMS = {"service_plan_id": "plan-a"}
READING_POSTS = {"token", "lookup_requirements"}
CAPS = {"max_today": "90.00", "max_monthly": "90.00"}
RUN_ID = str(uuid4())
REFUSED = "This run was begun before"
# What they would change is not there yet, and their reference stays unused.
REFUSE_ITS_NUMBER = {"text-enable-numbers", "configure-numbers", "release-numbers"}
WANTED: dict[str, dict[str, Any]] = {
    "search-and-rent": CAPS,
    "order-numbers": CAPS,
    "emergency-address": {"action": "deprovision", "phone_numbers": NUMBER},
    "import-numbers": {"phone_numbers": NUMBER, "sms": SMS},
    "qualify-numbers": {"phone_numbers": NUMBER},
    "text-enable-numbers": {"phone_numbers": NUMBER, "sms": SMS, "loa": "letter.json"},
    "configure-numbers": {"phone_numbers": NUMBER, "display_name": "desk"},
    "release-numbers": {"phone_numbers": NUMBER, "confirm_release": True},
}


class Attempts:
    """The attempts of one flow run, and what the Prefect server keeps of it."""

    def __init__(self, shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop = shop
        self.count = 1
        self._labels: dict[str, Any] = {}
        self._folder, self._monkeypatch = folder, monkeypatch

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Closes nothing."""

    async def read_flow_run(self, _: UUID) -> Any:
        """The run with its labels, in no state that would hold it."""
        return SimpleNamespace(state=None, labels=self._labels)

    async def update_flow_run_labels(self, _: UUID, labels: dict[str, Any]) -> None:
        """Merges them, as the server does."""
        self._labels = self._labels | labels

    def lose_journal(self) -> None:
        """The next attempt has an empty one."""
        self._monkeypatch.setenv(
            "NUMBERFLOW_DATABASE_URL", f"sqlite:///{self._folder / f'{uuid4()}.db'}"
        )

    async def run(self, name: str, **changed: str) -> Any:
        """One attempt, with other variables of the environment; its report."""
        with self._monkeypatch.context() as patched, disable_run_logger():
            for variable, value in changed.items():
                patched.setenv(variable, value)
            ended: Any = await FLOWS[name].load().fn(**WANTED[name], reference="PO-1")
        self.count += 1
        return getattr(ended, "data", ended)

    def has_begun(self) -> bool:
        """Whether the journal knows the reference."""
        with Journal.open(Settings.load().journal_url) as journal:
            return journal.find_purchase(self.shop.settings.project_id, "PO-1") is not None


@pytest.fixture
def attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attempts:
    """A vendor and an empty journal, to which the attempts of a run come."""
    shop = Shop(tmp_path)
    environment = shop.simulator.environment(BASE_URL) | {"NUMBERFLOW_HOME": str(tmp_path)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NUMBERFLOW_DATABASE_URL", raising=False)
    attempts = Attempts(shop, tmp_path, monkeypatch)

    @asynccontextmanager
    async def open_client(settings: Settings, **_: Any) -> AsyncIterator[Client]:
        transport = InProcessTransport(shop.simulator)
        async with Client(settings, transport=transport, paced=False) as client:
            yield client

    async def show(*_: Any, **__: Any) -> None:
        """Shows it nowhere."""

    monkeypatch.setattr(tasks.run_context, "open_client", open_client)
    monkeypatch.setattr(tasks.run_context, "get_client", lambda: attempts)
    monkeypatch.setattr("prefect.runtime.flow_run.get_id", lambda: RUN_ID)
    monkeypatch.setattr("prefect.runtime.flow_run.get_name", lambda: "PO-1")
    monkeypatch.setattr("prefect.runtime.flow_run.get_run_count", lambda: attempts.count)
    # A task as the function that it is: Prefect would start a server to run it.
    monkeypatch.setattr(
        "prefect.tasks.Task.__call__", lambda task, *args, **kw: task.fn(*args, **kw)
    )
    for artifact in (
        "tasks.number_orders.acreate_markdown_artifact",
        "tasks.qualify.acreate_markdown_artifact",
        "tasks.publish.acreate_table_artifact",
        "tasks.purchase.acreate_progress_artifact",
        "tasks.purchase.aupdate_progress_artifact",
        "flows.runner.publish",
    ):
        monkeypatch.setattr(artifact, show)
    return attempts


@pytest.mark.parametrize("name", FLOWS)
async def test_another_journal_is_refused(name: str, attempts: Attempts) -> None:
    """The report says so, nothing is sent that could change anything, nothing is written down."""
    attempts.count = 2
    report = await attempts.run(name)
    assert (RunOutcome.REFUSED, "PO-1") == (report.outcome, report.reference)
    assert REFUSED in report.reason
    assert "NUMBERFLOW_DATABASE_URL" in report.remedy
    sent = attempts.shop.simulator.requests()
    assert {each["operation"] for each in sent if each["method"] != "GET"} <= READING_POSTS
    assert not attempts.has_begun()
    # Nor does it count as an attempt that had nothing to lose.
    assert REFUSED in (await attempts.run(name)).reason


@pytest.mark.parametrize("name", FLOWS)
async def test_an_attempt_that_began_nothing_is_retried(name: str, attempts: Attempts) -> None:
    """Refused without a journal and without an account, it goes on as if it were the first; once it
    has begun, the journal may not be lost.
    """
    nowhere = "sqlite:////dev/null/journal.db"
    first = await attempts.run(name, NUMBERFLOW_DATABASE_URL=nowhere)
    assert "journal" in first.reason
    assert "SINCH_KEY_ID" in (await attempts.run(name, SINCH_KEY_ID="")).reason
    assert REFUSED not in (await attempts.run(name)).reason
    assert attempts.has_begun() == (name not in REFUSE_ITS_NUMBER)
    attempts.lose_journal()
    assert (REFUSED in (await attempts.run(name)).reason) == (name not in REFUSE_ITS_NUMBER)


@pytest.mark.parametrize("name", FLOWS)
async def test_an_attempt_that_was_suspended_before_it_began_is_resumed(
    name: str, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prefect ends a suspended run at its next task, by no error of ours."""

    def suspended(*_: Any, **__: Any) -> None:
        raise Pause

    with monkeypatch.context() as patched:
        patched.setattr("prefect.tasks.Task.__call__", suspended)
        with pytest.raises(Pause):
            await attempts.run(name)
    assert not attempts.has_begun()
    attempts.count += 1
    assert REFUSED not in (await attempts.run(name)).reason
