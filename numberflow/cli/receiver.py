"""`numberflow receiver`: take the vendor's callbacks until Ctrl-C or SIGTERM."""

from __future__ import annotations

import logging
import os

import typer

from numberflow.cli.prefect_server import running_api_url
from numberflow.receiver.app import AskForRuns
from numberflow.receiver.secrets import SecretSource
from numberflow.receiver.serve import serve
from numberflow.settings import Settings


def receive(host: str, port: int) -> None:
    """Serve until stopped.

    Raises:
        BadInput: host or port cannot be used, or a variable of the environment.
        JournalUnavailable: the database cannot be opened.
    """
    settings = Settings.load(may_lack_account=True)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    # It warns of each request that is none: whoever reaches the port could fill the disk.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    def announce(port: int) -> None:
        typer.echo(f"Taking callbacks on http://{host}:{port}/callbacks/<project>. Ctrl-C stops.")

    blocks, ask = _prefect(settings)
    serve(settings, host=host, port=port, blocks=blocks, ask=ask, announce=announce)


def _prefect(settings: Settings) -> tuple[SecretSource | None, AskForRuns | None]:
    """Reads the secrets of Prefect blocks, and starts drain-callbacks; None without a server."""
    url = running_api_url(settings)
    if url is None:
        typer.echo(
            "No Prefect server is known: secrets of blocks are not read, and nobody works through "
            "the inbox but runs of drain-callbacks that you start."
        )
        return None, None
    os.environ["PREFECT_API_URL"] = url
    # Four seconds and 80 MB: before the port listens, and only where there is a server to ask.
    from tasks.callback_secrets import secrets_of_blocks
    from tasks.callbacks import DrainRuns

    return secrets_of_blocks, DrainRuns(settings.project_id).ask
