"""Background steps and their state at a given moment; the calendar of business days. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WAITING, IN_PROGRESS, DONE, FAILED = "WAITING", "IN_PROGRESS", "DONE", "FAILED"
FINAL = (DONE, FAILED)

FOREVER = datetime.max.replace(tzinfo=UTC)
"""End of a step whose real end is decided elsewhere."""

OSR, PLATFORM, CAMPAIGN = "osr", "platform", "campaign"
"""The steps of a number, in the order they run (§4)."""
STEPS = (OSR, PLATFORM, CAMPAIGN)

UNLINK = "unlink"
"""The unlinking of a plan or campaign, as scripts name it; not a step of an order."""

HELD_ELSEWHERE = "60135"
"""T-Mobile's code for a number that another aggregator holds (§10)."""

FAILURE_CODES = (
    "CAMPAIGN_NOT_AVAILABLE",
    "EXCEEDED_10DLC_LIMIT",
    "NUMBER_PROVISIONING_FAILED",
    "PARTNER_SERVICE_UNAVAILABLE",
    "CAMPAIGN_PENDING_ACCEPTANCE",
    "MNO_SHARING_ERROR",
    "CAMPAIGN_PROVISIONING_FAILED",
    "CAMPAIGN_EXPIRED",
    "CAMPAIGN_MNO_REJECTED",
    "CAMPAIGN_MNO_SUSPENDED",
    "CAMPAIGN_MNO_REVIEW",
    "INSUFFICIENT_BALANCE",
    "MOCK_CAMPAIGN_NOT_ALLOWED",
    "TFN_NOT_ALLOWED",
    "INVALID_NNID",
)
"""Of events (§12)."""

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step fails: an event's failureCode, and a carrier's code if it was a carrier."""

    code: str
    carrier_code: str = ""

    @property
    def message(self) -> str:
        """Words for the error fields."""
        return (
            "held by another aggregator"
            if self.carrier_code == HELD_ELSEWHERE
            else self.code.replace("_", " ").lower()
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step: when it starts and ends, and whether it fails at its end."""

    starts_at: datetime
    ends_at: datetime
    failure: Failure | None = None

    def state(self, now: datetime) -> str:
        """State of the vendor's enum."""
        if now < self.starts_at:
            return WAITING
        if now < self.ends_at:
            return IN_PROGRESS
        return DONE if self.failure is None else FAILED

    def updated_at(self, now: datetime, created_at: datetime) -> datetime:
        """When the state last changed."""
        passed = [moment for moment in (self.starts_at, self.ends_at) if moment <= now]
        return max([created_at, *passed])


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the steps of a hosting order take, in seconds.

    A toll-free registry change is counted in business days.
    """

    osr_s: float
    platform_s: float
    campaign_s: float
    osr_business_days: int | None = None


def timeline(
    begins_at: datetime,
    needed: tuple[str, ...],
    durations: Durations,
    failures: dict[str, Failure],
    scheduled_at: datetime | None = None,
) -> Iterator[tuple[str, Step]]:
    """The steps that a number goes through, one after the other, up to the first that fails."""
    starts_at = begins_at if scheduled_at is None else next_day_after(scheduled_at, begins_at)
    for name in STEPS:
        if name not in needed:
            continue
        if name == OSR and durations.osr_business_days is not None:
            ends_at = add_business_days(starts_at, durations.osr_business_days)
        else:
            ends_at = starts_at + timedelta(seconds=getattr(durations, f"{name}_s"))
        failure = failures.get(name)
        yield name, Step(starts_at, ends_at, failure)
        if failure is not None:
            return
        starts_at = ends_at


def next_day_after(scheduled_at: datetime, begins_at: datetime) -> datetime:
    """A missed moment slides to the next day, same time (§13)."""
    late = begins_at - scheduled_at
    return (
        scheduled_at
        if late <= timedelta(0)
        else scheduled_at + timedelta(days=-(-late // timedelta(days=1)))
    )


def add_business_days(moment: datetime, days: int) -> datetime:
    """This many working days later, same time.

    Weekends do not count; holidays are not known here.
    """
    while days:
        moment += timedelta(days=1)
        if moment.weekday() < _SATURDAY:
            days -= 1
    return moment
