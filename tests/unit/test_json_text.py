"""One way to write values as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

import pytest
from pydantic import SecretStr

from numberflow.journal import Operation
from numberflow.journal.json_text import as_kept, dump_json
from numberflow.json_text import NotJson, from_json, to_json


class _Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class _Line:
    amount: Decimal
    at: datetime


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.10"), '"0.10"'),
        (Decimal("1E+3"), '"1000"'),
        (datetime(2026, 11, 30, 17, 0, tzinfo=UTC), '"2026-11-30T17:00:00+00:00"'),
        (date(2026, 11, 30), '"2026-11-30"'),
        (Operation.RENT, '"rent"'),
        (_Colour.RED, '"red"'),
        (MappingProxyType({"b": 1}), '{"b": 1}'),
        (frozenset({"b", "a"}), '["a", "b"]'),
        (
            [_Line(Decimal("3.00"), datetime(2026, 1, 1, tzinfo=UTC))],
            '[{"amount": "3.00", "at": "2026-01-01T00:00:00+00:00"}]',
        ),
    ],
)
def test_values(value: object, text: str) -> None:
    """Amounts are exact decimal strings, times ISO 8601, enumerations their values."""
    assert text == to_json(value)


@pytest.mark.parametrize("value", [object(), SecretStr("x"), {"a": b"bytes"}, float("nan"), _Line])
def test_what_has_no_json_form(value: object) -> None:
    """Anything else is refused, secrets among them, rather than written as its repr."""
    with pytest.raises((TypeError, ValueError)):
        to_json(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[" * 100 + b"]" * 100, ""),
        (b"[" * 101 + b"]" * 101, "nested more than 100 deep"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "nested more than 100 deep"),
        (b"[" * 10_000 + b"]" * 10_000, "nested more than 100 deep"),
        (b"[" + b",".join([b"{}"] * 99_999) + b"]", ""),
        (b"[" + b",".join([b"{}"] * 100_000) + b"]", "more than 100,000 objects and lists"),
        (b"[NaN]", "NaN, which is not JSON"),
        (b'{"a":-Infinity}', "Infinity, which is not JSON"),
        (b'"caf\xe9"', "not UTF-8"),
        (b'{"a":', "not JSON from byte 5 on"),
        (b"<html>secret", "not JSON from byte 0 on"),
        (b"", "not JSON from byte 0 on"),
    ],
)
def test_text_of_strangers(text: bytes, why: str) -> None:
    """Text within the limits is read; any other is refused, in words that repeat nothing of it."""
    told = ""
    try:
        from_json(text)
    except NotJson as error:
        told = str(error)
    assert why == told


def test_the_journal_keeps_one_text_for_one_value() -> None:
    """Keys are sorted and blanks left out, so that equal values are equal texts."""
    assert '{"a":"1.50","b":[1,2]}' == dump_json({"b": (1, 2), "a": Decimal("1.50")})
    assert {"at": "2026-11-30"} == as_kept({"at": date(2026, 11, 30)})
