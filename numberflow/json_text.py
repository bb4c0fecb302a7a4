"""Values as JSON text: one encoder for the journal, the inventory's manifests and the command line.

Not here: pydantic's models, which write themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any


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
