"""What the report of an order says when it is not known whether it was handed in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.lines import line

from numberflow.errors import NotFound, PermissionRefused, Rejected
from numberflow.journal import IntentionState, Operation
from numberflow.models.reports import RunOutcome
from numberflow.purchase.number_orders.text import order_text, stopped_order_report


@pytest.mark.parametrize(
    "error",
    [
        PermissionRefused("HTTP 401 UNAUTHENTICATED: the access key is unknown", status=401),
        PermissionRefused("HTTP 403 PERMISSION_DENIED: not your project", status=403),
        NotFound("HTTP 404 NOT_FOUND: no such order", status=404),
        Rejected("HTTP 400 INVALID_ARGUMENT: no", status=400),
    ],
)
@pytest.mark.parametrize("state", [IntentionState.SENDING, IntentionState.UNKNOWN])
def test_a_refusal_to_look_is_said_first_and_the_stake_is_the_orders_price(
    error: Rejected, state: IntentionState
) -> None:
    """Killed while it was handed in, and then nobody may look.

    The vendor's words, the money, and how to settle it.
    """
    opened = line(0, operation=Operation.CREATE_ORDER, due_amount=Decimal("4.00"), result={})
    submit = line(1, state, operation=Operation.SUBMIT_ORDER, subject="order-1", due_amount=None)
    report = stopped_order_report(
        error,
        (opened, submit),
        reference="PO-1",
        project_id="p",
        asked=1,
        currency="USD",
        region_code="AU",
        number_type="MOBILE",
    )
    assert (RunOutcome.NEEDS_PERSON, True) == (
        report.outcome,
        report.reason.startswith(error.message),
    )
    (item,) = report.open_items
    assert (
        Decimal("4.00"),
        f"numberflow journal settle {submit.id} --as done --by <your-name> --note <what-you-saw>",
    ) == (
        item.at_stake,
        item.command,
    )
    assert "At stake: 4.00 USD" in order_text(report)
