"""The sweep over open orders as a Prefect task, and how its alarms reach people.

An event, an artifact, and a notification block if one is named.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import anyio.to_thread
from prefect.artifacts import acreate_markdown_artifact
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.events import emit_event
from prefect.logging import get_run_logger

from numberflow.errors import BadInput
from numberflow.journal import OrderKind
from numberflow.models.reports import FollowLine
from numberflow.models.wording import harmless
from numberflow.private_files import write_private
from numberflow.purchase.follow import Follower, Tell, follow_orders
from numberflow.purchase.held.link_follow import follow_link
from numberflow.purchase.held.release_follow import follow_release
from numberflow.purchase.hosting.follow import follow_hosting
from numberflow.purchase.hosting.qualification_follow import follow_qualification
from numberflow.purchase.number_orders.follow import follow_number_order
from numberflow.purchase.run_context import RunContext
from tasks.step import step

# Runs that are read to find the last one of the same parameters: sweeps of other projects lie
# between.

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
    tell = await teller(context, notify_block)
    return await follow_orders(context, FOLLOWERS, reference=reference, tell=tell)


async def teller(context: RunContext, notify_block: str | None) -> Tell:
    """Raise the alarms of a line: event, artifact, and the notification block if one is named.

    Raises:
        BadInput: as in `notifier`.
    """
    logger = get_run_logger()
    notify = await notifier(notify_block)

    async def tell(line: FollowLine) -> None:
        logger.info("%s %s: %s", line.reference, line.kind, line.state)
        if line.again is not None:
            path = await anyio.to_thread.run_sync(_keep_parameters, context.settings.home, line)
            logger.info("To order again: %s", order_command(path))
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
                markdown=harmless(f"# {line.reference}: {alarm.name}\n\n{alarm.text}"),
                key="follow-orders-alarm",
                description=harmless(f"{line.reference}: {alarm.name}"),
            )
            if notify is not None:
                await notify(f"numberflow: {line.reference}: {alarm.name}", alarm.text)

    return tell


def order_command(path: Path) -> str:
    """Opens the new order whose parameters are in that file."""
    return f"numberflow run order-numbers --params {shlex.quote(f'@{path}')}"


def parameter_file(home: Path, reference: str) -> Path:
    """Where the parameters of a new order are put, for `order_command`."""
    # Readable as far as a file name can be, and never that of another reference: names of files are
    # short, and "A/B" is not "A_B".
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", reference)[:80]
    digest = hashlib.sha256(reference.encode()).hexdigest()[:8]
    return home / "orders" / f"{safe}-{digest}.json"


def _keep_parameters(home: Path, line: FollowLine) -> Path:
    assert line.again is not None
    path = parameter_file(home, str(line.again["reference"]))
    write_private(path, json.dumps(line.again, indent=2) + "\n")
    return path
