"""A slice of the chaos of benchmarks/chaos.py.

Seeded purchases at 20 % faults with random deaths.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.chaos import purchase_in_chaos
from support.counts import count

pytestmark = pytest.mark.anyio

SEEDS = range(1, 61)


@pytest.mark.parametrize("seed", SEEDS)
async def test_chaos_ends_with_what_was_asked_charged_once(seed: int, tmp_path: Path) -> None:
    """Every report on the way names what was charged, nothing is charged twice, and in the end
    exactly what was asked is rented.
    """
    count("chaos purchases")
    ended = await purchase_in_chaos(seed, tmp_path, faults=0.2)
    assert ((), ended.asked) == (ended.wrong, ended.rentals)
