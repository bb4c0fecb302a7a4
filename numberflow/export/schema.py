"""The inventory's columns, declared once: names, types, units, descriptions. No type is guessed.

Not here: what the vendor's JSON looks like (wire), how one becomes the other (flatten), files
(writer, store).
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

SCHEMA_VERSION = 1
"""Increases when a column's meaning or type changes; then the folder is called v2.

Within v1, columns are only added, at the end.
"""

# Six digits after the point: list prices seen so far have at most four. Every reader of Parquet
# accepts 38 digits.
AMOUNT = pa.decimal128(38, 6)
TIME = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
TEXTS = pa.list_(TEXT)

SOURCE_RENTED = "rented"
"""`source` of numbers that the Numbers API lists."""
SOURCE_IMPORTED = "imported"
"""`source` of numbers that live elsewhere and send messages through the project.

They have no price, no voice link and no dates.
"""


def column(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    """A column with its type, whether it may be null, and a description with unit and meaning."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


INVENTORY = pa.schema(
    [
        column("phone_number", TEXT, "E.164 with plus; unique in a snapshot", nullable=False),
        column("region_code", TEXT, "ISO 3166-1 alpha-2 of the number's region"),
        column(
            "number_type", TEXT, "LOCAL, MOBILE or TOLL_FREE; other values as the vendor sends them"
        ),
        column(
            "source",
            TEXT,
            "rented from the vendor, or imported: it lives elsewhere and messages through Sinch",
            nullable=False,
        ),
        column("capability", TEXTS, "what the number can carry: SMS, VOICE"),
        column("display_name", TEXT, "name given by its owner"),
        column(
            "price_amount", AMOUNT, "recurring price for payment_interval_months, in price_currency"
        ),
        column("price_currency", TEXT, "ISO 4217 code of price_amount"),
        column("payment_interval_months", pa.int32(), "months that one price_amount pays for"),
        column("next_charge_at", TIME, "when price_amount is charged next, UTC"),
        column("expire_at", TIME, "when the number leaves the project, UTC; null = it stays"),
        column("sms_service_plan_id", TEXT, "SMS service plan in effect; null = none"),
        column("sms_campaign_id", TEXT, "10DLC campaign in effect; null = none"),
        column(
            "sms_provisioning_status",
            TEXT,
            "WAITING, IN_PROGRESS or FAILED; null = no SMS link job",
        ),
        column(
            "sms_provisioning_service_plan_id", TEXT, "service plan that the SMS link job would set"
        ),
        column("sms_provisioning_campaign_id", TEXT, "campaign that the SMS link job would set"),
        column("sms_provisioning_updated_at", TIME, "when the SMS link job last changed, UTC"),
        column("sms_provisioning_error_codes", TEXTS, "why the SMS link job failed, vendor codes"),
        column("voice_type", TEXT, "RTC, EST or FAX; RTC also when nothing is linked"),
        column(
            "voice_target_id",
            TEXT,
            "voice app (RTC), SIP trunk (EST) or fax service (FAX) in effect; null = none",
        ),
        column(
            "voice_updated_at",
            TIME,
            "when the voice link last changed, UTC; live replies leave it null",
        ),
        column(
            "voice_provisioning_status",
            TEXT,
            "WAITING, IN_PROGRESS or FAILED; null = no voice link job",
        ),
        column("voice_provisioning_type", TEXT, "RTC, EST or FAX of the voice link job"),
        column(
            "voice_provisioning_target_id",
            TEXT,
            "app, trunk or fax service that the voice link job would set",
        ),
        column("voice_provisioning_updated_at", TIME, "when the voice link job last changed, UTC"),
        column(
            "callback_url", TEXT, "where the vendor sends events of this number; null = nowhere"
        ),
        column(
            "extra",
            TEXT,
            "JSON object of members that this schema does not know or could not read; null = none",
        ),
        column(
            "snapshot_at",
            TIME,
            "when the reading of this snapshot began, UTC; the same in every row",
            nullable=False,
        ),
    ]
)


def describe(schema: pa.Schema = INVENTORY) -> str:
    """The columns as a Markdown table, for docs/inventory.md (a test keeps the two the same)."""
    lines = ["| Column | Type | Meaning |", "|---|---|---|"]
    for field in schema:
        meaning = field.metadata[b"description"].decode()
        kind = "list<string>" if pa.types.is_list(field.type) else str(field.type)
        lines.append(f"| `{field.name}` | {kind} | {meaning} |")
    return "\n".join(lines)


def iso(moment: datetime) -> str:
    """Aware UTC as text for footers and manifests: 2026-11-23T01:00:00.000000Z."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
