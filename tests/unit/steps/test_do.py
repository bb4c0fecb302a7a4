"""The sending halves of the costly steps.

One request each, made from what the journal kept, and 404s told apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from support.lines import line
from support.run_contexts import Shop

from numberflow.client import Client
from numberflow.errors import NotFound, OutcomeUnknown
from numberflow.journal import Attempt, Brake, Finding, Intention
from numberflow.steps.release import Release
from numberflow.steps.rent import Rent
from numberflow.steps.rent_any import RentAny
from numberflow.steps.update import Update

pytestmark = pytest.mark.anyio


def attempt(subject: str | None, **request: Any) -> Attempt:
    """A permitted request of an intention with this subject and request."""
    return Attempt(line(0, subject=subject, request=request, result=None), 1, (), Brake())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A simulator that holds nothing yet."""
    return Shop(tmp_path)


async def nobody_else(intention: Intention) -> frozenset[str]:
    return frozenset()


async def test_life_of_a_number(shop: Shop) -> None:
    """Each step, done and then looked at, is found applied; before, it is found absent.

    And each is one request.
    """
    async with shop.context() as context:
        (number,) = await context.client.available_numbers.search(
            region_code="US", number_type="LOCAL", size=1
        )
        phone_number = number.phone_number
        for step, operation, request in (
            (
                Rent(context.client),
                "rent",
                {"sms": {"service_plan_id": "plan-1"}, "callback_url": "https://a.test/"},
            ),
            (
                Update(context.client),
                "update",
                {"display_name": "shop", "voice": {"type": "RTC", "app_id": "app-1"}},
            ),
            (Release(context.client), "release", {}),
        ):
            trying = attempt(phone_number, **request)
            assert (await step.look(trying.intention)).finding is Finding.ABSENT
            applied = await step.do(trying)
            evidence = await step.look(trying.intention)
            assert (Finding.APPLIED, applied.result) == (evidence.finding, evidence.result)
            assert (1, 200) == (shop.requests(operation), trying.status)
    assert [phone_number] == shop.charged()


async def test_rent_any_carries_its_marker(shop: Shop) -> None:
    """The number that the vendor picked is recognised by the marker of its own request and by no
    other.
    """
    facts = {
        "region_code": "US",
        "number_type": "LOCAL",
        "pattern": None,
        "search_pattern": None,
        "capabilities": ["SMS"],
        "sms": None,
        "voice": None,
    }
    async with shop.context() as context:
        step = RentAny(context.client, before=(), claimed_by_others=nobody_else)
        ours, theirs = (
            attempt(
                None, **facts, marker=marker, callback_url=f"https://a.test/?numberflow={marker}"
            )
            for marker in ("m1", "m2")
        )
        assert (await step.look(ours.intention)).finding is Finding.ABSENT
        applied = await step.do(ours)
        evidence = await step.look(ours.intention)
        assert (Finding.APPLIED, applied.result) == (evidence.finding, evidence.result)
        assert (await step.look(theirs.intention)).finding is Finding.ABSENT
    assert [applied.result["phone_number"]] == shop.charged()


async def test_number_that_is_gone(shop: Shop) -> None:
    """A rent of a number that is not for sale is a refusal that names it.

    The journal may believe it.
    """
    async with shop.context() as context:
        with pytest.raises(NotFound) as caught:
            await Rent(context.client).do(attempt("+12025550199"))
    assert "AvailableNumber" in caught.value.resource_type


async def test_404_of_somebody_else(shop: Shop) -> None:
    """A 404 that does not name the number (a gateway, a wrong path) says nothing about the rent.

    Its outcome is unknown, so we look.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/oauth2/token"):
            return httpx.Response(
                200,
                json={"access_token": "t", "expires_in": 3599, "token_type": "bearer", "scope": ""},
            )
        return httpx.Response(404, html="<html>no such route</html>")

    async with Client(shop.settings, transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await Rent(client).do(attempt("+12025550101"))
        assert ("foreign_404", 404) == (caught.value.cause, caught.value.status)
        with pytest.raises(NotFound):
            await Rent(client).look(attempt("+12025550101").intention)
