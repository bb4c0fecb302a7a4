"""`numberflow setup`: what the Prefect server, the journal and the stores need, made and checked.

As often as you like. Here are the order of the steps and what is printed. Each step is beside what
it is about: on the server in `deployments`, on this side in `stores`, `callbacks` and
`server_settings`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import typer

from deployments.step import Result, Step, settle_all
from numberflow.cli import exit_codes
from numberflow.cli.callbacks import callback_secret
from numberflow.cli.console import as_table, print_json, working
from numberflow.cli.prefect_server import (
    SERVER_ENVIRONMENT,
    is_healthy,
    read_up_file,
    running_api_url,
)
from numberflow.cli.server_settings import server_settings, server_version
from numberflow.cli.stores import store_steps
from numberflow.errors import NumberflowError
from numberflow.models.wording import count_of
from numberflow.settings import Settings

POOL = "numberflow"
_WORDS = {"ok": "ok", "done": "DONE", "differs": "DIFFERS", "person": "PERSON", "failed": "FAILED"}
_STYLES = {"ok": "green", "DONE": "green", "DIFFERS": "yellow", "PERSON": "bold yellow",
           "FAILED": "bold red"}  # fmt: skip


def setup(*, check: bool, as_json: bool, unattended: bool = False) -> int:
    """Do every step, or with `check` only look. Returns the exit code.

    `unattended`: what is left to a person is printed, and is no reason for another code than 0.

    Raises:
        BadInput: a variable cannot be used.
        NumberflowError: no Prefect server answers, or one of another version.
    """
    settings = Settings.load(may_lack_account=True)
    url = running_api_url(settings)
    if url is None:
        raise NumberflowError(
            "there is no Prefect server to set up",
            remedy="start one (`prefect server start`, or `numberflow up`, which sets itself up) "
            "and set PREFECT_API_URL, such as http://127.0.0.1:4200/api",
        )
    server_version(url)
    # Before Prefect is imported: it reads the environment then.
    os.environ.update({n: v for n, v in SERVER_ENVIRONMENT.items() if n not in os.environ})
    os.environ["PREFECT_API_URL"] = url
    with working("Looking …" if check else "Setting up …"):
        results = asyncio.run(settle_all(_steps(settings, url), check=check))
    if as_json:
        print_json([result.as_json() for result in results])
    else:
        typer.echo(as_table(_rows(results), header=False, styles=_STYLES))
        typer.echo(_summary(results, check=check))
    return exit_code(results, check=check, unattended=unattended)


def _steps(settings: Settings, url: str) -> Sequence[Step]:
    from deployments.steps import server_steps

    # The deployments of `up` are served by a process of its own: a pool would take their runs.
    is_up = read_up_file(settings).get("api_url") == url and is_healthy(url)
    return (
        server_settings(url),
        *store_steps(settings),
        *server_steps(pool=None if is_up else POOL),
        callback_secret(settings),
    )


def _rows(results: Sequence[Result]) -> list[dict[str, str]]:
    """A row for each step, one for each change, and one for each thing that a person has to do."""
    rows = []
    for result in results:
        rows.append({"": _WORDS[result.state], " ": result.name, "  ": result.text})
        rows += [{"  ": f"- {change}"} for change in result.changes]
        rows += [{"  ": f"→ {todo}"} for todo in result.todo]
    return rows


def _summary(results: Sequence[Result], *, check: bool) -> str:
    todo = sum(len(result.todo) for result in results)
    differing = [each.name for each in results if each.state in ("differs", "person", "failed")]
    if check and differing:
        said = f"It differs in: {', '.join(differing)}."
    elif differing:
        said = f"Not finished: {', '.join(differing)}."
    else:
        done = sum(len(result.changes) for result in results)
        said = f"{count_of(done, 'change')} made." if done else "No difference."
    return f"{said} Left to a person: {count_of(todo, 'thing')}, marked →." if todo else said


def exit_code(results: Sequence[Result], *, check: bool, unattended: bool) -> int:
    """What the results come to, as `numberflow setup --help` says."""
    states = {result.state for result in results}
    if check:
        return exit_codes.DONE if states == {"ok"} else exit_codes.CRASH
    if "failed" in states:
        return exit_codes.CRASH
    is_left = "person" in states and not unattended
    return exit_codes.NEEDS_PERSON if is_left else exit_codes.DONE
