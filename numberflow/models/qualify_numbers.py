"""Parameters of qualify-numbers, checked as far as that is possible without a request. A spoken code never stands in one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from numberflow.models.north_american import check_numbers
from numberflow.models.parameters import (
    OptionalText,
    PhoneNumber,
    Reference,
    check_parameters,
    fingerprint_of,
    none_is_empty,
)

# Four requests of 500 (docs/vendor/imported-hosting-behaviour.md §7, assumed); invoices for more are several mails anyway.
NUMBERS_MAX = 2000
# Each needs somebody at that telephone and an answer to a form; invoices suit more (§3).
VOICE_NUMBERS_MAX = 20


class Proof(StrEnum):
    """How ownership is proven: by a code that the vendor speaks to whoever answers the number, or by invoices that list it."""

    INVOICES = "invoices"
    VOICE = "voice"


class QualifyOrder(BaseModel):
    """Parameters of qualify-numbers, checked. Build it with `parse_qualify`."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    phone_numbers: Annotated[tuple[PhoneNumber, ...], BeforeValidator(none_is_empty)]
    method: Proof = Proof.INVOICES
    plan_only: bool = False
    reference: Reference = None
    project: OptionalText = None

    @field_validator("phone_numbers")
    @classmethod
    def _north_american(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_numbers(value, most=NUMBERS_MAX)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.method is Proof.VOICE and len(self.phone_numbers) > VOICE_NUMBERS_MAX:
            raise ValueError(
                f"method: voice calls every number, one by one; {len(self.phone_numbers)} are too many (at most {VOICE_NUMBERS_MAX}), take invoices"
            )
        return self

    def what_is_done(self) -> dict[str, Any]:
        """The parameters that make a run this one and no other, as JSON values. Another proof for the same numbers continues the same run."""
        return self.model_dump(mode="json", exclude={"reference", "project", "plan_only", "method"})

    def fingerprint(self) -> str:
        """SHA-256 of `what_is_done`, hexadecimal. The order of the numbers says nothing."""
        return fingerprint_of(self.what_is_done())


def parse_qualify(parameters: Mapping[str, Any]) -> QualifyOrder:
    """Check the parameters of qualify-numbers. Sends nothing.

    Raises:
        BadInput: as in `check_parameters`.
    """
    return check_parameters(QualifyOrder, parameters)
