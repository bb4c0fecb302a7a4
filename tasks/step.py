"""How a step of a runbook becomes a Prefect task: never retried, never cached, and a refusal is a sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Failed

from numberflow.errors import IllegalTransition, NumberflowError

P = ParamSpec("P")
T = TypeVar("T")


def step(name: str) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Make an async function a task called `name`.

    Prefect neither repeats nor remembers it: repeating is decided by the journal, which looks first. What the library refuses fails the
    task with the refusal's own words and is raised to the flow; a bug keeps its traceback.
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
            result = await as_task(*args, **kwargs)
            if isinstance(result, State):
                raise cast("NumberflowError", await result.aresult(raise_on_failure=False))
            return result

        return call

    return decorate
