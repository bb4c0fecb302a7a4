"""From intentions and reads to a report: three ways to end, and no charge without a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.lines import line, status

from numberflow.errors import (
    BadInput,
    JournalUnavailable,
    LeaseLost,
    NotSent,
    NumberflowError,
    OutcomeUnknown,
    PermissionRefused,
    ReferenceConflict,
    Throttled,
)
from numberflow.journal import Intention, IntentionState, Operation
from numberflow.models.reports import PurchaseReport, RunOutcome
from numberflow.planning.provisioning import LinkState
from numberflow.purchase.renting.provisioning import NumberStatus
from numberflow.purchase.renting.report import purchase_report, stopped_report
from numberflow.purchase.report import AT_STAKE_STATES


def reported(
    lines: Sequence[Intention],
    statuses: Sequence[NumberStatus] = (),
    *,
    asked: int | None = None,
    **facts: Any,
) -> PurchaseReport:
    """The report of these lines."""
    return purchase_report(
        lines,
        {status.phone_number: status for status in statuses},
        reference="PO-1",
        project_id="project-1",
        asked=len(lines) if asked is None else asked,
        currency="USD",
        **facts,
    )


def seen(lines: Sequence[Intention], **links: Any) -> list[NumberStatus]:
    """A good read of each line's number."""
    return [status(str(one.subject), **links) for one in lines]


def test_done() -> None:
    """All rented and read back: done, with every number, both amounts, and nothing to do."""
    lines = [line(0), line(1)]
    report = reported(lines, seen(lines, sms=LinkState.DONE))
    assert (RunOutcome.DONE, "", "", 2, Decimal("2.00"), Decimal("1.00"), ()) == (
        report.outcome,
        report.reason,
        report.remedy,
        report.rented,
        report.charged_today,
        report.monthly,
        report.open_items,
    )
    assert report.phone_numbers == ("+12025550100", "+12025550101")
    assert [(True, "done", "not_asked", "")] * 2 == [
        (number.confirmed, number.sms, number.voice, number.advice) for number in report.numbers
    ]


def test_links_that_are_pending_are_done() -> None:
    """A link that is still being made does not make the purchase fail.

    The number is rented, and the line says so.
    """
    report = reported([line()], seen([line()], sms=LinkState.PENDING))
    assert (
        RunOutcome.DONE,
        "pending",
        "the link is still being made; the number is rented, look again later",
    ) == (
        report.outcome,
        report.numbers[0].sms,
        report.numbers[0].advice,
    )


@pytest.mark.parametrize("broken", [LinkState.FAILED, LinkState.DROPPED])
@pytest.mark.parametrize("which", ["sms", "voice"])
def test_broken_link_needs_a_person(broken: LinkState, which: str) -> None:
    """A link that failed or was dropped needs a person, who is told which number and what to do."""
    lines = [line(0), line(1)]
    link: dict[str, Any] = {which: broken}
    bad = status("+12025550101", **link)
    report = reported(
        lines,
        [status("+12025550100"), replace(bad, sms=bad.sms.model_copy(update={"advice": "ask"}))],
    )
    assert (RunOutcome.NEEDS_PERSON, "all 2 numbers rented; the links of 1 failed") == (
        report.outcome,
        report.reason,
    )
    assert (
        report.remedy
        == "see the advice beside each number; the numbers cost money until they are released"
    )
    assert ("", "ask") == (report.numbers[0].advice, report.numbers[1].advice)


def test_number_that_cannot_be_read_back() -> None:
    """A rented number that reads do not show needs a person, whatever its links: it costs money."""
    report = reported(
        [line(0), line(1)], [status("+12025550100"), status("+12025550101", confirmed=False)]
    )
    assert (
        RunOutcome.NEEDS_PERSON,
        "all 2 numbers rented; 1 could not be read back yet",
        Decimal("2.00"),
    ) == (
        report.outcome,
        report.reason,
        report.charged_today,
    )
    assert "run again with the same reference" in report.remedy


@pytest.mark.parametrize("state", sorted(AT_STAKE_STATES))
def test_open_line_needs_a_person(state: IntentionState) -> None:
    """A line whose outcome nobody knows is an open item with what was seen, what is at stake and
    the command that settles it.
    """
    report = reported(
        [line(0), line(1, state, reason="neither in activeNumbers nor in availableNumbers")],
        seen([line(0)]),
    )
    assert (RunOutcome.NEEDS_PERSON, 1, Decimal("1.00")) == (
        report.outcome,
        report.rented,
        report.charged_today,
    )
    (item,) = report.open_items
    assert ("i-1", "rent", "+12025550101", state.value, Decimal("1.00")) == (
        item.intention_id,
        item.operation,
        item.subject,
        item.state,
        item.at_stake,
    )
    assert item.seen == "neither in activeNumbers nor in availableNumbers"
    assert item.command.startswith(
        "numberflow journal settle i-1 --as done --by <your-name> --note <what-you-saw>"
    )
    assert (
        report.reason == "1 of 2 numbers rented; for 1 it is not known whether the vendor charged"
    )


