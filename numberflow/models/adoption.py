"""Which numbers a person takes into the journal or out of it, checked without a request."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from numberflow.models.parameters import OneProject, PhoneNumbers, Reference, check_each_once

# More than the vendor lists in a minute; a project of that size is adopted in parts.
NUMBERS_MAX = 10_000


class Adoption(OneProject):
    """What `numberflow adopt` takes. `undo`: as if never adopted. `gone`: no longer held."""

    phone_numbers: PhoneNumbers
    reference: Reference = None
    undo: bool = False
    gone: bool = False

    @field_validator("phone_numbers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_each_once(value, most=NUMBERS_MAX)
        return value

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if self.undo and self.gone:
            raise ValueError("gone: does not go with undo; one of them is meant")
        if self.reference is not None and (self.undo or self.gone):
            raise ValueError(
                "reference: goes with an adoption only; the journal knows whose the number was"
            )
        return self
