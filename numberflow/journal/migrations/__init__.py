"""The journal's schema through time. `upgrade` applies it when a journal is opened; nobody else.

`numberflow.journal.tables` has today's tables, `versions/` the way from older ones.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

# The newest revision, known without importing Alembic (150 ms). A test compares the two.
HEAD = "0009"
# Not Alembic's default: other programs may keep tables in the same database.
VERSION_TABLE = "journal_version"


class UnknownRevision(Exception):
    """The database is at a revision that this version of numberflow does not have."""


FOLDER = Path(__file__).parent


def current(connection: sa.Connection) -> str | None:
    """The revision that the database is at, or None for an empty one."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(
        sa.text("SELECT version_num FROM journal_version")
    ).scalar_one_or_none()


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema to `HEAD` in the open transaction, which must exclude other upgraders.

    Raises:
        UnknownRevision: a newer numberflow was here before.
    """
    # Imported here because most processes find the schema up to date and never need it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    # % is the interpolation sign of configparser, and a folder name may hold one.
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise UnknownRevision(str(error)) from None
