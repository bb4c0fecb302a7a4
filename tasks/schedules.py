"""What the clock has missed, seen from a run that the clock did start.

Not here: what is overdue (numberflow.planning.schedules).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from prefect.artifacts import acreate_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.logging import get_run_logger

from numberflow.models.reports import Alarm, FollowLine
from numberflow.planning.schedules import Questions, problem, raise_alarm, read_schedules
from tasks.step import step

T = TypeVar("T")

# The sweep itself runs, if this is read at all: it is watched by `up`, doctor and an automation.
WATCHED = ("export-inventory",)


@step("look at the clock")
async def overdue_exports() -> list[FollowLine]:
    """Say which nightly export is overdue; its alarm, once a day, has the report call a person.

    Costs: nothing. Repeat: safe. A server that does not tell is no failure: the log says so.
    """
    now = datetime.now(UTC)
    lines = []
    try:
        for each in await _ask(read_schedules(now, WATCHED)):
            if not each.is_overdue(now):
                continue
            reason, remedy = problem(each, now) or ("", "")
            told = await _ask(raise_alarm(each, reason, remedy, now, calls_person=False))
            alarms = (Alarm(name="overdue", text=f"{reason}. {remedy}"),) if told else ()
            lines.append(
                FollowLine(
                    kind="schedule",
                    order_id="",
                    reference=each.name,
                    state="overdue",
                    is_open=True,
                    needs_person=True,
                    summary=reason,
                    advice=remedy,
                    alarms=alarms,
                )
            )
            if told:
                await acreate_markdown_artifact(
                    markdown=f"# {each.name}: overdue\n\n{reason}. {remedy}",
                    key="follow-orders-alarm",
                    description=f"{each.name}: overdue",
                )
    except Exception as error:  # noqa: BLE001 - the orders are followed all the same
        get_run_logger().warning(
            "Whether the nightly export is overdue is not known: %s", type(error).__name__
        )
    return lines


async def _ask(questions: Questions[T]) -> T:
    """Send every question to the server that this run belongs to."""
    async with get_client() as client:
        try:
            wanted = next(questions)
            while True:
                response = await client.request("POST", cast("Any", wanted.path), json=wanted.body)
                wanted = questions.send(response.json() if response.content else None)
        except StopIteration as done:
            result: T = done.value
            return result
