"""Parameters of a purchase: every rule, the message for whoever broke it, and what makes two
purchases the same.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from numberflow.errors import BadInput
from numberflow.models.orders import (
    PROVISIONING_WAIT_MAX_S,
    QUANTITY_MAX,
    SearchAndRentParameters,
    Strategy,
)
from numberflow.models.parameters import REFERENCE_LENGTH_MAX, check_parameters
from numberflow.models.vendor import Capability, NumberType, SearchPattern, VoiceType

MINIMUM = {
    "region_code": "US",
    "number_type": "LOCAL",
    "max_today": "90.00",
    "max_monthly": "45.00",
}


def order(**parameters: Any) -> SearchAndRentParameters:
    """A purchase of one US LOCAL number, changed by `parameters`."""
    return check_parameters(SearchAndRentParameters, MINIMUM | parameters)


def refusal(**parameters: Any) -> BadInput:
    """What is said to these parameters."""
    with pytest.raises(BadInput) as caught:
        order(**parameters)
    return caught.value


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("region_code", "U" * 20_001, "has 20,001 characters; at most 20,000 are taken"),
        ("capabilities", ["SMS"] * 10_001, "has 10,001 entries; at most 10,000 are taken"),
        ("phone_numbers", "+1 " * 70_000, "has 210,000 characters; at most 200,000 are taken"),
        ("sms.service_plan_id", "p" * 30_000, "has 30,000 characters; at most 20,000 are taken"),
    ],
)
def test_too_large(field: str, value: Any, words: str) -> None:
    """What is larger than any input is refused before it is read, with its field and the limit."""
    group, _, member = field.partition(".")
    error = refusal(**{group: {member: value} if member else value})
    assert (field, f"{field}: {words}") == (error.field, error.message)


def test_defaults() -> None:
    """The four parameters without a default are enough for one number; everything else is off."""
    assert order() == SearchAndRentParameters(
        region_code="US",
        number_type=NumberType.LOCAL,
        quantity=1,
        capabilities=(),
        pattern=None,
        search_pattern=None,
        phone_numbers=(),
        sms=None,
        voice=None,
        callback_url=None,
        reference=None,
        max_today=Decimal("90.00"),
        max_monthly=Decimal("45.00"),
        currency="USD",
        strategy=Strategy.CHOSEN,
        plan_only=False,
        approve_above=None,
        provisioning_wait_s=120,
        project=None,
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "region_code",
            "USA",
            "'USA' is not an ISO 3166-1 alpha-2 region; write two letters such as US",
        ),
        ("region_code", "", "'' is not an ISO 3166-1 alpha-2 region; write two letters such as US"),
        (
            "region_code",
            "ZZ",
            "'ZZ' is not an ISO 3166-1 alpha-2 region; write two letters such as US",
        ),
        (
            "region_code",
            "x" * 99,
            f"'{'x' * 37}…' is not an ISO 3166-1 alpha-2 region; write two letters such as US",
        ),
        ("number_type", "local", "must be one of 'MOBILE', 'LOCAL' or 'TOLL_FREE'"),
        ("quantity", 0, "must be 1 or more"),
        ("quantity", -1, "must be 1 or more"),
        ("quantity", 10_000, f"must be {QUANTITY_MAX} or less"),
        ("quantity", "many", "must be a whole number"),
        ("quantity", 1.5, "must be a whole number"),
        ("quantity", True, "must be a whole number"),
        ("quantity", None, "must be a whole number"),
        ("plan_only", "perhaps", "must be true or false"),
        ("pattern", 5, "must be text"),
        ("currency", "EURO", "'EURO' is not an ISO 4217 currency; write three letters such as USD"),
        ("currency", "", "'' is not an ISO 4217 currency; write three letters such as USD"),
        ("capabilities", "SMS", "must be a list"),
        ("strategy", "cheapest", "must be one of 'chosen' or 'any'"),
        (
            "reference",
            "x" * 10_000,
            f"has 10000 characters; at most {REFERENCE_LENGTH_MAX} are kept",
        ),
        ("reference", "PO\n1", "has control characters; write one printable line such as PO-1042"),
        ("reference", "PO\x00", "has control characters; write one printable line such as PO-1042"),
        ("provisioning_wait_s", -1, "must be 0 or more"),
        ("provisioning_wait_s", 3601, f"must be {PROVISIONING_WAIT_MAX_S} or less"),
        (
            "callback_url",
            "ftp://hooks.example.test/",
            "must be a whole http:// or https:// address",
        ),
        ("callback_url", "hooks.example.test", "must be a whole http:// or https:// address"),
        ("callback_url", "http://[", "must be a whole http:// or https:// address"),
        ("callback_url", "https://a b/", "must be a whole http:// or https:// address"),
        ("callback_url", "https://a/\x00", "must be a whole http:// or https:// address"),
        (
            "callback_url",
            "https://me:pass@a/",
            "must not carry a user name or password; callbacks are proven by their signature",
        ),
        (
            "callback_url",
            "https://a/hook?Api-Key=1",
            (
                "its query carries 'Api-Key', and this address is kept in clear; callbacks are "
                "proven by their signature"
            ),
        ),
        ("callback_url", "https://a/" + "x" * 2048, "has more than 2048 characters"),
        ("sms", "plan-1", "must be a group of fields (a JSON object)"),
        ("voice", {"type": "RTC"}, "type RTC takes app_id and no other id (given: none)"),
        (
            "voice",
            {"type": "EST", "app_id": "a"},
            "type EST takes trunk_id and no other id (given: app_id)",
        ),
        (
            "voice",
            {"type": "FAX", "trunk_id": "t"},
            "type FAX takes service_id and no other id (given: trunk_id)",
        ),
        (
            "voice",
            {"type": "RTC", "app_id": "a", "trunk_id": "t"},
            "type RTC takes app_id and no other id (given: app_id, trunk_id)",
        ),
        (
            "phone_numbers",
            ["12025550101"],
            (
                "'12025550101' is not E.164; write +12025550101 if that is what is meant: numbers "
                "begin with + and the country code"
            ),
        ),
        (
            "phone_numbers",
            ["+1\uff12025550101"],
            "'+1\uff12025550101' is not E.164; write + and digits only, such as +12025550123",
        ),
        ("phone_numbers", ["+99912345678"], "+99912345678 has no country code in use"),
        (
            "phone_numbers",
            ["+120255501011"],
            "+120255501011 has too few or too many digits for its country",
        ),
        ("phone_numbers", ["+12025550101"] * 2, "a number is listed twice"),
        ("phone_numbers", ["+442071838750"], "+442071838750 does not belong to region US"),
        (
            "phone_numbers",
            [f"+1202{2000000 + n}" for n in range(QUANTITY_MAX + 1)],
            (
                f"names {QUANTITY_MAX + 1} numbers; at most {QUANTITY_MAX} are bought under one "
                "reference"
            ),
        ),
    ],
)
def test_one_broken_rule(field: str, value: Any, message: str) -> None:
    """A value that breaks a rule is refused with field, reason and what to write instead."""
    error = refusal(**{field: value})
    assert (field, f"{field}: {message}") == (error.field, error.message)
    assert error.remedy == "correct the parameter and run again; nothing was sent"


@pytest.mark.parametrize("field", ["max_today", "max_monthly", "approve_above"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("90,00", 'write a decimal string with a point, such as "90.00"'),
        ("ninety", 'write a decimal string with a point, such as "90.00"'),
        ("1e3", 'write a decimal string with a point, such as "90.00"'),
        ("1_000", 'write a decimal string with a point, such as "90.00"'),
        ("\u0669\u0660", 'write a decimal string with a point, such as "90.00"'),
        (1e-7, 'write a decimal string with a point, such as "90.00"'),
        ([1], 'write a decimal string with a point, such as "90.00"'),
        (True, 'write a decimal string such as "90.00"'),
        (-1, "must be 0 or more"),
        ("-0.01", "must be 0 or more"),
        ("NaN", "must be 0 or more"),
        (float("nan"), "must be 0 or more"),
        ("Infinity", "must be 0 or more"),
        ("1000000000000.01", "is larger than any purchase"),
        ("1e999999", "is larger than any purchase"),
        (10**13, "is larger than any purchase"),
    ],
)
def test_amounts_that_are_none(field: str, value: Any, message: str) -> None:
    """A cap that is no plain decimal amount is refused.

    Nobody has to guess what "90,00" or 1e3 was to mean.
    """
    assert f"{field}: {message}" == refusal(**{field: value}).message


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("90.00", "90.00"),
        (" 90.00 ", "90.00"),
        (90, "90"),
        (0, "0"),
        ("0.0001", "0.0001"),
        (0.1, "0.1"),
        (Decimal("1E+2"), "100"),
        ("1000000000000", "1000000000000"),
    ],
)
def test_amounts_keep_their_digits(value: Any, amount: str) -> None:
    """An amount is kept digit for digit, also when it came as a number."""
    assert Decimal(amount) == order(max_today=value).max_today


@pytest.mark.parametrize("missing", ["region_code", "number_type", "max_today", "max_monthly"])
def test_without_a_cap_nothing_is_bought(missing: str) -> None:
    """Region, type and both caps have no default: their absence is refused, by name."""
    with pytest.raises(BadInput) as caught:
        check_parameters(
            SearchAndRentParameters,
            {name: value for name, value in MINIMUM.items() if name != missing},
        )
    assert (missing, f"{missing}: is missing") == (caught.value.field, caught.value.message)


def test_every_broken_rule_is_named_at_once() -> None:
    """Whoever broke three rules hears of all three; `field` is the first."""
    error = refusal(quantity=0, currency="EURO", sms={"service_plan_id": "", "plan": 1})
    assert error.field == "quantity"
    assert error.message.split("; ")[0] == "quantity: must be 1 or more"
    assert {"quantity", "currency", "sms.service_plan_id", "sms.plan"} == {
        part.partition(":")[0] for part in error.message.split("; ") if ":" in part
    }


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("quantty", "did you mean quantity?"),
        ("numberType", "did you mean number_type?"),
        ("maxtoday", "did you mean max_today?"),
    ],
)
def test_unknown_parameter_gets_a_suggestion(name: str, remedy: str) -> None:
    """A misspelt parameter is refused, never ignored, and the likely name is suggested."""
    error = refusal(**{name: 1})
    assert (name, remedy, f"{name!r}: no such parameter") == (
        error.field,
        error.remedy,
        error.message,
    )


def test_unknown_parameter_without_likeness() -> None:
    """A name like no other gets the list of those that exist."""
    assert refusal(zzz=1).remedy == f"known are: {', '.join(SearchAndRentParameters.model_fields)}"


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        (
            {"region_code": "GB", "sms": {"service_plan_id": "p", "campaign_id": "c"}},
            "sms.campaign_id",
            "10DLC campaigns exist for US numbers only; leave it out for other regions",
        ),
        (
            {"strategy": "any", "region_code": "GB"},
            "strategy",
            '"any" works for US LOCAL only; use "chosen"',
        ),
        (
            {"strategy": "any", "number_type": "TOLL_FREE"},
            "strategy",
            '"any" works for US LOCAL only; use "chosen"',
        ),
        (
            {"phone_numbers": ["+12025550101"], "quantity": 2},
            "quantity",
            "is 2, but 1 phone_numbers are named",
        ),
        (
            {"phone_numbers": ["+12025550101"], "pattern": "307"},
            "phone_numbers",
            "named numbers take no pattern and no strategy",
        ),
        (
            {"phone_numbers": ["+12025550101"], "strategy": "any"},
            "phone_numbers",
            "named numbers take no pattern and no strategy",
        ),
        (
            {"search_pattern": "END"},
            "search_pattern",
            "has no pattern to apply; give pattern too, or leave both out",
        ),
    ],
)
def test_rules_over_several_parameters(
    parameters: dict[str, Any], field: str, message: str
) -> None:
    """Where two parameters do not go together, the one to be fixed is named."""
    error = refusal(**parameters)
    assert (field, f"{field}: {message}") == (error.field, error.message)


@pytest.mark.parametrize(
    ("pattern", "search_pattern", "effective"),
    [
        ("+1307", "START", SearchPattern.START),
        ("+1307", None, SearchPattern.START),
        ("307", "CONTAINS", SearchPattern.CONTAINS),
        ("307", None, SearchPattern.CONTAINS),
        ("0101", "END", SearchPattern.END),
        ("+1 (307)", "", SearchPattern.START),
        ("307-01", "", SearchPattern.CONTAINS),
        (None, None, None),
        ("", "", None),
    ],
)
def test_effective_search_pattern(
    pattern: str | None, search_pattern: str | None, effective: Any
) -> None:
    """A pattern with plus begins the number, one without stands anywhere, unless the caller says
    where.
    """
    assert (
        effective == order(pattern=pattern, search_pattern=search_pattern).effective_search_pattern
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"pattern": "307", "search_pattern": "START"},
            "START needs plus and country code, such as +1307",
        ),
        (
            {"pattern": "1415", "search_pattern": "START"},
            "START needs plus and country code, such as +1415",
        ),
        (
            {"pattern": "1 (415)", "search_pattern": "START"},
            "START needs plus and country code, such as +1415",
        ),
        (
            {"pattern": "x", "search_pattern": "START"},
            "START needs plus and country code, such as +1307",
        ),
        (
            {"pattern": "+44", "search_pattern": "START"},
            "+44 cannot match region US, whose numbers start with +1",
        ),
        ({"pattern": "+1307", "search_pattern": "END"}, "END takes digits only, such as 1307"),
        (
            {"pattern": "+1307", "search_pattern": "CONTAINS"},
            "CONTAINS takes digits only, such as 1307",
        ),
        ({"pattern": "30*", "search_pattern": None}, "CONTAINS takes digits only, such as 30"),
        ({"pattern": "\u0663\u0660"}, "CONTAINS takes digits only, such as 2255"),
        ({"pattern": "1234567890123456"}, "CONTAINS takes digits only, such as 123456"),
        ({"pattern": "+"}, "START needs plus and country code, such as +1307"),
    ],
)
def test_patterns_that_match_nothing(parameters: dict[str, Any], message: str) -> None:
    """A pattern that could never match is refused with one that could."""
    assert f"pattern: {message}" == refusal(**parameters).message


@pytest.mark.parametrize("pattern", ["+4", "+44", "+442071"])
def test_start_pattern_may_be_shorter_than_the_country_code(pattern: str) -> None:
    """A START pattern of any length fits when it begins like the region's numbers."""
    assert pattern == order(region_code="GB", pattern=pattern, search_pattern="START").pattern


