"""What a purchase works with: calls side by side, the purchase's row, and being its only run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest
from support.purchases import order
from support.run_contexts import Shop

from numberflow.errors import JournalUnavailable, LeaseLost, ReferenceConflict
from numberflow.journal import NewPurchase
from numberflow.purchase.renting.choose import OPERATION
from numberflow.purchase.run_context import RunContext, each_of, new_purchase, open_purchase

pytestmark = pytest.mark.anyio


def _new(context: RunContext, **parameters: Any) -> NewPurchase:
    return new_purchase(context, order(**parameters), "PO-1", OPERATION)


async def test_each_of_keeps_order_and_bound() -> None:
    """Results stand in the order of the items, and never more calls than allowed are under way."""
    under_way, most = 0, 0

    async def call(item: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await anyio.sleep(0.001 * (10 - item))
        under_way -= 1
        return item * item

    assert [n * n for n in range(10)] == await each_of(range(10), call, at_once=3)
    assert 3 == most


async def test_each_of_lets_the_others_end() -> None:
    """One failure cancels nothing.

    A costly call that is cancelled half-way would have to be settled. The first error is raised
    then.
    """
    ended: list[int] = []

    async def call(item: int) -> None:
        await anyio.sleep(0.001 * item)
        if item in {1, 2}:
            raise ValueError(item)
        ended.append(item)

    with pytest.raises(ValueError, match="1"):
        await each_of([1, 2, 3, 4], call, at_once=4)
    assert [3, 4] == ended


async def test_each_of_nothing() -> None:
    """Nothing to do is done at once."""

    async def call(_: int) -> None:
        raise AssertionError

    assert [] == await each_of([], call, at_once=1)


async def test_open_purchase_is_one_row(shop: Shop) -> None:
    """The same reference finds its purchase again, also with a raised cap.

    With other parameters it is refused by what differs.
    """
    async with shop.context() as context:
        first = await open_purchase(context, _new(context))
        again = await open_purchase(context, _new(context, max_today="900"))
        with pytest.raises(ReferenceConflict) as caught:
            await open_purchase(context, _new(context, quantity=2))
    async with shop.context() as context:
        other = await open_purchase(context, replace(_new(context), project_id="another-project"))
    assert first == again
    assert {"quantity": (1, 2)} == caught.value.differences
    assert first.id != other.id, "a reference belongs to one project"


async def test_a_repeated_run_finds_what_it_began(shop: Shop) -> None:
    """A run that was begun before goes on where this journal knows its purchase, and only there."""
    async with shop.context() as context:
        context.begun_before = True
        with pytest.raises(JournalUnavailable, match="begun before"):
            await open_purchase(context, _new(context))
        context.begun_before = False
        begun = await open_purchase(context, _new(context))
        context.begun_before = True
        assert begun == await open_purchase(context, _new(context))


async def test_one_run_at_a_time(shop: Shop) -> None:
    """While one run holds a purchase, another one is told so and does nothing.

    Afterwards it may.
    """
    async with shop.context() as one, shop.context() as two:
        purchase = await open_purchase(one, _new(one))
        async with one.hold(purchase):
            with pytest.raises(LeaseLost):
                async with two.hold(purchase):
                    raise AssertionError("two runs hold one purchase")
        async with two.hold(purchase) as (_, lease):
            assert purchase.resource == lease.resource
