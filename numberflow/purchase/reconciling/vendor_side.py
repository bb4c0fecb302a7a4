"""What the vendor shows, to be compared: the newest snapshot while it is fresh, else a reading.

Reads only. A snapshot is some hours old, so a number with a finding is read again
first. Not here: how a project is read whole (export), what does not agree
(planning.reconciling).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from numberflow.errors import NumberflowError
from numberflow.export import publish as publishing
from numberflow.export.imported import read_imported
from numberflow.export.load import read_partition
from numberflow.export.schema import SOURCE_IMPORTED, SOURCE_RENTED
from numberflow.export.snapshot import read_numbers
from numberflow.export.store import open_store
from numberflow.journal import OrderKind
from numberflow.models.imported import ImportedNumber
from numberflow.models.number_orders import NumberOrderState
from numberflow.models.vendor import ActiveNumber
from numberflow.planning.hosting import FINAL_ORDER_STATES
from numberflow.planning.reconciling.lines import COLUMNS, Order, VendorSide
from numberflow.purchase.emergency.addresses import has_address
from numberflow.purchase.inventory import imported_question
from numberflow.purchase.run_context import READS_AT_ONCE, RunContext, each_of, in_thread
from numberflow.steps import ACTIVE_NUMBER, read_or_none
from numberflow.steps.reading import imported_or_none

logger = logging.getLogger(__name__)

# A night's export lies half an hour before; by noon people have worked, and a reading of a minute
# is better than what they did not do.
FRESH = timedelta(hours=6)
# Numbers that are read once more, one by one. The rest are reported as the snapshot shows them.
READ_AGAIN_MAX = 200
# Emergency addresses are read one by one, too: this many take a minute or two. Of more than these,
# each day has its part.
ADDRESSES_MAX = 1000
_ROWS_AT_ONCE = 5000
_FINAL_NUMBER_ORDERS = frozenset(
    {NumberOrderState.COMPLETED, NumberOrderState.REJECTED, NumberOrderState.EXPIRED}
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Reading:
    """The project's numbers, as they were read.

    Fields:
        table: with `COLUMNS`.
        read_at: when the reading began, by this machine's clock.
        source: in words, for the report.
        has_hosted: numbers that live elsewhere were asked for.
        again: numbers that were read once more; None = the project does not hold it.
        remarks: what was not read, in words.
    """

    table: pa.Table
    read_at: datetime
    source: str
    has_hosted: bool
    is_snapshot: bool = False
    again: Mapping[str, Row | None] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        """The rows; the later reading of a number counts."""
        for batch in self.table.to_batches(max_chunksize=_ROWS_AT_ONCE):
            for row in batch.to_pylist():
                if row["phone_number"] not in self.again:
                    yield row
        yield from (row for row in self.again.values() if row is not None)

    def __len__(self) -> int:
        """How many numbers the project holds."""
        column = self.table.column("phone_number")
        replaced = pc.sum(pc.is_in(column, value_set=pa.array(list(self.again), pa.string())))
        there = sum(row is not None for row in self.again.values())
        return len(column) - (replaced.as_py() or 0) + there

    def side(self, now: datetime, addresses: Mapping[str, bool]) -> VendorSide:
        """As it is compared. `now`: the vendor's clock."""
        return VendorSide(self, self.read_at, now, self.has_hosted, addresses)


async def read_vendor(context: RunContext, fresh: timedelta = FRESH) -> Reading:
    """The newest snapshot if it is younger than `fresh`, else a reading of the whole project.

    Costs: nothing. Repeat: safe.

    Raises:
        SnapshotRefused: what was read cannot be proven complete.
        StoreUnavailable, FileDamaged: the inventory store cannot be read.
        The errors of a read.
    """
    reading = await asyncio.to_thread(_snapshot, context, datetime.now(UTC) - fresh)
    return reading or await _read(context)