@pytest.mark.parametrize(
    ("voice", "target"),
    [
        ({"app_id": "a"}, (VoiceType.RTC, "a")),
        ({"type": "EST", "trunk_id": "t"}, (VoiceType.EST, "t")),
        ({"type": "FAX", "service_id": "s", "app_id": ""}, (VoiceType.FAX, "s")),
    ],
)
def test_voice_has_one_target(voice: dict[str, str], target: tuple[VoiceType, str]) -> None:
    """Each voice product is linked by the one id that belongs to it."""
    link = order(voice=voice).voice
    assert link is not None
    assert target == (link.type, link.target_id)


@pytest.mark.parametrize(
    "field",
    [
        "pattern",
        "search_pattern",
        "callback_url",
        "reference",
        "project",
        "approve_above",
        "sms",
        "voice",
    ],
)
@pytest.mark.parametrize("empty", ["", "  ", None])
def test_empty_field_of_a_form(field: str, empty: str | None) -> None:
    """A field that a form leaves empty is the same as one that was not there."""
    assert order() == order(**{field: empty})


def test_empty_lists_of_a_form() -> None:
    """Lists that a form sends as null are empty, and an empty campaign is none."""
    assert order(sms={"service_plan_id": "p"}) == order(
        capabilities=None, phone_numbers=None, sms={"service_plan_id": "p", "campaign_id": ""}
    )


