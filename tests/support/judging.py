"""What a run did, judged by the simulator's ledger and never by the run's own report.

Violations are sentences; none is the goal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from numberflow.models.reports import PurchaseReport, RunOutcome


def violations(
    charges: Sequence[Mapping[str, Any]],
    report: PurchaseReport,
    *,
    asked: int,
    reads_lag_on: bool = False,
) -> list[str]:
    """How a run broke the promises of money.

    More rentals than asked, a double charge, a charge nobody names, a wrong ending.

    Args:
        charges: the simulator's ledger, of this purchase alone; renewals do not count.
        report: of the last run.
        asked: how many numbers were wanted.
        reads_lag_on: the vendor's reads were behind for longer than the settling time. A number
            that was charged may then be told as written down and not yet rented; it has to be named
            all the same.
    """
    # A seeded number whose month ends meanwhile is renewed; that is nobody's purchase.
    charges = [charge for charge in charges if charge["cause"] != "renewal"]
    found = []
    charged = {charge["phone_number"] for charge in charges}
    times = Counter((charge["phone_number"], charge["kind"]) for charge in charges)
    rentals = sum(charge["kind"] == "setup" for charge in charges)
    if rentals > asked:
        found.append(f"{rentals} rentals where {asked} were asked")
    found += [
        f"{number} was charged {count} times for {kind}"
        for (number, kind), count in times.items()
        if count > 1
    ]
    return (
        found
        + _unnamed(charged, report)
        + _wrong_ending(charges, charged, report, asked, reads_lag_on=reads_lag_on)
    )


def _unnamed(charged: set[str], report: PurchaseReport) -> list[str]:
    named = {line.phone_number for line in report.numbers} | {
        item.subject for item in report.open_items
    }
    # An open rent_any is named as what it is: one number that the vendor picked.
    nameless = sum(
        item.operation == "rent_any" and not item.subject.startswith("+")
        for item in report.open_items
    )
    missing = sorted(charged - named)
    return [
        f"{number} was charged, and the report does not name it" for number in missing[nameless:]
    ]


def _wrong_ending(
    charges: Sequence[Mapping[str, Any]],
    charged: set[str],
    report: PurchaseReport,
    asked: int,
    *,
    reads_lag_on: bool,
) -> list[str]:
    found = []
    told = set(report.phone_numbers)
    if told - charged:
        found.append(f"told as rented but never charged: {sorted(told - charged)}")
    match report.outcome:
        case RunOutcome.DONE:
            if not (len(told) == report.rented == asked):
                found.append(f"done with {report.rented} of {asked}")
        case RunOutcome.REFUSED:
            if charged - told and not reads_lag_on:
                found.append(f"refused, and charged beyond what is told: {sorted(charged - told)}")
        case RunOutcome.NEEDS_PERSON:
            found += [
                f"no command for {item.subject}"
                for item in report.open_items
                if item.intention_id not in item.command
            ]
    if report.outcome is not RunOutcome.DONE and not (report.reason and report.remedy):
        found.append(f"{report.outcome} without a reason or a fix")
    if report.rented != len(told):
        found.append(f"rented is {report.rented}, but {len(told)} numbers are told")
    return found + _wrong_amount(charges, told, report)


def _wrong_amount(
    charges: Sequence[Mapping[str, Any]], told: set[str], report: PurchaseReport
) -> list[str]:
    """The report tells the quoted amounts; where the vendor took others, a note has to say so."""
    taken = sum(
        (Decimal(charge["amount"]) for charge in charges if charge["phone_number"] in told),
        Decimal(0),
    )
    if taken == report.charged_today or any("the vendor now says" in note for note in report.notes):
        return []
    return [f"{taken} were charged, {report.charged_today} are told"]
