"""A sweep over everything that the vendor works on for hours or days.

Where it stands, what a person has to know, what has ended.

Not here: what the states of one kind of order mean (its follower, handed in), and how alarms reach
people (tasks). A sweep only reads at the vendor: it costs nothing, and the next one makes up for
whatever this one could not do.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from numberflow.errors import JournalUnavailable, LeaseLost, NumberflowError
from numberflow.journal import (
    ORDER_OPERATIONS,
    Intention,
    IntentionState,
    LeaseKeeper,
    OrderKind,
    PendingWork,
)
from numberflow.models.reports import Alarm, FollowLine, FollowReport, OrderNumberLine, RunOutcome
from numberflow.models.wording import typed
from numberflow.purchase.report import AT_STAKE_STATES, open_item
from numberflow.purchase.run_context import RunContext, in_thread
from numberflow.purchase.stopped import name_stopped
from numberflow.steps import named
from numberflow.steps.imported import UPDATE_IMPORTED
from numberflow.steps.link import link_order
from numberflow.steps.update import OPERATION as UPDATE


@dataclass(frozen=True)
class Followed:
    """What one look at an order brought.

    Fields:
        line: for the report. Its alarms are raised by whoever made the sweep, before this is noted.
        facts: what the next look has to remember.
        closed: there is nothing more to wait for.
    """

    line: FollowLine
    facts: Mapping[str, Any] = field(default_factory=dict)
    closed: bool = False


logger = logging.getLogger(__name__)

Follower = Callable[[RunContext, PendingWork, datetime], Awaitable[Followed]]
"""Looks at one order; the time is the vendor's. Sends nothing that costs."""

Tell = Callable[[FollowLine], Awaitable[None]]

# They may take a live link off: of these the sweep has to hear, too, when nobody saw a reply.
_RELINKS = (UPDATE, UPDATE_IMPORTED)


async def take_up(context: RunContext, intentions: Sequence[Intention] | None = None) -> None:
    """Follow every order that a step of ours opened, and every number whose link may differ.

    Costs: nothing. Repeat: safe; what is followed stays as it is.

    A number that was given up is followed again when its step ended after that.

    Args:
        context: collaborators.
        intentions: the steps to look through; all of the project when left out.
    """
    if intentions is None:
        intentions = [
            intention
            for operation in ORDER_OPERATIONS
            for intention in await in_thread(
                context.journal.intentions,
                project_id=context.project_id,
                operation=operation,
                states=(IntentionState.DONE, *AT_STAKE_STATES)
                if operation in _RELINKS
                else (IntentionState.DONE,),
            )
        ]
    orders = [
        (intention, order)
        for intention in intentions
        if (order := _order_of(intention)) is not None
    ]
    known = {
        (order.kind, order.order_id): order
        for kind in sorted({OrderKind(order["kind"]) for _, order in orders})
        for order in await in_thread(
            context.journal.followed, context.project_id, kind=kind, open_only=False
        )
    }
    for intention, order in orders:
        kind, order_id = OrderKind(order["kind"]), order["order_id"]
        before = known.get((kind, order_id))
        is_new_again = (
            before is not None
            and kind is OrderKind.LINK
            and before.closed_at is not None
            and before.closed_at < intention.updated_at
        )
        if before is None or is_new_again:
            known[kind, order_id] = await in_thread(
                context.journal.follow, intention.purchase_id, kind, order_id,
                state=order["state"], facts=order["facts"], reopen=is_new_again,
            )  # fmt: skip


def _order_of(intention: Intention) -> Mapping[str, Any] | None:
    """What is to be followed of a step; None when there is nothing."""
    if intention.state is IntentionState.DONE:
        return (intention.result or {}).get("order")
    if intention.operation in _RELINKS and intention.state in AT_STAKE_STATES:
        return link_order(named(intention), intention).get("order")
    return None


async def follow_orders(
    context: RunContext,
    followers: Mapping[OrderKind, Follower],
    *,
    reference: str | None = None,
    tell: Tell | None = None,
) -> list[FollowLine]:
    """Look at every open order of the project once. Costs nothing; repeat at will.

    An order that cannot be read does not stop the others. One that another sweep looks at right now
    is left to it.

    Args:
        context: collaborators.
        followers: who looks at which kind.
        reference: only the orders of this purchase.
        tell: gets each line while its order is held; if it fails, its alarms count as not raised
            and come again.

    Raises:
        JournalUnavailable: the journal cannot be read or written.
        The errors of a read: the vendor does not answer at all.
    """
    await take_up(context)
    lines = await _lost(context, reference)
    lines += await name_stopped(context, reference=reference, tell=tell)
    orders = await in_thread(context.journal.followed, context.project_id, reference=reference)
    return lines + await look_at(context, orders, followers, tell=tell)


async def look_at(
    context: RunContext,
    orders: Sequence[PendingWork],
    followers: Mapping[OrderKind, Follower],
    *,
    tell: Tell | None = None,
) -> list[FollowLine]:
    """Look at these open orders once; `follow_orders` says the rest."""
    lines = []
    if orders:
        # The smallest read there is: before the first reply nobody knows what the vendor's clock
        # shows, and deadlines are told by it.
        await context.client.regions.list()
    async with LeaseKeeper(context.journal, context.settings.lease_s) as keeper:
        for order in orders:
            try:
                async with keeper.holding(order.resource):
                    line = await _look(context, order, followers[order.kind], tell)
            except LeaseLost:
                continue
            if line is not None:
                lines.append(line)
    return lines


