"""The bearer token: how it is read, kept and renewed.

No sockets here (test_transport.py has those).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest
import stamina
from pydantic import SecretStr
from support.samples import load

from numberflow.client.auth import Token, TokenKeeper, build_token, read_token
from numberflow.client.protocol import Request, decipher
from numberflow.errors import NotSent, OutcomeUnknown, PermissionRefused, Throttled

REQUEST = build_token("key-1", SecretStr("top-secret"))


class Endpoint:
    """A token endpoint with a clock of its own; each token lives `life_s`.

    Works through `faults` first.
    """

    def __init__(self, life_s: float = 3599, faults: tuple[Exception, ...] = ()) -> None:
        self.asked = 0
        self.now = 1000.0
        self._life_s = life_s
        self._faults = list(faults)

    def keeper(self) -> TokenKeeper:
        """A keeper that asks here."""
        return TokenKeeper(REQUEST, self._exchange, clock=lambda: self.now)

    async def _exchange(self, request: Request[Token]) -> Token:
        assert request is REQUEST
        self.asked += 1
        await asyncio.sleep(0)
        if self._faults:
            raise self._faults.pop(0)
        return Token(SecretStr(f"token-{self.asked}"), self._life_s)


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Repeats come at once."""
    with stamina.set_testing(True, attempts=100):
        yield


@pytest.mark.anyio
async def test_renewed_60_s_early() -> None:
    """A token is kept until 60 s before its end, and renewed from then on."""
    endpoint = Endpoint(life_s=3599)
    keeper = endpoint.keeper()
    await keeper.current()
    endpoint.now += 3599 - 60 - 0.001
    assert ((await keeper.current()).get_secret_value(), endpoint.asked) == ("token-1", 1)
    endpoint.now += 0.001
    assert ((await keeper.current()).get_secret_value(), endpoint.asked) == ("token-2", 2)


@pytest.mark.anyio
async def test_short_lived_tokens_are_used() -> None:
    """A token issued for less than two minutes is used for half its life, not asked for again with
    every call.
    """
    endpoint = Endpoint(life_s=30)
    keeper = endpoint.keeper()
    await keeper.current()
    endpoint.now += 14.9
    await keeper.current()
    assert endpoint.asked == 1
    endpoint.now += 0.1
    await keeper.current()
    assert endpoint.asked == 2


@pytest.mark.anyio
async def test_single_flight() -> None:
    """However many ask at once, one request leaves.

    Also when all of them were refused with the same old token.
    """
    endpoint = Endpoint()
    keeper = endpoint.keeper()
    first = await asyncio.gather(*(keeper.current() for _ in range(50)))
    assert ({"token-1"}, 1) == ({each.get_secret_value() for each in first}, endpoint.asked)
    second = await asyncio.gather(*(keeper.current(refused=first[0]) for _ in range(50)))
    assert ({"token-2"}, 2) == ({each.get_secret_value() for each in second}, endpoint.asked)


@pytest.mark.anyio
async def test_repeats() -> None:
    """Throttles, lost and unreachable token requests are repeated three times."""
    endpoint = Endpoint(faults=(Throttled("t"), NotSent("n"), OutcomeUnknown("o")))
    assert (await endpoint.keeper().current()).get_secret_value() == "token-4"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "raised"),
    [(NotSent("n"), NotSent), (OutcomeUnknown("o", request_id="r"), NotSent)],
)
async def test_gives_up(fault: Exception, raised: type[Exception]) -> None:
    """After the fourth failure the error comes out, and never as an unknown outcome.

    The call that wanted the token has not left.
    """
    endpoint = Endpoint(faults=(fault,) * 5)
    with pytest.raises(raised):
        await endpoint.keeper().current()
    assert endpoint.asked == 4


@pytest.mark.anyio
async def test_a_throttle_is_waited_out() -> None:
    """A 429 is no failure: it is repeated however often, as long as patience lasts, and then comes
    out as what it is.
    """
    endpoint = Endpoint(faults=(Throttled("t"),) * 9)
    assert (await endpoint.keeper().current()).get_secret_value() == "token-10"
    impatient = Endpoint(faults=(Throttled("t", retry_after_s=901.0),))
    with pytest.raises(Throttled):
        await impatient.keeper().current()
    assert impatient.asked == 1


@pytest.mark.anyio
async def test_wrong_credentials_are_not_repeated() -> None:
    """A refused key is refused once."""
    endpoint = Endpoint(faults=(PermissionRefused("p"),))
    with pytest.raises(PermissionRefused):
        await endpoint.keeper().current()
    assert endpoint.asked == 1


def test_request() -> None:
    """Key id and secret travel as Basic, and the repr of the request shows neither them nor the
    body.
    """
    basic = base64.b64encode(b"key-1:top-secret").decode()
    assert ("Authorization", f"Basic {basic}") in REQUEST.headers
    assert ("top-secret" in repr(REQUEST), basic in repr(REQUEST)) == (False, False)


@pytest.mark.parametrize("kind", ["bearer", "Bearer", "BEARER", None, ""])
def test_token_type_is_compared_case_blind(kind: str | None) -> None:
    """The token type counts in any case, and may be missing."""
    read = read_token({"access_token": "abc", "expires_in": 3600, "token_type": kind})
    assert (read.bearer.get_secret_value(), read.expires_in_s) == ("abc", 3600)


def test_live_reply() -> None:
    """The live reply is read with the lifetime it states."""
    sample = load("token_200")
    assert decipher(REQUEST, sample.status, sample.headers, sample.body).expires_in_s == 3599


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"access_token": "", "expires_in": 3600},
        {"access_token": 5, "expires_in": 3600},
        {"access_token": "two\nlines", "expires_in": 3600},
        {"access_token": "ü", "expires_in": 3600},
        {"access_token": "abc"},
        {"access_token": "abc", "expires_in": 0},
        {"access_token": "abc", "expires_in": "soon"},
        {"access_token": "abc", "expires_in": 1e12},
        {"access_token": "abc", "expires_in": 3600, "token_type": "mac"},
        {"access_token": "abc", "expires_in": 3600, "token_type": 7},
    ],
)
def test_unreadable_token(value: Any) -> None:
    """What is no bearer token with a lifetime is not taken for one."""
    with pytest.raises(ValueError):
        read_token(value)
