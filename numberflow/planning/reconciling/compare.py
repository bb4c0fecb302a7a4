"""Everything that does not agree between the journal and the vendor, in one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from numberflow.planning.reconciling.kinds import PLACE, Finding, Kind
from numberflow.planning.reconciling.lines import (
    Does,
    Horizon,
    JournalSide,
    Line,
    Stand,
    VendorSide,
)
from numberflow.planning.reconciling.numbers import absent, expires, held, present


def reconcile(
    journal: JournalSide, vendor: VendorSide, horizon: Horizon | None = None
) -> tuple[Finding, ...]:
    """What does not agree, sorted by kind and subject. The same input gives the same output.

    A number about which the journal wrote something after the reading began is left out: what the
    vendor showed is older than what we know.
    """
    horizon = horizon or Horizon()
    lines: dict[str, list[Line]] = {}
    steps = _Steps(journal, horizon)
    for line in journal.lines:
        steps.add(line)
        if line.phone_number:
            lines.setdefault(line.phone_number, []).append(line)
    found: list[Finding] = [*steps.findings(), *_orders(journal, horizon)]
    renewals = _Renewals(vendor, horizon)
    seen: set[str] = set()
    for row in vendor.numbers:
        number = row["phone_number"]
        seen.add(number)
        known = held(lines.get(number, ()), journal.custody.get(number))
        found += present(row, known, journal, vendor, horizon)
        found += expires(row, known, vendor, horizon)
        renewals.add(row)
    for number in sorted((lines.keys() | journal.custody.keys() | journal.claims.keys()) - seen):
        mine = lines.get(number, ())
        known = held(mine, journal.custody.get(number))
        found += absent(number, known, journal.claims.get(number), mine, vendor)
    found += renewals.findings()
    return tuple(sorted(found, key=lambda each: (PLACE[each.kind], each.subject)))


def expected_addresses(journal: JournalSide) -> frozenset[str]:
    """Numbers whose emergency address has to be read: the journal says whether they have one."""
    asked: dict[str, list[Line]] = {}
    addressed: set[str] = set()
    for line in journal.lines:
        if line.phone_number:
            asked.setdefault(line.phone_number, []).append(line)
            if line.does in (Does.PUTS_ADDRESS, Does.TAKES_ADDRESS):
                addressed.add(line.phone_number)
    return frozenset(
        number
        for number in addressed
        if held(asked[number], journal.custody.get(number)).has_address is not None
    )


@dataclass(slots=True)
class _Progress:
    """One reference, added up."""

    done: int = 0
    planned: int = 0
    open: int = 0
    latest: datetime | None = None


class _Steps:
    """Steps that are open, and purchases that stopped half-way."""

    def __init__(self, journal: JournalSide, horizon: Horizon) -> None:
        self._journal = journal
        self._horizon = horizon
        self._progress: dict[str, _Progress] = {}
        self._lost: dict[str, Line] = {}
        # A step on several numbers has a line for each.
        self._planned: set[str] = set()

    def add(self, line: Line) -> None:
        of = self._progress.setdefault(line.reference, _Progress())
        if line.stand is not Stand.REFUSED and (of.latest is None or line.at > of.latest):
            of.latest = line.at
        if line.stand is Stand.UNKNOWN:
            self._lost[line.id] = line
        if line.stand in (Stand.UNKNOWN, Stand.UNDER_WAY):
            of.open += 1
        elif line.stand is Stand.PLANNED and line.id not in self._planned:
            self._planned.add(line.id)
            of.planned += 1
        elif line.stand is Stand.DONE and line.does is Does.GETS:
            of.done += 1

    def findings(self) -> Iterator[Finding]:
        for line in self._lost.values():
            about = f" of {line.phone_number}" if line.phone_number else ""
            yield Finding(
                Kind.LOST_REPLY,
                line.id,
                f"{line.operation}{about} may have taken effect",
                line.reason or "nothing that proves it either way",
                line.reference,
            )
        for custody in self._journal.custody.values():
            if custody.is_held and custody.reference in self._progress:
                # Bought by hand and put to the purchase's account.
                self._progress[custody.reference].done += 1
        for reference in self._journal.references:
            of = self._progress.get(reference.name)
            if of is None or of.latest is None or reference.is_known or not self._rests(of.latest):
                continue
            if of.planned:
                yield Finding(
                    Kind.STOPPED_STEPS,
                    reference.name,
                    f"{of.planned} written down and not sent, {of.done} done; nobody works on it",
                    "nothing was asked for",
                    reference.name,
                )
            elif not of.open and reference.wanted is not None and 0 < of.done < reference.wanted:
                yield Finding(
                    Kind.HALF_DONE_PURCHASE,
                    reference.name,
                    f"asked for {reference.wanted}, got {of.done}; nobody works on it",
                    f"it was sold {of.done}",
                    reference.name,
                )

    def _rests(self, latest: datetime) -> bool:
        return self._journal.now - latest >= self._horizon.idle


# There is one for each number: where nobody looks, that is one thing to tell and not thousands.
_OF_NUMBERS = frozenset({"link", "release"})


def _orders(journal: JournalSide, horizon: Horizon) -> Iterator[Finding]:
    unfollowed: Counter[str] = Counter()
    for order in journal.orders:
        what = f"{order.kind} {order.order_id}"
        if order.has_ended and order.shown != order.state:
            said = (f"{what} is {order.state or 'open'} and followed", f"it is {order.shown}")
            yield Finding(Kind.ORDER_ENDED, order.order_id, *said, order.reference)
        elif journal.now - order.seen_at < horizon.unfollowed:
            continue
        elif order.kind in _OF_NUMBERS:
            unfollowed[order.kind] += 1
        else:
            yield Finding(
                Kind.ORDER_UNFOLLOWED,
                order.order_id,
                f"{what} is open; nobody has looked since {order.seen_at:%Y-%m-%d %H:%M} UTC",
                f"it is {order.shown}" if order.shown else "not read",
                order.reference,
            )
    for kind, count in unfollowed.items():
        said = (f"{count} on their way; nobody has looked for a day", "not read")
        yield Finding(Kind.ORDER_UNFOLLOWED, f"{kind}s", *said)


class _Renewals:
    """Numbers that renew soon, added up by day and currency: one line for thousands."""

    def __init__(self, vendor: VendorSide, horizon: Horizon) -> None:
        self._now, self._until = vendor.now, vendor.now + horizon.renews
        self._sums: dict[tuple[date, str], tuple[int, Decimal]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        at, amount = row.get("next_charge_at"), row.get("price_amount")
        if at is None or amount is None or row.get("expire_at") is not None:
            return
        if self._now <= at <= self._until:
            key = (at.date(), row.get("price_currency") or "")
            count, total = self._sums.get(key, (0, Decimal(0)))
            self._sums[key] = (count + 1, total + amount)

    def findings(self) -> Iterator[Finding]:
        for (day, currency), (count, total) in self._sums.items():
            yield Finding(
                Kind.RENEWALS,
                f"{day} {currency}".strip(),
                "nothing gives them up before",
                f"{count} renew on {day} for {total:.2f} {currency}".strip(),
            )
