"""Imported numbers: numbers that live elsewhere and send messages through the project.

They follow the rented ones in the file, with their own `source`.

Belongs here: requesting them, proving what can be proven, and their rows. Does not: rented numbers
(plan, reader), and which lists to request (the caller). The vendor lists imported numbers by
service plan and campaign only (docs/vendor/imported-hosting-behaviour.md §7), so there is no list
of all.

What is proven: every requested list is complete (its pages give one total, and that many different
numbers came). Not proven: that no other list exists. The lists are the links of rented numbers,
those in our own journal, and each plan without a campaign. A number that the journal knows as
imported is read by itself when no list has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import phonenumbers
import pyarrow as pa

from numberflow.errors import NotFound, PermissionRefused, SnapshotRefused
from numberflow.export.pages import together
from numberflow.export.schema import INVENTORY, SOURCE_IMPORTED
from numberflow.export.vendor import ImportedNumbers
from numberflow.models.imported import ImportedNumber
from numberflow.models.wire import goes_on_too_long

# Tries for one list whose total changes while it is read. It has a few pages, so a second try is
# usually enough.
TRIES_MAX = 4
# The client's own rate limit is the real one; this only leaves some of its connections free.
READS_AT_ONCE = 8

T = TypeVar("T")

Link = tuple[str, str]
"""Service plan and campaign; "" = none."""


@dataclass(frozen=True, slots=True)
class ImportedQuestion:
    """What is known of a project's imported numbers before the vendor is read.

    Fields:
        links: lists to request, in addition to those of the rented numbers.
        phone_numbers: numbers that are imported as far as we know.
    """

    links: frozenset[Link] = frozenset()
    phone_numbers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ImportedReading:
    """Rows (schema INVENTORY, sorted by region, type, number) and their facts for the manifest."""

    table: pa.Table
    facts: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    numbers: dict[str, ImportedNumber] = field(default_factory=dict)
    lists: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0


async def read_imported(
    vendor: ImportedNumbers, question: ImportedQuestion, seen: Iterable[Link], snapshot_at: datetime
) -> ImportedReading:
    """Read every imported number that can be found.

    Args:
        vendor: `client.imported_numbers`.
        question: what is known.
        seen: links of the rented numbers.
        snapshot_at: aware UTC; stands in every row.

    Raises:
        SnapshotRefused: a list cannot be proven complete, or the API refuses although numbers are
            known to be imported.
        The errors of a read.
    """
    plans = {plan for plan, _ in (*question.links, *seen) if plan}
    links = sorted(
        {link for link in (*question.links, *seen) if link[0]} | {(plan, "") for plan in plans}
    )
    found = _Found()
    try:
        # Lists are read in any order and reported in theirs: a project with a campaign for each
        # customer has hundreds of them.
        await _at_once(
            [partial(_read_list, vendor, plan, campaign, found) for plan, campaign in links]
        )
        found.lists.sort(key=lambda each: (each["service_plan_id"], each["campaign_id"]))
        missing = sorted(question.phone_numbers - found.numbers.keys())
        remarks = await _at_once(
            [partial(_read_known, vendor, number, found) for number in missing]
        )
    except PermissionRefused as error:
        # An account with rented numbers only may have no access to this API.
        if question.links or question.phone_numbers:
            raise SnapshotRefused(
                f"imported numbers cannot be read: {error.message}",
                reasons=(error.message,),
                remedy="check the account's access to the imported numbers",
            ) from None
        return ImportedReading(
            INVENTORY.empty_table(),
            {"rows": 0, "lists": []},
            (f"imported numbers could not be requested: {error.message}",),
        )
    facts = {"rows": len(found.numbers), "lists": found.lists, "requests": found.requests}
    return ImportedReading(
        _rows(found.numbers.values(), snapshot_at),
        facts,
        tuple(remark for remark in remarks if remark),
    )


async def _at_once(reads: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Await all of them, `READS_AT_ONCE` together; the first error ends them."""
    slots = asyncio.Semaphore(READS_AT_ONCE)

    async def one(read: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await read()

    return await together(*(one(read) for read in reads))


async def _read_list(vendor: ImportedNumbers, plan: str, campaign: str, found: _Found) -> None:
    """One list, proven: its pages give one total, and that many different numbers came."""
    doubt = ""
    for _ in range(TRIES_MAX):
        numbers: dict[str, ImportedNumber] = {}
        totals: set[int | None] = set()
        tokens: set[str] = set()
        token: str | None = None
        while True:
            page = await vendor.list_page(
                service_plan_id=plan, campaign_id=campaign, page_token=token
            )
            found.requests += 1
            totals.add(page.total_size)
            numbers |= {number.phone_number: number for number in page.imported_numbers}
            token = page.next_page_token
            if (
                token is None
                or token in tokens
                or goes_on_too_long(len(tokens) + 1, page.total_size)
            ):
                break
            tokens.add(token)
        if totals == {len(numbers)} and token is None:
            found.numbers |= numbers
            found.lists.append(
                {
                    "service_plan_id": plan,
                    "campaign_id": campaign,
                    "rows": len(numbers),
                    "total_size": len(numbers),
                }
            )
            return
        doubt = (
            f"{len(numbers)} numbers came where {', '.join(map(str, sorted(totals, key=str)))} "
            "were named"
        )
    where = f"imported numbers of plan {plan}" + (f" and campaign {campaign}" if campaign else "")
    raise SnapshotRefused(
        f"{where} cannot be proven complete: {doubt}",
        reasons=(f"{where}: {doubt}",),
        remedy="run again when the project is quieter; the last snapshot stands",
    )


async def _read_known(vendor: ImportedNumbers, phone_number: str, found: _Found) -> str:
    """A number that no list has: it has no link, is on its way, or is gone.

    Returns a remark when it is gone.
    """
    found.requests += 1
    try:
        found.numbers[phone_number] = await vendor.get(phone_number)
    except NotFound:
        return f"{phone_number} was imported by us, and the vendor no longer knows it"
    return ""


def _rows(numbers: Iterable[ImportedNumber], snapshot_at: datetime) -> pa.Table:
    rows = [_row(number, snapshot_at.astimezone(UTC)) for number in numbers]
    rows.sort(key=lambda row: (row["region_code"] or "", row["number_type"], row["phone_number"]))
    return pa.Table.from_pylist(rows, schema=INVENTORY)


def _row(number: ImportedNumber, snapshot_at: datetime) -> dict[str, Any]:
    sms = number.sms_configuration
    job = sms.scheduled_provisioning if sms is not None else None
    row: dict[str, Any] = dict.fromkeys(INVENTORY.names)
    return row | {
        "phone_number": number.phone_number,
        "region_code": number.region_code or None,
        "number_type": _type(number.phone_number),
        "source": SOURCE_IMPORTED,
        "capability": ["SMS"],
        "display_name": number.display_name or None,
        "sms_service_plan_id": (sms.service_plan_id or None) if sms else None,
        "sms_campaign_id": (sms.campaign_id or None) if sms else None,
        "sms_provisioning_status": (job.status or None) if job else None,
        "sms_provisioning_service_plan_id": (job.service_plan_id or None) if job else None,
        "sms_provisioning_campaign_id": (job.campaign_id or None) if job else None,
        "sms_provisioning_error_codes": list(job.error_codes) if job else None,
        "callback_url": number.callback_url or None,
        "snapshot_at": snapshot_at,
    }


def _type(phone_number: str) -> str:
    """LOCAL or TOLL_FREE by the numbering plan.

    This API does not say, and hosts no other types (§7, §13).
    """
    kind = phonenumbers.number_type(phonenumbers.parse(phone_number))
    return "TOLL_FREE" if kind == phonenumbers.PhoneNumberType.TOLL_FREE else "LOCAL"
