"""The access key's bearer token: requested once, kept, renewed in time.

OAuth2 client credentials (docs/vendor/numbers-behaviour.md §2). One token per open Client, in
memory only.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from numberflow.client import attempts, retry
from numberflow.client.protocol import Request
from numberflow.errors import NotSent, OutcomeUnknown, Throttled

# The Node SDK renews about 60 s early (docs/vendor/numbers-behaviour.md §2). A costly call is
# shorter than that, so its token outlives it.
RENEW_EARLY_S = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and its stated lifetime."""

    bearer: SecretStr
    expires_in_s: float


def build_token(key_id: str, key_secret: SecretStr) -> Request[Token]:
    """Request a token. Not costly: an unused token costs nothing."""
    secret = key_secret.get_secret_value()
    basic = base64.b64encode(f"{key_id}:{secret}".encode()).decode()
    return Request(
        method="POST",
        base="auth",
        path="/oauth2/token",
        read=read_token,
        headers=(
            ("Authorization", f"Basic {basic}"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ),
        body=b"grant_type=client_credentials",
        conceal=(secret, basic),
    )


def read_token(value: Any) -> Token:
    """Read the reply of the token endpoint.

    Raises:
        ValueError: no token, no lifetime, or a token type other than bearer (in any case: live
        replies say bearer, the documents Bearer).
    """
    if not isinstance(value, dict):
        # The reader's word for unreadable is ValueError
        raise ValueError("not an object")  # noqa: TRY004
    bearer, kind = value.get("access_token"), value.get("token_type") or "bearer"
    if (
        not isinstance(bearer, str)
        or not bearer.isascii()
        or not bearer.isprintable()
        or not bearer
    ):
        raise ValueError("no access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise ValueError("token_type is not bearer")
    expires_in_s = float(value.get("expires_in", ""))
    if not 0 < expires_in_s < 1e9:
        raise ValueError("expires_in makes no sense")
    return Token(SecretStr(bearer), expires_in_s)


class TokenKeeper:
    """Holds the current token of one access key and renews it.

    One request at a time, however many callers wait (single flight).
    """

    def __init__(
        self,
        request: Request[Token],
        exchange: Callable[[Request[Token]], Awaitable[Token]],
        *,
        budget: retry.Budget = retry.TOKEN_BUDGET,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request = request
        self._exchange = exchange
        self._budget = budget
        self._clock = clock
        self._renewing = asyncio.Lock()
        self._token: Token | None = None
        self._renew_after_s = 0.0
        self.throttled = False
        """Whether the endpoint's latest reply was a 429."""

    async def current(self, *, refused: SecretStr | None = None) -> SecretStr:
        """A token with more than 60 s to live.

        Half its life, if it is issued for less than two minutes.

        Args:
            refused: the token that the vendor has just called expired; it is not returned again.

        Raises:
            NotSent: the token endpoint cannot be reached or does not answer in a readable way.
                Nothing has happened to any number.
            Throttled: the token endpoint still says 429 when patience is used up. Nothing has
                happened, either.
            PermissionRefused: the access key is not accepted.
        """
        if (bearer := self._usable(refused)) is not None:
            return bearer
        async with self._renewing:
            if (
                bearer := self._usable(refused)
            ) is not None:  # somebody else renewed it while we waited
                return bearer
            asked_at = self._clock()  # before the request: its travel time counts as used life
            try:
                token = await attempts.with_retries(self._ask, self._budget)
            except OutcomeUnknown as error:
                # Only the fate of a token is unknown, not that of the call that needs it: that call
                # has surely not left.
                raise NotSent(
                    f"no access token: {error.message}",
                    request_id=error.request_id,
                    remedy=error.remedy,
                    worth_repeating=error.worth_repeating,
                ) from error
            self._token = token
            self._renew_after_s = (
                asked_at + token.expires_in_s - min(RENEW_EARLY_S, token.expires_in_s / 2)
            )
            return token.bearer

    async def _ask(self) -> Token:
        try:
            token = await self._exchange(self._request)
        except Throttled:
            self.throttled = True
            raise
        self.throttled = False
        return token

    def _usable(self, refused: SecretStr | None) -> SecretStr | None:
        if (
            self._token is None
            or self._token.bearer == refused
            or self._clock() >= self._renew_after_s
        ):
            return None
        return self._token.bearer
