"""How a lost order and a lost submission are recognised, and how a block of before is told from one
of afterwards.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.lines import line

from numberflow.journal import Finding, Operation
from numberflow.models.number_orders import NumberOrder
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.vendor import AvailableNumber
from numberflow.steps.number_orders import (
    is_blocked_anew,
    judge_create,
    judge_submit,
    order_id_of,
    request_facts,
    state_facts,
)

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


@pytest.mark.parametrize(
    ("before", "answered_s", "now", "anew"),
    [
        ("CREATED", 60, order("BLOCKED", 60), True),
        ("CREATED", 60, order("IN_REVIEW", 90), False),
        ("BLOCKED", 60, order("BLOCKED", 60), False),
        ("BLOCKED", 60, order("BLOCKED", 30), False),
        ("BLOCKED", 60, order("BLOCKED", 61), True),
        ("BLOCKED", None, order("BLOCKED", 61), False),
        ("BLOCKED", 60, NumberOrder(order_id="o-1", state="BLOCKED"), False),
    ],
)
def test_a_block_of_before(
    before: str, answered_s: int | None, now: NumberOrder, anew: bool
) -> None:
    """An order that was blocked when it was handed in is blocked anew only after a change.

    What the answer showed is the measure; without a time on both sides nothing has changed.
    """
    answer = None if answered_s is None else state_facts(order("IN_REVIEW", answered_s))
    row = line(request={"state": before}, result=answer)
    assert anew is is_blocked_anew(now, row)


@pytest.mark.parametrize(
    ("changes", "criteria"),
    [
        ({"quantity": 1}, {}),
        (
            {"quantity": 2, "pattern": None},
            {
                "quantity": 2,
                "pattern": None,
                "search_pattern": None,
                "capabilities": ["SMS", "VOICE"],
            },
        ),
        (
            {"quantity": 2},
            {
                "quantity": 2,
                "pattern": "+6141",
                "search_pattern": "START",
                "capabilities": ["SMS", "VOICE"],
            },
        ),
    ],
)
def test_request_is_kept_whole(changes: dict[str, Any], criteria: dict[str, Any]) -> None:
    """One number is named by the row; several by what was asked for. All in types of JSON."""
    asked = {
        "region_code": "AU",
        "number_type": "MOBILE",
        "pattern": "+6141",
        "capabilities": ["SMS", "VOICE"],
        "sms": {"service_plan_id": "p"},
        "voice": {"type": "EST", "trunk_id": "t"},
        "callback_url": "https://a.test/",
        "max_today": "9",
        "max_monthly": "9",
    }
    kept = {
        "region_code": "AU",
        "number_type": "MOBILE",
        "sms": {"service_plan_id": "p", "campaign_id": None},
        "voice": {"type": "EST", "app_id": None, "trunk_id": "t", "service_id": None},
        "callback_url": "https://a.test/",
        "criteria": criteria,
        "parameters": {"reference": "PO-1"},
    }
    facts = request_facts(
        check_parameters(SearchAndRentParameters, asked | changes), {"reference": "PO-1"}
    )
    assert repr(kept) == repr(facts)


def test_whose_order_it_is() -> None:
    """A submission is about an order; a creation has the order in its result."""
    created = line(operation=Operation.CREATE_ORDER, result={"order": {"order_id": "o-7"}})
    assert "o-7" == order_id_of(created)
    assert "o-8" == order_id_of(line(operation=Operation.SUBMIT_ORDER, subject="o-8"))