def test_open_rent_any_has_no_number_yet() -> None:
    """A number that the vendor picked and we have not seen is told as such.

    An empty number, and words in the open item.
    """
    unseen = line(0, IntentionState.NEEDS_PERSON, operation=Operation.RENT_ANY, subject=None)
    report = reported([unseen])
    assert ("", "a number that the vendor picks") == (
        report.numbers[0].phone_number,
        report.open_items[0].subject,
    )


def test_rent_any_is_told_by_its_result() -> None:
    """A number that the vendor picked is named by the vendor's answer."""
    picked = line(0, operation=Operation.RENT_ANY, subject=None)
    assert reported([picked], seen([line(0)])).phone_numbers == ("+12025550100",)


def test_refused_with_some_rented() -> None:
    """Fewer than asked is refused, with the rented ones named and charged, the reason, and how to
    go on.
    """
    report = reported(
        [line(0), line(1, IntentionState.REFUSED, reason="refused by the vendor: no credit")],
        seen([line(0)]),
        stopped_by="no credit",
        remedy="top up the account",
    )
    assert (
        RunOutcome.REFUSED,
        "1 of 2 numbers rented: no credit",
        "top up the account",
        1,
        Decimal("1.00"),
    ) == (
        report.outcome,
        report.reason,
        report.remedy,
        report.rented,
        report.charged_today,
    )
    assert report.phone_numbers == ("+12025550100",)


def test_refused_names_every_cause_once() -> None:
    """Without one stopping cause the lines' own reasons are told, each once, and those of rented
    lines are not.
    """
    lines = [
        line(0, reason="the vendor answered"),
        line(1, IntentionState.REFUSED, reason="taken"),
        line(2, IntentionState.REFUSED, reason="taken"),
        line(3, IntentionState.REFUSED, reason="dearer"),
    ]
    assert reported(lines).reason == "1 of 4 numbers rented: taken; dearer"


def test_planned_lines_are_tried_again() -> None:
    """Lines that are written down and were not sent stay the purchase's.

    The same reference tries them again.
    """
    report = reported([line(0, IntentionState.PLANNED, reason="not done after 3 attempts")])
    assert (RunOutcome.REFUSED, "0 of 1 number rented: not done after 3 attempts", Decimal(0)) == (
        report.outcome,
        report.reason,
        report.charged_today,
    )
    assert "the numbers that are written down are tried again" in report.remedy


def test_changed_price_becomes_a_note() -> None:
    """Where the vendor's recurring price is not the quoted one, a note says both.

    Where it is the same, nothing is said.
    """
    lines = [
        line(0),
        line(
            1, result={"phone_number": "+12025550101", "monthly_price": "0.75", "currency": "USD"}
        ),
        line(
            2,
            result={
                "phone_number": "+12025550102",
                "monthly_price": "1.50",
                "currency": "USD",
                "interval_months": 3,
            },
        ),
        line(
            3, result={"phone_number": "+12025550103", "monthly_price": "0.50", "currency": "EUR"}
        ),
        line(4, result={"phone_number": "+12025550104", "monthly_price": None, "currency": None}),
    ]
    hint = "a setup fee may have risen too, the invoice tells"
    assert reported(lines, notes=["first"]).notes == (
        "first",
        f"+12025550101: quoted 0.50 USD a month, the vendor now says 0.75 USD; {hint}",
        f"+12025550103: quoted 0.50 USD a month, the vendor now says 0.50 EUR; {hint}",
    )


ERRORS: list[tuple[NumberflowError, str]] = [
    (BadInput("quantity: too few", remedy="ask for 3"), "ask for 3"),
    (JournalUnavailable("disk full", remedy="free the disk"), "free the disk"),
    (
        ReferenceConflict("another purchase", remedy="take another reference"),
        "take another reference",
    ),
    (LeaseLost("taken over"), "another run works on this purchase"),
    (Throttled("429"), "the vendor is limiting requests"),
    (OutcomeUnknown("503"), "the vendor could not be read"),
    (NotSent("no route"), "the vendor could not be reached"),
    (PermissionRefused("403"), "check project id and access key"),
]


