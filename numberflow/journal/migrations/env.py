"""Alembic's entry: run the migrations in the transaction that `migrations.upgrade` hands in."""

from alembic import context

from numberflow.journal.migrations import VERSION_TABLE
from numberflow.journal.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
