"""Whether and when a read is tried again."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.client.retry import READ_BUDGET, TOKEN_BUDGET, Budget, wait_s
from numberflow.client.transport import COSTLY_SHARE_OF_LEASE
from numberflow.errors import (
    BadInput,
    LeaseLost,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
)
from numberflow.models.pace import RETRY_AFTER_MAX_S
from numberflow.settings import Settings

BUDGET = Budget(attempts=5, total_s=60, wait_initial_s=1, wait_factor=4, wait_max_s=30)

budgets = st.builds(
    Budget,
    attempts=st.integers(1, 2000),
    total_s=st.floats(0, 1e6),
    wait_initial_s=st.floats(0, 100),
    wait_factor=st.floats(1, 100),
    wait_max_s=st.floats(0, 1e4),
)
errors = st.one_of(
    st.builds(
        lambda s: Throttled("t", retry_after_s=s),
        st.none() | st.floats(0, allow_nan=False, allow_infinity=False),
    ),
    st.just(NotSent("n")),
    st.just(OutcomeUnknown("o", cause="reset")),
)
dice = st.floats(0, 1, exclude_max=True)


@given(budgets, errors, st.integers(1, 3000), st.floats(0, 1e7), dice)
def test_never_beyond_the_budget(
    budget: Budget, error: Exception, attempt: int, elapsed_s: float, dice: float
) -> None:
    """A wait ends before the time is up, no attempt follows the last, and no wait exceeds the cap.

    The cap includes the jitter. After a 429 only the time is a bound, and the cap is the longest
    Retry-After that is believed.
    """
    wait = wait_s(error, attempt=attempt, elapsed_s=elapsed_s, dice=dice, budget=budget)
    if wait is None:
        return
    assert 0 <= wait
    assert math.isfinite(wait)
    if isinstance(error, Throttled):
        assert elapsed_s + wait < budget.throttled_s
        assert wait <= max(budget.wait_max_s, RETRY_AFTER_MAX_S) + budget.wait_initial_s
    else:
        assert attempt < budget.attempts
        assert elapsed_s + wait < budget.total_s
        assert wait <= budget.wait_max_s + budget.wait_initial_s


@given(budgets, st.lists(st.tuples(errors, st.floats(0, 100), dice), min_size=1, max_size=50))
def test_whole_call_within_the_budget(
    budget: Budget, story: list[tuple[Exception, float, float]]
) -> None:
    """Over a whole call the waits together stay below the total, whatever the attempts do and
    however long they take.
    """
    elapsed_s = waited_s = 0.0
    for attempt, (error, took_s, roll) in enumerate(story, start=1):
        elapsed_s += took_s
        wait = wait_s(error, attempt=attempt, elapsed_s=elapsed_s, dice=roll, budget=budget)
        if wait is None:
            break
        waited_s += wait
        elapsed_s += wait
    assert waited_s == 0 or waited_s < max(budget.total_s, budget.throttled_s)


@pytest.mark.parametrize(("attempt", "ceiling_s"), [(1, 1), (2, 4), (3, 16), (4, 30)])
def test_full_jitter(attempt: int, ceiling_s: float) -> None:
    """Waits are anywhere from nothing to a ceiling that grows by the factor up to the cap."""
    error = NotSent("n")
    rolls = (0.0, 0.5, 1.0)
    waits = [
        wait_s(error, attempt=attempt, elapsed_s=0, dice=roll, budget=BUDGET) for roll in rolls
    ]
    assert [0, ceiling_s / 2, ceiling_s] == waits


@given(st.sampled_from([Throttled, OutcomeUnknown]), st.floats(0, 20), dice)
def test_retry_after_is_honoured(
    kind: type[Throttled | OutcomeUnknown], asked_s: float, dice: float
) -> None:
    """Nobody comes back before the Retry-After of a 429 or 503 is over, nor more than the initial
    wait later.
    """
    wait = wait_s(
        kind("t", retry_after_s=asked_s), attempt=1, elapsed_s=0, dice=dice, budget=BUDGET
    )
    assert wait is not None
    assert asked_s <= wait <= asked_s + BUDGET.wait_initial_s


@pytest.mark.parametrize("kind", [Throttled, OutcomeUnknown])
def test_absurd_retry_after_is_the_cap(kind: type[Throttled | OutcomeUnknown]) -> None:
    """A Retry-After of a year is taken as half a minute."""
    absurd = kind("t", retry_after_s=31_536_000.0)
    assert wait_s(absurd, attempt=1, elapsed_s=0, dice=0, budget=BUDGET) == 30.0


def test_a_throttle_is_kept_to_the_letter() -> None:
    """Minutes are waited out when the vendor says minutes, unless the 503's cap or the patience
    forbid it; tries do not count.
    """
    said = Throttled("t", retry_after_s=300.0)
    assert wait_s(said, attempt=500, elapsed_s=599, dice=0, budget=BUDGET) == 300.0
    assert None is wait_s(said, attempt=1, elapsed_s=600, dice=0, budget=BUDGET)
    unavailable = OutcomeUnknown("t", retry_after_s=300.0)
    assert wait_s(unavailable, attempt=1, elapsed_s=0, dice=0, budget=BUDGET) == 30.0


def test_retry_after_that_the_budget_cannot_hold() -> None:
    """A Retry-After that ends after the budget gives up at once instead of waiting in vain."""
    error = OutcomeUnknown("t", retry_after_s=20.0)
    assert None is wait_s(error, attempt=1, elapsed_s=40, dice=0, budget=BUDGET)
    assert wait_s(error, attempt=1, elapsed_s=39.9, dice=0, budget=BUDGET) == 20


@pytest.mark.parametrize(
    "error",
    [
        Rejected("r"),
        NotFound("n"),
        BadInput("b"),
        LeaseLost("l"),
        ValueError("v"),
        KeyboardInterrupt(),
    ],
)
def test_not_worth_repeating(error: BaseException) -> None:
    """Refusals, our own mistakes and foreign exceptions are not repeated."""
    assert None is wait_s(error, attempt=1, elapsed_s=0, dice=0, budget=BUDGET)


def test_one_attempt_means_one() -> None:
    """A budget of one attempt never repeats."""
    assert None is wait_s(
        NotSent("n"), attempt=1, elapsed_s=0, dice=0, budget=replace(BUDGET, attempts=1)
    )


def test_default_budgets() -> None:
    """Tokens get three repeats from 1 s by a factor of 4, and their total fits into a costly call
    under the default lease.
    """
    assert (TOKEN_BUDGET.attempts, TOKEN_BUDGET.wait_initial_s, TOKEN_BUDGET.wait_factor) == (
        4,
        1,
        4,
    )
    lease_s = Settings.model_fields["lease_s"].default
    assert TOKEN_BUDGET.total_s < COSTLY_SHARE_OF_LEASE * lease_s
    assert READ_BUDGET.attempts > 1
