"""Numbers bought in the dashboard are taken into the journal, and numbers that went are let out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.purchases import order
from support.shop import Shop

from numberflow.errors import BadInput
from numberflow.journal import Said
from numberflow.models.adoption import Adoption
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import RunOutcome
from numberflow.purchase.held import release as releasing
from numberflow.purchase.reconciling.adopting import Adopted, adopt

pytestmark = pytest.mark.anyio


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project that holds two numbers that nobody of ours bought."""
    shop = Shop(tmp_path, active=0)
    shop.simulator.world.add_held(2)
    for number in shop.simulator.world.holdings:
        number.expire_at = None
    return shop


def in_the_dashboard(shop: Shop) -> list[str]:
    """The numbers that the project holds."""
    return sorted(number.phone_number for number in shop.simulator.world.holdings)


async def say(shop: Shop, numbers: list[str], **what: Any) -> list[Adopted]:
    """`numberflow adopt`."""
    wanted = check_parameters(Adoption, {"phone_numbers": numbers} | what)
    async with shop.context() as context:
        return await adopt(context, wanted, by="ann")


async def custody(shop: Shop) -> dict[str, tuple[Said, str | None]]:
    """What the journal keeps of what people said."""
    async with shop.context() as context:
        known = context.journal.custody(context.project_id)
    return {number: (each.said, each.reference) for number, each in known.items()}


async def test_adopted_numbers_are_used_like_others(shop: Shop) -> None:
    """They cost nothing here, keep the price that they have, and are released like any number."""
    numbers = in_the_dashboard(shop)
    done = await say(shop, numbers, reference="OFFICE")
    assert dict.fromkeys(numbers, (Said.ADOPTED, "OFFICE")) == await custody(shop)
    assert {"monthly", "currency"} == set(done[0].seen)
    assert [] == [entry for entry in shop.simulator.charges() if entry["reason"] == "rent"]
    giving_up = check_parameters(
        ReleaseParameters, {"phone_numbers": numbers[:1], "confirm_release": True}
    )
    async with shop.context() as context:
        rows = await releasing.release(context, giving_up, "REL-1")
        report = await releasing.release_report(context, giving_up, "REL-1", rows)
    assert RunOutcome.DONE is report.outcome


async def test_what_is_not_so_is_refused(shop: Shop) -> None:
    """Not held, held by a reference, leaving; nothing to undo; not gone: nothing is written."""
    first, second = in_the_dashboard(shop)
    bought = await shop.buy(order(quantity=1))
    assert bought is not None
    shop.simulator.world.release(second)
    wrong: list[tuple[list[str], dict[str, bool], str]] = [
        ([first, "+12025550188"], {}, "holds no such number"),
        ([first, *bought.phone_numbers], {}, "reference 'PO-1' holds it"),
        ([first, second], {}, "about to leave"),
        ([first], {"undo": True}, "not adopted"),
        (list(bought.phone_numbers), {"gone": True}, "does not leave it"),
        ([second], {"gone": True}, "not in the journal"),
        ([first], {"gone": True, "undo": True}, "one of them is meant"),
    ]
    for numbers, what, words in wrong:
        with pytest.raises(BadInput, match=words) as refused:
            await say(shop, numbers, **what)
        assert refused.value.remedy
    assert {} == await custody(shop)


async def test_an_adoption_is_undone(shop: Shop) -> None:
    """As if it had not been; the number stays where it is."""
    numbers = in_the_dashboard(shop)
    await say(shop, numbers)
    await say(shop, numbers[:1], undo=True)
    assert {numbers[1]: (Said.ADOPTED, None)} == await custody(shop)
    assert numbers == in_the_dashboard(shop)


async def test_a_number_that_went_is_said_to_be_gone(shop: Shop) -> None:
    """One that somebody released by hand: the rent that bought it claims it no more."""
    bought = await shop.buy(order(quantity=1))
    assert bought is not None
    (number,) = bought.phone_numbers
    shop.simulator.world.release(number)
    await say(shop, [number], gone=True)
    assert {number: (Said.GONE, None)} == await custody(shop)
    async with shop.context() as context:
        assert {} == context.journal.claims(context.project_id)


async def test_a_long_list_takes_few_requests(shop: Shop) -> None:
    """Pages of the list stand for a read of each number."""
    shop.simulator.world.add_held(60)
    for number in shop.simulator.world.holdings:
        number.expire_at = None
    numbers = in_the_dashboard(shop)
    before = len(shop.simulator.requests())
    await say(shop, numbers)
    assert (62, True) == (len(await custody(shop)), len(shop.simulator.requests()) - before < 20)
