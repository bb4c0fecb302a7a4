"""Parameters of emergency-address, checked as far as that is possible without a request."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

import phonenumbers
from pydantic import field_validator, model_validator

from numberflow.models.papers import PaperReference
from numberflow.models.parameters import (
    PhoneNumbers,
    Reference,
    ReferencedParameters,
    check_each_once,
)

# How many numbers may get one address at once: an office has a few hundred; each costs two
# requests.
NUMBERS_MAX = 500


class Action(StrEnum):
    """`report` lists numbers without an address; `validate` checks one and stores nothing."""

    REPORT = "report"
    VALIDATE = "validate"
    PROVISION = "provision"
    DEPROVISION = "deprovision"


class EmergencyAddressParameters(ReferencedParameters):
    """Parameters of emergency-address, checked."""

    # Accepting a correction continues the same change.
    continued_by = frozenset({"reference", "project", "accept_correction"})

    action: Action = Action.REPORT
    phone_numbers: PhoneNumbers = ()
    address: PaperReference = None
    accept_correction: bool = False
    reference: Reference = None

    @field_validator("phone_numbers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_each_once(value, most=NUMBERS_MAX, least=0)
        # Emergency addresses mean something for US and CA numbers only
        # (docs/vendor/numbers-behaviour.md §11, assumed).
        for number in value:
            if phonenumbers.parse(number).country_code != 1:
                raise ValueError(
                    f"{number} is neither a US nor a CA number; no other has an emergency address"
                )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        changes = self.action in (Action.VALIDATE, Action.PROVISION)
        if self.action is not Action.REPORT and not self.phone_numbers:
            raise ValueError(f"phone_numbers: is empty; name the numbers to {self.action}")
        if changes and self.address is None:
            raise ValueError("address: is missing; name the paper or block with the address")
        if not changes and self.address is not None:
            raise ValueError(f"address: {self.action} takes none")
        return self

    @property
    def papers(self) -> dict[str, str]:
        """Each reference to a paper, by its parameter."""
        return {} if self.address is None else {"address": self.address}
