"""Orders that the vendor works on for days: what is followed until it ends."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "orders",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("purchase_id", sa.Text, nullable=False),
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("order_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.ForeignKeyConstraint(["purchase_id"], ["purchases.id"], name="fk_orders_purchase_id"),
        sa.UniqueConstraint(
            "project_id", "kind", "order_id", name="uq_orders_project_id_kind_order_id"
        ),
    )
    op.create_index("ix_orders_project_id_closed_at", "orders", ["project_id", "closed_at"])
    op.create_index("ix_orders_purchase_id", "orders", ["purchase_id"])
