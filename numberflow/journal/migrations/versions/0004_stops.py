"""Who holds costly steps, and what people were told of purchases that stopped half-way."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "stops",
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_stops"),
    )
    op.create_table(
        "told_purchases",
        sa.Column("purchase_id", sa.Text, nullable=False),
        sa.Column("told_at", _TIME),
        sa.Column("closed_at", _TIME),
        sa.Column("closed_by", sa.Text),
        sa.PrimaryKeyConstraint("purchase_id", name="pk_told_purchases"),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name="fk_told_purchases_purchase_id"
        ),
    )
