"""Turn numbers as the vendor nests them (wire) into rows of our columns (schema), in Arrow.

Belongs here: which member feeds which column, and the casts, for a whole batch at a time. What the
vendor writes for nothing ("", null, absent) becomes null. So does a time or an amount that cannot
be read; `extra` keeps the text. Does not: reading pages (wire), order and files (runs, writer).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from numberflow.export.schema import AMOUNT, INVENTORY, SOURCE_RENTED, TIME

_TEXT = pa.string()
_NO_TEXT = pa.scalar(None, _TEXT)


def flatten(numbers: pa.StructArray, snapshot_at: datetime) -> pa.Table:
    """`numbers` (of type wire.NUMBER) as a table of schema INVENTORY, rows in the same order.

    It keeps `numbers` in memory (`in_own_memory` does not).

    Args:
        numbers: as `wire.read_numbers` gives them.
        snapshot_at: aware UTC; stands in every row.
    """
    unread: dict[int, dict[str, str]] = {}
    number = _Members(numbers, "", unread)
    money = number.inside("money")
    sms = number.inside("smsConfiguration")
    sms_job = sms.inside("scheduledProvisioning")
    voice = number.inside("voiceConfiguration")
    voice_job = voice.inside("scheduledVoiceProvisioning")
    columns = {
        "phone_number": number.raw("phoneNumber"),
        "region_code": number.text("regionCode"),
        "number_type": number.text("type"),
        "source": pa.repeat(pa.scalar(SOURCE_RENTED, _TEXT), len(numbers)),
        "capability": number.raw("capability"),
        "display_name": number.text("displayName"),
        "price_amount": money.amounts("amount"),
        "price_currency": money.text("currencyCode"),
        "payment_interval_months": _months(number.raw("paymentIntervalMonths")),
        "next_charge_at": number.times("nextChargeDate"),
        "expire_at": number.times("expireAt"),
        "sms_service_plan_id": sms.text("servicePlanId"),
        "sms_campaign_id": sms.text("campaignId"),
        "sms_provisioning_status": sms_job.text("status"),
        "sms_provisioning_service_plan_id": sms_job.text("servicePlanId"),
        "sms_provisioning_campaign_id": sms_job.text("campaignId"),
        "sms_provisioning_updated_at": sms_job.times("lastUpdatedTime"),
        "sms_provisioning_error_codes": sms_job.raw("errorCodes"),
        "voice_type": voice.text("type"),
        "voice_target_id": _target(voice),
        "voice_updated_at": voice.times("lastUpdatedTime"),
        "voice_provisioning_status": voice_job.text("status"),
        "voice_provisioning_type": voice_job.text("type"),
        "voice_provisioning_target_id": _target(voice_job),
        "voice_provisioning_updated_at": voice_job.times("lastUpdatedTime"),
        "callback_url": number.text("callbackUrl"),
        "extra": number.raw("extra"),
        "snapshot_at": pa.repeat(pa.scalar(snapshot_at.astimezone(UTC), TIME), len(numbers)),
    }
    if unread:
        columns["extra"] = _noted(columns["extra"], unread)
    return pa.Table.from_arrays([columns[name] for name in INVENTORY.names], schema=INVENTORY)


def in_own_memory(rows: pa.Table) -> pa.Table:
    """A copy of `rows`, so that the memory of the whole page can be freed.

    The rows are a part of what the reader made of the page, which is several times their size.
    """
    batches = rows.to_batches()
    if not batches:
        return rows.schema.empty_table()
    return pa.Table.from_batches([pa.concat_batches([*batches, batches[0].slice(0, 0)])])


@dataclass(frozen=True, slots=True)
class _Members:
    """The members of one object, for a whole batch.

    Where the object is null, so are its members.
    """

    values: pa.StructArray
    path: str
    unread: dict[int, dict[str, str]] = field(repr=False)

    def raw(self, name: str) -> pa.Array:
        place = self.values.type.get_field_index(name)
        if self.values.null_count == 0:
            return self.values.field(place)
        return self.values.flatten()[place]

    def inside(self, name: str) -> _Members:
        return _Members(self.raw(name), f"{self.path}{name}.", self.unread)

    def text(self, name: str) -> pa.Array:
        values = self.raw(name)
        if values.null_count == len(values):
            return pa.nulls(len(values), values.type)
        empty = pc.equal(values, "")
        if not pc.any(empty).as_py():
            return values
        return pc.if_else(empty, _NO_TEXT, values)

    def times(self, name: str) -> pa.Array:
        return self._cast(name, TIME, _time)

    def amounts(self, name: str) -> pa.Array:
        return self._cast(name, AMOUNT, _amount)

    def _cast(self, name: str, kind: pa.DataType, one: Callable[[str], Any]) -> pa.Array:
        """Strictly in Arrow. Only when a value does not fit, each value separately."""
        values = self.text(name)
        if values.null_count == len(values):
            return pa.nulls(len(values), kind)
        try:
            cast = values.cast(kind)
        except pa.ArrowInvalid:
            cast = None
        if cast is not None and (kind != TIME or _in_calendar(cast)):
            return cast
        found: list[Any] = []
        for place, value in enumerate(values.to_pylist()):
            read = None if value is None else one(value)
            if value is not None and read is None:
                self.unread.setdefault(place, {})[f"{self.path}{name}"] = value
            found.append(read)
        return pa.array(found, type=kind)


# Arrow's calendar is longer than Python's: what Python cannot hold counts as unreadable.
_FIRST = pa.scalar(datetime.min.replace(tzinfo=UTC), TIME)
_LAST = pa.scalar(datetime.max.replace(tzinfo=UTC), TIME)


def _in_calendar(times: pa.Array) -> bool:
    outside = pc.or_(pc.less(times, _FIRST), pc.greater(times, _LAST))
    return not pc.any(outside).as_py()


# A fraction of any length (the vendor writes six or nine digits, docs/vendor/README.md, correction
# 7): what is finer than a microsecond is cut off.
_FINE_FRACTION = re.compile(r"(\.[0-9]{6})[0-9]+")


def _time(text: str) -> datetime | None:
    """A time as models.vendor reads it: with or without a zone, UTC when there is none.

    None = unreadable.
    """
    try:
        moment = datetime.fromisoformat(_FINE_FRACTION.sub(r"\1", text))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# What decimal128(38, 6) holds: 32 digits before the point, six after it. Zeros beyond do not count.
_PLAIN_AMOUNT = re.compile(r"-?[0-9]{1,32}(\.[0-9]{1,6}0{0,30})?")


def _amount(text: str) -> Decimal | None:
    """An exact amount; None when it is not a number or would lose digits."""
    return (
        Decimal(text).quantize(Decimal("0.000001"))
        if _PLAIN_AMOUNT.fullmatch(text) and len(text) < 40
        else None
    )


def _months(values: pa.Array) -> pa.Array:
    # Live replies say 1, documentation samples 0: 0 and nothing are read as 1 (assumed,
    # docs/vendor/numbers-behaviour.md §13).
    return pc.if_else(pc.equal(pc.fill_null(values, 0), 0), pa.scalar(1, pa.int32()), values)


def _target(voice: _Members) -> pa.Array:
    """The id that goes with the type.

    If the vendor fills several, the one that the type names, else the first.
    """
    app, trunk, service, kind = (
        voice.text(name) for name in ("appId", "trunkId", "serviceId", "type")
    )
    if trunk.null_count == len(trunk) and service.null_count == len(service):
        return app
    named = pc.case_when(
        pc.make_struct(pc.equal(kind, "RTC"), pc.equal(kind, "EST"), pc.equal(kind, "FAX")),
        app,
        trunk,
        service,
    )
    return pc.coalesce(named, app, trunk, service)


def _noted(extra: pa.Array, unread: dict[int, dict[str, str]]) -> pa.Array:
    texts = extra.to_pylist()
    for place, members in unread.items():
        before = json.loads(texts[place]) if texts[place] else {}
        texts[place] = json.dumps({**before, **members}, sort_keys=True)
    return pa.array(texts, type=_TEXT)
