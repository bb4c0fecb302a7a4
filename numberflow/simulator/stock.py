"""Which numbers exist in the simulated world, what they cost, and the stock for sale.

Generation is pure: the same seed gives the same numbers. world.py knows who holds a number, and has
all rules about buying.
"""

import random
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

Kind = tuple[str, str]
"""Region code and number type, for instance ("US", "LOCAL")."""

CURRENCY = "USD"
"""Currency is per account; all recorded prices were USD (docs/vendor/numbers-behaviour.md §13)."""


class Block(NamedTuple):
    """A range of numbers: `prefix`, then `digits` digits, the first at least `first_digit`."""

    prefix: str
    digits: int
    first_digit: int = 0

    @property
    def size(self) -> int:
        """How many numbers the block has."""
        return int((10 - self.first_digit) * 10 ** (self.digits - 1))

    def number(self, index: int) -> str:
        """The number at a position of the block, in E.164."""
        return f"{self.prefix}{index + self.first_digit * 10 ** (self.digits - 1):0{self.digits}d}"


def _nanp(codes: str) -> tuple[Block, ...]:
    # Exchange codes of the North American plan never begin with 0 or 1.
    return tuple(Block(f"+1{code}", 7, 2) for code in codes.split())


@dataclass(frozen=True)
class Offer:
    """What is sold of one kind.

    Blocks, list price, and the share of the stock and of the seeded numbers.
    """

    region_name: str
    blocks: tuple[Block, ...]
    setup: Decimal
    monthly: Decimal
    shelf: int
    held_per_1000: int
    voice_only_share: float = 0.0


# US prices are the recorded ones (§13); the others are plausible figures, *assumed*. Area codes 312
# and 415 are left out because recorded searches for them found nothing (§4).
OFFERS: dict[Kind, Offer] = {
    ("US", "LOCAL"): Offer(
        "United States",
        _nanp(
            "201 202 206 212 213 214 303 305 307 404 407 469 470 480 503 512 520 602 615 619 646 "
            "702 703 713 720 786 801 804 813"
            " 816 832 864 901 909 913 919 929 954 971"
        ),
        Decimal("0.50"),
        Decimal("0.50"),
        4_000,
        800,
        voice_only_share=0.05,
    ),
    ("US", "TOLL_FREE"): Offer(
        "United States",
        _nanp("800 833 844 855 866 877 888"),
        Decimal("2.00"),
        Decimal("2.00"),
        600,
        60,
    ),
    ("CA", "LOCAL"): Offer(
        "Canada",
        _nanp(
            "204 236 250 289 343 416 438 450 506 514 519 581 587 604 613 647 705 778 780 819 902 "
            "905"
        ),
        Decimal("0.75"),
        Decimal("0.75"),
        500,
        40,
        voice_only_share=0.1,
    ),
    ("GB", "LOCAL"): Offer(
        "United Kingdom",
        (Block("+44203", 7), Block("+44207", 7), Block("+44208", 7), Block("+441614", 6)),
        Decimal("1.00"),
        Decimal("1.00"),
        300,
        20,
        voice_only_share=1.0,
    ),
    ("GB", "MOBILE"): Offer(
        "United Kingdom",
        (Block("+447401", 6), Block("+447512", 6), Block("+447723", 6), Block("+447833", 6)),
        Decimal("3.00"),
        Decimal("3.00"),
        300,
        20,
    ),
    ("AU", "MOBILE"): Offer(
        "Australia",
        (Block("+61412", 6), Block("+61423", 6), Block("+61434", 6), Block("+61455", 6)),
        Decimal("6.50"),
        Decimal("6.50"),
        200,
        15,
    ),
    ("SE", "MOBILE"): Offer(
        "Sweden",
        (Block("+4670", 7), Block("+4672", 7), Block("+4673", 7), Block("+4676", 7)),
        Decimal("2.50"),
        Decimal("2.50"),
        250,
        15,
    ),
    ("SE", "LOCAL"): Offer(
        "Sweden",
        (Block("+468", 7), Block("+4631", 6)),
        Decimal("1.00"),
        Decimal("1.00"),
        150,
        5,
        voice_only_share=1.0,
    ),
    ("DE", "LOCAL"): Offer(
        "Germany",
        (Block("+4930", 8), Block("+4989", 8)),
        Decimal("1.50"),
        Decimal("1.50"),
        200,
        10,
        voice_only_share=1.0,
    ),
    ("DE", "MOBILE"): Offer(
        "Germany",
        (Block("+49151", 8), Block("+49160", 8), Block("+49170", 8)),
        Decimal("5.00"),
        Decimal("5.00"),
        150,
        10,
    ),
    ("FR", "MOBILE"): Offer(
        "France", (Block("+33756", 6), Block("+33644", 6)), Decimal("4.00"), Decimal("4.00"), 150, 5
    ),
}

