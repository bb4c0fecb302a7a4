"""How a lost order and a lost submission are recognised, and how a block of before is told from one
of afterwards.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from numberflow.journal import Finding
from numberflow.models.number_orders import NumberOrder
from numberflow.models.vendor import AvailableNumber
from numberflow.steps.number_orders import judge_create, judge_submit, state_facts

THEN = datetime(2026, 11, 23, 12, tzinfo=UTC)


def order(state: str, after_s: float = 0.0) -> NumberOrder:
    """An order that changed so long after THEN."""
    return NumberOrder(order_id="o-1", state=state, updated_at=THEN + timedelta(seconds=after_s))


@pytest.mark.parametrize(
    ("available", "number", "finding"),
    [
        (AvailableNumber(phone_number="+61412934979"), "+61412934979", Finding.ABSENT),
        (None, "+61412934979", Finding.INCONCLUSIVE),
        (None, None, Finding.INCONCLUSIVE),
    ],
)
def test_create(available: Any, number: str | None, finding: Finding) -> None:
    """Only a number that is still for sale proves that no order reserved it.

    Nothing ever proves that one did.
    """
    assert finding == judge_create(available, number).finding


@pytest.mark.parametrize(
    ("before", "now", "finding"),
    [
        (order("CREATED"), order("CREATED"), Finding.ABSENT),
        (order("CREATED"), order("IN_REVIEW", 5), Finding.APPLIED),
        (order("CREATED"), order("COMPLETED", 5), Finding.APPLIED),
        (order("CREATED"), order("REJECTED", 5), Finding.APPLIED),
        (order("CREATED"), order("BLOCKED", 5), Finding.APPLIED),
        (order("BLOCKED"), order("BLOCKED"), Finding.ABSENT),
        (order("BLOCKED"), order("BLOCKED", 5), Finding.APPLIED),
        (order("BLOCKED"), order("IN_REVIEW", 5), Finding.APPLIED),
        (order("CREATED"), order("EXPIRED", 5), Finding.INCONCLUSIVE),
        (order("CREATED"), order("SOMETHING_NEW", 5), Finding.INCONCLUSIVE),
        (order("CREATED"), None, Finding.INCONCLUSIVE),
    ],
)
def test_submit(before: NumberOrder, now: NumberOrder | None, finding: Finding) -> None:
    """What the order is now, held against what it was when the submission was planned."""
    assert finding == judge_submit(now, state_facts(before)).finding


def test_a_block_that_is_seen_at_once_is_kept_as_new() -> None:
    """What the journal keeps of a submission that was blocked before anybody looked is the time of
    before: the block counts as one of afterwards.
    """
    evidence = judge_submit(order("BLOCKED", 60), state_facts(order("CREATED")))
    assert THEN.isoformat() == (evidence.result or {})["updated_at"]
