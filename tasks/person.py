"""Call a person: the one event by which every flow says that a machine must not decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events import emit_event
from prefect.logging import get_run_logger

from numberflow.models.reports import (
    FollowReport,
    InventoryReport,
    OpenItem,
    RunOutcome,
    RunReport,
)
from numberflow.purchase.shown import shown

NEEDS_PERSON = "numberflow.needs-person"
"""Name of the event; deployments/automations.yaml ties a notification to it."""

# Runs that are read to find the last one of the same parameters: sweeps of other projects lie
# between.
_RUNS_BACK = 50


async def call_for_run(report: RunReport) -> None:
    """Call a person for a run that ended by itself, when one is needed.

    A run that the clock starts has nobody who waits for it: it also calls when it was refused.

    Costs: nothing. Repeat: safe; a run that is repeated calls again.
    """
    if isinstance(report, FollowReport) and not await _is_new(report):
        return
    if isinstance(report, InventoryReport) and report.outcome is not RunOutcome.DONE:
        emit_event(
            event="numberflow.inventory-refused",
            resource={"prefect.resource.id": f"numberflow.inventory.{report.flow_run_id}"},
            payload={
                "reason": report.reason,
                "mend": report.remedy,
                "flow_run_id": report.flow_run_id,
            },
        )
    told = shown(report)
    call_person(report, told.subject, unattended=told.unattended)


def call_person(report: RunReport, kind: str, *, unattended: bool = False) -> None:
    """Raise the event `numberflow.needs-person` when the report asks for a person.

    Costs: nothing. Repeat: safe; a run that is repeated calls again.

    Args:
        report: how the run ended. Its payload holds references, ids and commands, nothing private.
        kind: what it is about, the middle of the resource's id, `Shown.subject`.
        unattended: nobody waits for this run, so that it calls also when it was refused.
    """
    called_for = {RunOutcome.NEEDS_PERSON} | ({RunOutcome.REFUSED} if unattended else set())
    if report.outcome not in called_for:
        return
    reference = str(getattr(report, "reference", "") or report.flow_run_id)
    open_items: Sequence[OpenItem] = getattr(report, "open_items", ())
    commands: Sequence[str] = getattr(report, "commands", ())
    emit_event(
        event=NEEDS_PERSON,
        resource={"prefect.resource.id": f"numberflow.{kind}.{report.project_id}.{reference}"},
        payload={
            "reference": reference,
            "reason": report.reason,
            "mend": report.remedy,
            "commands": [*commands, *(item.command for item in open_items)],
            "flow_run_id": report.flow_run_id,
        },
    )


async def _is_new(report: FollowReport) -> bool:
    """Whether a sweep found something that no earlier one has called for.

    A sweep every 15 minutes shows what waits for a person each time, and calls for it once: when
    its alarm is raised, and for a sweep that was refused once per cause.
    """
    if any(line.needs_person and line.alarms for line in report.orders):
        return True
    return report.outcome is RunOutcome.REFUSED and not await _called_for_before(report)


async def _called_for_before(report: FollowReport) -> bool:
    """Whether the last sweep with the same parameters was refused for the same cause, and called.

    A server that does not answer is no reason to be silent.
    """
    try:
        async with get_client() as client:
            this = await client.read_flow_run(UUID(str(report.flow_run_id)))
            runs = await client.read_flow_runs(
                flow_filter=FlowFilter(id=FlowFilterId(any_=[this.flow_id])),
                flow_run_filter=FlowRunFilter(
                    state=FlowRunFilterState(
                        type=FlowRunFilterStateType(any_=[StateType.COMPLETED, StateType.FAILED])
                    )
                ),
                sort=FlowRunSort.END_TIME_DESC,
                limit=_RUNS_BACK,
            )
    except Exception as error:  # noqa: BLE001 - a call too many is better than none
        get_run_logger().warning("How the last sweep ended is not known: %s", type(error).__name__)
        return False
    alike = (run.state for run in runs if run.parameters == this.parameters and run.id != this.id)
    before = next(alike, None)
    return (
        before is not None
        and before.name == "Refused"
        and _cause(before.message or "") == _cause(f"{report.reason} → {report.remedy}")
    )


def _cause(words: str) -> str:
    """Without times, counts and ids, which differ each time."""
    return re.sub(r"[\w-]*\d[\w-]*", "#", words)