def test_spelling_is_evened_out() -> None:
    """Case of region and currency, blanks around values, and order and repetition of capabilities
    make no difference.
    """
    assert order(capabilities=["SMS", "VOICE"], reference="PO-1", pattern="307") == order(
        region_code=" us ",
        currency="usd",
        capabilities=["VOICE", "SMS", "VOICE"],
        reference=" PO-1 ",
        pattern=" 307 ",
    )


def test_wanted_follows_the_named_numbers() -> None:
    """With named numbers their count is what is wanted; without, the quantity."""
    named = ["+12025550101", "+12025550102"]
    assert (2, 2, 7) == (
        order(phone_numbers=named).wanted,
        order(phone_numbers=named, quantity=2).wanted,
        order(quantity=7).wanted,
    )


NOT_BOUGHT = {
    "reference": "PO-2",
    "max_today": "1",
    "max_monthly": "1",
    "currency": "EUR",
    "plan_only": True,
    "approve_above": "5",
    "provisioning_wait_s": 0,
    "project": "other",
}
BOUGHT = {
    "region_code": "CA",
    "number_type": "TOLL_FREE",
    "quantity": 2,
    "capabilities": ["SMS"],
    "pattern": "307",
    "phone_numbers": ["+12025550101"],
    "sms": {"service_plan_id": "p"},
    "voice": {"app_id": "a"},
    "callback_url": "https://a.test/",
    "strategy": "any",
}


