"""The vendor's failure codes for numbers that live elsewhere, and what to do about each. Pure.

Source: docs/vendor/imported-hosting-behaviour.md §10, §12; the column "what to do" is assumed
there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """The steps of a number in a hosting order, in the order in which they run (§4)."""

    OSR = "osrUpdate"
    PLATFORM = "platformProvisioning"
    CAMPAIGN = "campaignProvisioning"


@dataclass(frozen=True, slots=True)
class FailureAdvice:
    """One failure in words: what it means, and what a person does about it."""

    meaning: str
    what_to_do: str

    def __str__(self) -> str:
        return f"{self.meaning}; {self.what_to_do}"


# T-Mobile's code for a number that another aggregator holds (§10).
HELD_ELSEWHERE = "60135"

_OTHER_CAMPAIGN = "link the number to another campaign: configure-numbers"
_SUPPORT = "try once more with configure-numbers, then ask the vendor's support"

_BY_CODE: dict[str, FailureAdvice] = {
    HELD_ELSEWHERE: FailureAdvice(
        "T-Mobile has the number under another aggregator",
        "release it with release-numbers, then import it with import-numbers and "
        "migrate_to_sinch_tmo under a new reference",
    ),
    "CAMPAIGN_NOT_AVAILABLE": FailureAdvice(
        "the campaign is unknown at the registry, or the vendor is not its connectivity partner",
        "check the campaign in the dashboard",
    ),
    "CAMPAIGN_PENDING_ACCEPTANCE": FailureAdvice(
        "the campaign is not accepted yet", "wait some hours, then link again: configure-numbers"
    ),
    "CAMPAIGN_MNO_REVIEW": FailureAdvice(
        "a carrier still reviews the campaign", "wait a day, then link again: configure-numbers"
    ),
    "CAMPAIGN_MNO_REJECTED": FailureAdvice("a carrier rejected the campaign", _OTHER_CAMPAIGN),
    "CAMPAIGN_MNO_SUSPENDED": FailureAdvice("a carrier suspended the campaign", _OTHER_CAMPAIGN),
    "CAMPAIGN_EXPIRED": FailureAdvice("the campaign has expired", _OTHER_CAMPAIGN),
    "CAMPAIGN_PROVISIONING_FAILED": FailureAdvice("a carrier could not take the number", _SUPPORT),
    "NUMBER_PROVISIONING_FAILED": FailureAdvice("a carrier could not take the number", _SUPPORT),
    "MNO_SHARING_ERROR": FailureAdvice("the campaign could not be shared with a carrier", _SUPPORT),
    "PARTNER_SERVICE_UNAVAILABLE": FailureAdvice(
        "a third party did not answer", "link again in an hour: configure-numbers"
    ),
    "EXCEEDED_10DLC_LIMIT": FailureAdvice(
        "the campaign is full (most take 50 numbers, a sole proprietor's takes one)",
        "link the number to another campaign, or ask for a number pool",
    ),
    "INSUFFICIENT_BALANCE": FailureAdvice(
        "the account does not have enough credit", "top it up, then link again"
    ),
    "MOCK_CAMPAIGN_NOT_ALLOWED": FailureAdvice(
        "it is a test campaign", "link the number to a real one"
    ),
    "TFN_NOT_ALLOWED": FailureAdvice(
        "a toll-free number cannot have a campaign",
        "text-enable it as toll-free: text-enable-numbers",
    ),
    "SMS_PROVISIONING_FAILED": FailureAdvice(
        "the link to the service plan failed",
        "check the service plan id, use another plan, or ask support",
    ),
    "INTERNAL_ERROR": FailureAdvice("the vendor had an internal error", _SUPPORT),
    "INVALID_NNID": FailureAdvice(
        "the NNID is wrong, or the account may not use it",
        "leave nnid empty under a new reference, or ask the account manager",
    ),
}
# A text-enable order that fails like this leaves no imported number that could be released
# (assumed).
_HELD_NEVER_IMPORTED = FailureAdvice(
    "T-Mobile has the number under another aggregator",
    "it was never imported, so there is nothing to release: import it with import-numbers and "
    "migrate_to_sinch_tmo",
)
_BY_STEP: dict[Step, FailureAdvice] = {
    Step.OSR: FailureAdvice(
        "the change of the messaging route failed",
        "ask the current carrier whether the route is locked, then text-enable the number under a "
        "new reference",
    ),
    Step.PLATFORM: FailureAdvice(
        "the link to the service plan failed",
        "check the service plan, then link the number: configure-numbers, or order under a new "
        "reference",
    ),
    Step.CAMPAIGN: FailureAdvice("the link to the campaign failed", _SUPPORT),
}


_UNLINK = FailureAdvice(
    "the vendor could not remove the old link", "try once more, then ask the vendor's support"
)
_VOICE = FailureAdvice(
    "the voice link failed, and the vendor gives no reason for voice",
    "check the id of the app, trunk or fax service, then link again; then ask the vendor's support",
)
_VOICE_UNLINK = FailureAdvice(
    "the old voice link was not removed, and the vendor gives no reason for voice",
    "try once more, then ask the vendor's support",
)


def voice_advice(*, unlink: bool) -> FailureAdvice:
    """What a failed voice job means: voice has no codes (docs/vendor/numbers-behaviour.md §6)."""
    return _VOICE_UNLINK if unlink else _VOICE


def unlink_advice(code: str) -> FailureAdvice:
    """What a failed unlink of a plan or campaign means; the codes are those of links."""
    known = _BY_CODE.get(code)
    if known is not None:
        return FailureAdvice(f"{_UNLINK.meaning}: {known.meaning}", known.what_to_do)
    return FailureAdvice(f"{_UNLINK.meaning} ({code})", _UNLINK.what_to_do) if code else _UNLINK


def advice_for(code: str, step: Step, *, is_imported: bool = True) -> FailureAdvice:
    """What a failure at a step means.

    A code that the table does not list is shown unchanged, with the advice of its step.
    `is_imported`: False for a number of a text-enable order.
    """
    if code == HELD_ELSEWHERE and not is_imported:
        return _HELD_NEVER_IMPORTED
    known = _BY_CODE.get(code)
    if known is not None:
        return known
    by_step = _BY_STEP[step]
    return FailureAdvice(f"{by_step.meaning} ({code})", by_step.what_to_do) if code else by_step
