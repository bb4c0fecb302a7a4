"""Emergency addresses as we read them, and the body that we send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.samples import load

from numberflow.models.emergency import (
    AddressValidation,
    EmergencyAddress,
    EmergencyAddressRequest,
    ValidationResult,
)
from numberflow.models.personal import unseal

GOOD: dict[str, Any] = json.loads(load("emergency_200").body)
NEAR: dict[str, Any] = json.loads(load("validate_200_near").body)
PARTS = {
    "display_name": "Wombat Bakery",
    "street_number": "1479",
    "street_info": "Lenox Road NE",
    "city": "Atlanta",
    "state": "GA",
    "postal_code": "30306",
}


def read(name: str) -> AddressValidation:
    """A recorded verdict."""
    return AddressValidation.model_validate(json.loads(load(name).body))


def test_address() -> None:
    """An address is read completely, empty parts are nothing, and none of it shows."""
    address = EmergencyAddress.model_validate(GOOD)
    assert {name: text for name, text in GOOD.items() if text} == unseal(address)
    shown = repr(address) + str(address) + str(address.model_dump()) + address.model_dump_json()
    assert [False] * 4 == [text in shown for text in ("1479", "Lenox", "Atlanta", "30306")]


def test_addresses_compare() -> None:
    """Two addresses are equal when all their parts are.

    A number in the place of a postal code is the same text.
    """
    address = EmergencyAddress.model_validate(GOOD)
    assert address == EmergencyAddress.model_validate({**GOOD, "postalCode": 30306, "new": "x"})
    assert address != EmergencyAddress.model_validate({**GOOD, "streetInfo": "Lenox Road NE"})


def test_exact() -> None:
    """An exact match has neither correction nor candidates: an address of empty texts is none."""
    exact = read("validate_200_exact")
    assert (ValidationResult.EXACT_MATCH, None, (), ("Valid address",)) == (
        exact.result,
        exact.corrected_address,
        exact.candidate_addresses,
        exact.remarks,
    )


def test_near() -> None:
    """A near match has a correction, which can be sent as it is, and remarks that quote nobody."""
    near = read("validate_200_near")
    assert near.corrected_address == EmergencyAddress.model_validate(GOOD)
    request = EmergencyAddressRequest.for_address("Wombat Bakery", near.corrected_address)
    assert {
        "displayName": "Wombat Bakery",
        "address": {k: v for k, v in GOOD.items() if v},
    } == request.to_wire()
    assert near.remarks == ("Corrected to valid address", "… is now …")
    assert ["Lenox" in text for text in (repr(near), near.model_dump_json())] == [False, False]


def test_none() -> None:
    """No match has its candidates."""
    none = read("validate_200_none")
    assert (ValidationResult.NO_MATCH, None, (EmergencyAddress.model_validate(GOOD),)) == (
        none.result,
        none.corrected_address,
        none.candidate_addresses,
    )


@pytest.mark.parametrize("nothing", [None, {}, dict.fromkeys(GOOD, ""), ...])
def test_no_correction(nothing: Any) -> None:
    """Null, an empty object, an address of empty texts, an absent member: no correction."""
    value = {name: each for name, each in NEAR.items() if name != "correctedAddress"}
    if nothing is not ...:
        value["correctedAddress"] = nothing
    assert (None, ()) == (
        AddressValidation.model_validate(value).corrected_address,
        AddressValidation.model_validate(value).unreadable,
    )


@given(
    st.dictionaries(
        st.sampled_from(sorted(set(NEAR) - {"validationResult"})),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text()),
    )
)
def test_a_verdict_is_read_whatever_else_stands_there(wrong: dict[str, Any]) -> None:
    """Whatever stands in the other members, the verdict is read."""
    assert AddressValidation.model_validate({**NEAR, **wrong}).result == ValidationResult.NEAR_MATCH


def test_unknown_verdict_is_kept() -> None:
    """A verdict that no enum lists is kept.

    A reply without one is none, and shows nothing of the address.
    """
    assert AddressValidation.model_validate({"validationResult": "FUZZY"}).result == "FUZZY"
    with pytest.raises(ValidationError) as caught:
        AddressValidation.model_validate({**NEAR, "validationResult": ""})
    assert "Lenox" not in str(caught.value)


def test_request_on_the_wire() -> None:
    """The address is nested, optional parts are left out or sent, and none of it shows in the
    request.
    """
    request = EmergencyAddressRequest(**PARTS, location="Suite 5")
    assert {
        "displayName": "Wombat Bakery",
        "address": {
            "streetNumber": "1479",
            "streetInfo": "Lenox Road NE",
            "location": "Suite 5",
            "city": "Atlanta",
            "state": "GA",
            "postalCode": "30306",
        },
    } == request.to_wire()
    assert [
        "Lenox" in text for text in (repr(request), str(request), request.model_dump_json())
    ] == [False] * 3


@pytest.mark.parametrize("part", PARTS)
def test_required_parts(part: str) -> None:
    """A required part that is missing or empty is refused, without showing the others."""
    for wrong in (
        {name: text for name, text in PARTS.items() if name != part},
        {**PARTS, part: ""},
    ):
        with pytest.raises(ValidationError) as caught:
            EmergencyAddressRequest(**wrong)
        assert [text in str(caught.value) for text in ("Wombat", "Lenox", "30306")] == [False] * 3


def test_misspelt_part() -> None:
    """A misspelt part is refused, so that nobody believes that it was sent."""
    with pytest.raises(ValidationError):
        EmergencyAddressRequest(**PARTS, suite="5")


def test_incomplete_correction() -> None:
    """A correction that lacks a required part cannot be sent."""
    with pytest.raises(ValidationError):
        EmergencyAddressRequest.for_address("x", EmergencyAddress(city="Atlanta"))
