"""The transport over a real socket.

What a failure says about the request, and how often requests leave.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import stamina
from support import wire as w
from support.samples import load

from numberflow.client import Budget, Client
from numberflow.client import available_numbers as available
from numberflow.errors import (
    LeaseLost,
    MissingCredentials,
    NotFound,
    NotSent,
    NumberflowError,
    OutcomeUnknown,
    PermissionRefused,
    Rejected,
    Throttled,
)
from numberflow.models import ActiveNumber, RentAnyRequest, RentRequest, UpdateRequest
from numberflow.settings import Settings

pytestmark = pytest.mark.anyio

NUMBER = "+13075550142"
ACTIVE = json.loads(load("rent_200").body)
SECRET = "key-secret-that-must-not-show"


def settings(url: str, **changes: Any) -> Settings:
    """An account at the server that listens on `url`, with little patience."""
    return Settings(
        _env_file=None,
        **{
            "project_id": "project-1",
            "key_id": "key-1",
            "key_secret": SECRET,
            "auth_url": f"{url}/auth",
            "numbers_url": f"{url}/numbers",
            "http_timeout_s": 0.3,
            **changes,
        },
    )


class Log:
    """A watch that writes down what it is told, and refuses when asked to."""

    def __init__(
        self, refuse: BaseException | None = None, look: Callable[[], Any] = lambda: None
    ) -> None:
        self.events: list[Any] = []
        self._refuse = refuse
        self._look = look

    def before_send(self) -> None:
        """Note the moment; raise if told so."""
        self.events.append(("before_send", self._look()))
        if self._refuse is not None:
            raise self._refuse

    def replied(self, status: int | None, request_id: str | None) -> None:
        """Note the reply."""
        self.events.append(("replied", status, request_id))


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Repeats come at once."""
    with stamina.set_testing(True, attempts=100):
        yield


async def rent(client: Client, watch: Log | None = None) -> ActiveNumber:
    """The costly call that most tests make."""
    return await client.available_numbers.rent(NUMBER, watch=watch)


COSTLY: dict[str, Callable[[Client, Log | None], Any]] = {
    "rent": lambda client, watch: client.available_numbers.rent(NUMBER, RentRequest(), watch=watch),
    "rent_any": lambda client, watch: client.available_numbers.rent_any(
        RentAnyRequest(region_code="US", number_type="LOCAL"), watch=watch
    ),
    "release": lambda client, watch: client.active_numbers.release(NUMBER, watch=watch),
    "update": lambda client, watch: client.active_numbers.update(
        NUMBER, UpdateRequest(display_name="x"), watch=watch
    ),
    "callback secret": lambda client, _: client.callback_configuration.update("a" * 32),
}

AFTER_LEAVING: dict[str, tuple[w.Behaviour, str, int | None]] = {
    "reset": (w.reset, "reset", None),
    "hang up": (w.hang_up, "broken_protocol", None),
    "read time-out": (w.hang, "read_timeout", None),
    "time-out in the body": (w.stall_in_body, "read_timeout", 200),
    "cut short": (w.cut_short, "cut_short", 200),
    "not HTTP": (w.garbage, "broken_protocol", None),
    "broken gzip": (w.bad_gzip, "undecodable", 200),
    "500": (w.answer(500, {}), "server_error", 500),
    "503 HTML": (w.answer(503, b"<html>"), "server_error", 503),
    "redirect": (w.answer(302, b"", {"Location": "/elsewhere"}), "unexpected_status", 302),
    "HTML with 200": (w.answer(200, b"<html>"), "unreadable", 200),
    "empty 200": (w.answer(200, b""), "unreadable", 200),
    "wrong shape": (w.answer(200, {"hello": "world"}), "unreadable", 200),
}


@pytest.mark.parametrize("fault", AFTER_LEAVING)
@pytest.mark.parametrize("call", COSTLY)
async def test_costly_call_leaves_once(call: str, fault: str, no_waiting: None) -> None:
    """Whatever goes wrong after it left, a costly call is on the wire once and comes back as
    OutcomeUnknown with status and cause.
    """
    behaviour, cause, status = AFTER_LEAVING[fault]
    async with w.serve(otherwise=behaviour) as server, Client(settings(server.url)) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await COSTLY[call](client, None)
    assert (1, cause, status) == (len(server.calls), caught.value.cause, caught.value.status)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 429])
