"""Whether a change took effect, from one read of the number (docs/vendor/numbers-behaviour.md §6,
§7).
"""

from __future__ import annotations

from typing import Any

import pytest
from support.lines import line

from numberflow.journal import Finding
from numberflow.models.vendor import ActiveNumber
from numberflow.steps.update import judge

NUMBER = "+12025550101"
PLAN = {"servicePlanId": "p", "campaignId": "c", "scheduledProvisioning": None}
PLAN_JOB = {
    "servicePlanId": "",
    "scheduledProvisioning": {"servicePlanId": "p", "campaignId": "c", "status": "FAILED"},
}
UNLINK_JOB = {
    "servicePlanId": "p",
    "campaignId": "c",
    "scheduledProvisioning": {"servicePlanId": "", "status": "WAITING"},
}
APP = {"type": "RTC", "appId": "a"}
TRUNK_JOB = {
    "type": "RTC",
    "appId": "a",
    "scheduledVoiceProvisioning": {"type": "EST", "trunkId": "t", "status": "WAITING"},
}


@pytest.mark.parametrize(
    ("shown", "wanted", "finding"),
    [
        # name and address
        ({"displayName": "shop"}, {"display_name": "shop"}, Finding.APPLIED),
        ({"displayName": "old"}, {"display_name": "shop"}, Finding.ABSENT),
        ({}, {"display_name": "shop"}, Finding.ABSENT),
        ({"displayName": ""}, {"display_name": ""}, Finding.APPLIED),
        ({"displayName": "old"}, {"display_name": ""}, Finding.ABSENT),
        ({"callbackUrl": "https://a.test/"}, {"callback_url": "https://a.test/"}, Finding.APPLIED),
        ({"callbackUrl": "https://b.test/"}, {"callback_url": "https://a.test/"}, Finding.ABSENT),
        ({}, {"callback_url": ""}, Finding.APPLIED),
        ({"displayName": "old"}, {"display_name": None, "callback_url": ""}, Finding.APPLIED),
        (
            {"displayName": "shop"},
            {"display_name": "shop", "callback_url": "https://a.test/"},
            Finding.ABSENT,
        ),
        # SMS
        (
            {"smsConfiguration": PLAN},
            {"sms": {"service_plan_id": "p", "campaign_id": None}},
            Finding.APPLIED,
        ),
        (
            {"smsConfiguration": PLAN},
            {"sms": {"service_plan_id": "p", "campaign_id": "c"}},
            Finding.APPLIED,
        ),
        (
            {"smsConfiguration": PLAN},
            {"sms": {"service_plan_id": "p", "campaign_id": "d"}},
            Finding.ABSENT,
        ),
        (
            {"smsConfiguration": PLAN},
            {"sms": {"service_plan_id": "p", "campaign_id": ""}},
            Finding.ABSENT,
        ),
        ({"smsConfiguration": PLAN}, {"sms": {"service_plan_id": ""}}, Finding.ABSENT),
        (
            {"smsConfiguration": PLAN_JOB},
            {"sms": {"service_plan_id": "p", "campaign_id": "c"}},
            Finding.APPLIED,
        ),
        ({"smsConfiguration": PLAN_JOB}, {"sms": {"service_plan_id": "q"}}, Finding.ABSENT),
        ({"smsConfiguration": UNLINK_JOB}, {"sms": {"service_plan_id": ""}}, Finding.APPLIED),
        (
            {"smsConfiguration": {"servicePlanId": ""}},
            {"sms": {"service_plan_id": ""}},
            Finding.APPLIED,
        ),
        ({}, {"sms": {"service_plan_id": ""}}, Finding.APPLIED),
        ({}, {"sms": {"service_plan_id": "p"}}, Finding.ABSENT),
        # voice
        ({"voiceConfiguration": APP}, {"voice": {"type": "RTC", "app_id": "a"}}, Finding.APPLIED),
        ({"voiceConfiguration": APP}, {"voice": {"type": "RTC", "app_id": "b"}}, Finding.ABSENT),
        ({"voiceConfiguration": APP}, {"voice": {"type": "EST", "trunk_id": "t"}}, Finding.ABSENT),
        (
            {"voiceConfiguration": TRUNK_JOB},
            {"voice": {"type": "EST", "trunk_id": "t"}},
            Finding.APPLIED,
        ),
        ({"voiceConfiguration": APP}, {"voice": {"type": "RTC", "app_id": ""}}, Finding.ABSENT),
        (
            {"voiceConfiguration": {"type": "RTC", "appId": ""}},
            {"voice": {"type": "EST", "trunk_id": ""}},
            Finding.APPLIED,
        ),
        ({}, {"voice": {"type": "RTC", "app_id": ""}}, Finding.APPLIED),
        ({}, {"voice": {"type": "RTC", "app_id": "a"}}, Finding.ABSENT),
        ({}, {"voice": {"type": "EST", "trunk_id": "t"}}, Finding.ABSENT),
        ({}, {"voice": {"type": "FAX", "service_id": "s"}}, Finding.ABSENT),
        # what cannot be read
        ({"smsConfiguration": "soon"}, {"sms": {"service_plan_id": "p"}}, Finding.INCONCLUSIVE),
        (
            {"smsConfiguration": {"servicePlanId": "p", "scheduledProvisioning": 7}},
            {"sms": {"service_plan_id": "p"}},
            Finding.INCONCLUSIVE,
        ),
        (
            {"voiceConfiguration": {"scheduledVoiceProvisioning": 7}},
            {"voice": {"app_id": "a"}},
            Finding.INCONCLUSIVE,
        ),
    ],
)
def test_change(shown: dict[str, Any], wanted: dict[str, Any], finding: Finding) -> None:
    """A change is there when state or job shows every wanted value, failed jobs included.

    What was not asked for does not count.
    """
    number = ActiveNumber.model_validate({"phoneNumber": NUMBER} | shown)
    assert finding == judge(number, line(request=wanted)).finding


def test_number_not_held() -> None:
    """A change of a number that is not held can neither be proven nor ruled out."""
    assert judge(None, line(request={"display_name": "shop"})).finding is Finding.INCONCLUSIVE


def test_absence_names_what_is_missing() -> None:
    """The evidence says which of several wanted values is not there."""
    number = ActiveNumber.model_validate({"phoneNumber": NUMBER, "displayName": "shop"})
    evidence = judge(
        number,
        line(
            request={
                "display_name": "shop",
                "callback_url": "https://a.test/",
                "sms": {"service_plan_id": "p"},
            }
        ),
    )
    assert ["callback_url", "sms"] == evidence.seen["missing"]
