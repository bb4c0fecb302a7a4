"""What is sent to a held number to get it as wanted, and what that takes away on the way: pure."""

from __future__ import annotations

from typing import Any

import pytest

from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.imported import ImportedNumber
from numberflow.models.parameters import check_parameters
from numberflow.models.vendor import ActiveNumber
from numberflow.planning.configuring import (
    Changes,
    HeldNumber,
    Holding,
    held_active,
    held_imported,
    plan_changes,
    told_changes,
)
from numberflow.planning.links import Unlink, unlink_progress

NUMBER = "+12125550101"


def held(**facts: Any) -> HeldNumber:
    return HeldNumber(NUMBER, facts.pop("holding", Holding.IMPORTED), **facts)


LINKED = {"service_plan_id": "p", "campaign_id": "c"}
SMS = {"service_plan_id": "p", "campaign_id": "c"}


@pytest.mark.parametrize(
    ("number", "wanted", "changes"),
    [
        # nothing to do
        (held(**LINKED, display_name="shop"), {"sms": SMS, "display_name": "shop"}, Changes()),
        (held(**LINKED), {"sms": {"service_plan_id": "p"}}, Changes()),
        # a name needs no unlink
        (held(**LINKED), {"display_name": "shop"}, Changes({}, {"display_name": "shop"})),
        # nothing there yet: one request
        (held(), {"sms": SMS}, Changes({}, {"sms": SMS})),
        (held(service_plan_id="p"), {"sms": SMS}, Changes({}, {"sms": {"campaign_id": "c"}})),
        (
            held(service_plan_id="p", holding=Holding.RENTED),
            {"sms": SMS},
            Changes({}, {"sms": SMS}),
        ),
        # only what changes is unlinked
        (
            held(service_plan_id="p", campaign_id="old"),
            {"sms": SMS},
            Changes({"sms": {"campaign_id": ""}}, {"sms": {"campaign_id": "c"}}, ("campaign old",)),
        ),
        (
            held(service_plan_id="p", campaign_id="old", holding=Holding.RENTED),
            {"sms": SMS},
            Changes(
                {"sms": {"service_plan_id": "p", "campaign_id": ""}},
                {"sms": SMS},
                ("campaign old",),
            ),
        ),
        (
            held(service_plan_id="old", campaign_id="c"),
            {"sms": {"service_plan_id": "p"}},
            Changes(
                {"sms": {"service_plan_id": "", "campaign_id": ""}},
                {"sms": SMS},
                ("service plan old, campaign c",),
            ),
        ),
        (
            held(**LINKED),
            {"unlink_sms": True},
            Changes(
                {"sms": {"service_plan_id": "", "campaign_id": ""}},
                {},
                ("service plan p, campaign c",),
            ),
        ),
        (held(), {"unlink_sms": True}, Changes()),
        # voice of rented numbers
        (
            held(holding=Holding.RENTED, voice_type="RTC", voice_id="a"),
            {"voice": {"type": "EST", "trunk_id": "t"}},
            Changes(
                {"voice": {"type": "RTC", "app_id": ""}},
                {"voice": {"type": "EST", "trunk_id": "t"}},
                ("voice RTC a",),
            ),
        ),
        (
            held(holding=Holding.RENTED),
            {"voice": {"type": "RTC", "app_id": "a"}},
            Changes({}, {"voice": {"type": "RTC", "app_id": "a"}}),
        ),
    ],
)
def test_changes(number: HeldNumber, wanted: dict[str, Any], changes: Changes) -> None:
    """What is there stays; what is linked elsewhere is unlinked first, and told."""
    assert changes == plan_changes(
        number, check_parameters(ConfigureParameters, {"phone_numbers": [NUMBER]} | wanted)
    )


def test_a_failed_link_is_no_link() -> None:
    """A campaign that a number was refused is not on it.

    Linking again takes one request, and nothing is lost.
    """
    shown = {
        "servicePlanId": "p",
        "scheduledProvisioning": {"servicePlanId": "p", "campaignId": "c", "status": "FAILED"},
    }
    number = held_imported(
        ImportedNumber.model_validate({"phoneNumber": NUMBER, "smsConfiguration": shown})
    )
    assert ("p", "", False) == (number.service_plan_id, number.campaign_id, number.is_moving)
    assert Changes({}, {"sms": {"campaign_id": "c"}}) == plan_changes(
        number, check_parameters(ConfigureParameters, {"phone_numbers": [NUMBER], "sms": SMS})
    )


def test_an_unlink_that_is_under_way() -> None:
    """A link that is being taken off is there until it is gone: whatever is to follow waits."""
    job = {"servicePlanId": "", "campaignId": "", "status": "IN_PROGRESS"}
    sms = {"servicePlanId": "p", "campaignId": "c", "scheduledProvisioning": job}
    unlink = {"sms": {"service_plan_id": "", "campaign_id": ""}}
    moving = held_imported(
        ImportedNumber.model_validate({"phoneNumber": NUMBER, "smsConfiguration": sms})
    )
    rented = held_active(
        ActiveNumber.model_validate({"phoneNumber": NUMBER, "smsConfiguration": sms})
    )
    gone = held_imported(
        ImportedNumber.model_validate(
            {"phoneNumber": NUMBER, "smsConfiguration": {"servicePlanId": ""}}
        )
    )
    assert [Unlink.RUNNING, Unlink.RUNNING, Unlink.OFF] == [
        unlink_progress(each, unlink) for each in (moving, rented, gone)
    ]


@pytest.mark.parametrize(
    ("number", "wanted", "told"),
    [
        (held(**LINKED), {"sms": SMS}, ""),
        (held(display_name="old"), {"display_name": "new"}, "display_name: old → new"),
        (held(), {"callback_url": "https://a.test/x"}, "callback_url: none → https://a.test/x"),
        (held(), {"sms": SMS}, "sms.service_plan_id: none → p; sms.campaign_id: none → c"),
        (
            held(service_plan_id="a", campaign_id="A", holding=Holding.RENTED),
            {"sms": SMS},
            "sms.service_plan_id: a → p; sms.campaign_id: A → c",
        ),
        (held(service_plan_id="p", campaign_id="A"), {"sms": SMS}, "sms.campaign_id: A → c"),
        (
            held(service_plan_id="a", campaign_id="c"),
            {"sms": {"service_plan_id": "p"}},
            "sms.service_plan_id: a → p",
        ),
        (
            held(voice_type="RTC", voice_id="app-1", holding=Holding.RENTED),
            {"voice": {"type": "EST", "trunk_id": "t-1"}},
            "voice: RTC app-1 → EST t-1",
        ),
        (
            held(**LINKED),
            {"unlink_sms": True},
            "sms.service_plan_id: p → none; sms.campaign_id: c → none",
        ),
    ],
)
def test_old_and_new(number: HeldNumber, wanted: dict[str, Any], told: str) -> None:
    """A plan shows every field that changes, as it is and as it will be."""
    order = check_parameters(ConfigureParameters, {"phone_numbers": [NUMBER], **wanted})
    assert told == told_changes(number, plan_changes(number, order))
