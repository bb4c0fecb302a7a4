"""Read the JSON of control requests: each reader names the field that it cannot use."""

from decimal import Decimal, InvalidOperation
from typing import Any


class BadInput(ValueError):
    """A control request that cannot be used; the message names the field."""


def number(body: dict[str, Any], name: str, default: float | None = None) -> float:
    """A number of zero or more."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise BadInput(f"{name}: takes a number of zero or more, not {value!r}")
    return value


def text(body: dict[str, Any], name: str) -> str:
    """Text that is not empty."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name}: takes text, not {value!r}")
    return value


def texts(body: dict[str, Any], name: str) -> tuple[str, ...]:
    """A list of text; empty if absent."""
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadInput(f"{name}: takes a list of text")
    return tuple(value)


def truth(body: dict[str, Any], name: str, default: bool | None = None) -> bool:
    """True or false."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadInput(f"{name}: takes true or false, not {value!r}")
    return value


def choice(
    body: dict[str, Any], name: str, allowed: tuple[str, ...], default: str | None = None
) -> str:
    """One of several words."""
    value = body.get(name, default)
    if value not in allowed:
        raise BadInput(f"{name}: takes {' or '.join(allowed)}, not {value!r}")
    return str(value)


def amount(body: dict[str, Any], name: str) -> Decimal:
    """A decimal amount of zero or more."""
    try:
        value = Decimal(str(body[name]))
    except (KeyError, InvalidOperation):
        raise BadInput(f"{name}: takes a decimal amount, not {body.get(name)!r}") from None
    if not value.is_finite() or value < 0:
        raise BadInput(f"{name}: takes an amount of zero or more")
    return value


def times(body: dict[str, Any], default: int | None) -> int | None:
    """How often a script applies; null: no bound."""
    value = body.get("times", default)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise BadInput(f"times: takes a whole number of one or more, or null, not {value!r}")
    return value
