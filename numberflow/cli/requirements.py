"""`numberflow requirements`: what an order has to provide, and a form to fill in."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import typer

from numberflow.cli.console import print_json
from numberflow.errors import BadInput
from numberflow.json_text import to_json
from numberflow.models.number_orders import NumberRequirements
from numberflow.models.order_numbers import RequirementsQuestion
from numberflow.models.parameters import check_parameters
from numberflow.models.wording import without_controls
from numberflow.planning import kyc_form
from numberflow.purchase.run_context import open_client
from numberflow.settings import Settings


def requirements(
    region_code: str, number_type: str, template: Path | None, *, as_json: bool
) -> None:
    """Show the requirements, and write a form to fill in.

    Raises:
        BadInput: the region or type is not valid, or the form's file already exists.
    """
    wanted = check_parameters(RequirementsQuestion, {"region": region_code, "type": number_type})
    if template is not None and template.exists():
        # It may already be filled in, and nobody else has a copy of personal data.
        raise BadInput(
            f"--template: {template} already exists", field="template", remedy="name a new file"
        )
    found = asyncio.run(_look_up(wanted))
    if as_json:
        print_json(found and found.model_dump(mode="json", by_alias=True))
    else:
        typer.echo(without_controls(kyc_form.form_text(found, wanted.region, wanted.type)))
    if template is None:
        return
    if found is None:
        typer.echo(f"numberflow: nothing to fill in, so {template} was not written", err=True)
        return
    try:
        template.parent.mkdir(parents=True, exist_ok=True)
        # For its owner only, from the first byte: it will contain personal data.
        template.touch(mode=0o600, exist_ok=False)
        template.write_text(to_json(kyc_form.blank(found), indent=2) + "\n")
    except OSError as error:
        raise BadInput(
            f"--template: {error}", field="template", remedy="name a file that can be written"
        ) from None
    typer.echo(
        f"\nForm to fill in: {template}. When it is: "
        f"numberflow papers put {shlex.quote(str(template))}\n"
        'and name it in the parameters of order-numbers: "kyc": '
        f"{to_json(template.name, ensure_ascii=False)}"
    )


async def _look_up(wanted: RequirementsQuestion) -> NumberRequirements | None:
    async with open_client(Settings.load()) as client:
        return await client.number_orders.lookup_requirements(
            region_code=wanted.region, number_type=wanted.type
        )
