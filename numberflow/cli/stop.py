"""`numberflow stop` and `numberflow go`: hold costly steps, and lift the hold."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict
from datetime import UTC, datetime

import typer

from numberflow.cli.console import print_json, working
from numberflow.errors import JournalUnavailable
from numberflow.journal import ALL_PROJECTS, STOP_FILE, Journal
from numberflow.journal.owner import this_person
from numberflow.private_files import write_private
from numberflow.settings import Settings

# A request that was permitted before the stop has ended by then. The worst case is its lease (60
# s), and a person who stops everything wants to hear "stopped" soon. What is still under way then
# is named.
UNDER_WAY_WAIT_S = 10.0


def stop(project: str | None, why: str, *, as_json: bool) -> None:
    """Hold costly steps in the journal, and say when the last one under way has ended.

    When the journal cannot be written, the stop file holds this machine instead, and
    JournalUnavailable is raised.
    """
    settings = Settings.load()
    scope = project or ALL_PROJECTS
    try:
        with Journal.open(settings.journal_url) as journal:
            held = journal.stop(scope, by=this_person(), why=why)
            with working("Waiting for requests that are under way …"):
                under_way = _wait_for_the_last(journal, scope)
            known = project is None or journal.intentions(project_id=project, limit=1)
    except JournalUnavailable as error:
        file = settings.home / STOP_FILE
        write_private(file, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC {why}\n")
        raise JournalUnavailable(
            f"{error.message} So the file {file} was written: it holds every costly step of THIS "
            "machine only.",
            remedy=f"{error.remedy}; then run again: {_command(project, why)}. On other machines "
            "make the file stop under NUMBERFLOW_HOME by hand",
        ) from None
    if as_json:
        print_json(asdict(held) | {"under_way": under_way})
        return
    what = (
        "Every costly step of every project"
        if project is None
        else f"Every costly step of project {project}"
    )
    typer.echo(
        f"{what} is held, in every process that uses this journal, since "
        f"{held.at:%Y-%m-%d %H:%M:%S} UTC."
    )
    if not known:
        typer.echo(
            "The journal knows no step of this project: is that the vendor's id of the project?"
        )
    if under_way:
        typer.echo(
            f"{under_way} may still be under way, or its process died: "
            "`numberflow journal list --state sending` shows which."
        )
    else:
        typer.echo("Nothing is under way any more.")
    typer.echo(f"To lift it: {held.lifted_by}")


def go(project: str | None, *, as_json: bool) -> None:
    """Lift the stop of a project, or of all with this machine's stop file; say what remains."""
    settings = Settings.load()
    file = settings.home / STOP_FILE
    with Journal.open(settings.journal_url) as journal:
        journal.act_as(by=this_person())
        lifted = journal.go(project or ALL_PROJECTS)
        had_file = project is None and file.exists()
        if had_file:
            file.unlink()
        still = journal.stops()
    if as_json:
        print_json(
            {
                "lifted": lifted,
                "file_removed": had_file,
                "still_held": [held.scope for held in still],
            }
        )
        return
    if had_file:
        typer.echo(f"The file {file} is removed.")
    if lifted:
        typer.echo(
            "Costly steps continue. To finish what was stopped, run it again with the same "
            "reference or press Retry."
        )
    elif not had_file:
        typer.echo("There was no such stop." if still else "Nothing was held.")
    for held in still:
        typer.echo(f"Still held: {held.described()}. To lift it: {held.lifted_by}")


def _command(project: str | None, why: str) -> str:
    """The same stop as a command."""
    of = f" --project {shlex.quote(project)}" if project else ""
    because = f" --why {shlex.quote(why)}" if why else ""
    return f"numberflow stop{of}{because}"


def _wait_for_the_last(journal: Journal, scope: str) -> int:
    """Wait until no request is under way. Returns how many still are at the end of the wait."""
    until = time.monotonic() + UNDER_WAY_WAIT_S
    while (count := journal.under_way(scope)) and time.monotonic() < until:
        time.sleep(0.2)
    return count
