"""Whether a release took effect, from one read of the number.

Contract: docs/vendor/numbers-behaviour.md §8.
"""

from __future__ import annotations

from typing import Any

import pytest

from numberflow.journal import Evidence, Finding
from numberflow.models.vendor import ActiveNumber
from numberflow.steps.release import judge

NUMBER = "+12025550101"


def held(**members: Any) -> ActiveNumber:
    """The number as the vendor's JSON says it."""
    return ActiveNumber.model_validate({"phoneNumber": NUMBER} | members)


def test_leaving() -> None:
    """A number with an end date was released, and the journal learns the date."""
    facts = {"phone_number": NUMBER, "expire_at": "2026-12-01T00:00:00+00:00"}
    assert judge(held(expireAt="2026-12-01T00:00:00Z")) == Evidence(
        Finding.APPLIED, "expireAt is set", facts, facts
    )


def test_gone() -> None:
    """A number that is held no longer was released."""
    assert judge(None) == Evidence(
        Finding.APPLIED, "the number is no longer held", {"active": False}, {"expire_at": None}
    )


@pytest.mark.parametrize("members", [{}, {"expireAt": None}, {"expireAt": ""}])
def test_staying(members: dict[str, Any]) -> None:
    """A number without an end date, however that is spelt, was not released."""
    assert judge(held(**members)).finding is Finding.ABSENT


def test_unreadable_end() -> None:
    """An end date that cannot be read proves neither."""
    assert judge(held(expireAt="soon")).finding is Finding.INCONCLUSIVE
