"""Configure held numbers, rented or imported: name, links, callback address; another link by unlink, wait, relink, each through the journal.

Not here: what has to be sent (planning.configuring), and how a request is recognised (steps.update, steps.imported).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from numberflow.errors import BadInput, SpendRefused
from numberflow.journal import Intention, Lease, LeaseKeeper, NewIntention, NewPurchase, Purchase, State
from numberflow.models.held_numbers import ConfigureOrder
from numberflow.models.reports import HostedLine, HostedReport
from numberflow.planning.configuring import Changes, HeldNumber, Holding, is_unlinked, plan_changes
from numberflow.purchase.desk import Desk, each_of, in_thread
from numberflow.purchase.follow import take_up
from numberflow.purchase.held import begun_rows, held_number, held_numbers, require_held
from numberflow.purchase.hosting import CostlyStep, hosted_report, plan, run_step
from numberflow.steps.imported import UPDATE_IMPORTED, UpdateImported
from numberflow.steps.link import THEN
from numberflow.steps.update import OPERATION as UPDATE
from numberflow.steps.update import Update

OPERATION = "configure_numbers"
# Numbers under way at once, as with rents.
AT_ONCE = 4
# Unlinking takes seconds (docs/vendor/imported-hosting-behaviour.md §16, assumed).
POLL_S = 5.0

_UNLINK, _CHANGE = "unlink", "change"


async def survey(desk: Desk, order: ConfigureOrder) -> tuple[dict[str, HeldNumber | None], dict[str, Changes]]:
    """Each number as it is held, and what would be sent for it. Costs: nothing."""
    held = await held_numbers(desk, order.phone_numbers)
    return held, {number: plan_changes(each, order) for number, each in held.items() if each is not None}


async def configure(desk: Desk, order: ConfigureOrder, reference: str, *, flow_run_id: str | None) -> list[Intention]:
    """Send what is needed to make every number as wanted.

    Costs: nothing is charged; taking a live link off stops its service until the new one is on. Repeat: safe; what is open is looked up first.

    Raises:
        BadInput: a number is not held, or cannot have what is wanted; nothing was sent.
        SpendRefused: live links would be taken off, and nobody confirmed that; nothing was sent.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no request.
    """
    new = NewPurchase(desk.project_id, reference, OPERATION, order.fingerprint(), order.what_is_done(), flow_run_id)
    # A change that never left may have to be planned again, so its number is checked like a new one.
    begun = {
        str(row.subject)
        for row in await begun_rows(desk, new)
        if not (_phase(row) == _CHANGE and row.state is State.PLANNED)
    }
    await _require_allowed(desk, order, [number for number in order.phone_numbers if number not in begun])
    purchase = await in_thread(desk.journal.open_purchase, new)
    async with desk.hold(purchase) as (keeper, lease):
        known = await in_thread(desk.journal.intentions, purchase_id=purchase.id)
        run = _Run(desk, order, purchase, keeper, lease, flow_run_id)
        await each_of(
            order.phone_numbers,
            lambda number: run.one(number, [row for row in known if row.subject == number]),
            at_once=AT_ONCE,
        )
        rows = list(await in_thread(desk.journal.intentions, purchase_id=purchase.id))
        await take_up(desk, rows)
        return rows


async def configure_report(
    desk: Desk, order: ConfigureOrder, reference: str, rows: Sequence[Intention], *, flow_run_id: str | None = None
) -> HostedReport:
    """Put a run into words, every number as it is now. Costs: nothing.

    Raises:
        BadInput: plan only, and the run would be refused: a number cannot have what is wanted.
    """
    held, changes = await survey(desk, order)
    if order.plan_only:
        _require_possible(order, held)
    lines = [_line(number, each, changes.get(number), order, rows) for number, each in held.items()]
    notes = ["plan only: nothing was sent"] if order.plan_only else []
    return hosted_report(
        lines, rows, wished=_PLAN_WISHED if order.plan_only else _WISHED, notes=notes, reference=reference, action="configure",
        plan_only=order.plan_only, project_id=desk.project_id, flow_run_id=flow_run_id,
    )  # fmt: skip


_WISHED = frozenset({"as wished", "being linked"})
_PLAN_WISHED = frozenset({"as wished", "being linked", "to be changed", "to be unlinked and changed"})


def _require_possible(order: ConfigureOrder, held: Mapping[str, HeldNumber | None]) -> None:
    imported = [number for number, each in held.items() if each is not None and each.holding is Holding.IMPORTED]
    if order.voice is not None and imported:
        raise BadInput(
            f"voice: {imported[0]} is imported, and the voice of an imported number stays elsewhere",
            field="voice",
            mend="leave voice empty, or configure imported numbers in a run of their own",
        )


async def _require_allowed(desk: Desk, order: ConfigureOrder, phone_numbers: Sequence[str]) -> None:
    held = await held_numbers(desk, phone_numbers)
    require_held(held)
    _require_possible(order, held)
    loses = {
        number: changes.loses
        for number, each in held.items()
        if each is not None and (changes := plan_changes(each, order)).loses
    }
    if loses and not order.confirm_unlink:
        first, what = next(iter(loses.items()))
        raise SpendRefused(
            f"{len(loses)} of {len(order.phone_numbers)} numbers would lose live links on the way, {first} for one: {'; '.join(what)}",
            rule="unlink",
            mend="run with plan_only to see every one, then again with confirm_unlink true",
        )


class _Run:
    """One run over the numbers of one reference, with its lease in hand."""

    def __init__(
        self,
        desk: Desk,
        order: ConfigureOrder,
        purchase: Purchase,
        keeper: LeaseKeeper,
        lease: Lease,
        flow_run_id: str | None,
    ) -> None:
        self._desk = desk
        self._order = order
        self._purchase = purchase
        self._keeper = keeper
        self._lease = lease
        self._flow_run_id = flow_run_id

    async def one(self, phone_number: str, known: Sequence[Intention]) -> None:
        """Bring one number as far as it goes: unlink, wait, change. What was begun before is ended first."""
        live = {_phase(row): row for row in known if row.state is not State.REFUSED}
        change = live.get(_CHANGE)
        if change is not None and change.state is not State.PLANNED:
            # It left, so its unlink is through: what is open about it is looked up, whatever the number shows of the unlink by now.
            await self._send(change)
            return
        if change is not None and _UNLINK not in live and any(_phase(row) == _UNLINK for row in known):
            # Its unlink was refused: over a live link it would be refused, too.
            await self._withdraw(live.pop(_CHANGE))
        if not live:
            held = await held_number(self._desk, phone_number)
            if held is None:
                # Gone since it was checked; the report says so.
                return
            live = await self._plan(held, plan_changes(held, self._order))
        unlink = live.get(_UNLINK)
        if (unlink is None or await self._take_off(phone_number, unlink, live)) and _CHANGE in live:
            await self._send(live[_CHANGE])

    async def _take_off(self, phone_number: str, unlink: Intention, live: dict[str, Intention]) -> bool:
        """Unlink and wait until the old link is gone; whether it is."""
        unlink = await self._send(unlink)
        if unlink.state is State.REFUSED and _CHANGE in live:
            await self._withdraw(live[_CHANGE])
        if unlink.state is not State.DONE or not await self._unlinked(phone_number, unlink):
            return False
        if _CHANGE not in live:
            # Its change was refused in an earlier run: what is wanted from here on is planned anew.
            held = await held_number(self._desk, phone_number)
            if held is not None:
                live |= await self._plan(held, Changes(change=plan_changes(held, self._order).change))
        return True

    async def _plan(self, held: HeldNumber, changes: Changes) -> dict[str, Intention]:
        operation = UPDATE if held.holding is Holding.RENTED else UPDATE_IMPORTED
        requests = {
            phase: request for phase, request in ((_UNLINK, changes.unlink), (_CHANGE, changes.change)) if request
        }
        if not requests:
            return {}
        lines = [
            NewIntention(
                operation, held.phone_number, _fingerprint(phase, request), _with_what_follows(request, requests)
            )
            for phase, request in requests.items()
        ]
        rows = await plan(self._desk, self._purchase, lines, self._lease, self._flow_run_id)
        return dict(zip(requests, rows, strict=True))

    async def _send(self, row: Intention) -> Intention:
        client = self._desk.client
        step: CostlyStep = UpdateImported(client) if row.operation == UPDATE_IMPORTED else Update(client)
        return await run_step(self._desk, row, step, self._keeper, self._lease)

    async def _withdraw(self, row: Intention) -> None:
        reason = "the old link was not taken off, so nothing was put on"
        await in_thread(self._desk.journal.withdraw, row.id, self._lease, reason)

    async def _unlinked(self, phone_number: str, unlink: Intention) -> bool:
        """Wait until the old link is gone. A run that does not see it is started again later and goes on from here."""
        waited_s = 0.0
        while True:
            held = await held_number(self._desk, phone_number)
            if held is not None and is_unlinked(held, unlink.request):
                return True
            if waited_s >= self._order.provisioning_wait_s:
                return False
            await self._desk.wait(POLL_S)
            waited_s += POLL_S


def _phase(row: Intention) -> str:
    return row.fingerprint.partition(" ")[0]


def _with_what_follows(request: Mapping[str, Any], requests: Mapping[str, Any]) -> Mapping[str, Any]:
    """An unlink keeps what is to be put on, so that whoever follows it knows when the number is as wished, whatever becomes of this run."""
    link = requests.get(_CHANGE, {}).get("sms")
    return {**request, THEN: link} if request is requests.get(_UNLINK) and link else request


def _fingerprint(phase: str, request: Mapping[str, Any]) -> str:
    return f"{phase} {hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()}"


def _line(
    number: str, held: HeldNumber | None, changes: Changes | None, order: ConfigureOrder, rows: Sequence[Intention]
) -> HostedLine:
    """One number as it is now, and what is still to be done."""
    mine = [row for row in rows if row.subject == number]
    stuck = next((row for row in reversed(mine) if row.state is not State.DONE), None)
    state, advice = _told(held, changes, order, stuck)
    return HostedLine(phone_number=number, state=state, advice=advice, intention_id=stuck.id if stuck else "")


def _told(
    held: HeldNumber | None, changes: Changes | None, order: ConfigureOrder, stuck: Intention | None
) -> tuple[str, str]:
    """State and advice of a number; `stuck` is its latest step that is not done."""
    if held is None or changes is None:
        return "not held", "the project does not hold it; leave it out"
    if not changes.unlink and not changes.change:
        return "being linked" if held.is_moving else "as wished", held.told_links
    if order.plan_only:
        lost = f"would lose {'; '.join(changes.loses)}" if changes.loses else ""
        return ("to be unlinked and changed" if lost else "to be changed"), lost
    if stuck is not None and not (stuck.state is State.PLANNED and held.is_moving):
        unlinked = _NO_LINK if _lost_its_link(held, changes) else ""
        return stuck.state.value, "; ".join(part for part in (unlinked, stuck.reason) if part)
    if held.is_moving:
        return "being unlinked", "run again with the same reference to go on"
    why = held.told_failure or "the vendor took the change, and the number does not show it; see its provisioning"
    state = _NO_LINK if _lost_its_link(held, changes) else "failed"
    return state, f"{why}; then run under a new reference"


_NO_LINK = "unlinked now: no messaging"


def _lost_its_link(held: HeldNumber, changes: Changes) -> bool:
    """Whether a number has no service plan and was to get one."""
    return not held.service_plan_id and bool(changes.change.get("sms"))
