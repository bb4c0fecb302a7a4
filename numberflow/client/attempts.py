"""Run a read, and again as long as retry.py says so. The only place that waits between attempts."""

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
    """One sentence for each repeat, on the log of numberflow.

    In the place of stamina's own words, which are a bare "stamina.retry_scheduled" for whoever
    reads a log, or go to stdout where structlog is installed, into the middle of --json.
    """
    error = details.caused_by
    why = error.message if isinstance(error, NumberflowError) else type(error).__name__
    # A path may name a number; a log shows its last four digits.
    why = _NUMBER.sub(r"…\1", why)
    # A 429 slows every caller down, and that is told as progress, not once for each request.
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
    """How long a call has been at it. What the vendor's limit makes it wait is counted apart."""

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
    """The result of `once`, repeated within `budget`.

    Errors that are not worth a repeat, and the last one, come out unchanged.

    `stopwatch` says from when on the budget's times count; from now on when left out. What `once`
    itself waits for the limit it adds to `limited_s`; tries that met a 429, and the waits after
    them, are added here.

    stamina does the waiting, so that its instrumentation sees every repeat and
    `stamina.set_testing` switches waiting off; how long and how often is decided in retry.py alone.
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
