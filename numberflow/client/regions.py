"""Available regions: where the project can get numbers, and of which types.

Vendor noun: availableRegions (docs/vendor/numbers-behaviour.md §17).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from numberflow.client import inputs
from numberflow.client.protocol import Request, listed, pairs, project_path
from numberflow.client.transport import Transport
from numberflow.models.vendor import AvailableRegion

_REGIONS = TypeAdapter(tuple[AvailableRegion, ...])


def build_list(
    project_id: str, *, types: Iterable[str] = ()
) -> Request[tuple[AvailableRegion, ...]]:
    """Regions that offer at least one of `types`; all regions when there are none.

    Not paginated.
    """
    return Request(
        method="GET",
        base="numbers",
        path=project_path(project_id, "availableRegions"),
        query=pairs(("types", inputs.constants(types, "types"))),
        read=read_regions,
    )


def read_regions(value: Any) -> tuple[AvailableRegion, ...]:
    """Read the reply of the list. ValueError when it is not one."""
    return _REGIONS.validate_python(listed(value, "availableRegions"))


class Regions:
    """`client.regions`."""

    def __init__(self, transport: Transport, project_id: str) -> None:
        self._transport = transport
        self._project_id = project_id

    async def list(self, types: Iterable[str] = ()) -> tuple[AvailableRegion, ...]:
        """Regions that offer at least one of `types` (all without).

        A region lists all its types, whatever was asked (assumed).
        """
        return await self._transport.send(build_list(self._project_id, types=types))
