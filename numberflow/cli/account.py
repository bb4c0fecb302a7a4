"""Whose account a command uses."""

from __future__ import annotations

import asyncio

from numberflow.errors import NumberflowError
from numberflow.settings import Settings


def settings_of(project: str | None) -> Settings:
    """The environment's account, or that of the Sinch Credentials block `project`.

    Raises:
        BadInput: no block has that name.
        MissingCredentials: no account is configured.
        NumberflowError: no Prefect server answers that could be asked for the block.
    """
    settings = Settings.load()
    if project is None:
        settings.require_credentials()
        return settings
    from numberflow.cli.prefect_server import prefect_server

    try:
        with prefect_server(settings):
            # Prefect, which takes seconds to import.
            from tasks.credentials import settings_for

            return asyncio.run(settings_for(project))
    except RuntimeError as error:
        raise NumberflowError(str(error)) from None
