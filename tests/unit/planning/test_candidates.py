"""Which numbers of a search are bought."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.vendor import AvailableNumber
from numberflow.planning.candidates import matches, pick, search_size


def order(**parameters: Any) -> Any:
    """An order for US LOCAL numbers."""
    minimum = {"region_code": "US", "number_type": "LOCAL", "max_today": "90", "max_monthly": "90"}
    return check_parameters(SearchAndRentParameters, minimum | parameters)


def offered(
    phone_number: str = "+12025550101", monthly: str | None = "0.50", **changes: Any
) -> AvailableNumber:
    """A US LOCAL number for sale that can do both."""
    price = None if monthly is None else {"currencyCode": "USD", "amount": monthly}
    return AvailableNumber.model_validate(
        {
            "phoneNumber": phone_number,
            "regionCode": "US",
            "type": "LOCAL",
            "capability": ["SMS", "VOICE"],
            "setupPrice": {"currencyCode": "USD", "amount": "0.50"},
            "monthlyPrice": price,
        }
        | changes
    )


@pytest.mark.parametrize(
    ("parameters", "changes", "expected"),
    [
        ({}, {}, True),
        ({}, {"regionCode": "CA"}, False),
        ({}, {"type": "TOLL_FREE"}, False),
        ({}, {"type": "SOMETHING_NEW"}, False),
        ({}, {"regionCode": None, "type": "", "capability": []}, True),
        ({"capabilities": ["SMS"]}, {"capability": ["SMS", "MMS"]}, True),
        ({"capabilities": ["SMS"]}, {"capability": ["VOICE"]}, False),
        ({"capabilities": ["SMS", "VOICE"]}, {"capability": ["VOICE"]}, False),
        ({"capabilities": ["SMS"]}, {"capability": None}, True),
        ({"pattern": "+1202", "search_pattern": "START"}, {}, True),
        ({"pattern": "+1302", "search_pattern": "START"}, {}, False),
        ({"pattern": "0255", "search_pattern": "CONTAINS"}, {}, True),
        ({"pattern": "1202", "search_pattern": "CONTAINS"}, {}, True),
        ({"pattern": "999", "search_pattern": "CONTAINS"}, {}, False),
        ({"pattern": "0101", "search_pattern": "END"}, {}, True),
        ({"pattern": "0255", "search_pattern": "END"}, {}, False),
        ({"phone_numbers": ["+12025550101"]}, {}, True),
        ({"phone_numbers": ["+12025550102"]}, {}, False),
        (
            {"phone_numbers": ["+12025550101"], "capabilities": ["SMS"]},
            {"capability": ["VOICE"]},
            False,
        ),
    ],
)
def test_matches(parameters: dict[str, Any], changes: dict[str, Any], expected: bool) -> None:
    """A number that is not what was asked for is refused although the vendor sent it.

    What a reply leaves out is trusted.
    """
    assert expected == matches(offered(**changes), order(**parameters))


def test_cheapest_first_and_unpriced_last() -> None:
    """Numbers are taken by what they cost today, then by month.

    Without a price only when nothing else is left.
    """
    dear, cheap, unpriced = (
        offered("+12025550101", "2"),
        offered("+12025550102", "1"),
        offered("+12025550103", None),
    )
    quarterly = offered("+12025550104", "1", paymentIntervalMonths=3)
    assert (quarterly, cheap, dear, unpriced) == pick(
        [dear, unpriced, cheap, quarterly], order(), quantity=9, seed="s"
    )
    assert (quarterly,) == pick([dear, unpriced, cheap, quarterly], order(), quantity=1, seed="s")


NUMBERS = [offered(f"+1202555{n:04d}") for n in range(40)]


@given(st.permutations(NUMBERS), st.text(max_size=8))
def test_choice_depends_on_seed_alone(shuffled: list[AvailableNumber], seed: str) -> None:
    """One purchase repeats its own choice, in whatever order and however often the vendor shows the
    numbers.
    """
    first = pick(NUMBERS, order(), quantity=10, seed=seed)
    assert first == pick([*shuffled, *shuffled[:7]], order(), quantity=10, seed=seed)
    assert len({number.phone_number for number in first}) == 10


def test_two_purchases_reach_for_different_numbers() -> None:
    """Purchases that run at the same time do not all reach for the first number."""
    firsts = {pick(NUMBERS, order(), quantity=1, seed=f"PO-{n}")[0].phone_number for n in range(50)}
    assert len(firsts) > 15, "fifty seeds over forty equal numbers should spread"


def test_exclude() -> None:
    """A number that is not to be taken is not taken, even if fewer are left than wanted."""
    taken = [number.phone_number for number in NUMBERS[:35]]
    assert {number.phone_number for number in NUMBERS[35:]} == {
        number.phone_number
        for number in pick(NUMBERS, order(), quantity=10, seed="s", exclude=taken)
    }


@pytest.mark.parametrize(("wanted", "size"), [(1, 6), (20, 25), (40, 50), (80, 100), (500, 100)])
def test_search_size(wanted: int, size: int) -> None:
    """A search asks for some spare, at least five, and never for more than a page can hold."""
    assert size == search_size(wanted)
