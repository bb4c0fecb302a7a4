"""Following numbers that are being qualified.

Nothing calls back, so the sweep reads them, reminds of invoices, and says when they are ready.

Not here: the sweep itself (follow), and what a number's state means (planning.hosting).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from numberflow.journal import PendingWork
from numberflow.models.imported import QualifiedNumber
from numberflow.models.reports import Alarm, FollowLine, OrderNumberLine
from numberflow.models.wording import count_of, first_of
from numberflow.planning.hosting import ADVICE, Readiness, counted, readiness
from numberflow.purchase.follow import Followed, Stage, due, latest_stage, untold
from numberflow.purchase.run_context import RunContext
from numberflow.steps.reading import qualified_numbers

# A review takes one to three business days, so five days with a weekend in them
# (docs/vendor/imported-hosting-behaviour.md §6); who mailed nothing hears of it then. Fourteen days
# as for a signature.
PROOF_STAGES = (
    Stage(
        "proof reminder",
        timedelta(days=5),
        "were invoices that list the numbers mailed to orders@sinch.com? Ask there, or call the "
        "numbers: qualify-numbers with method voice",
    ),
    Stage(
        "proof overdue",
        timedelta(days=14),
        "it is not known whether the proof will come; ask orders@sinch.com",
    ),
)
_WAITING = frozenset({Readiness.CHECKING, Readiness.UNPROVEN, Readiness.CALLED, Readiness.FAILED})
# Looked at on: a late read, a number that is added again, one that the vendor's staff release. Only
# "not eligible" is the end.
_STUCK = frozenset({Readiness.BLOCKED, Readiness.UNKNOWN})


async def follow_qualification(
    context: RunContext, followed: PendingWork, _now: datetime
) -> Followed:
    """Look at one batch of numbers.

    Costs: nothing; a read for each number, or the lists of the states.
    """
    shown = await qualified_numbers(context.client, list(followed.facts["numbers"]))
    # Asked after the reads: before the first reply of a sweep the vendor's clock is not known.
    line = judge(followed, shown, context.client.vendor_now())
    # Whatever alarm there was to raise has told of all of these.
    told: dict[str, list[str]] = {}
    for number in line.numbers:
        told.setdefault("ready" if number.state == Readiness.READY else number.state, []).append(
            number.phone_number
        )
    if not any(alarm.name == "ready" for alarm in line.alarms):
        told["ready"] = list(followed.facts.get("told", {}).get("ready", ()))
    return Followed(line, {"told": told}, closed=not line.is_open)


def judge(
    followed: PendingWork, shown: Mapping[str, QualifiedNumber | None], now: datetime
) -> FollowLine:
    """What a batch shows, in words, with the alarms that are due and were not raised yet. Pure."""
    states = {number: readiness(each) for number, each in shown.items()}
    waiting = [number for number, state in states.items() if state in _WAITING]
    ready = [number for number, state in states.items() if state is Readiness.READY]
    stuck = [number for number, state in states.items() if state in _STUCK]
    lost = [
        *stuck,
        *(number for number, state in states.items() if state is Readiness.NOT_ELIGIBLE),
    ]
    begun = [
        each.created_at
        for each in shown.values()
        if each is not None and each.created_at is not None
    ]
    since = min(begun, default=followed.created_at)
    alarms: list[Alarm] = []
    for state in (Readiness.NOT_ELIGIBLE, Readiness.FAILED, Readiness.BLOCKED, Readiness.UNKNOWN):
        those = [number for number, each in states.items() if each is state]
        new = untold(followed, str(state), those)
        if new:
            text = f"{followed.reference}: {first_of(new)}: {state}; {ADVICE[state]}"
            alarms.append(Alarm(name=str(state), text=text))
    stage = latest_stage(PROOF_STAGES, now - since) if waiting else None
    advice = stage.text if stage is not None else ""
    if stage is not None:
        alarms += due(
            followed,
            stage.name,
            f"{followed.reference}: {count_of(len(waiting), 'number is', 'numbers are')} not "
            f"proven; {stage.text}",
        )
    overdue = stage is PROOF_STAGES[-1]
    if not waiting:
        advice = "text-enable those that are ready: text-enable-numbers" if ready else ""
        if untold(followed, "ready", ready):
            how_many = "all" if len(ready) == len(states) else f"{len(ready)} of"
            text = (
                f"{followed.reference}: {how_many} "
                f"{count_of(len(states), 'number is', 'numbers are')} ready; {advice}"
            )
            alarms.append(Alarm(name="ready", text=text))
    told = counted(state.value for state in states.values())
    return FollowLine(
        kind=followed.kind,
        order_id=followed.order_id,
        reference=followed.reference,
        state=f"{told}{' (overdue)' if overdue else ''}",
        is_open=bool(waiting or stuck),
        needs_person=overdue or bool(lost and not waiting),
        summary=f"{count_of(len(states), 'number')}: {told}",
        advice=advice,
        deadline_at=since + PROOF_STAGES[-1].after if waiting else None,
        numbers=tuple(
            OrderNumberLine(phone_number=number, state=state.value, advice=ADVICE[state])
            for number, state in states.items()
        ),
        alarms=tuple(alarms),
    )
