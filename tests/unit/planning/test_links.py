"""How far links are, from what the vendor shows: pure."""

from __future__ import annotations

from typing import Any

import pytest

from numberflow.models.imported import ImportedNumber
from numberflow.models.vendor import ActiveNumber
from numberflow.planning.configuring import HeldNumber, held_active, held_imported
from numberflow.planning.links import Product, Stand, Unlink, stands, unlink_progress, worst

NUMBER = "+12125550101"
WANTED = {"service_plan_id": "b", "campaign_id": "B"}
OLD_AT = "2026-01-01T00:00:00Z"


def rented(
    plan: str, campaign: str, job: dict[str, Any] | None = None, voice: dict[str, Any] | None = None
) -> HeldNumber:
    sms = {"servicePlanId": plan, "campaignId": campaign, "scheduledProvisioning": job}
    return held_active(
        ActiveNumber.model_validate(
            {
                "phoneNumber": NUMBER,
                "smsConfiguration": sms,
                "voiceConfiguration": voice or {"type": "RTC", "appId": ""},
            }
        )
    )


def job(plan: str, campaign: str, status: str = "FAILED", *codes: str) -> dict[str, Any]:
    return {
        "servicePlanId": plan,
        "campaignId": campaign,
        "status": status,
        "errorCodes": codes,
        "lastUpdatedTime": OLD_AT,
    }


@pytest.mark.parametrize(
    ("number", "standing", "lost"),
    [
        (rented("b", "B"), "linked", ""),
        (rented("a", "A"), "linked otherwise", ""),
        (rented("", ""), "unlinked now", "unlinked now: no messaging"),
        (rented("b", ""), "unlinked now", "it has no campaign now: US carriers block its messages"),
        (rented("a", "A", job("", "", "IN_PROGRESS")), "being unlinked", ""),
        (rented("", "", job("b", "B", "WAITING")), "being linked", ""),
        (rented("", "", job("b", "B", "A_NEW_WORD")), "being linked", ""),
        (rented("a", "A", job("", "")), "unlink failed", ""),
        (rented("a", "A", job("a", "")), "unlink failed", ""),
        (rented("", "", job("b", "B")), "link failed", "unlinked now: no messaging"),
        (
            rented("b", "", job("b", "B")),
            "link failed",
            "it has no campaign now: US carriers block its messages",
        ),
        # a failure on the way to something else says nothing about this
        (rented("", "", job("x", "")), "unlinked now", "unlinked now: no messaging"),
    ],
)
def test_what_a_number_shows(number: HeldNumber, standing: str, lost: str) -> None:
    """A job that failed is final and is no link; anything else that is scheduled is under way."""
    (stand,) = stands(number, WANTED)
    assert (standing, lost) == (stand.standing.value, stand.lost)


def test_a_failure_that_was_there_before() -> None:
    """A read that still shows the failed job of an earlier attempt shows nothing of this one."""
    number = rented("a", "A", job("", ""))
    off = {"sms": {"service_plan_id": "", "campaign_id": ""}}
    assert [Unlink.FAILED, Unlink.STILL_ON] == [
        unlink_progress(number, off, marks) for marks in ({}, number.marks)
    ]


def test_what_cannot_be_read_may_be_a_job() -> None:
    """An unreadable configuration is neither done nor failed."""
    number = held_active(
        ActiveNumber.model_validate({"phoneNumber": NUMBER, "smsConfiguration": 7})
    )
    assert Unlink.RUNNING is unlink_progress(number, {"sms": {"service_plan_id": ""}})


def test_voice_has_a_failure_of_its_own() -> None:
    """A voice job that failed is seen beside plan and campaign that are as wanted, and its advice
    says that there is no code.
    """
    scheduled = {"type": "EST", "trunkId": "t", "status": "FAILED"}
    number = rented(
        "b", "B", voice={"type": "RTC", "appId": "", "scheduledVoiceProvisioning": scheduled}
    )
    found = stands(number, {**WANTED, "voice_type": "EST", "voice_id": "t"})
    stand = worst(found)
    assert isinstance(stand, Stand)
    assert (Product.VOICE, "link failed", "") == (stand.product, stand.standing.value, stand.code)
    assert "no reason for voice" in stand.told
    assert "unlinked now: no voice" in stand.told


def test_an_imported_number_whose_unlink_failed() -> None:
    """The details alone tell a failed unlink, too, with their code."""
    detail = {
        "serviceType": "SMS",
        "serviceId": "a",
        "type": "DEPROVISIONING",
        "state": "FAILED",
        "errorCode": "CAMPAIGN_MNO_REVIEW",
    }
    number = held_imported(
        ImportedNumber.model_validate(
            {
                "phoneNumber": NUMBER,
                "smsConfiguration": {"servicePlanId": "a", "campaignId": ""},
                "smsProvisioning": detail,
            }
        )
    )
    (stand,) = stands(number, WANTED)
    assert ("unlink failed", "CAMPAIGN_MNO_REVIEW") == (stand.standing.value, stand.code)
    assert "wait a day" in stand.told
