"""When to look after a lost reply, and what the looks prove. Pure: no I/O, no clock, no waiting.

`billable.py` makes the looks and writes them down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from numberflow.journal.entries import Finding
from numberflow.journal.transitions import Event

# Early looks find the usual case (it was applied, or the vendor's read shows it within seconds).
# Proof of absence rests on the last one.
_LOOKS_AT = (0.0, 1 / 8, 1 / 4, 1 / 2, 1.0)


@dataclass(slots=True)
class Patience:
    """How long each step of one run waits for the vendor's limit (NUMBERFLOW_PATIENCE_S, seconds).

    The steps of a run share it. `over`: one of them has waited that long in vain. The others then
    end
    at their next 429: a hundred numbers must not take a hundred times as long to find out the same.
    """

    total_s: float = 900.0
    over: bool = False


@dataclass(frozen=True, slots=True)
class SettlePolicy:
    """How patient a costly step is. Durations are seconds.

    - `settle_s`: how long reads may lag behind writes before absence counts (NUMBERFLOW_SETTLE_S).
      No source gives a figure; 120 s is far above anything seen (assumed).
    - `attempts_max`: requests per run, not per intention; 0 = only look. Each resume is a
      decision of somebody (or of a schedule) to try again. With a limit per intention, somebody
      would have to settle by hand what is not wrong.
    - `backoff_s`: pause before the second attempt after one that was surely not sent; doubles each
      time.
    - `patience`: how long a step waits because the vendor refuses with 429. These refusals do not
      count as attempts, because nothing is wrong with the request. A Retry-After is kept exactly;
      one that is longer than the patience ends the step at once.
    - `throttle_wait_max_s`: longest pause after a 429 without Retry-After.
    - `lease_wait_s`: how long to wait for the holder of the number. It is longer than one lease (60
      s), so that the lease of a worker that died on another machine expires meanwhile.
    - `releases_max`: as in `Journal.begin`, for a release.
    """

    settle_s: float = 120.0
    attempts_max: int = 3
    backoff_s: float = 1.0
    patience: Patience = field(default_factory=Patience)
    throttle_wait_max_s: float = 30.0
    lease_wait_s: float = 90.0
    releases_max: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a round of looks leads to. With `event` None, nothing is proven."""

    event: Event | None
    reason: str


def pauses_s(settle_s: float) -> tuple[float, ...]:
    """Seconds to wait before each of several looks; they add up to `settle_s`."""
    times = [settle_s * share for share in _LOOKS_AT]
    return tuple(now - before for before, now in pairwise([0.0, *times]))


def settlement(findings: Sequence[Finding]) -> Settlement:
    """What the looks of one settling time prove, in the order in which they were made.

    Absence takes two looks, the last one at the end, and no contradiction after the first. A look
    that failed (UNSEEN) neither proves nor contradicts anything.
    """
    if Finding.APPLIED in findings:
        return Settlement(Event.PROVE_APPLIED, "the vendor shows it")
    seen = [finding for finding in findings if finding is not Finding.UNSEEN]
    if not seen or findings[-1] is Finding.UNSEEN:
        return Settlement(
            None,
            "could not look at the vendor's state at the end of the settling time; run it again "
            "to settle it",
        )
    if findings[-1] is Finding.INCONCLUSIVE:
        return Settlement(Event.ESCALATE, "what the vendor shows is neither applied nor absent")
    since_first_absence = seen[seen.index(Finding.ABSENT) :]
    if Finding.INCONCLUSIVE in since_first_absence:
        return Settlement(
            Event.ESCALATE, "what the vendor shows changed between absent and unclear"
        )
    if len(since_first_absence) < 2:
        return Settlement(None, "absence was seen only once; run it again to settle it")
    return Settlement(Event.PROVE_ABSENT, "absent over the whole settling time")
