"""Release rented numbers, delete imported ones."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.runtime import deployment

from flows import forms
from flows.approval import ask_release_approval
from flows.naming import named_numbers
from flows.runner import Run, run_flow, runbook, stopped_numbers
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.reports import NumbersReport
from tasks.held import ask_about_release, look_at_release
from tasks.held import release_numbers as release_all


@runbook("release-numbers", named_numbers("release"))
async def release_numbers(
    *,
    phone_numbers: forms.Numbers = forms.REQUIRED,
    confirm_release: bool = False,
    confirm_count: forms.Count = 0,
    plan_only: bool = False,
    reference: forms.Reference = "",
    project: forms.Project = "",
) -> State[NumbersReport] | NumbersReport:
    """Release numbers for good, each once. Run with plan_only to see what is lost, then confirm.

    A rented number stays usable until its next charge date. Nothing is refunded, and you cannot get
    it back. An imported number loses its messaging here at once, and can be imported again. A run
    that names a protected number, or one that the project does not hold, is refused as a whole.
    Many numbers on one day, or a large share of the project's, need a person who types their count.

    Args:
        phone_numbers: Up to 500 numbers, each with + and country code, however you have them: a
            pasted column, commas, +1 (202) 555-0101. Or name a list.csv in the papers store, or a
            filter such as inventory: region=US type=LOCAL. Rented or imported.
        confirm_release: Confirm that you have seen what is lost. Without it nothing is released.
        confirm_count: How many numbers the run names, typed by you. Approves a large release
            without the form. 0: the form asks when a person has to approve.
        plan_only: Only say what would be lost; release nothing.
        reference: Your name for this release. The same reference always means the same numbers.
            Empty: this run is the release.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), ReleaseParameters, _work, stopped_numbers("release"))


async def _work(run: Run[ReleaseParameters]) -> NumbersReport:
    what = (run.context, run.parameters, run.reference)
    if run.parameters.plan_only:
        return await look_at_release(*what)
    # Only the run of a deployment can ask; elsewhere the release itself refuses.
    if run.parameters.confirm_count is None and deployment.get_id() is not None:
        question = await ask_about_release(*what)
        if question is not None:
            await ask_release_approval(run.context, question)
    return await release_all(*what)
