"""What runs are called in lists and notifications.

What is done, to how many, and the caller's reference.

A run has to have its name before its parameters are checked, so nothing in here may fail, whatever
was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from prefect.runtime import flow_run

from flows.forms import given
from numberflow.models.parameters import REFERENCE_LENGTH_MAX
from numberflow.models.phone_text import read_numbers
from numberflow.models.wording import count_of

# A name stands in one line of a table.
_WORD_LENGTH_MAX = 40


def run_name(describe: Callable[[Mapping[str, Any]], str]) -> Callable[[], str]:
    """A `flow_run_name`: "plan:" for a plan, what `describe` says, and the reference."""

    def name() -> str:
        parameters = given(flow_run.get_parameters() or {})
        plan = "plan: " if parameters.get("plan_only") is True else ""
        reference = parameters.get("reference")
        behind = (
            f", {_line(reference, REFERENCE_LENGTH_MAX)}"
            if isinstance(reference, str) and reference.strip()
            else ""
        )
        return f"{plan}{describe(parameters)}{behind}"

    return name


def wanted_numbers(verb: str) -> Callable[[Mapping[str, Any]], str]:
    """As in "rent 5 US LOCAL": a purchase of a quantity, or of numbers by name."""

    def describe(parameters: Mapping[str, Any]) -> str:
        named = how_many(parameters.get("phone_numbers"))
        wanted = named or word(parameters.get("quantity", 1))
        return (
            f"{verb} {wanted} {word(parameters.get('region_code'))} "
            f"{word(parameters.get('number_type'))}"
        )

    return describe


def named_numbers(
    verb: str, *, kind: str = "", behind: str = ""
) -> Callable[[Mapping[str, Any]], str]:
    """As in "release 3 numbers".

    `kind` and `behind` each name a parameter. Its value stands before "numbers", or after it.
    """

    def describe(parameters: Mapping[str, Any]) -> str:
        value = parameters.get("phone_numbers")
        noun = f"{word(parameters.get(kind))} number" if kind else "number"
        number = how_many(value)
        what = f"{count_of(number, noun)}" if number else f"{noun}s"
        return f"{verb} {what}" + (f" by {word(parameters.get(behind))}" if behind else "")

    return describe


def emergency_addresses(parameters: Mapping[str, Any]) -> str:
    """As in "provision emergency addresses of 3 numbers"."""
    number = how_many(parameters.get("phone_numbers"))
    return (
        f"{word(parameters.get('action'))} emergency addresses of "
        f"{count_of(number, 'number') if number else 'all numbers'}"
    )


def followed_orders(parameters: Mapping[str, Any]) -> str:
    """As in "follow open orders, PO-1042".

    Without a reference it is all of them, and the hour tells the sweeps apart.
    """
    named = isinstance(parameters.get("reference"), str) and parameters["reference"].strip()
    return (
        "follow open orders"
        if named
        else f"follow all open orders, {datetime.now(UTC):%m-%d %H:%M} UTC"
    )


def exported_inventory(parameters: Mapping[str, Any]) -> str:
    """As in "inventory of east, west, 2026-11-23"."""
    projects = parameters.get("projects")
    names = [word(each) for each in projects] if isinstance(projects, list | tuple) else []
    day = word(parameters.get("snapshot_date"))
    return (
        f"inventory of {', '.join(names) or 'the account'}, "
        f"{day if day not in ('?', 'today') else datetime.now(UTC).date()}"
    )


def reconciled(_parameters: Mapping[str, Any]) -> str:
    """As in "journal against vendor, 11-30 02:45 UTC"."""
    return f"journal against vendor, {datetime.now(UTC):%m-%d %H:%M} UTC"


def how_many(numbers: Any) -> int:
    """How many numbers were named; 0 when that cannot be said yet."""
    try:
        read = read_numbers(numbers)
    except ValueError:
        return 0
    return len(read) if isinstance(read, tuple) else 0


def whole(value: Any) -> int:
    """A count for a report about parameters that cannot be read; 0 when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def word(value: Any) -> str:
    """A value for a name, in one short line; "?" for none."""
    return (
        _line(getattr(value, "value", value) if value is not None else "?", _WORD_LENGTH_MAX) or "?"
    )


def _line(value: Any, most: int) -> str:
    text = "".join(sign if sign.isprintable() else " " for sign in str(value)).strip()
    return text if len(text) <= most else text[: most - 1] + "…"
