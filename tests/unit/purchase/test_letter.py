"""A letter of authorisation: read under seal, its signer shown masked and remembered by a keyed
digest; no error repeats a part of it.
"""

from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import Secret, SecretStr
from support.letters import DIRECT, RESELLER

from numberflow.errors import BadInput
from numberflow.models.hosting import BlanketLoa
from numberflow.models.text_enable_numbers import LoaKind
from numberflow.purchase.hosting.letter import (
    confirms,
    is_same,
    masked,
    read_letter,
    signer_digest,
    unconfirmed,
    unconfirmed_word,
)

PAPER: dict[str, Any] = DIRECT["directLoaInfo"]
MARK = "Marked-Part-88e1"


def test_kinds() -> None:
    """The parameter says whose letter it is; a blanket one needs no paper."""
    assert "direct" == read_letter(LoaKind.DIRECT, Secret(PAPER)).kind
    assert "reseller" == read_letter(LoaKind.RESELLER, Secret(RESELLER["resellerLoaInfo"])).kind
    assert isinstance(read_letter(LoaKind.BLANKET, Secret({})), BlanketLoa)


@pytest.mark.parametrize(
    ("kind", "paper", "part"),
    [
        (LoaKind.DIRECT, {}, "authorisedPerson"),
        (LoaKind.RESELLER, PAPER, "businessName"),
        (LoaKind.DIRECT, PAPER | {"currentVoiceCarrier": " "}, "currentVoiceCarrier"),
        (
            LoaKind.DIRECT,
            PAPER | {"authorisedPerson": PAPER["authorisedPerson"] | {"email": MARK}},
            "authorisedPerson.email",
        ),
        (
            LoaKind.DIRECT,
            PAPER | {"address": PAPER["address"] | {"country": MARK}},
            "address.country",
        ),
        (LoaKind.DIRECT, PAPER | {"note": MARK}, "an unknown part"),
        (LoaKind.DIRECT, PAPER | {MARK: "x"}, "an unknown part"),
        (
            LoaKind.DIRECT,
            PAPER | {"address": PAPER["address"] | {MARK: "x"}},
            "address.an unknown part",
        ),
    ],
)
def test_parts_at_fault(kind: LoaKind, paper: dict[str, Any], part: str) -> None:
    """What is missing, empty or unknown is named.

    What stands in it is repeated nowhere, in no context of the error either.
    """
    with pytest.raises(BadInput) as caught:
        read_letter(kind, Secret(paper))
    assert "loa" == caught.value.field
    assert part in caught.value.message
    assert MARK not in repr(caught.value) + str(caught.value.remedy)
    assert caught.value.__context__ is None
    assert MARK.encode() not in pickle.dumps(caught.value)


def test_signer() -> None:
    """The address is shown by first letter and domain, compared without case, and kept as a digest
    that depends on the access key.
    """
    email = SecretStr("ada@example.test")
    assert "a…@example.test" == masked(email)
    assert is_same(SecretStr(" ADA@example.test "), email)
    assert not is_same(SecretStr("ada@example.tes"), email)

    def context(key: str) -> Any:
        return cast("Any", SimpleNamespace(settings=SimpleNamespace(key_secret=SecretStr(key))))

    assert signer_digest(context("k"), email) == signer_digest(
        context("k"), SecretStr("Ada@Example.test")
    )
    assert signer_digest(context("k"), email) != signer_digest(context("other"), email)
    assert "ada@" not in str(unconfirmed(email, "do so"))


def test_a_word_that_confirms() -> None:
    """Without a form only the digest of the signer that the paper names now confirms.

    The refusal shows it, and nothing of the address.
    """
    context = cast("Any", SimpleNamespace(settings=SimpleNamespace(key_secret=SecretStr("k"))))
    ada, eve = SecretStr("ada@example.test"), SecretStr("eve@example.test")
    digest = signer_digest(context, ada)
    assert [True, False, False, False] == [
        confirms(context, word, ada)
        for word in (f" {digest}", "true", None, signer_digest(context, eve))
    ]
    refusals = [unconfirmed_word(context, word, eve) for word in (None, "true", digest)]
    assert all(signer_digest(context, eve) in str(refusal.remedy) for refusal in refusals)
    assert [False, True, False] == [
        "does not say whom" in str(refusal.remedy) for refusal in refusals
    ]
    assert "another signer" in str(refusals[2].remedy)
    assert "eve@" not in "".join(f"{refusal} {refusal.remedy}" for refusal in refusals)


@pytest.mark.parametrize(
    "email",
    [
        "ada@example..test",
        "ada@.test",
        "ada@example.test.",
        "ada..b@example.test",
        "\u0430da@example.test",
        "ada@ex\u0430mple.test",
        "ada@x.test, eve@y.test",
        "Ada <ada@example.test>",
        "ada@example,test",
        "ada@@example.test",
        "ada",
    ],
)
def test_an_email_that_is_none(email: str) -> None:
    """An address with an empty label, a letter of another script or two recipients is refused.

    Nothing can be corrected later.
    """
    with pytest.raises(BadInput, match=r"authorisedPerson\.email"):
        read_letter(
            LoaKind.DIRECT,
            Secret(PAPER | {"authorisedPerson": PAPER["authorisedPerson"] | {"email": email}}),
        )
