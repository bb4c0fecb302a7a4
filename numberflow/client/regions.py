"""Available regions: where the project can get numbers, and of which types.

Vendor noun: availableRegions (docs/vendor/numbers-behaviour.md §17).
"""

from __future__ import annotations

from collections.abc import Iterable

from numberflow.client import inputs
from numberflow.client.noun import Noun
from numberflow.client.protocol import Request, list_reader, pairs, project_path
from numberflow.models.vendor import AvailableRegion


def build_list(
    project_id: str, *, types: Iterable[str] = ()
) -> Request[tuple[AvailableRegion, ...]]:
    """Regions that offer at least one of `types`; all when there are none. Not paginated."""
    path = project_path(project_id, "availableRegions")
    query = pairs(("types", inputs.constants(types, "types")))
    return Request(
        "GET", "numbers", path, list_reader(AvailableRegion, "availableRegions"), query=query
    )


class Regions(Noun):
    """`client.regions`."""

    async def list(self, types: Iterable[str] = ()) -> tuple[AvailableRegion, ...]:
        """Regions that offer at least one of `types` (by default all regions).

        A region lists all its types, whatever was requested (assumed).
        """
        return await self._send(build_list(self._project, types=types))
