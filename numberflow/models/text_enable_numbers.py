"""Parameters of text-enable-numbers, checked. The letter is never one of them."""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    field_validator,
    model_validator,
)

from numberflow.models.hosted_numbers import HostedNumbersParameters
from numberflow.models.north_american import is_toll_free
from numberflow.models.papers import PaperReference
from numberflow.models.parameters import OptionalText, empty_is_none

# docs/vendor/imported-hosting-behaviour.md §7; one order, because one letter names them all.
NUMBERS_MAX = 500


class LoaKind(StrEnum):
    """Whose letter it is; `blanket`: there already is one for all numbers."""

    DIRECT = "direct"
    RESELLER = "reseller"
    BLANKET = "blanket"


def bare_yes(value: Any) -> Any:
    """Refuse a bare true, which names nobody: as text it is no digest."""
    return str(value).lower() if value is True else None if value is False else value


Confirmation = Annotated[
    Annotated[OptionalText, BeforeValidator(bare_yes)], BeforeValidator(empty_is_none)
]


class TextEnableParameters(HostedNumbersParameters):
    """Parameters of text-enable-numbers, checked."""

    continued_by = frozenset({"signer_confirmed"})
    numbers_max = NUMBERS_MAX

    loa_kind: LoaKind = LoaKind.DIRECT
    loa: PaperReference = None
    signer_confirmed: Confirmation = None
    nnid: OptionalText = None
    scheduled_osr_update_time: Annotated[
        Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))] | None,
        BeforeValidator(empty_is_none),
    ] = None

    @field_validator("phone_numbers")
    @classmethod
    def _one_kind(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len({is_toll_free(number) for number in value}) > 1:
            raise ValueError(
                "has local and toll-free numbers; text-enable them in two runs, they are two "
                "kinds of order"
            )
        return value

    @field_validator("nnid")
    @classmethod
    def _six_digits(cls, value: str | None) -> str | None:
        if value is not None and not (len(value) == 6 and value.isascii() and value.isdigit()):
            raise ValueError("an NNID has six digits; leave it empty for the vendor's own")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.loa_kind is LoaKind.BLANKET and self.loa is not None:
            raise ValueError(
                "loa: a blanket letter was agreed with the account manager; nothing is sent, so "
                "leave it empty"
            )
        if self.loa_kind is not LoaKind.BLANKET and self.loa is None:
            raise ValueError("loa: is missing; name the paper or block:NAME with the letter's data")
        if self.is_toll_free:
            # docs/vendor/imported-hosting-behaviour.md §13: the toll-free request has none of
            # these.
            if self.loa_kind is LoaKind.BLANKET:
                raise ValueError(
                    "loa_kind: there is no blanket letter for toll-free numbers; write direct or "
                    "reseller"
                )
            if self.sms.campaign_id is not None:
                raise ValueError(
                    "sms.campaign_id: toll-free numbers take no campaign; leave it empty"
                )
            if self.nnid is not None:
                raise ValueError("nnid: toll-free numbers take none; leave it empty")
        return self

    @property
    def papers(self) -> dict[str, str]:
        """Each reference to a paper, by its parameter."""
        return {} if self.loa is None else {"loa": self.loa}

    @property
    def is_toll_free(self) -> bool:
        """Whether all numbers are toll-free; otherwise none of them is."""
        return is_toll_free(self.phone_numbers[0])
