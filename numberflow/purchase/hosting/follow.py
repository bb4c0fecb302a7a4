"""Follow hosting orders: the signature with its reminders, each number's steps, and how it ended.

Reads only. COMPLETED is not success: each number decides
(docs/vendor/imported-hosting-behaviour.md §4). Not here: the sweep itself (purchase.follow), and
what a number shows (planning.hosting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from numberflow.errors import OutcomeUnknown
from numberflow.journal import PendingWork
from numberflow.models.hosting import HostingOrder, HostingOrderReport, HostingOrderState
from numberflow.models.reports import Alarm, FollowLine, OrderNumberLine
from numberflow.models.wording import count_of, first_of
from numberflow.planning.hosting import FINAL_ORDER_STATES, NumberProgress, Progress, counted
from numberflow.purchase.follow import Followed, Stage, due, latest_stage, untold
from numberflow.purchase.hosting.orders import order_progress, progress_line
from numberflow.purchase.run_context import RunContext

# docs/vendor/imported-hosting-behaviour.md §6 (assumed): remind after one day, escalate after
# three, give up waiting after fourteen.
SIGNATURE_STAGES = (
    Stage(
        "signature reminder",
        timedelta(days=1),
        "ask the signer to sign the letter; it came by e-mail",
    ),
    Stage(
        "signature escalation",
        timedelta(days=3),
        "call the signer, or whoever can: the order stands still without a signature",
    ),
    Stage(
        "signature overdue",
        timedelta(days=14),
        "it is not known whether it will ever be signed; ask orders@sinch.com whether the letter "
        "was delivered, and order again under a new "
        "reference only when that one has been rejected",
    ),
)
# An order takes minutes, a toll-free one some business days (§6, assumed). Nothing says that one
# stands still but that it does.
PROGRESS_STAGES = (
    Stage(
        "slow order", timedelta(days=3), "nothing has moved for three days; look in the dashboard"
    ),
    Stage(
        "order overdue",
        timedelta(days=14),
        "it is not known whether it will ever end; ask the vendor's support",
    ),
)


async def follow_hosting(context: RunContext, followed: PendingWork, _now: datetime) -> Followed:
    """Look at one hosting order. Costs: nothing; three reads and one for each failed number.

    Raises:
        OutcomeUnknown: reads do not show the order.
    """
    order, numbers = await order_progress(context.client, followed.order_id)
    if order is None:
        raise OutcomeUnknown(
            f"the vendor shows no hosting order {followed.order_id}", cause="missing"
        )
    # Read after the steps: counters may be ahead of them, never behind.
    report = await context.client.hosting_orders.report(followed.order_id)
    # Asked after the reads: before the first reply of a sweep the vendor's clock is not known, and
    # ours may be off by days (a simulator's is).
    line = judge(followed, order, report, numbers, context.client.vendor_now())
    unclear = [number.phone_number for number in numbers if number.progress is Progress.UNCLEAR]
    return Followed(
        line,
        {"created_at": _iso(order.created_at), "told": {"unclear": unclear}},
        closed=not line.is_open,
    )


def judge(
    followed: PendingWork,
    order: HostingOrder,
    report: HostingOrderReport,
    numbers: Sequence[NumberProgress],
    now: datetime,
) -> FollowLine:
    """What an order shows, in words, with the alarms that are due and were not raised yet. Pure."""
    listed = set(followed.facts.get("numbers", ()))
    complete = {number.phone_number for number in numbers} >= listed
    unclear = [number for number in numbers if number.progress is Progress.UNCLEAR]
    ended = order.state in FINAL_ORDER_STATES and complete and not unclear
    failed = [number for number in numbers if number.progress is Progress.FAILED]
    state, advice, deadline = order.state or "", "", None
    alarms: list[Alarm] = []
    wait = _wait(followed, order)
    if wait is not None:
        deadline = wait.since + wait.stages[-1].after
        stage = latest_stage(wait.stages, now - wait.since)
        if stage is not None:
            advice = stage.text
            text = f"{followed.reference}: {_days(now - wait.since)} {wait.what}; {stage.text}"
            alarms = due(followed, f"{stage.name}{wait.alarm_suffix}", text)
            if stage is wait.stages[-1]:
                state = f"{order.state} (overdue)"
    elif order.state == HostingOrderState.REJECTED:
        advice = (
            "ask the vendor why (a declined or expired letter ends so too), then order again "
            "under a new reference"
        )
        alarms = due(
            followed,
            "rejected",
            f"{followed.reference}: the order was rejected as a whole; {advice}",
        )
    elif ended and failed:
        advice = "see the advice beside each number"
        alarms = due(followed, "failed numbers", _failures(followed, failed, len(numbers)))
    elif unclear:
        advice = "the order has ended, and some numbers do not show how; the next sweep looks again"
        if untold(followed, "unclear", [number.phone_number for number in unclear]):
            text = (
                f"{followed.reference}: the order has ended, and "
                f"{count_of(len(unclear), 'number does', 'numbers do')} not show how; look in the "
                "dashboard"
            )
            alarms = [Alarm(name="unclear", text=text)]
    if report.ongoing_manual_action:
        alarms += due(
            followed,
            "manual action",
            f"{followed.reference}: {report.ongoing_manual_action} numbers are with the vendor's "
            "staff; nothing to do but ask if it lasts",
        )
    return FollowLine(
        kind=followed.kind,
        order_id=followed.order_id,
        reference=followed.reference,
        state=state,
        is_open=not ended,
        needs_person=order.state == HostingOrderState.REJECTED
        or bool(ended and failed)
        or "overdue" in state,
        summary=_summary(order, report, numbers, now - (order.created_at or followed.created_at)),
        advice=advice,
        deadline_at=deadline,
        numbers=tuple(_number(number, followed.order_id) for number in numbers),
        alarms=tuple(alarms),
    )


@dataclass(frozen=True, slots=True)
class _Wait:
    """What an order waits for, and since when.

    Alarms have names of their own where one may stand still more than once.
    """

    stages: tuple[Stage, ...]
    since: datetime
    what: str
    alarm_suffix: str = ""


def _wait(followed: PendingWork, order: HostingOrder) -> _Wait | None:
    created_at = order.created_at or followed.created_at
    if order.state == HostingOrderState.WAITING_FOR_LOA_SIGNATURE:
        return _Wait(SIGNATURE_STAGES, created_at, "without a signature")
    if order.state in (HostingOrderState.SUBMITTED, HostingOrderState.IN_PROGRESS):
        moved_at = order.updated_at or created_at
        since = max(moved_at, order.scheduled_osr_update_at or moved_at)
        return _Wait(PROGRESS_STAGES, since, f"{order.state} without a move", f" ({order.state})")
    return None


def _summary(
    order: HostingOrder,
    report: HostingOrderReport,
    numbers: Sequence[NumberProgress],
    age: timedelta,
) -> str:
    if order.state == HostingOrderState.WAITING_FOR_LOA_SIGNATURE:
        return f"{count_of(len(numbers), 'number')} waiting for the signature, {_days(age)} old"
    counters = (
        ("routes changed", report.osr_updated),
        ("on the plan", report.sms_provisioned),
        ("on the campaign", report.added_to_campaign),
        ("with staff", report.ongoing_manual_action),
    )
    told = ", ".join(f"{count} {what}" for what, count in counters if count)
    return (
        f"{count_of(len(numbers), 'number')}: "
        f"{counted(number.progress.value for number in numbers)}" + (f" ({told})" if told else "")
    )


def _failures(followed: PendingWork, failed: Sequence[NumberProgress], total: int) -> str:
    """The reasons, each with how many numbers it met and what to do."""
    reasons: dict[str, list[str]] = {}
    for number in failed:
        code = f"{number.code}: " if number.code else ""
        reasons.setdefault(f"{code}{number.advice}", []).append(number.phone_number)
    told = "; ".join(f"{first_of(each)}: {reason}" for reason, each in reasons.items())
    return f"{followed.reference}: {len(failed)} of {count_of(total, 'number')} failed. {told}"


def _number(number: NumberProgress, order_id: str) -> OrderNumberLine:
    line = progress_line(number, order_id)
    advice = f"{line.code}: {line.advice}" if line.code else line.advice
    return OrderNumberLine(phone_number=line.phone_number, state=line.state, advice=advice)


def _days(age: timedelta) -> str:
    # The clock of whoever stamped it may be ahead of ours; nothing is younger than now.
    age = max(age, timedelta(0))
    days = age // timedelta(days=1)
    return count_of(days, "day") if days else f"{age // timedelta(hours=1)} h"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
