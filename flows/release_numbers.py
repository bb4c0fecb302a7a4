"""Give up held numbers: release rented ones, delete imported ones."""

from __future__ import annotations

from prefect.client.schemas.objects import State

from flows.forms import REQUIRED, Numbers, Project, Reference
from flows.naming import named_numbers
from flows.runner import Run, run_flow, runbook, stopped_numbers
from numberflow.models.held_numbers import ReleaseParameters, parse_release
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
    """Give numbers up for good, each once. See with plan_only what is lost, then confirm.

    A rented number stays usable until its next charge date, nothing is refunded, and it cannot be
    had back. An imported number loses its messaging here at once, and can be imported again. A run
    that names a number which the project does not hold is refused as a whole.

    Args:
        phone_numbers: The numbers with + and country code, up to 500, as you have them: a pasted
            column, commas, +1 (202) 555-0101; or list.csv of the papers store, or inventory:
            region=US type=LOCAL. Rented or imported.
        confirm_release: You have seen what is lost. Without it nothing is released.
        plan_only: Say what would be lost; release nothing.
        reference: Your name for this. The same reference always means the same numbers. Empty: this
            run is it.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), parse_release, _work, stopped_numbers("release"))


async def _work(run: Run[ReleaseParameters]) -> NumbersReport:
    step = look_at_release if run.parameters.plan_only else release_all
    return await step(run.context, run.parameters, run.reference, run.id)
