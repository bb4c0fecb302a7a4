"""Which number a rentAny brought, when the reply that would have named it was lost."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.journal import Evidence, Finding
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.vendor import ActiveNumber
from numberflow.steps.rent_any import carries_marker, judge, marked_callback_url, request_facts

MARKER = "0123456789abcdef01234567"
OURS = marked_callback_url("https://hooks.example.test/in?team=a", MARKER)
THEIRS = marked_callback_url("https://hooks.example.test/in?team=a", "ffff" + MARKER[4:])


def held(phone_number: str, callback_url: str | None = None) -> ActiveNumber:
    """A held number."""
    return ActiveNumber(phone_number=phone_number, callback_url=callback_url)


def look(
    *numbers: ActiveNumber, before: Collection[str] = (), others: Collection[str] = ()
) -> Evidence:
    """What these held numbers prove."""
    return judge(numbers, MARKER, before=before, claimed_by_others=others)


def test_marker_decides() -> None:
    """The one number with our marker is ours, whatever else is new."""
    evidence = look(held("+1"), held("+2", OURS), held("+3", THEIRS))
    assert (Finding.APPLIED, "+2", {"held": 3, "marked": 1, "new_without_callback_url": 1}) == (
        evidence.finding,
        (evidence.result or {})["phone_number"],
        evidence.seen,
    )


def test_marker_beats_memory() -> None:
    """A number with our marker is ours even if a lagging list had shown it before, or the journal
    knows it.
    """
    assert look(held("+2", OURS), before=["+2"], others=["+2"]).finding is Finding.APPLIED


def test_how_a_number_was_recognised() -> None:
    """The note says which number, and whether its marker or its newness decided; five at most."""
    marked, new = look(held("+1", OURS)), look(held("+1"))
    several = look(*(held(f"+{n}") for n in range(6)))
    assert marked.note.startswith("+1 carries the marker")
    assert new.note.startswith("+1 is the only new number")
    assert several.note.endswith(": +0, +1, +2, +3, +4")


def test_two_markers_are_a_matter_for_a_person() -> None:
    """Two numbers with the same marker mean that two were bought.

    Nothing is decided by guessing.
    """
    evidence = look(held("+1", OURS), held("+2", OURS))
    assert (Finding.INCONCLUSIVE, None, "2 numbers could be the one: +1, +2") == (
        evidence.finding,
        evidence.result,
        evidence.note,
    )


@pytest.mark.parametrize(
    ("numbers", "before", "others", "finding"),
    [
        ([], [], [], Finding.ABSENT),
        ([held("+1")], ["+1"], [], Finding.ABSENT),
        ([held("+1")], [], ["+1"], Finding.ABSENT),
        ([held("+1", "https://other.example.test/")], [], [], Finding.ABSENT),
        ([held("+1", THEIRS)], [], [], Finding.ABSENT),
        ([held("+1")], [], [], Finding.APPLIED),
        ([held("+1"), held("+2")], ["+2"], [], Finding.APPLIED),
        ([held("+1"), held("+2")], [], ["+2"], Finding.APPLIED),
        ([held("+1"), held("+2", "https://other.example.test/")], [], [], Finding.APPLIED),
        ([held("+1"), held("+2")], [], [], Finding.INCONCLUSIVE),
        ([held("+1"), held("+2"), held("+3")], ["+3"], [], Finding.INCONCLUSIVE),
    ],
)
def test_without_a_marker(
    numbers: list[ActiveNumber], before: list[str], others: list[str], finding: Finding
) -> None:
    """If the vendor dropped the callback URL, the only new number without one is ours.

    Old, claimed and foreign ones never are.
    """
    assert finding == look(*numbers, before=before, others=others).finding


@pytest.mark.parametrize(
    ("given_url", "marked"),
    [
        (None, f"https://numberflow.invalid/?numberflow={MARKER}"),
        ("", f"https://numberflow.invalid/?numberflow={MARKER}"),
        ("https://a.test/in", f"https://a.test/in?numberflow={MARKER}"),
        ("https://a.test/in?x=1&y=", f"https://a.test/in?x=1&y=&numberflow={MARKER}"),
        ("https://a.test/?q=a%20b%26c#top", f"https://a.test/?q=a+b%26c&numberflow={MARKER}#top"),
    ],
)
def test_marked_callback_url(given_url: str | None, marked: str) -> None:
    """The marker is one more parameter; address, other parameters and fragment stay.

    Without an address events go nowhere.
    """
    assert marked == marked_callback_url(given_url, MARKER)


QUERY = st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), max_size=3)


@given(QUERY, st.sampled_from(["numberflow", "number", "x"]))
def test_marker_is_found_again(query: list[tuple[str, str]], key: str) -> None:
    """Whatever the caller's URL says, our marker is found in it and another one is not."""
    from urllib.parse import urlencode

    url = f"https://a.test/in?{urlencode([*query, (key, 'other')])}"
    marked = marked_callback_url(url, MARKER)
    assert (True, False, False) == (
        carries_marker(marked, MARKER),
        carries_marker(marked, "another"),
        carries_marker(url, MARKER),
    )


@pytest.mark.parametrize(
    "url", [None, "", "https://a.test/", f"https://a.test/{MARKER}", f"https://a.test/?x={MARKER}"]
)
def test_no_marker(url: str | None) -> None:
    """Only the parameter of our name counts, not the same text elsewhere."""
    assert carries_marker(url, MARKER) is False


def test_request_is_kept_whole() -> None:
    """A resumed run sends the same criteria, links and marker."""
    parameters: dict[str, Any] = {
        "region_code": "US",
        "number_type": "LOCAL",
        "max_today": "9",
        "max_monthly": "9",
        "strategy": "any",
        "pattern": "+1307",
        "capabilities": ["VOICE", "SMS"],
        "sms": {"service_plan_id": "p"},
        "voice": {"type": "EST", "trunk_id": "t"},
        "callback_url": "https://a.test/",
    }
    kept = {
        "region_code": "US",
        "number_type": "LOCAL",
        "pattern": "+1307",
        "search_pattern": "START",
        "capabilities": ["SMS", "VOICE"],
        "sms": {"service_plan_id": "p", "campaign_id": None},
        "voice": {"type": "EST", "app_id": None, "trunk_id": "t", "service_id": None},
        "callback_url": f"https://a.test/?numberflow={MARKER}",
        "marker": MARKER,
    }
    for changes, pattern in (
        ({}, {}),
        ({"pattern": None}, {"pattern": None, "search_pattern": None}),
    ):
        order = check_parameters(SearchAndRentParameters, parameters | changes)
        assert kept | pattern == request_facts(order, MARKER)
