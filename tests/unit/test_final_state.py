"""What did not go as asked is red in Prefect, keeps its report, and calls a person by one event."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid4

import pytest
import yaml
from prefect.states import Completed

from flows.final_state import final_state
from flows.table import FLOWS
from numberflow.models.reports import (
    Alarm,
    CallbacksReport,
    EmergencyReport,
    FollowLine,
    FollowReport,
    InventoryReport,
    NumbersReport,
    OpenItem,
    OrderReport,
    PurchaseReport,
    ReconcileReport,
    RunOutcome,
    RunReport,
)
from numberflow.purchase.shown import SHOWN
from tasks import person, publish

ROOT = Path(__file__).parents[2]
OPEN = OpenItem(
    intention_id="7c1e", operation="rent", subject="+12025550101", state="needs_person",
    seen="nothing", at_stake=Decimal(1), command="numberflow journal settle 7c1e",
)  # fmt: skip

WAITS = FollowLine(
    kind="number_order", order_id="o", reference="PO-1", state="BLOCKED", is_open=True,
    needs_person=True, alarms=(Alarm(name="blocked", text="t"),),
)  # fmt: skip


def _report(outcome: RunOutcome) -> PurchaseReport:
    items = (OPEN,) if outcome is RunOutcome.NEEDS_PERSON else ()
    return PurchaseReport(
        outcome=outcome,
        reason="r",
        remedy="m",
        project_id="p",
        reference="PO-1",
        asked=1,
        currency="USD",
        open_items=items,
    )


@pytest.mark.anyio
@pytest.mark.parametrize("outcome", RunOutcome)
async def test_states(outcome: RunOutcome) -> None:
    """Refused and NeedsPerson are of type FAILED and carry the report.

    Done is the report itself.
    """
    report = _report(outcome)
    state = final_state(report)
    if outcome is RunOutcome.DONE:
        assert report is state
        return
    assert not isinstance(state, RunReport)
    name = {RunOutcome.REFUSED: "Refused", RunOutcome.NEEDS_PERSON: "NeedsPerson"}[outcome]
    assert (name, True, "r → m") == (state.name, state.is_failed(), state.message)
    assert report == await state.aresult(raise_on_failure=False)


@pytest.mark.parametrize("unattended", [False, True])
@pytest.mark.parametrize("outcome", RunOutcome)
def test_calls(outcome: RunOutcome, unattended: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person is called when one is needed, and for a refused run that nobody waits for."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(person, "emit_event", lambda **event: calls.append(event))
    person.call_person(_report(outcome), "purchase", unattended=unattended)
    wanted = outcome is RunOutcome.NEEDS_PERSON or (unattended and outcome is RunOutcome.REFUSED)
    assert wanted == bool(calls)
    for call in calls:
        assert person.NEEDS_PERSON == call["event"]
        assert {"prefect.resource.id": "numberflow.purchase.p.PO-1"} == call["resource"]
        assert ("PO-1", "r", "m") == tuple(
            call["payload"][key] for key in ("reference", "reason", "mend")
        )
        commands = [OPEN.command] if outcome is RunOutcome.NEEDS_PERSON else []
        assert commands == call["payload"]["commands"]


REPORTS: dict[type[RunReport], dict[str, Any]] = {
    PurchaseReport: {"asked": 1, "currency": "USD", "reference": "PO-1"},
    OrderReport: {"reference": "PO-1"},
    CallbacksReport: {},
    NumbersReport: {"reference": "PO-1", "action": "release"},
    EmergencyReport: {"reference": "PO-1"},
    FollowReport: {"orders": (WAITS,)},
    InventoryReport: {},
    ReconcileReport: {},
}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", REPORTS, ids=lambda kind: kind.__name__)
async def test_a_person_is_called_before_anything_is_shown(
    kind: type[RunReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An artifact that the server refuses keeps nobody from being called, whatever the report."""
    calls: list[Any] = []

    async def refuse(**_: Any) -> None:
        raise RuntimeError("no artifact today")

    for name in ("acreate_table_artifact", "acreate_markdown_artifact"):
        monkeypatch.setattr(publish, name, refuse)
    monkeypatch.setattr(person, "emit_event", lambda **event: calls.append(event["event"]))
    report = kind(outcome=RunOutcome.NEEDS_PERSON, reason="r", remedy="m", **REPORTS[kind])
    with pytest.raises(RuntimeError, match="artifact"):
        await publish.publish.__wrapped__(report)  # type: ignore[attr-defined]
    assert person.NEEDS_PERSON in calls


