"""Import numbers whose messaging is routed to Sinch already.

One by one request, several by hosting orders.
"""

from __future__ import annotations

from prefect.client.schemas.objects import State

from flows import forms
from flows.naming import named_numbers
from flows.runner import Run, run_flow, runbook, stopped_numbers
from numberflow.models.import_numbers import ImportNumbersParameters
from numberflow.models.north_american import HostingRegion
from numberflow.models.reports import NumbersReport
from tasks.hosting import import_numbers as import_all
from tasks.hosting import look_at_imports


@runbook("import-numbers", named_numbers("import", kind="region_code"))
async def import_numbers(
    *,
    phone_numbers: forms.Numbers = forms.REQUIRED,
    sms: forms.RequiredSms = forms.REQUIRED,
    region_code: HostingRegion = HostingRegion.US,
    display_name: forms.OptionalText = "",
    callback_url: forms.Address = "",
    migrate_to_sinch_tmo: bool = False,
    numbers_per_order: forms.NumbersPerOrder = 5,
    plan_only: bool = False,
    reference: forms.Reference = "",
    project: forms.Project = "",
) -> State[NumbersReport] | NumbersReport:
    """Import numbers that live elsewhere, each once.

    One number takes a request of its own; several take hosting orders of at most five, which carry
    a token of ours. follow-orders follows the orders. Run it again with the same reference to
    resume, or to see how far the numbers are.

    Args:
        phone_numbers: Up to 500 numbers, each with + and country code, however you have them: a
            pasted column, commas, +1 (202) 555-0101. Or name a list.csv in the papers store, or a
            filter such as inventory: region=US type=LOCAL. US or CA, local or toll-free. Their
            messaging must be routed to Sinch already; otherwise qualify and text-enable them.
        sms: SMS service plan (and 10DLC campaign: US local numbers only) to link every number to.
        region_code: US or CA. All numbers of one run are in one region.
        display_name: What the numbers are called. Numbers of an order carry its token after the
            name; configure-numbers renames them.
        callback_url: Where the vendor sends events about these numbers. Empty: the
            receiver at NUMBERFLOW_CALLBACK_URL, if that is set.
        migrate_to_sinch_tmo: Take the numbers over from another aggregator at T-Mobile. After
            carrier error 60135: release the number, then import it with this.
        numbers_per_order: Most numbers in one order. Five, unless the account manager has raised
            the limit.
        plan_only: Only say what is imported already and what would be; import nothing.
        reference: Your name for this import. The same reference always means the same import.
            Empty: this run is the import.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), ImportNumbersParameters, _work, stopped_numbers("import"))


async def _work(run: Run[ImportNumbersParameters]) -> NumbersReport:
    step = look_at_imports if run.parameters.plan_only else import_all
    return await step(run.context, run.parameters, run.reference)
