"""Give up held numbers: release rented ones, delete imported ones."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.forms import REQUIRED, Numbers, Project, Reference
from flows.hosted import run_flow
from flows.naming import named_numbers, run_name
from flows.stopping import accounted_for
from numberflow.models.held_numbers import ReleaseParameters, parse_release
from numberflow.models.reports import NumbersReport
from numberflow.purchase.run_context import RunContext
from tasks.held import look_at_release
from tasks.held import release_numbers as release_all


@accounted_for
@flow(
    name="release-numbers",
    flow_run_name=run_name(named_numbers("release")),
    validate_parameters=False,
    retries=0,
    persist_result=False,
)
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
        reference: Your name for this. The same reference is the same numbers, for ever. Empty: this
            run is it.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    parameters: dict[str, Any] = {
        "phone_numbers": phone_numbers,
        "confirm_release": confirm_release,
        "plan_only": plan_only,
        "reference": reference,
        "project": project,
    }
    return await run_flow("release", parameters, parse_release, _run)


async def _run(
    context: RunContext, order: ReleaseParameters, reference: str, run_id: str
) -> NumbersReport:
    return await (look_at_release if order.plan_only else release_all)(
        context, order, reference, run_id
    )
