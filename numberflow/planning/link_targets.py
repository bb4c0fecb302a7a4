"""What a look at the vendor's products says of a link: good, missing, cannot be checked. Pure.

Source: docs/vendor/link-targets.md. The vendor takes any id and says minutes later, when the
number is paid for, that it leads nowhere.

Not here: looking (purchase.link_targets).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from numberflow.models.link_targets import (
    Campaign,
    NamedTarget,
    SmsApp,
    TargetFinding,
    TargetKind,
    Verdict,
)

PRODUCTS = {
    TargetKind.SERVICE_PLAN: "SMS apps",
    TargetKind.CAMPAIGN: "10DLC campaigns",
    TargetKind.VOICE_APP: "voice services",
    TargetKind.TRUNK: "SIP trunks",
    TargetKind.FAX_SERVICE: "fax services",
}
# About what a campaign takes; the vendor shows no limit (docs/vendor/link-targets.md).
CAMPAIGN_NUMBERS = 50
# Of what would do, a message names a few.
NAMED_MAX = 5

_SMS_USABLE = frozenset({"ACTIVE"})
# Words that say nothing: neither is a reason to refuse a purchase.
_UNSAID = frozenset({"", "STATUS_UNSPECIFIED", "UNRECOGNIZED"})
_CAMPAIGN_USABLE = frozenset({"APPROVED", "ACTIVE"})
_OLDER = {
    TargetKind.SERVICE_PLAN: "a service plan that is older than SMS apps is not listed",
    TargetKind.VOICE_APP: "an app of Voice API v1 is not listed",
}


def plan_finding(plan_id: str, apps: Sequence[SmsApp]) -> TargetFinding:
    """A service plan among the project's SMS apps, known by either of their ids (assumed)."""
    kind = TargetKind.SERVICE_PLAN
    mine = next((app for app in apps if plan_id in (app.id, app.sms_service_id)), None)
    usable = (app.sms_service_id or app.id for app in apps if app.status in _SMS_USABLE)
    if mine is None:
        return unlisted(kind, plan_id, usable)
    status = mine.status or ""
    if status in _UNSAID:
        return unchecked(kind, plan_id, "its SMS app is there, and the vendor shows no status")
    if status not in _SMS_USABLE:
        return _finding(kind, plan_id, Verdict.MISSING, f"its SMS app is {status}", usable)
    return _finding(kind, plan_id, Verdict.GOOD, _named("SMS app", mine.name, status))


def campaign_finding(
    campaign_id: str, found: Campaign | None, others: Iterable[Campaign] = ()
) -> TargetFinding:
    """A campaign as its registration shows it; `found` None: the vendor knows none."""
    kind = TargetKind.CAMPAIGN
    usable = (each.campaign_id for each in others if each.status in _CAMPAIGN_USABLE)
    if found is None:
        return _finding(kind, campaign_id, Verdict.MISSING, "the project has no such one", usable)
    status = found.status or ""
    if status in _UNSAID:
        return unchecked(kind, campaign_id, "it is there, and the vendor shows no status")
    if status not in _CAMPAIGN_USABLE:
        return _finding(kind, campaign_id, Verdict.MISSING, f"it is {status}", usable)
    return _finding(kind, campaign_id, Verdict.GOOD, f"campaign, {status}")


def service_finding(
    kind: TargetKind, service_id: str, found: NamedTarget | None, others: Iterable[NamedTarget] = ()
) -> TargetFinding:
    """A voice service, trunk or fax service; `found` None: it is not there."""
    if found is not None:
        product = PRODUCTS[kind].removesuffix("s")
        return _finding(kind, service_id, Verdict.GOOD, _named(product, found.name))
    usable = (each.id for each in others)
    if kind in _OLDER:
        return unlisted(kind, service_id, usable)
    return _finding(kind, service_id, Verdict.MISSING, "the project has no such one", usable)


def unlisted(kind: TargetKind, target_id: str, usable: Iterable[str]) -> TargetFinding:
    """It is not listed, and that proves nothing."""
    told = f"it is not among the project's {PRODUCTS[kind]}, and {_OLDER[kind]}"
    return _finding(kind, target_id, Verdict.UNCHECKED, told, usable)


def unchecked(kind: TargetKind, target_id: str, why: str) -> TargetFinding:
    """Nothing is known of it."""
    return _finding(kind, target_id, Verdict.UNCHECKED, why)


def is_unlisted(finding: TargetFinding) -> bool:
    """Whether the vendor's list was read and does not have it."""
    older = _OLDER.get(finding.kind)
    return finding.verdict is Verdict.UNCHECKED and older is not None and older in finding.told


def sentence(finding: TargetFinding) -> str:
    """A finding in words, with ids that would do."""
    words = f"{finding.kind}: {finding.id} {_VERB[finding.verdict]}: {finding.told}"
    if not finding.instead:
        return words
    more = len(finding.instead) - NAMED_MAX
    listed = ", ".join(finding.instead[:NAMED_MAX])
    return f"{words}; there are {listed}{f' and {more} more' if more > 0 else ''}"


_VERB = {
    Verdict.GOOD: "is good",
    Verdict.MISSING: "is missing or cannot be used",
    Verdict.UNCHECKED: "cannot be checked",
}


def crowd_note(campaign_id: str, using: int, adding: int, read_on: str) -> str:
    """That a campaign may be full; empty when there is room."""
    if using + adding <= CAMPAIGN_NUMBERS:
        return ""
    return (
        f"sms.campaign_id: {campaign_id} has {using} numbers by the inventory of {read_on}, and "
        f"{adding} more come: a campaign takes about {CAMPAIGN_NUMBERS}, and further ones may fail"
    )


def _named(what: str, name: str | None, status: str = "") -> str:
    parts = [f"{what} {name!r}" if name else what, status]
    return ", ".join(part for part in parts if part)


def _finding(
    kind: TargetKind, target_id: str, verdict: Verdict, told: str, instead: Iterable[str] = ()
) -> TargetFinding:
    return TargetFinding(
        kind=kind,
        id=target_id,
        verdict=verdict,
        told=told,
        instead=tuple(dict.fromkeys(each for each in instead if each != target_id)),
    )
