"""Run a read, and again as long as retry.py says so. The only place that waits between attempts."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from numberflow.client import retry

T = TypeVar("T")


async def persist(once: Callable[[], Awaitable[T]], budget: retry.Budget, *, began_s: float | None = None) -> T:
    """The result of `once`, repeated within `budget`. Errors that are not worth a repeat, and the last one, come out unchanged.

    `began_s` is the monotonic moment from which the budget's total counts; now when left out.

    stamina does the waiting, so that its instrumentation sees every repeat and `stamina.set_testing` switches waiting off; how long and how often is
    decided in retry.py alone.
    """
    began_s = time.monotonic() if began_s is None else began_s
    attempt_number = 0

    def hook(error: Exception) -> bool | float:
        wait = retry.wait_s(
            error,
            attempt=attempt_number,
            elapsed_s=time.monotonic() - began_s,
            dice=random.random(),  # noqa: S311 — spreading load, not guarding a secret
            budget=budget,
        )
        return False if wait is None else wait

    async for attempt in stamina.retry_context(on=hook, attempts=None, timeout=None):
        attempt_number = attempt.num
        with attempt:
            return await once()
    raise AssertionError("stamina ends by returning or raising")
