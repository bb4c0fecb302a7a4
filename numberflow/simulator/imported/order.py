"""One hosting order as facts. Its state and its steps follow from them and the clock. Pure.

§4, §5. hosting.py opens, signs and follows orders.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from numberflow.simulator.imported.steps import (
    CAMPAIGN,
    DONE,
    FAILED,
    FOREVER,
    IN_PROGRESS,
    OSR,
    PLATFORM,
    Durations,
    Failure,
    Step,
    timeline,
)
from numberflow.simulator.wire import api_time

SUBMITTED, WAITING_FOR_LOA_SIGNATURE = "SUBMITTED", "WAITING_FOR_LOA_SIGNATURE"
COMPLETED, REJECTED = "COMPLETED", "REJECTED"
OPEN_STATES = (SUBMITTED, WAITING_FOR_LOA_SIGNATURE, IN_PROGRESS)
IMPORT, TEXT_ENABLE = "IMPORT", "TYPE_TEXT_ENABLE"
DEFAULT_NNID = "104029"
"""From the vendor's sample; for orders that name none."""


@dataclass(slots=True)
class HostedNumber:
    """One number in an order.

    Its steps run on their own clock, which stops while staff have the number.
    """

    phone_number: str
    failures: dict[str, Failure]
    parked: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    told: int = 0
    campaign_checked: bool = False
    finished: bool = False

    def real(self, planned_at: datetime, begins_at: datetime) -> datetime:
        """When a planned moment really comes.

        Every period with staff since the beginning delays it; FOREVER while one lasts.
        """
        for begin, end in self.parked:
            since = max(begin, begins_at)
            if planned_at <= since:
                continue
            if end is None:
                return FOREVER
            planned_at += max(end - since, timedelta(0))
        return planned_at

    @property
    def is_parked(self) -> bool:
        """Whether staff have it now."""
        return bool(self.parked) and self.parked[-1][1] is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an order asks for. `loa` is the letter as given, None for an import order.

    It names a person, so nothing else shows it.
    """

    kind: str
    region_code: str
    phone_numbers: tuple[str, ...]
    service_plan_id: str
    campaign_id: str = ""
    display_name: str = ""
    callback_url: str = ""
    migrate: bool = False
    toll_free: bool = False
    nnid: str = ""
    scheduled_at: datetime | None = None
    loa: dict[str, Any] | None = field(default=None, repr=False)
    loa_type: str = ""


@dataclass(slots=True)
class HostingOrder:
    """The facts of one order. `request` is the number of the creating request in the log."""

    order_id: str
    wanted: Wanted
    created_at: datetime
    leaves_submitted_at: datetime
    letter_expires_at: datetime | None
    durations: Durations
    numbers: dict[str, HostedNumber]
    request: int | None
    signed_at: datetime | None = None
    refused_at: datetime | None = None

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """As JSON for the control surface: no letter, since it names a person."""
        return {
            "hosting_order_id": self.order_id,
            "type": self.wanted.kind,
            "state": self.state(now),
            "display_name": self.wanted.display_name,
            "created_at": api_time(self.created_at),
            "signed_at": None if self.signed_at is None else api_time(self.signed_at),
            "numbers": {one: self.outcome(hosted, now) for one, hosted in self.numbers.items()},
            "request": self.request,
        }

    @property
    def needs_signature(self) -> bool:
        """Blanket letters and import orders need none."""
        return self.letter_expires_at is not None

    def begins_at(self, now: datetime) -> datetime | None:
        """When the steps of the numbers began.

        None while something is missing, or when the order was refused.
        """
        if self.refused_at is not None and now >= self.refused_at:
            return None
        begins_at = self.signed_at if self.needs_signature else self.leaves_submitted_at
        return begins_at if begins_at is not None and now >= begins_at else None

    def rejected_at(self, now: datetime) -> datetime | None:
        """When the order was refused as a whole, or its letter expired."""
        if self.refused_at is not None and now >= self.refused_at:
            return self.refused_at
        ran_out = (
            self.letter_expires_at is not None
            and self.signed_at is None
            and now >= self.letter_expires_at
        )
        return self.letter_expires_at if ran_out else None

    def state(self, now: datetime) -> str:
        """The state at a moment."""
        if self.rejected_at(now) is not None:
            return REJECTED
        if now < self.leaves_submitted_at:
            return SUBMITTED
        if self.begins_at(now) is None:
            return WAITING_FOR_LOA_SIGNATURE
        done = all(self.outcome(hosted, now) != IN_PROGRESS for hosted in self.numbers.values())
        return COMPLETED if done else IN_PROGRESS

    def steps(self, hosted: HostedNumber, now: datetime) -> dict[str, Step]:
        """The steps of a number, up to the first that fails; none before they have begun."""
        begins_at = self.begins_at(now)
        if begins_at is None:
            return {}
        planned = timeline(
            begins_at, self.needed, self.durations, hosted.failures, self.wanted.scheduled_at
        )
        return {
            name: Step(
                hosted.real(step.starts_at, begins_at),
                hosted.real(step.ends_at, begins_at),
                step.failure,
            )
            for name, step in planned
        }

    @property
    def needed(self) -> tuple[str, ...]:
        """The steps that apply."""
        needed = [PLATFORM] if self.wanted.kind == IMPORT else [OSR, PLATFORM]
        return (*needed, CAMPAIGN) if self.wanted.campaign_id else tuple(needed)

    def outcome(self, hosted: HostedNumber, now: datetime) -> str:
        """IN_PROGRESS, DONE or FAILED: the result for one number."""
        if self.rejected_at(now) is not None:
            return FAILED
        steps = list(self.steps(hosted, now).values())
        if not steps or now < steps[-1].ends_at:
            return IN_PROGRESS
        return DONE if steps[-1].failure is None else FAILED

    def updated_at(self, now: datetime) -> datetime:
        """When the state last changed."""
        moments = [
            self.created_at,
            self.leaves_submitted_at,
            self.begins_at(now),
            self.rejected_at(now),
        ]
        if self.state(now) == COMPLETED:
            moments += [
                step.ends_at
                for hosted in self.numbers.values()
                for step in self.steps(hosted, now).values()
            ]
        return max(moment for moment in moments if moment is not None and moment <= now)
