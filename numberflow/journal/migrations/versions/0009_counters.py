"""Counters for monitoring, and indexes from which figures of all steps and purchases are read."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the indexes."""
    op.create_table(
        "counters",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("labels", sa.Text, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("name", "labels", name="pk_counters"),
    )
    op.create_index(
        "ix_intentions_operation_state_currency_due_amount",
        "intentions",
        ["operation", "state", "currency", "due_amount"],
    )
    op.create_index("ix_purchases_operation", "purchases", ["operation"])
