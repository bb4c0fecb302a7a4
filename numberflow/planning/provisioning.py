"""Whether the links of a number work, and what to do when they do not.

Here: the vendor's test for success, and the meaning of its failure codes. Not here: polling
(purchase) and a new attempt (configure).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.models.vendor import ActiveNumber, VoiceType


class LinkState(StrEnum):
    """State of one link (SMS or voice) of a number."""

    NOT_ASKED = "not_asked"
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    DROPPED = "dropped"
    """There is neither a job nor the link: the job was dropped or never started."""


class Link(BaseModel):
    """One link of one number, with what to do about it."""

    model_config = ConfigDict(frozen=True)

    state: LinkState
    error_codes: tuple[str, ...] = ()
    advice: str = ""


# docs/vendor/numbers-behaviour.md §6, "Handling by code"; the advice is the vendor's unless marked
# assumed.
_ADVICE = {
    "PARTNER_SERVICE_UNAVAILABLE": "a partner of the vendor was down; link the number again",
    "CAMPAIGN_PENDING_ACCEPTANCE": "the campaign waits for acceptance (up to 24 h); link the "
    "number again then",
    "CAMPAIGN_MNO_REVIEW": "a carrier still reviews the campaign; link the number again in a day "
    "(assumed)",
    "EXCEEDED_10DLC_LIMIT": "the campaign is full; use another campaign, or ask "
    "support for a number pool",
    "CAMPAIGN_NOT_AVAILABLE": "check the campaign id, and that Sinch is its connection partner in "
    "the registry",
    "NUMBER_PROVISIONING_FAILED": "rare; ask support, or release the number and take another "
    "(that costs money)",
    "MNO_SHARING_ERROR": "check that the campaign reached all carriers",
    "SMS_PROVISIONING_FAILED": "check the service plan id, or use another service plan, or ask "
    "support",
    "CAMPAIGN_PROVISIONING_FAILED": "link the number once more, then ask support",
    "INTERNAL_ERROR": "link the number once more, then ask support",
    "INSUFFICIENT_BALANCE": "the account's credit does not cover the fees; top up, then link the "
    "number again",
    "CAMPAIGN_EXPIRED": "the campaign has expired; use another",
    "CAMPAIGN_MNO_REJECTED": "a carrier refused the campaign; use another",
    "CAMPAIGN_MNO_SUSPENDED": "a carrier suspended the campaign; use another",
    "MOCK_CAMPAIGN_NOT_ALLOWED": "test campaigns cannot be linked; use a real one",
    "TFN_NOT_ALLOWED": "toll-free numbers cannot have a campaign; leave it out",
    "INVALID_NNID": "the NNID is not permitted; ask the account manager",
}
_VOICE_ADVICE = (
    "the vendor gives no reason for voice links; check the id of the app, trunk or fax service, "
    "then support"
)
_DROPPED_ADVICE = "no job is running and the link is not set; link the number again"


def explain(codes: Iterable[str]) -> str:
    """What a person can do about these failure codes."""
    known = [f"{code}: {_ADVICE.get(code, 'not a documented code; ask support')}" for code in codes]
    return "; ".join(known) or "the vendor gave no reason; ask support"


def sms_link(number: ActiveNumber, wanted: SmsLink | None) -> Link:
    """State of the SMS link.

    Done: no job, and both ids are at the top level. Failed: the job says so. Pending: a job in any
    other state, known or not (§6).
    """
    if wanted is None:
        return Link(state=LinkState.NOT_ASKED)
    config = number.sms_configuration
    job = config.scheduled_provisioning if config else None
    if job is not None:
        if job.status == "FAILED":
            return Link(
                state=LinkState.FAILED, error_codes=job.error_codes, advice=explain(job.error_codes)
            )
        return Link(state=LinkState.PENDING)
    if "smsConfiguration" in number.unreadable or (config and config.unreadable):
        # An unreadable member may be a job: not final.
        return Link(state=LinkState.PENDING)
    linked = (
        config is not None
        and config.service_plan_id == wanted.service_plan_id
        and (wanted.campaign_id is None or config.campaign_id == wanted.campaign_id)
    )
    return (
        Link(state=LinkState.DONE)
        if linked
        else Link(state=LinkState.DROPPED, advice=_DROPPED_ADVICE)
    )


def voice_link(number: ActiveNumber, wanted: VoiceLink | None) -> Link:
    """State of the voice link; like `sms_link`, but failures have no code (§6)."""
    if wanted is None:
        return Link(state=LinkState.NOT_ASKED)
    config = number.voice_configuration
    job = config.scheduled_voice_provisioning if config else None
    if job is not None:
        if job.status == "FAILED":
            return Link(state=LinkState.FAILED, advice=_VOICE_ADVICE)
        return Link(state=LinkState.PENDING)
    if "voiceConfiguration" in number.unreadable or (config and config.unreadable):
        return Link(state=LinkState.PENDING)
    current = None
    if config is not None:
        current = {
            VoiceType.RTC: config.app_id,
            VoiceType.EST: config.trunk_id,
            VoiceType.FAX: config.service_id,
        }[wanted.type]
    return (
        Link(state=LinkState.DONE)
        if current == wanted.target_id
        else Link(state=LinkState.DROPPED, advice=_DROPPED_ADVICE)
    )
