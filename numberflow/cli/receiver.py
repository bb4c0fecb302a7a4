"""`numberflow receiver`: take the vendor's callbacks until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence

import typer

from numberflow.cli.prefect_server import read_up_file, running_api_url
from numberflow.logs import set_up_logs
from numberflow.receiver.app import AskForRuns
from numberflow.receiver.secrets import ProjectSecrets, SecretSource
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
    set_up_logs(settings)
    # It warns of each request that is none: whoever reaches the port could fill the disk.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    def announce(port: int) -> None:
        typer.echo(f"Taking callbacks on http://{host}:{port}/callbacks/<project>. Ctrl-C stops.")

    prefect = _Prefect(settings)
    if not prefect.is_known():
        typer.echo(
            "No Prefect server is known: secrets of blocks are not read, and nobody works through "
            "the inbox but runs of drain-callbacks that you start. It is looked for every 30 s."
        )
    serve(
        settings, host=host, port=port, blocks=prefect.secrets, ask=prefect.ask, announce=announce
    )


class _Prefect:
    """The Prefect server, from when one is known: its blocks, and runs of drain-callbacks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secrets: SecretSource | None = None
        self._ask: AskForRuns | None = None

    def is_known(self) -> bool:
        """Look for a server, until there is one."""
        if self._secrets is not None:
            return True
        url = running_api_url(self._settings)
        if url is None:
            return False
        os.environ["PREFECT_API_URL"] = url
        # Four seconds and 80 MB: only where there is a server to ask.
        from tasks.callback_secrets import secrets_of_blocks
        from tasks.callbacks import DrainRuns

        self._ask = DrainRuns(self._settings.project_id).ask
        self._secrets = secrets_of_blocks
        return True

    async def secrets(self) -> Mapping[str, ProjectSecrets]:
        """The secrets of its blocks; none without a server.

        Raises ConnectionError while `numberflow up` is not ready, and what Prefect's client raises.
        """
        if not await asyncio.to_thread(self.is_known) or self._secrets is None:
            if read_up_file(self._settings):
                raise ConnectionError("the server of `numberflow up` does not answer")
            return {}
        return await self._secrets()

    async def ask(self, projects: Sequence[str]) -> None:
        """Have drain-callbacks run for these projects; without a server nothing happens."""
        if self._ask is not None:
            await self._ask(projects)
