"""Our columns say of each number what the client's own reading of it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live_pages import live, live_numbers, page

from numberflow.client.raw_pages import read_raw_page
from numberflow.export.flatten import flatten, in_own_memory
from numberflow.export.schema import INVENTORY
from numberflow.export.wire import read_numbers
from numberflow.models.vendor import ActiveNumber

SNAPSHOT_AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def table(*numbers: dict[str, Any]) -> list[dict[str, Any]]:
    read, _ = read_numbers(page(list(numbers)), None)
    flat = flatten(read, SNAPSHOT_AT)
    assert INVENTORY.equals(flat.schema, check_metadata=True)
    flat.validate(full=True)
    rows: list[dict[str, Any]] = flat.to_pylist()
    return rows


def expected(number: dict[str, Any]) -> dict[str, Any]:
    """The row of one number, from the client's models: another reading of the same contract."""
    model = ActiveNumber.model_validate(number)
    sms, voice = model.sms_configuration, model.voice_configuration
    sms_job = sms.scheduled_provisioning if sms else None
    voice_job = voice.scheduled_voice_provisioning if voice else None
    ids = {"RTC": "app_id", "EST": "trunk_id", "FAX": "service_id"}

    def target(of: Any) -> Any:
        if of is None:
            return None
        return getattr(of, ids.get(of.type, "app_id")) or of.app_id or of.trunk_id or of.service_id

    return {
        "phone_number": model.phone_number,
        "region_code": model.region_code,
        "number_type": model.number_type,
        "source": "rented",
        "capability": list(model.capabilities),
        "display_name": model.display_name,
        "price_amount": model.money.amount if model.money else None,
        "price_currency": model.money.currency_code if model.money else None,
        "payment_interval_months": model.payment_interval_months,
        "next_charge_at": model.next_charge_at,
        "expire_at": model.expire_at,
        "sms_service_plan_id": sms.service_plan_id if sms else None,
        "sms_campaign_id": sms.campaign_id if sms else None,
        "sms_provisioning_status": sms_job.status if sms_job else None,
        "sms_provisioning_service_plan_id": sms_job.service_plan_id if sms_job else None,
        "sms_provisioning_campaign_id": sms_job.campaign_id if sms_job else None,
        "sms_provisioning_updated_at": sms_job.last_updated_at if sms_job else None,
        "sms_provisioning_error_codes": list(sms_job.error_codes) if sms_job else None,
        "voice_type": voice.type if voice else None,
        "voice_target_id": target(voice),
        "voice_updated_at": voice.last_updated_at if voice else None,
        "voice_provisioning_status": voice_job.status if voice_job else None,
        "voice_provisioning_type": voice_job.type if voice_job else None,
        "voice_provisioning_target_id": target(voice_job),
        "voice_provisioning_updated_at": voice_job.last_updated_at if voice_job else None,
        "callback_url": model.callback_url,
        "extra": None,
        "snapshot_at": SNAPSHOT_AT,
    }


@given(st.lists(live_numbers, max_size=4))
@settings(deadline=None)
def test_columns_are_what_the_models_read(numbers: list[dict[str, Any]]) -> None:
    """For any numbers in the live form, rows and models agree in every column."""
    assert [expected(number) for number in numbers] == table(*numbers)


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T00:00:00Z",
        "2026-12-01T00:00:00.5Z",
        "2026-12-01T00:00:00.123456789Z",
        "2026-12-01T00:00:00",
        "2026-12-01T00:00:00.123456789",
        "2026-12-01T02:00:00+02:00",
        "2026-12-01",
        "",
        "soon",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
    ],
)
def test_times_in_every_form(text: str) -> None:
    """A time in any form that was seen is read as the models read it.

    One that cannot be read is null and stands in `extra`.
    """
    number = {**live(0), "expireAt": text}
    row = table(number, live(1))[0]
    model = ActiveNumber.model_validate(number)
    assert model.expire_at == row["expire_at"]
    unreadable = {"expireAt": text} if model.unreadable else None
    assert unreadable == (json.loads(row["extra"]) if row["extra"] else None)


@pytest.mark.parametrize(
    ("amount", "read"),
    [
        ("0.50", "0.50"),
        ("12345678901234567890.123456", "12345678901234567890.123456"),
        ("-3", "-3"),
        ("0.5000000", "0.5"),
        ("0.1234567", None),
        ("1,50", None),
        ("", None),
        ("9" * 33, None),
        ("free", None),
    ],
)
def test_amounts_are_exact_or_nothing(amount: str, read: str | None) -> None:
    """An amount keeps every digit.

    One that would lose a digit, or is none, is null and stands in `extra`.
    """
    row = table({**live(0), "money": {"currencyCode": "USD", "amount": amount}}, live(1))[0]
    assert (None if read is None else Decimal(read)) == row["price_amount"]
    assert ({"money.amount": amount} if read is None and amount else None) == (
        json.loads(row["extra"]) if row["extra"] else None
    )


def test_what_is_unknown_and_what_is_unreadable_stand_together() -> None:
    """`extra` holds members that the schema does not know beside values that it could not read."""
    row = table({**live(0), "newMember": 1, "expireAt": "soon"})[0]
    assert {"newMember": 1, "expireAt": "soon"} == json.loads(row["extra"])


def test_a_page_keeps_only_its_own_memory() -> None:
    """The rows of one page do not hold the other pages that were read with it, nor what the reader
    made of them.
    """
    body = page([live(place) for place in range(1000)])
    rows = flatten(read_numbers(body, read_raw_page(body).items)[0], datetime.now(UTC))
    one = in_own_memory(rows.slice(500, 1))
    assert rows.slice(500, 1) == one
    assert one.get_total_buffer_size() < 4096 < rows.slice(500, 1).get_total_buffer_size()
    assert in_own_memory(rows.slice(500, 0)).get_total_buffer_size() < 4096
