"""Parameters of the flows over numbers that live elsewhere.

What a form may leave empty, and what is refused before any request, with field and mend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from numberflow.errors import BadInput
from numberflow.models.held_numbers import parse_configure, parse_release
from numberflow.models.import_numbers import parse_import_numbers
from numberflow.models.qualify_numbers import parse_qualify
from numberflow.models.text_enable_numbers import parse_text_enable

US, CA, FREE, GB = "+12125550101", "+14165550101", "+18005550101", "+442079460000"
SMS = {"service_plan_id": "p"}
CAMPAIGN = SMS | {"campaign_id": "c"}
EMPTY = {"reference": "", "project": ""}
IMPORT: dict[str, Any] = {
    "phone_numbers": [US],
    "sms": SMS,
    "display_name": "",
    "callback_url": "",
} | EMPTY
ENABLE: dict[str, Any] = IMPORT | {
    "loa": "/run/loa.json",
    "nnid": "",
    "scheduled_osr_update_time": "",
}
CONFIGURE: dict[str, Any] = {
    "phone_numbers": [US],
    "sms": SMS,
    "display_name": "",
    "callback_url": "",
    "voice": None,
} | EMPTY

Parse = Callable[[Mapping[str, Any]], Any]


@pytest.mark.parametrize(
    ("parse", "parameters"),
    [
        (parse_import_numbers, IMPORT),
        (parse_import_numbers, IMPORT | {"phone_numbers": [CA], "region_code": "CA"}),
        (parse_import_numbers, IMPORT | {"phone_numbers": [FREE]}),
        (parse_text_enable, ENABLE),
        (parse_text_enable, ENABLE | {"loa_kind": "blanket", "loa": ""}),
        (
            parse_text_enable,
            ENABLE
            | {"phone_numbers": [FREE], "scheduled_osr_update_time": "2026-12-01T03:00:00+01:00"},
        ),
        (parse_qualify, {"phone_numbers": [US, FREE, CA]} | EMPTY),
        (parse_configure, CONFIGURE | {"phone_numbers": [US, GB]}),
        (parse_release, {"phone_numbers": [US, GB]} | EMPTY),
    ],
)
def test_what_a_form_sends(parse: Parse, parameters: dict[str, Any]) -> None:
    """A form sends "" for what was left empty.

    That is no value, and it says nothing about what is done.
    """
    order = parse(parameters)
    assert order.reference is None
    assert (
        order.fingerprint()
        == parse(parameters | {"reference": "PO-1", "plan_only": True}).fingerprint()
    )


@pytest.mark.parametrize(
    ("parse", "parameters", "field", "told"),
    [
        (parse_import_numbers, IMPORT | {"phone_numbers": []}, "phone_numbers", "is empty"),
        (parse_import_numbers, IMPORT | {"phone_numbers": [US, US]}, "phone_numbers", "twice"),
        (
            parse_import_numbers,
            IMPORT | {"phone_numbers": ["2125550101"]},
            "phone_numbers",
            "write +12125550101 if",
        ),
        (
            parse_import_numbers,
            IMPORT | {"phone_numbers": [GB]},
            "phone_numbers",
            "neither a US nor a CA number",
        ),
        (parse_import_numbers, IMPORT | {"phone_numbers": [CA]}, "phone_numbers", "belongs to CA"),
        (
            parse_import_numbers,
            IMPORT | {"phone_numbers": ["+17875550101"]},
            "phone_numbers",
            "belongs to PR",
        ),
        (parse_import_numbers, IMPORT | {"region_code": "GB"}, "region_code", "must be one of"),
        (parse_import_numbers, IMPORT | {"sms": {}}, "sms.service_plan_id", "is missing"),
        (
            parse_import_numbers,
            IMPORT | {"phone_numbers": [CA], "region_code": "CA", "sms": CAMPAIGN},
            "sms.campaign_id",
            "US numbers",
        ),
        (
            parse_import_numbers,
            IMPORT | {"phone_numbers": [FREE], "sms": CAMPAIGN},
            "sms.campaign_id",
            "toll-free",
        ),
        (
            parse_import_numbers,
            IMPORT | {"display_name": "x" * 101},
            "display_name",
            "more than 100",
        ),
        (
            parse_import_numbers,
            IMPORT | {"display_name": "nf-" + "0" * 20 + " x"},
            "display_name",
            "tokens",
        ),
        (parse_text_enable, ENABLE | {"display_name": "a\nb"}, "display_name", "unprintable"),
        (parse_import_numbers, IMPORT | {"numbers_per_order": 0}, "numbers_per_order", "1 or more"),
        (parse_import_numbers, IMPORT | {"loa": "/run/loa.json"}, "loa", "no such parameter"),
        (parse_text_enable, ENABLE | {"phone_numbers": [US, FREE]}, "phone_numbers", "two runs"),
        (parse_text_enable, ENABLE | {"loa": ""}, "loa", "is missing"),
        (
            parse_text_enable,
            ENABLE | {"loa": '{"authorisedPerson": {}}'},
            "loa",
            "looks like the data itself",
        ),
        (parse_text_enable, ENABLE | {"loa": "ada@example.test"}, "loa", "must not hold an @"),
        (
            parse_text_enable,
            ENABLE | {"loa": "https://host/x.json?sig=MARK"},
            "loa",
            "must not carry a query",
        ),
        (parse_text_enable, ENABLE | {"loa_kind": "blanket"}, "loa", "leave it empty"),
        (
            parse_configure,
            CONFIGURE | {"phone_numbers": [US, CA], "sms": CAMPAIGN},
            "sms.campaign_id",
            "belongs to CA",
        ),
        (parse_configure, CONFIGURE | {"display_name": "a\nb"}, "display_name", "unprintable"),
        (
            parse_text_enable,
            ENABLE | {"phone_numbers": [FREE], "loa_kind": "blanket", "loa": ""},
            "loa_kind",
            "no blanket letter",
        ),
        (
            parse_text_enable,
            ENABLE | {"phone_numbers": [FREE], "sms": CAMPAIGN},
            "sms.campaign_id",
            "no campaign",
        ),
        (
            parse_text_enable,
            ENABLE | {"phone_numbers": [FREE], "nnid": "104029"},
            "nnid",
            "take none",
        ),
        (parse_text_enable, ENABLE | {"nnid": "12"}, "nnid", "six digits"),
        (
            parse_text_enable,
            ENABLE | {"scheduled_osr_update_time": "2026-12-01T03:00:00"},
            "scheduled_osr_update_time",
            "timezone",
        ),
        (
            parse_text_enable,
            ENABLE | {"phone_numbers": [f"+1212555{n:04d}" for n in range(501)]},
            "phone_numbers",
            "at most 500",
        ),
        (
            parse_text_enable,
            ENABLE | {"migrate_to_sinch_tmo": True},
            "migrate_to_sinch_tmo",
            "no such parameter",
        ),
        (
            parse_qualify,
            {"phone_numbers": [f"+1212555{n:04d}" for n in range(21)], "method": "voice"},
            "method",
            "invoices",
        ),
        (parse_qualify, {"phone_numbers": [US], "method": "letter"}, "method", "must be one of"),
        (parse_configure, CONFIGURE | {"sms": None}, "sms", "nothing is to be changed"),
        (parse_configure, CONFIGURE | {"unlink_sms": True}, "unlink_sms", "does not go with sms"),
        (parse_release, {"phone_numbers": []}, "phone_numbers", "is empty"),
    ],
)
def test_bad_input(parse: Parse, parameters: dict[str, Any], field: str, told: str) -> None:
    """What cannot be is refused with the name of the field and in words that help, and never with
    the value of a paper.
    """
    with pytest.raises(BadInput) as caught:
        parse(parameters)
    assert field == caught.value.field
    assert told in str(caught.value)
    assert "authorisedPerson" not in str(caught.value)


@pytest.mark.parametrize(
    ("parse", "parameters"),
    [
        (parse_import_numbers, IMPORT),
        (parse_text_enable, ENABLE),
        (parse_configure, CONFIGURE),
        (parse_qualify, {}),
        (parse_release, {}),
    ],
)
def test_numbers_in_another_order(parse: Parse, parameters: dict[str, Any]) -> None:
    """The same numbers in another order are the same run; other numbers are another."""
    one, two = (
        parse(parameters | {"phone_numbers": each})
        for each in ([US, "+12125550102"], ["+12125550102", US])
    )
    assert one.fingerprint() == two.fingerprint()
    assert one.fingerprint() != parse(parameters | {"phone_numbers": [US]}).fingerprint()
