"""Count what a snapshot's report shows: numbers by region and type, links, leaving, charged soon.

In bounded memory. Not here: how it is drawn (report), what it costs (costs) and what changed
(changes).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from numberflow.export.files import read_batches
from numberflow.export.publish import Partition
from numberflow.export.schema import TIME
from numberflow.export.store import Store

SOON_DAYS = 30
"""How many days ahead count as soon."""
ROWS_MAX = 100
"""Rows of a list in the report. The total is always shown."""

_READ = (
    "phone_number",
    "region_code",
    "number_type",
    "display_name",
    "price_amount",
    "price_currency",
    "next_charge_at",
    "expire_at",
    "sms_service_plan_id",
    "sms_provisioning_status",
    "sms_provisioning_error_codes",
    "voice_target_id",
    "voice_provisioning_status",
)

LINK_STATES = ("linked", "waiting", "in progress", "failed", "none")


@dataclass(slots=True)
class Rows:
    """A list that may be long: all rows are counted, the first `ROWS_MAX` kept."""

    count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        """Add a batch."""
        self.count += len(table)
        if len(self.rows) < ROWS_MAX:
            self.rows += table.slice(0, ROWS_MAX - len(self.rows)).to_pylist()


@dataclass(slots=True)
class Figures:
    """The counts of one snapshot."""

    snapshot_at: datetime
    numbers: int = 0
    by_region_and_type: Counter[tuple[str, str]] = field(default_factory=Counter)
    sms: Counter[str] = field(default_factory=Counter)
    voice: Counter[str] = field(default_factory=Counter)
    leaving_by_day: Counter[date] = field(default_factory=Counter)
    charges_by_day: Counter[date] = field(default_factory=Counter)
    leaving: Rows = field(default_factory=Rows)
    failed: Rows = field(default_factory=Rows)
    idle: Rows = field(default_factory=Rows)
    """Numbers that cost money and have no link, now or soon."""

    def add(self, table: pa.Table) -> None:
        """Count one batch of inventory rows."""
        self.numbers += len(table)
        pairs = (
            table.group_by(["region_code", "number_type"])
            .aggregate([("phone_number", "count")])
            .to_pylist()
        )
        for pair in pairs:
            self.by_region_and_type[pair["region_code"] or "?", pair["number_type"] or "?"] += pair[
                "phone_number_count"
            ]
        sms = _link_state(table, "sms_service_plan_id", "sms_provisioning_status")
        voice = _link_state(table, "voice_target_id", "voice_provisioning_status")
        for states, counter in ((sms, self.sms), (voice, self.voice)):
            _count(counter, states)
        leaving = self._soon(table, "expire_at", self.leaving_by_day)
        stays = pc.or_kleene(
            pc.is_null(table.column("expire_at")),
            pc.less(table.column("next_charge_at"), table.column("expire_at")),
        )
        self._soon(table.filter(stays), "next_charge_at", self.charges_by_day)
        self.leaving.add(leaving)
        self.failed.add(table.filter(pc.or_(pc.equal(sms, "failed"), pc.equal(voice, "failed"))))
        priced = pc.fill_null(
            pc.greater(
                table.column("price_amount"),
                pa.scalar(0, pa.int64()).cast(table.schema.field("price_amount").type),
            ),
            False,
        )
        idle = pc.and_(
            pc.and_(pc.equal(sms, "none"), pc.equal(voice, "none")),
            pc.and_(priced, pc.is_null(table.column("expire_at"))),
        )
        self.idle.add(table.filter(idle))

    def _soon(self, table: pa.Table, column: str, by_day: Counter[date]) -> pa.Table:
        until = pa.scalar(self.snapshot_at + timedelta(days=SOON_DAYS), TIME)
        soon = table.filter(pc.fill_null(pc.less(table.column(column), until), False))
        _count(by_day, soon.column(column).cast(pa.date32()))
        return soon


def count_figures(store: Store, snapshot: Partition, snapshot_at: datetime) -> Figures:
    """Read a published snapshot once, one row group at a time.

    Raises:
        FileNotFoundError: the snapshot does not exist.
    """
    figures = Figures(snapshot_at)
    for batch in read_batches(store, snapshot.data, _READ):
        figures.add(batch)
    return figures


def _count(counter: Counter[Any], values: pa.ChunkedArray) -> None:
    counter.update(
        {entry["values"]: entry["counts"] for entry in pc.value_counts(values).to_pylist()}
    )


def _link_state(table: pa.Table, target: str, job: str) -> pa.ChunkedArray:
    """One word for each number's link.

    A job says more than the target in effect, because it shows what will be.
    """
    status = pc.replace_substring(pc.utf8_lower(table.column(job)), "_", " ")
    known = pc.is_in(status, pa.array(["waiting", "in progress", "failed"]))
    rest = pc.if_else(pc.is_valid(table.column(target)), "linked", "none")
    return pc.if_else(pc.fill_null(known, False), status, rest)
