"""The judgement of a load run (benchmarks/load.py): what it calls broken, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from support.load import RunEnd, Wanted, judge, wanted_purchases

from numberflow.journal import Intention, IntentionState, Operation

ONE, TWO = "+12025550101", "+12025550102"
WANTED = [Wanted("LOAD-1", "search-and-rent", 1, {})]
DONE = RunEnd("search-and-rent a (1)", "LOAD-1", "COMPLETED", "Completed", 1)


def charge(number: str, kind: str = "setup", cause: str = "rent") -> dict[str, Any]:
    """An entry of the ledger."""
    return {"phone_number": number, "kind": kind, "cause": cause}


def line(number: str | None, state: IntentionState = IntentionState.DONE) -> Intention:
    """A rent in the journal."""
    at = datetime(2026, 12, 1, tzinfo=UTC)
    return Intention(
        id="i", purchase_id="p", project_id="x", reference="LOAD-1", position=0,
        operation=Operation.RENT, subject=number, fingerprint="f", request={}, state=state,
        setup_amount=None, monthly_amount=None, due_amount=None, currency=None, cap_today=None,
        cap_currency=None, spend_day=date(2026, 12, 1), flow_run_id=None, owner=None, fence=None,
        result=None, reason=None, created_at=at, updated_at=at,
    )  # fmt: skip


def test_a_purchase_as_it_should_be() -> None:
    """Setup, month and renewal of the one number that was asked for break nothing."""
    charges = [charge(ONE), charge(ONE, "monthly"), charge(ONE, "monthly", "renewal")]
    assert () == judge(WANTED, charges, [line(ONE)], [DONE], slots={"sweep": 0}).broken


@pytest.mark.parametrize(
    ("promise", "charges", "lines", "runs", "slots"),
    [
        ("doubles", [charge(ONE), charge(ONE)], [line(ONE)], [DONE], {}),
        ("doubles", [charge(ONE), charge(TWO)], [line(ONE), line(TWO)], [], {}),
        (
            "doubles",
            [charge(ONE)],
            [line(ONE), replace(line(ONE), reference="LOAD-2")],
            [DONE],
            {},
        ),
        ("unnamed", [charge(ONE)], [], [], {}),
        ("unnamed", [charge(ONE)], [line(ONE, IntentionState.REFUSED)], [], {}),
        ("unnamed", [charge(ONE)], [line(ONE, IntentionState.PLANNED)], [], {}),
        ("endless", [], [], [DONE._replace(state_type="RUNNING", state_name="Running")], {}),
        ("slots", [charge(ONE)], [line(ONE)], [DONE], {"follow-orders": 1}),
        ("untrue", [], [], [DONE], {}),
    ],
)
def test_what_breaks_a_promise(
    promise: str,
    charges: list[dict[str, Any]],
    lines: list[Intention],
    runs: list[RunEnd],
    slots: dict[str, int],
) -> None:
    """Each promise is seen to be broken, and no other one with it."""
    verdict = judge(WANTED, charges, lines, runs, slots=slots)
    assert getattr(verdict, promise)
    assert verdict.broken == getattr(verdict, promise)


def test_a_report_names_what_the_journal_does_not() -> None:
    """So does an open rent of any number, once, whose number only the lost reply had."""
    nameless = line(None, IntentionState.UNKNOWN)
    assert () == judge(WANTED, [charge(ONE)], [], [], told=f"| {ONE} |").broken
    assert () == judge(WANTED, [charge(ONE)], [nameless], []).broken
    assert ("unnamed",) == tuple(
        name
        for name, found in vars(judge(WANTED, [charge(ONE), charge(TWO)], [nameless], [])).items()
        if found
    )


def test_the_same_seed_asks_for_the_same() -> None:
    """Of each ten one order and one import, of numbers that nobody else imports."""
    wanted = wanted_purchases(7, 20)
    assert wanted == wanted_purchases(7, 20)
    assert [2, 2, 16] == [
        sum(one.deployment == name for one in wanted)
        for name in ("order-numbers", "import-numbers", "search-and-rent")
    ]
    numbers = [
        number
        for one in wanted
        if one.deployment == "import-numbers"
        for number in one.parameters["phone_numbers"].split()
    ]
    assert (
        len(numbers)
        == len(set(numbers))
        == sum(one.asked for one in wanted if one.deployment == "import-numbers")
    )
