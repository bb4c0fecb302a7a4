"""How values become the JSON text that the journal keeps.

Stable (sorted keys), strict (no NaN), amounts as strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def dump_json(value: Any) -> str:
    """JSON text of plain values, mappings, sequences, dates, times and Decimals.

    Raises:
        TypeError: a value that has no one JSON form (a float NaN raises ValueError).
    """
    return json.dumps(value, default=_plain, sort_keys=True, allow_nan=False, separators=(",", ":"))


def as_kept(value: Any) -> Any:
    """The value as it will read once it has been through the journal."""
    return json.loads(dump_json(value))


def _plain(value: object) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be kept in the journal")
