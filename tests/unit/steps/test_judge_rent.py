"""Whether a rent took effect, from what the two reads show."""

from __future__ import annotations

from typing import Any

import pytest

from numberflow.errors import NotFound
from numberflow.journal import Evidence, Finding
from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.models.vendor import ActiveNumber, AvailableNumber
from numberflow.steps import ACTIVE_NUMBER, AVAILABLE_NUMBER, is_absence_of, read_or_none
from numberflow.steps.rent import judge, request_facts, result_facts

NUMBER = "+12025550101"
ACTIVE = ActiveNumber.model_validate(
    {
        "phoneNumber": NUMBER,
        "money": {"currencyCode": "USD", "amount": "0.50"},
        "paymentIntervalMonths": 1,
        "nextChargeDate": "2026-12-23T00:00:00.123456789Z",
    }
)
AVAILABLE = AvailableNumber(phone_number=NUMBER)
FACTS = {
    "phone_number": NUMBER,
    "monthly_price": "0.50",
    "currency": "USD",
    "interval_months": 1,
    "next_charge_at": "2026-12-23T00:00:00.123456+00:00",
}


@pytest.mark.parametrize(
    ("active", "available", "finding"),
    [
        (ACTIVE, None, Finding.APPLIED),
        (ACTIVE, AVAILABLE, Finding.APPLIED),
        (None, AVAILABLE, Finding.ABSENT),
        (None, None, Finding.INCONCLUSIVE),
    ],
)
def test_every_combination(
    active: ActiveNumber | None, available: AvailableNumber | None, finding: Finding
) -> None:
    """Held proves the rent; for sale and not held proves its absence; neither proves nothing."""
    assert finding == judge(active, available).finding


def test_applied_carries_what_was_bought() -> None:
    """A rent that is found done tells the journal number, price and next charge."""
    assert judge(ACTIVE, None) == Evidence(
        Finding.APPLIED, "activeNumbers has it", {"active": True, "expire_at": None}, FACTS
    )


def test_a_leaving_number_was_rented_all_the_same() -> None:
    """A number that is held and leaving was charged.

    It counts as rented, and the evidence says when it leaves.
    """
    leaving = ActiveNumber.model_validate(
        {"phoneNumber": NUMBER, "expireAt": "2026-12-01T00:00:00Z"}
    )
    evidence = judge(leaving, None)
    assert (Finding.APPLIED, "2026-12-01T00:00:00+00:00") == (
        evidence.finding,
        evidence.seen["expire_at"],
    )


def test_result_without_a_price() -> None:
    """What the vendor did not say stays unknown; it does not become zero."""
    facts = result_facts(ActiveNumber(phone_number=NUMBER))
    assert (None, None, None) == (
        facts["monthly_price"],
        facts["currency"],
        facts["next_charge_at"],
    )


def test_request_is_kept_whole() -> None:
    """A resumed run sends the links and the callback of the first one, in types of JSON."""
    kept = {
        "sms": {"service_plan_id": "p", "campaign_id": None},
        "voice": {"type": "RTC", "app_id": "a", "trunk_id": None, "service_id": None},
        "callback_url": "https://a.test/",
    }
    facts = request_facts(SmsLink(service_plan_id="p"), VoiceLink(app_id="a"), "https://a.test/")
    assert repr(kept) == repr(facts)
    assert {"sms": None, "voice": None, "callback_url": None} == request_facts(None, None, None)


@pytest.mark.parametrize(
    ("named", "wanted", "expected"),
    [
        ("ActiveNumber", ACTIVE_NUMBER, True),
        ("sinch.unified.numbers.v1.ActiveNumber", ACTIVE_NUMBER, True),
        ("AvailableNumber", AVAILABLE_NUMBER, True),
        ("AvailableNumber", ACTIVE_NUMBER, False),
        ("Project", ACTIVE_NUMBER, False),
        ("", ACTIVE_NUMBER, False),
        ("", AVAILABLE_NUMBER, False),
    ],
)
def test_whose_absence_a_404_proves(named: str, wanted: str, expected: bool) -> None:
    """A 404 proves absence of what it names, and of nothing else.

    Not of what a gateway or an unknown route does not know.
    """
    assert expected == is_absence_of(NotFound("404", status=404, resource_type=named), wanted)


async def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.anyio
async def test_read_or_none() -> None:
    """A read gives what it shows, or None on the vendor's word.

    A 404 that proves nothing goes on as an error.
    """

    async def show() -> ActiveNumber:
        return ACTIVE

    assert await read_or_none(show(), ACTIVE_NUMBER) == ACTIVE
    assert (
        await read_or_none(_raise(NotFound("404", resource_type="ActiveNumber")), ACTIVE_NUMBER)
        is None
    )
    with pytest.raises(NotFound):
        await read_or_none(_raise(NotFound("404 page not found")), ACTIVE_NUMBER)