async def _look(
    context: RunContext, order: PendingWork, follower: Follower, tell: Tell | None
) -> FollowLine | None:
    # Read again under the lease: another sweep may have closed it, or raised an alarm, a moment
    # ago.
    known = await in_thread(
        context.journal.followed, context.project_id, kind=order.kind, purchase_id=order.purchase_id
    )
    order = next((each for each in known if each.id == order.id), order)
    if order not in known:
        return None
    try:
        followed = await follower(context, order, context.client.vendor_now())
        if tell is not None:
            await tell(followed.line)
    except (LeaseLost, JournalUnavailable):
        raise
    except NumberflowError as error:
        return _unread(
            order,
            f"could not be read: {error.message}",
            "the next sweep looks again; the state is the last one that was seen",
        )
    except Exception as error:
        # Whatever it is (a store, a notification block, an error of ours): the other orders are not
        # to blame, and nothing counts as told.
        logger.exception("%s could not be followed", order)
        return _unread(
            order,
            f"could not be followed: {type(error).__name__}",
            "the log has the traceback; the next sweep tries again",
        )
    raised = [*order.facts.get("alarms", ()), *(alarm.name for alarm in followed.line.alarms)]
    await in_thread(
        context.journal.note_order,
        order.id,
        state=followed.line.state,
        facts={**followed.facts, "alarms": raised},
        closed=followed.closed,
    )
    return followed.line


def _unread(order: PendingWork, summary: str, advice: str) -> FollowLine:
    return FollowLine(
        kind=order.kind,
        order_id=order.order_id,
        reference=order.reference,
        state=order.state,
        is_open=True,
        summary=summary,
        advice=advice,
    )


async def _lost(context: RunContext, reference: str | None) -> list[FollowLine]:
    """Orders that may have been opened and whose id nobody has heard.

    Their reservations may be running out while nobody looks.
    """
    found = []
    for operation in ORDER_OPERATIONS:
        rows = await in_thread(
            context.journal.intentions,
            project_id=context.project_id,
            operation=operation,
            states=(IntentionState.UNKNOWN, IntentionState.NEEDS_PERSON),
            reference=reference,
        )
        for row in (row for row in rows if row.opens_order):
            person = row.state is IntentionState.NEEDS_PERSON
            found.append(
                FollowLine(
                    kind=str(row.operation),
                    order_id="",
                    reference=row.reference,
                    state=row.state.value,
                    is_open=True,
                    needs_person=person,
                    summary="it is not known whether the order was opened: "
                    f"{row.reason or 'no reply'}",
                    advice=f"settle it: {typed(open_item(row).command)}"
                    if person
                    else "run the same reference again",
                )
            )
    return found


def not_raised(order: PendingWork, name: str) -> bool:
    """Whether an alarm of this name has not been raised for the order yet."""
    return name not in order.facts.get("alarms", ())


def follow_report(lines: Sequence[FollowLine]) -> FollowReport:
    """Put a sweep into words. It is done when nobody has to do anything.

    An order that could not be read is no failure of the sweep.
    """
    waiting = [line for line in lines if line.needs_person]
    return FollowReport(
        outcome=RunOutcome.NEEDS_PERSON if waiting else RunOutcome.DONE,
        reason="; ".join(f"{line.reference}: {line.summary}" for line in waiting),
        remedy="; ".join(dict.fromkeys(line.advice for line in waiting if line.advice)),
        orders=tuple(lines),
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """A moment in a wait for a person at which somebody has to hear of it."""

    name: str
    after: timedelta
    text: str


def latest_stage(stages: Sequence[Stage], waited: timedelta) -> Stage | None:
    """The latest stage that is due.

    After a weekend without sweeps nobody needs three letters at once.
    """
    return next((stage for stage in reversed(stages) if waited >= stage.after), None)


def due(followed: PendingWork, name: str, text: str) -> list[Alarm]:
    """The alarm, unless it was raised before."""
    return [Alarm(name=name, text=text)] if not_raised(followed, name) else []


def untold(followed: PendingWork, name: str, phone_numbers: Iterable[str]) -> list[str]:
    """The numbers of which an alarm of this name has not told yet."""
    told = set(followed.facts.get("told", {}).get(name, ()))
    return [number for number in phone_numbers if number not in told]


def shown_since(followed: PendingWork, state: str, now: datetime) -> datetime:
    """When a sweep saw this state first; `now` when the last one saw another."""
    kept: Mapping[str, str] = followed.facts.get("shown", {})
    return datetime.fromisoformat(kept["since"]) if kept.get("state") == state else now


def followed_number(
    followed: PendingWork,
    state: str,
    since: datetime,
    *,
    closed: bool,
    needs_person: bool,
    advice: str,
    alarms: Sequence[Alarm],
) -> Followed:
    """What one look at one number brought; `since` is kept for `shown_since`."""
    number = str(followed.facts["number"])
    line = FollowLine(
        kind=followed.kind,
        order_id=followed.order_id,
        reference=followed.reference,
        state=state,
        is_open=not closed,
        needs_person=needs_person,
        summary=f"{number}: {state}",
        advice=advice,
        numbers=(OrderNumberLine(phone_number=number, state=state, advice=advice),),
        alarms=tuple(alarms),
    )
    return Followed(line, {"shown": {"state": state, "since": since.isoformat()}}, closed=closed)
