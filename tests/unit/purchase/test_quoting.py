"""What a quote holds, and how an order that cannot be quoted is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.journals import new_purchase, plan, rent_line, take
from support.purchases import order
from support.run_contexts import Shop

from numberflow.errors import BadInput
from numberflow.planning.quote import Quote
from numberflow.purchase.renting.quoting import quote_order

pytestmark = pytest.mark.anyio


async def quoted(shop: Shop, seed: str = "PO-1", prefer: Any = (), **parameters: Any) -> Quote:
    """The quote that a run would make."""
    async with shop.context() as context:
        return await quote_order(context, order(**parameters), seed=seed, prefer=prefer)


def numbers(quote: Quote) -> list[str]:
    return [line.phone_number for line in quote.lines]


async def test_one_reference_is_quoted_alike(tmp_path: Path) -> None:
    """One reference, one choice and order; another takes others unless it prefers these."""
    shop = Shop(tmp_path, stock_us_local=10)
    first = await quoted(shop, quantity=5)
    assert ("USD", numbers(first)) == (first.currency, numbers(await quoted(shop, quantity=5)))
    other = await quoted(shop, "PO-2", quantity=5)
    assert numbers(first) != numbers(other)
    preferred = await quoted(shop, "PO-2", prefer=numbers(first)[::-1], quantity=5)
    assert numbers(first)[::-1] == numbers(preferred)


@pytest.mark.parametrize(("ours", "left"), [(True, 4), (False, 5)])
async def test_claimed_numbers_are_left_alone(tmp_path: Path, ours: bool, left: int) -> None:
    """What another purchase of the project holds is not quoted; other projects do not matter."""
    shop = Shop(tmp_path, stock_us_local=5)
    async with shop.context() as context:
        (number, *_) = await context.client.available_numbers.search(
            region_code="US", number_type="LOCAL", size=10
        )
        project = context.project_id if ours else "another-project"
        purchase = context.journal.open_purchase(new_purchase("PO-2", project))
        lease = take(context.journal, purchase.resource)
        plan(context.journal, lease, purchase, rent_line(number.phone_number))
    with pytest.raises(BadInput) as caught:
        await quoted(shop, quantity=6)
    assert ("quantity", f"ask for {left}, or widen pattern and capabilities") == (
        caught.value.field,
        caught.value.remedy,
    )


async def test_quote_where_the_vendor_picks(shop: Shop) -> None:
    """The most expensive of several matches, as often as wanted and without a name."""
    async with shop.context() as context:
        (one, *others) = await context.client.available_numbers.search(
            region_code="US", number_type="LOCAL", size=10
        )
    await shop.script("price", phone_number=one.phone_number, setup="70", monthly="90")
    quote = await quoted(shop, strategy="any", quantity=2, pattern=one.phone_number[:5])
    assert len(others) > 1
    assert ("USD", ["", ""], Decimal(320)) == (quote.currency, numbers(quote), quote.today)


@pytest.mark.parametrize(
    ("parameters", "field", "message", "remedy"),
    [
        (
            {"region_code": "GB", "number_type": "MOBILE"},
            "number_type",
            "MOBILE numbers in GB cannot be rented directly",
            "`numberflow requirements --region GB --type MOBILE`",
        ),
        (
            {"strategy": "any", "pattern": "+1312"},
            "region_code",
            "no number matches",
            "the vendor has no such numbers in stock",
        ),
        (
            {"pattern": "+1312"},
            "region_code",
            "no number matches: the vendor has no such numbers in stock",
            "change region_code",
        ),
        (
            {"phone_numbers": ["+12025550198", "+12025550199"]},
            "phone_numbers",
            "+12025550198, +12025550199",
            "name others",
        ),
    ],
)
async def test_refused(
    shop: Shop, parameters: dict[str, Any], field: str, message: str, remedy: str
) -> None:
    """Field, reason and fix are named, and nothing was sent that costs."""
    with pytest.raises(BadInput) as caught:
        await quoted(shop, **parameters)
    refused = caught.value
    assert (field, True, True) == (
        refused.field,
        message in refused.message,
        remedy in refused.remedy,
    )
