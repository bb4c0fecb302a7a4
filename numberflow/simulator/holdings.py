"""The numbers that a project holds: records, sorted indexes, and the seeded set at the start.

No rules: renting, linking, releasing and expiry are in world.py.
"""

import random
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from numberflow.simulator.clock import add_months
from numberflow.simulator.provisioning import NO_SMS, NO_VOICE, Job, SmsLink, Timing, VoiceLink
from numberflow.simulator.stock import CURRENCY, OFFERS, Kind, capability_of, pick_numbers


@dataclass(slots=True)
class HeldNumber:
    """One active number. `monthly` is the price of `interval_months` (§13).

    `periods` counts those paid since `rented_at`; the next charge follows from both.
    """

    phone_number: str
    region_code: str
    number_type: str
    capability: tuple[str, ...]
    monthly: Decimal
    currency: str
    rented_at: datetime
    periods: int = 1
    interval_months: int = 1
    expire_at: datetime | None = None
    display_name: str = ""
    callback_url: str = ""
    sms: SmsLink = NO_SMS
    sms_job: Job[SmsLink] | None = None
    voice: VoiceLink = NO_VOICE
    voice_job: Job[VoiceLink] | None = None

    @property
    def kind(self) -> Kind:
        """Region and type."""
        return (self.region_code, self.number_type)

    @property
    def next_charge_at(self) -> datetime:
        """The time of the rent plus the paid intervals."""
        return add_months(self.rented_at, self.periods * self.interval_months)


Filter = tuple[str | None, str | None]
"""Region and type; None means any."""


class Holdings:
    """All held numbers, with a sorted list for every combination of region and type.

    `version` changes with every change of content, so that derived views can be kept.
    """

    def __init__(self, numbers: Iterable[HeldNumber] = ()) -> None:
        self._numbers = {number.phone_number: number for number in numbers}
        self._sorted: dict[Filter, list[str]] = {}
        for number in self._numbers.values():
            for key in self._keys(number):
                self._sorted.setdefault(key, []).append(number.phone_number)
        for phone_numbers in self._sorted.values():
            phone_numbers.sort()
        self.version = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[HeldNumber]:
        return iter(self._numbers.values())

    def get(self, phone_number: str) -> HeldNumber | None:
        """The number if the project holds it."""
        return self._numbers.get(phone_number)

    def add(self, number: HeldNumber) -> None:
        """Adds a number that was not held."""
        assert number.phone_number not in self._numbers
        self._numbers[number.phone_number] = number
        for key in self._keys(number):
            insort(self._sorted.setdefault(key, []), number.phone_number)
        self.version += 1

    def remove(self, phone_number: str) -> None:
        """Removes a held number."""
        number = self._numbers.pop(phone_number)
        for key in self._keys(number):
            phone_numbers = self._sorted[key]
            del phone_numbers[bisect_left(phone_numbers, phone_number)]
        self.version += 1

    def sorted_numbers(self, region_code: str | None, number_type: str | None) -> list[str]:
        """Phone numbers of a region and type (None: any), ascending.

        The list is the index itself: do not change it.
        """
        return self._sorted.get((region_code, number_type), [])

    def beginning_with(
        self, prefix: str, region_code: str | None, number_type: str | None
    ) -> list[str]:
        """Those of `sorted_numbers` with a prefix, found without looking at the others."""
        numbers = self.sorted_numbers(region_code, number_type)
        if not prefix:
            return numbers
        # In ASCII a colon follows the nine.
        return numbers[bisect_left(numbers, prefix) : bisect_left(numbers, f"{prefix}:")]

    @staticmethod
    def _keys(number: HeldNumber) -> tuple[Filter, Filter, Filter, Filter]:
        region, of_type = number.kind
        return ((region, of_type), (region, None), (None, of_type), (None, None))


_NAMES = (
    "",
    "",
    "",
    "Support line",
    "Sales",
    "Müller & Söhne",
    'The "Deli"',
    "夜間受付",
    "Driver hotline",
    "Survey 2026",
)
"""Some names are there on purpose to trip up careless readers: empty, quotes, beyond ASCII."""

