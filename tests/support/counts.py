"""Counts of what was really tried, for the end of a test run.

A matrix that shrinks unnoticed proves nothing.

Test processes write, one line a count, into a folder that `pytest_configure` of the first process
made; the last one adds them up.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

FOLDER_VARIABLE = "NUMBERFLOW_TEST_COUNTS"


def count(what: str, n: int = 1) -> None:
    """Add `n` to a count. Without a folder (a module run on its own, outside pytest) nothing is
    kept.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        # One file a process: nobody else appends to it.
        with Path(folder, str(os.getpid())).open("a", encoding="utf-8") as file:
            file.write(f"{n}\t{what}\n")


def totals() -> Counter[str]:
    """All counts of all processes so far."""
    summed: Counter[str] = Counter()
    folder = os.environ.get(FOLDER_VARIABLE)
    for path in sorted(Path(folder).iterdir()) if folder else ():
        for line in path.read_text(encoding="utf-8").splitlines():
            n, _, what = line.partition("\t")
            summed[what] += int(n)
    return summed
