"""What has to be sent to a held number to get it as wanted, and what that takes away on the way. Pure.

Another link takes two requests: take the old one off, wait until it is gone, put the new one on (docs/vendor/numbers-behaviour.md §7,
docs/vendor/imported-hosting-behaviour.md §9). Not here: sending and waiting (purchase.configure).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from numberflow.models.held_numbers import ConfigureOrder
from numberflow.models.imported import ImportedNumber, StepState
from numberflow.models.vendor import ActiveNumber, VoiceType
from numberflow.planning.hosting import failed_step, imported_code
from numberflow.planning.hosting_failures import Step, advice_for


class Holding(StrEnum):
    """How a number is held."""

    RENTED = "rented"
    IMPORTED = "imported"


_VOICE_ID = {VoiceType.RTC: "app_id", VoiceType.EST: "trunk_id", VoiceType.FAX: "service_id"}


@dataclass(frozen=True, slots=True)
class HeldNumber:
    """A held number as far as it can be changed: "" for what is not there. `is_moving`: a job runs that will change a link."""

    phone_number: str
    holding: Holding
    display_name: str = ""
    callback_url: str = ""
    service_plan_id: str = ""
    campaign_id: str = ""
    voice_type: str = ""
    voice_id: str = ""
    is_moving: bool = False
    leaves_at: datetime | None = None
    failed_step: Step | None = None
    code: str = ""

    @property
    def told_links(self) -> str:
        """The live links in words; empty when there is none."""
        voice = f"voice {self.voice_type} {self.voice_id}" if self.voice_id else ""
        plan = f"service plan {self.service_plan_id}" if self.service_plan_id else ""
        campaign = f"campaign {self.campaign_id}" if self.campaign_id else ""
        return ", ".join(part for part in (plan, campaign, voice) if part)

    @property
    def told_failure(self) -> str:
        """Why the last link failed, with the vendor's code and what to do; empty when none did."""
        if self.failed_step is None:
            return ""
        return f"{f'{self.code}: ' if self.code else ''}{advice_for(self.code, self.failed_step)}"


@dataclass(frozen=True, slots=True)
class Changes:
    """The requests for one number: `unlink` goes first and has to be through before `change`; empty ones are not sent. `loses`: in words."""

    unlink: Mapping[str, Any] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    loses: tuple[str, ...] = ()


def held_active(number: ActiveNumber) -> HeldNumber:
    """A rented number. A failed job has changed nothing; a running one is on its way to its ids."""
    sms, voice = number.sms_configuration, number.voice_configuration
    job = sms.scheduled_provisioning if sms else None
    voice_job = voice.scheduled_voice_provisioning if voice else None
    running = job is not None and job.status != "FAILED"
    voice_running = voice_job is not None and voice_job.status != "FAILED"
    link = job if running and job is not None and job.service_plan_id else sms
    spoken: Any = voice_job if voice_running else voice
    kind = str(spoken.type or VoiceType.RTC) if spoken else ""
    return HeldNumber(
        number.phone_number, Holding.RENTED, number.display_name or "", number.callback_url or "",
        (link and link.service_plan_id) or "", (link and link.campaign_id) or "", kind,
        (spoken and kind in _VOICE_ID and getattr(spoken, _VOICE_ID[VoiceType(kind)])) or "", running or voice_running, number.expire_at,
        failed_step=(Step.CAMPAIGN if sms and sms.service_plan_id else Step.PLATFORM) if job is not None and not running else None,
        code=next(iter(job.error_codes), "") if job is not None and not running else "",
    )  # fmt: skip


def held_imported(number: ImportedNumber) -> HeldNumber:
    """An imported number. A failed job has changed nothing; a running one is on its way to its ids."""
    sms = number.sms_configuration
    job = sms.scheduled_provisioning if sms else None
    running = job is not None and job.status != StepState.FAILED
    target = job if running else None
    # While a link is being taken off it still stands in the configuration.
    return HeldNumber(
        number.phone_number, Holding.IMPORTED, number.display_name or "", number.callback_url or "",
        (sms and sms.service_plan_id) or (target and target.service_plan_id) or "",
        (sms and sms.campaign_id) or (target and target.campaign_id) or "", is_moving=running,
        failed_step=None if running else failed_step(number), code="" if running else imported_code(number),
    )  # fmt: skip


def plan_changes(held: HeldNumber, order: ConfigureOrder) -> Changes:
    """The requests that make a held number as wanted. Empty when it is."""
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


def _plan_sms(
    held: HeldNumber, order: ConfigureOrder, unlink: dict[str, Any], change: dict[str, Any], loses: list[str]
) -> None:
    campaign_off = {"campaign_id": ""} if held.campaign_id else {}
    if order.unlink_sms:
        if held.service_plan_id:
            # Nothing follows, so it is the change itself; losing it is the point, and is told all the same.
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
    held: HeldNumber, order: ConfigureOrder, unlink: dict[str, Any], change: dict[str, Any], loses: list[str]
) -> None:
    if order.voice is None or held.holding is Holding.IMPORTED:
        return
    if (held.voice_type, held.voice_id) == (str(order.voice.type), order.voice.target_id):
        return
    if held.voice_id:
        unlink["voice"] = {"type": held.voice_type, _VOICE_ID[VoiceType(held.voice_type)]: ""}
        loses.append(f"voice {held.voice_type} {held.voice_id}")
    change["voice"] = {"type": str(order.voice.type), _VOICE_ID[order.voice.type]: order.voice.target_id}


def is_unlinked(held: HeldNumber, unlink: Mapping[str, Any]) -> bool:
    """Whether what a request took off is gone, so that something else can be put on."""
    if held.is_moving:
        return False
    sms = unlink.get("sms", {})
    plan_gone = sms.get("service_plan_id") != "" or not held.service_plan_id
    campaign_gone = sms.get("campaign_id") != "" or not held.campaign_id
    return plan_gone and campaign_gone and ("voice" not in unlink or not held.voice_id)


def _told_sms(held: HeldNumber) -> str:
    campaign = f", campaign {held.campaign_id}" if held.campaign_id else ""
    return f"service plan {held.service_plan_id}{campaign}"