@pytest.mark.anyio
@pytest.mark.parametrize("kind", REPORTS, ids=lambda kind: kind.__name__)
async def test_words_of_others_do_nothing(
    kind: type[RunReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTML, links and images in a reference, in a reason or in what the vendor says are text in
    the summary, whatever the report.
    """
    evil = "<img src=x onerror=alert(1)> ![](https://evil.example/x) [ok](https://evil.example/)"
    shown: list[str] = []

    async def keep(**artifact: Any) -> None:
        shown.extend((artifact.get("markdown", ""), artifact["description"]))

    for name in ("acreate_table_artifact", "acreate_markdown_artifact"):
        monkeypatch.setattr(publish, name, keep)
    monkeypatch.setattr(person, "emit_event", lambda **_: None)
    facts = REPORTS[kind] | ({"reference": evil} if "reference" in REPORTS[kind] else {})
    report = kind(outcome=RunOutcome.REFUSED, reason=evil, remedy="m", notes=(evil,), **facts)
    await publish.publish.__wrapped__(report)  # type: ignore[attr-defined]
    assert "evil.example" in "".join(shown)
    assert [] == [each for each in shown if "<img" in each or "](https" in each]


@pytest.mark.parametrize("name", FLOWS)
def test_every_report_of_a_flow_is_shown_and_calls(name: str) -> None:
    """The runner can publish what each of the flows returns."""
    (kind,) = [
        each
        for each in get_args(get_type_hints(FLOWS[name].load().fn)["return"])
        if isinstance(each, type) and issubclass(each, RunReport)
    ]
    assert {kind} - {RunReport} <= set(SHOWN) & set(REPORTS)


class Sweeps:
    """A server with the sweeps so far; artifacts are refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs: list[Any] = []
        self.calls: list[Any] = []
        self.is_down = False
        monkeypatch.setattr(person, "get_client", lambda: nullcontext(self))
        monkeypatch.setattr(person, "get_run_logger", lambda: logging.getLogger("run"))
        monkeypatch.setattr(publish, "acreate_markdown_artifact", self._refuse)
        monkeypatch.setattr(person, "emit_event", lambda **event: self.calls.append(event))

    async def _refuse(self, **_: Any) -> None:
        raise RuntimeError("no artifact today")

    async def read_flow_run(self, run_id: Any) -> Any:
        if self.is_down:
            raise RuntimeError("no answer")
        return SimpleNamespace(id=run_id, flow_id=UUID(int=1), parameters={"project": "east"})

    async def read_flow_runs(self, **_: Any) -> Any:
        return self.runs

    async def sweep(self, reason: str) -> int:
        """One sweep that is refused. How many people were called by it."""
        before = len(self.calls)
        report = FollowReport(
            outcome=RunOutcome.REFUSED, reason=reason, remedy="m", flow_run_id=str(uuid4())
        )
        with pytest.raises(RuntimeError, match="artifact"):
            await publish.publish.__wrapped__(report)  # type: ignore[attr-defined]
        self.noted(final_state(report))
        return len(self.calls) - before

    def noted(self, state: Any, project: str = "east") -> None:
        self.runs.insert(
            0, SimpleNamespace(id=uuid4(), state=state, parameters={"project": project})
        )


@pytest.mark.anyio
async def test_a_refused_sweep_calls_once_per_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage overnight is one call, whatever other projects' sweeps say.

    After a good sweep, for another cause, or unseen: one again.
    """
    server = Sweeps(monkeypatch)
    assert [1, 0] == [
        await server.sweep(reason) for reason in ("HTTP 503 after 12 s", "HTTP 503 after 14 s")
    ]
    server.noted(Completed(), "west")
    assert [0, 1] == [
        await server.sweep(reason) for reason in ("HTTP 503 after 15 s", "credentials refused")
    ]
    server.noted(Completed())
    assert 1 == await server.sweep("credentials refused")
    server.is_down = True
    assert 1 == await server.sweep("credentials refused")


def test_crash_automation_covers_every_deployment() -> None:
    """The automation that notices dead runs goes by a tag that every deployment carries."""
    automations = yaml.safe_load((ROOT / "deployments" / "automations.yaml").read_text())[
        "automations"
    ]
    (trigger,) = [each["trigger"] for each in automations if "heartbeat" in each["name"]]
    tag = trigger["match_related"]["prefect.resource.id"].removeprefix("prefect.tag.")
    assert [] == [each.name for each in FLOWS.values() if tag not in each.tags]
