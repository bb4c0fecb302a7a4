"""Following a number that was given up, until the vendor shows that it leaves or is gone.

Reads only.

Only those are followed whose end no reply has shown. Not here: giving numbers up (release), and the
sweep itself (follow).
"""

from __future__ import annotations

from datetime import datetime

from numberflow.journal import PendingWork
from numberflow.models.reports import Alarm
from numberflow.planning.configuring import Holding
from numberflow.purchase.follow import Followed, due, followed_number, shown_since
from numberflow.purchase.held.link_follow import GONE, LEAVING, SETTLED_AFTER
from numberflow.purchase.held.numbers import held_number
from numberflow.purchase.held.release import had_again
from numberflow.purchase.run_context import RunContext, in_thread

STILL_HELD, HAD_AGAIN = "still held", "had again"


async def follow_release(context: RunContext, followed: PendingWork, _now: datetime) -> Followed:
    """Look at one number. Costs: nothing; one read or two."""
    number = str(followed.facts["number"])
    held = await held_number(context, number)
    now = context.client.vendor_now()
    state, advice, newer = STILL_HELD, "", None
    if held is None:
        state = GONE
    elif held.leaves_at is not None:
        state, advice = LEAVING, f"usable until {held.leaves_at:%Y-%m-%d}"
    else:
        history = await in_thread(context.journal.history, str(followed.facts["intention_id"]))
        newer = await had_again(context, history.intention)
        state, advice = (HAD_AGAIN, newer) if newer else (STILL_HELD, "")
    since = shown_since(followed, state, now)
    needs_person = state == STILL_HELD and now - since >= SETTLED_AFTER
    alarms: list[Alarm] = []
    if needs_person:
        costs = (
            "it goes on costing its rent"
            if held and held.holding is Holding.RENTED
            else "it still messages here"
        )
        advice = (
            f"the vendor took the release, and the number shows no end: {costs}; release it "
            "under a new reference"
        )
        alarms = due(followed, "not released", f"{followed.reference}: {number}: {advice}")
    closed = state != STILL_HELD
    return followed_number(
        followed, state, since, closed=closed, needs_person=needs_person, advice=advice,
        alarms=alarms,
    )  # fmt: skip
