"""Values as JSON text, and back from text that others wrote.

One encoder for the journal, the inventory's manifests and the command line; one reader for replies
and callbacks. Not here: pydantic's models, which write themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, NoReturn

# The contract nests eight deep.
DEPTH_MAX = 100
# A page of 1000 numbers has 8,000 objects and lists. Each becomes some hundred bytes here, and as
# much again for what pydantic says about it.
CONTAINERS_MAX = 100_000


class NotJson(ValueError):
    """Not JSON, or more of it than we read. The message holds nothing of the text."""


def from_json(text: bytes, *, parse_float: Callable[[str], Any] = float) -> Any:
    """The value of JSON text of a stranger; NaN and Infinity are not JSON (RFC 8259).

    Args:
        text: UTF-8. How long it may be is up to the caller.
        parse_float: makes a value of a number with a point.

    Raises:
        NotJson: says why.
    """
    # Before anything is made of it. Brackets inside of texts count, too: honest ones are few.
    brackets = text.count(b"{") + text.count(b"[")
    if brackets > CONTAINERS_MAX:
        raise NotJson(f"more than {CONTAINERS_MAX:,} objects and lists")
    try:
        value = json.loads(text, parse_float=parse_float, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON from byte {error.pos} on") from None
    except RecursionError:
        raise NotJson(f"nested more than {DEPTH_MAX} deep") from None
    if brackets > DEPTH_MAX:
        _check_depth(value)
    return value


def _no_constant(word: str) -> NoReturn:
    raise NotJson(f"{word.lstrip('-')}, which is not JSON")


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        if depth > DEPTH_MAX:
            raise NotJson(f"nested more than {DEPTH_MAX} deep")
        level = [
            inner for each in level for inner in (each.values() if isinstance(each, dict) else each)
        ]


def to_json(value: Any, **layout: Any) -> str:
    """JSON text: amounts as decimal strings, dates and times as ISO 8601, dataclasses as objects.

    Args:
        value: plain values, mappings, sequences, sets, and the kinds named above.
        layout: arguments of `json.dumps`, such as `indent` and `sort_keys`.

    Raises:
        TypeError: a value that has no one JSON form (a float NaN raises ValueError).
    """
    return json.dumps(value, default=_plain, allow_nan=False, **layout)


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
