"""Page tokens: opaque, and bound to the query for which they were made."""

import base64
import binascii
import hashlib
import json
from typing import Any


class BadToken(ValueError):
    """The token is not ours, or belongs to another query."""


def make_token(secret: bytes, query: str, position: Any, *, harsh: bool = False) -> str:
    """A token for a position in the answer to a query.

    Harsh tokens contain a plus, a slash and an equals sign, so that they break a client that does
    not percent-encode. The vendor's tokens can contain all three (docs/vendor/numbers-behaviour.md
    §9).
    """
    plain = json.dumps(
        [hashlib.sha256(query.encode()).hexdigest()[:12], position], separators=(",", ":")
    ).encode()
    if not harsh:
        return base64.urlsafe_b64encode(_sealed(secret, plain, 0)).rstrip(b"=").decode()
    nonce = 0
    while True:
        # 2 bytes of nonce and 4 of seal: padding with spaces makes the length leave a remainder,
        # hence an equals sign.
        token = base64.b64encode(
            _sealed(secret, plain + b" " * ((1 - len(plain) - 6) % 3), nonce)
        ).decode()
        if "+" in token and "/" in token and "=" in token:
            return token
        nonce += 1


def read_token(secret: bytes, query: str, token: str) -> Any:
    """The position in a token of this query. Raises BadToken for anything else."""
    alphabet = b"+/" if any(sign in token for sign in "+/=") else b"-_"
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=alphabet, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadToken(token) from error
    plain = _xor(sealed[6:], _stream(secret, sealed[:2], len(sealed)))
    if len(sealed) < 7 or sealed[2:6] != _seal(secret, sealed[:2], plain):
        raise BadToken(token)
    fingerprint, position = json.loads(plain)
    if fingerprint != hashlib.sha256(query.encode()).hexdigest()[:12]:
        raise BadToken(token)
    return position


def _sealed(secret: bytes, plain: bytes, nonce: int) -> bytes:
    salt = nonce.to_bytes(2, "big")
    return salt + _seal(secret, salt, plain) + _xor(plain, _stream(secret, salt, len(plain)))


def _seal(secret: bytes, salt: bytes, plain: bytes) -> bytes:
    return hashlib.sha256(b"seal" + secret + salt + plain).digest()[:4]


def _stream(secret: bytes, salt: bytes, length: int) -> bytes:
    return hashlib.shake_128(b"stream" + secret + salt).digest(length)


def _xor(data: bytes, stream: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))
