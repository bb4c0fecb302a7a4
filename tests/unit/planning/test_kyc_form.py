"""The vendor's form: read as far as possible, never a condition; no finding repeats a value."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from support.orders import DATA, MARKS

from numberflow.models.number_orders import NumberRequirements
from numberflow.planning.kyc_form import Finding, asks_for_data, blank, findings, form_text
from numberflow.simulator.requirements import REQUIREMENTS

AU = NumberRequirements.model_validate(REQUIREMENTS["AU", "MOBILE"].as_dict())
DE = NumberRequirements.model_validate(REQUIREMENTS["DE", "LOCAL"].as_dict())


def changed(section: int, **fields: Any) -> list[Any]:
    """Good data with some fields of one section replaced."""
    data = copy.deepcopy(DATA)
    target = data[section][0] if isinstance(data[section], list) else data[section]
    target.update(fields)
    return data


def test_good_data() -> None:
    """Nothing is found in data that fits."""
    assert () == findings(AU, DATA)


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        ({"a": 1}, Finding("data", "takes a list of 3 entries, one for each section")),
        (DATA[:2], Finding("data", "takes 3 entries, one for each section, not 2")),
        (changed(1, city=""), Finding("data[1].city", "is missing")),
        (
            changed(1, postalCode="2000-very-long-code"),
            Finding("data[1].postalCode", "does not have the form ^[0-9A-Z -]{3,10}$"),
        ),
        (changed(1, country="Australia"), Finding("data[1].country", "must be an ISO 3166-1 code")),
        (
            changed(2, firstName="x" * 51),
            Finding("data[2].firstName", "has more than 50 characters"),
        ),
        (
            changed(2, phoneNumber="0491570156"),
            Finding("data[2].phoneNumber", "must be E.164 with a plus"),
        ),
        (
            changed(0, confirmationOfUse=False),
            Finding("data[0][0].confirmationOfUse", "must be confirmed"),
        ),
        (
            changed(0, purposeOfTheTraffic="Spam"),
            Finding(
                "data[0][0].purposeOfTheTraffic",
                "takes one of: One Time Password, Notifications, Marketing, Customer Care",
            ),
        ),
        ([[], *DATA[1:]], Finding("data[0]", "has fewer than 1 entries")),
        (["text", *DATA[1:]], Finding("data[0]", "must be of type array")),
    ],
)
def test_what_is_wrong_is_told_by_its_place(data: Any, finding: Finding) -> None:
    """One wrong thing is one finding, with path and rule."""
    assert (finding,) == findings(AU, data)


def test_no_finding_repeats_a_value() -> None:
    """Whatever stands in a field, only its place and the form's words come out."""
    wrong = [
        [{"senderId": MARKS[0] * 5}],
        {"endBusinessName": [MARKS[1]], "country": MARKS[2]},
        MARKS[3],
    ]
    found = findings(AU, wrong)
    assert found
    assert not [mark for mark in MARKS if mark in repr(found)]


def test_blank_is_the_form_without_content() -> None:
    """What is written for filling in has every field, and everything that is needed is missing from
    it.
    """
    form = blank(AU)
    assert {
        "senderId",
        "purposeOfTheTraffic",
        "intendedUseOfMobileNumbers",
        "confirmationOfUse",
    } == set(form["data"][0][0])
    assert {finding.path for finding in findings(AU, form["data"])} >= {
        "data[1].city",
        "data[2].firstName",
        "data[0][0].senderId",
    }
    assert 3 == len(blank(DE)["data"])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rules": []},
        {"rules": [{"other": 1}]},
        {"rules": [{"template": "text"}]},
        {"schema": "/schema/policySchema-v9.json", "pages": [1]},
    ],
)
def test_unreadable_form_forbids_nothing(fields: dict[str, Any]) -> None:
    """The inside of the form is not published.

    What cannot be read is left to the vendor's own check.
    """
    requirements = NumberRequirements(fields=fields)
    assert ((), {"data": []}) == (findings(requirements, DATA), blank(requirements))
    assert "cannot be read here" in form_text(requirements, "AU", "MOBILE")


