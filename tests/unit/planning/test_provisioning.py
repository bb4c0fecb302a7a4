"""Whether the links of a number work, by the vendor's own done-test
(docs/vendor/numbers-behaviour.md §6).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.models.vendor import ActiveNumber, VoiceType
from numberflow.planning.provisioning import Link, LinkState, explain, sms_link, voice_link

SMS = SmsLink(service_plan_id="plan-1")
CAMPAIGN = SmsLink(service_plan_id="plan-1", campaign_id="C1")
VOICE = VoiceLink(app_id="app-1")


def held(**members: Any) -> ActiveNumber:
    """A held number as the vendor's JSON says it."""
    return ActiveNumber.model_validate({"phoneNumber": "+12025550101"} | members)


def job(status: Any, **members: Any) -> dict[str, Any]:
    """A link job that has not put anything into effect."""
    return {"scheduledProvisioning": {"servicePlanId": "plan-1", "status": status} | members}


@pytest.mark.parametrize(
    ("configuration", "wanted", "state"),
    [
        (None, None, LinkState.NOT_ASKED),
        ({"servicePlanId": "plan-1"}, None, LinkState.NOT_ASKED),
        ({"servicePlanId": "plan-1", "scheduledProvisioning": None}, SMS, LinkState.DONE),
        ({"servicePlanId": "plan-1", "campaignId": "C9"}, SMS, LinkState.DONE),
        ({"servicePlanId": "plan-1", "campaignId": "C1"}, CAMPAIGN, LinkState.DONE),
        ({"servicePlanId": "plan-1", "campaignId": ""}, CAMPAIGN, LinkState.DROPPED),
        ({"servicePlanId": "plan-1", "campaignId": "C9"}, CAMPAIGN, LinkState.DROPPED),
        ({"servicePlanId": "plan-9"}, SMS, LinkState.DROPPED),
        ({"servicePlanId": ""}, SMS, LinkState.DROPPED),
        (None, SMS, LinkState.DROPPED),
        (job("WAITING"), SMS, LinkState.PENDING),
        (job("IN_PROGRESS"), SMS, LinkState.PENDING),
        (job("PROVISIONING_STATUS_UNSPECIFIED"), SMS, LinkState.PENDING),
        (job("SOMETHING_NEW"), SMS, LinkState.PENDING),
        (job(None), SMS, LinkState.PENDING),
        (
            {"servicePlanId": "plan-1"} | job("IN_PROGRESS", campaignId="C1"),
            CAMPAIGN,
            LinkState.PENDING,
        ),
        (job("FAILED", errorCodes=["INTERNAL_ERROR"]), SMS, LinkState.FAILED),
        ({"scheduledProvisioning": "soon"}, SMS, LinkState.PENDING),
        ("soon", SMS, LinkState.PENDING),
    ],
)
def test_sms_link(configuration: Any, wanted: SmsLink | None, state: LinkState) -> None:
    """SMS is linked when no job is left and the ids stand at the top.

    A job in any state but FAILED, known or not, is pending.
    """
    assert state == sms_link(held(smsConfiguration=configuration), wanted).state


@pytest.mark.parametrize(
    ("configuration", "wanted", "state"),
    [
        (None, None, LinkState.NOT_ASKED),
        ({"type": "RTC", "appId": "app-1"}, VOICE, LinkState.DONE),
        ({"type": "RTC", "appId": "app-9"}, VOICE, LinkState.DROPPED),
        ({"type": "RTC", "appId": ""}, VOICE, LinkState.DROPPED),
        (
            {"type": "RTC", "appId": "app-1"},
            VoiceLink(type=VoiceType.EST, trunk_id="app-1"),
            LinkState.DROPPED,
        ),
        (
            {"type": "EST", "trunkId": "t"},
            VoiceLink(type=VoiceType.EST, trunk_id="t"),
            LinkState.DONE,
        ),
        (
            {"type": "FAX", "serviceId": "s"},
            VoiceLink(type=VoiceType.FAX, service_id="s"),
            LinkState.DONE,
        ),
        (None, VOICE, LinkState.DROPPED),
        (
            {"appId": "app-9", "scheduledVoiceProvisioning": {"status": "WAITING"}},
            VOICE,
            LinkState.PENDING,
        ),
        (
            {"appId": "app-1", "scheduledVoiceProvisioning": {"status": "NEW"}},
            VOICE,
            LinkState.PENDING,
        ),
        ({"scheduledVoiceProvisioning": {"status": "FAILED"}}, VOICE, LinkState.FAILED),
        ({"scheduledVoiceProvisioning": 7}, VOICE, LinkState.PENDING),
        (7, VOICE, LinkState.PENDING),
    ],
)
def test_voice_link(configuration: Any, wanted: VoiceLink | None, state: LinkState) -> None:
    """Voice is linked when no job is left and the id of the product stands at the top."""
    assert state == voice_link(held(voiceConfiguration=configuration), wanted).state


def test_failed_sms_link_says_what_to_do() -> None:
    """A failed link carries the vendor's codes and an advice for each, the unknown one included."""
    number = held(smsConfiguration=job("FAILED", errorCodes=["CAMPAIGN_EXPIRED", "NEW_CODE"]))
    assert sms_link(number, SMS) == Link(
        state=LinkState.FAILED,
        error_codes=("CAMPAIGN_EXPIRED", "NEW_CODE"),
        advice="CAMPAIGN_EXPIRED: the campaign has expired; use another; NEW_CODE: not a "
        "documented code; ask support",
    )


def test_links_that_did_not_come_say_what_to_do() -> None:
    """A failed voice link and a dropped link of either kind carry an advice.

    A good one carries none.
    """
    failed = held(voiceConfiguration={"scheduledVoiceProvisioning": {"status": "FAILED"}})
    assert "check the id of the app" in voice_link(failed, VOICE).advice
    assert ("no job is running and the link is not set; link the number again",) * 2 == (
        voice_link(held(), VOICE).advice,
        sms_link(held(), SMS).advice,
    )
    assert sms_link(held(smsConfiguration={"servicePlanId": "plan-1"}), SMS) == Link(
        state=LinkState.DONE
    )


def test_no_code_at_all() -> None:
    """A failure without a code still says whom to ask."""
    assert explain(()) == "the vendor gave no reason; ask support"


def test_every_documented_code_has_an_advice() -> None:
    """Each failure code that the contract lists for SMS links has an advice of its own."""
    contract = yaml.safe_load(
        (Path(__file__).parents[3] / "docs/vendor/numbers.openapi.yaml").read_text()
    )
    codes = contract["components"]["schemas"]["SmsErrorCode"]["enum"]
    assert [] == [
        code
        for code in codes
        if "not a documented code" in explain([code]) and "UNSPECIFIED" not in code
    ]
    assert len(codes) > 10
