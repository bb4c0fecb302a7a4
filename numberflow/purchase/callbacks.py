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
from numberflow.journal import CallbackEntry, LeaseKeeper, OrderKind, PendingWork
from numberflow.models.reports import CallbackLine, CallbacksReport, RunOutcome
from numberflow.models.wording import count_of
from numberflow.planning.links import FAILED, Standing
from numberflow.purchase.follow import Follower, Tell, look_at, take_up
from numberflow.purchase.run_context import RunContext, in_thread

# Events about 50 numbers and their orders; the lease is renewed all the time.
BATCH_MAX = 200
# After that the sweep goes on alone: it looks at the same work.
GIVEN_UP_AFTER = timedelta(days=1)
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


async def drain_callbacks(
    context: RunContext, followers: Mapping[OrderKind, Follower], *, tell: Tell, emit: Emit
) -> CallbacksReport:
    """Work through the project's waiting callbacks. Costs nothing; repeat at will.

    A callback is done when the vendor's state was read and noted, and its event has left. One whose
    work could not be read waits for the next run. Two runs at once: the second leaves it to the
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
                while batch := await run.next_batch():
                    lease.check()
                    await run.work_through(batch)
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
            "next": "" if line.is_done else "the next run tries again",
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
        self._tried: set[str] = set()
        self.lines: list[CallbackLine] = []

    async def next_batch(self) -> list[CallbackEntry]:
        """The events that wait and that this run has not tried."""
        found = await in_thread(
            self._journal.waiting_callbacks, self._project, limit=BATCH_MAX + len(self._tried)
        )
        batch = [each for each in found if each.event_id not in self._tried][:BATCH_MAX]
        self._tried |= {each.event_id for each in batch}
        return batch

    async def work_through(self, batch: Sequence[CallbackEntry]) -> None:
        """Look at what the events are about, and note for each what came of it."""
        await take_up(self._context)
        groups: dict[tuple[str, str], list[CallbackEntry]] = defaultdict(list)
        for each in batch:
            groups[each.resource_type, each.resource_id].append(each)
        for (kind, resource), events in groups.items():
            first = min(events, key=lambda each: (each.received_at, each.event_id))
            came, is_done = await self._about(resource, first)
            ids = [each.event_id for each in events]
            if not is_done and datetime.now(UTC) - first.received_at > GIVEN_UP_AFTER:
                came, is_done = f"left to follow-orders: {came}", True
            if is_done:
                notes = dict.fromkeys(ids, came)
                await in_thread(self._journal.callbacks_done, self._project, notes)
            else:
                await in_thread(self._journal.callbacks_failed, self._project, ids, came)
            self.lines.append(
                CallbackLine(
                    resource=f"{kind} {resource}", callbacks=len(ids), came=came, is_done=is_done
                )
            )

    async def _about(self, resource: str, first: CallbackEntry) -> tuple[str, bool]:
        """What came of the events about a number or order, in words, and whether they are done."""
        works = await self._works(resource)
        if not works:
            known = await in_thread(
                self._journal.intentions, project_id=self._project, subject=resource, limit=1
            )
            return ("nothing of it is followed" if known else "not in the journal"), True
        opened = [work for work in works if work.is_open]
        try:
            await look_at(self._context, opened, self._followers, tell=self._tell)
        except JournalUnavailable:
            raise
        except NumberflowError as error:
            return f"could not be read: {error.message}", False
        came = []
        # What is over, a sweep may have seen first: then only its event is missing.
        for work in opened or works[-1:]:
            try:
                async with self._keeper.holding(work.resource):
                    seen = await self._works(resource)
                    now = next(each for each in seen if each.id == work.id)
                    if work.is_open and now.seen_at == work.seen_at:
                        return f"{work.reference}: could not be looked at", False
                    await self._emit_once(now, first)
            except LeaseLost as error:
                return f"{work.reference}: {error.message}", False
            came.append(f"{now.reference}: {now.state}")
        return "; ".join(came), True

    async def _works(self, resource: str) -> list[PendingWork]:
        """Followed work, open or not, that a callback about this number or order may concern."""
        followed = await in_thread(self._journal.followed, self._project, open_only=False)
        return [work for work in followed if _concerns(work, resource)]

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
                    id=uuid5(NAMESPACE_URL, f"{self._project}/{callback.event_id}/{name}"),
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


def _concerns(work: PendingWork, resource: str) -> bool:
    # By id or number and not by the callback's type: types are an open set, and for hosting orders
    # it is undecided which of the two they name (docs/vendor/imported-hosting-behaviour.md §12).
    if work.kind is OrderKind.QUALIFICATION:
        return False
    facts = work.facts
    numbers = (facts.get("number"), *facts.get("numbers", ()), *facts.get("phone_numbers", ()))
    return resource in (work.order_id, *numbers)


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
