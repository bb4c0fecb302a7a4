"""What strangers send, made up: callbacks, replies of the vendor, forms. Each target is a property.

tests/unit/test_fuzzed.py tries each for a moment, tests/fuzz.py (`make fuzz`) for minutes.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from hypothesis import strategies as st
from support.live_pages import live_pages, page
from support.samples import load

from flows.table import FLOWS
from numberflow.client import active_numbers, available_numbers, regions
from numberflow.client.protocol import decipher
from numberflow.client.raw_pages import read_raw_page
from numberflow.client.reply_body import ReplyRefused, read_body
from numberflow.errors import BadInput, NumberflowError
from numberflow.export.flatten import flatten
from numberflow.export.wire import read_pages
from numberflow.models.callback import Callback, read_callback
from numberflow.models.vendor import RentRequest
from numberflow.models.wording import harmless
from numberflow.receiver.senders import Senders
from numberflow.receiver.signature import signed_by
from numberflow.settings import Settings

NUMBER = "+13075550142"
BODY_MAX = 2000

# Texts that have broken programs: markup, formulas, other scripts, half pairs, huge numbers.
_EVIL = st.sampled_from([
    "", " ", "\x00", "\ud800", "\u202e", "a\r\nb", "<img src=x onerror=x>", "=1+1", "{{x}}", "%00",
    "../../etc/passwd", "1e999999999", "9" * 5000, "NaN", "-0", "true", "null", "[]", "{}",
    "\u0660", "https://user:pw@a/", "http://[", "https://[::1]:x/", "block:", "@", "+", "+" * 40,
    "'; DROP TABLE purchases; --", "`` ` ``", "](https://evil.example)", "\ufeff", "x" * 3000,
])  # fmt: skip
_TEXT = _EVIL | st.text(max_size=30)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mangled(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Bytes that were in order, with some cut out, doubled or replaced."""
    body = draw(whole)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        stop = draw(st.integers(start, min(len(body), start + 40)))
        put = draw(
            st.just(b"")
            | st.binary(max_size=4)
            | st.sampled_from([body[start:stop] * 2, b"NaN", b"{", b"[" * 200, b'"', b"\\u0000"])
        )
        body = body[:start] + put + body[stop:]
    return body


_CALLBACK = json.dumps({
    "eventId": "01k0q7b2m4x8d6r5s9t3v1w0yz",
    "timestamp": "2026-11-30T10:00:00",
    "projectId": "p",
    "resourceId": NUMBER,
    "resourceType": "ACTIVE_NUMBER",
    "eventType": "PROVISIONING_TO_SMS_PLATFORM",
    "status": "SUCCEEDED",
    "failureCode": "",
}).encode()  # fmt: skip
_BODIES = st.binary(max_size=200) | mangled(st.just(_CALLBACK)) | _VALUE.map(
    lambda value: json.dumps(value).encode()
)  # fmt: skip


def callbacks(body: bytes, signature: str, forwarded: Sequence[str]) -> None:
    """Any body is read or called unreadable, and fits the database; any header is no signature."""
    callback = read_callback(body, "p")
    assert isinstance(callback, Callback)
    texts = (callback.event_id, callback.resource_type, callback.resource_id, callback.event_type)
    assert all(len(text) <= 256 and text.isprintable() for text in texts)
    assert not signed_by([b"secret"], body, signature)
    settings = Settings(
        _env_file=None,
        callback_addresses=(ip_network("10.0.0.7/32"),),
        callback_proxies=(ip_network("127.0.0.1/32"),),
    )
    allowed = Senders(settings).may_send("127.0.0.1", forwarded)
    assert not allowed or any("10.0.0.7" in each or "a00:7" in each for each in forwarded)


_REQUESTS = (
    available_numbers.build_get("p", NUMBER),
    available_numbers.build_rent("p", NUMBER, RentRequest()),
    active_numbers.build_get("p", NUMBER),
    active_numbers.build_list_page("p"),
    active_numbers.build_list_page_bytes("p"),
    regions.build_list("p"),
)
_SAMPLES = tuple(load(name).body for name in ("rent_200", "active_404", "list_400_order_by"))


def replies(place: int, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Any reply is read, or is an error of the tree with a short message."""
    try:
        decipher(_REQUESTS[place], status, headers, body, host="numbers.test")
    except NumberflowError as error:
        assert len(str(error)) < 1000
        assert all(letter.isprintable() for letter in error.message)


def pages(body: bytes) -> None:
    """Any page is read or refused; what is read becomes columns."""
    try:
        raw = read_raw_page(body)
    except ValueError:
        return
    read = read_pages([(raw.body, raw.items), (page([]), None)])
    flatten(read.numbers, datetime(2026, 11, 30, tzinfo=UTC))
    assert 3 == len(read.bounds)


def bodies(body: bytes, sizes: Sequence[int], encoding: str, packed: bool) -> None:
    """Any body in any pieces is whole and within the limit, or refused."""
    sent = zlib.compress(body, wbits=31) if packed else body

    async def pieces() -> AsyncIterator[bytes]:
        rest = sent
        for size in sizes:
            yield rest[:size]
            rest = rest[size:]
        yield rest

    try:
        read = asyncio.run(read_body({"content-encoding": encoding}, pieces(), BODY_MAX))
    except ReplyRefused:
        return
    assert len(read) <= BODY_MAX
    assert read in (body, sent)


def forms(name: str, given: Mapping[str, Any]) -> None:
    """Any form is taken or refused with the field, in a message that can be printed."""
    try:
        FLOWS[name].check(given)
    except BadInput as error:
        assert error.message
        error.message.encode()


def markdown(text: str) -> None:
    """Outside of code no text of others opens a tag."""
    shown = harmless(text)
    if "`" not in text:
        assert "<" not in shown
        assert "](" not in shown


_LEAST: Mapping[str, Mapping[str, Any]] = {
    "search-and-rent": {
        "region_code": "US",
        "number_type": "LOCAL",
        "max_today": "9.00",
        "max_monthly": "9.00",
    },
}


@st.composite
def _forms(draw: st.DrawFn) -> tuple[str, Mapping[str, Any]]:
    name = draw(st.sampled_from(sorted(FLOWS)))
    fields = st.sampled_from(sorted(FLOWS[name].parameters.model_fields))
    given = draw(st.dictionaries(fields, _VALUE | st.just(NUMBER), max_size=5))
    return name, {**_LEAST.get(name, {}), **given}


_HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "retry-after", "location", "date", "x-request-id"]), _TEXT
)

TARGETS: Mapping[str, tuple[Callable[..., None], st.SearchStrategy[tuple[Any, ...]]]] = {
    "callbacks": (callbacks, st.tuples(_BODIES, _TEXT, st.lists(_TEXT, max_size=3))),
    "replies": (
        replies,
        st.tuples(
            st.integers(0, len(_REQUESTS) - 1),
            st.integers(100, 599),
            _HEADERS,
            _BODIES | mangled(st.sampled_from(_SAMPLES)),
        ),
    ),
    "pages": (pages, st.tuples(mangled(live_pages.map(page)) | _BODIES)),
    "bodies": (
        bodies,
        st.tuples(
            st.binary(max_size=3000),
            st.lists(st.integers(0, 500), max_size=8),
            st.sampled_from(["", "identity", "gzip", "GZIP", "br", "gzip, gzip", "\x00"]),
            st.booleans(),
        ),
    ),
    "forms": (forms, _forms()),
    "markdown": (markdown, st.tuples(_TEXT)),
}
