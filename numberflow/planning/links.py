"""The progress of a held number's links: as wanted, moving, failed, or off. Pure.

The vendor accepts a link at once and adds or removes it later. On success the job disappears and
the ids are there; on failure the job stays (docs/vendor/numbers-behaviour.md §6,
docs/vendor/imported-hosting-behaviour.md §9). Both are final: there is nothing left to wait for.

Not here: reading (purchase.held), and which requests are due (configuring).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from numberflow.planning.hosting_failures import (
    FailureAdvice,
    Step,
    advice_for,
    unlink_advice,
    voice_advice,
)

Ids = Mapping[str, str]
"""Ids of links by the names of `SMS_IDS` and `VOICE_IDS`; "" for none."""

SMS_IDS = ("service_plan_id", "campaign_id")
VOICE_IDS = ("voice_type", "voice_id")


class Product(StrEnum):
    """What a number is linked for."""

    SMS = "SMS"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class LinkJob:
    """A job that changes the link of one product.

    Where it leads ("" = off), and whether it runs or has failed.
    """

    ids: Ids
    is_running: bool
    code: str = ""
    updated_at: datetime | None = None
    failed_step: Step | None = None

    @property
    def mark(self) -> str:
        """What distinguishes this job from the next one; empty when the vendor shows no time."""
        return self.updated_at.isoformat() if self.updated_at else ""


class Standing(StrEnum):
    """The progress of one product of one number. The more urgent, the earlier."""

    UNLINK_FAILED = "unlink failed"
    LINK_FAILED = "link failed"
    UNLINKED = "unlinked now"
    UNLINKING = "being unlinked"
    LINKING = "being linked"
    OTHERWISE = "linked otherwise"
    LINKED = "linked"


MOVING = frozenset({Standing.UNLINKING, Standing.LINKING})
FAILED = frozenset({Standing.UNLINK_FAILED, Standing.LINK_FAILED})


class Linked(Protocol):
    """What is read of a number: the ids in effect, and the job of each product."""

    @property
    def ids(self) -> Ids:
        """The ids in effect."""

    @property
    def sms_job(self) -> LinkJob | None:
        """The job of plan and campaign."""

    @property
    def voice_job(self) -> LinkJob | None:
        """The job of voice."""


@dataclass(frozen=True, slots=True)
class Stand:
    """The progress of one product, and for a failure the vendor's code and what to do.

    `lost`: what it lacks, in words; empty when nothing is missing.
    """

    product: Product
    standing: Standing
    code: str = ""
    advice: FailureAdvice | None = None
    lost: str = ""

    @property
    def told(self) -> str:
        """In words, for a person."""
        coded = f"{self.code}: " if self.code else ""
        parts = [f"{coded}{self.advice}" if self.advice else "", self.lost]
        return "; ".join(part for part in parts if part)


def stands(
    number: Linked, wanted: Ids, marks: Mapping[str, str] | None = None
) -> tuple[Stand, ...]:
    """The progress of each product for which something is wanted.

    `marks`: of the failed jobs that existed before anything was sent, by product.
    """
    before = marks or {}
    found = []
    for product, names, job in (
        (Product.SMS, SMS_IDS, number.sms_job),
        (Product.VOICE, VOICE_IDS, number.voice_job),
    ):
        target = {name: wanted[name] for name in names if name in wanted}
        if target:
            old = before.get(product, "")
            found.append(
                _stand(product, number.ids, job if job and not _is_old(job, old) else None, target)
            )
    return tuple(found)


def _is_old(job: LinkJob, mark: str) -> bool:
    return not job.is_running and bool(mark) and job.mark == mark


def _stand(product: Product, ids: Ids, job: LinkJob | None, wanted: Ids) -> Stand:
    if job is not None and job.is_running:
        # Some replies show the final ids from the beginning
        # (docs/vendor/imported-hosting-behaviour.md §4): then a job that leads to nothing is an
        # unlink.
        is_unlink = (
            takes_off(job, ids) or not _any_id(wanted) or (bool(job.ids) and not _any_id(job.ids))
        )
        return Stand(product, Standing.UNLINKING if is_unlink else Standing.LINKING)
    # The type of a voice link means nothing without an id: live numbers without voice have RTC.
    names = [name for name in wanted if name != "voice_type" or wanted.get("voice_id")]
    if all(ids.get(name, "") == wanted[name] for name in names):
        return Stand(product, Standing.LINKED)
    lost = _lost(product, ids, wanted)
    if job is not None and _is_ours(job, ids, wanted):
        if takes_off(job, ids):
            advice = (
                unlink_advice(job.code) if product is Product.SMS else voice_advice(unlink=True)
            )
            return Stand(product, Standing.UNLINK_FAILED, job.code, advice, lost)
        advice = (
            advice_for(job.code, job.failed_step or Step.PLATFORM)
            if product is Product.SMS
            else voice_advice(unlink=False)
        )
        return Stand(product, Standing.LINK_FAILED, job.code, advice, lost)
    return Stand(product, Standing.UNLINKED if lost else Standing.OTHERWISE, lost=lost)


def _any_id(ids: Ids) -> bool:
    return any(value for name, value in ids.items() if name != "voice_type")


def takes_off(job: LinkJob, ids: Ids) -> bool:
    """Whether a job only removes a link."""
    names = [name for name in job.ids if name != "voice_type"]
    puts_on = any(job.ids[name] and job.ids[name] != ids.get(name, "") for name in names)
    return not puts_on and any(ids.get(name) and not job.ids[name] for name in names)


def _is_ours(job: LinkJob, ids: Ids, wanted: Ids) -> bool:
    """Whether a failed job may be ours: an old one to another plan says nothing."""
    return all(
        not job.ids[name] or job.ids[name] in (wanted.get(name, ""), ids.get(name, ""))
        for name in job.ids
    )


def _lost(product: Product, ids: Ids, wanted: Ids) -> str:
    if product is Product.VOICE:
        return (
            "unlinked now: no voice" if wanted.get("voice_id") and not ids.get("voice_id") else ""
        )
    if wanted.get("service_plan_id") and not ids.get("service_plan_id"):
        return NO_MESSAGING
    if wanted.get("campaign_id") and not ids.get("campaign_id"):
        return "it has no campaign now: US carriers block its messages"
    return ""


NO_MESSAGING = "unlinked now: no messaging"


def worst(found: tuple[Stand, ...]) -> Stand | None:
    """The product that matters most; None when nothing was wanted."""
    order = list(Standing)
    return min(found, key=lambda stand: order.index(stand.standing), default=None)


def differs(before: Ids, now: Ids) -> bool:
    """Whether a number lost what it had; `before` names only what was changed."""
    return any(now.get(name, "") != value for name, value in before.items())


def told_ids(ids: Ids) -> str:
    """Links in words; empty when there is none."""
    plan, campaign = ids.get("service_plan_id"), ids.get("campaign_id")
    voice = f"voice {ids.get('voice_type', '')} {ids['voice_id']}" if ids.get("voice_id") else ""
    parts = [
        f"service plan {plan}" if plan else "",
        f"campaign {campaign}" if campaign else "",
        voice,
    ]
    return ", ".join(part for part in parts if part)


class Unlink(StrEnum):
    """The progress of removing old links."""

    OFF = "off"
    RUNNING = "running"
    FAILED = "failed"
    STILL_ON = "still on"
    """There is a link and no job: a late read, or a job that was dropped."""


def unlink_progress(
    number: Linked, unlink: Mapping[str, Any], marks: Mapping[str, str] | None = None
) -> Unlink:
    """The progress of the request `unlink` ({"sms": …, "voice": …}; "" removes).

    Failed only when no part of it still runs.
    """
    found = stands(number, off_ids(unlink), marks)
    standings = {stand.standing for stand in found}
    if standings & MOVING:
        return Unlink.RUNNING
    if standings <= {Standing.LINKED}:
        return Unlink.OFF
    if standings & FAILED:
        return Unlink.FAILED
    return Unlink.STILL_ON


def off_ids(unlink: Mapping[str, Any]) -> dict[str, str]:
    """The ids that are empty after a request that unlinks."""
    off = {name: "" for name in SMS_IDS if (unlink.get("sms") or {}).get(name) == ""}
    return {**off, **({"voice_id": ""} if unlink.get("voice") else {})}