def test_rules_that_make_no_sense_are_passed_over() -> None:
    """A pattern that does not compile, a type that nobody knows and a length that is text forbid
    nothing; their neighbours still count.
    """
    template = {
        "type": "object",
        "properties": [
            {"name": "a", "type": "string", "pattern": "("},
            {"name": "b", "type": "postcode"},
            {"name": "c", "type": "string", "maxLength": "ten"},
            {"name": "d", "type": "string", "required": True},
        ],
    }
    requirements = NumberRequirements(fields={"rules": [{"template": template}]})
    assert (Finding("data[0].d", "is missing"),) == findings(
        requirements, [{"a": "x", "b": "y", "c": "z"}]
    )


def test_plain_json_schema_is_read_too() -> None:
    """Members by name and a list of required ones, as JSON Schema has them."""
    template = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 3}},
        "required": ["name"],
    }
    requirements = NumberRequirements(fields={"rules": [{"template": template}]})
    assert (Finding("data[0].name", "is missing"),) == findings(requirements, [{}])
    assert (Finding("data[0].name", "has more than 3 characters"),) == findings(
        requirements, [{"name": "abcd"}]
    )


FIELDS = [
    {"name": "name", "type": "string", "title": "Name", "required": True},
    {"name": "note", "type": "string"},
]


@pytest.mark.parametrize(
    "template",
    [
        {"type": "array", "minItems": 1, "properties": FIELDS},
        {
            "type": "array",
            "minItems": 1,
            "properties": {"name": {"type": "string", "title": "Name"}, "note": {"type": "string"}},
            "required": ["name"],
        },
        {"minItems": 1, "items": {"properties": FIELDS}},
        {"type": "array", "minItems": 1, "items": {"type": "object", "properties": FIELDS}},
    ],
    ids=["named", "json-schema", "without-type", "with-items"],
)
def test_arrays_may_carry_their_fields(template: dict[str, Any]) -> None:
    """However an array says what its entries hold, they are described, blank and checked the same
    way, inside a section too.
    """
    for at, form in (
        ("", template),
        (".deep", {"type": "object", "properties": [{"name": "deep", **template}]}),
    ):
        requirements = NumberRequirements(fields={"rules": [{"template": form}]})

        def filled(entries: Any, at: str = at) -> list[Any]:
            return [{"deep": entries} if at else entries]

        assert {"data": filled([{"name": "", "note": ""}])} == blank(requirements)
        assert f"| `{'deep' if at else ''}[ ].name` | Name | yes |" in form_text(
            requirements, "AU", "MOBILE"
        )
        assert () == findings(requirements, filled([{"name": "Acme"}]))
        assert (Finding(f"data[0]{at}[1].name", "is missing"),) == findings(
            requirements, filled([{"name": "A"}, {}])
        )
        assert (Finding(f"data[0]{at}", "has fewer than 1 entries"),) == findings(
            requirements, filled([])
        )


def test_a_section_without_a_template_keeps_its_place() -> None:
    """The sections around it are read and checked; it takes an entry, of whatever kind."""
    template = {"type": "object", "properties": FIELDS}
    requirements = NumberRequirements(
        fields={"rules": [{"template": template}, {"other": 1}, {"template": template}]}
    )
    assert () == findings(requirements, [{"name": "a"}, ["anything"], {"name": "c"}])
    assert (Finding("data[2].name", "is missing"),) == findings(
        requirements, [{"name": "a"}, {}, {}]
    )
    assert (Finding("data", "takes 3 entries, one for each section, not 2"),) == findings(
        requirements, [{}, {}]
    )
    assert [{"name": "", "note": ""}, {}, {"name": "", "note": ""}] == blank(requirements)["data"]
    text = form_text(requirements, "AU", "MOBILE")
    assert ("(`data[1]`)" in text, "cannot be read here" in text) == (True, True)


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({}, False),
        ({"attachments": []}, False),
        ({"schema": "/schema/v1.json", "rules": [{}], "attachments": []}, True),
    ],
)
def test_a_list_of_files_is_no_form(fields: dict[str, Any], asks: bool) -> None:
    """`attachments: []` inside the form, beside the member with the files, asks for nothing."""
    assert asks is asks_for_data(NumberRequirements(fields=fields))


def test_words() -> None:
    """The description names every field and file, and says where nothing is needed."""
    text = form_text(DE, "DE", "LOCAL")
    assert all(
        word in text
        for word in (
            "Proof of address",
            "UTILITY_BILL, REGISTER_EXTRACT",
            "`data[1]`",
            "`postalCode`",
        )
    )
    assert "no requirements" in form_text(None, "US", "LOCAL")
