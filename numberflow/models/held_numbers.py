"""Parameters of configure-numbers and release-numbers, checked without a request."""

from __future__ import annotations

from typing import Annotated, Self

import phonenumbers
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from numberflow.models.north_american import is_toll_free
from numberflow.models.orders import PROVISIONING_WAIT_MAX_S, OptionalSmsLink, OptionalVoiceLink
from numberflow.models.parameters import (
    CallbackUrl,
    NamedNumbersParameters,
    OptionalText,
    WholeNumber,
    check_each_once,
)
from numberflow.models.wording import count_of

# Zero is a form's empty field.
OptionalCount = Annotated[WholeNumber | None, BeforeValidator(lambda value: value or None)]

# The vendor documents no limit; a longer one is a paste of something else.
DISPLAY_NAME_LENGTH_MAX = 100

# Each number takes up to four requests; five hundred take a few minutes at the vendor's pace.
NUMBERS_MAX = 500


class _HeldNumbers(NamedNumbersParameters):
    continued_by = frozenset(
        {"confirm_unlink", "confirm_release", "confirm_count", "provisioning_wait_s"}
    )

    @field_validator("phone_numbers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_each_once(value, most=NUMBERS_MAX)
        return value


class ConfigureParameters(_HeldNumbers):
    """Parameters of configure-numbers, checked.

    What is None stays as it is.
    """

    display_name: OptionalText = None
    sms: OptionalSmsLink = None
    unlink_sms: bool = False
    voice: OptionalVoiceLink = None
    callback_url: CallbackUrl = None
    confirm_unlink: bool = False
    provisioning_wait_s: WholeNumber = Field(default=120, ge=0, le=PROVISIONING_WAIT_MAX_S)

    @field_validator("display_name")
    @classmethod
    def _prints(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("contains unprintable characters; write plain words")
        if value is not None and len(value) > DISPLAY_NAME_LENGTH_MAX:
            raise ValueError(f"has more than {DISPLAY_NAME_LENGTH_MAX} characters")
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.sms is not None and self.sms.campaign_id is not None:
            for number in self.phone_numbers:
                if (
                    not is_toll_free(number)
                    and phonenumbers.region_code_for_number(phonenumbers.parse(number)) == "CA"
                ):
                    # The vendor ignores it, so the number would never be as wanted
                    # (docs/vendor/imported-hosting-behaviour.md §18).
                    raise ValueError(
                        f"sms.campaign_id: {number} belongs to CA, and 10DLC campaigns are for US "
                        "numbers; configure it in a run without one"
                    )
        if self.sms is not None and self.unlink_sms:
            raise ValueError(
                "unlink_sms: does not go with sms; a link to another plan is taken off on the way "
                "by itself"
            )
        wanted = (self.display_name, self.sms, self.voice, self.callback_url)
        if all(each is None for each in wanted) and not self.unlink_sms:
            raise ValueError(
                "sms: nothing is to be changed; set display_name, sms, unlink_sms, voice or "
                "callback_url"
            )
        return self


class ReleaseParameters(_HeldNumbers):
    """Parameters of release-numbers, checked."""

    confirm_release: bool = False
    confirm_count: OptionalCount = None

    @field_validator("confirm_count")
    @classmethod
    def _is_the_count(cls, value: int | None, info: ValidationInfo) -> int | None:
        named = info.data.get("phone_numbers")
        if value is not None and named is not None and value != len(named):
            raise ValueError(
                f"is {value}, and the run names {count_of(len(named), 'number')}; count again"
            )
        return value
