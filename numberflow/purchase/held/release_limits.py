"""How many numbers a project may give up on a day before a person types their count.

Reads only. The journal counts again in the transaction that plans the releases
(`Journal.plan`, releases_max), so that two runs at once do not both find room. Not here: numbers
that are never given up (protected), and the form (flows.approval).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from numberflow.journal import IntentionState
from numberflow.planning.configuring import HeldNumber, Holding
from numberflow.purchase.run_context import RunContext, in_thread


@dataclass(frozen=True, slots=True)
class Room:
    """What a day takes without approval.

    `most`: numbers that may be released on the day, those of the journal among them. `why`: why a
    run needs approval; empty when it needs none.
    """

    most: int
    why: str


async def room_for(context: RunContext, going: Collection[HeldNumber]) -> Room:
    """How many releases the project may have today, and whether these fit.

    Costs: nothing; a page of the active list for each hundred numbers, as many as prove that the
    day's limit is no more than the share of the project's numbers.
    """
    limit, percent = context.settings.release_limit_per_day, context.settings.release_percent_max
    today = await in_thread(context.journal.released_today, context.project_id)
    mine = {each.phone_number for each in going}
    total = len(mine | {number for number, _ in today})
    # Enough to see that more numbers would not allow more releases.
    enough = -(-max(limit, total) * 100 // percent) if percent else 0
    # What left today is a part of what the project had.
    had = mine | {number for number, state in today if state is IntentionState.DONE}
    async for number in _listed(context, going):
        if len(had) >= enough:
            break
        had.add(number)
    by_share = len(had) * percent // 100
    why = []
    if total > by_share:
        why.append(f"{total} of the project's {len(had)} numbers are more than {percent} %")
    if total > limit:
        why.append(f"{total} releases on this day (UTC) are more than {limit}")
    return Room(min(limit, by_share), "; ".join(why))


async def _listed(context: RunContext, going: Collection[HeldNumber]) -> AsyncIterator[str]:
    async for rented in context.client.active_numbers.iterate():
        if rented.expire_at is None:
            yield rented.phone_number
    # There is no list of all imported numbers (docs/vendor/imported-hosting-behaviour.md §7).
    # Those of the same plan and campaign are counted; fewer numbers ask sooner.
    links = {
        (each.service_plan_id, each.campaign_id)
        for each in going
        if each.holding is Holding.IMPORTED and each.service_plan_id
    }
    for plan, campaign in sorted(links):
        async for imported in context.client.imported_numbers.iterate(
            service_plan_id=plan, campaign_id=campaign
        ):
            yield imported.phone_number
