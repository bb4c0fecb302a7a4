"""Whether and when a read is tried again. Pure: no clock, no dice, no sleep (attempts.py has those).

Only reads come here. A costly call is never repeated below the journal, because the vendor knows no idempotency key
(docs/vendor/numbers-behaviour.md §1, item 10).
"""

from __future__ import annotations

from dataclasses import dataclass

from numberflow.errors import LeaseLost, NotSent, NumberflowError, OutcomeUnknown, Throttled


@dataclass(frozen=True, slots=True)
class Budget:
    """How much patience one call has. Both bounds hold: `attempts` counts the first one too, `total_s` covers calls and waits."""

    attempts: int
    total_s: float
    wait_initial_s: float
    wait_factor: float
    wait_max_s: float


# Reads: five tries within a minute get over a restart of the vendor's gateway; whoever waits longer is better served by an error and a later run.
READ_BUDGET = Budget(attempts=5, total_s=60.0, wait_initial_s=0.5, wait_factor=2.0, wait_max_s=30.0)

# Tokens: 3 repeats from 1 s by a factor of 4, as the vendor's own SDKs do it (docs/vendor/numbers-behaviour.md §3). The total stays below the bound
# of a costly call (transport.py), which needs the token first.
TOKEN_BUDGET = Budget(attempts=4, total_s=40.0, wait_initial_s=1.0, wait_factor=4.0, wait_max_s=16.0)


def wait_s(error: BaseException, *, attempt: int, elapsed_s: float, dice: float, budget: Budget) -> float | None:
    """Seconds to wait before the next attempt, or None to give up and raise `error`.

    Full jitter: anything between nothing and the exponential ceiling, so that many clients that failed together do not come back together.
    Retry-After is honoured up to `wait_max_s` (a longer or absurd one is taken as that), with at most `wait_initial_s` of jitter on top.

    Args:
        error: what the attempt raised.
        attempt: number of the attempt that failed, from 1.
        elapsed_s: seconds since the first attempt began.
        dice: uniform in [0, 1).
        budget: the bounds; the wait that is returned ends before `total_s` is used up.
    """
    if not _worth_repeating(error) or attempt >= budget.attempts:
        return None
    asked_s = error.retry_after_s if isinstance(error, Throttled | OutcomeUnknown) else None
    if asked_s is None:
        # The exponent is bounded before the power is taken: a budget of thousands of attempts must not overflow a float.
        ceiling_s = min(budget.wait_max_s, budget.wait_initial_s * budget.wait_factor ** min(attempt - 1, 64))
        wait = dice * ceiling_s
    else:
        wait = min(asked_s, budget.wait_max_s) + dice * budget.wait_initial_s
    return wait if elapsed_s + wait < budget.total_s else None


def _worth_repeating(error: BaseException) -> bool:
    if isinstance(error, LeaseLost):
        return False
    return isinstance(error, NumberflowError) and isinstance(error, NotSent | Throttled | OutcomeUnknown)
