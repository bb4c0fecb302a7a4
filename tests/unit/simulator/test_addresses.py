"""What the simulated register says of addresses. Pure."""

import pytest

from numberflow.simulator.addresses import Address, validate

ATLANTA = Address("3040", "Lenox Rd NE", "", "Atlanta", "GA", "30324", "")


@pytest.mark.parametrize(
    ("change", "region"),
    [
        ({}, "US"),
        ({"location": "Apt 4"}, "US"),
        ({"postal_code_plus_four": "4741"}, "US"),
        (
            {"street_info": "Broadway", "city": "New York", "state": "NY", "postal_code": "10001"},
            "US",
        ),
        (
            {
                "street_info": "King St W",
                "city": "Toronto",
                "state": "ON",
                "postal_code": "M5V 1J5",
            },
            "CA",
        ),
        ({"street_info": "Park Place Rd NE"}, "US"),
    ],
)
def test_exact(change, region):
    """An address in the register's own spelling matches exactly, with or without the four extra
    digits.
    """
    verdict = validate(ATLANTA._replace(**change), region)
    assert (verdict.result, verdict.corrected, verdict.candidates) == ("EXACT_MATCH", Address(), ())


@pytest.mark.parametrize(
    ("change", "field", "corrected", "words"),
    [
        ({"street_info": "Lenox Road NE"}, "street_info", "Lenox Rd NE", "Street was changed"),
        (
            {"street_info": "lenox rd. northeast"},
            "street_info",
            "Lenox Rd NE",
            "Street was changed",
        ),
        ({"city": "ATLANTA"}, "city", "Atlanta", "City was changed"),
        ({"state": "ga"}, "state", "GA", "State was changed"),
        ({"postal_code": "30324-4741"}, "postal_code", "30324", "Postal code was changed"),
        (
            {"postal_code_plus_four": "0000"},
            "postal_code_plus_four",
            "4741",
            "Corrected to valid address",
        ),
    ],
)
def test_near(change, field, corrected, words):
    """Another spelling is a near match, corrected, with the four extra digits, and the message
    names what was changed.
    """
    verdict = validate(ATLANTA._replace(**change), "US")
    assert (verdict.result, corrected) == ("NEAR_MATCH", getattr(verdict.corrected, field))
    assert verdict.message.split("|")[0] == "Corrected to valid address"
    assert words in verdict.message.split("|")
    assert (verdict.corrected.postal_code_plus_four, validate(verdict.corrected, "US").result) == (
        "4741",
        "EXACT_MATCH",
    )


def test_a_missing_quadrant_is_no_match_with_one_candidate():
    """In Atlanta a street without quadrant is not found, and one candidate has it, in the
    register's abbreviation.
    """
    verdict = validate(ATLANTA._replace(street_info="Lenox Road"), "US")
    assert (verdict.result, [one.street_info for one in verdict.candidates]) == (
        "NO_MATCH",
        ["Lenox Rd NE"],
    )
    assert {"EXACT_MATCH"} == {validate(one, "US").result for one in verdict.candidates}


def test_a_missing_street_type_has_two_candidates():
    """A street without a type is not found; two of that name are proposed, each of which exists."""
    verdict = validate(ATLANTA._replace(street_info="Lenox NE"), "US")
    assert ("NO_MATCH", ["Lenox Ave NE", "Lenox St NE"]) == (
        verdict.result,
        [one.street_info for one in verdict.candidates],
    )
    assert {"EXACT_MATCH"} == {validate(one, "US").result for one in verdict.candidates}


@pytest.mark.parametrize(
    ("change", "region"),
    [
        ({"street_info": "Nowhere Rd NE"}, "US"),
        ({"state": "NY"}, "US"),
        ({"state": "XX"}, "US"),
        ({"postal_code": "3032"}, "US"),
        ({"postal_code": "M5V 1J5"}, "US"),
        ({"street_number": "0"}, "US"),
        ({"city": " "}, "US"),
        ({}, "CA"),
        ({"state": "BC", "postal_code": "M5V 1J5"}, "CA"),
    ],
)
def test_none(change, region):
    """An unknown street, a state that the postal code contradicts, or another country's address.

    No match, no candidates.
    """
    verdict = validate(ATLANTA._replace(**change), region)
    assert (verdict.result, verdict.candidates, verdict.corrected) == ("NO_MATCH", (), Address())
