"""`numberflow watch`: retry or end runs whose process is gone, until Ctrl-C or SIGTERM.

The work is in tasks.stuck_runs. Not here: what `numberflow up` watches (watch).
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

import typer

from numberflow.cli import exit_codes
from numberflow.cli.prefect_server import running_api_url
from numberflow.cli.processes import sigterm_like_ctrl_c
from numberflow.errors import BadInput
from numberflow.settings import Settings


def watch() -> int:
    """Watch until stopped. Returns the exit code.

    Raises:
        BadInput: no Prefect server is known, or a variable of the environment cannot be used.
    """
    settings = Settings.load(may_lack_account=True)
    url = running_api_url(settings)
    if url is None:
        raise BadInput(
            "PREFECT_API_URL: is not set, and no `numberflow up` is running here",
            field="PREFECT_API_URL",
            remedy="set it to the address of the Prefect server, such as http://server:4200/api",
        )
    os.environ["PREFECT_API_URL"] = url
    from tasks.stuck_runs import watch_runs

    typer.echo(f"Watching the runs at {url}. Ctrl-C stops.")
    with suppress(KeyboardInterrupt), sigterm_like_ctrl_c():
        asyncio.run(watch_runs(settings, typer.echo))
    return exit_codes.DONE
