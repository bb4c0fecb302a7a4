"""Parameters of qualify-numbers, checked. A spoken code is never one of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import model_validator

from numberflow.models.hosted_numbers import NorthAmericanParameters

# Four requests of 500 (docs/vendor/imported-hosting-behaviour.md §7, assumed); invoices for more
# are several mails anyway.
NUMBERS_MAX = 2000
# Each needs a person at that telephone and an answer to a form; invoices suit larger lists (§3).
VOICE_NUMBERS_MAX = 20


class Proof(StrEnum):
    """How ownership is proven: by a code that the vendor reads out on the phone, or by invoices."""

    INVOICES = "invoices"
    VOICE = "voice"


class QualifyParameters(NorthAmericanParameters):
    """Parameters of qualify-numbers, checked."""

    continued_by = frozenset({"method"})
    numbers_max = NUMBERS_MAX

    method: Proof = Proof.INVOICES

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.method is Proof.VOICE and len(self.phone_numbers) > VOICE_NUMBERS_MAX:
            raise ValueError(
                f"method: voice calls every number, one by one; {len(self.phone_numbers)} are too "
                f"many (at most {VOICE_NUMBERS_MAX}), take invoices"
            )
        return self
