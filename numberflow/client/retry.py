"""Whether and when a read is tried again. Pure: no clock, no dice, no sleep (see attempts.py).

Only reads come here. A costly call is never repeated below the journal, because the vendor knows no
idempotency key (docs/vendor/numbers-behaviour.md §1, item 10).
"""

from __future__ import annotations

from dataclasses import dataclass

from numberflow.errors import LeaseLost, NotSent, OutcomeUnknown, Throttled
from numberflow.models.pace import believed_s


@dataclass(frozen=True, slots=True)
class Budget:
    """How much patience one call has.

    Both bounds hold: `attempts` counts the first one, too; `total_s` covers calls and waits.

    Tries that met a 429, and waits for the vendor's limit, count in neither. Only `throttled_s`
    bounds them, counted from the beginning of the call. With a 429 the vendor does not say that
    something is wrong, it says "later".
    """

    attempts: int
    total_s: float
    wait_initial_s: float
    wait_factor: float
    wait_max_s: float
    throttled_s: float = 900.0


# Reads: five tries within a minute outlast a restart of the vendor's gateway. After that, an error
# and a later run are better.
READ_BUDGET = Budget(attempts=5, total_s=60.0, wait_initial_s=0.5, wait_factor=2.0, wait_max_s=30.0)

# Tokens: 3 repeats from 1 s by a factor of 4, as in the vendor's own SDKs
# (docs/vendor/numbers-behaviour.md §3). The total stays below the bound of a costly call
# (transport.py), which needs the token first.
TOKEN_BUDGET = Budget(
    attempts=4, total_s=40.0, wait_initial_s=1.0, wait_factor=4.0, wait_max_s=16.0
)


def wait_s(
    error: BaseException, *, attempt: int, elapsed_s: float, dice: float, budget: Budget
) -> float | None:
    """Seconds to wait before the next attempt, or None to give up and raise `error`.

    Full jitter: anything from zero to the exponential ceiling, so that many clients that failed
    together do not come back together. The Retry-After of a 429 is honoured exactly (an absurd one
    counts as half a minute, see numberflow.models.pace); that of a 503 up to `wait_max_s`. At most
    `wait_initial_s` of jitter comes on top.

    Args:
        error: what the attempt raised.
        attempt: how many attempts have failed, this one included: after a 429 those with a 429,
            otherwise the others.
        elapsed_s: seconds since the first attempt began; after other errors than a 429 without the
            waits for the limit.
        dice: uniform in [0, 1).
        budget: the bounds; the returned wait ends before `total_s` (for a 429 `throttled_s`) is
            used up.
    """
    if not _worth_repeating(error):
        return None
    throttled = isinstance(error, Throttled)
    if not throttled and attempt >= budget.attempts:
        return None
    total_s = budget.throttled_s if throttled else budget.total_s
    asked_s = error.retry_after_s if isinstance(error, Throttled | OutcomeUnknown) else None
    if asked_s is None:
        # The exponent is bounded first: a budget of thousands of attempts must not overflow a
        # float.
        ceiling_s = min(
            budget.wait_max_s, budget.wait_initial_s * budget.wait_factor ** min(attempt - 1, 64)
        )
        wait = dice * ceiling_s
    elif throttled:
        wait = believed_s(asked_s) + dice * budget.wait_initial_s
    else:
        wait = min(asked_s, budget.wait_max_s) + dice * budget.wait_initial_s
    return wait if elapsed_s + wait < total_s else None


def _worth_repeating(error: BaseException) -> bool:
    if isinstance(error, LeaseLost):
        return False
    if isinstance(error, NotSent | OutcomeUnknown):
        return error.worth_repeating
    return isinstance(error, Throttled)
