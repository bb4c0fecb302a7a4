"""Fetching the numbers that a parameter names instead of listing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect.logging import get_run_logger

from numberflow.errors import BadInput
from numberflow.models.number_source import InventoryFilter, source_of
from numberflow.models.parameters import OneProject, check_parameters
from numberflow.purchase.number_lists import FIELD, read_list
from numberflow.purchase.run_context import in_thread
from numberflow.settings import Settings
from tasks.credentials import settings_for


async def with_numbers(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters with numbers in the place of their source, and a sentence about the source.

    Costs: nothing. Repeat: safe. With a newer snapshot a filter may name other numbers, which the
    same reference then refuses.

    Raises:
        BadInput: the source cannot be understood, found or read.
    """
    try:
        source = source_of(parameters.get(FIELD))
    except ValueError as error:
        raise BadInput(
            f"{FIELD}: {error}", field=FIELD, remedy="correct the filter; nothing was sent"
        ) from None
    if source is None:
        return dict(parameters), ()
    settings = Settings.load()
    if isinstance(source, InventoryFilter):
        settings = await settings_for(
            check_parameters(OneProject, {"project": parameters.get("project")}).project
        )
    found = await in_thread(read_list, source, settings)
    get_run_logger().info("%s", found.note)
    return {**parameters, FIELD: found.numbers}, (found.note,)
