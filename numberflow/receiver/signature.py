"""The signature of a callback: lower-case hex HMAC-SHA1 of the raw body.

docs/vendor/numbers-behaviour.md §16. Checked before anything is parsed, in constant time.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable


def signed_by(keys: Iterable[bytes], body: bytes, signature: str) -> bool:
    """Whether one of the keys signed exactly these bytes."""
    given = signature.encode("latin-1", "replace")
    # Every key is tried, so that the time says nothing about which one fits.
    fits = [
        hmac.compare_digest(hmac.digest(key, body, "sha1").hex().encode(), given) for key in keys
    ]
    return any(fits)
