"""Numbers as people have them, held against the table that tells people about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.phone_text import read_numbers, read_pattern

PAGE = Path(__file__).parents[3] / "docs/forms.md"
ROWS = re.findall(r"^\| `(.+)` \| (refused: .+|`\+.+`) \|$", PAGE.read_text(), re.MULTILINE)


def test_the_table_is_there() -> None:
    """Rows of both kinds are found in the page."""
    assert {True, False} == {read.startswith("refused") for _, read in ROWS}


@pytest.mark.parametrize(("written", "read"), ROWS)
def test_spellings(written: str, read: str) -> None:
    """Every spelling of the table is read, or refused, as the table says."""
    written = written.replace("⏎", "\n")
    if read.startswith("refused: "):
        with pytest.raises(ValueError, match=re.escape(read.removeprefix("refused: "))):
            read_numbers(written)
    else:
        assert tuple(re.findall(r"`(.+?)`", read)) == read_numbers(written)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("+12025550101+12025550102", ("+12025550101", "+12025550102")),
        ("\u202a+1\u00a0202\u2011555\u20110101\u202c", ("+12025550101",)),
        ("\"+12025550101\"\r\n\r\n'+12025550102'\t", ("+12025550101", "+12025550102")),
        (" \n", ()),
        (["+1 202 555 0101"], ("+12025550101",)),
        (None, ()),
    ],
)
def test_what_is_pasted(text: object, numbers: tuple[str, ...]) -> None:
    """Columns whose line breaks were lost, marks that nobody sees, quoted cells.

    Lists are read number by number.
    """
    assert numbers == read_numbers(text)


def test_many_bad_ones_are_counted() -> None:
    """Of a column of bad numbers some are named and the others are counted."""
    with pytest.raises(
        ValueError, match=r"^'2025550100' .*'2025550102' .*; and 2 more like these$"
    ):
        read_numbers("\n".join(f"202555010{last}" for last in range(5)))


def test_the_same_numbers_are_the_same_run() -> None:
    """However numbers are written and ordered, a run over them has the same fingerprint."""
    column = check_parameters(
        ReleaseParameters, {"phone_numbers": "number\n+1 (202) 555-0102\n+12025550101"}
    )
    assert (
        column.fingerprint()
        == check_parameters(
            ReleaseParameters, {"phone_numbers": ["+12025550101", "+12025550102"]}
        ).fingerprint()
    )


def test_groups_are_the_same_flat() -> None:
    """A form's empty groups are none, its filled ones are those of JSON.

    They make the same purchase.
    """
    caps = {"region_code": "US", "number_type": "LOCAL", "max_today": "9", "max_monthly": "9"}
    flat = {"type": "", "app_id": "", "trunk_id": "trunk", "service_id": ""}
    json = check_parameters(
        SearchAndRentParameters, caps | {"voice": {"type": "EST", "trunk_id": "trunk"}}
    )
    assert (
        json.fingerprint()
        == check_parameters(
            SearchAndRentParameters,
            caps
            | {
                "voice": flat,
                "sms": {"service_plan_id": "", "campaign_id": " "},
                "search_pattern": "",
            },
        ).fingerprint()
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [("+1 (415)", "+1415"), ("555-01", "55501"), (" - ", " - "), ("", ""), (5, 5)],
)
def test_patterns(written: object, read: object) -> None:
    """What people put between digits is no part of a pattern.

    A pattern of nothing else goes on, to be refused.
    """
    assert read == read_pattern(written)
