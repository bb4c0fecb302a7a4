"""The journal's fixtures: every test that asks for `journal` runs on SQLite and on Postgres."""

from support.journals import journal, journal_url, unmigrated_url
from support.postgres import (
    kept_journal,
    own_postgres,
    postgres_database,
    postgres_server,
    postgres_url,
)

__all__ = [
    "journal",
    "journal_url",
    "kept_journal",
    "own_postgres",
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "unmigrated_url",
]
