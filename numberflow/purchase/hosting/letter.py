"""A letter of authorisation: from the paper to what is sent; proof that a person saw the signer.

The letter names a person, an e-mail and an address. It stays under seal from end to end. What is
kept of the signer is a keyed digest: it says whether the paper still names the same one, and gives
nothing back.

Not here: reading the paper (numberflow.papers), asking the person (flows).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from pydantic import Secret, SecretStr

from numberflow.errors import BadInput, SpendRefused
from numberflow.models.hosting import BlanketLoa, DirectLoa, ResellerLoa
from numberflow.models.text_enable_numbers import LoaKind
from numberflow.purchase.run_context import RunContext

Letter = DirectLoa | ResellerLoa

_PARTS = (
    "authorisedPerson {firstName, lastName, email}, address {buildingNumber, street, city, "
    "state, postalCode, country}, currentVoiceCarrier"
)
_KNOWN = frozenset(re.findall(r"[A-Za-z]+", f"businessName {_PARTS}"))
# 128 bits of the digest: far more than it takes to tell two signers apart.
_DIGEST_DIGITS = 32


def read_letter(kind: LoaKind, paper: Secret[Mapping[str, Any]]) -> Letter | BlanketLoa:
    """The letter that a paper holds, under seal.

    Raises:
        BadInput: a part is missing, empty or unknown. Names the parts, never what stands in them.
    """
    if kind is LoaKind.BLANKET:
        return BlanketLoa()
    problem = ""
    try:
        letter: type[Letter] = DirectLoa if kind is LoaKind.DIRECT else ResellerLoa
        return letter.model_validate({"kind": str(kind), **paper.get_secret_value()})
    except ValueError as error:
        problem = _parts_at_fault(error)
    # Raised out here, so that what was read does not hang on to the error as its context.
    business = "businessName, " if kind is LoaKind.RESELLER else ""
    raise BadInput(
        f"loa: {problem}", field="loa", remedy=f"write {business}{_PARTS}, all of them filled"
    )


def masked(email: SecretStr) -> str:
    """An e-mail as it may be shown: its first letter and its domain."""
    name, _, domain = email.get_secret_value().strip().partition("@")
    return f"{name[:1]}…@{domain}"


def is_same(typed: SecretStr, email: SecretStr) -> bool:
    """Whether what a person typed is the signer's e-mail; case and surrounding blanks aside."""
    return hmac.compare_digest(
        *(each.get_secret_value().strip().casefold().encode() for each in (typed, email))
    )


def signer_digest(context: RunContext, email: SecretStr) -> str:
    """What the journal keeps of the signer.

    Equal for the same e-mail under the same access key, and of no use without that key.
    """
    key = context.settings.key_secret.get_secret_value().encode()
    text = f"signer {email.get_secret_value().strip().casefold()}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:_DIGEST_DIGITS]


def confirms(context: RunContext, word: str | None, email: SecretStr) -> bool:
    """Whether a word from outside a form names this signer.

    Only the digest does that was shown with the masked address.
    """
    return word is not None and hmac.compare_digest(
        word.strip().lower().encode(), signer_digest(context, email).encode()
    )


def unconfirmed_word(context: RunContext, word: str | None, email: SecretStr) -> SpendRefused:
    """The refusal of a run without a form.

    Says which word confirms the signer that the paper names now.
    """
    why = (
        ""
        if word is None
        else "; signer_confirmed names another signer than the paper does now"
        if re.fullmatch(r"[0-9a-fA-F]{32}", word.strip())
        else "; signer_confirmed does not say whom, and the paper may change between two runs"
    )
    digest = signer_digest(context, email)
    return unconfirmed(
        email,
        "check the e-mail in the paper that loa names, then run again with signer_confirmed "
        f'"{digest}"{why}',
    )


def unconfirmed(email: SecretStr, how: str) -> SpendRefused:
    """The refusal of an order whose signer nobody has confirmed."""
    return SpendRefused(
        f"the letter goes to {masked(email)}, which cannot be corrected once it is sent, and "
        "nobody has confirmed that address",
        rule="signer",
        remedy=how,
    )


def _parts_at_fault(error: ValueError) -> str:
    """Names of the parts, never what stands in them."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return "is no letter"
    found = [
        # A key of the paper may be as private as what stands in it.
        ".".join(part if part in _KNOWN else "an unknown part" for part in map(str, item["loc"]))
        or "a part"
        for item in errors(include_input=False, include_url=False, include_context=False)
    ]
    return f"missing, empty or unknown: {', '.join(found)}"