_OLD_PRICE_FACTOR = Decimal(2)
"""Old numbers were seen at twice the price of those in stock (1.00 against 0.50, §13)."""


def seeded_numbers(
    seed: int, count: int, now: datetime, shelf_us_local: int
) -> tuple[list[HeldNumber], dict[Kind, list[str]]]:
    """What the project holds at the start and the phone numbers in stock, per kind.

    Pure and repeatable. Held numbers and stock never overlap: both are cut from one sample. The
    shares of each kind are in stock.OFFERS.
    """
    rng = random.Random(f"holdings-{seed}")
    held: list[HeldNumber] = []
    shelves: dict[Kind, list[str]] = {}
    whole = sum(offer.held_per_1000 for offer in OFFERS.values())
    main_kind = ("US", "LOCAL")
    counts = {kind: count * offer.held_per_1000 // whole for kind, offer in OFFERS.items()}
    counts[main_kind] += count - sum(counts.values())
    for kind, offer in OFFERS.items():
        on_shelf = shelf_us_local if kind == main_kind else offer.shelf
        picked = pick_numbers(rng, kind, counts[kind] + on_shelf)
        shelves[kind] = picked[counts[kind] :]
        held.extend(_held(rng, kind, phone_number, now) for phone_number in picked[: counts[kind]])
    return held, shelves


def _held(rng: random.Random, kind: Kind, phone_number: str, now: datetime) -> HeldNumber:
    age_days = rng.randrange(1, 730)
    rented_at = now - timedelta(
        days=age_days, seconds=rng.randrange(86_400), microseconds=rng.randrange(1_000_000)
    )
    capability = capability_of(kind, phone_number)
    interval = _interval_of(phone_number)
    number = HeldNumber(
        phone_number,
        *kind,
        capability,
        OFFERS[kind].monthly * (_OLD_PRICE_FACTOR if age_days > 365 else 1) * interval,
        CURRENCY,
        rented_at,
        interval_months=interval,
        display_name=rng.choice(_NAMES),
    )
    months = (now.year - rented_at.year) * 12 + now.month - rented_at.month
    number.periods = (months - 1 if add_months(rented_at, months) > now else months) // interval + 1
    dice = rng.random()
    if "SMS" in capability and dice < 0.6:
        campaign = f"C{rng.randrange(40):05d}" if kind == _CAMPAIGN_KIND and dice < 0.4 else ""
        number.sms = SmsLink(f"plan-{rng.randrange(20):04d}", campaign)
    if rng.random() < 0.5:
        number.voice = rng.choice(_VOICE_LINKS)
    if rng.random() < 0.03:
        number.expire_at = number.next_charge_at
    elif "SMS" in capability and not number.sms.service_plan_id and dice > 0.98:
        # A few links failed long ago, as in any real project: the failed job stays visible (§6).
        target = SmsLink("plan-0001", "C09999")
        number.sms_job = Job(
            0,
            SmsLink(),
            target,
            SmsLink(),
            rented_at,
            Timing(1.0, 2.0),
            failed=True,
            error_codes=("CAMPAIGN_NOT_AVAILABLE",),
        )
    return number


def _interval_of(phone_number: str) -> int:
    """Months that a held number is paid for at a time.

    Live ones show 1 (§13). Here one in fifty shows 3 or 12, for readers who mistake the price for a
    monthly one.
    """
    return {7: 3, 57: 12}.get(int(phone_number[-3:]) % 100, 1)


_CAMPAIGN_KIND: Kind = ("US", "LOCAL")
"""10DLC campaigns belong to US long codes."""

_VOICE_LINKS = (
    VoiceLink("RTC", "2f6b8c1e-0a57-4d3c-9b6e-1c0f7a5d4e21"),
    VoiceLink("RTC", "7c1de0a4-5b3f-4f68-8a92-d0e6b4c9f713"),
    VoiceLink("EST", "01k0q7b2m4x8d6r5s9t3v1w0yz"),
    VoiceLink("FAX", "01k0q7b2m4x8d6r5s9t3v1w0za"),
)
