"""Following the link of one number, imported or rented: until it is on, or has failed, or somebody has to hear that the number has none. Reads only.

Not here: which requests leave a link behind (steps.link), and the sweep itself (follow).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from numberflow.journal import FollowedOrder
from numberflow.models.reports import Alarm, FollowLine, OrderNumberLine
from numberflow.planning.configuring import HeldNumber
from numberflow.purchase.desk import Desk
from numberflow.purchase.follow import Followed
from numberflow.purchase.held import held_number
from numberflow.purchase.hosting_follow import Stage, due, latest_stage

# What may be a late read, or a run that is between unlink and relink right now, has to be seen for so long; two sweeps are a quarter of an hour apart.
SETTLED_AFTER = timedelta(minutes=10)
# Links take seconds to a day (docs/vendor/imported-hosting-behaviour.md §6, assumed).
LINK_STAGES = (
    Stage("slow link", timedelta(days=1), "the link is not on after a day; look in the dashboard"),
    Stage(
        "link overdue", timedelta(days=3), "it is not known whether the link will ever be on; ask the vendor's support"
    ),
)
LINKED, LINKING, FAILED, UNLINKED, OTHERWISE, GONE = (
    "linked", "being linked", "link failed", "unlinked now: no messaging", "linked otherwise", "not held any more",
)  # fmt: skip


async def follow_link(desk: Desk, followed: FollowedOrder, _now: datetime) -> Followed:
    """Look at one number. Costs: nothing; one read or two."""
    held = await held_number(desk, str(followed.facts["number"]))
    return judge(followed, held, desk.client.vendor_now())


def judge(followed: FollowedOrder, held: HeldNumber | None, now: datetime) -> Followed:
    """What the number shows, in words, with the alarms that are due and were not raised yet. Pure."""
    wanted: Mapping[str, Any] = followed.facts["wanted"]
    number = str(followed.facts["number"])
    state = link_state(held, wanted)
    kept: Mapping[str, str] = followed.facts.get("shown", {})
    since = datetime.fromisoformat(kept["since"]) if kept.get("state") == state else now
    is_settled = now - since >= SETTLED_AFTER
    advice = ""
    alarms: list[Alarm] = []
    needs_person = False
    if state == FAILED:
        assert held is not None
        advice, needs_person = f"{held.told_failure}; {_messaging(held)}", True
        alarms = due(followed, "link failed", f"{followed.reference}: {number}: {advice}")
    elif state == UNLINKED and is_settled:
        advice, needs_person = (
            "run the same reference again to put the new link on; its report says what is in the way",
            True,
        )
        alarms = due(followed, "unlinked", f"{followed.reference}: {number} is {state}; {advice}")
    elif state == LINKING and (stage := latest_stage(LINK_STAGES, now - since)) is not None:
        advice, needs_person = stage.text, stage is LINK_STAGES[-1]
        alarms = due(followed, stage.name, f"{followed.reference}: {number}: {stage.text}")
    elif held is not None and state == OTHERWISE:
        advice = f"it has {held.told_links}, which is not what this reference asked for"
    closed = state == LINKED or (is_settled and state in (FAILED, OTHERWISE, GONE))
    line = FollowLine(
        kind=followed.kind, order_id=followed.order_id, reference=followed.reference, state=state, is_open=not closed, needs_person=needs_person,
        summary=f"{number}: {state}", advice=advice, numbers=(OrderNumberLine(phone_number=number, state=state, advice=advice),), alarms=tuple(alarms),
    )  # fmt: skip
    return Followed(line, {"shown": {"state": state, "since": since.isoformat()}}, closed=closed)


def link_state(held: HeldNumber | None, wanted: Mapping[str, Any]) -> str:
    """How far a number is with the wanted link."""
    if held is None:
        return GONE
    if held.is_moving:
        return LINKING
    has = {"service_plan_id": held.service_plan_id, "campaign_id": held.campaign_id}
    if all(has[name] == value for name, value in wanted.items()):
        return LINKED
    if held.failed_step is not None:
        return FAILED
    return OTHERWISE if held.service_plan_id else UNLINKED


def _messaging(held: HeldNumber) -> str:
    return "it has no campaign now: US carriers block its messages" if held.service_plan_id else UNLINKED
