"""Creating, registering, uploading and submitting an order meet every fault.

The simulator's orders, submissions and charges judge.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.counts import count
from support.dying import Fate, is_death
from support.mishaps import LAG_LONG_S, MISHAPS, Mishap, marks
from support.orders import (
    MARKS,
    REFERENCE,
    Cabinet,
    followed,
    order_once,
    submissions,
    sweep,
    unnamed_charges,
    wanted,
)
from support.shop import Shop

from numberflow.journal import Journal
from numberflow.models.reports import FollowLine, OrderReport, RunOutcome

pytestmark = pytest.mark.anyio

DAY = 86_400.0
# What a run of an order sends that changes something at the vendor; the two in the middle may be
# sent again, the other two may not.
OPERATIONS = ("create_order", "update_registration", "upload_attachment", "submit_order")
COSTLY = ("create_order", "submit_order")
CASES = [
    pytest.param(
        operation,
        quantity,
        mishap,
        mode,
        id=f"{operation}-{quantity}-{mishap}-{mode}",
        marks=marks(mishap, mode),
    )
    for operation in OPERATIONS
    for quantity in (1, 3)
    for mishap in MISHAPS
    for mode in ("once", "always", "resumed-before", "resumed-after")
    if (
        mishap.operations >= {"rent", "update"}
        or (operation == "create_order" and mishap.operations >= {"rent"})
    )
    and not mishap.name.startswith("stale_list")
    and not (mode == "always" and mishap.dies)
    and not (mode in ("always", "resumed-after") and mishap.variant)
    # By quantity only the creating step is another one: its number has no name.
    and not (
        quantity > 1 and (operation != "create_order" or mishap.variant or mishap.name == "rival")
    )
    # What may be sent again is left to the client, which tries for a minute; the resumed run is
    # another first try there.
    and not (
        operation not in COSTLY and (mode.startswith("resumed") or mishap.variant or mishap.dies)
    )
]


class Bureau:
    """One vendor, one journal, one order, and runs that follow one another."""

    def __init__(self, folder: Path, quantity: int) -> None:
        self.shop = Shop(folder)
        self.simulator = self.shop.simulator
        self.simulator.switches.set("review_s", 3600)
        self.cabinet = Cabinet(folder / "papers")
        self.order = wanted(self.cabinet, quantity=quantity)
        self.told: list[FollowLine] = []

    async def run(self, dies: str | None = None, n: int = 1) -> OrderReport | None:
        """One run; None when it died at its n-th costly request."""
        fate = Fate("request", n=n, after=dies == "after", costly=True) if dies else Fate()
        try:
            return await order_once(lambda: self.shop.context(fate), self.order)
        except BaseException as error:
            if not is_death(error):
                raise
            return None

    async def sweep(self) -> None:
        """One sweep by another process."""
        self.told += await sweep(self.shop.context)

    def settle(self, report: OrderReport) -> None:
        """A person looks into the vendor's dashboard and enters what is true of each open item."""
        with Journal.open(self.shop.journal_url) as journal:
            for item in report.open_items:
                if item.state != "needs_person":
                    continue
                row = journal.history(item.intention_id).intention
                orders = self.simulator.orders()
                if row.operation == "create_order":
                    result = None
                    if orders:
                        result = {
                            "order": {
                                "kind": "number_order",
                                "order_id": orders[0]["order_id"],
                                "state": "",
                                "facts": dict(row.request),
                            }
                        }
                    verdict = "done" if result else "refused"
                else:
                    result, verdict = None, "done" if submissions(self.simulator) else "planned"
                journal.settle_by_person(
                    row.id,
                    verdict,
                    by="a person",
                    note="as the dashboard has it",
                    result=result,
                    is_dead=lambda owner: True,
                )

    def violations(self, report: OrderReport | None) -> list[str]:
        """What went wrong by the vendor's own books."""
        assert report is not None
        found = list(self.shop.unwritten)
        orders = self.simulator.orders()
        if len(orders) > 1:
            found.append(f"{len(orders)} orders were opened")
        found += [
            f"order {order} was handed in {times} times"
            for order, times in submissions(self.simulator).items()
            if times > 1
        ]
        found += [
            f"{number} was charged, and nothing names it"
            for number in unnamed_charges(self.simulator, self.told, report)
        ]
        if report.outcome is not RunOutcome.DONE and not (report.reason and report.remedy):
            found.append(f"{report.outcome} without a reason or a fix")
        if report.outcome is RunOutcome.NEEDS_PERSON and not all(
            item.intention_id in item.command for item in report.open_items
        ):
            found.append("an open item without its command")
        if report.outcome is RunOutcome.DONE and not submissions(self.simulator):
            found.append("done, and nothing was handed in")
        kept = self.shop.journal_file.read_bytes() + report.model_dump_json().encode()
        return found + [
            f"{mark} is in journal or report" for mark in MARKS if mark.encode() in kept
        ]


