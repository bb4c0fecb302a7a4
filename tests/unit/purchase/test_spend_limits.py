"""What a purchase may cost, and what the day has left for it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.journals import new_purchase, plan, rent_line, take
from support.lines import line
from support.run_contexts import Shop

from numberflow.errors import SpendRefused
from numberflow.purchase.spend_limits import due_of, monthly_of, require_room_today

FREE = line(due_amount=None, monthly_amount=None)


def test_sums() -> None:
    """A line without a price costs nothing, and no line neither."""
    assert (Decimal(2), Decimal(1)) == (
        due_of([line(), FREE, line()]),
        monthly_of([line(), FREE, line()]),
    )
    assert repr((Decimal(0), Decimal(0))) == repr((due_of([]), monthly_of([])))


@pytest.mark.anyio
async def test_room_is_that_of_the_project_and_the_day(shop: Shop) -> None:
    """What other purchases of the project took counts, as when it is written down."""
    async with shop.context() as context:
        for project in (context.project_id, "another-project"):
            purchase = context.journal.open_purchase(new_purchase("PO-1", project))
            lease = take(context.journal, purchase.resource)
            plan(context.journal, lease, purchase, rent_line(setup="1", monthly="2"))
        await require_room_today(context, Decimal(2), "USD", Decimal(5))
        with pytest.raises(SpendRefused) as caught:
            await require_room_today(context, Decimal("2.01"), "USD", Decimal(5))
    assert ("cap_today", Decimal(3), Decimal("2.01"), Decimal(5)) == (
        caught.value.rule,
        caught.value.used,
        caught.value.needed,
        caught.value.cap,
    )
    assert "USD" in caught.value.message
