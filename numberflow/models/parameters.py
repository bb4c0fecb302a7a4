"""Parameters of any flow: kinds of values that several flows accept, and messages for wrong ones.

Not here: the parameters of one flow (orders and its neighbours), and what only the vendor can
answer.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pycountry
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from numberflow.errors import BadInput
from numberflow.models.phone_text import read_number, read_numbers

# 200: longer than any purchase-order number or UUID, short enough for a table cell, and four times
# smaller than the narrowest index limit of the journal (Postgres: 2,704 bytes per entry) even when
# each character takes four bytes and case folding doubles it.
REFERENCE_LENGTH_MAX = 200
# Names of query parameters that usually carry a secret. The vendor, Prefect and the journal store a
# callback URL.
_SECRET_NAMES = re.compile(r"(?i)(token|secret|passw|signature|api[-_]?key|auth)")

# Nothing that is typed or pasted is longer: a letter's text and a key go into papers. The server
# takes parameters of 512 KB. Most fields have a smaller limit of their own.
TEXT_LENGTH_MAX = 20_000
# Only numbers are pasted as one text; 10,000 of them have 130,000 characters.
PASTED_LENGTH_MAX = 200_000
LIST_LENGTH_MAX = 10_000
# Most servers and all browsers take addresses up to this length.
URL_LENGTH_MAX = 2048

M = TypeVar("M", bound=BaseModel)


def check_parameters(model: type[M], parameters: Mapping[str, Any]) -> M:
    """Check the parameters of a flow. Sends nothing.

    Args:
        model: the flow's parameters.
        parameters: as in the form or in `--params`; amounts are decimal strings.

    Raises:
        BadInput: every broken rule, each with its field; `field` is the first one.
    """
    known = model.model_fields
    for name in parameters:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are: {', '.join(known)}"
            raise BadInput(f"{short(name)}: no such parameter", field=name, remedy=hint)
    for name, value in parameters.items():
        _check_length(name, value)
    try:
        return model.model_validate(dict(parameters))
    except ValidationError as error:
        problems = [_explain(item) for item in error.errors(include_url=False, include_input=False)]
        raise BadInput(
            "; ".join(f"{field}: {message}" for field, message in problems),
            field=problems[0][0],
            remedy="correct the parameter and run again; nothing was sent",
        ) from None


def _check_length(field: str, value: object) -> None:
    """Refuse what is larger than any input, before time is spent on what it says.

    Raises:
        BadInput: names field and limit.
    """
    most, what = LIST_LENGTH_MAX, "entries"
    if isinstance(value, str):
        is_pasted = field.rpartition(".")[2] == "phone_numbers"
        most, what = (PASTED_LENGTH_MAX if is_pasted else TEXT_LENGTH_MAX), "characters"
    elif not isinstance(value, list | tuple | Mapping):
        return
    if len(value) > most:
        raise BadInput(
            f"{field}: has {len(value):,} {what}; at most {most:,} are taken",
            field=field,
            remedy="shorten it, or divide it among several runs; nothing was sent",
        )
    if isinstance(value, Mapping):
        for name, each in value.items():
            _check_length(f"{field}.{short(name)[1:-1]}", each)
    elif not isinstance(value, str):
        for place, each in enumerate(value):
            _check_length(f"{field}.{place}", each)


# pydantic's kinds of errors, in our words. Texts never repeat a value: it may be private.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "no such field",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a JSON object",
    "model_type": "must be a group of fields (a JSON object)",
    "model_attributes_type": "must be a group of fields (a JSON object)",
    "string_type": "must be text",
    "string_too_short": "is empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}


def _explain(item: Any) -> tuple[str, str]:
    """Turn one pydantic error into (field, message)."""
    field = ".".join(str(part) for part in item["loc"])
    kind, facts = item["type"], item.get("ctx", {})
    message = _WORDS.get(kind) or str(item["msg"]).removeprefix("Value error, ")
    if kind == "enum":
        message = f"must be one of {facts['expected']}"
    elif kind == "greater_than_equal":
        message = f"must be {facts['ge']} or more"
    elif kind == "less_than_equal":
        message = f"must be {facts['le']} or less"
    elif kind == "string_too_long":
        message = f"has more than {facts['max_length']} characters"
    if not field:
        # The message of a rule over several fields begins with the wrong field.
        field, _, message = message.partition(": ")
    return field, message


def empty_is_none(value: Any) -> Any:
    """Read "" as None: forms send it for an empty field."""
    return None if isinstance(value, str) and not value.strip() else value


def none_is_empty(value: Any) -> Any:
    """Read a null list as an empty one."""
    return () if value is None else value


def short(value: object) -> str:
    """A value for a message: quoted, and never longer than one line."""
    text = str(value)
    return repr(text if len(text) <= 40 else text[:37] + "…")


def _amount(value: Any) -> Any:
    """Read money from a decimal string such as "90.00".

    Whole numbers and Decimals pass; other text is refused. Only plain digits pass: an exponent
    hides a size, and Decimal also reads 1_000 and digits of other scripts.
    """
    if isinstance(value, bool):
        # Pydantic handles ValueError only
        raise ValueError('write a decimal string such as "90.00"')  # noqa: TRY004
    text = f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError('write a decimal string with a point, such as "90.00"') from None
    if not amount.is_finite() or amount < 0:
        raise ValueError("must be 0 or more")
    # Thirteen digits before the point would be a typo.
    if amount > Decimal(10) ** 12:
        raise ValueError("is larger than any purchase")
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        raise ValueError('write a decimal string with a point, such as "90.00"')
    return amount


def _whole_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic reads ValueError only
    return value


def _known_region(value: str) -> str:
    code = value.upper()
    if pycountry.countries.get(alpha_2=code) is None:
        raise ValueError(
            f"{short(value)} is not an ISO 3166-1 alpha-2 region; write two letters such as US"
        )
    return code


def _known_currency(value: str) -> str:
    code = value.upper()
    if pycountry.currencies.get(alpha_3=code) is None:
        raise ValueError(
            f"{short(value)} is not an ISO 4217 currency; write three letters such as USD"
        )
    return code


def _short_printable(value: str) -> str:
    if len(value) > REFERENCE_LENGTH_MAX:
        raise ValueError(f"has {len(value)} characters; at most {REFERENCE_LENGTH_MAX} are kept")
    if not value.isprintable():
        raise ValueError("has control characters; write one printable line such as PO-1042")
    return value


def _http_url(value: str) -> str:
    if len(value) > URL_LENGTH_MAX:
        raise ValueError(f"has more than {URL_LENGTH_MAX} characters")
    try:
        parts = urlsplit(value)
        readable = parts.scheme in ("http", "https") and bool(parts.hostname)
        readable = readable and value.isprintable() and " " not in value
    except ValueError:
        readable = False
    if not readable:
        raise ValueError("must be a whole http:// or https:// address")
    if parts.username or parts.password:
        raise ValueError(
            "must not carry a user name or password; callbacks are proven by their signature"
        )
    for name, _ in parse_qsl(parts.query, keep_blank_values=True):
        if _SECRET_NAMES.search(name):
            raise ValueError(
                f"its query carries {short(name)}, and this address is kept in clear; callbacks "
                "are proven by their signature"
            )
    return value


def check_each_once(numbers: Sequence[str], *, most: int, least: int = 1) -> None:
    """Check that there are `least` to `most` numbers, without duplicates.

    Raises:
        ValueError: says what is wrong, with the number.
    """
    if len(numbers) < least:
        raise ValueError("is empty; name the numbers, E.164")
    if len(numbers) > most:
        raise ValueError(f"names {len(numbers)} numbers; at most {most} go in one run")
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise ValueError(f"{twice[0]} is listed twice")


def check_block_name(name: str) -> str:
    """Return the name if a Prefect block can have it.

    Raises:
        ValueError: says how to write such a name.
    """
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(
            f"{short(name)} is not a Prefect block name; write lower-case letters, digits "
            "and dashes, such as east-coast"
        )
    return name


Amount = Annotated[Decimal, BeforeValidator(_amount)]
WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
RegionCode = Annotated[str, AfterValidator(_known_region)]
CurrencyCode = Annotated[str, AfterValidator(_known_currency)]
PhoneNumber = Annotated[str, BeforeValidator(read_number)]
PhoneNumbers = Annotated[tuple[str, ...], BeforeValidator(read_numbers)]
# Optional ones: what a form leaves empty is None.
OptionalText = Annotated[str | None, BeforeValidator(empty_is_none)]
OptionalAmount = Annotated[Amount | None, BeforeValidator(empty_is_none)]
Project = Annotated[
    Annotated[str, AfterValidator(check_block_name)] | None, BeforeValidator(empty_is_none)
]
"""Name of a Sinch Credentials block; None is the account of the environment."""
Reference = Annotated[
    Annotated[str, AfterValidator(_short_printable)] | None, BeforeValidator(empty_is_none)
]
CallbackUrl = Annotated[
    Annotated[str, AfterValidator(_http_url)] | None, BeforeValidator(empty_is_none)
]


class Parameters(BaseModel):
    """Values of a caller: frozen, without surrounding blanks or unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class OneProject(Parameters):
    """Parameters of every flow that works on one project; models of flows extend it."""

    project: Project = None


