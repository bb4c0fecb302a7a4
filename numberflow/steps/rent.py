"""Rent one named number (`availableNumbers/{n}:rent`)."""

from __future__ import annotations

from typing import Any

from numberflow.journal import Applied, Attempt, Evidence, Finding, Intention
from numberflow.models.orders import SmsLink, VoiceLink
from numberflow.models.vendor import ActiveNumber, AvailableNumber, RentRequest
from numberflow.steps import (
    ACTIVE_NUMBER,
    AVAILABLE_NUMBER,
    VendorStep,
    about_available,
    named,
    read_or_none,
)
from numberflow.steps.link import link_order, with_links

OPERATION = "rent"


def request_facts(
    sms: SmsLink | None, voice: VoiceLink | None, callback_url: str | None
) -> dict[str, Any]:
    """What the journal keeps of the request, so that a resumed run sends the same one."""
    links = {"sms": sms, "voice": voice}
    kept = {name: link.model_dump(mode="json") if link else None for name, link in links.items()}
    return {**kept, "callback_url": callback_url}


class Rent(VendorStep):
    """The two halves of renting a number, bound to a client.

    Costs: set-up price and first period, from the moment the vendor accepts. Source:
    docs/vendor/numbers-behaviour.md §5, §13.
    """

    async def do(self, attempt: Attempt) -> Applied:
        """Send the rent once. Raises what the client raises."""
        intention = attempt.intention
        facts = intention.request
        body = RentRequest(
            sms=facts.get("sms"), voice=facts.get("voice"), callback_url=facts.get("callback_url")
        )
        number = await about_available(
            self._client.available_numbers.rent(named(intention), body, watch=attempt)
        )
        return Applied(
            result=result_facts(number) | link_order(number.phone_number, intention),
            note="the vendor answered with the rented number",
        )

    async def look(self, intention: Intention) -> Evidence:
        """Read activeNumbers, and availableNumbers when the number is not active.

        Costs nothing; repeat at will.
        """
        number = named(intention)
        active = await read_or_none(self._client.active_numbers.get(number), ACTIVE_NUMBER)
        if active is not None:
            return with_links(judge(active, None), intention)
        available = await read_or_none(self._client.available_numbers.get(number), AVAILABLE_NUMBER)
        return judge(None, available)


def judge(active: ActiveNumber | None, available: AvailableNumber | None) -> Evidence:
    """Whether a rent took effect, from what the two reads show.

    A number that is neither ours nor for sale proves nothing: a rival may have it, or a read lags
    behind our own purchase.
    """
    if active is not None:
        return Evidence(
            finding=Finding.APPLIED,
            note="activeNumbers has it",
            seen={
                "active": True,
                "expire_at": active.expire_at.isoformat() if active.expire_at else None,
            },
            result=result_facts(active),
        )
    if available is not None:
        return Evidence(
            finding=Finding.ABSENT,
            note="not in activeNumbers, still in availableNumbers",
            seen={"active": False, "available": True},
        )
    return Evidence(
        finding=Finding.INCONCLUSIVE,
        note="neither in activeNumbers nor in availableNumbers",
        seen={"active": False, "available": False},
    )


def result_facts(number: ActiveNumber) -> dict[str, Any]:
    """What the journal keeps of a rented number."""
    return {
        "phone_number": number.phone_number,
        "monthly_price": str(number.money.amount) if number.money else None,
        "currency": number.money.currency_code if number.money else None,
        "interval_months": number.payment_interval_months,
        "next_charge_at": number.next_charge_at.isoformat() if number.next_charge_at else None,
    }
