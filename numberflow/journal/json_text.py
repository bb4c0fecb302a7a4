"""How values become the JSON text that the journal keeps: stable (sorted keys) and compact."""

from __future__ import annotations

import json
from typing import Any

from numberflow.json_text import to_json


def dump_json(value: Any) -> str:
    """The text as it is stored. Raises TypeError and ValueError as `to_json` does."""
    return to_json(value, sort_keys=True, separators=(",", ":"))


def as_kept(value: Any) -> Any:
    """The value as it reads after being stored in the journal."""
    return json.loads(dump_json(value))
