"""Each costly operation meets each fault at the first try, at every try and in a resumed run.

The simulator's ledger judges (docs/fault-matrix.md).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from support.counts import count
from support.dying import Fate
from support.mishaps import CHANGES, LAG_LONG_S, MISHAPS, Mishap, reduced
from support.purchases import order
from support.shop import Shop, needs_person

from numberflow.journal import Intention, IntentionState
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.reports import PurchaseReport, RunOutcome

pytestmark = pytest.mark.anyio

ASKED = 2
UNLINK = {"sms": {"service_plan_id": "", "campaign_id": ""}}

# once: the first costly request of the first run meets the fault. always: all of that run do.
# resumed-…: an earlier run was killed at its first costly request, before or after it took effect,
# and the first costly request of the run that resumes meets the fault.
MODES = ("once", "always", "resumed-before", "resumed-after")
CASES = [
    pytest.param(
        operation,
        mishap,
        mode,
        id=f"{operation}-{mishap}-{mode}",
        marks=reduced(mishap, mode) if operation in CHANGES else [],
    )
    for operation in ("rent", "rent_any", "release", "update")
    for mishap in MISHAPS
    for mode in MODES
    if operation in mishap.operations
    and not (mode == "always" and mishap.dies)
    and not (mode in ("always", "resumed-after") and mishap.variant)
]
RENTING = [case for case in CASES if case.values[0] in ("rent", "rent_any")]
CHANGING = [case for case in CASES if case.values[0] in ("release", "update")]


def _fate(dies: str | None) -> Fate:
    return Fate("request", after=dies == "after", costly=True) if dies else Fate()


def _strike(shop: Shop, operation: str, mishap: Mishap, mode: str) -> None:
    if mishap.rule is not None:
        shop.simulator.faults.add(
            {"operation": operation, "times": None if mode == "always" else 1, **mishap.rule}
        )


@pytest.mark.parametrize(("operation", "mishap", "mode"), RENTING)
async def test_renting_charges_what_the_report_names_and_no_number_twice(
    operation: str, mishap: Mishap, mode: str, tmp_path: Path
) -> None:
    """Whatever happens to a rent, the ledger holds at most what was asked, the report names it, and
    the next run ends the matter.
    """
    count("fault-matrix cases")
    shop = Shop(tmp_path)
    wanted = order(quantity=ASKED, strategy="any" if operation == "rent_any" else "chosen")
    if mode.startswith("resumed"):
        assert await shop.buy(wanted, fate=_fate(mode.removeprefix("resumed-"))) is None
    _strike(shop, operation, mishap, mode)
    report = await shop.buy(wanted, fate=_fate(mishap.dies))
    assert (report is None) == bool(mishap.dies)
    if report is None:
        report = await shop.buy(wanted)
    assert [] == shop.violations(report, asked=ASKED, reads_lag_on=mishap.lags_long)

    # The vendor is well again, and its reads have caught up.
    shop.simulator.faults.clear()
    await shop.wait(2 * LAG_LONG_S)
    final = await shop.buy(wanted)
    assert [] == shop.violations(final, asked=ASKED)
    # What reads can show within the settling time is never asked for again, and no person is
    # bothered with it.
    assert mishap.lags_long or [] == shop.repeats()
    assert (
        not needs_person(final)
        or mishap.lags_long
        or operation == "rent_any"
        or mishap.name == "rival"
    )
    final = await _settled(shop, final, wanted)
    # A price that rose on a vendor-picked number gives the rest back: picking again would buy at a
    # price that nobody can read first.
    given_back = (
        operation == "rent_any"
        and mishap.name == "price_change"
        and shop.simulator.rentals() < ASKED
    )
    end = (RunOutcome.REFUSED, 1) if given_back else (RunOutcome.DONE, ASKED)
    assert end == (final.outcome, shop.simulator.rentals()) == (final.outcome, final.rented), (
        final.reason
    )
    assert [] == shop.violations(final, asked=ASKED)


async def _settled(
    shop: Shop, report: PurchaseReport | None, wanted: SearchAndRentParameters
) -> PurchaseReport:
    """The report after a person settled what the run could not, and the run that follows."""
    assert report is not None
    if needs_person(report):
        shop.settle_by_truth(report)
        resumed = await shop.buy(wanted)
        assert resumed is not None
        return resumed
    return report


@pytest.mark.parametrize(("operation", "mishap", "mode"), CHANGING)
async def test_changes_end_as_the_vendor_has_them(
    operation: str, mishap: Mishap, mode: str, tmp_path: Path
) -> None:
    """Whatever happens to a release or PATCH, the journal says done only of what took effect and
    refused only of what did not.
    """
    count("fault-matrix cases")
    shop = Shop(tmp_path, active=60)
    numbers = _linked_numbers(shop)[:ASKED]

    async def run(dies: str | None = None) -> tuple[Intention, ...] | None:
        return await shop.change(
            operation, numbers, UNLINK if operation == "update" else {}, fate=_fate(dies)
        )

    if mode.startswith("resumed"):
        assert await run(mode.removeprefix("resumed-")) is None
    _strike(shop, operation, mishap, mode)
    rows = await run(mishap.dies)
    assert (rows is None) == bool(mishap.dies)
    rows = rows or await run()
    assert [] == _misjudged(shop, operation, rows)

    shop.simulator.faults.clear()
    await shop.wait(2 * LAG_LONG_S)
    rows = await run()
    assert rows is not None
    assert [] == _misjudged(shop, operation, rows)
    # Tokens that go on being refused as expired are a refusal of the vendor, and a refused step is
    # closed.
    refused_for_good = mishap.name == "token_expired" and mode == "always"
    end = IntentionState.REFUSED if refused_for_good else IntentionState.DONE
    assert [end] * ASKED == [row.state for row in rows], [row.reason for row in rows]
    assert mishap.lags_long or [] == shop.repeats()
    assert [] == shop.simulator.charges()


def _linked_numbers(shop: Shop) -> list[str]:
    return sorted(
        number.phone_number
        for number in shop.simulator.world.holdings
        if number.sms.service_plan_id
    )


def _misjudged(shop: Shop, operation: str, rows: tuple[Intention, ...] | None) -> list[str]:
    assert rows is not None
    committed = Counter(
        entry["path"].rpartition("/")[2].partition(":")[0]
        for entry in shop.simulator.requests()
        if entry["operation"] == operation and entry["committed"]
    )
    done = {str(row.subject) for row in rows if row.state is IntentionState.DONE}
    refused = {str(row.subject) for row in rows if row.state is IntentionState.REFUSED}
    return [
        *(f"{number} is done, but nothing happened" for number in sorted(done - committed.keys())),
        *(f"{number} is refused, but it happened" for number in sorted(refused & committed.keys())),
        *shop.unwritten,
    ]