class ReferencedParameters(OneProject):
    """Parameters of a flow that changes something: a reference stands for what they ask for."""

    continued_by: ClassVar[frozenset[str]] = frozenset()
    """Parameters that may differ in a rerun: they say how or how far, not what."""

    def what_is_done(self) -> dict[str, Any]:
        """The parameters that identify a run, as JSON values."""
        return self.model_dump(mode="json", exclude=set(self.continued_by))

    def fingerprint(self) -> str:
        """SHA-256 of `what_is_done`, hexadecimal."""
        return hashlib.sha256(json.dumps(self.what_is_done(), sort_keys=True).encode()).hexdigest()


class NamedNumbersParameters(ReferencedParameters):
    """Parameters of every run over named numbers, and what identifies the run."""

    phone_numbers: PhoneNumbers
    plan_only: bool = False
    reference: Reference = None

    def what_is_done(self) -> dict[str, Any]:
        """The parameters that identify a run, as JSON values."""
        return self.model_dump(
            mode="json", exclude={"reference", "project", "plan_only", *self.continued_by}
        )

    def fingerprint(self) -> str:
        """SHA-256 of `what_is_done`, hexadecimal. The order of the numbers does not matter."""
        done = self.what_is_done()
        done["phone_numbers"] = sorted(done["phone_numbers"])
        return hashlib.sha256(json.dumps(done, sort_keys=True).encode()).hexdigest()
