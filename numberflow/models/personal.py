"""Personal data: seal it, and blot it out of text that others wrote.

Belongs here: what every noun with KYC, address or signer data shares. Does not: which members of a
noun are personal (its own module).

Sealed values show in no repr, no log and no JSON (`model_dump_json` writes asterisks), so a
resource that ends up in a message or in a stored result reveals nothing. Pickle keeps them: never
pass sealed values to anything that pickles its results.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Secret, SecretStr


def _text(value: Any) -> Any:
    # A postal code may come as a number; SecretStr accepts text only.
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


Sealed = Annotated[SecretStr, BeforeValidator(_text)]
"""A personal text. `.get_secret_value()` breaks the seal."""


def unseal(value: Any) -> Any:
    """`value` as plain JSON with every seal broken, only for the body of a request.

    Models get their wire names. Members that are None are left out, and so is `unreadable`, which
    is a remark of ours.
    """
    if isinstance(value, BaseModel):
        fields = {
            name: info.serialization_alias or name
            for name, info in type(value).model_fields.items()
        }
        shown = {
            alias: getattr(value, name) for name, alias in fields.items() if name != "unreadable"
        }
        return {alias: unseal(each) for alias, each in shown.items() if each is not None}
    if isinstance(value, SecretStr | Secret):
        return unseal(value.get_secret_value())
    if isinstance(value, Mapping):
        return {str(name): unseal(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [unseal(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


# Shorter texts ("AU", "GA", "10") identify nobody, and blotting them would make the vendor's
# sentences unreadable.
_HIDDEN_MIN = 3

# Names of two letters (Li, Wu) do, unless they are all capitals, as regions are. Case matters.
_SHORT_NAME = re.compile(r"[A-Z][a-z]")

# This many last digits of a telephone number show whose it is, however the rest is written.
_NUMBER_DIGITS = 7

# From this length on, a text is blotted even inside a longer word: twelve equal characters are no
# coincidence.
_ANYWHERE_MIN = 12


def texts(value: Any) -> tuple[str, ...]:
    """Every text of plain JSON that must not be repeated: whole and word by word, longest first.

    Names of members are not data (the vendor's form has them). So a word that is also such a name
    stays
    readable: "city: must not be empty".
    """
    found: set[str] = set()
    names: set[str] = set()
    _collect(value, found, names)
    whole = {
        text
        for text in found
        if (len(text) >= _HIDDEN_MIN or _SHORT_NAME.fullmatch(text))
        and text.casefold() not in names
    }
    return tuple(sorted(whole, key=lambda text: (-len(text), text)))


def blot(text: str, hidden: Iterable[str]) -> str:
    """`text` with every one of `hidden` replaced by "…", in any case.

    Short ones only where they are a whole word.
    """
    for each in hidden:
        exact = re.escape(each)
        pattern = exact if len(each) >= _ANYWHERE_MIN else rf"(?<!\w){exact}(?!\w)"
        text = re.sub(pattern, "…", text, flags=re.IGNORECASE if len(each) >= _HIDDEN_MIN else 0)
        digits = re.sub(r"\D", "", each)
        if len(digits) >= _NUMBER_DIGITS and len(digits) >= len(each) - 6:
            # A telephone number in any spelling: with or without its country code, with spaces,
            # dots or dashes between.
            spaced = r"[\s().\-]*".join(digits[-_NUMBER_DIGITS:])
            text = re.sub(rf"[+0-9][0-9\s().\-]*{spaced}|{spaced}", "…", text)
    return text


def _collect(value: Any, found: set[str], names: set[str]) -> None:
    if isinstance(value, Mapping):
        for name, each in value.items():
            names.add(str(name).casefold())
            _collect(each, found, names)
    elif isinstance(value, list | tuple):
        for each in value:
            _collect(each, found, names)
    elif isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
        text = str(value).strip()
        words = re.split(r"[\s,;/'\u2019\-]+", text)
        found.update((text, text.lstrip("+"), *words))
