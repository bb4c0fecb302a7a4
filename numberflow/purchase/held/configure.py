"""Configure held numbers, rented or imported: name, links, callback address.

Another link by unlink, wait, relink, each through the journal.

Not here: what has to be sent (planning.configuring), and how a request is recognised (steps.update,
steps.imported).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numberflow.errors import BadInput, NotFound, NotSent, OutcomeUnknown, SpendRefused, Throttled
from numberflow.journal import Intention, IntentionState, NewIntention
from numberflow.models.held_numbers import ConfigureParameters
from numberflow.models.reports import NumbersLine, NumbersReport, RunOutcome
from numberflow.planning.configuring import Changes, HeldNumber, Holding, plan_changes, told_changes
from numberflow.planning.links import (
    FAILED,
    MOVING,
    NO_MESSAGING,
    SMS_IDS,
    VOICE_IDS,
    Stand,
    Standing,
    Unlink,
    differs,
    stands,
    told_ids,
    unlink_progress,
    worst,
)
from numberflow.purchase.costly_steps import CostlyStep, CostlySteps, hold_purchase
from numberflow.purchase.follow import take_up
from numberflow.purchase.held.numbers import held_number, held_numbers, require_held
from numberflow.purchase.held.protected import load_protection
from numberflow.purchase.link_commands import back, once_more
from numberflow.purchase.link_targets import require_link_targets
from numberflow.purchase.numbers_report import numbers_report
from numberflow.purchase.run_context import (
    RunContext,
    begun_rows,
    each_of,
    in_thread,
    new_purchase,
    open_purchase,
    require_same_journal,
)
from numberflow.purchase.unlinked import STAYED_ON, links_before
from numberflow.steps.imported import UPDATE_IMPORTED, UpdateImported
from numberflow.steps.link import BEFORE, THEN, wanted_link
from numberflow.steps.update import OPERATION as UPDATE
from numberflow.steps.update import Update

OPERATION = "configure_numbers"
# Numbers under way at once, as with rents.
AT_ONCE = 4
# Jobs take seconds (docs/vendor/numbers-behaviour.md §6, docs/vendor/imported-hosting-behaviour.md
# §16, assumed), or half an hour with a campaign: soon at first, since a number between two links
# has no service, then twelve times a minute for all numbers together.
POLL_FIRST_S, POLL_GROWTH, POLL_S = 1.0, 1.5, 5.0

# Reads that say nothing; the next look may say more.
_NOT_READ = (NotFound, NotSent, OutcomeUnknown, Throttled)

_UNLINK, _CHANGE = "unlink", "change"


async def survey(
    context: RunContext, order: ConfigureParameters
) -> tuple[dict[str, HeldNumber | None], dict[str, Changes]]:
    """Each number as it is held, and what would be sent for it. Costs: nothing."""
    held = await held_numbers(context, order.phone_numbers)
    return held, {
        number: plan_changes(each, order) for number, each in held.items() if each is not None
    }


async def configure(
    context: RunContext, order: ConfigureParameters, reference: str
) -> list[Intention]:
    """Send what is needed to make every number as wanted.

    Costs: nothing is charged; taking a live link off stops its service until the new one is on.
    Repeat: safe; what is open is looked up first.

    Raises:
        BadInput: a number is not held, or cannot have what is wanted; nothing was sent.
        SpendRefused: live links would be taken off, and nobody confirmed that, or another name
            would end a number's protection; nothing was sent.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no request.
    """
    new = new_purchase(context, order, reference, OPERATION)
    await require_same_journal(context, new)
    # A change that never left may have to be planned again, so its number is checked like a new
    # one.
    begun = {
        str(row.subject)
        for row in await begun_rows(context, new)
        if not (_phase(row) == _CHANGE and row.state is IntentionState.PLANNED)
    }
    await _require_allowed(
        context, order, [number for number in order.phone_numbers if number not in begun]
    )
    purchase = await open_purchase(context, new)
    async with hold_purchase(context, purchase) as steps:
        await _Run(steps, order).all(await steps.rows())
        rows = list(await steps.rows())
        await take_up(context, rows)
        return rows


async def configure_report(
    context: RunContext,
    order: ConfigureParameters,
    reference: str,
    rows: Sequence[Intention] = (),
) -> NumbersReport:
    """Put a run into words, every number as it is now. Costs: nothing. Repeat: safe.

    Raises:
        BadInput: plan only, and the run would be refused: a number cannot have what is wanted.
        SpendRefused: plan only, and the run would be refused: a name protects a number.
    """
    held, changes = await survey(context, order)
    if order.plan_only:
        _require_possible(order, held)
        await _require_names_stay(context, order, held)
        await _require_targets(context, order, held)
    lines = [_line(number, each, changes.get(number), order, rows) for number, each in held.items()]
    notes = ["plan only: nothing was sent"] if order.plan_only else []
    if any(line.state in ("being linked", "being unlinked") for line in lines):
        notes.append("jobs are still running: follow-orders says how they end")
    report = numbers_report(
        lines,
        rows,
        wished=_PLAN_WISHED if order.plan_only else _WISHED,
        notes=notes,
        reference=reference,
        action="configure",
        plan_only=order.plan_only,
    )
    commands = [] if order.plan_only else _commands(order, reference, held, changes, rows)
    if not commands or report.outcome is not RunOutcome.REFUSED:
        return report.model_copy(update={"commands": tuple(commands)})
    return report.model_copy(update={"commands": tuple(commands), "remedy": _REMEDY})


_REMEDY = (
    "see the advice beside each number; a job that has failed stays failed under this reference, "
    "so run one of the commands below when its cause is gone: "
    "the same once more, or back to what the number had"
)


def _commands(
    order: ConfigureParameters,
    reference: str,
    held: Mapping[str, HeldNumber | None],
    changes: Mapping[str, Changes],
    rows: Sequence[Intention],
) -> list[str]:
    """For numbers whose links failed or are lacking: each command once for all that it fits."""
    failed: list[str] = []
    by_links: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for number, each in held.items():
        mine = [row for row in rows if row.subject == number]
        if each is None or not mine or each.is_moving or any(_is_open(row) for row in mine):
            continue
        stand = _stand(each, mine)
        has_failed = stand is not None and stand.standing in FAILED
        if has_failed:
            failed.append(number)
        had = links_before(mine)
        if differs(had, each.ids) and (has_failed or _lost(each, changes[number])):
            by_links.setdefault(tuple(sorted(had.items())), []).append(number)
    commands = [once_more(order, reference, failed)] if failed else []
    return commands + [
        command
        for had_links, numbers in by_links.items()
        if (command := back(dict(had_links), reference, numbers, order.project))
    ]


_WISHED = frozenset({"as wished", "being linked"})
_PLAN_WISHED = frozenset(
    {"as wished", "being linked", "to be changed", "to be unlinked and changed"}
)


def _require_possible(order: ConfigureParameters, held: Mapping[str, HeldNumber | None]) -> None:
    imported = [
        number
        for number, each in held.items()
        if each is not None and each.holding is Holding.IMPORTED
    ]
    if order.voice is not None and imported:
        raise BadInput(
            f"voice: {imported[0]} is imported, and the voice of an imported number stays "
            "elsewhere",
            field="voice",
            remedy="leave voice empty, or configure imported numbers in a run of their own",
        )


async def _require_allowed(
    context: RunContext, order: ConfigureParameters, phone_numbers: Sequence[str]
) -> None:
    held = await held_numbers(context, phone_numbers)
    require_held(held)
    _require_possible(order, held)
    await _require_names_stay(context, order, held)
    await _require_targets(context, order, held)
    loses = {
        number: changes.loses
        for number, each in held.items()
        if each is not None and (changes := plan_changes(each, order)).loses
    }
    if loses and not order.confirm_unlink:
        first, what = next(iter(loses.items()))
        raise SpendRefused(
            f"{len(loses)} of {len(order.phone_numbers)} numbers would lose live links on the "
            f"way, {first} for one: {'; '.join(what)}",
            rule="unlink",
            remedy="run with plan_only to see every one, then again with confirm_unlink true",
        )


async def _require_targets(
    context: RunContext, order: ConfigureParameters, held: Mapping[str, HeldNumber | None]
) -> None:
    """Refuse links that lead nowhere, if any number would get one.

    Raises:
        BadInput: names the link.
    """
    changes = [plan_changes(each, order).change for each in held.values() if each is not None]
    sms = sum("sms" in change for change in changes)
    voice = sum("voice" in change for change in changes)
    await require_link_targets(
        context, order.sms if sms else None, order.voice if voice else None, adding=sms
    )


async def _require_names_stay(
    context: RunContext, order: ConfigureParameters, held: Mapping[str, HeldNumber | None]
) -> None:
    """Refuse another name for a number that only its name keeps from being released.

    Raises:
        SpendRefused: names it and its rule; or the file of protected numbers cannot be used.
    """
    name = order.display_name
    renamed = [each for each in held.values() if each is not None and each.display_name != name]
    if name is None or not renamed:
        return
    protection = await in_thread(load_protection, context.settings)
    for each in renamed:
        number, old = each.phone_number, each.display_name if each.name_is_read else None
        rule = protection.rule_for(number, old)
        if rule and not protection.rule_for(number, name):
            raise SpendRefused(
                f"{number} may not be named {name!r}: it is protected ({rule}) and would not be "
                "any more; nothing was sent for any number",
                rule="protected",
                remedy="leave it out, choose a name that the patterns match, or add the number to "
                "that file of the papers store",
            )


@dataclass
class _Waiting:
    """A number whose job is under way.

    The step that started it, and how long it has been waited for.
    """

    row: Intention
    waited_s: float = 0.0


class _Run:
    """One run over the numbers of one reference, with its lease in hand.

    Everything is sent, then everything is waited for together.
    """

    def __init__(self, steps: CostlySteps, order: ConfigureParameters) -> None:
        self._steps = steps
        self._context = steps.context
        self._order = order
        self._live: dict[str, dict[str, Intention]] = {}
        self._waiting: dict[str, _Waiting] = {}

    async def all(self, known: Sequence[Intention]) -> None:
        """Bring every number as far as it goes: unlink, wait, change, wait.

        What was begun before is ended first.
        """
        for number in self._order.phone_numbers:
            self._live[number] = await self._begun([row for row in known if row.subject == number])
        await self._plan_new([number for number, live in self._live.items() if not live])
        await self._each(self._order.phone_numbers, self._begin)
        await self._wait_for_all()

    async def _each(self, numbers: Sequence[str], act: Callable[[str], Awaitable[None]]) -> None:
        await each_of(numbers, act, at_once=AT_ONCE)

    async def _begun(self, known: Sequence[Intention]) -> dict[str, Intention]:
        """The steps of one number that count, by phase."""
        live = {_phase(row): row for row in known if row.state is not IntentionState.REFUSED}
        change = live.get(_CHANGE)
        was_refused = _UNLINK not in live and any(_phase(row) == _UNLINK for row in known)
        if change is not None and change.state is IntentionState.PLANNED and was_refused:
            # Its unlink was refused: over a live link it would be refused, too.
            await self._withdraw(live.pop(_CHANGE))
        return live

    async def _plan_new(self, numbers: Sequence[str]) -> None:
        """Write down what is needed, for all numbers at once.

        One that is gone since it was checked is left to the report.
        """
        held = await held_numbers(self._context, numbers)
        await self._plan(
            [(each, plan_changes(each, self._order)) for each in held.values() if each is not None]
        )

    async def _plan(self, wanted: Sequence[tuple[HeldNumber, Changes]]) -> None:
        lines: list[tuple[str, str, NewIntention]] = []
        for held, changes in wanted:
            operation = UPDATE if held.holding is Holding.RENTED else UPDATE_IMPORTED
            for phase, request in ((_UNLINK, changes.unlink), (_CHANGE, changes.change)):
                if request:
                    noted = {**request, **_notes(phase, held, changes)}
                    line = NewIntention(
                        operation, held.phone_number, _fingerprint(phase, request), noted
                    )
                    lines.append((held.phone_number, phase, line))
        if lines:
            new = [line for _, _, line in lines]
            rows = await self._steps.plan(new)
            for (number, phase, _), row in zip(lines, rows, strict=True):
                self._live[number][phase] = row

    async def _begin(self, number: str) -> None:
        """Send the first request of one number that is due."""
        live = self._live[number]
        change = live.get(_CHANGE)
        if change is not None and (
            _UNLINK not in live or change.state is not IntentionState.PLANNED
        ):
            # Once it left, its unlink is through: what is open about it is looked up, whatever the
            # number shows of the unlink by now.
            await self._send_change(number)
        elif _UNLINK in live:
            unlink = live[_UNLINK] = await self._send(live[_UNLINK])
            if unlink.state is IntentionState.DONE:
                self._waiting[number] = _Waiting(unlink)
            elif (
                unlink.state is IntentionState.REFUSED
                and (change := live.pop(_CHANGE, None)) is not None
            ):
                # The next run plans both anew.
                await self._withdraw(change)

    async def _wait_for_all(self) -> None:
        """Look at all numbers together until every job has ended, or was waited for long enough.

        What came off gets its new link at once.

        A run that does not see the end of an unlink is started again later and goes on from here;
        links are followed by the sweep.
        """
        pause_s = POLL_FIRST_S
        while self._waiting:
            numbers = list(self._waiting)
            imported = {
                number
                for number in numbers
                if self._waiting[number].row.operation == UPDATE_IMPORTED
            }
            began_s = time.monotonic()
            # What was sent is sent: a look that fails is no reason to leave this number, or the
            # others, between two links.
            held = await held_numbers(self._context, numbers, imported=imported, left_out=_NOT_READ)
            ended = [number for number in held if self._has_ended(number, held[number])]
            await self._each(ended, self._go_on)
            limit_s = self._order.provisioning_wait_s
            if len(held) < len(numbers):
                # A read takes long before it fails: a vendor that is down must not hold the run for
                # hours.
                looked_s = time.monotonic() - began_s
                for each in self._waiting.values():
                    each.waited_s += looked_s
            self._waiting = {
                number: each for number, each in self._waiting.items() if each.waited_s < limit_s
            }
            if not self._waiting:
                return
            pause_s = POLL_FIRST_S if ended else min(pause_s * POLL_GROWTH, POLL_S)
            pause_s = min(pause_s, max(limit_s - each.waited_s for each in self._waiting.values()))
            await self._context.wait(pause_s)
            for each in self._waiting.values():
                each.waited_s += pause_s

    def _has_ended(self, number: str, held: HeldNumber | None) -> bool:
        """Whether nothing is left to wait for, by what a list or a read shows."""
        if held is None:
            return True
        row = self._waiting[number].row
        if _phase(row) == _UNLINK:
            progress = unlink_progress(held, row.request, _marks(row))
            return progress in (Unlink.OFF, Unlink.FAILED) or not _any(
                plan_changes(held, self._order)
            )
        standings = {
            stand.standing for stand in stands(held, wanted_link(row.request), _marks(row))
        }
        return standings <= {Standing.LINKED} or (
            bool(standings & FAILED) and not standings & MOVING
        )

    async def _go_on(self, number: str) -> None:
        """The job of one number has ended: go on to what is next.

        Read by name before anything is built on it, since lists may be late.
        """
        if _phase(self._waiting[number].row) == _CHANGE:
            # Nothing is built on it: the report reads the number again, and the sweep does.
            del self._waiting[number]
            return
        try:
            held = await held_number(self._context, number)
        except _NOT_READ:
            return
        if not self._has_ended(number, held):
            return
        row = self._waiting.pop(number).row
        if held is None:
            return
        if unlink_progress(held, row.request, _marks(row)) is Unlink.FAILED:
            await self._do_without_unlink(number, held)
            return
        live = self._live[number]
        if _CHANGE not in live:
            # Its change was refused in an earlier run: what is wanted from here on is planned anew.
            await self._plan([(held, Changes(change=plan_changes(held, self._order).change))])
        if _CHANGE in live:
            await self._send_change(number)

    async def _do_without_unlink(self, number: str, held: HeldNumber) -> None:
        """An old link is still on and will stay.

        Its change is taken back, and what does not depend on it is sent all the same.
        """
        live = self._live[number]
        change = live.pop(_CHANGE, None)
        if change is None:
            return
        await self._withdraw(change)
        changes = plan_changes(held, self._order)
        rest = {name: value for name, value in changes.change.items() if name not in changes.unlink}
        await self._plan([(held, Changes(change=rest))])
        if _CHANGE in live:
            await self._send_change(number)

    async def _send_change(self, number: str) -> None:
        live = self._live[number]
        change = live[_CHANGE] = await self._send(live[_CHANGE])
        if change.state is IntentionState.DONE and wanted_link(change.request):
            self._waiting[number] = _Waiting(change)

    async def _send(self, row: Intention) -> Intention:
        client = self._context.client
        step: CostlyStep = (
            UpdateImported(client) if row.operation == UPDATE_IMPORTED else Update(client)
        )
        return await self._steps.run(row, step)

    async def _withdraw(self, row: Intention) -> None:
        await self._steps.withdraw(row, STAYED_ON)


def _any(changes: Changes) -> bool:
    return bool(changes.unlink or changes.change)


def _marks(row: Intention) -> dict[str, str]:
    return dict((row.request.get(BEFORE) or {}).get("marks", {}))


def _notes(phase: str, held: HeldNumber, changes: Changes) -> dict[str, Any]:
    """What a step that touches a link keeps.

    The links there were, to be offered back, and with an unlink what is to be put on.

    So whoever follows it knows when the number is as wished, whatever becomes of this run.
    """
    request = changes.unlink if phase == _UNLINK else changes.change
    if not request.keys() & {"sms", "voice"}:
        return {}
    # Of what is not touched nothing is kept: it may get another link by another reference, and the
    # way back must not take that off.
    products = (("sms", SMS_IDS), ("voice", VOICE_IDS if held.ids.get("voice_id") else ()))
    touched = [
        name
        for product, names in products
        if product in changes.unlink or product in changes.change
        for name in names
    ]
    had = {name: held.ids[name] for name in touched if held.ids.get(name)}
    then = {name: changes.change[name] for name in ("sms", "voice") if name in changes.change}
    marks = {name: mark for name, mark in held.marks.items() if name.lower() in request}
    notes: dict[str, Any] = {BEFORE: {"ids": had, "marks": marks}}
    return {**notes, THEN: then} if phase == _UNLINK and then else notes


def _phase(row: Intention) -> str:
    return row.fingerprint.partition(" ")[0]


def _fingerprint(phase: str, request: Mapping[str, Any]) -> str:
    return f"{phase} {hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()}"


def _line(
    number: str,
    held: HeldNumber | None,
    changes: Changes | None,
    order: ConfigureParameters,
    rows: Sequence[Intention],
) -> NumbersLine:
    """One number as it is now, and what is still to be done."""
    mine = [row for row in rows if row.subject == number]
    stuck = next((row for row in reversed(mine) if row.state is not IntentionState.DONE), None)
    if held is None or changes is None:
        return NumbersLine(
            phone_number=number,
            state="not held",
            advice="the project does not hold it; leave it out",
        )
    stand = _stand(held, mine)
    if (
        not order.plan_only
        and stand is not None
        and stand.standing in FAILED
        and not _is_open(stuck)
    ):
        # A withdrawn change was withdrawn because of this.
        state = NO_MESSAGING if stand.lost == NO_MESSAGING else stand.standing.value
        return NumbersLine(
            phone_number=number,
            state=state,
            code=stand.code,
            advice=_told_failure(stand, held, mine),
            intention_id=mine[-1].id,
        )
    state, advice = _told(held, changes, order, stuck)
    return NumbersLine(
        phone_number=number, state=state, advice=advice, intention_id=stuck.id if stuck else ""
    )


def _is_open(row: Intention | None) -> bool:
    """Whether it is not known, or not decided, what becomes of a step."""
    return row is not None and row.state not in (
        IntentionState.REFUSED,
        IntentionState.PLANNED,
        IntentionState.DONE,
    )


def _stand(held: HeldNumber, mine: Sequence[Intention]) -> Stand | None:
    """How far the links of this reference are, by the latest steps that left."""
    wanted: dict[str, str] = {}
    marks: dict[str, str] = {}
    for row in mine:
        if row.state is IntentionState.DONE:
            wanted |= wanted_link(row.request)
            marks |= _marks(row)
    return worst(stands(held, wanted, marks))


def _told_failure(stand: Stand, held: HeldNumber, mine: Sequence[Intention]) -> str:
    """Why a job failed, what the number has now, and what it had."""
    had = links_before(mine)
    now = f"it still has {told_ids(held.ids)}" if told_ids(held.ids) else ""
    before = f"before this run it had {told_ids(had)}" if differs(had, held.ids) else ""
    return "; ".join(part for part in (stand.told, now, before) if part)


def _planned(held: HeldNumber, changes: Changes) -> tuple[str, str]:
    """State and advice of a number that a run would change.

    Every field as it is and as it would be.
    """
    told = told_changes(held, changes)
    if not changes.loses:
        return "to be changed", told
    return "to be unlinked and changed", f"{told}; would lose {'; '.join(changes.loses)} on the way"


def _told(
    held: HeldNumber, changes: Changes, order: ConfigureParameters, stuck: Intention | None
) -> tuple[str, str]:
    """State and advice of a number; `stuck` is its latest step that is not done."""
    if not _any(changes):
        return "being linked" if held.is_moving else "as wished", held.told_links
    if order.plan_only:
        return _planned(held, changes)
    if stuck is not None and not (stuck.state is IntentionState.PLANNED and held.is_moving):
        unlinked = _lost(held, changes)
        return stuck.state.value, "; ".join(part for part in (unlinked, stuck.reason) if part)
    if held.is_moving:
        return "being unlinked", "run again with the same reference to go on"
    return _lost(held, changes) or "failed", (
        "the vendor took the change, and the number does not show it; see its provisioning, then "
        "run under a new reference"
    )


def _lost(held: HeldNumber, changes: Changes) -> str:
    """What a number has not that it was to get, in words; empty when it has all of it."""
    stand = worst(stands(held, wanted_link(changes.change)))
    return stand.lost if stand is not None else ""
