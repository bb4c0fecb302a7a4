"""The rows of a walk on their way to the file.

Each number once and in order, in memory or on disk.
"""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest
from support.inventories import row

from numberflow.export.runs import SPOOL_ROWS, Run
from numberflow.export.schema import INVENTORY


def table(numbers: list[int], name: str = "", **facts: object) -> pa.Table:
    """Rows of these numbers, which differ in nothing else."""
    one = pa.Table.from_pylist([row(0, display_name=name, **facts)], schema=INVENTORY)
    rows = one.take(pa.array([0] * len(numbers), pa.int64()))
    return rows.set_column(
        0, INVENTORY.field(0), pa.array([f"+1202{n:07d}" for n in numbers], pa.string())
    )


def numbers_of(run: Run, key: tuple[str, str] = ("US", "LOCAL")) -> list[int]:
    """What comes out, in its order."""
    return [int(text[-7:]) for each in run.tables(key) for text in each["phone_number"].to_pylist()]


def spooled(folder: Path) -> int:
    """Files in the scratch folder."""
    return len(list(folder.glob("run-*.arrow")))


PIECE = 10_000
MANY = SPOOL_ROWS + 3 * PIECE


@pytest.mark.parametrize("rows", [0, 1, PIECE, SPOOL_ROWS, SPOOL_ROWS + 1, MANY])
def test_sorted_rows_come_back_as_they_were(tmp_path: Path, rows: int) -> None:
    """Rows that come in order come out in order, all of them.

    Beyond what memory is for they wait on disk, and nothing is left there.
    """
    with Run(tmp_path) as run:
        for start in range(0, rows, PIECE):
            run.add(table(list(range(start, min(start + PIECE, rows)))))
        on_disk = spooled(tmp_path)
        run.finish()
        assert list(range(rows)) == numbers_of(run)
        assert (rows, rows) == (run.rows, run.distinct)
        assert ({("US", "LOCAL"): rows} if rows else {}) == run.keys
    assert (int(rows > SPOOL_ROWS), 0) == (on_disk, spooled(tmp_path))


@pytest.mark.parametrize("rows", [1000, MANY], ids=["memory", "disk"])
def test_shuffled_rows_are_sorted_and_each_is_once(tmp_path: Path, rows: int) -> None:
    """Rows in any order, some twice, come out sorted and once.

    `rows` counts what was read, `distinct` what there is.
    """
    order = [*random.Random(1).sample(range(rows), rows), 5, 6, 7, 7]
    with Run(tmp_path) as run:
        for start in range(0, len(order), PIECE):
            run.add(table(order[start : start + PIECE]))
        run.finish()
        assert list(range(rows)) == numbers_of(run)
        assert (rows + 4, rows) == (run.rows, run.distinct)
        assert {("US", "LOCAL"): rows} == run.keys
    assert 0 == spooled(tmp_path)


@pytest.mark.parametrize("between", [0, MANY], ids=["memory", "disk"])
def test_the_row_that_was_read_last_stays(tmp_path: Path, between: int) -> None:
    """Of a number that came twice, within a page or pages apart, the newer row stays."""
    with Run(tmp_path) as run:
        run.add(table([1], "old"))
        run.add(table(list(range(10, 10 + between)), "between"))
        run.add(pa.concat_tables([table([1], "older"), table([1], "new")]))
        run.finish()
        found = {
            number: name
            for each in run.tables(("US", "LOCAL"))
            for number, name in zip(
                each["phone_number"].to_pylist(), each["display_name"].to_pylist(), strict=True
            )
        }
        assert ("new", 1 + between) == (found["+12020000001"], run.distinct)


def test_rows_apart_by_region_and_type(tmp_path: Path) -> None:
    """A walk over several regions gives each of them its own rows, and those without a region or
    type theirs.
    """
    with Run(tmp_path) as run:
        run.add(
            pa.concat_tables(
                [
                    table([1, 2]),
                    table([3], region_code="CA"),
                    table([4], number_type="MOBILE"),
                    table([5], region_code=None, number_type=None),
                ]
            )
        )
        run.finish()
        keys = {("US", "LOCAL"): [1, 2], ("CA", "LOCAL"): [3], ("US", "MOBILE"): [4], ("", ""): [5]}
        assert {key: len(numbers) for key, numbers in keys.items()} == run.keys
        assert keys == {key: numbers_of(run, key) for key in keys}


def test_nothing_is_left_when_a_walk_is_given_up(tmp_path: Path) -> None:
    """A run that ends in an error leaves no file."""

    def give_up() -> None:
        with Run(tmp_path) as run:
            run.add(table(list(range(MANY))))
            assert 1 == spooled(tmp_path)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        give_up()
    assert 0 == spooled(tmp_path)
