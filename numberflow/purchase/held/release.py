"""Give up held numbers: release rented ones, delete imported ones, after listing what is lost.

Each goes through the journal. A rented number's emergency address is removed first: released with
it, the number would stay registered at somebody's door.

Not here: how a request is recognised (steps.release, steps.imported, steps.emergency).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numberflow.errors import NotSent, SpendRefused
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Finding,
    Intention,
    IntentionState,
    NewIntention,
    NewPurchase,
    Operation,
    number_in,
)
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.reports import NumbersLine, NumbersReport
from numberflow.models.wording import count_of
from numberflow.planning.configuring import HeldNumber, Holding
from numberflow.purchase.costly_steps import CostlyStep, CostlySteps, hold_purchase
from numberflow.purchase.emergency.addresses import has_address
from numberflow.purchase.held.numbers import held_numbers, require_held
from numberflow.purchase.numbers_report import kept_line, numbers_report, row_line
from numberflow.purchase.run_context import (
    READS_AT_ONCE,
    RunContext,
    begun_rows,
    each_of,
    in_thread,
    new_purchase,
    open_purchase,
    require_same_journal,
)
from numberflow.purchase.without_address import (
    ADDRESS_NOTE,
    KEPT,
    kept_without_address,
    provision_command,
)
from numberflow.steps import named
from numberflow.steps.emergency import DEPROVISION, PROVISION, Deprovision
from numberflow.steps.imported import DELETE_IMPORTED, DeleteImported
from numberflow.steps.release import OPERATION as RELEASE
from numberflow.steps.release import Release

OPERATION = "release_numbers"
AT_ONCE = 4
# How a number comes to be ours.
_GETTING = (
    Operation.RENT,
    Operation.RENT_ANY,
    Operation.IMPORT,
    Operation.IMPORT_ORDER,
    Operation.TEXT_ENABLE,
)


async def release(
    context: RunContext, order: ReleaseParameters, reference: str, *, flow_run_id: str | None
) -> list[Intention]:
    """Give every number up, once.

    Costs: nothing is refunded, and a rented number cannot be had back. Repeat: safe; what is open
    is looked up first.

    Raises:
        BadInput: a number is not held; nothing was sent for any.
        SpendRefused: nobody confirmed the loss; nothing was sent.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no request.
    """
    new = new_purchase(context, order, reference, OPERATION, flow_run_id)
    await require_same_journal(context, new)
    begun = await _given_up(context, new)
    held = await held_numbers(
        context, [number for number in order.phone_numbers if number not in begun]
    )
    if None in held.values():
        # Another run of this reference may have given them up while they were read.
        begun = await _given_up(context, new)
        held = {number: each for number, each in held.items() if number not in begun}
    require_held(held)
    leaving = {
        number: each for number, each in held.items() if each is not None and each.leaves_at is None
    }
    if leaving and not order.confirm_release:
        first = next(iter(leaving.values()))
        raise SpendRefused(
            f"{count_of(len(leaving), 'number')} would be given up, {first.phone_number} for one "
            f"({_lost(first)})",
            rule="release",
            remedy="run with plan_only to see what is lost with each, then again with "
            "confirm_release true",
        )
    purchase = await open_purchase(context, new)
    async with hold_purchase(context, purchase, flow_run_id) as steps:
        known = await steps.rows()
        rows = [row for row in known if row.state is not IntentionState.REFUSED]
        lines = [
            NewIntention(operation, number, f"{operation} {number}")
            for number, each in leaving.items()
            for operation in (RELEASE if each.holding is Holding.RENTED else DELETE_IMPORTED,)
        ]
        # What another run of this reference has planned since stays as it is.
        planned = await steps.plan(lines)
        rows += [row for row in planned if row.id not in {each.id for each in rows}]

        run = _Run(steps)
        giving_up = [row for row in rows if row.operation != DEPROVISION]
        removing = {named(row): row for row in rows if row.operation == DEPROVISION}
        for number in await _given_again(context, list(removing.values())):
            del removing[number]
        await each_of(
            giving_up, lambda row: run.one(row, removing.get(named(row))), at_once=AT_ONCE
        )
        ended_before = {row.id for row in known if row.state is IntentionState.REFUSED}
        return [row for row in await steps.rows() if row.id not in ended_before]


async def _given_up(context: RunContext, new: NewPurchase) -> set[str]:
    """Numbers that this reference has begun to give up.

    An address that was removed does not give its number up.
    """
    rows = await begun_rows(context, new)
    return {str(row.subject) for row in rows if row.operation != DEPROVISION}


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over the numbers of one reference, with its lease in hand."""

    steps: CostlySteps

    async def one(self, row: Intention, removal: Intention | None) -> None:
        """Give one number up, after its emergency address."""
        context = self.steps.context
        kind = DeleteImported if row.operation == DELETE_IMPORTED else Release
        step: CostlyStep = kind(context.client)
        if row.is_open and (newer := await had_again(context, row)) is not None:
            if row.state is IntentionState.PLANNED:
                await self.steps.withdraw(row, f"never sent; {newer}; {_ANEW}")
            else:
                await self.steps.run(row, _Newer(step, newer))
            return
        if row.state is not IntentionState.PLANNED or row.operation != RELEASE:
            # What has left is looked up, whatever became of the address.
            await self.steps.run(row, step)
            return
        kept = await self._remove_address(named(row), removal)
        if kept is not None and kept.state is IntentionState.REFUSED:
            await self.steps.withdraw(
                row, f"not released, because its emergency address stays: {kept.reason}"
            )
        elif kept is None:
            await self.steps.run(row, step)

    async def _remove_address(
        self, phone_number: str, removal: Intention | None
    ) -> Intention | None:
        """Remove the number's emergency address, once.

        None when it has none now; else the step that did not bring that about.
        """
        client = self.steps.context.client
        if removal is None:
            if not await has_address(client, phone_number):
                return None
            # Of an address that was given again after its removal this is another step.
            times = sum(
                row.state is IntentionState.DONE
                for row in await self.steps.rows()
                if row.operation == DEPROVISION and named(row) == phone_number
            )
            again = f" {times + 1}" if times else ""
            line = NewIntention(DEPROVISION, phone_number, f"{DEPROVISION} {phone_number}{again}")
            (removal,) = await self.steps.plan([line])
        removal = await self.steps.run(removal, Deprovision(client))
        if removal.state is IntentionState.DONE:
            return None
        # Refused, too, when somebody else removed it in the meantime.
        gone = removal.state is IntentionState.REFUSED and not await has_address(
            client, phone_number
        )
        return None if gone else removal


