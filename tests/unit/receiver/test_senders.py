"""Who may send callbacks, by the address list and what proxies say."""

from __future__ import annotations

import pytest

from numberflow.receiver.senders import Senders
from numberflow.settings import Settings

VENDOR, STRANGER, PROXY = "54.76.19.159", "203.0.113.9", "10.0.0.7"


@pytest.mark.parametrize(
    ("peer", "forwarded", "may"),
    [
        (VENDOR, [], True),
        (f"::ffff:{VENDOR}", [], True),
        (STRANGER, [], False),
        (None, [], False),
        # A header is believed from a named proxy alone.
        (STRANGER, [VENDOR], False),
        (PROXY, [VENDOR], True),
        (PROXY, [f"{VENDOR}:4711"], True),
        (PROXY, [STRANGER], False),
        # The last word is the proxy's; what stands before it, the sender may have written.
        (PROXY, [f"{VENDOR}, {STRANGER}"], False),
        (PROXY, [VENDOR, STRANGER], False),
        (PROXY, [f"{STRANGER}, {VENDOR}"], True),
        # Two proxies of ours in a row.
        (PROXY, [f"{VENDOR}, 10.1.2.3"], True),
        (PROXY, ["garbage"], False),
        (PROXY, [""], False),
        (PROXY, [], False),
    ],
)
def test_who_may_send(peer: str | None, forwarded: list[str], may: bool) -> None:
    """The first address that is no named proxy, seen from here, has to be in the list."""
    settings = Settings.model_validate(
        {"callback_addresses": VENDOR, "callback_proxies": f"{PROXY},10.1.0.0/16"}
    )
    assert may is Senders(settings).may_send(peer, forwarded)


def test_without_a_list_everybody_may() -> None:
    """The signature decides then."""
    assert Senders(Settings()).may_send(STRANGER, [])
