"""What a reference to personal data looks like. The data itself is never a parameter."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from numberflow.models.parameters import empty_is_none

BLOCK = "block:"
# Longer than any path that a file system accepts. A pasted form is longer or contains braces.
REFERENCE_CHARACTERS_MAX = 1024


def check_reference(value: str) -> str:
    """Return the reference unchanged if it is one.

    Raises:
        ValueError: it looks like the data itself, or is empty. The message never repeats it.
    """
    if any(mark in value for mark in "{}\n\r\x00") or len(value) > REFERENCE_CHARACTERS_MAX:
        raise ValueError(
            "looks like the data itself; parameters are stored in clear, so put the data into a "
            "paper or a Secret block and name that"
        )
    if value.startswith(BLOCK):
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", value.removeprefix(BLOCK)):
            raise ValueError(
                "block: takes the name of a Secret block, lower-case letters, digits and dashes"
            )
    elif not (
        value.startswith(("/", "./", "../", "~"))
        or "://" in value
        or re.search(r"\.[A-Za-z0-9]{1,8}$", value)
    ):
        raise ValueError("is neither the name of a paper, with its ending, nor block:NAME")
    elif "@" in value:
        raise ValueError(
            "must not hold an @: neither an e-mail, nor a user name or password, which are set "
            "where the worker runs"
        )
    elif "://" in value and re.search(r"[?#]", value):
        raise ValueError(
            "a URL must not carry a query: signatures and keys stand there; set them where the "
            "worker runs"
        )
    return value


PaperReference = Annotated[
    Annotated[str, AfterValidator(check_reference)] | None, BeforeValidator(empty_is_none)
]
