"""Finding numbers at the simulator, and what is refused before anything is spent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from support.purchases import order
from support.run_contexts import Shop

from numberflow.errors import BadInput, SpendRefused
from numberflow.models.orders import SearchAndRentParameters
from numberflow.planning.quote import Quote
from numberflow.purchase.renting.choose import find_numbers, held_numbers, what_is_sold
from numberflow.purchase.renting.quoting import quote_any, quote_order
from numberflow.purchase.spend_limits import SpendLimits

pytestmark = pytest.mark.anyio


async def quoted(shop: Shop, wanted: SearchAndRentParameters) -> Quote:
    """The quote that a run would make."""
    async with shop.context() as context:
        return await quote_order(context, wanted, seed="PO-1")


async def test_small_shuffled_pages_are_enough(tmp_path: Path) -> None:
    """Each search shows another ten numbers and no next page.

    It is repeated until as many as wanted were seen.
    """
    shop = Shop(tmp_path, switches={"page_size_max": 10})
    async with shop.context() as context:
        found = await find_numbers(context.client, order(), quantity=60, seed="PO-1")
    assert 60 == len({number.phone_number for number in found})
    assert shop.requests("search") >= 6


async def test_search_ends_when_nothing_new_comes(tmp_path: Path) -> None:
    """A stock smaller than what is wanted is found whole, and the search then ends by itself."""
    shop = Shop(tmp_path, stock_us_local=30, switches={"page_size_max": 20})
    async with shop.context() as context:
        found = await find_numbers(context.client, order(), quantity=100, seed="PO-1")
    assert shop.simulator.world.shelf.counts()["US LOCAL"] == len(found)
    assert shop.requests("search") < 30


async def test_exclude_and_prefer(shop: Shop) -> None:
    """Numbers that are not to be taken are not.

    Preferred ones come first, unless they are gone or excluded.
    """
    async with shop.context() as context:
        first, gone, excluded, other = (
            number.phone_number
            for number in await find_numbers(context.client, order(), quantity=4, seed="a")
        )
        await shop.script("rival", phone_number=gone)
        found = await find_numbers(
            context.client,
            order(),
            quantity=3,
            seed="b",
            exclude=[excluded],
            prefer=[gone, excluded, first, other],
        )
    numbers = [number.phone_number for number in found]
    assert [first, other] == numbers[:2]
    assert 3 == len(set(numbers))
    assert {gone, excluded} & set(numbers) == set()


async def test_preferred_numbers_need_no_search(shop: Shop) -> None:
    """What a person approved is checked number by number; nothing else is searched for."""
    async with shop.context() as context:
        wanted = [
            number.phone_number
            for number in await find_numbers(context.client, order(), quantity=2, seed="a")
        ]
        searches = shop.requests("search")
        found = await find_numbers(context.client, order(), quantity=2, seed="b", prefer=wanted)
    assert (wanted, searches) == (
        [number.phone_number for number in found],
        shop.requests("search"),
    )


async def test_criteria_hold(shop: Shop) -> None:
    """Every number found has the pattern and the capabilities that were asked for."""
    wanted = order(pattern="+1307", capabilities=["SMS"])
    async with shop.context() as context:
        found = await find_numbers(context.client, wanted, quantity=5, seed="PO-1")
    assert [("+1307", True)] * 5 == [
        (number.phone_number[:5], "SMS" in number.capabilities) for number in found
    ]


async def test_too_few_numbers_are_refused_before_spending(tmp_path: Path) -> None:
    """A purchase that the stock cannot fill is refused with what there is, before anything is
    written down or rented.
    """
    shop = Shop(tmp_path, stock_us_local=5)
    with pytest.raises(BadInput) as caught:
        await quoted(shop, order(quantity=6))
    assert (
        "quantity: 6 asked, 5 found; nothing was rented",
        "ask for 5, or widen pattern and capabilities",
    ) == (
        caught.value.message,
        caught.value.remedy,
    )
    assert (0, (), 0) == (shop.requests("rent"), shop.lines(), shop.simulator.rentals())


async def test_named_number_that_is_not_for_sale(shop: Shop) -> None:
    """Named numbers that are not for sale are named in the refusal, and no other."""
    async with shop.context() as context:
        (there,) = await find_numbers(context.client, order(), quantity=1, seed="a")
    named = order(phone_numbers=[there.phone_number, "+12025550199"])
    with pytest.raises(BadInput) as caught:
        await quoted(shop, named)
    assert (
        caught.value.message
        == "phone_numbers: not for sale, or already bought under another reference: +12025550199"
    )


async def test_named_number_that_is_something_else(shop: Shop) -> None:
    """A named number that lacks a capability, or is of another type, is refused before it costs
    money.
    """
    async with shop.context() as context:
        (mute,) = [
            number
            for number in await context.client.available_numbers.search(
                region_code="US", number_type="LOCAL", size=100
            )
            if number.capabilities == ("VOICE",)
        ][:1]
        (free,) = await find_numbers(
            context.client, order(number_type="TOLL_FREE"), quantity=1, seed="a"
        )
    for number, what in (
        (mute, "LOCAL number with VOICE"),
        (free, "TOLL_FREE number with SMS and VOICE"),
    ):
        with pytest.raises(BadInput) as caught:
            await quoted(shop, order(phone_numbers=[number.phone_number], capabilities=["SMS"]))
        assert caught.value.message == (
            f"phone_numbers: {number.phone_number} is a US {what}; that is not what was asked for"
        )


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (
            {"region_code": "NO"},
            "the vendor sells no numbers in NO; it sells in AU, CA, DE, FR, GB, SE, US",
        ),
        (
            {"region_code": "GB", "number_type": "TOLL_FREE"},
            "the vendor sells no TOLL_FREE numbers in GB, only ",
        ),
        (
            {"pattern": "+1312"},
            (
                "the vendor has no such numbers in stock; try another pattern, other "
                "capabilities, or later"
            ),
        ),
    ],
)
async def test_why_nothing_is_found(shop: Shop, parameters: dict[str, str], said: str) -> None:
    """A search without result says what the vendor sells instead.

    Regions, types of the region, or nothing of the kind in stock.
    """
    wanted = order(**parameters)
    async with shop.context() as context:
        assert (await what_is_sold(context.client, wanted)).startswith(said)
    with pytest.raises(BadInput) as caught:
        await quoted(shop, wanted)
    assert said in str(caught.value)


async def test_price_in_another_currency_stops_the_quote(shop: Shop) -> None:
    """A number that is priced in another currency than the caps stops the purchase."""
    await shop.script(
        "price", region_code="US", type="LOCAL", setup="1", monthly="1", currency="EUR"
    )
    with pytest.raises(SpendRefused) as caught:
        await quoted(shop, order())
    assert ("currency", "state caps and currency in EUR") == (
        caught.value.rule,
        caught.value.remedy,
    )


async def test_quote_for_any_number_takes_the_dearest(shop: Shop) -> None:
    """Where the vendor picks, the quote is the most expensive match as often as wanted.

    A cap then holds whatever is picked.
    """
    async with shop.context() as context:
        (one,) = await find_numbers(context.client, order(), quantity=1, seed="a")
        await shop.script("price", region_code="US", type="LOCAL", setup="1", monthly="1")
        await shop.script("price", phone_number=one.phone_number, setup="7", monthly="9")
        pattern = one.phone_number[:9]
        quote = await quote_any(context.client, order(strategy="any", quantity=3, pattern=pattern))
    assert (3, Decimal(48), Decimal(27), {""}) == (
        len(quote.lines),
        quote.today,
        quote.monthly,
        {line.phone_number for line in quote.lines},
    )


async def test_held_numbers_of_the_kind(tmp_path: Path) -> None:
    """What the project holds is read over all pages, of the order's region and type alone."""
    shop = Shop(tmp_path, active=150)
    held = [number for number in shop.simulator.world.holdings if number.kind == ("US", "LOCAL")]
    async with shop.context() as context:
        numbers = await held_numbers(context.client, order())
    assert sorted(number.phone_number for number in held) == sorted(numbers)
    assert len(numbers) > 100, "more than a page, or this proves little"


