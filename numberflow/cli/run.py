"""`numberflow run`: run a flow in this process and turn its report into an exit code."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import typer

from flows.table import FLOWS, FlowEntry
from numberflow.cli import exit_codes
from numberflow.cli.console import as_table
from numberflow.cli.prefect_server import prefect_server
from numberflow.cli.processes import Terminated, sigterm_like_ctrl_c
from numberflow.errors import BadInput
from numberflow.models.number_source import source_of
from numberflow.models.reports import OrderReport, RunOutcome, RunReport
from numberflow.models.wording import without_controls
from numberflow.settings import Settings

_AMOUNTS = frozenset({"max_today", "max_monthly", "approve_above"})

_EXIT = {
    RunOutcome.DONE: exit_codes.DONE,
    RunOutcome.REFUSED: exit_codes.REFUSED,
    RunOutcome.NEEDS_PERSON: exit_codes.NEEDS_PERSON,
}


def run(deployment: str, params: str, report_file: Path | None, *, as_json: bool) -> int:
    """Check the input, run the flow, write and print the report. Returns the exit code.

    Raises:
        BadInput: before anything was started.
    """
    entry = FLOWS.get(deployment)
    if entry is None:
        raise BadInput(
            f"{deployment!r} is no deployment",
            field="deployment",
            remedy=f"choose one of: {', '.join(FLOWS)}",
        )
    parameters = _parameters(params)
    # The run checks numbers that have to be fetched first, with everything else.
    order = None if _names_a_list(deployment, parameters) else entry.check(parameters)
    settings = Settings.load()
    _require_in_store(getattr(order, "papers", {}), settings)
    if not parameters.get("project") and not parameters.get("projects"):
        settings.require_credentials()
        settings.require_callback(getattr(order, "callback_url", None))
    if report_file is not None:
        _check_writable(report_file)
    run_ids: list[str] = []
    try:
        with sigterm_like_ctrl_c(), prefect_server(settings):
            report = asyncio.run(_run_flow(entry, parameters, run_ids))
    except RuntimeError as error:
        typer.echo(f"numberflow: {error}", err=True)
        return exit_codes.CRASH
    except BaseException as error:
        code = _signal_code(error)
        if code is None:
            raise
        why = "cancelled in Prefect" if isinstance(error, CancelledRun) else "stopped by a signal"
        _tell_stopped(entry, settings, parameters, run_ids, report_file, why, as_json=as_json)
        return code
    if report is None:
        typer.echo(_told_crash(entry, parameters, run_ids), err=True)
        _tell_stopped(
            entry, settings, parameters, run_ids, report_file, "the run crashed", as_json=as_json
        )
        return exit_codes.CRASH
    if report_file is not None:
        _write(report_file, report)
    typer.echo(report.model_dump_json(indent=2) if as_json else _plain(_report_text(report)))
    return _EXIT[report.outcome]


def _told_crash(entry: FlowEntry, parameters: Mapping[str, Any], run_ids: Sequence[str]) -> str:
    """How to go on: a run without a reference has its own id for one."""
    if not entry.changes or not run_ids:
        return "numberflow: the run crashed; run the same command again"
    if str(parameters.get("reference") or "").strip():
        return "numberflow: the run crashed; run the same command with the same reference to resume"
    return (
        f'numberflow: the run crashed; to resume, add "reference": "{run_ids[0]}" to the '
        "parameters: without it the same command is a new purchase"
    )


def _report_text(report: RunReport) -> str:
    # Imported when there is something to report: it imports journal, client and tables, which takes
    # a second, and bad input is answered before that.
    from numberflow.purchase.shown import shown, words

    text = words(report)
    if getattr(report, "numbers", ()):
        text += f"\n{as_table(shown(report).rows(report))}"
    if isinstance(report, OrderReport) and report.requirements:
        text += f"\n\n{report.requirements}"
    return text


def _require_in_store(references: Mapping[str, str], settings: Settings) -> None:
    """Refuse what the flow would refuse, before a server is started for it."""
    if not references:
        return
    from numberflow.paper_store import PaperStore

    store = PaperStore.of(settings)
    for field, reference in references.items():
        store.require(reference, field=field)


class CancelledRun(Exception):
    """Somebody pressed Cancel: the run took no further costly step.

    Prefect accepts no other end from it.
    """


def _signal_code(error: BaseException) -> int | None:
    """The exit code of a command that was stopped by a signal, as in shells.

    None when it was not.
    """
    if isinstance(error, BaseExceptionGroup):
        # It is raised wherever the program is at that moment, a group of tasks included.
        return next(
            (code for each in error.exceptions if (code := _signal_code(each)) is not None), None
        )
    if isinstance(error, CancelledRun):
        return exit_codes.CRASH
    if isinstance(error, KeyboardInterrupt):
        return exit_codes.TERMINATED if isinstance(error, Terminated) else exit_codes.INTERRUPTED
    # Prefect's own, while a flow runs. Its class is compared by name, so that Prefect need not be
    # imported.
    return exit_codes.TERMINATED if type(error).__name__ == "TerminationSignal" else None


def _tell_stopped(
    entry: FlowEntry,
    settings: Settings,
    parameters: Mapping[str, Any],
    run_ids: Sequence[str],
    report_file: Path | None,
    why: str,
    *,
    as_json: bool,
) -> None:
    """Print what the stopped run did, from the journal: its own report will never come."""
    from numberflow.journal import Journal
    from numberflow.purchase.account import account_of, account_rows, account_text

    if not run_ids:
        typer.echo("numberflow: stopped before the run began; nothing was sent", err=True)
        return
    if not entry.changes:
        # Its `reference` names a purchase of another run.
        typer.echo(f"numberflow: {why}; this flow only reads, run it again", err=True)
        return
    name = str(parameters.get("reference") or "").strip() or run_ids[0]
    with Journal.open(settings.journal_url) as journal:
        # A run with another project's credentials block: the journal knows which project.
        projects = {row.project_id for row in journal.intentions(reference=name, limit=100)}
        project_id = (
            settings.project_id
            if settings.project_id in projects or not projects
            else min(projects)
        )
        report = account_of(journal, project_id, name, why=why, flow_run_id=run_ids[0])
    if report_file is not None:
        _write(report_file, report)
    table = "\n\n" + as_table(account_rows(report)) if report.lines else ""
    typer.echo(
        report.model_dump_json(indent=2) if as_json else _plain(account_text(report)) + table
    )


def _names_a_list(deployment: str, parameters: Mapping[str, Any]) -> bool:
    if deployment == "search-and-rent":
        # Numbers that can be rented are neither held nor in one of our lists.
        return False
    try:
        return source_of(parameters.get("phone_numbers")) is not None
    except ValueError as error:
        raise BadInput(
            f"phone_numbers: {error}", field="phone_numbers", remedy="correct the filter"
        ) from None


async def _run_flow(
    entry: FlowEntry, parameters: Mapping[str, Any], run_ids: list[str]
) -> RunReport | None:
    """Run it. `run_ids` gets the run's id as soon as it has one."""
    from prefect import tags
    from prefect.client.orchestration import get_client
    from prefect.logging.handlers import APILogHandler
    from prefect.states import Cancelled

    running = asyncio.current_task()
    terminated = False

    def terminate() -> None:
        nonlocal terminated
        terminated = True
        assert running is not None
        running.cancel()

    def begun(_flow: Any, flow_run: Any, _state: Any) -> None:
        run_ids.append(str(flow_run.id))
        # Prefect's handler, which is in place by now, raises wherever the program is at that
        # moment. In a callback of the event loop its exception is swallowed, and the run waits for
        # ever. Ours ends the run as Ctrl-C does, where it awaits something.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)

    flow = entry.load()
    flow.on_running(begun)
    try:
        # As the runs of its deployment: automations and `numberflow watch` know ours by them.
        with tags(*entry.tags):
            state = await flow(**parameters, return_state=True)
    except asyncio.CancelledError:
        if terminated:
            raise Terminated from None
        raise
    # A temporary server is stopped right after this, so Prefect sends it the rest now.
    await APILogHandler.aflush()
    if state.is_cancelling():
        # There is no worker that would end it, as there is for a deployment's run.
        async with get_client() as client:
            await client.set_flow_run_state(UUID(run_ids[0]), Cancelled(), force=True)
        raise CancelledRun
    result = await state.aresult(raise_on_failure=False)
    if isinstance(result, RunReport):
        return result
    typer.echo(without_controls(f"numberflow: {state.name}: {state.message}"), err=True)
    return None


