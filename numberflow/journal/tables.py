"""The journal's tables and column types, as SQLAlchemy Core sees them. No queries.

Make every change in `migrations/`, too; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Amount(TypeDecorator[Decimal]):
    """A Decimal kept as text: SQLite's NUMERIC makes it a float, and "0.10" must stay "0.10"."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Refuse anything but a finite Decimal."""
        del dialect
        if value is None:
            return None
        if not isinstance(value, Decimal) or not value.is_finite():
            raise TypeError(f"an amount must be a finite Decimal, not {value!r}")
        return format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Read the text back."""
        del dialect
        return None if value is None else Decimal(value)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite keeps no zone: it is removed on writing and restored on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: they would be read back as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a journal time must be aware")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return aware UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# JSON null and SQL NULL are one thing to us: "not there yet".
Json = sa.JSON(none_as_null=True)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

purchases = sa.Table(
    "purchases",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("project_id", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("reference_folded", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("parameters", Json, nullable=False),
    sa.Column("quote", Json),
    sa.Column("approval", Json),
    sa.Column("before", Json),
    sa.Column("flow_run_id", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("project_id", "reference"),
    sa.UniqueConstraint("project_id", "reference_folded"),
    sa.Index(None, "operation"),
)

intentions = sa.Table(
    "intentions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("purchase_id", sa.Text, sa.ForeignKey("purchases.id"), nullable=False),
    sa.Column("project_id", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("setup_amount", Amount),
    sa.Column("monthly_amount", Amount),
    sa.Column("due_amount", Amount),
    sa.Column("currency", sa.Text),
    sa.Column("cap_today", Amount),
    sa.Column("cap_currency", sa.Text),
    sa.Column("spend_day", sa.Date, nullable=False),
    sa.Column("flow_run_id", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.BigInteger),
    sa.Column("result", Json),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("purchase_id", "position"),
    sa.Index(None, "project_id", "spend_day"),
    sa.Index(None, "state"),
    sa.Index(None, "subject"),
    # Figures for monitoring are read from it alone, whatever the rows hold.
    sa.Index(None, "operation", "state", "currency", "due_amount"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("intention_id", sa.Text, sa.ForeignKey("intentions.id"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Column("outcome", sa.Text),
    sa.Column("http_status", sa.Integer),
    sa.Column("vendor_request_id", sa.Text),
    sa.Column("owner", sa.Text, nullable=False),
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("intention_id", sa.Text, sa.ForeignKey("intentions.id"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("last_at", UtcTime, nullable=False),
    sa.Column("times", sa.Integer, nullable=False),
    sa.Column("finding", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("seen", Json, nullable=False),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("resource", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("expires_at", UtcTime),
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("project_id", sa.Text, primary_key=True),
    sa.Column("phone_number", sa.Text, primary_key=True),
    sa.Column("intention_id", sa.Text, sa.ForeignKey("intentions.id"), nullable=False, index=True),
)

# What the vendor works on for us over hours and days: number orders, hosting orders,
# qualifications. One row for each, from when we know its id.
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("purchase_id", sa.Text, sa.ForeignKey("purchases.id"), nullable=False),
    sa.Column("project_id", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("facts", Json, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("seen_at", UtcTime, nullable=False),
    sa.Column("closed_at", UtcTime),
    sa.UniqueConstraint("project_id", "kind", "order_id"),
    sa.Index(None, "project_id", "closed_at"),
    sa.Index(None, "purchase_id"),
)

# One row per project and day, only for its lock. A transaction holds it while it adds up a day's
# spend, so that two planners never both see room for the last number.
spend_days = sa.Table(
    "spend_days",
    metadata,
    sa.Column("project_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
)

# Who holds costly steps, and since when. No row: nobody does. `scope` is a project's id, or "*" for
# all projects.
stops = sa.Table(
    "stops",
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
)

# What people were told of purchases that stopped half-way. They are told once, and not at all when
# somebody has acknowledged it.
told_purchases = sa.Table(
    "told_purchases",
    metadata,
    sa.Column("purchase_id", sa.Text, sa.ForeignKey("purchases.id"), primary_key=True),
    sa.Column("told_at", UtcTime),
    sa.Column("closed_at", UtcTime),
    sa.Column("closed_by", sa.Text),
)

# Numbers that no step of ours got and that a person took in, and those that have gone without one.
# Rows are added only; the last one of a number counts.
custody = sa.Table(
    "custody",
    metadata,
    sa.Column("project_id", sa.Text, primary_key=True),
    sa.Column("phone_number", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("said", sa.Text, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("seen", Json, nullable=False),
)

# What reconcile told people, so that a finding is told once. `digest` changes with what was found.
told_findings = sa.Table(
    "told_findings",
    metadata,
    sa.Column("project_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("told_at", UtcTime, nullable=False),
)

# The request rate to each host of the vendor with one access key (numberflow.models.pace). `name`
# says which, without the key. Not part of the journal: nothing here decides about a purchase.
paces = sa.Table(
    "paces",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("rate_per_s", sa.Double, nullable=False),
    sa.Column("next_at", UtcTime, nullable=False),
    sa.Column("since", UtcTime, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("lowered_at", UtcTime),
)

# What the vendor told us by callback, as it came. Each event once for each project; where it has no
# id, its digest stands for one.
callbacks = sa.Table(
    "callbacks",
    metadata,
    sa.Column("project_id", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("api", sa.Text, nullable=False),
    sa.Column("resource_type", sa.Text, nullable=False),
    sa.Column("resource_id", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("done_at", UtcTime),
    sa.Index(None, "state", "project_id"),
)

# One row for each change of a purchase, a step, a stop or a number's custody, in the change's own
# transaction (`audit.py`). `hash` is that of the row before and of `content`.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("project_id", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

# The chain's end, one row. Whoever appends locks it; a chain that was cut off does not reach it.
audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)

# What is counted for monitoring and stands in no other row. `labels` is JSON text. Not part of the
# journal: nothing here decides about a purchase.
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("labels", sa.Text, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
)

# `check` writes here and reads it back.
probes = sa.Table(
    "probes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)
