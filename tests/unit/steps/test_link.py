"""What a step that touches a link leaves for the sweep, and what of its row is sent."""

from __future__ import annotations

from typing import Any

import pytest
from support.lines import line

from numberflow.journal import Evidence
from numberflow.steps.link import link_result, release_order, sent, wanted_link, with_links

NUMBER = "+12125550101"


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ({}, {}),
        ({"display_name": "shop", "sms": None, "voice": {}}, {}),
        # SMS: what is not named stays as it is, "" is taken off
        ({"sms": {"service_plan_id": "p"}}, {"service_plan_id": "p"}),
        ({"sms": {"service_plan_id": "p", "campaign_id": None}}, {"service_plan_id": "p"}),
        (
            {"sms": {"service_plan_id": "", "campaign_id": ""}},
            {"service_plan_id": "", "campaign_id": ""},
        ),
        # voice: the id goes by the type; RTC where none is said
        ({"voice": {"type": "RTC", "app_id": "a"}}, {"voice_type": "RTC", "voice_id": "a"}),
        ({"voice": {"type": "EST", "trunk_id": "t"}}, {"voice_type": "EST", "voice_id": "t"}),
        ({"voice": {"type": "FAX", "service_id": "s"}}, {"voice_type": "FAX", "voice_id": "s"}),
        ({"voice": {"app_id": "a"}}, {"voice_type": "RTC", "voice_id": "a"}),
        ({"voice": {"type": "EST", "app_id": "a"}}, {"voice_type": "EST", "voice_id": ""}),
        ({"voice": {"type": "NEW", "": "x"}}, {"voice_type": "NEW", "voice_id": "x"}),
        ({"voice": {"type": "NEW", "app_id": "a"}}, {"voice_type": "NEW", "voice_id": ""}),
        # an unlink, and what is put on after it
        (
            {"sms": {"service_plan_id": ""}, "then": {"sms": {"service_plan_id": "q"}}},
            {"service_plan_id": "q"},
        ),
        (
            {
                "sms": {"service_plan_id": ""},
                "then": {"voice": {"type": "EST", "trunk_id": "t"}, "sms": {}},
            },
            {"service_plan_id": "", "voice_type": "EST", "voice_id": "t"},
        ),
        # rows from before voice was followed
        (
            {"sms": {"service_plan_id": ""}, "then": {"service_plan_id": "q"}},
            {"service_plan_id": "q"},
        ),
        ({"sms": {"campaign_id": ""}, "then": {"campaign_id": "d"}}, {"campaign_id": "d"}),
        # an import has plan and campaign at the top
        (
            {"service_plan_id": "p", "campaign_id": "c", "region_code": "US"},
            {"service_plan_id": "p", "campaign_id": "c"},
        ),
        ({"service_plan_id": "p", "campaign_id": ""}, {"service_plan_id": "p"}),
        ({"campaign_id": "c"}, {}),
        ({"sms": {"campaign_id": "d"}, "service_plan_id": "p"}, {"campaign_id": "d"}),
    ],
)
def test_wanted_link(request_: dict[str, Any], wanted: dict[str, str]) -> None:
    """The ids that the number has in the end."""
    assert wanted == wanted_link(request_)


def test_our_own_notes_are_not_sent() -> None:
    """What comes next and what was before stay in the journal."""
    request = {"display_name": "shop", "then": {"sms": {}}, "before": {"service_plan_id": "p"}}
    assert {"display_name": "shop"} == sent(request)


def test_one_number_of_one_purchase_is_followed_once() -> None:
    """Its name is the number and the first digits of the purchase; what it had goes along."""
    row = line(
        purchase_id="0123456789abcdef",
        request={"sms": {"service_plan_id": "p"}, "before": {"service_plan_id": "o"}},
    )
    order = link_result(NUMBER, row)["order"]
    assert (
        f"{NUMBER} 01234567" == order["order_id"] == release_order(NUMBER, row)["order"]["order_id"]
    )
    assert {"service_plan_id": "o"} == order["facts"]["before"]


def test_only_a_rent_that_took_effect_is_followed() -> None:
    """Its evidence names a number; the links are added to what it holds."""
    row = line(request={"sms": {"service_plan_id": "p"}})
    absent = Evidence("absent", "not there")
    assert absent is with_links(absent, row)
    applied = with_links(
        Evidence("applied", "there", {}, {"phone_number": NUMBER, "price": 1}), row
    )
    assert {"phone_number": NUMBER, "price": 1, **link_result(NUMBER, row)} == applied.result
