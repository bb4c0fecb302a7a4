"""What a load run asks for, and the judgement of what became of it, by the vendor's ledger.

Pure: no process, no network. Shared by benchmarks/load.py and the test of its judgement. Not here:
the processes that run it (benchmarks/support/fleet.py).
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from support.orders import BUSINESS_REGISTRATION

from numberflow.journal import Intention, IntentionState

QUANTITY_MAX = 5
# Out of the way: caps have tests of their own.
CAPS = {"max_today": "100000", "max_monthly": "100000", "currency": "USD"}
SMS = {"service_plan_id": "plan-0001", "campaign_id": "campaign-1"}
ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
# A line in one of these says that nothing was charged for it.
_NOTHING_CHARGED = frozenset({IntentionState.PLANNED, IntentionState.REFUSED})


@dataclass(frozen=True)
class Wanted:
    """One reference: what is asked for under it, and of which deployment."""

    reference: str
    deployment: str
    asked: int
    parameters: Mapping[str, Any]


def wanted_purchases(seed: int, count: int) -> list[Wanted]:
    """So many references of a seed: in each ten one KYC order, one import and eight rents.

    A quarter of the rents links its numbers, so that the vendor has something to call back about.
    """
    rng = random.Random(f"load-{seed}")
    hosted = iter(f"+1212555{n:04d}" for n in range(10_000))
    return [_wanted(n, rng, hosted) for n in range(count)]


def _wanted(n: int, rng: random.Random, hosted: Iterator[str]) -> Wanted:
    reference = f"LOAD-{n:04d}"
    asked = rng.randint(1, QUANTITY_MAX)
    if n % 10 == 3:
        return Wanted(reference, "order-numbers", 1, {
            "reference": reference, "region_code": "AU", "number_type": "MOBILE", "quantity": 1,
            "kyc": "kyc.json",
            "attachments": [
                {"requirement_id": BUSINESS_REGISTRATION, "file": "extract.pdf"}
            ],
        } | CAPS)  # fmt: skip
    if n % 10 == 7:
        numbers = [next(hosted) for _ in range(asked)]
        return Wanted(reference, "import-numbers", asked, {
            "reference": reference, "phone_numbers": "\n".join(numbers), "sms": SMS,
        })  # fmt: skip
    return Wanted(reference, "search-and-rent", asked, {
        "reference": reference, "region_code": "US", "number_type": "LOCAL", "quantity": asked,
        "strategy": "any" if n % 10 == 5 else "chosen",
        **({"sms": SMS} if n % 4 == 0 else {}),
    } | CAPS)  # fmt: skip


class RunEnd(NamedTuple):
    """A flow run as Prefect shows it at the end; `reference` is empty for one of no purchase."""

    name: str
    reference: str
    state_type: str
    state_name: str
    run_count: int


@dataclass(frozen=True)
class Verdict:
    """Broken promises, each a sentence; empty is the goal."""

    doubles: tuple[str, ...]
    unnamed: tuple[str, ...]
    endless: tuple[str, ...]
    slots: tuple[str, ...]
    untrue: tuple[str, ...]

    @property
    def broken(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.doubles, *self.unnamed, *self.endless, *self.slots, *self.untrue)


def judge(
    wanted: Sequence[Wanted],
    charges: Sequence[Mapping[str, Any]],
    lines: Sequence[Intention],
    runs: Sequence[RunEnd],
    *,
    told: str = "",
    slots: Mapping[str, int] = {},
) -> Verdict:
    """Hold the vendor's ledger against the journal, the reports and the runs.

    Args:
        wanted: what was asked for.
        charges: the simulator's ledger; renewals do not count.
        lines: every step in the journal.
        runs: all flow runs, the last ones of a reference last.
        told: the text of all reports. A number in it is named.
        slots: slots that are held of each limit.
    """
    entries = [charge for charge in charges if charge["cause"] != "renewal"]
    charged = {str(charge["phone_number"]) for charge in entries}
    held = charged_of(lines, charged)
    return Verdict(
        doubles=tuple(_doubles(wanted, entries, held)),
        unnamed=tuple(_unnamed(charged, held, lines, told)),
        endless=tuple(
            f"{run.name} is {run.state_name}" for run in runs if run.state_type not in ENDED
        ),
        slots=tuple(f"{count} of limit {name}" for name, count in slots.items() if count),
        untrue=tuple(_untrue(wanted, held, runs)),
    )


def charged_of(lines: Iterable[Intention], charged: set[str]) -> dict[str, set[str]]:
    """The charged numbers that the journal names as bought or open, for each reference."""
    held: dict[str, set[str]] = defaultdict(set)
    for line in lines:
        if line.state not in _NOTHING_CHARGED:
            held[line.reference] |= _named(line) & charged
    return held


def _named(line: Intention) -> set[str]:
    return set(_NUMBER.findall(json.dumps([line.subject, line.request, line.result], default=str)))


def _doubles(
    wanted: Iterable[Wanted], entries: Iterable[Mapping[str, Any]], held: Mapping[str, set[str]]
) -> Iterable[str]:
    times = Counter((charge["phone_number"], charge["kind"]) for charge in entries)
    for (number, kind), count in times.items():
        if count > 1:
            yield f"{number} was charged {count} times for {kind}"
    for one in wanted:
        if len(numbers := held.get(one.reference, set())) > one.asked:
            yield f"{one.reference}: {len(numbers)} numbers charged where {one.asked} were asked"
    owners = Counter(number for numbers in held.values() for number in numbers)
    for number, count in owners.items():
        if count > 1:
            yield f"{number} is charged under {count} references"


def _unnamed(
    charged: set[str], held: Mapping[str, set[str]], lines: Iterable[Intention], told: str
) -> Iterable[str]:
    named = set().union(*held.values()) | set(_NUMBER.findall(told))
    # An open rent_any is named as what it is: one number that the vendor picked.
    nameless = sum(
        line.state not in _NOTHING_CHARGED and line.subject is None and not _named(line)
        for line in lines
    )
    for number in sorted(charged - named)[nameless:]:
        yield f"{number} was charged, and nothing names it"


def _untrue(
    wanted: Iterable[Wanted], held: Mapping[str, set[str]], runs: Iterable[RunEnd]
) -> Iterable[str]:
    done = {run.reference for run in runs if run.state_name == "Completed"}
    for one in wanted:
        # Orders and imports are accepted first; follow-orders tells when they are done.
        if one.deployment != "search-and-rent" or one.reference not in done:
            continue
        if len(numbers := held.get(one.reference, set())) != one.asked:
            yield f"{one.reference}: Completed with {len(numbers)} of {one.asked} numbers"
