"""Release rented numbers, delete imported ones."""

from __future__ import annotations

from prefect.client.schemas.objects import State

from flows.forms import REQUIRED, Numbers, Project, Reference
from flows.naming import named_numbers
from flows.runner import Run, run_flow, runbook, stopped_numbers
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.reports import NumbersReport
from tasks.held import look_at_release
from tasks.held import release_numbers as release_all


@runbook("release-numbers", named_numbers("release"))
async def release_numbers(
    *,
    phone_numbers: Numbers = REQUIRED,
    confirm_release: bool = False,
    plan_only: bool = False,
    reference: Reference = "",
    project: Project = "",
) -> State[NumbersReport] | NumbersReport:
    """Release numbers for good, each once. Run with plan_only to see what is lost, then confirm.

    A rented number stays usable until its next charge date. Nothing is refunded, and you cannot get
    it back. An imported number loses its messaging here at once, and can be imported again. A run
    that names a number which the project does not hold is refused as a whole.

    Args:
        phone_numbers: Up to 500 numbers, each with + and country code, however you have them: a
            pasted column, commas, +1 (202) 555-0101. Or name a list.csv in the papers store, or a
            filter such as inventory: region=US type=LOCAL. Rented or imported.
        confirm_release: Confirm that you have seen what is lost. Without it nothing is released.
        plan_only: Only say what would be lost; release nothing.
        reference: Your name for this release. The same reference always means the same numbers.
            Empty: this run is the release.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), ReleaseParameters, _work, stopped_numbers("release"))


async def _work(run: Run[ReleaseParameters]) -> NumbersReport:
    step = look_at_release if run.parameters.plan_only else release_all
    return await step(run.context, run.parameters, run.reference, run.id)