async def test_refusals_leave_once(status: int, no_waiting: None) -> None:
    """A refusal of a costly call is not repeated either, 429 included."""
    async with (
        w.serve(otherwise=w.answer(status, {})) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(Throttled if status == 429 else Rejected):
            await rent(client)
    assert len(server.calls) == 1


async def test_wrong_number_in_reply() -> None:
    """A rent that is answered with another number than the one asked for has an unknown outcome."""
    other = {**ACTIVE, "phoneNumber": "+13075550143"}
    async with w.serve(w.answer(200, other)) as server, Client(settings(server.url)) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await rent(client)
    assert caught.value.cause == "wrong_number"


async def test_connection_refused_is_not_sent() -> None:
    """Nobody listens: NotSent, and the watch was not asked."""
    watch = Log()
    async with (
        w.serve() as server,
        Client(settings(server.url, numbers_url=w.unused_url())) as client,
    ):
        with pytest.raises(NotSent):
            await rent(client, watch)
    assert watch.events == []


async def test_unknown_host_is_not_sent() -> None:
    """A name that does not resolve: NotSent."""
    async with (
        w.serve() as server,
        Client(settings(server.url, numbers_url="http://no-such-host.invalid")) as client,
    ):
        with pytest.raises(NotSent):
            await rent(client)


async def test_failed_tls_is_not_sent() -> None:
    """A TLS handshake that fails happens before the request leaves.

    NotSent, and the watch was not asked.
    """
    watch = Log()
    async with (
        w.serve() as server,
        Client(settings(server.url, numbers_url=server.url.replace("http:", "https:"))) as client,
    ):
        with pytest.raises(NotSent):
            await rent(client, watch)
    assert watch.events == []


async def test_no_token_endpoint_is_not_sent(no_waiting: None) -> None:
    """Without a token endpoint nothing can leave: NotSent."""
    async with w.serve() as server, Client(settings(server.url, auth_url=w.unused_url())) as client:
        with pytest.raises(NotSent):
            await rent(client)
    assert server.seen == []


async def test_token_endpoint_down_is_not_sent(no_waiting: None) -> None:
    """A token endpoint that breaks says nothing about the costly call but that it has not left.

    NotSent, after the four tries that tokens get.
    """
    async with (
        w.serve(tokens=(w.answer(500, {}), w.reset, w.cut_short, w.answer(502, b"x"))) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(NotSent):
            await rent(client)
    assert (len(server.token_calls), len(server.calls)) == (4, 0)


async def test_missing_token_endpoint_is_not_a_missing_number() -> None:
    """A 404 of the token endpoint is PermissionRefused.

    It must not look like evidence about the number.
    """
    async with (
        w.serve(tokens=(w.answer(404, {}),)) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(PermissionRefused, match="SINCH_AUTH_URL") as caught:
            await client.active_numbers.get(NUMBER)
    assert not isinstance(caught.value, NotFound)


async def test_pool_timeout_is_not_sent() -> None:
    """No free connection in time: NotSent, and the watch was not asked."""
    pool = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
    watch = Log()
    async with (
        w.serve(otherwise=w.hang) as server,
        Client(settings(server.url, http_timeout_s=0.3), transport=pool) as client,
    ):
        # The first rent holds the only connection for 0.3 s; the second one is made to wait for
        # less.
        first = asyncio.create_task(rent(client))
        await server.called.wait()
        assert client._transport._http is not None
        client._transport._http.timeout = httpx.Timeout(0.1)
        with pytest.raises(NotSent):
            await rent(client, watch)
        with pytest.raises(OutcomeUnknown):
            await first
    assert (len(server.calls), watch.events) == (1, [])


async def test_before_send_runs_on_an_open_connection() -> None:
    """The watch is asked after connecting and before the first byte.

    Then it hears status and request id.
    """
    async with (
        w.serve(w.answer(200, ACTIVE, {"X-Request-Id": "req-1"})) as server,
        Client(settings(server.url, auth_url=f"{server.url}/auth")) as client,
    ):
        await client._transport._open_tokens().current()  # so that only the rent is counted below
        before = server.bytes_received
        watch = Log(look=lambda: (server.bytes_received - before, len(server.calls)))
        await rent(client, watch)
    assert watch.events == [("before_send", (0, 0)), ("replied", 200, "req-1")]


@pytest.mark.parametrize(
    "refusal",
    [LeaseLost("taken over"), TimeoutError("mine"), httpx.ReadError("mine"), ValueError("x")],
)
async def test_refusal_of_the_watch(refusal: Exception) -> None:
    """What before_send raises comes out unchanged, and no byte of the request is ever sent."""
    async with (
        w.serve(otherwise=w.answer(200, ACTIVE)) as server,
        Client(settings(server.url)) as client,
    ):
        await client._transport._open_tokens().current()
        before = server.bytes_received
        with pytest.raises(type(refusal)) as caught:
            await rent(client, Log(refuse=refusal))
        await asyncio.sleep(0.05)
        unseen = server.bytes_received - before
        # The connection that was given up is not used again, and the client still works.
        await rent(client)
    assert (caught.value is refusal, unseen, len(server.calls)) == (True, 0, 1)


async def test_failing_replied() -> None:
    """A watch that fails to note the reply does not pass for one that stopped the request.

    OutcomeUnknown.
    """

    class Forgetful(Log):
        def replied(self, status: int | None, request_id: str | None) -> None:
            raise LeaseLost("the journal is gone")

    async with w.serve(w.answer(200, ACTIVE)) as server, Client(settings(server.url)) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await rent(client, Forgetful())
    assert (caught.value.cause, caught.value.status) == ("watch_failed", 200)


async def test_expired_token_is_renewed_once() -> None:
    """A 401 that says expired is followed by a new token and one repeat, also for a costly call,
    and the watch is asked again.
    """
    expired = load("any_401_expired")
    watch = Log()
    async with (
        w.serve(
            w.answer(401, expired.body, {"WWW-Authenticate": expired.headers["www-authenticate"]}),
            w.answer(200, ACTIVE),
            tokens=(w.token("old"), w.token("new")),
        ) as server,
        Client(settings(server.url)) as client,
    ):
        await rent(client, watch)
    assert [call.headers["authorization"] for call in server.calls] == ["Bearer old", "Bearer new"]
    assert [event[0] for event in watch.events] == [
        "before_send",
        "replied",
        "before_send",
        "replied",
    ]


async def test_expired_token_twice(no_waiting: None) -> None:
    """A second 401 is final, even if it says expired again."""
    async with (
        w.serve(otherwise=w.answer(401, {}, {"WWW-Authenticate": "expired"})) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(PermissionRefused):
            await rent(client)
    assert len(server.calls) == 2


async def test_other_401_is_final() -> None:
    """A 401 that does not say expired is not repeated."""
    async with (
        w.serve(w.answer(401, {}, {"WWW-Authenticate": "Bearer"})) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(PermissionRefused):
            await client.active_numbers.get(NUMBER)
    assert len(server.calls) == 1


async def test_tokens_are_asked_for_once() -> None:
    """Twenty calls at once share one token request."""
    async with (
        w.serve(otherwise=w.answer(200, ACTIVE)) as server,
        Client(settings(server.url)) as client,
    ):
        await asyncio.gather(*(client.active_numbers.get(NUMBER) for _ in range(20)))
    assert (len(server.token_calls), len(server.calls)) == (1, 20)


async def test_token_request() -> None:
    """The token is asked for with Basic and a form; a 429 is repeated.

    Wrong credentials name the variables and show no secret.
    """
    async with w.serve(
        tokens=(w.answer(429, {}, {"Retry-After": "0"}), w.answer(401, load("token_401").body))
    ) as server:
        with stamina.set_testing(True, attempts=100):
            async with Client(settings(server.url)) as client:
                with pytest.raises(
                    PermissionRefused, match="SINCH_KEY_ID and SINCH_KEY_SECRET"
                ) as caught:
                    await rent(client)
    first = server.seen[0]
    assert (first.method, first.target, first.body) == (
        "POST",
        "/auth/oauth2/token",
        b"grant_type=client_credentials",
    )
    assert httpx.BasicAuth("key-1", SECRET)._auth_header == first.headers["authorization"]
    assert len(server.token_calls) == 2
    assert SECRET not in repr(caught.value) + str(vars(caught.value))


async def test_reads_are_repeated(no_waiting: None) -> None:
    """A read survives a throttle, a 5xx, a reset and an unreadable page."""
    async with (
        w.serve(
            w.answer(429, {}),
            w.answer(503, {}),
            w.reset,
            w.answer(200, b"<html>"),
            w.answer(200, ACTIVE),
        ) as server,
        Client(settings(server.url)) as client,
    ):
        found = await client.active_numbers.get(NUMBER)
    assert (found.phone_number, len(server.calls)) == (NUMBER, 5)


async def test_reads_stay_in_their_budget(no_waiting: None) -> None:
    """The attempts of a read are bounded, and the last error comes out."""
    budget = Budget(attempts=3, total_s=60, wait_initial_s=0.5, wait_factor=2, wait_max_s=1)
    async with (
        w.serve(otherwise=w.answer(503, {})) as server,
        Client(settings(server.url), read_budget=budget) as client,
    ):
        with pytest.raises(OutcomeUnknown):
            await client.active_numbers.get(NUMBER)
    assert len(server.calls) == 3


async def test_reads_end_with_their_total() -> None:
    """A read that trickles in for ever ends with its total budget, though no single read of the
    socket times out.
    """
    budget = Budget(attempts=5, total_s=0.4, wait_initial_s=0.01, wait_factor=2, wait_max_s=1)
    async with (
        w.serve(otherwise=w.trickle) as server,
        Client(settings(server.url), read_budget=budget) as client,
    ):
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown) as caught:
            await client.active_numbers.get(NUMBER)
    assert (caught.value.cause, time.monotonic() - began < 2) == ("slow_reply", True)


async def test_reads_honour_retry_after() -> None:
    """A read waits at least as long as Retry-After says."""
    async with w.serve(w.answer(429, {}, {"Retry-After": "0.2"}), w.answer(200, ACTIVE)) as server:
        budget = Budget(attempts=2, total_s=5, wait_initial_s=0.01, wait_factor=2, wait_max_s=1)
        async with Client(settings(server.url), read_budget=budget) as client:
            began = time.monotonic()
            await client.active_numbers.get(NUMBER)
    assert time.monotonic() - began >= 0.2


async def test_refused_reads_are_not_repeated() -> None:
    """Not found is an answer: the read is not repeated."""
    async with (
        w.serve(w.answer(404, load("active_404").body)) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(NotFound) as caught:
            await client.active_numbers.get(NUMBER)
    assert (len(server.calls), caught.value.resource_type) == (1, "ActiveNumber")


async def test_costly_call_ends_within_the_lease() -> None:
    """A costly call that trickles is given up before the lease is over."""
    async with w.serve(w.trickle) as server, Client(settings(server.url, lease_s=0.5)) as client:
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown) as caught:
            await rent(client)
    assert (caught.value.cause, caught.value.status, time.monotonic() - began < 0.5) == (
        "total_timeout",
        200,
        True,
    )


async def test_token_too_late_is_not_sent() -> None:
    """A token that does not come within the bound of the costly call leaves it unsent."""
    async with (
        w.serve(tokens=(w.hang,)) as server,
        Client(settings(server.url, lease_s=0.2, http_timeout_s=5)) as client,
    ):
        with pytest.raises(NotSent):
            await rent(client)
    assert server.calls == []


async def test_a_turn_that_does_not_come_is_throttled() -> None:
    """A costly call that does not get its turn within its bound was not sent, and says that it was
    the limit.
    """
    async with (
        w.serve(otherwise=w.answer(200, ACTIVE)) as server,
        Client(settings(server.url, lease_s=0.3, numbers_rate=(0.5, 0.5, 0.5))) as client,
    ):
        await rent(client)
        with pytest.raises(Throttled, match="turn"):
            await rent(client)
    assert len(server.calls) == 1


async def test_a_costly_call_whose_turn_comes_late_is_not_sent() -> None:
    """What would leave in the last moment of its bound would be cut off and its outcome unknown.

    The limit is told as it is.
    """
    async with (
        w.serve(otherwise=w.answer(200, ACTIVE)) as server,
        Client(settings(server.url, lease_s=1.0)) as client,
    ):
        await rent(client)
        pacer = client._transport._pacers["numbers"]
        pacer.refused(
            departed_s=asyncio.get_running_loop().time(), retry_after_s=0.6
        )  # of the 0.8 s that it has
        with pytest.raises(Throttled, match="turn"):
            await rent(client)
    assert len(server.calls) == 1


async def test_a_costly_call_without_time_for_its_reply_is_not_sent() -> None:
    """Whatever it was that took so long, here a token, however often it is asked for."""

    async def late(*wire: Any) -> None:
        await asyncio.sleep(0.7)
        await w.token()(*wire)

    async with (
        w.serve(tokens=(late,) * 5, otherwise=w.answer(200, ACTIVE)) as server,
        Client(settings(server.url, lease_s=1.0)) as client,
    ):
        with pytest.raises(NotSent):
            await rent(client)
    assert server.calls == []


async def test_throttled_reads_are_repeated_while_patience_lasts() -> None:
    """More 429s than a read has tries do not fail it.

    Waiting for its turn does not use up its time.
    """
    many = [w.answer(429, {}, {"Retry-After": "0.01"})] * 12
    budget = Budget(attempts=2, total_s=0.5, wait_initial_s=0.0, wait_factor=1, wait_max_s=0)
    async with w.serve(*many, w.answer(200, ACTIVE)) as server:
        slow = settings(server.url, numbers_rate=(20, 20, 20))
        async with Client(slow, read_budget=budget) as client:
            assert (await client.active_numbers.get(NUMBER)).phone_number == NUMBER
    assert len(server.calls) == 13


async def test_wire_form() -> None:
    """On the wire: prefix of the base URL kept, plus and token encoded, gzip asked for and undone,
    JSON body, bearer token.
    """
    packed = gzip.compress(json.dumps(ACTIVE).encode())
    async with (
        w.serve(
            w.answer(200, packed, {"Content-Encoding": "gzip"}),
            w.answer(200, {"activeNumbers": []}),
        ) as server,
        Client(settings(server.url)) as client,
    ):
        await client.available_numbers.rent(
            NUMBER, RentRequest(callback_url="https://hooks.example.test/ä")
        )
        await client.active_numbers.list_page(pattern="+1307", page_token="a+b/c==")
    rented, listed = server.calls
    assert (
        rented.method,
        rented.target,
    ) == ("POST", "/numbers/v1/projects/project-1/availableNumbers/%2B13075550142:rent")
    assert json.loads(rented.body) == {"callbackUrl": "https://hooks.example.test/ä"}
    assert tuple(
        rented.headers[name] for name in ("content-type", "accept-encoding", "authorization")
    ) == (
        "application/json",
        "gzip",
        "Bearer token",
    )
    assert listed.target == (
        "/numbers/v1/projects/project-1/activeNumbers?numberPattern.pattern=%2B1307&numberPattern.searchPattern=START"
        "&pageSize=100&pageToken=a%2Bb%2Fc%3D%3D"
    )


async def test_release_has_no_body() -> None:
    """A release goes out without a body, as documented."""
    async with (
        w.serve(w.answer(200, load("release_200").body)) as server,
        Client(settings(server.url)) as client,
    ):
        released = await client.active_numbers.release(NUMBER)
    assert (b"", "0", released.next_charge_at) == (
        server.calls[0].body,
        server.calls[0].headers["content-length"],
        released.expire_at,
    )


async def test_iterate_walks_all_pages() -> None:
    """Iterating follows the tokens to the page without one, with the same filters on every page."""
    pages = [
        {"activeNumbers": [{"phoneNumber": "+13075550101"}], "nextPageToken": "t+1"},
        {"activeNumbers": [], "nextPageToken": "t+2"},
        {"activeNumbers": [{"phoneNumber": "+13075550102"}], "nextPageToken": ""},
    ]
    async with (
        w.serve(*(w.answer(200, page) for page in pages)) as server,
        Client(settings(server.url)) as client,
    ):
        found = [
            n.phone_number
            async for n in client.active_numbers.iterate(capabilities=iter(["SMS"]), page_size=1)
        ]
    assert found == ["+13075550101", "+13075550102"]
    prefix = "/numbers/v1/projects/project-1/activeNumbers?capability=SMS&pageSize=1"
    assert [prefix, f"{prefix}&pageToken=t%2B1", f"{prefix}&pageToken=t%2B2"] == [
        call.target for call in server.calls
    ]


async def test_iterate_refuses_to_walk_in_circles() -> None:
    """A page token that comes twice ends the walk with an error instead of never."""
    page = {"activeNumbers": [], "nextPageToken": "again"}
    async with (
        w.serve(otherwise=w.answer(200, page)) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(OutcomeUnknown) as caught:
            [number async for number in client.active_numbers.iterate()]
    assert (caught.value.cause, len(server.calls)) == ("repeated_token", 2)


async def test_regions_search_and_callback_configuration() -> None:
    """The remaining reads come back as models."""
    samples = ("regions_200", "search_200", "callback_configuration_200")
    one = json.loads(load("search_200").body)["availableNumbers"][0]
    async with (
        w.serve(
            *(w.answer(200, load(name).body) for name in samples), w.answer(200, one)
        ) as server,
        Client(settings(server.url)) as client,
    ):
        regions = await client.regions.list(types=("LOCAL", "MOBILE"))
        stock = await client.available_numbers.search(region_code="US", number_type="LOCAL", size=5)
        secret = (await client.callback_configuration.get()).hmac_secret
        checked = await client.available_numbers.get(NUMBER)
    assert [region.region_code for region in regions] == ["US", "AU"]
    assert (checked,) == stock
    assert secret is not None
    assert secret.get_secret_value() == "sim-secret-0123456789-abcdefghijkl"
    assert (
        server.calls[0].target
        == "/numbers/v1/projects/project-1/availableRegions?types=LOCAL&types=MOBILE"
    )


async def test_in_process_transport() -> None:
    """Over a transport without trace the watch is asked right before the hand-over."""
    replies = {"/auth/oauth2/token": load("token_200").body}
    handed_over: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        handed_over.append(request.url.path)
        return httpx.Response(200, content=replies.get(request.url.path, load("rent_200").body))

    watch = Log(look=lambda: len(handed_over))
    async with Client(settings("http://inside"), transport=httpx.MockTransport(handle)) as client:
        await rent(client, watch)
        with pytest.raises(LeaseLost):
            await rent(client, Log(refuse=LeaseLost("gone")))
    assert (watch.events, len(handed_over)) == ([("before_send", 1), ("replied", 200, None)], 2)


async def test_tunnel_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CONNECT to a proxy is not the request leaving.

    A proxy that refuses is NotSent, and the watch was not asked.
    """
    watch = Log()
    async with w.serve(w.answer(403, b"")) as server:
        for name in ("https_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, server.url)
        async with Client(
            settings(server.url, numbers_url="https://numbers.example.test")
        ) as client:
            with pytest.raises(NotSent):
                await rent(client, watch)
    assert ([call.method for call in server.calls], watch.events) == (["CONNECT"], [])


async def test_loopback_is_never_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY does not come between the client and a simulator on this machine."""
    monkeypatch.setenv("HTTP_PROXY", w.unused_url())
    monkeypatch.setenv("http_proxy", w.unused_url())
    async with w.serve(w.answer(200, ACTIVE)) as server, Client(settings(server.url)) as client:
        assert (await client.active_numbers.get(NUMBER)).phone_number == NUMBER


async def test_cancelled_call_frees_its_connection() -> None:
    """Cancelling a call is a cancellation, not an error of ours, and the client still works."""
    async with (
        w.serve(w.hang, w.answer(200, ACTIVE)) as server,
        Client(settings(server.url, http_timeout_s=5)) as client,
    ):
        task = asyncio.create_task(rent(client))
        await server.called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await rent(client)).phone_number == NUMBER


async def test_not_open() -> None:
    """A client that was not entered, or was left, says so; entering it twice too.

    Entering it again works.
    """
    async with w.serve(otherwise=w.answer(200, ACTIVE)) as server:
        client = Client(settings(server.url))
        with pytest.raises(RuntimeError, match="async with"):
            await rent(client)
        async with client:
            with pytest.raises(RuntimeError, match="already open"):
                await client.__aenter__()
            await rent(client)
        with pytest.raises(RuntimeError, match="async with"):
            await rent(client)
        async with client:
            await rent(client)
        await client.__aexit__(None, None, None)
    assert len(server.calls) == 2


async def test_closed_under_way() -> None:
    """A client that is closed while a call waits for its turn leaves that call unsent."""
    async with w.serve(otherwise=w.answer(200, ACTIVE)) as server:
        client = Client(settings(server.url, numbers_rate=(1, 1, 1)))
        async with client:
            await rent(client)
            waiting = asyncio.create_task(rent(client))
            await asyncio.sleep(0.05)
        with pytest.raises(NotSent):
            await waiting
    assert len(server.calls) == 1


async def test_missing_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Without credentials the constructor names the variables.

    Without arguments it reads the environment.
    """
    monkeypatch.chdir(tmp_path)
    for name in ("SINCH_PROJECT_ID", "SINCH_KEY_ID", "SINCH_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingCredentials, match="SINCH_PROJECT_ID"):
        Client()
    monkeypatch.setenv("SINCH_PROJECT_ID", "from-env")
    monkeypatch.setenv("SINCH_KEY_ID", "key")
    monkeypatch.setenv("SINCH_KEY_SECRET", "secret")
    assert Client().project_id == "from-env"


@pytest.mark.parametrize("fault", ["reset", "cut short", "500", "wrong shape"])
async def test_errors_survive_pickle(fault: str) -> None:
    """An error of the transport crosses a process border with its facts."""
    async with w.serve(AFTER_LEAVING[fault][0]) as server, Client(settings(server.url)) as client:
        with pytest.raises(NumberflowError) as caught:
            await rent(client)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(caught.value), str(caught.value), vars(caught.value)) == (
        type(copy),
        str(copy),
        vars(copy),
    )


async def test_secrets_do_not_show(caplog: pytest.LogCaptureFixture) -> None:
    """Neither key secret, nor token, nor HMAC secret show in reprs, errors or logs, not even when
    the vendor echoes them.
    """
    hmac_secret = "0123456789abcdef0123456789abcdef"
    echo = {
        "error": {
            "code": 400,
            "message": f"bad {hmac_secret}",
            "status": "INVALID_ARGUMENT",
            "details": [],
        }
    }
    caplog.set_level("DEBUG")
    async with (
        w.serve(w.answer(400, echo), tokens=(w.token("bearer-token-text"),)) as server,
        Client(settings(server.url)) as client,
    ):
        with pytest.raises(Rejected) as caught:
            await client.callback_configuration.update(hmac_secret)
        shown = [
            repr(vars(client)),
            repr(vars(client._transport)),
            repr(client._transport._token_request),
        ]
    shown += [
        repr(caught.value),
        str(vars(caught.value)),
        repr(available.build_get("p", NUMBER)),
        caplog.text,
    ]
    for secret in (SECRET, hmac_secret, "bearer-token-text"):
        assert [False] * len(shown) == [secret in text for text in shown]