def _snapshot(context: RunContext, oldest: datetime) -> Reading | None:
    store = open_store(context.settings.inventory_root)
    newest = publishing.latest(store, publishing.INVENTORY).get(context.project_id)
    if newest is None:
        return None
    try:
        table = read_partition(store, newest, [*COLUMNS, "snapshot_at"])
    except FileNotFoundError:
        return None
    manifest = publishing.read_manifest(store, newest) or {}
    read_at = (
        pc.min(table.column("snapshot_at")).as_py()
        if len(table)
        # A project without numbers: its manifest alone says when that was.
        else datetime.fromisoformat(str(manifest.get("snapshot_at", "1970-01-01T00:00:00+00:00")))
    )
    if read_at < oldest:
        return None
    return Reading(
        table.select(list(COLUMNS)),
        read_at,
        f"the snapshot of {newest.snapshot_date}, read at {read_at:%Y-%m-%d %H:%M} UTC",
        manifest.get("completeness", {}).get("imported") is not None,
        is_snapshot=True,
    )


async def _read(context: RunContext) -> Reading:
    read_at = datetime.now(UTC)
    rented = (await read_numbers(context.client)).select(list(COLUMNS))
    question = await in_thread(imported_question, context.journal, context.project_id)
    links = {
        (plan, campaign or "")
        for plan, campaign in zip(
            rented.column("sms_service_plan_id").to_pylist(),
            rented.column("sms_campaign_id").to_pylist(),
            strict=True,
        )
        if plan
    }
    hosted = await read_imported(context.client.imported_numbers, question, links, read_at)
    return Reading(
        pa.concat_tables([rented, hosted.table.select(list(COLUMNS))]),
        read_at,
        f"read at {read_at:%Y-%m-%d %H:%M} UTC",
        has_hosted=True,
        remarks=hosted.remarks,
    )


async def read_again(
    context: RunContext, reading: Reading, phone_numbers: Sequence[str]
) -> Reading:
    """Read these numbers one by one, in the place of what a snapshot has of them.

    Costs: nothing. Of more than `READ_AGAIN_MAX` only so many are read.
    """
    chosen = phone_numbers[:READ_AGAIN_MAX]
    rows: dict[str, Row | None] = {}

    async def one(number: str) -> None:
        try:
            active = await read_or_none(context.client.active_numbers.get(number), ACTIVE_NUMBER)
            if active is not None:
                rows[number] = row_of(active)
                return
            hosted = (
                await imported_or_none(context.client, number)
                if number.startswith("+1") and reading.has_hosted
                else None
            )
            rows[number] = None if hosted is None else hosted_row_of(hosted)
        except NumberflowError as error:
            logger.warning("%s could not be read once more: %s", number, error.message)

    await each_of(chosen, one, at_once=READS_AT_ONCE)
    remarks = reading.remarks
    if left := len(phone_numbers) - len(chosen):
        told = (
            f"{left} numbers are reported as the snapshot shows them; {len(chosen)} were read again"
        )
        remarks = (*remarks, told)
    return replace(reading, again=rows, remarks=remarks)


