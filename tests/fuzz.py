"""Fuzz callbacks, replies of the vendor and forms for some minutes (`make fuzz`).

Each target of tests/support/fuzzed.py gets its turn, again and again with new seeds, until the time
is over. A failure prints the smallest example and ends with 1.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from time import monotonic
from typing import Any

from hypothesis import HealthCheck, given, settings
from support.fuzzed import TARGETS

AT_ONCE = 500


def _turn(name: str, tried: Counter[str]) -> Callable[[], None]:
    """Some hundred tries of a target."""
    check, made_up = TARGETS[name]

    @settings(
        max_examples=AT_ONCE, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(made_up)
    def holds(arguments: tuple[Any, ...]) -> None:
        tried[name] += 1
        check(*arguments)

    return holds


def main() -> int:
    """Fuzz and say how much. Returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=600.0)
    options.add_argument("--target", choices=sorted(TARGETS), action="append")
    chosen = options.parse_args()
    tried: Counter[str] = Counter()
    until_s = monotonic() + chosen.seconds
    turns = {name: _turn(name, tried) for name in chosen.target or TARGETS}
    for name in cycle(turns):
        if monotonic() >= until_s:
            break
        try:
            turns[name]()
        except BaseException:
            print(f"{name}: broken after {tried[name]:,} tries", file=sys.stderr)  # noqa: T201
            raise
    for name, count in tried.items():
        print(f"{name}: {count:,} tries, all in order")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