@pytest.mark.parametrize(
    ("today", "monthly", "rule", "message"),
    [
        ("10.01", "5", "cap_today", "the purchase costs 10.01 USD (today), max_today is 10"),
        ("10", "5.01", "cap_monthly", "the purchase costs 5.01 USD (monthly), max_monthly is 5"),
        (
            "9",
            "4",
            "approval",
            "the purchase now costs 9 USD today, up to 8 need no further approval",
        ),
        (
            "8",
            "5",
            "approval",
            "the purchase now costs 5 USD a month, up to 4 need no further approval",
        ),
    ],
)
def test_limits_that_are_broken(today: str, monthly: str, rule: str, message: str) -> None:
    """Each cap and each approved amount stops a purchase that costs more, by a cent too."""
    limits = SpendLimits(Decimal(10), Decimal(5), "USD", Decimal(8), Decimal(4))
    with pytest.raises(SpendRefused) as caught:
        limits.check(Decimal(today), Decimal(monthly))
    assert (rule, message) == (caught.value.rule, caught.value.message)
    assert caught.value.remedy


def test_limits_that_hold() -> None:
    """A purchase that costs exactly what is allowed is allowed."""
    SpendLimits(Decimal(10), Decimal(5), "USD").check(Decimal(10), Decimal(5))
    SpendLimits(Decimal(10), Decimal(5), "USD", Decimal(8), Decimal(4)).check(
        Decimal(8), Decimal(4)
    )
