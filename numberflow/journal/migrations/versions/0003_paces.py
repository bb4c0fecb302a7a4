"""Paces: the request rate of all processes with one access key, for each host of the vendor."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "paces",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("rate_per_s", sa.Double, nullable=False),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("lowered_at", _TIME),
        sa.PrimaryKeyConstraint("name", name="pk_paces"),
    )
