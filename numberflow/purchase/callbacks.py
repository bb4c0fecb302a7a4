"""Working through the inbox of callbacks: look at what they are about, and tell what changed.

A callback only says where to look. What is looked at is the work that follow-orders follows, in the
same way; a callback about anything else is noted and not acted on. Reads only. Not here: what the
states of one kind of work mean (its follower, handed in), and how events leave (tasks).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from numberflow.errors import JournalUnavailable, LeaseLost, NumberflowError
from numberflow.journal import CallbackEntry, Intention, LeaseKeeper, OrderKind, PendingWork
from numberflow.models.reports import CallbackLine, CallbacksReport, RunOutcome
from numberflow.models.wording import count_of
from numberflow.planning.links import FAILED, Standing
from numberflow.purchase.follow import Follower, Tell, look_at, take_up
from numberflow.purchase.report import AT_STAKE_STATES
from numberflow.purchase.run_context import RunContext, in_thread

# What one run takes. What arrives meanwhile is the next one's, which the receiver starts.
BATCH_MAX = 2000
# After that the sweep goes on alone: it looks at the same work.
GIVEN_UP_AFTER = timedelta(days=1)
# How long a callback waits for a step of ours to end, or for what it announces to be seen.
AWAITED_FOR = timedelta(hours=6)
# An event that comes again later than this is looked at again, which harms nobody.
KEPT_FOR = timedelta(days=30)
# The fact under which a followed piece of work keeps the event that was emitted last.
_TOLD = "event"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An event to emit.

    Its id follows from the callback's, so that what a killed run emitted stays one event.
    """

    id: UUID
    name: str
    resource: str
    payload: Mapping[str, str]


