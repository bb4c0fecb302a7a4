"""The sweep over open orders as a Prefect task, and how its alarms reach people.

An event, an artifact, and a notification block if one is named.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import anyio.to_thread
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
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

from numberflow.errors import BadInput
from numberflow.journal import OrderKind
from numberflow.models.reports import FollowLine, FollowReport, RunOutcome
from numberflow.purchase.follow import Follower, follow_orders
from numberflow.purchase.held.link_follow import follow_link
from numberflow.purchase.held.release_follow import follow_release
from numberflow.purchase.hosting.follow import follow_hosting
from numberflow.purchase.hosting.qualification_follow import follow_qualification
from numberflow.purchase.number_orders.follow import follow_number_order
from numberflow.purchase.number_orders.text import follow_rows, follow_text
from numberflow.purchase.run_context import RunContext
from tasks.person import call_person
from tasks.step import step

# Runs that are read to find the last one of the same parameters: sweeps of other projects lie
# between.
_RUNS_BACK = 50

FOLLOWERS: Mapping[OrderKind, Follower] = {
    OrderKind.NUMBER: follow_number_order,
    OrderKind.HOSTING: follow_hosting,
    OrderKind.QUALIFICATION: follow_qualification,
    OrderKind.LINK: follow_link,
    OrderKind.RELEASE: follow_release,
}


async def notifier(name: str | None) -> Callable[[str, str], Any] | None:
    """How to tell a person besides Prefect: the `notify` of the block `type/name`.

    None when no block is named.

    Raises:
        BadInput: there is no such block, or it is none that notifies.
    """
    if name is None:
        return None
    try:
        block = await cast("Any", Block.aload(name))
    except ValueError:
        block = None
    if not isinstance(block, NotificationBlock):
        raise BadInput(
            f"notify: {name!r} is no notification block",
            field="notify",
            remedy="make one in the Prefect UI (Blocks) and write its type and name, such as "
            "slack-webhook/operations",
        )

    async def notify(subject: str, body: str) -> None:
        await block.notify(body, subject)

    return notify


@step("follow orders")
async def sweep(
    context: RunContext, reference: str | None, notify_block: str | None
) -> list[FollowLine]:
    """Look at every open order once and raise its alarms.

    Costs: nothing. Repeat: safe. An alarm is raised once; one that could not be raised comes again
    with the next sweep.
    """
    logger = get_run_logger()
    notify = await notifier(notify_block)

    async def tell(line: FollowLine) -> None:
        logger.info("%s %s: %s", line.reference, line.kind, line.state)
        if line.again is not None:
            path = await anyio.to_thread.run_sync(_keep_parameters, context.settings.home, line)
            logger.info(
                "Parameters of the new order: numberflow run order-numbers --params @%s", path
            )
        for alarm in line.alarms:
            emit_event(
                event="numberflow.order-alarm",
                resource={
                    "prefect.resource.id": f"numberflow.order.{context.project_id}.{line.order_id}"
                },
                payload={
                    "reference": line.reference,
                    "order": line.order_id,
                    "kind": line.kind,
                    "state": line.state,
                    "alarm": alarm.name,
                    "text": alarm.text,
                    "advice": line.advice,
                },
            )
            await acreate_markdown_artifact(
                markdown=f"# {line.reference}: {alarm.name}\n\n{alarm.text}",
                key="follow-orders-alarm",
                description=f"{line.reference}: {alarm.name}",
            )
            if notify is not None:
                await notify(f"numberflow: {line.reference}: {alarm.name}", alarm.text)

    return await follow_orders(context, FOLLOWERS, reference=reference, tell=tell)


def parameter_file(home: Path, reference: str) -> Path:
    """Where the parameters of a new order are put, for `numberflow run order-numbers --params @FILE`."""
    # Readable as far as a file name can be, and never that of another reference: names of files are
    # short, and "A/B" is not "A_B".
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", reference)[:80]
    digest = hashlib.sha256(reference.encode()).hexdigest()[:8]
    return home / "orders" / f"{safe}-{digest}.json"


def _keep_parameters(home: Path, line: FollowLine) -> Path:
    assert line.again is not None
    path = parameter_file(home, str(line.again["reference"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(line.again, indent=2) + "\n")
    return path


async def _called_for_before(report: FollowReport) -> bool:
    """Whether the sweep before this one, of the same parameters, was refused for the same cause.

    It called then.

    A server that does not tell is no reason to be silent.
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


@step("publish follow report")
async def publish_follow_report(report: FollowReport) -> None:
    """Put the sweep into a table and a summary in words; call a person for what is new.

    Costs: nothing. Repeat: safe; each run adds a version.
    """
    # A sweep every 15 minutes shows what waits for a person each time, and calls for it once: when
    # its alarm is raised; and for a sweep that was refused once per cause. First: an artifact that
    # the server refuses must not keep a person from being called.
    waits_anew = any(line.needs_person and line.alarms for line in report.orders)
    refused = report.outcome is RunOutcome.REFUSED
    if waits_anew or (refused and not await _called_for_before(report)):
        call_person(report, "order", unattended=True)
    if report.orders:
        await acreate_table_artifact(
            table=follow_rows(report),
            key="follow-orders-report",
            description="Open orders, and those that ended",
        )
    await acreate_markdown_artifact(
        markdown=follow_text(report),
        key="follow-orders-summary",
        description="Open orders, and those that ended",
    )
