"""How a pace changes: never above its rate, lower for everybody after a 429, higher when it is used
and nothing is refused.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.models.pace import (
    AHEAD_S,
    BURST_S,
    FORGET_S,
    RETRY_AFTER_ABSURD_S,
    RETRY_AFTER_MAX_S,
    Bounds,
    Pace,
    believed_s,
    fresh,
    lower,
    take,
)

BOUNDS = Bounds(20.0, 1.0, 100.0)


def drive(
    pace: Pace, seconds: float, *, began_s: float, wanted: int = 50
) -> tuple[Pace, list[float]]:
    """Ask every 50 ms for more than there is.

    The pace afterwards and the times that were given out.
    """
    times: list[float] = []
    for step in range(int(seconds / 0.05)):
        now_s = began_s + step * 0.05
        pace, grant = take(pace, BOUNDS, now_s, wanted=wanted)
        times += [now_s + delay_s for delay_s in grant.delays_s]
    return pace, times


@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.integers(1, 40), st.integers(0, 5)), min_size=1, max_size=60
    )
)
def test_never_more_than_the_rate(story: list[tuple[float, int, int]]) -> None:
    """Whoever asks how often for how much.

    Times are an interval apart, at most a fifth of a second ahead, and rates in bounds.
    """
    fixed = Bounds(20.0, 20.0, 20.0)
    pace, now_s, times = fresh(fixed, 0.0), 0.0, [-math.inf]
    for passed_s, wanted, unused in story:
        now_s += passed_s
        pace, grant = take(pace, fixed, now_s, wanted=wanted, unused=unused)
        assert len(grant.delays_s) <= wanted
        assert bool(grant.delays_s) != (grant.again_s > 0)
        assert all(-BURST_S - 1e-9 <= delay_s <= AHEAD_S + 1e-9 for delay_s in grant.delays_s)
        times += [now_s + delay_s for delay_s in grant.delays_s]
    assert all(later - earlier > 1 / 20 - 1e-6 for earlier, later in pairwise(times))


def test_it_grows_from_start_to_ceiling_while_it_is_used() -> None:
    """From 20/s to 100/s in some 20 s, which brings the 1,240 requests of an inventory of 100,000
    under half a minute.
    """
    pace, times = drive(fresh(BOUNDS, 0.0), 25, began_s=0.0)
    assert pace.rate_per_s == BOUNDS.ceiling
    assert sum(time < 23 for time in times) > 1240


def test_it_does_not_grow_unused() -> None:
    """One request now and then proves nothing."""
    pace, _ = drive(fresh(BOUNDS, 0.0), 5, began_s=0.0, wanted=1)
    grown = pace.rate_per_s
    for second in range(5, 60):
        pace, _ = take(pace, BOUNDS, float(second), wanted=1)
    assert pace.rate_per_s == grown


def test_what_comes_back_unused_was_not_used() -> None:
    """Times that were taken and not used do not let it grow."""
    pace = fresh(BOUNDS, 0.0)
    for step in range(200):
        pace, _ = take(pace, BOUNDS, step * 0.05, wanted=4, unused=4)
    assert pace.rate_per_s == BOUNDS.start


def test_a_refusal_lowers_it_once() -> None:
    """Several 429s of requests that left at the same rate are one piece of news.

    The next one after that is another.
    """
    pace = Pace(80.0, 10.0, 10.0)
    first = lower(pace, BOUNDS, 10.0, departed_s=9.9, retry_after_s=None)
    assert first.rate_per_s == 40.0
    again = lower(first, BOUNDS, 10.1, departed_s=9.95, retry_after_s=None)
    assert again.rate_per_s == 40.0
    later = lower(first, BOUNDS, 11.0, departed_s=10.9, retry_after_s=None)
    assert later.rate_per_s == 30.0
    for step in range(50):
        later = lower(later, BOUNDS, 12.0 + step, departed_s=11.9 + step, retry_after_s=None)
    assert later.rate_per_s == BOUNDS.floor


def test_after_a_refusal_it_grows_slowly_and_after_a_while_quickly() -> None:
    """Near a limit that was met it feels its way.

    A minute without a refusal, and it is forgotten.
    """
    pace = lower(Pace(40.0, 0.0, 0.0), BOUNDS, 0.0, departed_s=0.0, retry_after_s=None)
    pace, _ = drive(pace, 10, began_s=0.0)
    assert 23.0 < pace.rate_per_s < 24.5
    pace, _ = drive(pace, 75, began_s=10.0)
    assert pace.rate_per_s > 80.0


@pytest.mark.parametrize("asked_s", [0.3, 7.0, RETRY_AFTER_MAX_S])
def test_retry_after_is_kept_to_the_letter(asked_s: float) -> None:
    """No time before it is given out, to nobody, also when the refusal itself was no news."""
    pace = lower(
        Pace(20.0, 99.0, 100.0, lowered_s=100.0),
        BOUNDS,
        100.0,
        departed_s=99.9,
        retry_after_s=asked_s,
    )
    assert pace.rate_per_s == 20.0
    _, grant = take(pace, BOUNDS, 100.0 + asked_s - AHEAD_S - 0.001, wanted=9)
    assert grant.delays_s == ()
    _, grant = take(pace, BOUNDS, 100.0 + asked_s - AHEAD_S + 0.001, wanted=9)
    assert grant.delays_s == (pytest.approx(AHEAD_S - 0.001),)


@pytest.mark.parametrize(
    ("said_s", "worth_s"),
    [
        (RETRY_AFTER_MAX_S + 1, RETRY_AFTER_ABSURD_S),
        (math.inf, RETRY_AFTER_ABSURD_S),
        (math.nan, RETRY_AFTER_ABSURD_S),
        (-1.0, 0.0),
        (0.0, 0.0),
    ],
)
def test_an_absurd_retry_after_is_half_a_minute(said_s: float, worth_s: float) -> None:
    """What a broken gateway says must not stop everybody until somebody looks."""
    assert believed_s(said_s) == worth_s


def test_what_was_learnt_is_forgotten() -> None:
    """After ten minutes without a request it begins carefully again, from above and from below."""
    for rate in (1.0, 100.0):
        pace, _ = take(Pace(rate, 0.0, 0.0, lowered_s=0.0), BOUNDS, FORGET_S + 1, wanted=1)
        assert (pace.rate_per_s, pace.lowered_s) == (BOUNDS.start, None)


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    """An hour back: the pace begins again, instead of waiting for an hour.

    A pause that a 429 asked for is no such thing.
    """
    pace, _ = take(Pace(50.0, 7200.0, 7200.0), BOUNDS, 3600.0, wanted=1)
    assert pace.next_s < 3601.0
    paused = lower(
        Pace(50.0, 3600.0, 3600.0), BOUNDS, 3600.0, departed_s=3600.0, retry_after_s=1800.0
    )
    _, grant = take(paused, BOUNDS, 3601.0, wanted=1)
    assert grant.delays_s == ()


def test_a_clock_that_was_ahead_hides_no_pause() -> None:
    """A day ahead and back: a new 429 waits for its own Retry-After and no longer, an old one for
    what was left of it.
    """
    for lowered_s in (None, 90_000.0):
        ahead = Pace(50.0, 90_000.0, 90_000.0, lowered_s=lowered_s)
        paused = lower(ahead, BOUNDS, 3600.0, departed_s=3600.0, retry_after_s=30.0)
        paused, grant = take(paused, BOUNDS, 3601.0, wanted=1)
        assert (grant.delays_s, grant.again_s) == ((), pytest.approx(29.0 - AHEAD_S))
        assert take(paused, BOUNDS, 3631.0, wanted=1)[1].delays_s
    paused = lower(
        Pace(50.0, 90_000.0, 90_000.0), BOUNDS, 90_000.0, departed_s=90_000.0, retry_after_s=30.0
    )
    _, grant = take(paused, BOUNDS, 3600.0, wanted=1)
    assert (grant.delays_s, grant.again_s) == ((), pytest.approx(30.0 - AHEAD_S))


def test_a_time_that_nobody_can_have_asked_for_is_not_waited_for() -> None:
    """Further away than any Retry-After."""
    _, grant = take(Pace(50.0, 90_000.0, 0.0), BOUNDS, 1.0, wanted=1)
    assert grant.delays_s


def test_a_changed_setting_holds_at_once() -> None:
    """Bounds that no longer hold the rate move it."""
    pace, _ = take(Pace(90.0, 0.0, 0.0), Bounds(10.0, 1.0, 30.0), 0.1, wanted=1)
    assert pace.rate_per_s == 30.0


@pytest.mark.parametrize(
    "numbers", [(0.0, 0.0, 1.0), (1.0, 2.0, 3.0), (3.0, 1.0, 2.0), (1.0, 1.0, math.inf)]
)
def test_impossible_bounds(numbers: tuple[float, float, float]) -> None:
    """A pace of nothing would wait for ever."""
    with pytest.raises(ValueError, match="floor <= start <= ceiling"):
        Bounds(*numbers)