async def _given_again(context: RunContext, removals: Sequence[Intention]) -> set[str]:
    """Numbers that were given an emergency address since it was removed for their release.

    The report of a number that is kept says to do so.
    """
    gone = {named(row): row.updated_at for row in removals if row.state is IntentionState.DONE}
    if not gone:
        return set()
    given = await in_thread(
        context.journal.intentions, project_id=context.project_id, operation=PROVISION
    )
    return {
        named(row)
        for row in given
        if row.state is not IntentionState.REFUSED
        and named(row) in gone
        and row.updated_at > gone[named(row)]
    }


_ANEW = "release it under a new reference if that one is to go, too"


class _Newer:
    """A release of a number that we got again since.

    That it is there says nothing any more about whether it was given up, so nothing is sent.
    """

    def __init__(self, step: CostlyStep, newer: str) -> None:
        self._step = step
        self._newer = newer

    async def do(self, _attempt: Attempt) -> Applied:
        raise NotSent(f"{self._newer}; {_ANEW}")

    async def look(self, intention: Intention) -> Evidence:
        evidence = await self._step.look(intention)
        if evidence.finding is not Finding.ABSENT:
            return evidence
        return Evidence(
            Finding.INCONCLUSIVE, f"it is there, and {self._newer}; {_ANEW}", evidence.seen
        )


async def had_again(context: RunContext, row: Intention) -> str | None:
    """How we got the number again after this release was begun, in words; None when we did not."""
    history = await in_thread(context.journal.history, row.id)
    begun_at = history.attempts[0].started_at if history.attempts else row.created_at
    number = named(row)
    for operation in _GETTING:
        for each in await in_thread(
            context.journal.intentions, project_id=context.project_id, operation=operation
        ):
            has_it = number in (each.subject, number_in(each.result)) or number in each.request.get(
                "numbers", ()
            )
            if has_it and each.state is not IntentionState.REFUSED and each.updated_at > begun_at:
                return f"reference {each.reference!r} got the number again since"
    return None


async def begun(
    context: RunContext, order: ReleaseParameters, reference: str
) -> tuple[Intention, ...]:
    """The steps of this reference that have left, for a plan. Costs: nothing.

    Raises:
        ReferenceConflict: the reference stands for something else.
    """
    rows = await begun_rows(context, new_purchase(context, order, reference, OPERATION))
    return tuple(row for row in rows if row.state is not IntentionState.PLANNED)


