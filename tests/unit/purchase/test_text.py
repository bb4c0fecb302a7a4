"""Quotes and reports in words and tables."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.lines import line, status

from numberflow.journal import IntentionState, Operation
from numberflow.models.reports import NumbersLine, OrderReport, PurchaseReport, RunOutcome
from numberflow.planning.quote import Quote, QuoteLine
from numberflow.purchase.hosting.text import hosted_text
from numberflow.purchase.number_orders.text import order_text
from numberflow.purchase.numbers_report import numbers_report
from numberflow.purchase.renting.report import purchase_report
from numberflow.purchase.text import (
    QUOTE_ROWS_IN_FORM,
    amount,
    quote_text,
    report_rows,
    report_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0.00 USD"),
        ("0.0", "0.00 USD"),
        ("1", "1.00 USD"),
        ("1.5", "1.50 USD"),
        ("1E+3", "1000.00 USD"),
        ("0.0075", "0.0075 USD"),
        ("1.2000", "1.20 USD"),
        ("1234567.89", "1234567.89 USD"),
    ],
)
def test_amount(value: str, text: str) -> None:
    """An amount has two digits after the point, or as many more as it needs."""
    assert text == amount(Decimal(value), "USD")


def test_amount_of_a_third() -> None:
    """A division that does not end is cut where no price goes."""
    assert amount(Decimal(1) / 3, "USD") == "0.333333 USD"


def report() -> PurchaseReport:
    """One number rented, one open, one given up."""
    return purchase_report(
        [
            line(0),
            line(1, IntentionState.NEEDS_PERSON, reason="neither held nor for sale"),
            line(2, IntentionState.REFUSED, reason="taken"),
        ],
        {"+12025550100": status("+12025550100")},
        reference="PO-1",
        project_id="project-1",
        asked=3,
        currency="USD",
        notes=["a note"],
        approved_by="Ada",
    )


def test_report_text() -> None:
    """The text begins with the outcome and what is at stake, then money, reason and fix, then each
    open item with its command, then the notes.
    """
    assert report_text(report()).splitlines()[:5] == [
        "# PO-1: needs person",
        "",
        (
            "**At stake:** 1.00 USD that may have been charged, and whether it was done: rent of "
            "+12025550101."
        ),
        "",
        "**1 of 3** numbers rented, **1.00 USD** today, **0.50 USD** a month.",
    ]
    text = report_text(report())
    command = report().open_items[0].command
    parts = [
        "Approved by Ada.",
        "**Why:** 1 of 3 numbers rented",
        "**What to do:** run again with the same reference",
        "- rent of +12025550101 is *needs_person*: neither held nor for sale. At stake: 1.00 USD.",
        f"It took effect? Settle with `{command}`",
        "- a note",
    ]
    positions = [text.index(part) for part in parts]
    assert sorted(positions) == positions


def test_report_text_of_a_plan() -> None:
    """A plan says what it would cost, and that nothing was rented."""
    plan = PurchaseReport(
        outcome=RunOutcome.DONE, reference="PO-1", asked=2, currency="USD", plan_only=True,
        quoted_today=Decimal(2), quoted_monthly=Decimal(1),
    )  # fmt: skip
    assert (
        report_text(plan).splitlines()[2]
        == "Plan only: it would cost 2.00 USD today and 1.00 USD a month."
    )


def test_report_rows() -> None:
    """One row per number that costs money or may; a number that a rival took is no row."""
    rows = report_rows(report())
    assert [
        ("+12025550100", "done", "1.00 USD", "yes"),
        ("+12025550101", "needs_person", "0.00 USD", "no"),
    ] == [(row["phone number"], row["state"], row["charged"], row["confirmed"]) for row in rows]


def test_report_rows_of_nothing() -> None:
    """A run without any number still has a row, so that the table says how it ended."""
    empty = PurchaseReport(
        outcome=RunOutcome.REFUSED, reference="PO-1", asked=2, currency="USD", remedy="ask for 1"
    )
    assert report_rows(empty) == [
        {"phone number": "none", "state": "refused", "advice": "ask for 1"}
    ]


@pytest.mark.parametrize("count", [0, 1, QUOTE_ROWS_IN_FORM, QUOTE_ROWS_IN_FORM + 1])
def test_quote_text(count: int) -> None:
    """The form shows the totals of all lines and so many rows that it can be read.

    The rest is counted.
    """
    one = QuoteLine(
        phone_number="+12025550100", setup=Decimal(1), recurring=Decimal(3), interval_months=3
    )
    text = quote_text(Quote(currency="USD", lines=(one,) * count), "PO-1")
    assert (
        f"**{count} {'number' if count == 1 else 'numbers'}: {count * 4}.00 USD today, {count}.00 "
        "USD a month.**" in text
    )
    assert min(count, QUOTE_ROWS_IN_FORM) == text.count("| +12025550100 | 4.00 USD | 1.00 USD |")
    assert (count > QUOTE_ROWS_IN_FORM) == ("1 more in the quote artifact" in text)


def test_quote_of_numbers_that_nobody_can_name() -> None:
    """A line of a quote for vendor-picked numbers says so."""
    one = QuoteLine(phone_number="", setup=Decimal(1), recurring=Decimal(3), interval_months=1)
    assert "| picked by the vendor | 4.00 USD | 3.00 USD |" in quote_text(
        Quote(currency="USD", lines=(one,)), "PO-1"
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("EXPIRED", "It ended without numbers, so there is nothing to pay from now on."),
        ("COMPLETED", "Its numbers cost 2.00 USD when it was completed, 1.00 USD a month."),
        ("IN_REVIEW", "It costs 2.00 USD when it is completed, 1.00 USD a month."),
    ],
)
def test_what_an_order_costs(state: str, said: str) -> None:
    """An order that ended without numbers costs nothing when it is completed, because it never will
    be.
    """
    report = OrderReport(
        outcome=RunOutcome.DONE, reference="PO-1", order_id="o-1", state=state, currency="USD",
        quoted_today=Decimal(2), quoted_monthly=Decimal(1),
    )  # fmt: skip
    assert said in order_text(report).splitlines()


ENDED = (
    "running the same reference again changes nothing, what is still wanted of them runs under a "
    "new reference"
)


@pytest.mark.parametrize(
    ("states", "said"),
    [
        (
            ("refused", "not added"),
            "see the advice beside each number, then run again with the same reference",
        ),
        (("failed", "not eligible"), f"see the advice beside each number; {ENDED}"),
        (
            ("not eligible", "not added"),
            "run again with the same reference for 1 of them; for the other 1 that changes nothing",
        ),
    ],
)
def test_same_reference_only_where_it_helps(states: tuple[str, ...], said: str) -> None:
    """A declined letter, a failed or an ineligible number.

    The same reference changes nothing, and the report says so.
    """
    lines = [
        NumbersLine(phone_number=f"+1202555010{n}", state=state) for n, state in enumerate(states)
    ]
    assert said in numbers_report(lines, wished=frozenset({"imported", "done"})).remedy


def test_needs_a_person_without_a_price() -> None:
    """What is at stake comes first also where no step has a price."""
    row = line(0, IntentionState.UNKNOWN, operation=Operation.RELEASE, due_amount=None)
    report = numbers_report(
        [NumbersLine(phone_number=str(row.subject), state="unknown")],
        [row],
        wished=frozenset(),
        action="release",
    )
    assert hosted_text(report).splitlines()[2] == (
        f"**At stake:** no known charge, and whether it was done: release of {row.subject}."
    )
