"""How the vendor's JSON becomes frozen values and back: tolerant in reading, strict in sending.

Belongs here: base classes and member types that every noun shares. Does not: any noun (vendor.py,
number_orders.py, emergency.py, imported.py), personal data (personal.py).

How replies are read (docs/vendor/numbers-behaviour.md §2, §14):

- absent, null and "" all mean "nothing": None, or () for lists;
- unknown members are ignored, and a value that an enum does not list is kept: enumerated fields
  hold plain `str`, the StrEnums beside the resources are the values known today
  (`NumberType.LOCAL == "LOCAL"`);
- a member that cannot be read does not lose the resource: it becomes nothing and its wire name is
  listed in `unreadable`, so that nobody mistakes "we could not read expireAt" for "there is no
  expireAt". A resource is useless only without its name (its `phoneNumber`, its order id).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel


def _utc(value: Any) -> datetime:
    """Read nine or six fraction digits, with or without a zone.

    The vendor writes all of these (docs/vendor/README.md, correction 7).
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)  # truncates the fraction to microseconds
        except ValueError:
            raise ValueError("not a time") from None
    if not isinstance(value, datetime):
        raise ValueError("not a time")  # noqa: TRY004 — pydantic collects ValueError
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time") from None


UtcDatetime = Annotated[datetime, BeforeValidator(_utc)]
"""Aware UTC, microseconds."""

# Live replies say 1, documentation samples 0: 0 is read as 1 (assumed,
# docs/vendor/numbers-behaviour.md §13).
Months = Annotated[int, Field(ge=0), AfterValidator(lambda months: months or 1)]
"""A payment interval in months, at least 1."""


class Resource(BaseModel):
    """Something the vendor shows. Tolerant as described at the top of the module."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )

    other_names: ClassVar[Mapping[str, str]] = {}
    """Other wire names of a member → its own name, which wins."""

    unreadable: tuple[str, ...] = ()
    """Wire names of members whose value could not be read. Empty in every normal reply."""

    @model_validator(mode="wrap")
    @classmethod
    def _tolerate(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping):
            return handler(data)
        present = {name: value for name, value in data.items() if value is not None and value != ""}
        for other, own in cls.other_names.items():
            if own not in present and other in present:
                present[own] = present.pop(other)
        try:
            return handler(present)
        except ValidationError as error:
            bad = {
                str(problem["loc"][0])
                for problem in error.errors(include_url=False)
                if problem["loc"]
            }
            readable = {
                name: value
                for name, value in present.items()
                if name not in bad and name != "unreadable"
            }
            if len(readable) == len(present):
                raise
            return handler({**readable, "unreadable": tuple(sorted(bad))})


# Forty times the longest token seen. It goes back in an address, where most servers end at 8 KB.
PAGE_TOKEN_MAX = 4096
# A million numbers in pages of 20 are 50,000.
PAGES_MAX = 100_000
# Pages that may hold nothing: the vendor may filter after paging.
_EMPTY_PAGES_MAX = 10


def goes_on_too_long(pages: int, total_size: int | None, rows: int = 1) -> bool:
    """Whether a walk has so many pages that it will not end, each with a new token.

    Only for lists whose total has to be right anyway (inventories).

    Args:
        pages: so far.
        total_size: what the vendor says that the list has; None: it does not say.
        rows: of the largest page so far.
    """
    if pages > PAGES_MAX:
        return True
    return total_size is not None and pages > _EMPTY_PAGES_MAX + 2 * -(-total_size // max(1, rows))


class Page(BaseModel):
    """One page of a list. `next_page_token` None = the last page.

    Do not use `total_size` as a stop rule (docs/vendor/numbers-behaviour.md §9). Not tolerant: a
    page with an entry that cannot be read is unreadable as a whole, because an inventory that
    misses a number is worse than none.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    next_page_token: Annotated[
        str | None, Field(max_length=PAGE_TOKEN_MAX), AfterValidator(lambda value: value or None)
    ] = None
    total_size: int | None = None


def _listed(value: Any) -> Any:
    return () if value is None else value


Listed = BeforeValidator(_listed)
"""For the entries of a page: null is an empty list."""


class Body(BaseModel):
    """Something that we send. None = the member is left out; "" is sent and unlinks or clears.

    Errors show no values: bodies may be personal.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object to send."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