async def release_report(
    context: RunContext,
    order: ReleaseParameters,
    reference: str,
    rows: Sequence[Intention],
    *,
    flow_run_id: str | None = None,
) -> NumbersReport:
    """Put a run into words. Costs: nothing."""
    by_number = {named(row): row for row in rows if row.operation != DEPROVISION}
    removals = {named(row): row for row in rows if row.operation == DEPROVISION}
    rest = [number for number in order.phone_numbers if number not in by_number]
    held = await held_numbers(context, rest)
    rented = [
        number
        for number, each in held.items()
        if each is not None and each.holding is Holding.RENTED
    ]
    shown = await each_of(
        rented, lambda number: has_address(context.client, number), at_once=READS_AT_ONCE
    )
    addressed = {number for number, each in zip(rented, shown, strict=True) if each}
    lines = [
        _ended(number, by_number[number], removals.get(number))
        if number in by_number
        else _still(number, held[number], has_address=number in addressed)
        for number in order.phone_numbers
    ]
    why = {
        number: newer
        for number, row in by_number.items()
        if row.is_open and (newer := await had_again(context, row))
    }
    lines = [
        line.model_copy(update={"advice": f"{why[line.phone_number]}; {_ANEW}"})
        if line.phone_number in why
        else line
        for line in lines
    ]
    wished = frozenset({"released", "deleted", "leaving"})
    kept = [line.phone_number for line in lines if line.state == KEPT]
    notes = []
    removed = sum(row.state is IntentionState.DONE for row in removals.values())
    if removed:
        notes.append(f"emergency addresses that were removed before the release: {removed}")
    if kept:
        notes.append(ADDRESS_NOTE)
    if order.plan_only:
        wished |= {"to be released", "to be deleted"}
        notes.append("plan only: nothing was sent")
        if addressed:
            notes.append(f"emergency addresses that a run removes first: {len(addressed)}")
    return numbers_report(
        lines,
        rows,
        wished=wished,
        notes=notes,
        reference=reference,
        action="release",
        plan_only=order.plan_only,
        project_id=context.project_id,
        flow_run_id=flow_run_id,
        commands=(provision_command(kept, order.project),) if kept else (),
    )


def _ended(number: str, row: Intention, removal: Intention | None) -> NumbersLine:
    if row.state is not IntentionState.DONE:
        if kept_without_address([row, *([removal] if removal else [])]):
            return kept_line(number, row)
        if row.state is IntentionState.PLANNED and removal is not None and removal.is_open:
            advice = (
                f"its emergency address is to be removed first, and that is {removal.state}: "
                f"{removal.reason}"
            )
            return NumbersLine(
                phone_number=number, state="not released", advice=advice, intention_id=removal.id
            )
        return row_line(number, row)
    if row.operation == DELETE_IMPORTED:
        return NumbersLine(
            phone_number=number,
            state="deleted",
            advice="it can be imported again",
            intention_id=row.id,
        )
    ends = (row.result or {}).get("expire_at")
    told = []
    if removal is not None and removal.state is IntentionState.DONE:
        told.append("its emergency address was removed first")
    if ends:
        told.append(f"usable until {ends}")
    return NumbersLine(
        phone_number=number, state="released", advice="; ".join(told), intention_id=row.id
    )


def _still(number: str, held: HeldNumber | None, *, has_address: bool) -> NumbersLine:
    if held is None:
        return NumbersLine(
            phone_number=number,
            state="not held",
            advice="the project does not hold it; leave it out",
        )
    if held.leaves_at is not None:
        told = f"released before, usable until {held.leaves_at:%Y-%m-%d}"
        if has_address:
            told += (
                "; it still has an emergency address: remove it with emergency-address, action "
                "deprovision"
            )
        return NumbersLine(phone_number=number, state="leaving", advice=told)
    state = "to be released" if held.holding is Holding.RENTED else "to be deleted"
    return NumbersLine(
        phone_number=number, state=state, advice=_lost(held, has_address=has_address)
    )


def _lost(held: HeldNumber, *, has_address: bool = False) -> str:
    """What giving a number up means for it."""
    loses = [
        part
        for part in (
            "its emergency address (removed first)" if has_address else "",
            held.told_links,
        )
        if part
    ]
    links = f"it loses {', '.join(loses)}" if loses else "nothing is linked to it"
    if held.holding is Holding.IMPORTED:
        return f"imported: {links}; its messaging here ends at once; it can be imported again"
    return (
        f"rented: {links}; it works until its rental month ends, then it is gone for good, and "
        "nothing is refunded"
    )
