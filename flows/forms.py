"""How the parameters of a flow look in the form of the Prefect UI. Not here: what a value has to be; that is `numberflow.models.orders`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class _MayStayEmpty:
    """Shows an optional text or list as one plain field. Its default has to be "" or (): the form finds fault with null.

    The UI makes two tabs of `X | None`, called "str" and "None", and asks which one is meant. A field that may stay empty says the same,
    and the flows take "" and an empty list for None. Whoever starts a run without the form may send null all the same: Prefect's server
    lets optional texts and lists be null (seen with 3.8.8). It does not let an enum be null, so those keep their tabs, and so do groups,
    whose fields would be demanded.
    """

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        (value,) = (variant for variant in schema["anyOf"] if variant.get("type") != "null")
        return {**{name: entry for name, entry in schema.items() if name != "anyOf"}, **value}


MAY_STAY_EMPTY = _MayStayEmpty()

OptionalText = Annotated[str | None, MAY_STAY_EMPTY]
"""One line of text that may stay empty."""


def group_values(group: Any) -> Any:
    """What a group of fields holds, to be checked again with everything else; anything but a group, as when validation was off in the form, as it is."""
    return group.model_dump() if isinstance(group, BaseModel) else group
