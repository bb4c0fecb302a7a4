"""The journal's fixtures: every test that asks for `journal` runs on SQLite and on Postgres."""

from support.journals import journal, journal_url
from support.postgres import own_postgres, postgres_server, postgres_url

__all__ = ["journal", "journal_url", "own_postgres", "postgres_server", "postgres_url"]
