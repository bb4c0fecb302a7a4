"""Background link jobs of a number, and their state at a given moment. Pure.

A job is a handful of facts, fixed when it starts. WAITING, IN_PROGRESS, FAILED and success follow
from those facts and the clock and are never stored, so they cannot disagree
(docs/vendor/numbers-behaviour.md §6). linking.py starts and drops jobs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

WAITING = "WAITING"
IN_PROGRESS = "IN_PROGRESS"
FAILED = "FAILED"


class SmsLink(NamedTuple):
    """Service plan and campaign; empty text means not linked."""

    service_plan_id: str = ""
    campaign_id: str = ""


class VoiceLink(NamedTuple):
    """Application type (RTC, EST, FAX) and the one id that goes with it.

    An empty id means not linked.
    """

    type: str = "RTC"
    id: str = ""


NO_SMS = SmsLink()
NO_VOICE = VoiceLink()


Link = TypeVar("Link", SmsLink, VoiceLink)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the two visible states of a job last, in seconds."""

    waiting_s: float
    in_progress_s: float


@dataclass(frozen=True, slots=True)
class Job(Generic[Link]):
    """One link job. `reached` is what is in effect at the end.

    That is the target, or for a failure what was done by then.
    """

    number: int
    before: Link
    target: Link
    reached: Link
    started_at: datetime
    timing: Timing
    failed: bool = False
    error_codes: tuple[str, ...] = ()

    @property
    def working_at(self) -> datetime:
        """When WAITING becomes IN_PROGRESS."""
        return self.started_at + timedelta(seconds=self.timing.waiting_s)

    @property
    def ends_at(self) -> datetime:
        """When the job succeeds or fails."""
        return self.working_at + timedelta(seconds=self.timing.in_progress_s)


class Progress(NamedTuple):
    """What a scheduled object shows."""

    status: str
    last_updated_at: datetime


def progress(job: Job[SmsLink] | Job[VoiceLink], now: datetime) -> Progress | None:
    """The visible state of a job.

    None once it has succeeded: success has no value of its own.
    """
    if now < job.working_at:
        return Progress(WAITING, job.started_at)
    if now < job.ends_at:
        return Progress(IN_PROGRESS, job.working_at)
    return Progress(FAILED, job.ends_at) if job.failed else None


class Event(NamedTuple):
    """The news of a job's end, one per product (§16)."""

    event_type: str
    status: str
    failure_code: str | None = None


def sms_events(job: Job[SmsLink]) -> list[Event]:
    """Plan and campaign are reported separately.

    SMS-platform failures have no code; campaign failures do (§16).
    """
    events = []
    if job.target.service_plan_id != job.before.service_plan_id:
        arrived = job.reached.service_plan_id == job.target.service_plan_id
        name = (
            "PROVISIONING_TO_SMS_PLATFORM"
            if job.target.service_plan_id
            else "DEPROVISIONING_FROM_SMS_PLATFORM"
        )
        events.append(Event(name, "SUCCEEDED" if arrived else "FAILED"))
    if job.target.campaign_id != job.before.campaign_id:
        arrived = job.reached.campaign_id == job.target.campaign_id
        name = (
            "PROVISIONING_TO_CAMPAIGN" if job.target.campaign_id else "DEPROVISIONING_FROM_CAMPAIGN"
        )
        code = (
            None
            if arrived
            else (job.error_codes[0] if job.error_codes else "CAMPAIGN_PROVISIONING_FAILED")
        )
        events.append(Event(name, "SUCCEEDED" if arrived else "FAILED", code))
    return events


def voice_events(job: Job[VoiceLink]) -> list[Event]:
    """One event. A voice failure has no code (§6)."""
    name = (
        "PROVISIONING_TO_VOICE_PLATFORM" if job.target.id else "DEPROVISIONING_FROM_VOICE_PLATFORM"
    )
    return [Event(name, "FAILED" if job.failed else "SUCCEEDED")]


def farewell_events(sms: SmsLink, voice: VoiceLink) -> list[Event]:
    """Deprovisioning news of a number that expires.

    Only for linked products (*assumed*, table entry 3).
    """
    linked = (
        ("DEPROVISIONING_FROM_SMS_PLATFORM", sms.service_plan_id),
        ("DEPROVISIONING_FROM_CAMPAIGN", sms.campaign_id),
        ("DEPROVISIONING_FROM_VOICE_PLATFORM", voice.id),
    )
    return [Event(name, "SUCCEEDED") for name, link in linked if link]
