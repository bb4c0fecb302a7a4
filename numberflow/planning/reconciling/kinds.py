"""The closed list of what reconcile can find. docs/reconcile.md says what each means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """Whether somebody has to decide."""

    PERSON = "person"
    INFORMATION = "information"


class Kind(StrEnum):
    """What does not agree, in the order of a report's list: what costs money comes first."""

    ORPHAN = "orphan"
    BOUGHT_ELSEWHERE = "bought_elsewhere"
    LOST_REPLY = "lost_reply"
    CLAIMED_TWICE = "claimed_twice"
    ADOPTED_AND_HELD = "adopted_and_held"
    TWO_PROJECTS = "two_projects"
    RELEASED_ELSEWHERE = "released_elsewhere"
    LEAVING_UNASKED = "leaving_unasked"
    ADOPTED_GONE = "adopted_gone"
    IMPORTED_GONE = "imported_gone"
    IMPORTED_UNKNOWN = "imported_unknown"
    CLAIM_WITHOUT_NUMBER = "claim_without_number"
    HALF_DONE_PURCHASE = "half_done_purchase"
    STOPPED_STEPS = "stopped_steps"
    ORDER_UNFOLLOWED = "order_unfollowed"
    MOVED_SERVICE_PLAN = "moved_service_plan"
    MOVED_CAMPAIGN = "moved_campaign"
    MOVED_VOICE = "moved_voice"
    WRONG_CALLBACK_URL = "wrong_callback_url"
    ADDRESS_MISSING = "address_missing"
    ADDRESS_UNASKED = "address_unasked"
    PRICE_RISE = "price_rise"
    CURRENCY_CHANGED = "currency_changed"
    ORDER_ENDED = "order_ended"
    RENAMED = "renamed"
    EXPIRES_SOON = "expires_soon"
    RENEWALS = "renewals"

    @property
    def severity(self) -> Severity:
        """Whether a finding of this kind needs a person."""
        return Severity.INFORMATION if self in _INFORMATION else Severity.PERSON


_INFORMATION = frozenset({Kind.ORDER_ENDED, Kind.RENAMED, Kind.EXPIRES_SOON, Kind.RENEWALS})
PLACE: Mapping[Kind, int] = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree, with what either side says.

    Fields:
        kind: what it is.
        subject: the phone number; else a step, an order, a reference, or a day.
        journal, vendor: the evidence, in words. The same state gives the same words, so that a
            finding that has not changed can be recognised.
        reference: whose it is; "" when no reference explains it.
        wanted: what was last asked for, by the names of planning.links, where the vendor shows
            something else.
    """

    kind: Kind
    subject: str
    journal: str
    vendor: str
    reference: str = ""
    wanted: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same finding has the same key, whenever it is found."""
        return f"{self.kind}/{self.subject}"
