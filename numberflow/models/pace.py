"""The request rate to one host of the vendor with one access key. Pure arithmetic.

No clock, no database, no waiting. Additive increase, multiplicative decrease (RFC 5681, section
3.1, does the same with a window). Requests leave at times that are granted beforehand, one interval
apart, so that many processes that share a pace never exceed its rate together. The caller decides
who shares it, and how (numberflow.client.pace, numberflow.journal.paces).

All times are seconds of one clock that all sharers use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

# Times are granted this far ahead, so everybody hears of a 429 within this time.
AHEAD_S = 0.2
# Unused times are kept this long: a command that sends five requests once need not wait.
BURST_S = 0.25
# How often the rate is reviewed, and the share of it that must have been used for it to grow.
GROWTH_EVERY_S = 1.0
USED_SHARE = 0.7
# Growth per second, in shares of the start: fast while there was no refusal for a while, slow
# afterwards. Numbers: 20/s to 100/s in 20 s, which a nightly export of 100,000 needs.
GROWTH_QUICK = 0.2
GROWTH_SLOW = 0.02
QUIET_S = 60.0
# Fast growth overshoots by up to twice, slow growth by a little.
DECREASE_QUICK = 0.5
DECREASE_SLOW = 0.75
# After ten minutes without a request, what was learnt is out of date: start carefully again.
FORGET_S = 600.0
# A Retry-After of up to an hour is kept exactly. A longer one comes from a broken gateway
# (0xFFFFFFFF and the like) and must not stop everybody until somebody looks: it counts as half a
# minute.
RETRY_AFTER_MAX_S = 3600.0
RETRY_AFTER_ABSURD_S = 30.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Requests per second: where a pace begins, and its limits."""

    start: float
    floor: float
    ceiling: float

    def __post_init__(self) -> None:
        if not 0 < self.floor <= self.start <= self.ceiling < math.inf:
            raise ValueError("must be floor <= start <= ceiling, all greater than 0")


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known about one host and key.

    Fields:
        rate_per_s: requests per second.
        next_s: when the next request may leave.
        since_s: when the rate was last reviewed.
        used: requests granted since then, without those that were returned.
        lowered_s: when a 429 last lowered it; None = never.
    """

    rate_per_s: float
    next_s: float
    since_s: float
    used: int = 0
    lowered_s: float | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """When requests may leave, in seconds from now. `again_s`: there are none, try again then."""

    delays_s: tuple[float, ...]
    again_s: float
    rate_per_s: float


def fresh(bounds: Bounds, now_s: float) -> Pace:
    """A pace that nobody has used."""
    return Pace(bounds.start, now_s, now_s)


def take(
    pace: Pace, bounds: Bounds, now_s: float, *, wanted: int, unused: int = 0
) -> tuple[Pace, Grant]:
    """Grant times for up to `wanted` requests; `unused` earlier ones are returned unused.

    None when the next free time is more than AHEAD_S away.
    """
    pace = _believable(pace, bounds, now_s)
    if now_s - pace.next_s > FORGET_S:
        pace = fresh(bounds, now_s)
    pace = _grown(replace(pace, used=max(0, pace.used - unused)), bounds, now_s)
    first_s = max(pace.next_s, now_s - BURST_S)
    room_s = now_s + AHEAD_S - first_s
    if room_s < 0:
        return pace, Grant((), -room_s, pace.rate_per_s)
    count = min(wanted, 1 + math.floor(room_s * pace.rate_per_s))
    times = tuple(first_s + place / pace.rate_per_s for place in range(count))
    pace = replace(pace, next_s=first_s + count / pace.rate_per_s, used=pace.used + count)
    return pace, Grant(tuple(each - now_s for each in times), 0.0, pace.rate_per_s)


def lower(
    pace: Pace, bounds: Bounds, now_s: float, *, departed_s: float, retry_after_s: float | None
) -> Pace:
    """After a 429: a lower rate, and no request before its Retry-After is over.

    A request that left before the last decrease says nothing about the rate after it, but its
    Retry-After counts.
    """
    pace = _believable(pace, bounds, now_s)
    next_s = max(pace.next_s, now_s + believed_s(retry_after_s or 0.0))
    if pace.lowered_s is not None and departed_s <= pace.lowered_s + AHEAD_S:
        return replace(pace, next_s=next_s)
    factor = DECREASE_QUICK if _quiet(pace, now_s) else DECREASE_SLOW
    rate_per_s = max(bounds.floor, pace.rate_per_s * factor)
    return Pace(rate_per_s, next_s, now_s, used=0, lowered_s=now_s)


def believed_s(retry_after_s: float) -> float:
    """Seconds that a Retry-After counts for: itself, unless it is absurd."""
    if 0 <= retry_after_s <= RETRY_AFTER_MAX_S:
        return retry_after_s
    return RETRY_AFTER_ABSURD_S if retry_after_s > 0 or math.isnan(retry_after_s) else 0.0


def _believable(pace: Pace, bounds: Bounds, now_s: float) -> Pace:
    """The pace, adapted to the clock as it is now.

    If the clock was ahead and was set back (or was another process's), everybody would wait for a
    time that was once near. The pause of a 429 keeps the length that it had by that clock.
    """
    ahead_s = pace.since_s - now_s
    if ahead_s > GROWTH_EVERY_S:
        lowered_s = None if pace.lowered_s is None else pace.lowered_s - ahead_s
        pace = replace(pace, next_s=pace.next_s - ahead_s, since_s=now_s, lowered_s=lowered_s)
    if pace.next_s - now_s > RETRY_AFTER_MAX_S + AHEAD_S + 1 / bounds.floor:
        return fresh(bounds, now_s)
    if pace.lowered_s is not None and pace.lowered_s > now_s:
        return replace(pace, lowered_s=now_s)
    return pace


def _grown(pace: Pace, bounds: Bounds, now_s: float) -> Pace:
    # Settings may have changed meanwhile.
    rate_per_s = min(max(pace.rate_per_s, bounds.floor), bounds.ceiling)
    elapsed_s = now_s - pace.since_s
    if elapsed_s < GROWTH_EVERY_S:
        return replace(pace, rate_per_s=rate_per_s)
    if pace.used >= USED_SHARE * rate_per_s * elapsed_s:
        share = GROWTH_QUICK if _quiet(pace, now_s) else GROWTH_SLOW
        rate_per_s = min(
            bounds.ceiling, rate_per_s + share * bounds.start * min(elapsed_s, 2 * GROWTH_EVERY_S)
        )
    return replace(pace, rate_per_s=rate_per_s, since_s=now_s, used=0)


def _quiet(pace: Pace, now_s: float) -> bool:
    return pace.lowered_s is None or now_s - pace.lowered_s > QUIET_S
