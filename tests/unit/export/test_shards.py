"""What a walk proves, which cuts there are, and what stays of old snapshots: pure decisions."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.export.retention import superfluous
from numberflow.export.shards import Shard, Walk, adds_up, counts_hits


def walk(*pages: tuple[int, int | None, str | None]) -> Walk:
    """A walk over pages of (rows, totalSize, token)."""
    walked = Walk()
    for page in pages:
        walked.add(*page)
    return walked


@given(st.integers(0, 500), st.integers(1, 50))
def test_steady_walks_are_proofs(total: int, page_size: int) -> None:
    """Pages that bring as many different numbers as each of them says are a proof, whatever the
    sizes.
    """
    starts = range(0, max(total, 1), page_size)
    pages = [
        (min(page_size, total - start), total, f"t{start}" if start + page_size < total else None)
        for start in starts
    ]
    assert () == walk(*pages).doubts(total)
    assert () == walk(*pages).remarks(total)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 20) | st.none(),
            st.sampled_from(["a", "b", "c", None]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_doubt_means_one_total_and_so_many_numbers(
    pages: list[tuple[int, int | None, str | None]],
) -> None:
    """Whatever pages come: without doubt there is one total, as many rows, and no token twice."""
    walked = walk(*pages)
    tokens = [token for _, _, token in pages if token is not None]
    if not walked.doubts(walked.rows):
        assert {walked.rows} == {total or 0 for _, total, _ in pages}
        assert len(tokens) == len(set(tokens))


@pytest.mark.parametrize(
    ("pages", "distinct", "doubt"),
    [
        ([(10, 20, "a"), (10, 21, None)], 20, "totalSize changed"),
        ([(10, 20, "a"), (9, 20, None)], 19, "19 numbers"),
        ([(10, 20, "a"), (10, 20, None)], 19, "19 numbers"),
        ([(10, 20, "a"), (10, 20, "a")], 20, "token came twice"),
        ([(10, None, "a"), (10, None, None)], 20, "does not say totalSize"),
        ([(1, 2, str(n)) for n in range(20)], 2, "no end"),
    ],
)
def test_every_doubt(
    pages: list[tuple[int, int | None, str | None]], distinct: int, doubt: str
) -> None:
    """Changed, missing or unmatched totals, repeated tokens and walks without end are doubts that
    say so.
    """
    assert doubt in "; ".join(walk(*pages).doubts(distinct))


def test_remarks() -> None:
    """Numbers that came twice and short pages in the middle are told, and are no doubt while the
    total is right.
    """
    walked = walk((10, 25, "a"), (6, 25, "b"), (10, 25, None))
    assert () == walked.doubts(25)
    assert (
        "1 number came twice and were kept once",
        "1 pages in the middle were shorter than others",
    ) == walked.remarks(25)


@pytest.mark.parametrize(
    ("rows", "total", "token", "counts"),
    [
        (100, 250, "t", True),
        (100, 100, "t", False),
        (50, 50, None, True),
        (50, 100, None, False),
        (0, None, None, True),
        (5, None, None, False),
    ],
)
def test_totals_of_one_page_are_told_from_totals_of_all(
    rows: int, total: int | None, token: str | None, counts: bool
) -> None:
    """A total that is only the page's own is recognised, since documents can be read that way."""
    assert counts == counts_hits(rows, total, token)


@given(st.lists(st.integers(0, 1000) | st.none(), max_size=12), st.integers(-1, 1))
def test_cuts_are_believed_only_when_they_add_up(parts: list[int | None], off: int) -> None:
    """Parts are complete only if their totals add up to the whole's, before or after."""
    whole = sum(part or 0 for part in parts) + off
    assert (off == 0) == adds_up(parts, whole)
    assert (off == 0) == adds_up(parts, None, whole)


@given(st.sampled_from(["US", "GB", "DE", "SE"]), st.integers(0, 10**9))
def test_prefix_cuts_are_a_partition(region: str, number: int) -> None:
    """Every longer number of a prefix begins with the prefix of exactly one of its parts."""
    parts = Shard("LOCAL", region).by_prefix()
    prefix = parts[0].prefix
    assert prefix is not None
    phone_number = f"{prefix[:-1]}{number:010d}"
    fitting = [part for part in parts if phone_number.startswith(part.prefix or "?")]
    assert 1 == len(fitting)
    assert 10 == len(fitting[0].by_prefix())


def test_cuts_end() -> None:
    """There is no cut without a country code, and none beyond 15 digits."""
    assert () == Shard("LOCAL", "XX").by_prefix()
    assert () == Shard("LOCAL", None).by_prefix()
    assert () == Shard("LOCAL", "US", "+123456789012345").by_prefix()


_days = st.sets(
    st.integers(0, 900).map(lambda back: date(2026, 11, 23) - timedelta(days=back)), max_size=60
)


@given(_days, st.integers(1, 60))
def test_retention(days: set[date], keep_days: int) -> None:
    """The last days, the last day of every month and the newest stay; everything else goes."""
    now = date(2026, 11, 23)
    gone = set(superfluous(days, now=now, keep_days=keep_days))
    left = days - gone
    assert not days or max(days) in left
    assert {day for day in days if now - day < timedelta(days=keep_days)} <= left
    assert {(day.year, day.month) for day in days} == {(day.year, day.month) for day in left}
    for day in gone:
        assert now - day >= timedelta(days=keep_days)
        assert any(
            day < other and (day.year, day.month) == (other.year, other.month) for other in left
        )
