"""What a form sends is checked again, also when its validation was off."""

from __future__ import annotations

import pytest

from flows.forms import group_values
from numberflow.errors import BadInput
from numberflow.models.import_numbers import parse_import_numbers
from numberflow.models.orders import SmsLink


def test_groups_are_checked_again() -> None:
    """A group goes on as its values; what came in its place goes on as it is, and is refused with its field."""
    assert {"service_plan_id": "plan", "campaign_id": None} == group_values(SmsLink(service_plan_id="plan"))
    with pytest.raises(BadInput, match="sms: must be a group of fields"):
        parse_import_numbers({"phone_numbers": ["+12025550123"], "sms": group_values("plan")})