Emit = Callable[[Outcome], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of a callback, in words. Unless it is done, how old it may get while it waits."""

    text: str
    waits_for: timedelta | None = None


async def drain_callbacks(
    context: RunContext, followers: Mapping[OrderKind, Follower], *, tell: Tell, emit: Emit
) -> CallbacksReport:
    """Work through the project's waiting callbacks. Costs nothing; repeat at will.

    A callback is done when what it is about has ended, or its event has left. It waits for a later
    run while its work could not be read or goes on at the vendor, and while a step of ours is open
    that may be what it tells of; but not for ever. Two runs at once: the second leaves it to the
    first.

    Args:
        context: collaborators.
        followers: who looks at which kind of work.
        tell: gets each line, as in `follow_orders`.
        emit: sends one event.

    Raises:
        JournalUnavailable: the journal cannot be read or written.
    """
    notes: tuple[str, ...] = ()
    async with LeaseKeeper(context.journal, context.settings.lease_s) as keeper:
        run = _Drain(context, followers, keeper, tell, emit)
        try:
            async with keeper.holding(f"callbacks/{context.project_id}") as lease:
                await run.work_through(before_each=lease.check)
                await in_thread(
                    context.journal.remove_callbacks, context.project_id, older_than=KEPT_FOR
                )
        except LeaseLost as error:
            notes = (f"another run works through the inbox: {error.message}",)
    inbox = await in_thread(context.journal.inbox, context.project_id)
    if run.lines:
        events = count_of(sum(line.callbacks for line in run.lines), "callback")
        notes += (f"{events} about {count_of(len(run.lines), 'resource')}",)
    return CallbacksReport(
        outcome=RunOutcome.DONE,
        project_id=context.project_id,
        notes=notes,
        resources=tuple(run.lines),
        waiting=inbox.waiting,
        unreadable=inbox.unreadable,
    )


def callback_rows(report: CallbacksReport) -> list[dict[str, str]]:
    """What came of each number and order, for a table."""
    return [
        {
            "about": line.resource,
            "callbacks": str(line.callbacks),
            "what came of it": line.came,
            "next": "" if line.is_done else "a later run tries again",
        }
        for line in report.resources
    ]


class _Drain:
    """One run over the inbox. `lines` says what came of it so far."""

    def __init__(
        self,
        context: RunContext,
        followers: Mapping[OrderKind, Follower],
        keeper: LeaseKeeper,
        tell: Tell,
        emit: Emit,
    ) -> None:
        self._context = context
        self._journal = context.journal
        self._project = context.project_id
        self._followers = followers
        self._keeper = keeper
        self._tell = tell
        self._emit = emit
        self._at_stake: Sequence[Intention] = ()
        self._seen: dict[str, _Came] = {}
        self.lines: list[CallbackLine] = []

    async def work_through(self, *, before_each: Callable[[], object]) -> None:
        """Look at what the due events are about, and note for each what came of it."""
        batch = await in_thread(
            self._journal.waiting_callbacks, self._project, limit=BATCH_MAX, due_only=True
        )
        if not batch:
            return
        # Before steps that have ended are taken up: one that ends in between is in both.
        self._at_stake = await in_thread(
            self._journal.intentions, project_id=self._project, states=AT_STAKE_STATES
        )
        await take_up(self._context)
        groups: dict[tuple[str, str], list[CallbackEntry]] = defaultdict(list)
        for each in sorted(batch, key=lambda each: (each.received_at, each.event_id)):
            groups[each.resource_type, each.resource_id].append(each)
        about = await self._about(frozenset(resource for _, resource in groups))
        for (kind, resource), events in groups.items():
            before_each()
            came = await self._came(resource, about[resource], events[0])
            ids = [each.event_id for each in events]
            text, is_done = came.text, came.waits_for is None
            if came.waits_for and datetime.now(UTC) - events[0].received_at > came.waits_for:
                text, is_done = f"left to follow-orders: {text}", True
            if is_done:
                await in_thread(
                    self._journal.callbacks_done, self._project, dict.fromkeys(ids, text)
                )
            else:
                await in_thread(self._journal.callbacks_failed, self._project, ids, text)
            self.lines.append(
                CallbackLine(
                    resource=f"{kind} {resource}", callbacks=len(ids), came=text, is_done=is_done
                )
            )

    async def _about(self, resources: frozenset[str]) -> Mapping[str, list[PendingWork]]:
        """Followed work, open or not, that callbacks about these numbers or orders may concern."""
        about: dict[str, list[PendingWork]] = {resource: [] for resource in resources}
        for work in await in_thread(self._journal.followed_about, self._project, resources):
            for name in resources & _names(work):
                about[name].append(work)
        return about

    async def _came(
        self, resource: str, works: Sequence[PendingWork], first: CallbackEntry
    ) -> _Came:
        """What came of the events about a number or order, of which `first` arrived first."""
        opened = [work for work in works if work.is_open]
        found = []
        # What is over, a sweep may have seen first: then only its event is missing.
        for work in opened or works[-1:]:
            if work.id not in self._seen:
                self._seen[work.id] = await self._looked_at(work, first)
            found.append(self._seen[work.id])
        if not opened and any(_may_be_about(step, resource) for step in self._at_stake):
            found.append(_Came("a step that may be the cause has not ended", AWAITED_FOR))
        if not found:
            known = await in_thread(
                self._journal.intentions, project_id=self._project, subject=resource, limit=1
            )
            return _Came("nothing of it is followed" if known else "not in the journal")
        return _Came(
            "; ".join(each.text for each in found),
            max((each.waits_for for each in found if each.waits_for), default=None),
        )

    async def _looked_at(self, work: PendingWork, first: CallbackEntry) -> _Came:
        """Look at followed work, once in a run, and emit its event."""
        try:
            await look_at(
                self._context, [work] if work.is_open else [], self._followers, tell=self._tell
            )
        except JournalUnavailable:
            raise
        except NumberflowError as error:
            return _Came(f"could not be read: {error.message}", GIVEN_UP_AFTER)
        try:
            async with self._keeper.holding(work.resource):
                same = await in_thread(
                    self._journal.followed, self._project,
                    kind=work.kind, purchase_id=work.purchase_id, open_only=False,
                )  # fmt: skip
                now = next(each for each in same if each.id == work.id)
                if work.is_open and now.seen_at == work.seen_at:
                    return _Came(f"{work.reference}: could not be looked at", GIVEN_UP_AFTER)
                await self._emit_once(now, first)
        except LeaseLost as error:
            return _Came(f"{work.reference}: {error.message}", GIVEN_UP_AFTER)
        # A read may lag behind the callback: what goes on is looked at again.
        goes_on = now.is_open and not event_of(now)
        return _Came(f"{now.reference}: {now.state}", AWAITED_FOR if goes_on else None)

    async def _emit_once(self, work: PendingWork, callback: CallbackEntry) -> None:
        """Emit the event of how work stands, unless it was the last that was emitted for it."""
        name = event_of(work)
        if name == work.facts.get(_TOLD, ""):
            return
        if name:
            number = str(work.facts.get("number", ""))
            about = f"{name.split('.')[1]}.{self._project}.{number or work.order_id}"
            await self._emit(
                Outcome(
                    id=uuid5(
                        NAMESPACE_URL,
                        f"{self._project}/{callback.event_id}/{name}/{work.order_id}",
                    ),
                    name=name,
                    resource=f"numberflow.{about}",
                    payload={
                        "reference": work.reference,
                        "order": "" if number else work.order_id,
                        "number": number,
                        "state": work.state,
                    },
                )
            )
        await in_thread(self._journal.note_order, work.id, state=work.state, facts={_TOLD: name})


def _names(work: PendingWork) -> frozenset[str]:
    # By id or number and not by the callback's type: types are an open set, and for hosting orders
    # it is undecided which of the two they name (docs/vendor/imported-hosting-behaviour.md §12).
    if work.kind is OrderKind.QUALIFICATION:
        return frozenset()
    facts = work.facts
    numbers = (facts.get("number"), *facts.get("numbers", ()), *facts.get("phone_numbers", ()))
    return frozenset(map(str, (work.order_id, *filter(None, numbers))))


def _may_be_about(step: Intention, resource: str) -> bool:
    """Whether an open step may be what a callback tells of: its reply may come after it."""
    # The vendor's reply names the order that is opened, and the number that the vendor chooses.
    return step.subject in (None, resource) or step.opens_order


def event_of(work: PendingWork) -> str:
    """The name of the event that says how work stands; empty while there is nothing to say."""
    if work.kind is OrderKind.LINK:
        if work.state in FAILED:
            return "numberflow.number.failed"
        return "numberflow.number.linked" if work.state == Standing.LINKED else ""
    # "IN_REVIEW (overdue)" is the vendor's word and ours.
    state = work.state.split(" ")[0].lower()
    if work.kind is OrderKind.NUMBER and state == "blocked":
        return "numberflow.order.blocked"
    if work.is_open or work.kind not in (OrderKind.NUMBER, OrderKind.HOSTING):
        return ""
    return f"numberflow.{'order' if work.kind is OrderKind.NUMBER else 'import'}.{state}"
