"""`numberflow journal verify`: whether somebody changed the journal behind its back."""

from __future__ import annotations

from dataclasses import asdict

import typer

from numberflow.cli.console import print_json
from numberflow.cli.exit_codes import DONE, NEEDS_PERSON
from numberflow.cli.journal import open_journal
from numberflow.models.wording import count_of


def verify(*, expect: str | None, as_json: bool) -> int:
    """Print what the walk over the audit shows; the exit code."""
    with open_journal() as journal:
        verified = journal.verify_audit(expect=expect)
    if as_json:
        print_json(asdict(verified))
    else:
        for problem in verified.problems:
            typer.echo(problem)
        if not verified.problems:
            typer.echo(f"{count_of(verified.rows, 'row')}, each as it was written.")
        typer.echo(f"Head: {verified.head}")
        typer.echo("Keep it outside the database, and verify with --expect HASH later.")
    return NEEDS_PERSON if verified.problems else DONE
