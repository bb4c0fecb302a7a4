"""A page of the active list as bytes: what its end says, without a Python object per number.

Belongs here: finding the next page's token and the total in the bytes. Does not: reading the
numbers (numberflow.export.wire does, into Arrow).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from numberflow.client.protocol import known, parse_json
from numberflow.models.wire import PAGE_TOKEN_MAX

# Live replies begin with the list and end with token and total, which are always present
# (docs/vendor/numbers-behaviour.md §14). The pattern is anchored at both ends of the body and has
# no braces in between, so it can match only the page's own members: a bracket and a quote inside a
# string would leave the string open at the end of the body, which is not JSON.
_HEAD = re.compile(rb'[ \t\r\n]*\{[ \t\r\n]*"activeNumbers"[ \t\r\n]*:[ \t\r\n]*\[')
_TAIL = re.compile(
    rb"\][ \t\r\n]*,[ \t\r\n]*"
    rb'"nextPageToken"[ \t\r\n]*:[ \t\r\n]*(?P<token>"(?:[^"\\\x00-\x1f]|\\.)*"|null)[ \t\r\n]*,[ '
    rb"\t\r\n]*"
    rb'"totalSize"[ \t\r\n]*:[ \t\r\n]*(?P<total>[0-9]{1,18}|"[0-9]{1,18}"|null)[ \t\r\n]*\}[ '
    rb"\t\r\n]*\Z"
)
# The longest token, and what stands around it.
_TAIL_BYTES = PAGE_TOKEN_MAX + 100


@dataclass(frozen=True, slots=True)
class RawPage:
    """One page of held numbers, not yet read.

    Fields:
        body: the JSON text, UTF-8.
        next_page_token: None = the last page.
        total_size: hits of the whole query by the vendor; None when the reply does not say.
        items: where the list's items are in `body` (from after the bracket to before the closing
            one), when the page has the form of live replies; None otherwise.
    """

    body: bytes = field(repr=False)
    next_page_token: str | None
    total_size: int | None
    items: tuple[int, int] | None


def read_raw_page(body: bytes) -> RawPage:
    """What the end of a page says.

    Fast for the form of live replies; any other form is read as JSON, for its members alone.

    Raises:
        ValueError: not a page of the active list.
    """
    head = _HEAD.match(body)
    start = max(0, len(body) - _TAIL_BYTES)
    tail = _TAIL.search(body[start:]) if head is not None else None
    if head is None or tail is None or start + tail.start() < head.end():
        return _read_as_json(body)
    return RawPage(
        body,
        json.loads(tail["token"]) or None,
        None if tail["total"] == b"null" else int(tail["total"].strip(b'"')),
        (head.end(), start + tail.start()),
    )


def _read_as_json(body: bytes) -> RawPage:
    value = known(parse_json(body), "activeNumbers", "nextPageToken", "totalSize")
    numbers, token, total = (
        value.get("activeNumbers"),
        value.get("nextPageToken"),
        value.get("totalSize"),
    )
    if numbers is not None and not isinstance(numbers, list):
        raise ValueError("activeNumbers is no list")
    if token is not None and not isinstance(token, str):
        raise ValueError("nextPageToken is no text")
    if token is not None and len(token) > PAGE_TOKEN_MAX:
        raise ValueError("nextPageToken is too long")
    if isinstance(total, bool):
        # Readers raise ValueError for what is unreadable
        raise ValueError("totalSize is no number")  # noqa: TRY004
    return RawPage(body, token or None, None if total is None else int(total), None)
