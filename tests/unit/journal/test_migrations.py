"""The shipped migrations build the tables that the code uses, once, whoever starts at the same
time.
"""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from support.journals import Journal, planned

from numberflow.errors import JournalUnavailable
from numberflow.journal import migrations
from numberflow.journal.tables import metadata


def test_the_migrated_schema_is_the_declared_one(unmigrated_url: str) -> None:
    """Alembic finds no difference between the migrations and tables.py, types included."""
    with Journal.open(unmigrated_url) as journal, journal._database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrations.VERSION_TABLE, "compare_type": True}
        )
        assert [] == compare_metadata(context, metadata)


def test_head_is_the_newest_revision() -> None:
    """The constant that spares the import of Alembic is up to date."""
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    assert [migrations.HEAD] == ScriptDirectory.from_config(config).get_heads()


def test_eight_openings_at_once_make_one_journal(unmigrated_url: str) -> None:
    """Nobody fails, and what one wrote the others read."""
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def opener() -> None:
        try:
            start.wait()
            with Journal.open(unmigrated_url) as journal:
                journal.check()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=opener) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failures


def test_opening_again_keeps_everything(journal_url: str) -> None:
    """A journal outlives its process."""
    with Journal.open(journal_url) as journal:
        (intention,) = planned(journal)
    with Journal.open(journal_url) as journal:
        assert intention == journal.history(intention.id).intention


def test_a_journal_from_the_future_is_refused(unmigrated_url: str) -> None:
    """A newer numberflow's tables are not touched."""
    with Journal.open(unmigrated_url) as journal, journal._database.write() as connection:
        connection.execute(sa.text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(JournalUnavailable, match="newer numberflow"):
        Journal.open(unmigrated_url)
