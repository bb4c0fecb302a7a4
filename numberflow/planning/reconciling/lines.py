"""The two tables that are compared: the journal's lines and the vendor's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Does(StrEnum):
    """What a step of the journal means for its number."""

    GETS = "gets"
    GIVES_UP = "gives up"
    CHANGES = "changes"
    PUTS_ADDRESS = "puts an emergency address on"
    TAKES_ADDRESS = "takes the emergency address off"
    OTHER = "other"


class Stand(StrEnum):
    """How far a step is."""

    PLANNED = "planned"
    UNKNOWN = "unknown"
    """It may have taken effect, and nobody works on it."""
    UNDER_WAY = "under way"
    """Somebody works on it at this moment."""
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """One costly step of the journal, for one number.

    Fields:
        id: of the intention.
        phone_number: "" while it has none.
        at: when it changed last.
        sent_at: when its last request left. What became of it may be known much later, so this
            orders the steps of a number; None = as `at`.
        wants: what it asked for, by the names of planning.links, `callback_url` and
            `display_name`; "" = none.
        is_hosted: it is about a number that lives elsewhere.
        is_shown: the vendor has to show the number once this is done. Not so for an order of
            hosted numbers, of which single ones may fail.
    """

    id: str
    reference: str
    operation: str
    does: Does
    stand: Stand
    phone_number: str
    at: datetime
    monthly: Decimal | None = None
    currency: str | None = None
    wants: Mapping[str, str] = field(default_factory=dict)
    is_hosted: bool = False
    is_shown: bool = True
    reason: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Custody:
    """The last decision of a person about a number: it is ours, or it is gone.

    `monthly` and `currency`: what it cost when it was adopted.
    """

    phone_number: str
    is_held: bool
    at: datetime
    by: str
    reference: str = ""
    monthly: Decimal | None = None
    currency: str | None = None
    is_hosted: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """One purchase. `wanted`: numbers that it is to rent; None where it rents none.

    `is_known`: a person said that they know how it stands, and nothing changed since.
    """

    name: str
    wanted: int | None = None
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Something open that the vendor works on, as we saw it last, and as the vendor shows it now.

    `shown`: the vendor's word; "" when it was not read. `has_ended`: that word is final.
    """

    order_id: str
    kind: str
    reference: str
    state: str
    seen_at: datetime
    shown: str = ""
    has_ended: bool = False


@dataclass(frozen=True)
class JournalSide:
    """What we believe.

    Fields:
        lines: every step of the project, in any order.
        custody: numbers of which a person said something.
        claims: numbers that a rent holds → its intention.
        elsewhere: numbers that another project's steps hold → that project.
        references: the purchases.
        orders: what is open.
        linking: numbers whose link is on its way, and followed.
        leaving: numbers whose end is on its way, and followed.
        now: the journal's clock.
    """

    lines: Sequence[Line]
    now: datetime
    custody: Mapping[str, Custody] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    orders: Sequence[Order] = ()
    linking: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VendorSide:
    """What the vendor shows.

    Fields:
        numbers: rows with the columns of the inventory (`COLUMNS`), in any order; read once.
        read_at: when the reading began, by the journal's clock. What the journal did since is
            not compared.
        now: the vendor's clock.
        has_hosted: numbers that live elsewhere were asked for, too.
        addresses: numbers whose emergency address was read → whether they have one.
    """

    numbers: Iterable[Mapping[str, Any]]
    read_at: datetime
    now: datetime
    has_hosted: bool = True
    addresses: Mapping[str, bool] = field(default_factory=dict)


COLUMNS = (
    "phone_number",
    "source",
    "display_name",
    "price_amount",
    "price_currency",
    "payment_interval_months",
    "next_charge_at",
    "expire_at",
    "sms_service_plan_id",
    "sms_campaign_id",
    "sms_provisioning_status",
    "sms_provisioning_service_plan_id",
    "sms_provisioning_campaign_id",
    "voice_type",
    "voice_target_id",
    "voice_provisioning_status",
    "voice_provisioning_type",
    "voice_provisioning_target_id",
    "callback_url",
)
"""Columns of the inventory that are compared."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """What "soon" and "long ago" are.

    - `expires`: a week is time to move a service to another number.
    - `renews`: long enough to release over a weekend what nobody needs.
    - `idle`: as the sweep over orders has it (`purchase.stopped`); no run rests that long.
    - `unfollowed`: the sweep runs every 15 minutes; after a day it surely does not.
    """

    expires: timedelta = timedelta(days=7)
    renews: timedelta = timedelta(days=3)
    idle: timedelta = timedelta(minutes=30)
    unfollowed: timedelta = timedelta(days=1)
