"""Parameters of follow-orders, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import field_validator

from numberflow.models.parameters import OneProject, OptionalText, Reference, check_parameters


class FollowOrders(OneProject):
    """Parameters of follow-orders. Build it with `parse_follow_orders`."""

    reference: Reference = None
    notify: OptionalText = None

    @field_validator("notify")
    @classmethod
    def _type_and_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", value):
            raise ValueError(
                "write type and name of a notification block, such as slack-webhook/operations"
            )
        return value


def parse_follow_orders(parameters: Mapping[str, Any]) -> FollowOrders:
    """Check the parameters of follow-orders. Sends nothing.

    Raises:
        BadInput: as in `check_parameters`.
    """
    return check_parameters(FollowOrders, parameters)
