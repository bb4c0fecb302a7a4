"""`numberflow adopt`: take numbers that were bought elsewhere into the journal, or out of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

import typer

from numberflow.cli.account import settings_of
from numberflow.cli.console import as_table, print_json
from numberflow.journal import Journal, Said
from numberflow.journal.owner import this_person
from numberflow.models.adoption import Adoption
from numberflow.models.parameters import check_parameters
from numberflow.purchase.reconciling.adopting import Adopted, adopt
from numberflow.purchase.run_context import RunContext, open_client

_WORDS = {
    Said.ADOPTED: "adopted",
    Said.UNDONE: "no longer adopted",
    Said.GONE: "gone: the journal no longer expects it",
}


def run(
    numbers: Sequence[str],
    *,
    reference: str | None,
    project: str | None,
    by: str | None,
    undo: bool,
    gone: bool,
    as_json: bool,
) -> None:
    """Check, read the vendor, write the journal, say so.

    Raises:
        BadInput, NumberClaimed: nothing was written.
    """
    order = check_parameters(
        Adoption,
        {
            "phone_numbers": list(numbers),
            "reference": reference,
            "project": project,
            "undo": undo,
            "gone": gone,
        },
    )
    settings = settings_of(order.project)

    async def work() -> list[Adopted]:
        async with open_client(settings) as client:
            with Journal.open(settings.journal_url) as journal:
                context = RunContext(client, journal, settings, project=order.project)
                return await adopt(context, order, by=by or this_person())

    done = asyncio.run(work())
    if as_json:
        print_json([asdict(each) for each in done])
        return
    rows = [
        {
            "number": each.phone_number,
            "what": _WORDS[each.said],
            "reference": each.reference,
            "price": f"{each.seen['monthly']} {each.seen['currency']} a month"
            if "monthly" in each.seen
            else "",
        }
        for each in done
    ]
    typer.echo(as_table(rows, header=False))
