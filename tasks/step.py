"""How a step of a runbook becomes a Prefect task.

Never retried, never cached, and a refusal is a sentence instead of a traceback.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from prefect.states import Failed

from numberflow.errors import IllegalTransition, NumberflowError, Stopped
from numberflow.purchase.run_context import RunContext
from tasks.account import publish_account


class _NoEmptyTraceback(logging.Filter):
    """Drops a traceback that is none.

    Prefect logs one under every task that fails without an exception, as "NoneType: None".
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.exc_info, tuple) and record.exc_info[0] is None:
            record.exc_info = None
        return True


for _name in ("prefect.task_runs", "prefect.flow_runs"):
    logging.getLogger(_name).addFilter(_NoEmptyTraceback())

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W")


async def _suspend_if_asked() -> None:
    """End this process without a state of its own when the run was suspended in Prefect.

    Resume then goes on with it.

    Raises:
        Pause: which ends the process. Nothing when the run was stopped in another way, or cannot be
            resumed.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or deployment.get_id() is None:
        return
    async with get_client() as client:
        state = (await client.read_flow_run(context.flow_run.id)).state
    if state is not None and state.is_paused():
        await _tell_suspended(state)
        raise Pause(state=state)


async def _tell_suspended(state: State[Any] | None) -> None:
    """What the run did so far, in an artifact: it may be days until somebody presses Resume."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        await publish_account(
            context.flow_run, f"the run was suspended ({state.name if state else 'Suspended'})"
        )
    except Exception as error:  # noqa: BLE001 - the journal has it, and so has the sweep
        get_run_logger().warning(
            "What the suspended run did could not be shown: %s", type(error).__name__
        )


def step(name: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Make an async function a task called `name`.

    Prefect neither repeats nor remembers it: repeating is decided by the journal, which looks
    first. What the library refuses fails the task with the refusal's own words and is raised to the
    flow; a bug keeps its traceback.
    """

    def decorate(body: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @task(name=name, retries=0, cache_policy=NO_CACHE, persist_result=False)
        @wraps(body)
        async def as_task(*args: P.args, **kwargs: P.kwargs) -> T | State[T]:
            try:
                return await body(*args, **kwargs)
            except IllegalTransition:
                raise
            except NumberflowError as error:
                return Failed(message=str(error), data=error)

        @wraps(body)
        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                result = await as_task(*args, **kwargs)
                if isinstance(result, State):
                    raise cast("NumberflowError", await result.aresult(raise_on_failure=False))
            except Stopped:
                await _suspend_if_asked()
                raise
            except Pause as pause:
                # Prefect itself noticed that the run was suspended, at a task's beginning or end.
                await _tell_suspended(pause.state)
                raise
            return result

        return call

    return decorate


def reported(
    work: Callable[Concatenate[RunContext, W, str, P], Awaitable[T]],
    report: Callable[[RunContext, W, str, T], Awaitable[R]],
) -> Callable[Concatenate[RunContext, W, str, P], Awaitable[R]]:
    """Work for a reference and then say how it stands, as one step with the docstring of the work.

    Args:
        work: gets run context, parameters, reference and whatever else it takes.
        report: gets the first three and what the work brought.
    """

    @wraps(work)
    async def both(
        context: RunContext, parameters: W, reference: str, /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        done = await work(context, parameters, reference, *args, **kwargs)
        return await report(context, parameters, reference, done)

    return both
