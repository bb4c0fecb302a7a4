"""A run that was begun before with another journal takes no step: every flow that changes something
asks, and no Prefect server is needed to see it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger
from support.run_contexts import Shop

import flows.runner
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


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A vendor and an empty journal, to which a second attempt of a run comes."""
    shop = Shop(tmp_path)
    environment = shop.simulator.environment(BASE_URL) | {"NUMBERFLOW_HOME": str(tmp_path)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NUMBERFLOW_DATABASE_URL", raising=False)

    @asynccontextmanager
    async def open_client(settings: Settings, **_: Any) -> AsyncIterator[Client]:
        transport = InProcessTransport(shop.simulator)
        async with Client(settings, transport=transport, paced=False) as client:
            yield client

    async def show(*_: Any, **__: Any) -> None:
        """Shows it nowhere."""

    monkeypatch.setattr(tasks.run_context, "open_client", open_client)
    monkeypatch.setattr("prefect.runtime.flow_run.get_run_count", lambda: 2)
    # A task as the function that it is: Prefect would start a server to run it.
    monkeypatch.setattr(
        "prefect.tasks.Task.__call__", lambda task, *args, **kw: task.fn(*args, **kw)
    )
    monkeypatch.setattr(tasks.number_orders, "acreate_markdown_artifact", show)
    monkeypatch.setattr(flows.runner, "publish", show)
    return shop


@pytest.mark.parametrize("name", FLOWS)
async def test_another_journal_is_refused(name: str, shop: Shop) -> None:
    """The report says so, nothing is sent that could change anything, nothing is written down."""
    with disable_run_logger():
        ended: Any = await FLOWS[name].load().fn(**WANTED[name], reference="PO-1")
    report = ended.data
    assert (RunOutcome.REFUSED, "PO-1") == (report.outcome, report.reference)
    assert "This run was begun before" in report.reason
    assert "NUMBERFLOW_DATABASE_URL" in report.remedy
    posted = {each["operation"] for each in shop.simulator.requests() if each["method"] != "GET"}
    assert posted <= READING_POSTS
    with Journal.open(Settings.load().journal_url) as journal:
        assert journal.find_purchase(shop.settings.project_id, "PO-1") is None