def _parameters(text: str) -> dict[str, Any]:
    """Parameters from JSON or from @FILE; numbers with a point stay decimal."""
    if text.startswith("@"):
        path = Path(text[1:]).expanduser()
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"--params: cannot read {path}: {error}",
                field="params",
                remedy="name a readable JSON file",
            ) from None
    try:
        parameters = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        # ValueError: not JSON, or a whole number of more than 4,300 digits, which Python does not
        # read.
        raise BadInput(
            f"--params: not JSON: {error}",
            field="params",
            remedy="""write --params '{"region_code": "US", …}' or @FILE""",
        ) from None
    if not isinstance(parameters, dict):
        raise BadInput(
            "--params: must be a JSON object", field="params", remedy='write {"name": value, …}'
        )
    # Amounts are text in the form and so in the flow's signature. A JSON number is accepted, too.
    return {
        name: str(value)
        if isinstance(value, Decimal) or (name in _AMOUNTS and isinstance(value, int))
        else value
        for name, value in parameters.items()
    }


def _check_writable(path: Path) -> None:
    """Notice a report that cannot be written before money is spent."""
    folder = path.expanduser().absolute().parent
    if not folder.is_dir():
        raise BadInput(
            f"--report: there is no folder {folder}",
            field="report",
            remedy="make the folder or name another",
        )
    if not os.access(folder, os.W_OK) or path.is_dir():
        raise BadInput(
            f"--report: cannot write {path}",
            field="report",
            remedy="name a file in a writable folder",
        )


def _write(path: Path, report: RunReport) -> None:
    """Write all of it or nothing: a temporary file beside it, then one rename."""
    path = path.expanduser().absolute()
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, suffix=".part") as file:
        file.write(report.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def _plain(markdown: str) -> str:
    """A report's markdown for the terminal."""
    return without_controls(markdown.replace("**", "").lstrip("# "))
