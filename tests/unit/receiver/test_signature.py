"""The signature, against the contract's vector and the vendor's own SDK."""

from __future__ import annotations

import pytest
from support.openapi import document

from numberflow.receiver.signature import signed_by
from numberflow.simulator.callbacks import signature

VECTOR = document("numbers")["webhooks"]["numbersEvent"]["post"]["x-signature-test-vectors"][0]
KEY, BODY, SIGNED = VECTOR["secret"].encode(), VECTOR["body"].encode(), VECTOR["signature"]


@pytest.mark.parametrize(
    ("keys", "body", "given", "fits"),
    [
        ([KEY], BODY, SIGNED, True),
        ([b"newer", KEY], BODY, SIGNED, True),
        ([b"newer"], BODY, SIGNED, False),
        ([], BODY, SIGNED, False),
        ([KEY], BODY + b" ", SIGNED, False),
        ([KEY], BODY, SIGNED.upper(), False),
        ([KEY], BODY, "", False),
        ([KEY], BODY, "ä" * 40, False),
    ],
)
def test_signed_by(keys: list[bytes], body: bytes, given: str, fits: bool) -> None:
    """One of the keys over exactly these bytes, in lower-case hex."""
    assert fits is signed_by(keys, body, given)


def test_the_vendors_sdk_agrees() -> None:
    """The vendor's SDK and the receiver take what the simulator signs, with its secret alone."""
    sdk = pytest.importorskip("sinch").SinchClient(key_id="k", key_secret="s", project_id="p")
    header = {"X-Sinch-Signature": signature(VECTOR["secret"], BODY)}
    for secret in (VECTOR["secret"], "another-secret-0123456789-abcdefghij"):
        events = sdk.numbers.sinch_events(secret)
        assert signed_by([secret.encode()], BODY, header["X-Sinch-Signature"]) is (
            events.validate_authentication_header(header, VECTOR["body"])
        )
