"""The first journal: purchases, intentions, attempts, evidence, leases, claims.

There is no downgrade: a journal proves what was spent. After a bad migration, restore a backup.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Plain types, not those of `tables.py`: a migration must keep its meaning.
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "purchases",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("reference_folded", sa.Text, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("quote", sa.JSON),
        sa.Column("approval", sa.JSON),
        sa.Column("before", sa.JSON),
        sa.Column("flow_run_id", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_purchases"),
        sa.UniqueConstraint("project_id", "reference", name="uq_purchases_project_id_reference"),
        sa.UniqueConstraint(
            "project_id", "reference_folded", name="uq_purchases_project_id_reference_folded"
        ),
    )
    op.create_table(
        "intentions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("purchase_id", sa.Text, nullable=False),
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("setup_amount", sa.Text),
        sa.Column("monthly_amount", sa.Text),
        sa.Column("due_amount", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("cap_today", sa.Text),
        sa.Column("cap_currency", sa.Text),
        sa.Column("spend_day", sa.Date, nullable=False),
        sa.Column("flow_run_id", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("fence", sa.BigInteger),
        sa.Column("result", sa.JSON),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intentions"),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchases.id"], name="fk_intentions_purchase_id"
        ),
        sa.UniqueConstraint("purchase_id", "position", name="uq_intentions_purchase_id_position"),
    )
    op.create_index("ix_intentions_project_id_spend_day", "intentions", ["project_id", "spend_day"])
    op.create_index("ix_intentions_state", "intentions", ["state"])
    op.create_index("ix_intentions_subject", "intentions", ["subject"])
    op.create_table(
        "attempts",
        sa.Column("intention_id", sa.Text, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("outcome", sa.Text),
        sa.Column("http_status", sa.Integer),
        sa.Column("vendor_request_id", sa.Text),
        sa.Column("owner", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("intention_id", "n", name="pk_attempts"),
        sa.ForeignKeyConstraint(
            ["intention_id"], ["intentions.id"], name="fk_attempts_intention_id"
        ),
    )
    op.create_table(
        "evidence",
        sa.Column("intention_id", sa.Text, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("last_at", _TIME, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("finding", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("seen", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("intention_id", "n", name="pk_evidence"),
        sa.ForeignKeyConstraint(
            ["intention_id"], ["intentions.id"], name="fk_evidence_intention_id"
        ),
    )
    op.create_table(
        "leases",
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("expires_at", _TIME),
        sa.PrimaryKeyConstraint("resource", name="pk_leases"),
    )
    op.create_table(
        "claims",
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("phone_number", sa.Text, nullable=False),
        sa.Column("intention_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "phone_number", name="pk_claims"),
        sa.ForeignKeyConstraint(["intention_id"], ["intentions.id"], name="fk_claims_intention_id"),
    )
    op.create_index("ix_claims_intention_id", "claims", ["intention_id"])
    op.create_table(
        "spend_days",
        sa.Column("project_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", name="pk_spend_days"),
    )
    op.create_table(
        "probes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_probes"),
    )
