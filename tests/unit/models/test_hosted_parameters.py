"""Parameters of the flows over numbers that live elsewhere.

What a form may leave empty, and what is refused before any request, with field and fix.
"""

from __future__ import annotations

from typing import Any

import pytest

from numberflow.errors import BadInput
from numberflow.models.held_numbers import ConfigureParameters, ReleaseParameters
from numberflow.models.import_numbers import ImportNumbersParameters
from numberflow.models.parameters import NamedNumbersParameters, check_parameters
from numberflow.models.qualify_numbers import QualifyParameters
from numberflow.models.text_enable_numbers import TextEnableParameters

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


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (ImportNumbersParameters, IMPORT),
        (ImportNumbersParameters, IMPORT | {"phone_numbers": [CA], "region_code": "CA"}),
        (ImportNumbersParameters, IMPORT | {"phone_numbers": [FREE]}),
        (TextEnableParameters, ENABLE),
        (TextEnableParameters, ENABLE | {"loa_kind": "blanket", "loa": ""}),
        (
            TextEnableParameters,
            ENABLE
            | {"phone_numbers": [FREE], "scheduled_osr_update_time": "2026-12-01T03:00:00+01:00"},
        ),
        (QualifyParameters, {"phone_numbers": [US, FREE, CA]} | EMPTY),
        (ConfigureParameters, CONFIGURE | {"phone_numbers": [US, GB]}),
        (ReleaseParameters, {"phone_numbers": [US, GB]} | EMPTY),
    ],
)
def test_what_a_form_sends(model: type[NamedNumbersParameters], parameters: dict[str, Any]) -> None:
    """A form sends "" for what was left empty.

    That is no value, and it says nothing about what is done.
    """
    order = check_parameters(model, parameters)
    assert order.reference is None
    assert (
        order.fingerprint()
        == check_parameters(
            model, parameters | {"reference": "PO-1", "plan_only": True}
        ).fingerprint()
    )


