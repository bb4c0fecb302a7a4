"""Intentions and reads as values, for tests of what is said about them: no journal, no client."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from numberflow.journal import Intention, IntentionState, Operation
from numberflow.planning.provisioning import Link, LinkState
from numberflow.purchase.renting.provisioning import NumberStatus

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_LINE = Intention(
    id="i-0",
    purchase_id="p-1",
    project_id="project-1",
    reference="PO-1",
    position=0,
    operation=Operation.RENT,
    subject="+12025550100",
    fingerprint="f",
    request={},
    state=IntentionState.PLANNED,
    setup_amount=Decimal("0.50"),
    monthly_amount=Decimal("0.50"),
    due_amount=Decimal("1.00"),
    currency="USD",
    cap_today=None,
    cap_currency=None,
    spend_day=date(2026, 11, 23),
    flow_run_id=None,
    owner=None,
    fence=None,
    result=None,
    reason=None,
    created_at=AT,
    updated_at=AT,
)


def line(
    position: int = 0, state: IntentionState = IntentionState.DONE, **changes: Any
) -> Intention:
    """A rent of a number of its own at 0.50 set-up and 0.50 a month.

    A done one has the vendor's answer.
    """
    subject = f"+1202555{100 + position:04d}"
    result = {
        "phone_number": subject,
        "monthly_price": "0.50",
        "currency": "USD",
        "interval_months": 1,
    }
    facts = {"id": f"i-{position}", "position": position, "subject": subject, "state": state}
    return replace(
        _LINE, **facts | ({"result": result} if state is IntentionState.DONE else {}) | changes
    )


def status(
    phone_number: str,
    *,
    confirmed: bool = True,
    sms: LinkState = LinkState.NOT_ASKED,
    voice: LinkState = LinkState.NOT_ASKED,
    advice: str = "",
) -> NumberStatus:
    """What a read of a number shows; `advice` goes with the SMS link."""
    return NumberStatus(
        phone_number, confirmed, sms=Link(state=sms, advice=advice), voice=Link(state=voice)
    )
