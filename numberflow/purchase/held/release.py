"""Give up held numbers: release rented ones, delete imported ones, after listing what is lost.

Each goes through the journal. A rented number's emergency address is removed first: released with
it, the number would stay registered at somebody's door. Its links stay on: the vendor takes them
off when the rental ends, and asks for no unlinking before (docs/vendor/numbers-behaviour.md §8).
Until then the number works; unlinked it would be silent from this day on, by one more request that
cannot be undone. Deleting an imported number ends its links with it (§9 of the other API).

Not here: how a request is recognised (steps.release, steps.imported, steps.emergency).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from numberflow.errors import NotSent, NumberflowError, SpendRefused, Stopped
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
from numberflow.purchase.held.losses import (
    loss_of,
    losses_text,
    told_loss,
    told_losses,
    told_parts,
)
from numberflow.purchase.held.numbers import held_numbers, require_held
from numberflow.purchase.held.protected import load_protection
from numberflow.purchase.held.release_limits import Room, room_for
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


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked before many numbers go: the form's words, and the count to type."""

    purchase_id: str
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a run is to give up, after everything that needs no person was checked.

    `kept`: numbers whose release is under way and which are protected by now, with the rule: they
    are looked up, and nothing is sent. `room`: None when nothing is to be given up, or when the
    caller typed its count.
    """

    new: NewPurchase
    going: Mapping[str, HeldNumber]
    kept: Mapping[str, str]
    room: Room | None


async def release(context: RunContext, order: ReleaseParameters, reference: str) -> list[Intention]:
    """Give every number up, once.

    Costs: nothing is refunded, and a released number cannot be recovered. Repeat: safe; what is
    open is looked up first.

    Raises:
        BadInput: a number is not held; nothing was sent for any.
        SpendRefused: a number is protected, nobody confirmed the loss, or so many need approval;
            nothing was sent.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no request.
    """
    ready = await _ready(context, order, reference)
    known_as = await in_thread(
        context.journal.find_purchase, context.project_id, ready.new.reference
    )
    approved = known_as is not None and bool(known_as.approval)
    if ready.room is not None and ready.room.why and not approved:
        raise SpendRefused(
            f"{ready.room.why}, so a person has to approve it",
            rule="approval",
            remedy=f"run again with confirm_count {len(order.phone_numbers)}, the count of the "
            "numbers that it names; or run release-numbers from its deployment, where a form asks",
        )
    most = None if ready.room is None or approved else ready.room.most
    purchase = await open_purchase(context, ready.new)
    if order.confirm_count is not None and not purchase.approval:
        by = f"{context.started_by or 'unknown'} (by the parameter confirm_count)"
        await approve(context, purchase.id, by, order.confirm_count)
    async with hold_purchase(context, purchase) as steps:
        known = await steps.rows()
        rows = [row for row in known if row.state is not IntentionState.REFUSED]
        # What another run of this reference has planned since stays as it is.
        planned = await steps.plan(
            [_line(each) for each in ready.going.values()], releases_max=most
        )
        rows += [row for row in planned if row.id not in {each.id for each in rows}]

        run = _Run(steps, ready.kept, most)
        giving_up = [row for row in rows if row.operation != DEPROVISION]
        removing = {named(row): row for row in rows if row.operation == DEPROVISION}
        for number in await _given_again(context, list(removing.values())):
            del removing[number]
        await each_of(
            giving_up, lambda row: run.one(row, removing.get(named(row))), at_once=AT_ONCE
        )
        ended_before = {row.id for row in known if row.state is IntentionState.REFUSED}
        return [row for row in await steps.rows() if row.id not in ended_before]


async def question(
    context: RunContext, order: ReleaseParameters, reference: str
) -> Question | None:
    """What a person has to approve before `release`; None when it needs nobody.

    Costs: nothing. Repeat: safe. The purchase is begun before anybody is asked, so that the answer
    counts for its numbers and no others.

    Raises:
        As `release`.
    """
    ready = await _ready(context, order, reference)
    if ready.room is None or not ready.room.why:
        return None
    purchase = await open_purchase(context, ready.new)
    if purchase.approval:
        return None
    going = list(ready.going.values())
    addressed = await _addressed(context, going)
    count = len(order.phone_numbers)
    text = losses_text(going, addressed, count=count, why=ready.room.why)
    return Question(purchase.id, count, text)


async def approve(context: RunContext, purchase_id: str, by: str, count: int) -> None:
    """Keep who typed, or gave, the count of a release's numbers. Costs: nothing. Repeat: safe."""
    approval = {"by": by, "count": count, "flow_run_id": context.flow_run_id}
    await in_thread(context.journal.save_approval, purchase_id, approval)


