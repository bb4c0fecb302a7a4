"""Paces in the journal's database.

What one process takes or is refused counts for all, and a busy database is said at once.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from numberflow.errors import JournalUnavailable
from numberflow.journal import Journal, Paces
from numberflow.models.pace import Bounds

BOUNDS = Bounds(20.0, 1.0, 100.0)


def test_all_share_one_pace(journal_url: str) -> None:
    """Two that ask in turn get as much together as one would alone, and a 429 of one slows and
    holds back the other.
    """
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)

    def clock() -> datetime:
        return now

    with Paces(journal_url, clock=clock) as one, Paces(journal_url, clock=clock) as other:
        for _ in range(5):
            given = [*one.take("host", BOUNDS, wanted=9, unused=0).delays_s]
            given += other.take("host", BOUNDS, wanted=9, unused=0).delays_s
            assert len(given) <= 20 * 0.5
            now += timedelta(seconds=0.2)
        assert other.take("another host", BOUNDS, wanted=1, unused=0).delays_s
        assert one.lower("host", BOUNDS, departed_ago_s=0.1, retry_after_s=7.0) == 10.0
        now += timedelta(seconds=6)
        held = other.take("host", BOUNDS, wanted=9, unused=0)
        assert (held.delays_s, held.rate_per_s, round(held.again_s, 1)) == ((), 10.0, 0.8)
        now += timedelta(seconds=1)
        assert other.take("host", BOUNDS, wanted=9, unused=0).delays_s


def test_a_busy_database_is_said_at_once(tmp_path: Path) -> None:
    """Whoever has the journal locked keeps nobody waiting for a pace.

    Afterwards it is there again.
    """
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    Journal.open(url).close()
    with (
        Paces(url) as paces,
        closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as rival,
    ):
        paces.take("host", BOUNDS, wanted=1, unused=0)
        rival.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnavailable, match="locked"):
            paces.take("host", BOUNDS, wanted=1, unused=0)
        rival.execute("ROLLBACK")
        assert paces.take("host", BOUNDS, wanted=1, unused=0).delays_s
