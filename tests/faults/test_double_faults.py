"""Two things go wrong at once.

The costly request, and the reads that should tell what became of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.counts import count
from support.purchases import order
from support.shop import Shop, needs_person

from numberflow.models.reports import RunOutcome

pytestmark = pytest.mark.anyio

ASKED = 2
LOST = ("reset_before", "reset_after", "error_after", "timeout_before")
READ_FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "timeout_before"},
    {"fault": "error_before", "status": 503},
    {"fault": "error_before", "status": 502, "html": True},
    {"fault": "reset_after"},
    {"fault": "truncated"},
    {"fault": "html_200"},
    {"fault": "empty_200"},
    {"fault": "wrong_json"},
    {"fault": "rate_limited", "retry_after": "absurd"},
    {"fault": "token_expired"},
)
# What each operation is recognised by.
READS = {"rent": ("get_active", "check"), "rent_any": ("list_active",)}
# Which way the reply was lost matters for the single fault (test_matrix has every one); beside a
# second fault two ways, with and without effect, stand for all.
CASES = [
    pytest.param(
        operation,
        lost,
        read,
        fault,
        times,
        id=f"{operation}-{lost}-{read}-{fault['fault']}-{times or 'always'}",
        marks=[] if lost.startswith("reset") else [pytest.mark.exhaustive],
    )
    for operation, reads in READS.items()
    for lost in LOST
    for read in reads
    for fault in READ_FAULTS
    for times in (1, None)
]


@pytest.mark.parametrize(("operation", "lost", "read", "fault", "times"), CASES)
async def test_a_look_that_fails_is_no_evidence(
    operation: str, lost: str, read: str, fault: dict[str, Any], times: int | None, tmp_path: Path
) -> None:
    """A lost reply and faulty reads, once or for the whole run.

    The ledger stays within what the report names, and the next run ends it.
    """
    count("fault-matrix cases")
    shop = Shop(tmp_path)
    wanted = order(quantity=ASKED, strategy="any" if operation == "rent_any" else "chosen")
    shop.simulator.faults.add({"operation": operation, "fault": lost})
    # For rent_any the first list is the one of what was held before; the faults are for the look.
    skipped = {"nth": 2} if operation == "rent_any" and times == 1 else {}
    shop.simulator.faults.add({"operation": read, "times": times, **fault, **skipped})
    report = await shop.buy(wanted)
    assert [] == shop.violations(report, asked=ASKED)
    shop.simulator.faults.clear()
    final = await shop.buy(wanted)
    assert [] == shop.violations(final, asked=ASKED)
    assert final is not None
    if needs_person(final):
        assert operation == "rent_any"
        shop.settle_by_truth(final)
        final = await shop.buy(wanted)
        assert final is not None
    assert (RunOutcome.DONE, ASKED) == (final.outcome, shop.simulator.rentals()), final.reason
    assert [] == shop.violations(final, asked=ASKED)


@pytest.mark.parametrize("operation", ["token", "search", "check", "get_active", "list_active"])
@pytest.mark.parametrize("fault", READ_FAULTS, ids=lambda fault: fault["fault"])
@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
async def test_faulty_reads_alone_cost_nothing_that_is_not_named(
    operation: str, fault: dict[str, Any], times: int | None, tmp_path: Path
) -> None:
    """Any read of a purchase fails, once or always.

    What was rented is named, and the next run ends it.
    """
    count("fault-matrix cases")
    shop = Shop(tmp_path)
    wanted = order(quantity=ASKED, strategy="any" if operation == "list_active" else "chosen")
    shop.simulator.faults.add({"operation": operation, "times": times, **fault})
    assert [] == shop.violations(await shop.buy(wanted), asked=ASKED)
    shop.simulator.faults.clear()
    final = await shop.buy(wanted)
    assert final is not None
    assert [] == shop.violations(final, asked=ASKED)
    assert (RunOutcome.DONE, ASKED) == (final.outcome, shop.simulator.rentals()), final.reason
