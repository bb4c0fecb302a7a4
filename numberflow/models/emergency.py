"""Emergency addresses as we read them, and the body that we send. Frozen values, no decisions.

Source: docs/vendor/numbers-behaviour.md §11, docs/vendor/numbers.openapi.yaml. An address says
where people are. Every part of it is personal and sealed (personal.py), including the vendor's
remarks about it. `unseal(address)` returns the plain members for showing or comparing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from numberflow.models import personal
from numberflow.models.personal import Sealed, unseal
from numberflow.models.wire import Body, Resource


class ValidationResult(StrEnum):
    """Verdicts about an address that are known today."""

    UNSPECIFIED = "ADDRESS_VALIDATION_RESULT_CODE_UNSPECIFIED"
    EXACT_MATCH = "EXACT_MATCH"
    NEAR_MATCH = "NEAR_MATCH"
    NO_MATCH = "NO_MATCH"


class Absence(StrEnum):
    """Why a held number shows no emergency address. Our own findings, not words of the vendor."""

    FEATURE = "missing_feature"
    """The number cannot have one: "Missing E911 feature", seen live.

    How the feature is switched on is not published.
    """
    ADDRESS = "no_address"
    """The number can have an address and has none (assumed form of the reply)."""


class EmergencyAddress(Resource):
    """An address as the vendor has it, abbreviated as the post office does ("Lenox Rd NE")."""

    street_number: Sealed | None = None
    street_info: Sealed | None = None
    location: Sealed | None = None
    """Flat, suite or floor."""
    city: Sealed | None = None
    state: Sealed | None = None
    postal_code: Sealed | None = None
    postal_code_plus_four: Sealed | None = None


def _or_nothing(value: Any) -> Any:
    # "No correction" is null, {} or an address of empty texts, depending on the source
    # (docs/vendor/numbers-behaviour.md §11).
    return None if isinstance(value, Mapping) and not any(value.values()) else value


class AddressValidation(Resource):
    """What the vendor thinks of an address. Nothing was stored."""

    result: str = Field(alias="validationResult")
    phone_number: str | None = None
    display_name: Sealed | None = None
    validated_address: EmergencyAddress | None = None
    """The address as it was sent."""
    corrected_address: Annotated[EmergencyAddress | None, BeforeValidator(_or_nothing)] = None
    """For NEAR_MATCH."""
    candidate_addresses: tuple[EmergencyAddress, ...] = ()
    """For NO_MATCH."""
    message: Sealed | None = Field(default=None, alias="validationMessage")
    """Free text; `remarks` is for showing."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """The vendor's phrases, without any text that is in one of the addresses."""
        if self.message is None:
            return ()
        addresses = (self.validated_address, self.corrected_address, *self.candidate_addresses)
        hidden = personal.texts([unseal(each) for each in (self.display_name, *addresses)])
        phrases = self.message.get_secret_value().split("|")
        return tuple(personal.blot(phrase.strip(), hidden) for phrase in phrases if phrase.strip())


class EmergencyAddressRequest(Body):
    """Body of a validation and of a provisioning: who uses the line, and where."""

    display_name: Sealed
    street_number: Sealed
    street_info: Sealed
    location: Sealed | None = None
    city: Sealed
    state: Sealed
    postal_code: Sealed
    postal_code_plus_four: Sealed | None = None

    @model_validator(mode="after")
    def _nothing_empty(self) -> Self:
        wire = self.to_wire()
        empty = [
            name
            for name, text in (("displayName", wire["displayName"]), *wire["address"].items())
            if not text
        ]
        if empty:
            raise ValueError(
                f"empty: {', '.join(empty)}; leave out what is not there, the rest is required"
            )
        return self

    @classmethod
    def for_address(cls, display_name: str, address: EmergencyAddress) -> Self:
        """The request for an address that the vendor returned, for example its correction.

        ValidationError when a required part is missing.
        """
        return cls(
            display_name=display_name,
            **address.model_dump(exclude_none=True, exclude={"unreadable"}),
        )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object to send, unsealed, with the address nested."""
        wire: dict[str, Any] = unseal(self)
        return {"displayName": wire.pop("displayName"), "address": wire}
