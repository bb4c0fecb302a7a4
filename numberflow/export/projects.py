"""Several projects in one run: one after the other, a failure of one does not touch the others.

Not here: one project (snapshot), and spreading projects over Prefect workers (flows).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date

from numberflow.errors import NumberflowError
from numberflow.export.snapshot import Snapshot, export_project
from numberflow.export.vendor import Vendor

Open = Callable[[], AbstractAsyncContextManager[Vendor]]
"""Opens the client of one project, for example `lambda: numberflow.Client(settings)`."""


@dataclass(slots=True)
class ProjectsExport:
    """What became of each project, by the name it was given."""

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether every project was published."""
        return not self.failures


async def export_projects(
    projects: Mapping[str, Open], root: str, *, snapshot_date: date | None = None, run_id: str | None = None
) -> ProjectsExport:
    """Export each project. One after the other, because each has a rate of its own and the memory is one.

    Args:
        projects: name (of a credentials block, say) → how to open its client.
        root: as in `export_project`.
        snapshot_date: as in `export_project`, the same for all.
        run_id: as in `export_project`, the same for all.

    Failures of one project, whatever they are, stand in `failures`; the others go on.
    """
    result = ProjectsExport()
    for name, open_client in projects.items():
        try:
            async with open_client() as client:
                result.snapshots[name] = await export_project(client, root, snapshot_date=snapshot_date, run_id=run_id)
        except (NumberflowError, OSError) as error:
            result.failures[name] = error
    return result
