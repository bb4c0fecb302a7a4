"""Open what a run works with: client and journal of one project."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prefect.logging import get_run_logger

from numberflow.journal import Journal
from numberflow.purchase.desk import Desk, in_thread, open_client
from tasks.credentials import settings_for


@asynccontextmanager
async def open_desk(project: str | None) -> AsyncIterator[Desk]:
    """Client and journal for one run, closed at its end.

    Raises:
        BadInput, MissingCredentials: as in `settings_for`.
        JournalUnavailable: no journal, no purchase.
    """
    settings = await settings_for(project)
    logger = get_run_logger()
    journal = await in_thread(Journal.open, settings.journal_url)
    try:
        async with open_client(settings, on_wait=logger.info) as client:
            yield Desk(client, journal, settings, on_wait=logger.info)
    finally:
        await in_thread(journal.close)
