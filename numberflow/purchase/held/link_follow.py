"""Following the links of one number, imported or rented.

Until they are as wished, or have failed, or somebody has to hear that the number has none. Reads
only.

Not here: which requests leave a link behind (steps.link), how far a link is (planning.links), and
the sweep itself (follow).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from numberflow.journal import PendingWork
from numberflow.models.reports import Alarm
from numberflow.models.wording import typed
from numberflow.planning.configuring import HeldNumber
from numberflow.planning.links import (
    FAILED,
    MOVING,
    Product,
    Stand,
    Standing,
    differs,
    stands,
    told_ids,
    worst,
)
from numberflow.purchase.follow import (
    Followed,
    Stage,
    due,
    followed_number,
    latest_stage,
    shown_since,
)
from numberflow.purchase.held.numbers import held_number
from numberflow.purchase.link_commands import again, back
from numberflow.purchase.run_context import RunContext

# What may be a late read, or a run that is between unlink and relink right now, has to be seen for
# so long; two sweeps are a quarter of an hour apart.
SETTLED_AFTER = timedelta(minutes=10)
# Links take seconds to a day (docs/vendor/imported-hosting-behaviour.md §6, assumed).
LINK_STAGES = (
    Stage("slow link", timedelta(days=1), "the link is not on after a day; look in the dashboard"),
    Stage(
        "link overdue",
        timedelta(days=3),
        "it is not known whether the link will ever be on; ask the vendor's support",
    ),
)
GONE, LEAVING, UNLINKED = "not held any more", "released", "unlinked as asked"
_AGAIN = "run the same reference again to put the new link on; its report says what is in the way"


async def follow_link(context: RunContext, followed: PendingWork, _now: datetime) -> Followed:
    """Look at one number. Costs: nothing; one read or two."""
    held = await held_number(context, str(followed.facts["number"]))
    return judge(followed, held, context.client.vendor_now(), context.project)


def judge(
    followed: PendingWork, held: HeldNumber | None, now: datetime, project: str | None
) -> Followed:
    """What the number shows, in words, with the alarms that are due and were not raised yet. Pure.

    `project`: the credentials block of the sweep, for the commands that it prints; None for the
    account of the environment.
    """
    number = str(followed.facts["number"])
    wanted: Mapping[str, str] = followed.facts["wanted"]
    before = followed.facts.get("before") or {}
    found = stands(held, wanted, before.get("marks")) if held is not None else ()
    state = _state(held, found, wanted)
    since = shown_since(followed, state, now)
    is_settled = now - since >= SETTLED_AFTER
    told: list[str] = []
    alarms: list[Alarm] = []
    needs_person = is_lost = False
    for stand in found:
        if held is None or held.leaves_at is not None:
            break
        text = ""
        if stand.standing in FAILED:
            text, needs_person = _told_failure(stand, held, followed, project), True
            alarms += due(followed, _alarm(stand), f"{followed.reference}: {number}: {text}")
        elif stand.standing is Standing.UNLINKED and is_settled:
            # A run of configure-numbers goes on from here; no other run puts a link on a second
            # time.
            once = "" if before else again(wanted, followed.reference, number, project)
            how = f"link it: {typed(once)}" if once else _AGAIN
            text, needs_person = f"{stand.lost}; {how}", True
            alarms += due(followed, _alarm(stand), f"{followed.reference}: {number} is {text}")
        elif (
            stand.standing in MOVING
            and (stage := latest_stage(LINK_STAGES, now - since)) is not None
        ):
            text, needs_person = stage.text, needs_person or stage is LINK_STAGES[-1]
            alarms += due(followed, stage.name, f"{followed.reference}: {number}: {stage.text}")
        elif stand.standing is Standing.OTHERWISE:
            text = f"it has {told_ids(held.ids)}, which is not what this reference asked for"
        is_lost = is_lost or bool(stand.lost) or stand.standing in MOVING
        told += [text] if text and text not in told else []
    # A number that has lost its service stays on the list until it has one again, or is given up.
    closed = state in (Standing.LINKED, UNLINKED, LEAVING) or (is_settled and not is_lost)
    advice = "; ".join(told)
    return followed_number(
        followed, state, since, closed=closed, needs_person=needs_person, advice=advice,
        alarms=alarms,
    )  # fmt: skip


def _state(held: HeldNumber | None, found: tuple[Stand, ...], wanted: Mapping[str, str]) -> str:
    """One word for a number: that of the product that matters most."""
    stand = worst(found)
    if held is None or stand is None:
        return GONE
    if held.leaves_at is not None:
        return LEAVING
    if stand.standing is Standing.LINKED:
        return Standing.LINKED.value if any(wanted.values()) else UNLINKED
    return stand.lost if stand.standing is Standing.UNLINKED else stand.standing.value


def _alarm(stand: Stand) -> str:
    """Name of an alarm; voice has its own, since an alarm is raised once for each number."""
    name = "unlinked" if stand.standing is Standing.UNLINKED else stand.standing.value
    return name if stand.product is Product.SMS else f"voice {name}"


def _told_failure(
    stand: Stand, held: HeldNumber, followed: PendingWork, project: str | None
) -> str:
    """What failed, what the number has, and the commands: once more, and back to what it had."""
    before = (followed.facts.get("before") or {}).get("ids", {})
    now = told_ids(held.ids)
    parts = [stand.told, f"it still has {now}" if now else ""]
    once_more = again(followed.facts["wanted"], followed.reference, held.phone_number, project)
    if once_more:
        parts.append(f"once more, when the cause is gone: {typed(once_more)}")
    way_back = back(before, followed.reference, [held.phone_number], project)
    if way_back and differs(before, held.ids):
        parts.append(f"it had {told_ids(before)}; to put that back: {typed(way_back)}")
    return "; ".join(part for part in parts if part)
