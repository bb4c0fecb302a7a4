"""Run a read and repeat it while retry.py says so. The only place that waits between attempts."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
import stamina.instrumentation
from stamina.instrumentation import RetryDetails

from numberflow.client import retry
from numberflow.errors import NumberflowError, Throttled

T = TypeVar("T")

logger = logging.getLogger("numberflow")
_NUMBER = re.compile(r"(?:\+|%2B)[0-9]{1,11}([0-9]{4})")


def log_retry(details: RetryDetails) -> None:
    """Log one sentence for each repeat, on numberflow's log.

    It replaces stamina's own words, which are a bare "stamina.retry_scheduled" in a log. Where
    structlog is installed they go to stdout, into the middle of --json.
    """
    error = details.caused_by
    why = error.message if isinstance(error, NumberflowError) else type(error).__name__
    # A path may contain a number; a log shows its last four digits.
    why = _NUMBER.sub(r"…\1", why)
    # A 429 slows every caller down. That is reported as progress, not once for each request.
    level = logging.INFO if isinstance(error, Throttled) else logging.WARNING
    logger.log(
        level,
        "%s; trying again in %.1f s (repeat %d)",
        why.rstrip("."),
        details.wait_for,
        details.retry_num,
    )


stamina.instrumentation.set_on_retry_hooks([log_retry])


class Stopwatch:
    """How long a call has taken. Waiting for the vendor's limit is counted separately."""

    def __init__(self) -> None:
        self.began_s = time.monotonic()
        self.limited_s = 0.0

    @property
    def total_s(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began_s

    @property
    def worked_s(self) -> float:
        """The same without the waits for the limit."""
        return self.total_s - self.limited_s


async def with_retries(
    once: Callable[[], Awaitable[T]], budget: retry.Budget, *, stopwatch: Stopwatch | None = None
) -> T:
    """Return the result of `once`, repeated within `budget`.

    Errors that are not worth a repeat, and the last one, are raised unchanged.

    `stopwatch` says when the budget's times began; by default now. `once` adds to `limited_s` what
    it waits for the limit; this function adds tries that met a 429, and the waits after them.

    stamina does the waiting, so that its instrumentation sees every repeat and
    `stamina.set_testing` switches waiting off. Only retry.py decides how long and how often.
    """
    watch = Stopwatch() if stopwatch is None else stopwatch
    throttles = failures = 0
    worked_before_s = 0.0

    def hook(error: Exception) -> bool | float:
        nonlocal throttles, failures
        throttled = isinstance(error, Throttled)
        if throttled:
            throttles += 1
            watch.limited_s += watch.worked_s - worked_before_s
        else:
            failures += 1
        wait = retry.wait_s(
            error,
            attempt=throttles if throttled else failures,
            elapsed_s=watch.total_s if throttled else watch.worked_s,
            dice=random.random(),  # noqa: S311 — spreading load, not guarding a secret
            budget=budget,
        )
        if wait is None:
            return False
        if throttled:
            watch.limited_s += wait
        return wait

    async for attempt in stamina.retry_context(on=hook, attempts=None, timeout=None):
        with attempt:
            worked_before_s = watch.worked_s
            return await once()
    raise AssertionError("stamina ends by returning or raising")
