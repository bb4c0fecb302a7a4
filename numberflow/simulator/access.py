"""Access: the token endpoint's rules, bearer tokens, HTTP Basic, and rate limits.

docs/vendor/numbers-behaviour.md §2, §3.
"""

import base64
import binascii
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from numberflow.simulator import problems
from numberflow.simulator.clock import Clock
from numberflow.simulator.settings import SimulatorSettings
from numberflow.simulator.switches import Switches

TOKEN_BURST = 30
TOKEN_PER_S = 10.0
"""The token endpoint's bucket, from a comment in the vendor's Node SDK (§3)."""

IMPORTED_BASIC_PER_S = 1.0
"""The bucket of the imported-numbers API over Basic, when the switch imported_rate_limit is on.

*assumed* (imported-hosting-behaviour.md §18).
"""


class Bucket:
    """A token bucket. It starts full."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._spent = 0.0
        self._seen_s = now_s()

    def take(self, burst: float, per_s: float) -> bool:
        """Takes one token if there is one left."""
        now_s = self._now_s()
        self._spent = max(0.0, self._spent - (now_s - self._seen_s) * per_s)
        self._seen_s = now_s
        if self._spent + 1 > burst:
            return False
        self._spent += 1
        return True


class Access:
    """Issues tokens and checks credentials for the one key and project."""

    def __init__(self, settings: SimulatorSettings, clock: Clock, switches: Switches) -> None:
        self._settings = settings
        self._clock = clock
        self._switches = switches
        # Derived from the key, so that a token survives a restart of the simulator, as it would at
        # the vendor.
        self._signing_key = hashlib.sha256(b"token-" + settings.key_secret.encode()).digest()
        self._serial = itertools.count(1)
        self._token_bucket = Bucket(clock.monotonic_s)
        self._basic_bucket = Bucket(clock.monotonic_s)
        self._project_bucket = Bucket(clock.monotonic_s)
        self._imported_basic_bucket = Bucket(clock.monotonic_s)
        self._imported_bucket = Bucket(clock.monotonic_s)

    def issue(self, authorization: str | None, body: bytes) -> bytes:
        """The reply with a token. Raises Problem: 429 bucket empty, 401 credentials, 400 grant."""
        if not self._token_bucket.take(TOKEN_BURST, TOKEN_PER_S):
            raise self._too_many()
        if _basic(authorization) != (self._settings.key_id, self._settings.key_secret):
            raise problems.token_refused(
                self._switches.refused_credentials,
                "invalid_client",
                "The key id or secret is not accepted",
            )
        grants = parse_qs(body.decode("utf-8", "replace")).get("grant_type", [])
        if grants != ["client_credentials"]:
            error = "unsupported_grant_type" if grants else "invalid_request"
            raise problems.token_refused(400, error, "grant_type must be client_credentials")
        reply = {
            "access_token": self._sign(self._settings.token_lifetime_s),
            "expires_in": self._settings.token_lifetime_s,
            "scope": "",
            "token_type": "bearer",
        }
        return json.dumps(reply, separators=(",", ":")).encode()

    def admit(
        self,
        authorization: str | None,
        project_id: str,
        method: str,
        operation: str,
        *,
        imported: bool = False,
    ) -> None:
        """Admits a request to an API. Raises Problem: 401, 403 for another project, 429."""
        scheme, _, credentials = (authorization or "").partition(" ")
        basic = scheme.lower() == "basic"
        if scheme.lower() == "bearer":
            self._check_token(credentials.strip())
        elif basic:
            self._check_basic(authorization, method, imported=imported)
        else:
            raise self._refused()
        if project_id != self._settings.project_id:
            if self._switches.callback_configuration_404 and operation.endswith(
                "callback_configuration"
            ):
                raise problems.callback_project_not_found(project_id)
            raise problems.permission_denied()
        if imported:
            # Basic is already counted, in a smaller bucket.
            if self._switches.imported_rate_limit and not basic:
                self._take_imported(self._imported_bucket, self._switches.imported_rate_per_s)
        elif self._switches.rate_limit and not self._project_bucket.take(
            self._switches.rate_limit_burst, self._switches.rate_limit_per_s
        ):
            raise self._too_many(self._switches.rate_limit_retry_after_s)

    def _check_basic(self, authorization: str | None, method: str, *, imported: bool) -> None:
        if _basic(authorization) != (self._settings.key_id, self._settings.key_secret):
            raise self._refused("Basic")
        bucket = self._imported_basic_bucket if imported else self._basic_bucket
        if imported and self._switches.imported_rate_limit:
            self._take_imported(bucket, IMPORTED_BASIC_PER_S)
        elif not bucket.take(self._switches.basic_burst, self._switches.basic_per_s):
            raise self._too_many()
        if self._switches.basic_read_only and method != "GET":
            raise problems.permission_denied()

    def _take_imported(self, bucket: Bucket, per_s: float) -> None:
        if not bucket.take(max(1.0, per_s), per_s):
            raise self._too_many(self._switches.imported_rate_retry_after_s)

    def _too_many(self, retry_after_s: int = 0) -> problems.Problem:
        said = str(retry_after_s) if retry_after_s else None
        return problems.too_many_requests(said, bare=self._switches.rate_limit_body == "message")

    def _refused(self, scheme: str = "Bearer") -> problems.Problem:
        """The refusal of credentials, with the status that the switch asks for.

        An expired token is a separate case.
        """
        if self._switches.refused_credentials == 403:
            return problems.permission_denied()
        return problems.unauthenticated(expired=False, scheme=scheme)

    def _sign(self, lifetime_s: int) -> str:
        # `exp` is wall-clock time, because clients compare it with theirs. Whether the token is
        # still accepted depends on the simulated clock, so that advancing it lets tokens expire.
        wall_s = int(time.time())
        claims = {
            "iss": "https://auth.sinch.com/",
            "sub": self._settings.key_id,
            "iat": wall_s,
            "exp": wall_s + lifetime_s,
            "jti": str(next(self._serial)),
            "simulated_exp": self._clock.now().timestamp() + lifetime_s,
        }
        signed = _part({"alg": "HS256", "typ": "JWT"}) + "." + _part(claims)
        return signed + "." + self._signature(signed)

    def _signature(self, signed: str) -> str:
        return _base64url(hmac.new(self._signing_key, signed.encode(), hashlib.sha256).digest())

    def _check_token(self, token: str) -> None:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            raise self._refused()
        payload = signed.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["simulated_exp"] <= self._clock.now().timestamp():
            raise problems.unauthenticated(expired=True)


def _basic(authorization: str | None) -> tuple[str, str] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None


def _part(claims: dict[str, object]) -> str:
    return _base64url(json.dumps(claims, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