@pytest.mark.parametrize(
    ("model", "parameters", "field", "told"),
    [
        (ImportNumbersParameters, IMPORT | {"phone_numbers": []}, "phone_numbers", "is empty"),
        (ImportNumbersParameters, IMPORT | {"phone_numbers": [US, US]}, "phone_numbers", "twice"),
        (
            ImportNumbersParameters,
            IMPORT | {"phone_numbers": ["2125550101"]},
            "phone_numbers",
            "write +12125550101 if",
        ),
        (
            ImportNumbersParameters,
            IMPORT | {"phone_numbers": [GB]},
            "phone_numbers",
            "neither a US nor a CA number",
        ),
        (
            ImportNumbersParameters,
            IMPORT | {"phone_numbers": [CA]},
            "phone_numbers",
            "belongs to CA",
        ),
        (
            ImportNumbersParameters,
            IMPORT | {"phone_numbers": ["+17875550101"]},
            "phone_numbers",
            "belongs to PR",
        ),
        (ImportNumbersParameters, IMPORT | {"region_code": "GB"}, "region_code", "must be one of"),
        (ImportNumbersParameters, IMPORT | {"sms": {}}, "sms.service_plan_id", "is missing"),
        (
            ImportNumbersParameters,
            IMPORT | {"phone_numbers": [CA], "region_code": "CA", "sms": CAMPAIGN},
            "sms.campaign_id",
            "US numbers",
        ),
        (
            ImportNumbersParameters,
            IMPORT | {"phone_numbers": [FREE], "sms": CAMPAIGN},
            "sms.campaign_id",
            "toll-free",
        ),
        (
            ImportNumbersParameters,
            IMPORT | {"display_name": "x" * 101},
            "display_name",
            "more than 100",
        ),
        (
            ImportNumbersParameters,
            IMPORT | {"display_name": "nf-" + "0" * 20 + " x"},
            "display_name",
            "tokens",
        ),
        (TextEnableParameters, ENABLE | {"display_name": "a\nb"}, "display_name", "unprintable"),
        (
            ImportNumbersParameters,
            IMPORT | {"numbers_per_order": 0},
            "numbers_per_order",
            "1 or more",
        ),
        (ImportNumbersParameters, IMPORT | {"loa": "/run/loa.json"}, "loa", "no such parameter"),
        (TextEnableParameters, ENABLE | {"phone_numbers": [US, FREE]}, "phone_numbers", "two runs"),
        (TextEnableParameters, ENABLE | {"loa": ""}, "loa", "is missing"),
        (
            TextEnableParameters,
            ENABLE | {"loa": '{"authorisedPerson": {}}'},
            "loa",
            "looks like the data itself",
        ),
        (TextEnableParameters, ENABLE | {"loa": "ada@example.test"}, "loa", "must not hold an @"),
        (
            TextEnableParameters,
            ENABLE | {"loa": "https://host/x.json?sig=MARK"},
            "loa",
            "must not carry a query",
        ),
        (TextEnableParameters, ENABLE | {"loa_kind": "blanket"}, "loa", "leave it empty"),
        (
            ConfigureParameters,
            CONFIGURE | {"phone_numbers": [US, CA], "sms": CAMPAIGN},
            "sms.campaign_id",
            "belongs to CA",
        ),
        (ConfigureParameters, CONFIGURE | {"display_name": "a\nb"}, "display_name", "unprintable"),
        (ConfigureParameters, CONFIGURE | {"display_name": "x" * 101}, "display_name", "100 char"),
        (
            TextEnableParameters,
            ENABLE | {"phone_numbers": [FREE], "loa_kind": "blanket", "loa": ""},
            "loa_kind",
            "no blanket letter",
        ),
        (
            TextEnableParameters,
            ENABLE | {"phone_numbers": [FREE], "sms": CAMPAIGN},
            "sms.campaign_id",
            "no campaign",
        ),
        (
            TextEnableParameters,
            ENABLE | {"phone_numbers": [FREE], "nnid": "104029"},
            "nnid",
            "take none",
        ),
        (TextEnableParameters, ENABLE | {"nnid": "12"}, "nnid", "six digits"),
        (
            TextEnableParameters,
            ENABLE | {"scheduled_osr_update_time": "2026-12-01T03:00:00"},
            "scheduled_osr_update_time",
            "timezone",
        ),
        (
            TextEnableParameters,
            ENABLE | {"phone_numbers": [f"+1212555{n:04d}" for n in range(501)]},
            "phone_numbers",
            "at most 500",
        ),
        (
            TextEnableParameters,
            ENABLE | {"migrate_to_sinch_tmo": True},
            "migrate_to_sinch_tmo",
            "no such parameter",
        ),
        (
            QualifyParameters,
            {"phone_numbers": [f"+1212555{n:04d}" for n in range(21)], "method": "voice"},
            "method",
            "invoices",
        ),
        (
            QualifyParameters,
            {"phone_numbers": [US], "method": "letter"},
            "method",
            "must be one of",
        ),
        (ConfigureParameters, CONFIGURE | {"sms": None}, "sms", "nothing is to be changed"),
        (
            ConfigureParameters,
            CONFIGURE | {"unlink_sms": True},
            "unlink_sms",
            "does not go with sms",
        ),
        (ReleaseParameters, {"phone_numbers": []}, "phone_numbers", "is empty"),
    ],
)
def test_bad_input(
    model: type[NamedNumbersParameters], parameters: dict[str, Any], field: str, told: str
) -> None:
    """What cannot be is refused with the name of the field and in words that help, and never with
    the value of a paper.
    """
    with pytest.raises(BadInput) as caught:
        check_parameters(model, parameters)
    assert field == caught.value.field
    assert told in str(caught.value)
    assert "authorisedPerson" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (ImportNumbersParameters, IMPORT),
        (TextEnableParameters, ENABLE),
        (ConfigureParameters, CONFIGURE),
        (QualifyParameters, {}),
        (ReleaseParameters, {}),
    ],
)
def test_numbers_in_another_order(
    model: type[NamedNumbersParameters], parameters: dict[str, Any]
) -> None:
    """The same numbers in another order are the same run; other numbers are another."""
    one, two = (
        check_parameters(model, parameters | {"phone_numbers": each})
        for each in ([US, "+12125550102"], ["+12125550102", US])
    )
    assert one.fingerprint() == two.fingerprint()
    assert (
        one.fingerprint()
        != check_parameters(model, parameters | {"phone_numbers": [US]}).fingerprint()
    )
