"""Reading pages: the fast way and the slow way give the same numbers, and nothing that the fast way
would lose goes unnoticed.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live_pages import live, live_numbers, live_pages, page, texts

from numberflow.client.raw_pages import read_raw_page
from numberflow.export import wire
from numberflow.export.wire import NUMBER, UnreadablePage, read_numbers, read_pages


def read(body: bytes) -> tuple[pa.StructArray, bool]:
    return read_numbers(body, read_raw_page(body).items)


def extras(numbers: pa.StructArray) -> list[Any]:
    return [
        None if text is None else json.loads(text) for text in numbers.field("extra").to_pylist()
    ]


@given(live_pages)
@settings(deadline=None)
def test_live_pages_are_read_fast_and_right(numbers: list[dict[str, Any]]) -> None:
    """A page in the live form takes the fast way, whatever its texts hold, and the slow way reads
    the same numbers.
    """
    body = page(numbers)
    fast, was_fast = read(body)
    slow, was_slow = read_numbers(body, None)
    has_unicode_escapes = b"\\u" in body
    assert was_fast or has_unicode_escapes
    assert not was_slow
    assert slow.to_pylist() == fast.to_pylist()
    assert [number["phoneNumber"] for number in numbers] == fast.field("phoneNumber").to_pylist()


@given(
    st.lists(live_numbers, min_size=1, max_size=5),
    st.integers(0),
    texts,
    st.sampled_from(["", "smsConfiguration", "voiceConfiguration", "money"]),
)
@settings(deadline=None)
def test_unknown_members_are_kept(
    numbers: list[dict[str, Any]], place: int, value: str, inside: str
) -> None:
    """A member that the shape does not know is in `extra` of its number, under its path, and in no
    other number's.
    """
    chosen = place % len(numbers)
    target = numbers[chosen][inside] if inside else numbers[chosen]
    target["newMember"] = value
    read_back, _ = read(page(numbers))
    path = f"{inside}.newMember" if inside else "newMember"
    assert [{path: value} if index == chosen else None for index in range(len(numbers))] == extras(
        read_back
    )


_RENAMES = [
    ("callbackUrl", "callbackURL"),
    ("displayName", "displayname"),
    ("expireAt", "expiresAt"),
    ("nextChargeDate", "nextChargeTime"),
    ("money", "price"),
    ("type", "kind"),
]


@pytest.mark.parametrize(("before", "after"), _RENAMES)
def test_renamed_members_are_noticed(before: str, after: str) -> None:
    """A member that changed its name in every number, even to one of the same length, is kept in
    `extra` of each.
    """
    numbers = [live(index) for index in range(3)]
    for number in numbers:
        number[after] = number.pop(before)
    expected = [{after: number[after]} for number in numbers]
    assert expected == extras(read(page(numbers))[0])


_ODD = {
    "nulls left out": {
        name: value for name, value in live(0).items() if name not in {"displayName", "callbackUrl"}
    },
    "amount as a number": {**live(0), "money": {"currencyCode": "USD", "amount": 0.5}},
    "months as text": {**live(0), "paymentIntervalMonths": "3"},
    "integer for text": {**live(0), "displayName": 5},
}


@pytest.mark.parametrize("name", _ODD)
def test_odd_but_readable_numbers_lose_nothing(name: str) -> None:
    """Members left out, and numbers where text is expected, are read with nothing left over."""
    numbers, fast = read(page([_ODD[name], live(1)]))
    assert (False, [None, None]) == (fast, extras(numbers))
    assert "0.5" in numbers.to_pylist()[0]["money"]["amount"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("displayName", {"a": 1}),
        ("capability", "SMS"),
        ("capability", [1]),
        ("money", []),
        ("paymentIntervalMonths", 1.5),
        ("paymentIntervalMonths", True),
    ],
)
def test_values_that_fit_nowhere_are_kept(member: str, value: Any) -> None:
    """A value of another kind than declared is null in its column and stands in `extra`."""
    numbers, _ = read(page([{**live(0), member: value}]))
    assert [{member: json.loads(json.dumps(value), parse_float=str)}] == extras(numbers)
    assert numbers.to_pylist()[0][member] is None


def test_half_surrogates_do_not_lose_the_number() -> None:
    """A name with half a surrogate pair, legal in JSON and in no Unicode text, becomes a question
    mark; `extra` keeps the escape.
    """
    body = (
        page([live(0)])
        .replace(b'"displayName":"Sales"', b'"displayName":"a\\ud800"')
        .replace(b'"displayName":""', b'"displayName":"a\\ud800"')
    )
    numbers, _ = read(body)
    assert ["a?"] == numbers.field("displayName").to_pylist()
    assert [{"displayName": "a\ud800"}] == extras(numbers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"activeNumbers":{}}',
        page([live(0)])[:-40],
        page([live(0)]).replace(b'"plan"', b'"pl\xff\xfen"'),
        page([{**live(0), "phoneNumber": ""}]),
        page([{name: value for name, value in live(0).items() if name != "phoneNumber"}]),
        page([live(0)]).replace(b'"+1202', b'"+1202" "'),
        b'{"activeNumbers":[' + b"[" * 100_000,
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """Bytes that are no page, or have an entry without a phone number, raise instead of giving
    fewer numbers.
    """
    with pytest.raises(UnreadablePage):
        read_numbers(body, None)
    with pytest.raises(UnreadablePage):
        read_numbers(body, (18, max(18, len(body) - 36)))


def test_lax_syntax_is_not_taken_for_a_page() -> None:
    """What arro3 alone would forgive (a missing or trailing comma, a member twice) goes to Python's
    reader, which does not.
    """
    good = page([live(0), live(1)])
    for bad in (
        good.replace(b'"projectId":"p",', b'"projectId":"p"'),
        good.replace(b'example.com"}', b'example.com",}'),
    ):
        with pytest.raises(UnreadablePage):
            read(bad)
    twice, fast = read(good.replace(b'"projectId":"p",', b'"projectId":"p","projectId":"p",'))
    assert (False, 2) == (fast, len(twice))


def test_declared_shape_is_the_contract() -> None:
    """The shape has every member that live replies have, and `extra` besides."""

    def names(kind: pa.DataType) -> dict[str, Any]:
        return {
            field.name: names(field.type) if pa.types.is_struct(field.type) else None
            for field in kind
        }

    def of(value: dict[str, Any]) -> dict[str, Any]:
        return {
            name: of(inner) if isinstance(inner, dict) else None for name, inner in value.items()
        }

    number = live(0)
    number["smsConfiguration"]["scheduledProvisioning"] = {
        "servicePlanId": "", "campaignId": "", "status": "", "lastUpdatedTime": "", "errorCodes": []
    }  # fmt: skip
    number["voiceConfiguration"]["scheduledVoiceProvisioning"] = {
        "type": "", "appId": "", "trunkId": "", "serviceId": "", "status": "", "lastUpdatedTime": ""
    }  # fmt: skip
    assert {**of(number), "extra": None} == names(NUMBER)


@given(
    st.lists(
        st.tuples(live_pages, st.sampled_from(["live", "unknown", "slow", "cut", "nameless"])),
        min_size=1,
        max_size=5,
    )
)
@settings(deadline=None)
def test_pages_read_at_once_do_not_touch_each_other(
    pages: list[tuple[list[dict[str, Any]], str]],
) -> None:
    """Several pages at once give for each what it gives alone.

    Its numbers, which way was enough, and its error.
    """
    bodies = [_spoilt(numbers, how) for numbers, how in pages]
    together = read_pages(
        [
            (body, read_raw_page(body).items if how != "slow" else None)
            for (_, how), body in zip(pages, bodies, strict=True)
        ]
    )
    for place, ((_, how), body) in enumerate(zip(pages, bodies, strict=True)):
        start, stop = together.bounds[place : place + 2]
        try:
            numbers, fast = read_numbers(body, read_raw_page(body).items if how != "slow" else None)
        except UnreadablePage as error:
            assert (str(error), start) == (str(together.unreadable[place]), stop)
        else:
            assert together.unreadable[place] is None
            assert (numbers.to_pylist(), fast) == (
                together.numbers.slice(start, stop - start).to_pylist(),
                together.fast[place],
            )


def _spoilt(numbers: list[dict[str, Any]], how: str) -> bytes:
    changed = [dict(number) for number in numbers]
    if how == "unknown" and changed:
        changed[-1]["newMember"] = "value"
    if how == "nameless" and changed:
        changed[0]["phoneNumber"] = None
    body = page(changed)
    # Cut inside the list, with the end that a page has: what the client takes for a page, and is no
    # JSON.
    return body[: len(body) // 2] + body[body.rindex(b"]") :] if how == "cut" and changed else body


def test_files_without_a_path_are_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no files in memory, pages are read all the same."""
    monkeypatch.setattr(wire, "_FILES_IN_MEMORY", False)
    body = page([live(0), live(1)])
    numbers, fast = read(body)
    assert (True, 2) == (fast, len(numbers))


def test_pages_do_not_make_up_for_each_other() -> None:
    """An unknown member is kept, also when the page before it lacks as many bytes as that member
    takes.
    """
    lacking = {name: value for name, value in live(0).items() if name != "expireAt"}
    bodies = [page([lacking]), page([live(1) | {"newTag": "gold"}])]
    assert len('"expireAt":null,') == len('"newTag":"gold",')
    read = read_pages([(body, read_raw_page(body).items) for body in bodies])
    assert ([False, False], [None, {"newTag": "gold"}]) == (read.fast, extras(read.numbers))