@pytest.mark.parametrize(("error", "remedy"), ERRORS, ids=lambda value: type(value).__name__)
def test_stopped_before_anything_was_written_down(error: NumberflowError, remedy: str) -> None:
    """An error with nothing at stake refuses the run, with the error's words and what to do."""
    report = stopped_report(error, (), reference="PO-1", asked=2, currency="USD")
    assert (RunOutcome.REFUSED, error.message) == (report.outcome, report.reason)
    assert report.remedy.startswith(remedy)


@pytest.mark.parametrize("asked", [-1, 0, 1, 10_000])
def test_bad_input_is_never_done(asked: int) -> None:
    """Whatever quantity a form asked for, a run that was refused is not reported as done."""
    report = stopped_report(
        BadInput("quantity: no", remedy="mend"), (), reference="PO-1", asked=asked, currency="USD"
    )
    assert (RunOutcome.REFUSED, "quantity: no", 0) == (report.outcome, report.reason, report.rented)


def test_stopped_with_something_at_stake() -> None:
    """An error while a request was under way needs a person, and both the error and the open line
    are told.
    """
    lines = [
        line(0),
        line(1, IntentionState.UNKNOWN, reason="under way when the run lost its journal"),
    ]
    report = stopped_report(
        JournalUnavailable("disk full", remedy="free the disk"),
        lines,
        reference="PO-1",
        asked=2,
        currency="USD",
    )
    assert (RunOutcome.NEEDS_PERSON, "free the disk", ("+12025550100",)) == (
        report.outcome,
        report.remedy,
        report.phone_numbers,
    )
    assert (
        report.reason
        == "1 of 2 numbers rented; for 1 it is not known whether the vendor charged; disk full"
    )
    assert ["i-1"] == [item.intention_id for item in report.open_items]


def test_stopped_after_everything_was_rented() -> None:
    """An error after the last rent does not hide that all is rented, nor the error."""
    report = stopped_report(
        LeaseLost("taken over"), [line(0)], reference="PO-1", asked=1, currency="USD"
    )
    assert (RunOutcome.NEEDS_PERSON, 1) == (report.outcome, report.rented)
    assert report.reason == "all 1 number rented; 1 could not be read back yet; taken over"


AMOUNTS = st.decimals(0, 1000, places=4)
LINKS = st.sampled_from(list(LinkState))


@st.composite
def purchases(draw: Any) -> tuple[list[Intention], list[NumberStatus], int]:
    """Lines in any states at any prices, with reads of some of their numbers."""
    lines = [
        line(position, state, due_amount=due, monthly_amount=monthly)
        for position, (state, due, monthly) in enumerate(
            draw(
                st.lists(
                    st.tuples(st.sampled_from(list(IntentionState)), AMOUNTS, AMOUNTS), max_size=8
                )
            )
        )
    ]
    reads = [
        status(str(one.subject), confirmed=draw(st.booleans()), sms=draw(LINKS), voice=draw(LINKS))
        for one in lines
        if draw(st.booleans())
    ]
    return lines, reads, draw(st.integers(1, 8))


@given(purchases(), st.sampled_from(["", "stopped"]))
def test_whatever_happened(
    purchase: tuple[list[Intention], list[NumberStatus], int], stopped_by: str
) -> None:
    """Every line that cost money or may have is named.

    The sum charged is the sum of the done lines; every ending but done says why and what to do.
    """
    lines, reads, asked = purchase
    report = reported(lines, reads, asked=asked, stopped_by=stopped_by)
    done = [one for one in lines if one.state is IntentionState.DONE]
    at_stake = [one for one in lines if one.state in AT_STAKE_STATES]
    assert sum((one.due_amount or Decimal(0) for one in done), Decimal(0)) == report.charged_today
    assert (
        sum((number.charged_today for number in report.numbers), Decimal(0)) == report.charged_today
    )
    assert sum((number.monthly for number in report.numbers), Decimal(0)) == report.monthly
    assert tuple(str(one.subject) for one in done) == report.phone_numbers
    assert [one.id for one in at_stake] == [item.intention_id for item in report.open_items]
    assert all(
        f"numberflow journal settle {item.intention_id} " in item.command
        for item in report.open_items
    )
    assert (report.outcome is RunOutcome.DONE) == (report.reason == "")
    assert (report.outcome is RunOutcome.DONE) == (report.remedy == "")
    assert not at_stake or report.outcome is RunOutcome.NEEDS_PERSON
    assert PurchaseReport.model_validate_json(report.model_dump_json()) == report
