"""Pages as bytes come by another library (docs/adr/0008).

On the wire and in failure nothing tells them from other reads.
"""

from __future__ import annotations

import gzip
import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from support import wire as w
from support.accounts import ONCE
from support.live_pages import live, page

from numberflow.client import Client
from numberflow.errors import NotSent, OutcomeUnknown
from numberflow.settings import Settings

pytestmark = pytest.mark.anyio

PAGE = page([live(0), live(1)])


def settings(url: str, **changes: Any) -> Settings:
    """An account at the server that listens on `url`, with little patience."""
    known = {
        "project_id": "project-1",
        "key_id": "key-1",
        "key_secret": "secret",
        "auth_url": f"{url}/auth",
    }
    return Settings(
        _env_file=None,
        **{**known, "numbers_url": f"{url}/numbers", "http_timeout_s": 0.3, **changes},
    )


FAULTS: dict[str, w.Behaviour] = {
    "reset": w.reset,
    "hang up": w.hang_up,
    "read time-out": w.hang,
    "time-out in the body": w.stall_in_body,
    "cut short": w.cut_short,
    "not HTTP": w.garbage,
    "broken gzip": w.bad_gzip,
    "503 HTML": w.answer(503, b"<html>"),
    "redirect": w.answer(302, b"", {"Location": "/elsewhere"}),
    "HTML with 200": w.answer(200, b"<html>"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_failures_mean_what_they_mean_elsewhere(fault: str) -> None:
    """A page as bytes fails with the status and cause of a page as objects, and its error holds no
    token.
    """
    told = []
    for name in ("list_page", "list_page_bytes"):
        async with (
            w.serve(
                otherwise=FAULTS[fault], tokens=(w.token("token-that-must-not-show"),)
            ) as server,
            Client(settings(server.url), read_budget=ONCE) as client,
        ):
            with pytest.raises(OutcomeUnknown) as caught:
                await getattr(client.active_numbers, name)()
        told.append((caught.value.status, caught.value.cause))
        assert "token-that-must-not-show" not in _everything(caught.value)
    assert told[0] == told[1]


def _everything(error: BaseException | None) -> str:
    """What a log that shows an error with all its causes and their attributes could show."""
    shown = ""
    while error is not None:
        shown += (
            "".join(traceback.format_exception_only(error)) + repr(vars(error)) + repr(error.args)
        )
        error = error.__cause__ or error.__context__
    return shown


async def test_nobody_listening_is_not_sent() -> None:
    """Where nobody listens, nothing was sent."""
    async with (
        w.serve() as server,
        Client(settings(server.url, numbers_url=w.unused_url()), read_budget=ONCE) as client,
    ):
        with pytest.raises(NotSent):
            await client.active_numbers.list_page_bytes()


async def test_same_request_on_the_wire() -> None:
    """Target and headers are those of a page as objects; gzip is undone; the connection is kept."""
    packed = w.answer(200, gzip.compress(PAGE), {"Content-Encoding": "gzip"})
    query: dict[str, Any] = {
        "number_type": "LOCAL",
        "pattern": "+1",
        "search_pattern": "START",
        "page_token": "a+/=&b",
    }
    async with w.serve(otherwise=packed) as server, Client(settings(server.url)) as client:
        await client.active_numbers.list_page(**query)
        before = server.connections
        bodies = [(await client.active_numbers.list_page_bytes(**query)).body for _ in range(3)]
    first, *others = server.calls
    assert [PAGE] * 3 == bodies
    assert before + 1 == server.connections
    for other in others:
        assert (first.target, _told(first.headers)) == (other.target, _told(other.headers))


def _told(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "connection"}


async def test_login_of_the_environment_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .netrc that knows the host does not take the access token's place."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with (
        w.serve(otherwise=w.answer(200, PAGE)) as server,
        Client(settings(server.url)) as client,
    ):
        await client.active_numbers.list_page_bytes()
    assert ["Bearer token"] == [call.headers["authorization"] for call in server.calls]


async def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy is asked for what is not on this machine, and for nothing that is."""
    async with w.serve(otherwise=w.answer(200, PAGE)) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with Client(settings(server.url)) as client:
            await client.active_numbers.list_page_bytes()
        async with Client(settings(server.url, numbers_url="http://numbers.example.com")) as client:
            await client.active_numbers.list_page_bytes()
    assert [True, False] == [call.target.startswith("/") for call in server.calls]


async def test_reads_are_repeated_with_a_new_token() -> None:
    """An expired token is renewed, and the page comes with the new one."""
    expired = w.answer(401, {}, {"WWW-Authenticate": "Bearer error='invalid_token', expired"})
    tokens = (w.token("old"), w.token("new"))
    async with (
        w.serve(expired, w.answer(200, PAGE), tokens=tokens) as server,
        Client(settings(server.url)) as client,
    ):
        found = await client.active_numbers.list_page_bytes()
    assert (json.loads(PAGE)["totalSize"], "Bearer new") == (
        found.total_size,
        server.calls[-1].headers["authorization"],
    )
