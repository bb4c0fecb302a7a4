"""`numberflow links check`: is what numbers are to be linked to there and usable?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import typer

from numberflow.cli import exit_codes
from numberflow.cli.account import settings_of
from numberflow.cli.console import as_table, print_json
from numberflow.models.link_targets import TargetFinding, TargetsQuestion, Verdict
from numberflow.models.parameters import check_parameters
from numberflow.planning.link_targets import PRODUCTS
from numberflow.purchase.link_targets import look_at_targets, usable_targets
from numberflow.purchase.run_context import open_client


def check(asked: Mapping[str, Any], *, as_json: bool) -> int:
    """Look up what is named; without a name, list what could be linked to.

    Returns:
        The exit code: refused when something is missing or not usable.

    Raises:
        BadInput: an id that cannot be one, or no such block.
        MissingCredentials: no account is configured.
        NumberflowError: what could be linked to cannot be listed.
    """
    question = check_parameters(TargetsQuestion, asked)
    settings = settings_of(question.project)

    async def look() -> list[TargetFinding]:
        async with open_client(settings) as client:
            if question.targets:
                return await look_at_targets(client, settings, question.targets)
            return await usable_targets(client, settings)

    findings = asyncio.run(look())
    if as_json:
        print_json([finding.model_dump(mode="json") for finding in findings])
    elif not findings:
        typer.echo("The project has no SMS app, campaign, voice or fax service, and no trunk.")
    else:
        typer.echo(as_table([_row(finding) for finding in findings]))
    missing = any(finding.verdict is Verdict.MISSING for finding in findings)
    return exit_codes.REFUSED if missing and question.targets else exit_codes.DONE


def _row(finding: TargetFinding) -> dict[str, str]:
    return {
        "field": str(finding.kind),
        "id": finding.id or f"({PRODUCTS[finding.kind]})",
        "answer": str(finding.verdict),
        "why": finding.told,
        "there are": ", ".join(finding.instead),
    }