@pytest.mark.parametrize("field", NOT_BOUGHT)
def test_what_continues_a_purchase(field: str) -> None:
    """Caps, approval, waiting, reference and account are no part of what is bought.

    Changing them continues the purchase.
    """
    assert order().fingerprint() == order(**{field: NOT_BOUGHT[field]}).fingerprint()


@pytest.mark.parametrize("field", BOUGHT)
def test_what_makes_another_purchase(field: str) -> None:
    """Whatever changes the numbers or their links makes another purchase."""
    assert order().fingerprint() != order(**{field: BOUGHT[field]}).fingerprint()


def test_every_parameter_is_in_one_of_the_two_lists() -> None:
    """A new parameter has to be sorted: part of what is bought, or not."""
    assert set(SearchAndRentParameters.model_fields) == {*NOT_BOUGHT, *BOUGHT, "search_pattern"}
    assert (
        order(pattern="307", search_pattern="CONTAINS").fingerprint()
        != order(pattern="307", search_pattern="END").fingerprint()
    )


def test_fingerprint_of_named_numbers() -> None:
    """Saying the quantity of named numbers or leaving it to the list is the same purchase."""
    named = ["+12025550101", "+12025550102"]
    assert (
        order(phone_numbers=named).fingerprint()
        == order(phone_numbers=named, quantity=2).fingerprint()
    )


