"""Parameters of export-inventory, checked as far as that is possible without a request."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator

from numberflow.models.parameters import (
    Parameters,
    WholeNumber,
    check_block_name,
    none_is_empty,
    short,
)

# The vendor publishes no rate (docs/vendor/numbers-behaviour.md §3): more than these at once only
# makes 429s.
CONNECTIONS_MAX = 32


def _date_or_none(value: Any) -> Any:
    if value is None or isinstance(value, date):
        return value
    text = str(value).strip()
    if text.lower() in ("", "today"):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{short(text)} is not a date; write it like 2026-11-23, or leave it empty for today"
        ) from None


class ExportInventory(Parameters):
    """Parameters of export-inventory, checked."""

    snapshot_date: Annotated[date | None, BeforeValidator(_date_or_none)] = None
    projects: Annotated[tuple[str, ...], BeforeValidator(none_is_empty)] = ()
    hand_out_projects: bool = False
    connections: WholeNumber = Field(default=8, ge=1, le=CONNECTIONS_MAX)
    strict: bool = False
    # Not a parameter: nobody who starts a run says when it began.
    _began_on: date = PrivateAttr(default_factory=lambda: datetime.now(UTC).date())

    @field_validator("projects")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a project is listed twice")
        if any(not name for name in value):
            raise ValueError(
                "a name is empty; write the name of a Sinch Credentials block, or leave the list "
                "empty"
            )
        return tuple(check_block_name(name) for name in value)

    @property
    def began_on(self) -> date:
        """The UTC day on which the run began, read once: midnight must not split a run."""
        return self._began_on

    @property
    def day(self) -> date:
        """The date of the snapshots: by default the day on which the run began."""
        return self.snapshot_date or self.began_on
