"""How the parameters of a flow look in Prefect's form, and which bad values the form finds itself.

The flows are declared with `validate_parameters=False`, because a form can be sent unchecked. The
run's report then tells what is wrong, in our words and with the field's name, instead of a
traceback before the run has a name. So nothing in here checks a value: what a value has to be is in
`numberflow.models`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticUndefined

from numberflow.models.import_numbers import NUMBERS_MAX as IMPORTED_MAX
from numberflow.models.inventory import CONNECTIONS_MAX
from numberflow.models.number_orders import QUANTITY_MAX as ORDERED_MAX
from numberflow.models.orders import PROVISIONING_WAIT_MAX_S, SmsLink, VoiceLink
from numberflow.models.orders import QUANTITY_MAX as RENTED_MAX
from numberflow.models.parameters import REFERENCE_LENGTH_MAX
from numberflow.models.vendor import SearchPattern

REQUIRED: Any = Field(...)
"""The default of a parameter that the form demands.

A run that was sent without it begins all the same, and is refused in words.
"""


class _Shown:
    """Shows a parameter as one plain field, with what the form checks by itself.

    The UI makes two tabs of `X | None`, called "str" and "None", and asks which one is meant. A
    field that may stay empty says the same, and the flows take "" and an empty list for None. Its
    default has to be "" or (): the form finds fault with null. Whoever starts a run without the
    form may send null all the same: Prefect's server lets optional texts and lists be null (seen
    with 3.9.1), but no enum.
    """

    def __init__(self, **checks: Any) -> None:
        self._checks = checks

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return _plain(handler(core_schema)) | self._checks


class _Text:
    """Shows a parameter as one field of text, whatever else the flow takes in its place."""

    def __init__(self, **checks: Any) -> None:
        self._checks = checks

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string"} | self._checks


class _Group:
    """Shows a model as a group of plain fields.

    All of them may stay empty unless the group is required.

    Inline, because Prefect's server lets a group be null only where it sees its type.
    """

    def __init__(self, model: type[BaseModel], *, required: bool = False) -> None:
        self._model, self._required = model, required

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = copy.deepcopy(self._model.model_json_schema())
        defined = schema.pop("$defs", {})
        # The words about the group are the parameter's own.
        schema.pop("description", None)
        schema.pop("title", None)
        demanded = schema.pop("required", [])
        for name, field in schema["properties"].items():
            plain = _plain(field)
            if "$ref" in plain:
                kind = defined[plain.pop("$ref").rpartition("/")[2]]
                plain = (
                    {"type": kind["type"], "enum": ["", *kind["enum"]]} | plain | {"default": ""}
                )
            if self._required and name in demanded:
                schema["properties"][name] = plain
                continue
            plain.pop("minLength", None)
            schema["properties"][name] = plain | {"default": ""}
        if self._required:
            schema["required"] = demanded
        return schema


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of `X | None` as that of X."""
    if "anyOf" not in schema:
        return dict(schema)
    (value,) = (variant for variant in schema["anyOf"] if variant.get("type") != "null")
    return {**{name: entry for name, entry in schema.items() if name != "anyOf"}, **value}


MAY_STAY_EMPTY = _Shown()

OptionalText = Annotated[str | None, MAY_STAY_EMPTY]
"""One line of text that may stay empty."""
Project = Annotated[str | None, _Shown(pattern="^ *[a-z0-9-]* *$")]
"""Name of a Sinch Credentials block that may stay empty."""
Region = Annotated[str, _Shown(pattern="^ *[A-Za-z]{2} *$")]
Currency = Annotated[str, _Shown(pattern="^ *[A-Za-z]{3} *$")]
Amount = Annotated[str, _Shown(pattern=r"^ *[0-9]{1,13}(\.[0-9]+)? *$")]
OptionalAmount = Annotated[str | None, _Shown(pattern=r"^ *([0-9]{1,13}(\.[0-9]+)?)? *$")]
Reference = Annotated[str | None, _Shown(maxLength=REFERENCE_LENGTH_MAX)]
Address = Annotated[str | None, _Shown(pattern=r"^ *(https?://[^\s]+)? *$")]
"""An http or https address that may stay empty."""
DigitPattern = Annotated[str | None, _Shown(pattern=r"^[-+0-9 ().]*$")]
Count = Annotated[int | None, _Shown(minimum=0)]
RentQuantity = Annotated[int, _Shown(minimum=1, maximum=RENTED_MAX)]
OrderQuantity = Annotated[int, _Shown(minimum=1, maximum=ORDERED_MAX)]
NumbersPerOrder = Annotated[int, _Shown(minimum=1, maximum=IMPORTED_MAX)]
Connections = Annotated[int, _Shown(minimum=1, maximum=CONNECTIONS_MAX)]
Nnid = Annotated[str | None, _Shown(pattern="^ *([0-9]{6})? *$")]
NotificationBlock = Annotated[str | None, _Shown(pattern="^ *([a-z0-9-]+/[a-z0-9-]+)? *$")]
Day = Annotated[str | None, _Shown(pattern="^ *([Tt]oday|[0-9]{4}-[0-9]{2}-[0-9]{2})? *$")]
TimeWithZone = Annotated[
    str | None,
    _Shown(pattern="^ *([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ].*([Zz]|[+-][0-9]{2}:?[0-9]{2}))? *$"),
]
WaitS = Annotated[int, _Shown(minimum=0, maximum=PROVISIONING_WAIT_MAX_S)]
Where = Annotated[
    SearchPattern | str | None, _Text(enum=["", *(each.value for each in SearchPattern)])
]
"""Where a pattern stands; empty where there is none, or where it says so itself."""

Numbers = Annotated[str | tuple[str, ...] | list[str] | None, _Text(pattern=r"[^\s]")]
"""Numbers as people have them (numberflow/models/phone_text.py).

Without the form a list is taken as well.
"""
OptionalNumbers = Annotated[str | tuple[str, ...] | list[str] | None, _Text()]

Sms = Annotated[SmsLink | Mapping[str, Any] | None, _Group(SmsLink)]
RequiredSms = Annotated[SmsLink | Mapping[str, Any] | None, _Group(SmsLink, required=True)]
Voice = Annotated[VoiceLink | Mapping[str, Any] | None, _Group(VoiceLink)]
NO_GROUP: Any = {}
"""The default of a group that may stay empty. Nobody changes it."""


def given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given, to be checked.

    Without what the form demands and did not get, and groups as their values.
    """
    return {
        name: value.model_dump() if isinstance(value, BaseModel) else value
        for name, value in parameters.items()
        if not isinstance(value, FieldInfo) and value is not PydanticUndefined
    }


def name_of_run(reference: Any, run_id: str) -> str:
    """What a report calls a run whose parameters could not be read.

    By the reference it was given, else by its id.
    """
    text = reference.strip() if isinstance(reference, str) else ""
    return (text or run_id)[:REFERENCE_LENGTH_MAX]