async def _ready(context: RunContext, order: ReleaseParameters, reference: str) -> _Ready:
    """Check all that needs no person. Reads only; errors as in `release`."""
    new = new_purchase(context, order, reference, OPERATION)
    await require_same_journal(context, new)
    begun = await _given_up(context, new)
    held = await held_numbers(context, _unfinished(order, begun))
    if any(each is None and number not in begun for number, each in held.items()):
        # Another run of this reference may have given them up while they were read.
        begun = await _given_up(context, new)
        unfinished = set(_unfinished(order, begun))
        held = {number: each for number, each in held.items() if number in unfinished}
    require_held({number: each for number, each in held.items() if number not in begun})
    # What was never sent is checked like what is new.
    going = {
        number: each
        for number, each in held.items()
        if each is not None and each.leaves_at is None
        if number not in begun or begun[number].state is IntentionState.PLANNED
    }
    rules = await _protecting(context, held.values())
    require_unprotected({number: rules[number] for number in going if number in rules})
    if going.keys() - begun.keys() and not order.confirm_release:
        new_ones = [each for number, each in going.items() if number not in begun]
        raise SpendRefused(
            f"{count_of(len(new_ones), 'number')} would be given up, {new_ones[0].phone_number} "
            f"for one ({told_loss(new_ones[0])})",
            rule="release",
            remedy="run with plan_only to see what is lost with each, then again with "
            "confirm_release true",
        )
    today = await in_thread(context.journal.today)
    counted = all(number in begun and begun[number].spend_day == today for number in going)
    # One whose reply was lost is looked up first, and may then leave on this day, as may one that
    # is planned before midnight and sent after it: the journal counts those when they leave.
    leaving = going or {n: each for n, each in held.items() if each and each.leaves_at is None}
    room = None
    if leaving and order.confirm_count is None:
        room = await room_for(context, leaving.values())
        if counted:
            room = replace(room, why="")
    return _Ready(new, going, rules, room)


def _unfinished(order: ReleaseParameters, begun: Mapping[str, Intention]) -> list[str]:
    return [
        number for number in order.phone_numbers if number not in begun or begun[number].is_open
    ]


def _line(held: HeldNumber) -> NewIntention:
    operation = RELEASE if held.holding is Holding.RENTED else DELETE_IMPORTED
    number = held.phone_number
    return NewIntention(operation, number, f"{operation} {number}", {"loss": loss_of(held)})


async def _protecting(context: RunContext, held: Iterable[HeldNumber | None]) -> dict[str, str]:
    """The rules that protect numbers which do not leave yet.

    Raises:
        SpendRefused: the file that says so cannot be used.
    """
    staying = [each for each in held if each is not None and each.leaves_at is None]
    if not staying:
        return {}
    protection = await in_thread(load_protection, context.settings)
    rules = {
        each.phone_number: protection.rule_for(
            each.phone_number, each.display_name if each.name_is_read else None
        )
        for each in staying
    }
    return {number: rule for number, rule in rules.items() if rule}


async def _addressed(context: RunContext, held: Iterable[HeldNumber]) -> frozenset[str]:
    """Those of the rented numbers that have an emergency address."""
    rented = [each.phone_number for each in held if each.holding is Holding.RENTED]
    shown = await each_of(
        rented, lambda number: has_address(context.client, number), at_once=READS_AT_ONCE
    )
    return frozenset(number for number, each in zip(rented, shown, strict=True) if each)


