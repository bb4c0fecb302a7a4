"""Steps over emergency addresses as Prefect tasks.

What they are handed and what they return holds no part of an address in clear.
"""

from __future__ import annotations

from numberflow.errors import BadInput
from numberflow.models.emergency import EmergencyAddressRequest
from numberflow.models.emergency_address import EmergencyAddressParameters
from numberflow.purchase.emergency import addresses as emergency
from numberflow.purchase.emergency.addresses import Verdict
from numberflow.purchase.run_context import RunContext
from tasks.papers import read_paper
from tasks.step import step

report_coverage = step("report emergency addresses")(emergency.coverage)
change_addresses = step("change emergency addresses")(emergency.change)


async def validate_address(
    context: RunContext, order: EmergencyAddressParameters
) -> dict[str, Verdict]:
    """Read the paper, and ask the vendor about the address for each number.

    No Prefect task: what it returns carries the address under seal, and results of tasks may be
    pickled, which breaks seals.

    Costs: nothing. Repeat: safe.

    Raises:
        BadInput: the paper cannot be read, or a part of the address is missing.
    """
    assert order.address is not None, "EmergencyAddressParameters asks for one"
    paper = await read_paper(order.address, field="address")
    problem = ""
    try:
        request = EmergencyAddressRequest.model_validate(_flat(dict(paper.get_secret_value())))
    except ValueError as error:
        problem = _parts_at_fault(error)
    if problem:
        raise BadInput(
            f"address: {problem}",
            field="address",
            remedy="write displayName, streetNumber, streetInfo, city, state, postalCode; "
            "location and postalCodePlusFour if there are any",
        )
    return await emergency.validate(context, order, request)


_NAMES = {
    "displayName": "display_name",
    "streetNumber": "street_number",
    "streetInfo": "street_info",
    "postalCode": "postal_code",
    "postalCodePlusFour": "postal_code_plus_four",
}


def _flat(paper: dict[str, object]) -> dict[str, object]:
    """The vendor's names or ours, the address nested as the vendor has it or not."""
    nested = paper.pop("address", None)
    if isinstance(nested, dict):
        paper |= nested
    return {_NAMES.get(name, name): value for name, value in paper.items()}


def _parts_at_fault(error: ValueError) -> str:
    """Names of the parts, never what stands in them."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return "is not an address"
    found = [
        ".".join(map(str, item["loc"])) or "a part"
        for item in errors(include_input=False, include_url=False, include_context=False)
    ]
    return f"missing, empty or unknown: {', '.join(found)}"