@pytest.mark.parametrize(("operation", "quantity", "mishap", "mode"), CASES)
async def test_one_order_handed_in_once(
    operation: str, quantity: int, mishap: Mishap, mode: str, tmp_path: Path
) -> None:
    """Whatever happens, one order is opened and handed in once, every charge is named, and the next
    runs and one person end the matter.
    """
    count("fault-matrix cases")
    bureau = Bureau(tmp_path, quantity)
    nth = 1 + COSTLY.index(operation) if operation in COSTLY else 1
    if mode.startswith("resumed"):
        assert await bureau.run(mode.removeprefix("resumed-"), nth) is None
    if mishap.rule is not None:
        bureau.simulator.faults.add(
            {"operation": operation, "times": None if mode == "always" else 1, **mishap.rule}
        )
    # A resumed run that adopts what an earlier one did has fewer costly requests; then it lives.
    report = await bureau.run(mishap.dies, nth if mode == "once" else 1)
    report = report or await bureau.run()
    assert [] == bureau.violations(report)
    await bureau.sweep()

    # The vendor is well again, and its reads have caught up.
    bureau.simulator.faults.clear()
    await bureau.shop.wait(2 * LAG_LONG_S)
    await bureau.sweep()
    report = await bureau.run()
    assert [] == bureau.violations(report)
    assert report is not None
    if report.outcome is RunOutcome.NEEDS_PERSON:
        # Nobody can find an order whose reply was lost; everything else is found by looking.
        assert "create_order" == operation or mishap.lags_long, report.reason
        bureau.settle(report)
        report = await bureau.run()
        assert report is not None
    assert [] == bureau.violations(report)
    if mishap.name == "token_expired" and mode == "always" and report.outcome is RunOutcome.REFUSED:
        return
    if mishap.name == "price_change" and report.outcome is RunOutcome.REFUSED:
        # The dearer order waits until its price is accepted by another run.
        report = await bureau.run()
        assert report is not None
    assert RunOutcome.DONE == report.outcome, report.reason
    await bureau.shop.wait(DAY)
    await bureau.sweep()
    report = await bureau.run()
    assert [] == bureau.violations(report)
    assert quantity == bureau.simulator.rentals()
    assert ["COMPLETED"] == [order.state for order in await followed(bureau.shop.context)]


async def test_reference_stands_for_one_order(tmp_path: Path) -> None:
    """The same reference with another quantity is refused, and sends nothing costly."""
    bureau = Bureau(tmp_path, 1)
    await bureau.run()
    sent = len(bureau.simulator.requests())
    bureau.order = wanted(bureau.cabinet, quantity=2)
    report = await bureau.run()
    assert report is not None
    assert (RunOutcome.REFUSED, REFERENCE) == (report.outcome, report.reference)
    assert "quantity was 1, now 2" in report.reason
    assert not [
        each for each in bureau.simulator.requests()[sent:] if each["operation"] in OPERATIONS
    ]
