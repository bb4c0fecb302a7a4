"""numberflow: rent, manage and inventory Sinch phone numbers, and never pay twice.

`Client` is usable on its own: `async with numberflow.Client() as client: …`. `load_inventory`,
`load_changes`, `load_costs`, `load_forecast` and `load_audit` read what the nightly export
published. Each is
imported at its first use, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numberflow.client import Client
    from numberflow.export.load import (
        load_audit,
        load_changes,
        load_costs,
        load_forecast,
        load_inventory,
    )

__all__ = ["Client", "load_audit", "load_changes", "load_costs", "load_forecast", "load_inventory"]

_FOUND_IN = {
    "Client": "numberflow.client",
    "load_audit": "numberflow.export.load",
    "load_changes": "numberflow.export.load",
    "load_costs": "numberflow.export.load",
    "load_forecast": "numberflow.export.load",
    "load_inventory": "numberflow.export.load",
}


def __getattr__(name: str) -> Any:
    if name in _FOUND_IN:
        return getattr(import_module(_FOUND_IN[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
