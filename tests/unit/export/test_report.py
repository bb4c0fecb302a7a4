"""The page's charts."""

from __future__ import annotations

import re
from datetime import date

from numberflow.export.report import ChangeDay, _changes


def _xs(svg: str) -> list[float]:
    """Where the markers of the line are."""
    return [float(x) for x in re.findall(r'<use [^>]*x="([0-9.]+)"[^>]*style="fill: #17212b', svg)]


def test_changes_are_as_far_apart_as_their_dates() -> None:
    """In the chart of changes a gap of ten days is ten times as wide as one of a day."""
    days = [date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 21)]
    part = _changes([ChangeDay(day, 1, 1, 1) for day in days])
    assert part.svg is not None
    first, second, third, *_legend = _xs(part.svg)
    assert 10.0 == round((third - second) / (second - first), 1)


def test_one_day_of_changes() -> None:
    """A single day has a chart, too."""
    part = _changes([ChangeDay(date(2026, 11, 10), 1, 0, 0)])
    assert part.svg is not None
    assert "11-10" in part.svg