SMS_AND_VOICE = ("SMS", "VOICE")
"""In the order of live replies (§14)."""


@dataclass(frozen=True, slots=True)
class StockNumber:
    """A number for sale, with its present price."""

    phone_number: str
    region_code: str
    number_type: str
    capability: tuple[str, ...]
    setup: Decimal
    monthly: Decimal
    currency: str = CURRENCY

    @property
    def kind(self) -> Kind:
        """Region and type."""
        return (self.region_code, self.number_type)


def stock_number(kind: Kind, phone_number: str) -> StockNumber:
    """The number at list price.

    Its capabilities follow from its digits, so that they stay the same when it is sold and comes
    back.
    """
    offer = OFFERS[kind]
    return StockNumber(
        phone_number, *kind, capability_of(kind, phone_number), offer.setup, offer.monthly
    )


def capability_of(kind: Kind, phone_number: str) -> tuple[str, ...]:
    """What a number can do: a share of each kind is voice only, by its last two digits."""
    return (
        ("VOICE",)
        if int(phone_number[-2:]) < OFFERS[kind].voice_only_share * 100
        else SMS_AND_VOICE
    )


def pick_numbers(rng: random.Random, kind: Kind, count: int) -> list[str]:
    """`count` different numbers of one kind, in random order.

    Raises ValueError if the kind has fewer.
    """
    blocks = OFFERS[kind].blocks
    starts = [0]
    for block in blocks:
        starts.append(starts[-1] + block.size)
    return [_number_at(blocks, starts, index) for index in rng.sample(range(starts[-1]), count)]


def _number_at(blocks: tuple[Block, ...], starts: list[int], index: int) -> str:
    which = bisect_left(starts, index + 1) - 1
    return blocks[which].number(index - starts[which])


def seeded_run(kind: Kind, length: int) -> list[str]:
    """`length` consecutive numbers of a kind, always the same, for sequential orders."""
    block = OFFERS[kind].blocks[0]
    # From the middle, because the ends of a block are not always valid numbers.
    return [block.number(block.size // 3 + index) for index in range(length)]


def consecutive_runs(numbers: Iterable[StockNumber]) -> list[list[StockNumber]]:
    """The numbers cut into runs without a gap. They must be sorted."""
    runs: list[list[StockNumber]] = []
    for number in numbers:
        if runs and int(runs[-1][-1].phone_number) + 1 == int(number.phone_number):
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


class Shelf:
    """The numbers for sale.

    Keeps each kind sorted, so that a search does not depend on what happened before.
    """

    def __init__(self, numbers: Iterable[StockNumber] = ()) -> None:
        self._numbers = {number.phone_number: number for number in numbers}
        self._of_kind: dict[Kind, list[str]] = {kind: [] for kind in OFFERS}
        for number in self._numbers.values():
            self._of_kind[number.kind].append(number.phone_number)
        for of_kind in self._of_kind.values():
            of_kind.sort()

    def __len__(self) -> int:
        return len(self._numbers)

    def get(self, phone_number: str) -> StockNumber | None:
        """The number if it is for sale."""
        return self._numbers.get(phone_number)

    def add(self, number: StockNumber) -> None:
        """Puts a number up for sale."""
        if number.phone_number not in self._numbers:
            insort(self._of_kind.setdefault(number.kind, []), number.phone_number)
        self._numbers[number.phone_number] = number

    def take(self, phone_number: str) -> StockNumber | None:
        """Removes a number from the shelf; None if it was not there."""
        number = self._numbers.pop(phone_number, None)
        if number is not None:
            of_kind = self._of_kind[number.kind]
            del of_kind[bisect_left(of_kind, phone_number)]
        return number

    def of_kind(self, kind: Kind) -> Iterator[StockNumber]:
        """All numbers of a kind, sorted."""
        return (self._numbers[phone_number] for phone_number in self._of_kind.get(kind, ()))

    def counts(self) -> dict[str, int]:
        """How many numbers of each kind are for sale."""
        return {" ".join(kind): len(numbers) for kind, numbers in self._of_kind.items()}

    def reprice(self, phone_number: str, setup: Decimal, monthly: Decimal, currency: str) -> bool:
        """Changes the price of a number from now on. False if it is not for sale."""
        number = self._numbers.get(phone_number)
        if number is None:
            return False
        self._numbers[phone_number] = replace(
            number, setup=setup, monthly=monthly, currency=currency
        )
        return True