async def read_addresses(
    context: RunContext, phone_numbers: Collection[str], day: date
) -> tuple[dict[str, bool], tuple[str, ...]]:
    """Which of these numbers have an emergency address, and remarks about those not read.

    Costs: nothing. At most `ADDRESSES_MAX` are read; which ones depends on `day`, so that each is
    read within as many days as there are parts.
    """
    shown: dict[str, bool] = {}

    async def one(number: str) -> None:
        try:
            shown[number] = await has_address(context.client, number)
        except NumberflowError as error:
            logger.warning("The address of %s could not be read: %s", number, error.message)

    parts = -(-len(phone_numbers) // ADDRESSES_MAX) or 1
    chosen = sorted(phone_numbers)[day.toordinal() % parts :: parts]
    await each_of(chosen, one, at_once=READS_AT_ONCE)
    missing = len(phone_numbers) - len(shown)
    turns = f": a part is read each day, all in {parts} days" if parts > 1 else ""
    remarks = (f"{missing} emergency addresses were not read{turns}",) if missing else ()
    return shown, remarks


async def read_orders(context: RunContext) -> tuple[Order, ...]:
    """What is open, as we saw it last and as the vendor shows it now."""
    followed = await in_thread(context.journal.followed, context.project_id)
    shown: dict[str, str] = {}

    async def one(place: int) -> None:
        each = followed[place]
        try:
            if each.kind is OrderKind.NUMBER:
                shown[each.id] = (await context.client.number_orders.get(each.order_id)).state or ""
            elif each.kind is OrderKind.HOSTING:
                hosted = await context.client.hosting_orders.get(each.order_id)
                shown[each.id] = hosted.state or ""
        except NumberflowError as error:
            logger.warning("%s could not be read: %s", each, error.message)

    await each_of(list(range(len(followed))), one, at_once=READS_AT_ONCE)
    final = _FINAL_NUMBER_ORDERS | FINAL_ORDER_STATES
    return tuple(
        Order(
            order_id=each.order_id,
            kind=str(each.kind),
            reference=each.reference,
            state=each.state,
            seen_at=each.seen_at,
            shown=shown.get(each.id, ""),
            # A follower may add to the vendor's word: "IN_PROGRESS (overdue)".
            has_ended=shown.get(each.id, "") in final and not each.state.startswith(shown[each.id]),
        )
        for each in followed
    )


def row_of(number: ActiveNumber) -> Row:
    """A number that was read by itself, with the columns of the inventory."""
    sms, voice = number.sms_configuration, number.voice_configuration
    sms_job = sms.scheduled_provisioning if sms else None
    voice_job = voice.scheduled_voice_provisioning if voice else None
    return {
        "phone_number": number.phone_number,
        "source": SOURCE_RENTED,
        "display_name": number.display_name or None,
        "price_amount": number.money.amount if number.money else None,
        "price_currency": number.money.currency_code if number.money else None,
        "payment_interval_months": number.payment_interval_months,
        "next_charge_at": number.next_charge_at,
        "expire_at": number.expire_at,
        "sms_service_plan_id": (sms.service_plan_id or None) if sms else None,
        "sms_campaign_id": (sms.campaign_id or None) if sms else None,
        "sms_provisioning_status": (sms_job.status or None) if sms_job else None,
        "sms_provisioning_service_plan_id": (sms_job.service_plan_id or None) if sms_job else None,
        "sms_provisioning_campaign_id": (sms_job.campaign_id or None) if sms_job else None,
        "voice_type": (voice.type or None) if voice else None,
        "voice_target_id": _target(voice),
        "voice_provisioning_status": (voice_job.status or None) if voice_job else None,
        "voice_provisioning_type": (voice_job.type or None) if voice_job else None,
        "voice_provisioning_target_id": _target(voice_job),
        "callback_url": number.callback_url or None,
    }


def hosted_row_of(number: ImportedNumber) -> Row:
    """The same for a number that lives elsewhere."""
    sms = number.sms_configuration
    job = sms.scheduled_provisioning if sms else None
    return dict.fromkeys(COLUMNS) | {
        "phone_number": number.phone_number,
        "source": SOURCE_IMPORTED,
        "display_name": number.display_name or None,
        "sms_service_plan_id": (sms.service_plan_id or None) if sms else None,
        "sms_campaign_id": (sms.campaign_id or None) if sms else None,
        "sms_provisioning_status": (job.status or None) if job else None,
        "sms_provisioning_service_plan_id": (job.service_plan_id or None) if job else None,
        "sms_provisioning_campaign_id": (job.campaign_id or None) if job else None,
        "callback_url": number.callback_url or None,
    }


def _target(voice: Any) -> str | None:
    """The id of whatever a voice link leads to."""
    ids = (voice.app_id, voice.trunk_id, voice.service_id) if voice is not None else ()
    return next((str(each) for each in ids if each), None)
