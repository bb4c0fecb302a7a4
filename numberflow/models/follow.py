"""Parameters of follow-orders and drain-callbacks, checked."""

from __future__ import annotations

import re

from pydantic import field_validator

from numberflow.models.parameters import OneProject, OptionalText, Reference


class DrainCallbacks(OneProject):
    """Parameters of drain-callbacks."""

    notify: OptionalText = None

    @field_validator("notify")
    @classmethod
    def _type_and_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", value):
            raise ValueError(
                "write type and name of a notification block, such as slack-webhook/operations"
            )
        return value


class FollowOrders(DrainCallbacks):
    """Parameters of follow-orders."""

    reference: Reference = None
