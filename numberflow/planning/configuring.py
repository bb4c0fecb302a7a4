"""What to send to a held number to get it as wanted, and what that takes away meanwhile. Pure.

Another link takes two requests: remove the old one, wait until it is gone, add the new one
(docs/vendor/numbers-behaviour.md §7, docs/vendor/imported-hosting-behaviour.md §9). Not here:
sending and waiting (purchase.held).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.imported import ImportedNumber, ImportedSmsConfiguration
from numberflow.models.vendor import (
    ActiveNumber,
    Money,
    ProvisioningStatus,
    ScheduledProvisioning,
    ScheduledVoiceProvisioning,
    SmsConfiguration,
    VoiceConfiguration,
    VoiceType,
)
from numberflow.planning.hosting import failed_step, imported_code
from numberflow.planning.hosting_failures import Step
from numberflow.planning.links import SMS_IDS, VOICE_IDS, Ids, LinkJob, Product, takes_off, told_ids


class Holding(StrEnum):
    """How a number is held."""

    RENTED = "rented"
    IMPORTED = "imported"


_VOICE_ID = {VoiceType.RTC: "app_id", VoiceType.EST: "trunk_id", VoiceType.FAX: "service_id"}


@dataclass(frozen=True, slots=True)
class HeldNumber:
    """A held number as far as it can be changed: "" for what it does not have.

    `service_plan_id` to `voice_id` are what it has or is about to get; `ids` is what is in effect
    now, by the names of planning.links.
    """

    phone_number: str
    holding: Holding
    display_name: str = ""
    callback_url: str = ""
    service_plan_id: str = ""
    campaign_id: str = ""
    voice_type: str = ""
    voice_id: str = ""
    leaves_at: datetime | None = None
    price: Money | None = None
    """Per `months`. None of an imported number: the vendor shows none."""
    months: int = 1
    next_charge_at: datetime | None = None
    name_is_read: bool = True
    """False when the vendor sent a name that is no text."""
    ids: Ids = field(default_factory=dict)
    sms_job: LinkJob | None = None
    voice_job: LinkJob | None = None

    @property
    def is_moving(self) -> bool:
        """Whether a job runs that will change a link."""
        return any(job is not None and job.is_running for job in (self.sms_job, self.voice_job))

    @property
    def told_links(self) -> str:
        """The links in words; empty when there is none."""
        return told_ids(
            {
                "service_plan_id": self.service_plan_id,
                "campaign_id": self.campaign_id,
                "voice_type": self.voice_type,
                "voice_id": self.voice_id,
            }
        )

    @property
    def marks(self) -> dict[str, str]:
        """Marks of failed jobs by product: if a later read shows one again, it is not new."""
        jobs = ((Product.SMS, self.sms_job), (Product.VOICE, self.voice_job))
        return {
            str(name): job.mark
            for name, job in jobs
            if job is not None and not job.is_running and job.mark
        }


@dataclass(frozen=True, slots=True)
class Changes:
    """The requests for one number: `unlink` comes first and has to finish before `change`.

    Empty ones are not sent. `loses`: in words.
    """

    unlink: Mapping[str, Any] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    loses: tuple[str, ...] = ()


def held_active(number: ActiveNumber) -> HeldNumber:
    """A rented number. A failed job has changed nothing; a running one leads to its ids."""
    sms, voice = number.sms_configuration, number.voice_configuration
    ids = {**_sms_ids(sms), **_voice_ids(voice)}
    sms_job = _sms_job(sms, _has_campaign_step(ids))
    if sms_job is None and ("smsConfiguration" in number.unreadable or (sms and sms.unreadable)):
        sms_job = _UNREADABLE
    shown = voice.scheduled_voice_provisioning if voice else None
    voice_job = None
    if shown is not None:
        is_running = shown.status != ProvisioningStatus.FAILED
        voice_job = LinkJob(_voice_ids(shown), is_running, updated_at=shown.last_updated_at)
    elif "voiceConfiguration" in number.unreadable or (voice and voice.unreadable):
        voice_job = _UNREADABLE
    held = _held(number, Holding.RENTED, ids, sms_job, voice_job, number.expire_at)
    return replace(
        held,
        price=number.money,
        months=number.payment_interval_months,
        next_charge_at=number.next_charge_at,
    )


def held_imported(number: ImportedNumber) -> HeldNumber:
    """An imported number. A failed job has changed nothing; a running one leads to its ids."""
    ids = _sms_ids(number.sms_configuration)
    job = _sms_job(number.sms_configuration, failed_step(number))
    if (job is None or not job.is_running) and (step := failed_step(number)) is not None:
        # The scheduled change may be missing or say less than the details do
        # (docs/vendor/imported-hosting-behaviour.md §4).
        code = imported_code(number)
        job = (
            replace(job, failed_step=step, code=code)
            if job
            else LinkJob(_detail_ids(number), False, code, None, step)
        )
    if job is None and number.unreadable:
        job = _UNREADABLE
    return _held(number, Holding.IMPORTED, ids, job, None, None)


# An unreadable member may be a job: not final.
_UNREADABLE = LinkJob({}, is_running=True)


def _held(
    number: ActiveNumber | ImportedNumber, holding: Holding, ids: Ids, sms_job: LinkJob | None,
    voice_job: LinkJob | None, leaves_at: datetime | None,
) -> HeldNumber:  # fmt: skip
    coming = {**ids}
    for job in (sms_job, voice_job):
        # A link that is being removed is still in effect.
        if job is not None and job.is_running and not takes_off(job, ids):
            coming |= {name: value for name, value in job.ids.items() if value or not ids.get(name)}
    links: dict[str, Any] = {name: coming.get(name, "") for name in (*SMS_IDS, *VOICE_IDS)}
    return HeldNumber(
        number.phone_number,
        holding,
        number.display_name or "",
        number.callback_url or "",
        leaves_at=leaves_at,
        ids=ids,
        sms_job=sms_job,
        voice_job=voice_job,
        name_is_read="displayName" not in number.unreadable,
        **links,
    )


def _sms_ids(
    holder: SmsConfiguration | ImportedSmsConfiguration | ScheduledProvisioning | None,
) -> dict[str, str]:
    return {name: (holder and getattr(holder, name)) or "" for name in SMS_IDS}


def _voice_ids(holder: VoiceConfiguration | ScheduledVoiceProvisioning | None) -> dict[str, str]:
    kind = str(holder.type or VoiceType.RTC) if holder else ""
    name = _VOICE_ID.get(VoiceType(kind)) if kind in _VOICE_ID else None
    return {"voice_type": kind, "voice_id": (name and getattr(holder, name)) or ""}


def _sms_job(
    sms: SmsConfiguration | ImportedSmsConfiguration | None, step: Step | None
) -> LinkJob | None:
    job = sms.scheduled_provisioning if sms else None
    if job is None:
        return None
    is_running = job.status != ProvisioningStatus.FAILED
    code = "" if is_running else next(iter(job.error_codes), "")
    return LinkJob(
        _sms_ids(job), is_running, code, job.last_updated_at, None if is_running else step
    )


def _has_campaign_step(ids: Ids) -> Step:
    """Which link failed: one status covers both (numbers-behaviour.md §6)."""
    return Step.CAMPAIGN if ids.get("service_plan_id") else Step.PLATFORM


def _detail_ids(number: ImportedNumber) -> dict[str, str]:
    """The ids that the last changes of an imported number led to."""
    details = zip(SMS_IDS, (number.sms_provisioning, number.campaign_provisioning), strict=True)
    return {
        name: (detail.service_id or "")
        if detail is not None and detail.type != "DEPROVISIONING"
        else ""
        for name, detail in details
    }


def plan_changes(held: HeldNumber, order: ConfigureParameters) -> Changes:
    """The requests that change a held number to what is wanted. Empty when nothing differs."""
    unlink: dict[str, Any] = {}
    change: dict[str, Any] = {}
    loses: list[str] = []
    if order.display_name is not None and order.display_name != held.display_name:
        change["display_name"] = order.display_name
    if order.callback_url is not None and order.callback_url != held.callback_url:
        change["callback_url"] = order.callback_url
    _plan_sms(held, order, unlink, change, loses)
    _plan_voice(held, order, unlink, change, loses)
    return Changes(unlink, change, tuple(loses))


def told_changes(held: HeldNumber, changes: Changes) -> str:
    """What the requests change, field by field, as "old → new"; empty when nothing changes."""
    sms = {**changes.unlink.get("sms", {}), **_given(changes.change.get("sms", {}))}
    voice = changes.change.get("voice") or changes.unlink.get("voice") or {}
    spoken = next((str(voice[name]) for name in _VOICE_ID.values() if voice.get(name)), "")
    fields = {
        "display_name": (held.display_name, changes.change.get("display_name")),
        "callback_url": (held.callback_url, changes.change.get("callback_url")),
        "sms.service_plan_id": (held.service_plan_id, sms.get("service_plan_id")),
        "sms.campaign_id": (held.campaign_id, sms.get("campaign_id")),
        "voice": (
            f"{held.voice_type} {held.voice_id}" if held.voice_id else "",
            f"{voice['type']} {spoken}" if spoken else "" if voice else None,
        ),
    }
    return "; ".join(
        f"{name}: {old or 'none'} → {new or 'none'}"
        for name, (old, new) in fields.items()
        if new is not None and new != old
    )


def _given(sms: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in sms.items() if value is not None}


def _plan_sms(
    held: HeldNumber,
    order: ConfigureParameters,
    unlink: dict[str, Any],
    change: dict[str, Any],
    loses: list[str],
) -> None:
    campaign_off = {"campaign_id": ""} if held.campaign_id else {}
    if order.unlink_sms:
        if held.service_plan_id:
            # Nothing follows, so this is the change itself. The loss is intended, and is reported
            # all the same.
            unlink["sms"] = {"service_plan_id": "", **campaign_off}
            loses.append(_told_sms(held))
        return
    if order.sms is None:
        return
    plan, campaign = order.sms.service_plan_id, order.sms.campaign_id or held.campaign_id
    if held.service_plan_id and held.service_plan_id != plan:
        unlink["sms"] = {"service_plan_id": "", **campaign_off}
        loses.append(_told_sms(held))
        change["sms"] = {"service_plan_id": plan, "campaign_id": campaign or None}
    elif held.campaign_id and held.campaign_id != campaign:
        # A rented number's body always has the plan; an imported one's names only what changes.
        kept = {"service_plan_id": plan} if held.holding is Holding.RENTED else {}
        unlink["sms"] = {**kept, "campaign_id": ""}
        loses.append(f"campaign {held.campaign_id}")
        change["sms"] = {**kept, "campaign_id": campaign}
    elif not held.service_plan_id:
        change["sms"] = {"service_plan_id": plan, "campaign_id": campaign or None}
    elif campaign and not held.campaign_id:
        kept = {"service_plan_id": plan} if held.holding is Holding.RENTED else {}
        change["sms"] = {**kept, "campaign_id": campaign}


def _plan_voice(
    held: HeldNumber,
    order: ConfigureParameters,
    unlink: dict[str, Any],
    change: dict[str, Any],
    loses: list[str],
) -> None:
    if order.voice is None or held.holding is Holding.IMPORTED:
        return
    if (held.voice_type, held.voice_id) == (str(order.voice.type), order.voice.target_id):
        return
    if held.voice_id:
        unlink["voice"] = {"type": held.voice_type, _VOICE_ID[VoiceType(held.voice_type)]: ""}
        loses.append(f"voice {held.voice_type} {held.voice_id}")
    change["voice"] = {
        "type": str(order.voice.type),
        _VOICE_ID[order.voice.type]: order.voice.target_id,
    }


def _told_sms(held: HeldNumber) -> str:
    campaign = f", campaign {held.campaign_id}" if held.campaign_id else ""
    return f"service plan {held.service_plan_id}{campaign}"
