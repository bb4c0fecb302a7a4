"""Open what a run works with: client and journal of one project."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import anyio
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run

from numberflow.journal import Journal
from numberflow.journal.owner import this_person
from numberflow.purchase.run_context import RunContext, in_thread, open_client
from tasks.credentials import settings_for
from tasks.termination import Termination

# A server that is far behind answers within seconds; one that does not answer must not hold a
# purchase half-way.
STATE_WAIT_S = 5.0
# Seconds to leave a server alone after it did not answer: each question holds up a costly step.
STATE_AGAIN_S = 30.0
# Label: number of the last attempt; none up to it has begun anything.
NOTHING_BEGUN = "numberflow.nothing-begun"
ENDED = "numberflow.flow-run.ended"
"""Event of a run whose work is over, however; see deployments/automations.yaml."""


class OwnRun:
    """The state of this flow run at the Prefect server, as far as it holds costly steps.

    Fails open, with a warning, and leaves a server alone for a while that did not answer in time:
    whoever wants to stop everything while Prefect is down has `numberflow stop`, which does not
    need it.
    """

    def __init__(self, run_id: str | None, warn: Callable[[str], None]) -> None:
        self._run_id = run_id
        self._warn = warn
        self._warned = False
        self._reading = anyio.Lock()
        self._read_at_s = float("-inf")
        self._again_at_s = float("-inf")
        self._state = ""

    async def held_by(self) -> str:
        """Name of the state in which no further costly step is to be taken.

        Empty while the run may go on.

        Never older than the question: steps that ask while a read is under way share the next one.
        """
        if self._run_id is None:
            return ""
        asked_at_s = time.monotonic()
        async with self._reading:
            if self._read_at_s <= asked_at_s and self._again_at_s <= asked_at_s:
                self._read_at_s = time.monotonic()
                self._state = await self._read(UUID(self._run_id))
            return self._state

    async def _read(self, run_id: UUID) -> str:
        try:
            with anyio.fail_after(STATE_WAIT_S):
                async with get_client() as client:
                    state = (await client.read_flow_run(run_id)).state
        except Exception as error:  # noqa: BLE001 - see the class
            if not self._warned:
                self._warn(
                    "Whether this run was suspended or cancelled could not be read: "
                    f"{type(error).__name__}"
                )
            self._warned = True
            if isinstance(error, TimeoutError):
                self._again_at_s = time.monotonic() + STATE_AGAIN_S
            return ""
        if state is not None and (state.is_paused() or state.is_cancelling() or state.is_final()):
            return state.name or state.type.value.capitalize()
        return ""


@asynccontextmanager
async def open_run_context(project: str | None) -> AsyncIterator[RunContext]:
    """Client and journal for one run, closed at its end.

    Raises:
        BadInput, MissingCredentials: as in `settings_for`.
        JournalUnavailable: no journal, no purchase.
    """
    settings = await settings_for(project)
    logger = get_run_logger()
    journal = await in_thread(Journal.open, settings.journal_url)
    who = _who()
    journal.act_as(**who)
    # A run of a deployment is worked by whoever runs the worker.
    typed_here = "" if deployment.get_id() else this_person()
    try:
        async with open_client(settings, on_wait=logger.info) as client:
            run_id = flow_run.get_id()
            own, termination = OwnRun(run_id, logger.warning), Termination()

            async def held_by() -> str:
                return "Terminating" if termination.came else await own.held_by()

            context = RunContext(
                client,
                journal,
                settings,
                on_wait=logger.info,
                run_state=held_by,
                around_step=termination.step,
                project=project,
                flow_run_id=run_id,
                started_by=who["created_by"] or typed_here,
                begun_before=await _may_have_begun(),
            )
            with termination.heard():
                yield context
    finally:
        await in_thread(journal.close)


def _who() -> dict[str, str | None]:
    """Who works, for the audit, as far as Prefect tells without being asked."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    created_by = run.created_by if run is not None else None
    creator = None if created_by is None else created_by.display_value or created_by.type
    return {
        "flow_run_id": flow_run.get_id(),
        "flow_run": flow_run.get_name(),
        "deployment": deployment.get_name(),
        "created_by": creator,
    }


async def note_nothing_begun() -> None:
    """Note, with the run, that this attempt has begun nothing: Retry or Resume may begin it.

    With the run and not in the journal: an attempt may end because it has no journal. Best effort:
    a run without the note is held to the journal of its earlier attempts.
    """
    run_id = flow_run.get_id()
    if run_id is None or await _may_have_begun():
        return
    try:
        # A run that is told to stop does not wait for a server that does not answer.
        with anyio.fail_after(STATE_WAIT_S):
            async with get_client() as client:
                await client.update_flow_run_labels(
                    UUID(run_id), {NOTHING_BEGUN: flow_run.get_run_count() or 1}
                )
    except Exception as error:  # noqa: BLE001 - see above
        get_run_logger().warning(
            "Could not label this run; Retry may be refused, so start a new run instead: %s",
            type(error).__name__,
        )


def note_ended() -> None:
    """Say that this run sends no further heartbeat.

    Its last state says so, too. But of a run that the clock made only minutes before it began, the
    server hands the states to automations a quarter of an hour late.
    """
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        resource = {"prefect.resource.id": f"prefect.flow-run.{context.flow_run.id}"}
        emit_event(event=ENDED, resource=resource)


async def _may_have_begun() -> bool:
    """Whether an earlier attempt of this run may have begun what its reference stands for."""
    run_id, before = flow_run.get_id(), (flow_run.get_run_count() or 1) - 1
    if run_id is None or before == 0:
        return before > 0
    try:
        async with get_client() as client:
            labels = (await client.read_flow_run(UUID(run_id))).labels
    except Exception as error:  # noqa: BLE001 - what is not known may be
        get_run_logger().warning(
            "What earlier attempts did could not be read: %s", type(error).__name__
        )
        return True
    return labels.get(NOTHING_BEGUN) != before