async def _given_up(context: RunContext, new: NewPurchase) -> dict[str, Intention]:
    """Numbers that this reference has begun to give up.

    An address that was removed does not give its number up.
    """
    rows = await begun_rows(context, new)
    return {str(row.subject): row for row in rows if row.operation != DEPROVISION}


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over the numbers of one reference, with its lease in hand."""

    steps: CostlySteps
    kept: Mapping[str, str]
    """Numbers for which nothing is sent any more, with the rule that protects them."""
    releases_max: int | None
    """As in `Journal.begin`."""

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
            await self.steps.run(
                row, step, before=self._require_unprotected, releases_max=self.releases_max
            )
            return
        kept = await self._remove_address(named(row), removal)
        if kept is not None and kept.state is IntentionState.REFUSED:
            await self.steps.withdraw(
                row, f"not released, because its emergency address stays: {kept.reason}"
            )
        elif kept is None:
            await self.steps.run(row, step, releases_max=self.releases_max)

    async def _require_unprotected(self, attempt: Attempt) -> None:
        number = named(attempt.intention)
        if rule := self.kept.get(number):
            raise Stopped(f"{number} is protected: {rule}", remedy=_PROTECTED)

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


_PROTECTED = "leave it out, or take it out of that file of the papers store"
_NAMED_MAX = 5


def require_unprotected(rules: Mapping[str, str]) -> None:
    """Refuse a run that would give up protected numbers.

    Raises:
        SpendRefused: names them and their rules; nothing was sent.
    """
    if not rules:
        return
    named_ones = "; ".join(f"{number}: {rule}" for number, rule in list(rules.items())[:_NAMED_MAX])
    rest = len(rules) - _NAMED_MAX
    raise SpendRefused(
        f"{count_of(len(rules), 'number')} of this run may not be released: {named_ones}"
        f"{f'; and {rest} more' if rest > 0 else ''}; nothing was sent for any number",
        rule="protected",
        remedy=_PROTECTED,
    )


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
    """The steps of this reference that have left, for a plan. Costs: nothing. Repeat: safe.

    Raises:
        ReferenceConflict: the reference stands for something else.
    """
    rows = await begun_rows(context, new_purchase(context, order, reference, OPERATION))
    return tuple(row for row in rows if row.state is not IntentionState.PLANNED)


async def release_report(
    context: RunContext,
    order: ReleaseParameters,
    reference: str,
    rows: Sequence[Intention] = (),
) -> NumbersReport:
    """Put a run into words. Costs: nothing."""
    by_number = {named(row): row for row in rows if row.operation != DEPROVISION}
    removals = {named(row): row for row in rows if row.operation == DEPROVISION}
    rest = [number for number in order.phone_numbers if number not in by_number]
    held = await held_numbers(context, rest)
    staying = [each for each in held.values() if each is not None]
    addressed = await _addressed(context, staying)
    rules = await _protecting(context, staying) if order.plan_only else {}
    seen = await _read_back(context, by_number)
    lines = [
        _ended(number, by_number[number], removals.get(number), seen.get(number))
        if number in by_number
        else _still(
            number, held[number], has_address=number in addressed, rule=rules.get(number, "")
        )
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
    losses = [
        row.request["loss"]
        for row in by_number.values()
        if row.state is IntentionState.DONE and "loss" in row.request
    ]
    going = [each for each in staying if each.leaves_at is None]
    if order.plan_only:
        losses += [loss_of(each) for each in going]
    notes = []
    removed = sum(row.state is IntentionState.DONE for row in removals.values())
    going_addresses = sum(each.phone_number in addressed for each in going)
    if lost := told_losses(losses, removed + (going_addresses if order.plan_only else 0)):
        notes.append(lost)
    if removed:
        notes.append(f"emergency addresses that were removed before the release: {removed}")
    if kept:
        notes.append(ADDRESS_NOTE)
    if order.plan_only:
        wished |= {"to be released", "to be deleted"}
        notes.append("plan only: nothing was sent")
        if going and (room := await room_for(context, going)).why:
            notes.append(f"{room.why}: a run asks a person, who types the count")
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
        commands=(provision_command(kept, order.project),) if kept else (),
    )


async def _read_back(
    context: RunContext, by_number: Mapping[str, Intention]
) -> dict[str, HeldNumber | None]:
    """Released numbers as the vendor shows them now; without those that cannot be read."""
    released = [
        number
        for number, row in by_number.items()
        if row.operation == RELEASE and row.state is IntentionState.DONE
    ]
    return await held_numbers(context, released, left_out=(NumberflowError,))


def _ended(
    number: str, row: Intention, removal: Intention | None, seen: HeldNumber | None
) -> NumbersLine:
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
    if seen is not None and seen.leaves_at is not None:
        ends = f"{seen.leaves_at.isoformat()}, as the vendor shows it"
    told = []
    if removal is not None and removal.state is IntentionState.DONE:
        told.append("its emergency address was removed first")
    if ends:
        told.append(f"usable until {ends}")
    if lost := told_parts(row.request.get("loss", {})):
        told.append(f"it loses {lost}")
    return NumbersLine(
        phone_number=number, state="released", advice="; ".join(told), intention_id=row.id
    )


def _still(number: str, held: HeldNumber | None, *, has_address: bool, rule: str) -> NumbersLine:
    if held is None:
        return NumbersLine(
            phone_number=number,
            state="not held",
            advice="the project does not hold it; leave it out",
        )
    if held.leaves_at is not None:
        told = f"is leaving already, usable until {held.leaves_at:%Y-%m-%d}; nothing is sent"
        if has_address:
            told += (
                "; it still has an emergency address: remove it with emergency-address, action "
                "deprovision"
            )
        return NumbersLine(phone_number=number, state="leaving", advice=told)
    if rule:
        return NumbersLine(phone_number=number, state="protected", advice=f"{rule}; {_PROTECTED}")
    state = "to be released" if held.holding is Holding.RENTED else "to be deleted"
    return NumbersLine(
        phone_number=number, state=state, advice=told_loss(held, has_address=has_address)
    )
