"""Replies that are meant to harm: memory and time stay bounded, and the error says what came.

The limits are lowered here; benchmarks/hostile.py has the true sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import stamina
from support import hostile
from support import wire as w
from support.accounts import Log, settings

from numberflow.client import Budget, Client, paging
from numberflow.errors import NotSent, NumberflowError, OutcomeUnknown, SnapshotRefused
from numberflow.export import pages
from numberflow.export.snapshot import read_numbers
from numberflow.settings import Settings

pytestmark = pytest.mark.anyio

BYTES_MAX = 400_000
NUMBER = "+13075550142"
# Three tries, and no time lost between them.
TRIES = Budget(attempts=3, total_s=20.0, wait_initial_s=0.0, wait_factor=1.0, wait_max_s=0.0)


@dataclass(frozen=True)
class Case:
    """A reply, and what is said of it."""

    behaviour: w.Behaviour
    cause: str
    words: str
    tries: int = 1
    """How often a read is tried before the error comes out."""
    only_in_pages: bool = False
    """What is wrong with it is in the page of a list; elsewhere it is the wrong reply."""


CASES = {
    "declared body": Case(
        hostile.endless_body(1 << 32, declared=True), "too_large", "a body of 4,294,967,296 bytes"
    ),
    "body in chunks": Case(
        hostile.endless_body(1 << 32, declared=False),
        "too_large",
        "a body of more than the",
    ),
    "gzip bomb": Case(hostile.gzip_bomb(1 << 23), "too_large", "bytes of gzip that unpack to"),
    "gzip in gzip": Case(hostile.packed_twice(), "undecodable", "was not asked for", 3),
    "deep": Case(hostile.deep(10_000), "unreadable", "nested more than 100 deep", 3, True),
    "many objects": Case(
        hostile.many_objects(110_000), "unreadable", "more than 100,000 objects", 3, True
    ),
    "NaN": Case(hostile.with_nan(), "unreadable", "NaN, which is not JSON", 3, True),
    "not UTF-8": Case(hostile.not_utf8(), "unreadable", "not UTF-8", 3, True),
    "redirect": Case(
        w.answer(302, b"", {"Location": "https://user:pass@evil.example/secret"}),
        "unexpected_status",
        "a redirect to evil.example, which was not followed",
    ),
    "long header": Case(hostile.one_long_header(1_000_000), "too_large", "more headers than"),
    "many headers": Case(hostile.many_headers(1000), "too_large", "more headers than"),
    "a byte at a time": Case(hostile.drip(0.1), "slow_reply", "began a reply and did not end it"),
}


async def _asked(client: Client, way: str) -> Any:
    match way:
        case "objects":
            return await client.active_numbers.list_page()
        case "bytes":
            return await client.active_numbers.list_page_bytes()
        case "export":
            return await read_numbers(client)
        case _:
            return await client.available_numbers.rent(NUMBER)


def _patience(case: Case, server: w.Wire) -> Settings:
    """An account with little patience where the reply takes all of it, and plenty elsewhere."""
    if case.cause == "slow_reply":
        return settings(server.url, http_timeout_s=0.4, lease_s=1.0)
    return settings(server.url, http_timeout_s=20.0, lease_s=60.0)


def _told(error: NumberflowError, host: str) -> tuple[bool, bool, bool]:
    """Whether it names the host, says that nothing was changed, and that something may have."""
    message = str(error)
    return (
        host in message,
        "it only asked, and nothing was changed" in message,
        "may have taken effect" in message,
    )


@pytest.mark.parametrize("way", ["objects", "bytes", "export"])
@pytest.mark.parametrize("name", CASES)
async def test_reads(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read ends with an error that names the host and what came, and that nothing was changed.

    What another try cannot mend is not tried again.
    """
    case = CASES[name]
    if way == "bytes" and case.only_in_pages:
        way = "objects"  # the end of the page is in order: its reader notices, below in "export"
    monkeypatch.setattr(pages, "RESUME_PAUSES_S", ())
    async with (
        w.serve(otherwise=case.behaviour) as server,
        Client(_patience(case, server), read_budget=TRIES, reply_bytes_max=BYTES_MAX) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            await _asked(client, way)
        host = server.url.removeprefix("http://")
    assert (case.cause, True) == (caught.value.cause, case.words in str(caught.value))
    assert (True, True, False) == _told(caught.value, host)
    if way != "export":
        assert case.tries == len(server.calls)


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].only_in_pages])
async def test_costly_calls(name: str) -> None:
    """A costly call leaves once, its outcome is unknown, and the error says so."""
    case = CASES[name]
    async with (
        w.serve(otherwise=case.behaviour) as server,
        Client(_patience(case, server), reply_bytes_max=BYTES_MAX) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            await client.available_numbers.rent(NUMBER, watch=(watch := Log()))
        host = server.url.removeprefix("http://")
    cause = "total_timeout" if case.cause == "slow_reply" else case.cause
    assert (1, cause, "before_send") == (
        len(server.calls),
        caught.value.cause,
        watch.events[0],
    )
    assert (True, False, True) == _told(caught.value, host)


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].only_in_pages])
async def test_tokens(name: str) -> None:
    """The same from the token endpoint: the call that needs the token has surely not left."""
    async with (
        w.serve(tokens=(CASES[name].behaviour,) * 4) as server,
        Client(_patience(CASES[name], server), reply_bytes_max=BYTES_MAX) as client,
    ):
        with stamina.set_testing(True, attempts=5), pytest.raises(NotSent):
            await client.available_numbers.rent(NUMBER)
    assert [] == server.calls


async def test_no_token_for_another_host() -> None:
    """A redirect is not followed: the host that it names gets no request, whatever was sent."""
    async with w.serve(otherwise=w.answer(200, {})) as other:
        away = w.answer(307, b"", {"Location": f"{other.url}/numbers"})
        async with (
            w.serve(otherwise=away) as server,
            Client(settings(server.url), read_budget=TRIES) as client,
        ):
            for way in ("objects", "bytes", "costly"):
                with pytest.raises(OutcomeUnknown):
                    await _asked(client, way)
    assert (3, 0) == (len(server.calls), other.connections)


async def test_endless_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list whose every page names another one ends, for objects and for an export."""
    monkeypatch.setattr(paging, "PAGES_MAX", 20)
    async with (
        w.serve(otherwise=hostile.endless_tokens(total_size=3)) as server,
        Client(settings(server.url), paced=False, read_budget=TRIES) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            [number async for number in client.active_numbers.iterate()]
        asked = len(server.calls)
        with pytest.raises(SnapshotRefused, match="no end after"):
            await read_numbers(client)
        host = server.url.removeprefix("http://")
    assert ("endless", 20) == (caught.value.cause, asked)
    assert (True, True, False) == _told(caught.value, host)
    assert len(server.calls) < 500


async def test_the_largest_reply_is_read() -> None:
    """A body of exactly the limit is read, plain and packed; one byte more is not."""
    bodies = {size: b'"' + b"x" * (size - 2) + b'"' for size in (1000, 1001)}
    for packed in (False, True):
        for size, body in bodies.items():
            reply = w.answer(200, hostile.packed(body), {"Content-Encoding": "gzip"})
            async with (
                w.serve(otherwise=reply if packed else w.answer(200, body)) as server,
                Client(settings(server.url), read_budget=TRIES, reply_bytes_max=1000) as client,
            ):
                with pytest.raises(OutcomeUnknown) as caught:
                    await client.active_numbers.list_page_bytes()
            assert ("unreadable" if size == 1000 else "too_large") == caught.value.cause