def test_fingerprint_is_stable() -> None:
    """The fingerprint of a purchase that began under an earlier release still matches."""
    assert order(quantity=2, capabilities=["SMS"], pattern="+1307").fingerprint() == (
        "50a50d4c9e8c8eb3fab9469d03532039d85ad4e4a4c734bed4af001a810620e5"
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["US", "SMS", "+12025550101"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from([*SearchAndRentParameters.model_fields, "quantty"]) | st.text(max_size=12)


@given(st.dictionaries(NAMES, JSON, max_size=8), st.booleans())
@settings(max_examples=150, deadline=None)
def test_arbitrary_parameters(parameters: dict[str, Any], on_top_of_valid: bool) -> None:
    """Whatever JSON object comes in, the answer is an order or BadInput with field, reason and
    fix; never another error.
    """
    try:
        parsed = check_parameters(
            SearchAndRentParameters, MINIMUM | parameters if on_top_of_valid else parameters
        )
    except BadInput as error:
        assert all((error.message, error.remedy))
        assert f"{error.field}" in error.message or repr(error.field)[1:38] in error.message
    else:
        assert 1 <= parsed.wanted <= QUANTITY_MAX
        assert min(parsed.max_today, parsed.max_monthly) >= 0


@given(st.lists(st.sampled_from(list(Capability)), max_size=5), st.decimals(0, 10**12, places=4))
@settings(max_examples=50, deadline=None)
def test_orders_survive_json(capabilities: list[Capability], cap: Decimal) -> None:
    """An order that is written as JSON and read again is the same order."""
    before = order(
        capabilities=capabilities,
        max_today=str(cap),
        sms={"service_plan_id": "p"},
        voice={"app_id": "a"},
    )
    assert before == SearchAndRentParameters.model_validate_json(before.model_dump_json())
