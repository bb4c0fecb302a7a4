"""Alembic's entry: run the migrations on the connection that `migrations.upgrade` hands in, inside its transaction."""

from alembic import context

from numberflow.journal.migrations import VERSION_TABLE
from numberflow.journal.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
