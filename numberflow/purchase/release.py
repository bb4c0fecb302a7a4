"""Give up held numbers: release rented ones, delete imported ones, each through the journal, and only after what is lost was listed.

Not here: how a request is recognised (steps.release, steps.imported).
"""

from __future__ import annotations

from collections.abc import Sequence

from numberflow.errors import NotSent, SpendRefused
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Finding,
    Intention,
    NewIntention,
    NewPurchase,
    Operation,
    State,
    number_in,
)
from numberflow.models.held_numbers import ReleaseOrder
from numberflow.models.reports import HostedLine, HostedReport
from numberflow.planning.configuring import HeldNumber, Holding
from numberflow.purchase.desk import Desk, each_of, in_thread
from numberflow.purchase.held import begun_rows, held_numbers, require_held
from numberflow.purchase.hosting import CostlyStep, hosted_report, plan, run_step
from numberflow.steps import named
from numberflow.steps.imported import DELETE_IMPORTED, DeleteImported
from numberflow.steps.release import OPERATION as RELEASE
from numberflow.steps.release import Release

OPERATION = "release_numbers"
AT_ONCE = 4
# How a number comes to be ours.
_GETTING = (Operation.RENT, Operation.RENT_ANY, Operation.IMPORT, Operation.IMPORT_ORDER, Operation.TEXT_ENABLE)


async def release(desk: Desk, order: ReleaseOrder, reference: str, *, flow_run_id: str | None) -> list[Intention]:
    """Give every number up, once.

    Costs: nothing is refunded, and a rented number cannot be had back. Repeat: safe; what is open is looked up first.

    Raises:
        BadInput: a number is not held; nothing was sent for any.
        SpendRefused: nobody confirmed the loss; nothing was sent.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no request.
    """
    new = NewPurchase(desk.project_id, reference, OPERATION, order.fingerprint(), order.what_is_done(), flow_run_id)
    begun = {str(row.subject) for row in await begun_rows(desk, new)}
    held = await held_numbers(desk, [number for number in order.phone_numbers if number not in begun])
    require_held(held)
    leaving = {number: each for number, each in held.items() if each is not None and each.leaves_at is None}
    if leaving and not order.confirm_release:
        first = next(iter(leaving.values()))
        raise SpendRefused(
            f"{len(leaving)} numbers would be given up, {first.phone_number} for one ({_lost(first)})",
            rule="release",
            mend="run with plan_only to see what is lost with each, then again with confirm_release true",
        )
    purchase = await in_thread(desk.journal.open_purchase, new)
    async with desk.hold(purchase) as (keeper, lease):
        known = await in_thread(desk.journal.intentions, purchase_id=purchase.id)
        rows = [row for row in known if row.state is not State.REFUSED]
        lines = [
            NewIntention(operation, number, f"{operation} {number}")
            for number, each in leaving.items()
            for operation in (RELEASE if each.holding is Holding.RENTED else DELETE_IMPORTED,)
        ]
        # What another run of this reference has planned since stays as it is.
        planned = await plan(desk, purchase, lines, lease, flow_run_id)
        rows += [row for row in planned if row.id not in {each.id for each in rows}]

        async def one(row: Intention) -> Intention:
            step: CostlyStep = DeleteImported(desk.client) if row.operation == DELETE_IMPORTED else Release(desk.client)
            if row.is_open and (newer := await _had_again(desk, row)) is not None:
                if row.state is State.PLANNED:
                    return await in_thread(desk.journal.withdraw, row.id, lease, f"never sent; {newer}; {_ANEW}")
                return await run_step(desk, row, _Newer(step, newer), keeper, lease)
            return await run_step(desk, row, step, keeper, lease)

        return await each_of(rows, one, at_once=AT_ONCE)


_ANEW = "release it under a new reference if that one is to go, too"


class _Newer:
    """A release of a number that we got again since: that it is there says nothing any more about whether it was given up, so nothing is sent."""

    def __init__(self, step: CostlyStep, newer: str) -> None:
        self._step = step
        self._newer = newer

    async def do(self, _attempt: Attempt) -> Applied:
        raise NotSent(f"{self._newer}; {_ANEW}")

    async def look(self, intention: Intention) -> Evidence:
        evidence = await self._step.look(intention)
        if evidence.finding is not Finding.ABSENT:
            return evidence
        return Evidence(Finding.INCONCLUSIVE, f"it is there, and {self._newer}; {_ANEW}", evidence.seen)


async def _had_again(desk: Desk, row: Intention) -> str | None:
    """How we got the number again after this release was begun, in words; None when we did not."""
    history = await in_thread(desk.journal.history, row.id)
    begun_at = history.attempts[0].started_at if history.attempts else row.created_at
    number = named(row)
    for operation in _GETTING:
        for each in await in_thread(desk.journal.intentions, project_id=desk.project_id, operation=operation):
            has_it = number in (each.subject, number_in(each.result)) or number in each.request.get("numbers", ())
            if has_it and each.state is not State.REFUSED and each.updated_at > begun_at:
                return f"reference {each.reference!r} got the number again since"
    return None


async def release_report(
    desk: Desk, order: ReleaseOrder, reference: str, rows: Sequence[Intention], *, flow_run_id: str | None = None
) -> HostedReport:
    """Put a run into words. Costs: nothing."""
    by_number = {str(row.subject): row for row in rows}
    rest = [number for number in order.phone_numbers if number not in by_number]
    held = await held_numbers(desk, rest)
    lines = [
        _ended(number, by_number[number]) if number in by_number else _still(number, held[number])
        for number in order.phone_numbers
    ]
    why = {number: newer for number, row in by_number.items() if row.is_open and (newer := await _had_again(desk, row))}
    lines = [
        line.model_copy(update={"advice": f"{why[line.phone_number]}; {_ANEW}"}) if line.phone_number in why else line
        for line in lines
    ]
    wished = frozenset({"released", "deleted", "leaving"})
    if order.plan_only:
        wished |= {"to be released", "to be deleted"}
    return hosted_report(
        lines, rows, wished=wished, notes=["plan only: nothing was sent"] if order.plan_only else [], reference=reference,
        action="release", plan_only=order.plan_only, project_id=desk.project_id, flow_run_id=flow_run_id,
    )  # fmt: skip


def _ended(number: str, row: Intention) -> HostedLine:
    if row.state is not State.DONE:
        return HostedLine(phone_number=number, state=row.state.value, advice=row.reason or "", intention_id=row.id)
    if row.operation == DELETE_IMPORTED:
        return HostedLine(phone_number=number, state="deleted", advice="it can be imported again", intention_id=row.id)
    ends = (row.result or {}).get("expire_at")
    return HostedLine(
        phone_number=number, state="released", advice=f"usable until {ends}" if ends else "", intention_id=row.id
    )


def _still(number: str, held: HeldNumber | None) -> HostedLine:
    if held is None:
        return HostedLine(phone_number=number, state="not held", advice="the project does not hold it; leave it out")
    if held.leaves_at is not None:
        return HostedLine(
            phone_number=number, state="leaving", advice=f"released before, usable until {held.leaves_at:%Y-%m-%d}"
        )
    state = "to be released" if held.holding is Holding.RENTED else "to be deleted"
    return HostedLine(phone_number=number, state=state, advice=f"would lose {_lost(held)}")


def _lost(held: HeldNumber) -> str:
    links = held.told_links or "no links"
    rental = "the rest of the rental month" if held.holding is Holding.RENTED else "its messaging here"
    return f"{held.holding}, {links}, {rental}"
