"""What the end of a page says is what its JSON says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.client.raw_pages import read_raw_page

_token = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_item = st.dictionaries(
    st.sampled_from(["phoneNumber", "displayName", "x"]),
    st.text(max_size=8) | st.just(']}","nextPageToken":"fake","totalSize":9}'),
)


@given(
    st.lists(_item, max_size=4),
    _token,
    st.integers(0, 10**12) | st.none(),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.permutations(["activeNumbers", "nextPageToken", "totalSize"]),
)
def test_any_form_gives_token_and_total(
    items: list[Any],
    token: str | None,
    total: int | None,
    separators: tuple[str, str],
    order: list[str],
) -> None:
    """Whatever the order of the members, the blanks between them and the texts inside, token and
    total are those of the JSON.
    """
    whole = {"activeNumbers": items, "nextPageToken": token, "totalSize": total}
    body = json.dumps({name: whole[name] for name in order}, separators=separators).encode()
    page = read_raw_page(body)
    assert (token or None, total) == (page.next_page_token, page.total_size)
    if page.items is not None:
        assert items == json.loads(b"[" + body[slice(*page.items)] + b"]")


def test_live_form_is_read_without_json() -> None:
    """A page in the live form says where its items stand."""
    assert read_raw_page(
        b'{"activeNumbers":[{"a":1}],"nextPageToken":"t+/=","totalSize":7}'
    ).items == (18, 25)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error":{}}',
        b'{"activeNumbers":{}}',
        b'{"activeNumbers":[],"nextPageToken":5}',
        b'{"totalSize":true}',
        b'{"totalSize":"x"}',
    ],
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    """Anything else raises ValueError, which the client reads as an unreadable reply."""
    with pytest.raises(ValueError):
        read_raw_page(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", (None, None)),
        (b'{"activeNumbers":[],"totalSize":"12"}', (None, 12)),
        (b'{"activeNumbers":null}', (None, None)),
    ],
)
def test_members_left_out_mean_nothing(
    body: bytes, expected: tuple[str | None, int | None]
) -> None:
    """An empty page may leave out everything.

    A total may be text, as gateways write 64-bit numbers.
    """
    page = read_raw_page(body)
    assert expected == (page.next_page_token, page.total_size)
