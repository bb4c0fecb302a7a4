"""Lists of numbers that are named, not written out: a file of papers, or a filter on the inventory.

Pure: what a text refers to. `numberflow.purchase.number_lists` reads it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numberflow.models.parameters import short

INVENTORY = "inventory:"
_FILE = re.compile(r"\S.*\.(?:csv|parquet)", re.IGNORECASE)
# What a filter may name: how people write it → the inventory's column.
_COLUMNS = {
    "region": "region_code",
    "type": "number_type",
    "source": "source",
    "display_name": "display_name",
    "sms_service_plan_id": "sms_service_plan_id",
    "sms_campaign_id": "sms_campaign_id",
    "voice_type": "voice_type",
    "voice_target_id": "voice_target_id",
}
_EXAMPLE = "inventory: region=US type=LOCAL sms_service_plan_id=plan-a"


@dataclass(frozen=True)
class InventoryFilter:
    """Numbers of a snapshot whose columns hold these values."""

    values: Mapping[str, str]
    """Column → value; an empty value selects numbers that have none."""
    date: str = "latest"

    def __str__(self) -> str:
        """In words, for reports."""
        return ", ".join(f"{column}={value or 'none'}" for column, value in self.values.items())


@dataclass(frozen=True)
class NumberFile:
    """A CSV or Parquet file of the papers store."""

    reference: str


def source_of(value: Any) -> InventoryFilter | NumberFile | None:
    """What a parameter refers to; None when it lists the numbers themselves, or cannot be read.

    Raises:
        ValueError: it begins like a filter and is not one; says how to write one.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.lower().startswith(INVENTORY):
        return _filter(text[len(INVENTORY) :])
    return NumberFile(text) if _FILE.fullmatch(text) else None


def _filter(text: str) -> InventoryFilter:
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError(f"a quote is left open; write {_EXAMPLE}") from None
    values, date = {}, "latest"
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name == "date":
            date = value
            continue
        column = _COLUMNS.get(name) or next(
            (column for column in _COLUMNS.values() if column == name), None
        )
        if not equals or column is None:
            raise ValueError(
                f"{short(word)} is not a condition; write {_EXAMPLE}; known are "
                f"{', '.join(_COLUMNS)}, date"
            )
        if column in values:
            raise ValueError(f"{column} is in the filter twice")
        values[column] = value
    if not values:
        # Nobody may select everything that the project holds by leaving something out.
        raise ValueError(f"the filter is empty; write {_EXAMPLE}")
    return InventoryFilter(values, date)
