"""Read requests of the imported-numbers API strictly. Refusals come before anything happens."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.numbers import is_toll_free
from numberflow.simulator.imported.order import IMPORT, TEXT_ENABLE, Wanted
from numberflow.simulator.operations import Call

REGIONS = ("US", "CA")
BATCH_MAX = 500
"""Numbers per text-enable or addNumbers (§7)."""

_PHONE_NUMBER = re.compile(r"\+1[2-9][0-9]{9}")
"""Hosting exists for North American numbers only."""
_NNID = re.compile(r"[0-9]{6}")
_E_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PERSON = ("firstName", "lastName", "email")
_ADDRESS = ("buildingNumber", "street", "city", "state", "postalCode", "country")
_LOA_TYPES = {"directLoaInfo": "Direct", "resellerLoaInfo": "Reseller", "blanketLoaInfo": ""}


def text(holder: dict[str, Any], key: str, field: str | None = None) -> str | None:
    """A text member; None if it is absent or null. Raises Problem 400 for anything but text."""
    value = holder.get(key)
    if value is not None and not isinstance(value, str):
        raise refusals.invalid(field or key, f"{field or key} takes text")
    return value


def required(holder: dict[str, Any], key: str, field: str | None = None) -> str:
    """A text member that must be present and not empty."""
    value = text(holder, key, field)
    if not value:
        raise refusals.invalid(field or key, f"{field or key} is required")
    return value


def group(holder: dict[str, Any], key: str) -> dict[str, Any] | None:
    """An object member; None if it is absent or null."""
    value = holder.get(key)
    if value is not None and not isinstance(value, dict):
        raise refusals.invalid(key, f"{key} takes an object")
    return value


def region(value: str) -> str:
    """US or CA."""
    if value not in REGIONS:
        raise refusals.invalid("regionCode", f"Invalid region_code {value}")
    return value


def phone_number(value: str, field: str = "phoneNumber") -> str:
    """A North American number in E.164."""
    if not _PHONE_NUMBER.fullmatch(value):
        raise refusals.invalid(field, f"Invalid phone_number {value}")
    return value


def phone_numbers(body: dict[str, Any], key: str, most: int) -> tuple[str, ...]:
    """A list of different numbers, not empty.

    Raises Problem 400; the text about the limit is the contract's.
    """
    listed = body.get(key)
    if (
        not isinstance(listed, list)
        or not listed
        or not all(isinstance(one, str) for one in listed)
    ):
        raise refusals.invalid(key, f"{key} takes a list of phone numbers")
    if len(listed) > most:
        raise refusals.invalid(key, f"{key} exceeds the limit of {most}")
    for one in listed:
        phone_number(one, key)
    if len(set(listed)) != len(listed):
        raise refusals.invalid(key, f"{key} has a number twice")
    return tuple(listed)


def plan(value: str, unknown_plans: Iterable[str], field: str) -> str:
    """A service plan that exists."""
    if value in unknown_plans:
        raise refusals.invalid_plan(value, field)
    return value


def moment(value: str | None, field: str) -> datetime | None:
    """An RFC 3339 moment with its zone."""
    if not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise refusals.invalid(field, f"Invalid {field} {value}")
    return parsed.astimezone(UTC)


def import_order(body: dict[str, Any], unknown_plans: Iterable[str], most: int) -> Wanted:
    """The body of :importNumbers."""
    region_code = region(required(body, "regionCode"))
    migrate = body.get("migrateToSinchTmo")
    if migrate is not None and not isinstance(migrate, bool):
        raise refusals.invalid("migrateToSinchTmo", "migrateToSinchTmo takes true or false")
    return Wanted(
        kind=IMPORT,
        region_code=region_code,
        phone_numbers=phone_numbers(body, "numbers", most),
        service_plan_id=plan(required(body, "servicePlanId"), unknown_plans, "servicePlanId"),
        campaign_id=_campaign(body, region_code),
        display_name=text(body, "displayName") or "",
        callback_url=text(body, "callbackUrl") or "",
        migrate=bool(migrate),
    )


def text_enable_order(
    body: dict[str, Any], unknown_plans: Iterable[str], *, toll_free: bool
) -> Wanted:
    """The body of the text-enable operations.

    `migrateToSinchTmo` is accepted and ignored (§10); so is a toll-free order's campaign.
    """
    region_code = region(required(body, "regionCode"))
    numbers = phone_numbers(body, "numbers", BATCH_MAX)
    for one in numbers:
        if is_toll_free(one) != toll_free:
            raise refusals.invalid("numbers", f"{one} is {'not ' if toll_free else ''}toll-free")
    service_plan_id = plan(required(body, "servicePlanId"), unknown_plans, "servicePlanId")
    loa_type, loa = _letter(body, toll_free=toll_free)
    nnid = "" if toll_free else text(body, "nnid") or ""
    if nnid and not _NNID.fullmatch(nnid):
        raise refusals.invalid("nnid", f"Invalid nnid {nnid}")
    field = "scheduledZipwhipProvisioningTime" if toll_free else "scheduledOsrUpdateTime"
    # One sample has the toll-free time inside the letter; the top level comes first (§13).
    scheduled = text(body, field) or (text(loa, field) if toll_free else None)
    return Wanted(
        kind=TEXT_ENABLE,
        region_code=region_code,
        phone_numbers=numbers,
        service_plan_id=service_plan_id,
        campaign_id="" if toll_free else _campaign(body, region_code),
        display_name=text(body, "displayName") or "",
        callback_url=text(body, "callbackUrl") or "",
        toll_free=toll_free,
        nnid=nnid,
        scheduled_at=moment(scheduled, field),
        loa=loa,
        loa_type=loa_type,
    )


def _campaign(body: dict[str, Any], region_code: str) -> str:
    campaign_id = text(body, "campaignId") or ""
    # 10DLC is a US scheme (assumed, §18).
    return campaign_id if region_code == "US" else ""


def _letter(body: dict[str, Any], *, toll_free: bool) -> tuple[str, dict[str, Any]]:
    given = [key for key in _LOA_TYPES if body.get(key) is not None]
    if len(given) != 1:
        raise refusals.invalid("loaInfo", f"give exactly one of {', '.join(_LOA_TYPES)}")
    [key] = given
    letter = group(body, key) or {}
    if key == "blanketLoaInfo":
        if toll_free:
            raise refusals.invalid(key, "there is no blanket LOA for toll-free numbers")
        if letter:
            raise refusals.invalid(key, "blanketLoaInfo takes an empty object")
        return "", letter
    if key == "resellerLoaInfo":
        required(letter, "businessName", f"{key}.businessName")
    required(letter, "currentVoiceCarrier", f"{key}.currentVoiceCarrier")
    for part, members in (("authorisedPerson", _PERSON), ("address", _ADDRESS)):
        inside = group(letter, part) or {}
        for member in members:
            required(inside, member, f"{key}.{part}.{member}")
    if not _E_MAIL.fullmatch(letter["authorisedPerson"]["email"]):
        # The value is left out: it names a person.
        raise refusals.invalid(f"{key}.authorisedPerson.email", "email is not an address")
    return _LOA_TYPES[key], letter


def states(call: Call, known: Iterable[str], prefix: str = "") -> frozenset[str]:
    """The mandatory `states`, one or several."""
    values = [value for value in call.values("states") if value]
    if not values:
        raise refusals.invalid("states", "states is required")
    return frozenset(one_of(value, known, "states", prefix) for value in values)


def one_of(value: str, known: Iterable[str], field: str, prefix: str = "") -> str:
    """A known enum value, without its prefix."""
    bare = value.removeprefix(prefix)
    if bare not in known or not value.startswith(prefix):
        raise refusals.invalid(field, f"Invalid {field} {value}")
    return bare


def links(call: Call, *, lenient: bool) -> tuple[str | None, str | None]:
    """`servicePlanId` and `campaignId` of a list, both mandatory.

    An empty value means items without one (§11).
    """
    found: list[str | None] = []
    for key in ("servicePlanId", "campaignId"):
        values = call.values(key)
        if not values and not lenient:
            raise refusals.invalid(key, f"{key} is required")
        found.append(values[-1] if values else None)
    return found[0], found[1]
