"""Whole purchases and changes at library level.

The phases of `numberflow.purchase` in the flow's order, without Prefect and approval.

Here: `buy` (flows/search_and_rent.py says the order; what `tasks/purchase.py` adds between the
phases is repeated here) and `change`, which takes releases and PATCHes through the journal. Not
here: who dies when (dying.py) and how a run is judged (judging.py).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from numberflow.client import Client
from numberflow.errors import NumberClaimed, NumberflowError, SpendRefused
from numberflow.journal import (
    Intention,
    IntentionState,
    Lease,
    LeaseKeeper,
    NewIntention,
    NewPurchase,
    Purchase,
    SettlePolicy,
    run_costly_step,
)
from numberflow.models.orders import SearchAndRentParameters
from numberflow.models.parameters import check_parameters
from numberflow.models.reports import PurchaseReport
from numberflow.purchase.renting.choose import OPERATION, write_down_quote
from numberflow.purchase.renting.provisioning import confirm_and_wait
from numberflow.purchase.renting.quoting import quote_order
from numberflow.purchase.renting.rent import rent_chosen
from numberflow.purchase.renting.report import purchase_report, stopped_report
from numberflow.purchase.run_context import RunContext, in_thread, new_purchase, open_purchase
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.steps.release import Release
from numberflow.steps.update import Update

OpenDesk = Callable[[], AbstractAsyncContextManager[RunContext]]

CHOICES_MAX = 5
STEPS: Mapping[str, Callable[[Client], Release | Update]] = {"release": Release, "update": Update}


class SuccessorDesk(RunContext):
    """A desk in a process that knows every earlier holder of a lease to be dead.

    Runs of a test share one process, whose id says "alive" for all of them; between real processes
    `owner_is_dead` tells (tests/crash).
    """

    @asynccontextmanager
    async def hold(self, purchase: Purchase) -> AsyncIterator[tuple[LeaseKeeper, Lease]]:
        async with LeaseKeeper(
            self.journal, self.settings.lease_s, is_dead=lambda owner: True
        ) as keeper:
            yield keeper, await keeper.acquire(purchase.resource, wait_s=self.wait_for_owner_s)


def order(**parameters: Any) -> SearchAndRentParameters:
    """An order for US LOCAL numbers with caps that are out of the way and no waiting for links."""
    defaults = {
        "region_code": "US",
        "number_type": "LOCAL",
        "max_today": "500",
        "max_monthly": "500",
    }
    return check_parameters(
        SearchAndRentParameters, defaults | {"provisioning_wait_s": 0} | parameters
    )


async def buy(
    open_run_context: OpenDesk, order: SearchAndRentParameters, reference: str
) -> PurchaseReport:
    """One run of the purchase of that reference, from the form to the report."""
    facts: dict[str, Any] = {
        "reference": reference,
        "asked": order.wanted,
        "currency": order.currency,
    }
    try:
        async with open_run_context() as context:
            facts["project_id"] = context.project_id
            return await _buy_at(context, order, facts)
    except NumberflowError as error:
        return stopped_report(error, (), **facts)


async def _buy_at(
    context: RunContext, order: SearchAndRentParameters, facts: dict[str, Any]
) -> PurchaseReport:
    seen: dict[str, Intention] = {}
    limits = SpendLimits(order.max_today, order.max_monthly, order.currency)
    try:
        new = new_purchase(context, order, facts["reference"], OPERATION)
        purchase = await open_purchase(context, new)
        lines = await in_thread(context.journal.intentions, purchase_id=purchase.id)
        seen.update({line.id: line for line in lines})
        facts["before"] = lines
        if all(line.state is IntentionState.REFUSED for line in lines):
            await _choose(context, purchase, order, limits)
        result = await rent_chosen(context, purchase, order, limits, seen=seen)
        rented = [
            str((line.result or {}).get("phone_number") or line.subject)
            for line in seen.values()
            if line.state is IntentionState.DONE
        ]
        wait_s = float(order.provisioning_wait_s)
        statuses = await confirm_and_wait(
            context, rented, sms=order.sms, voice=order.voice, wait_s=wait_s
        )
        return purchase_report(
            sorted(seen.values(), key=lambda line: line.position),
            statuses,
            stopped_by=str(result.stopped_by or ""),
            remedy=result.remedy,
            notes=result.notes,
            **facts,
        )
    except NumberflowError as error:
        return stopped_report(error, tuple(seen.values()), **facts)


async def _choose(
    context: RunContext, purchase: Purchase, order: SearchAndRentParameters, limits: SpendLimits
) -> None:
    """Quote and write down; what another purchase wrote down first is chosen again."""
    for _ in range(CHOICES_MAX):
        quote = await quote_order(context, order, seed=purchase.reference)
        limits.check(quote.today, quote.monthly)
        try:
            await write_down_quote(context, purchase, order, quote, limits)
        except NumberClaimed:
            continue
        return
    raise SpendRefused(
        "other purchases took the numbers again and again", rule="claimed", remedy="run again"
    )


async def change(
    open_run_context: OpenDesk,
    operation: str,
    numbers: Sequence[str],
    request: Mapping[str, Any],
    reference: str,
) -> tuple[Intention, ...]:
    """One run of releases or PATCHes, number after number, through the journal.

    The rows as the run leaves them.
    """
    async with open_run_context() as context:
        new = NewPurchase(
            context.project_id,
            reference,
            operation,
            repr(sorted(numbers)),
            {"numbers": list(numbers)},
            None,
        )
        purchase = await in_thread(context.journal.open_purchase, new)
        async with context.hold(purchase) as (keeper, lease):
            rows = await in_thread(context.journal.intentions, purchase_id=purchase.id)
            if not rows:
                lines = [
                    NewIntention(operation, number, f"{operation} {number}", request)
                    for number in numbers
                ]
                rows = await in_thread(
                    context.journal.plan,
                    purchase.id,
                    lines,
                    lease=lease,
                    cap_today=None,
                    cap_monthly=None,
                    currency=None,
                )
            step = STEPS[operation](context.client)
            policy = SettlePolicy(settle_s=context.settings.settle_s)
            ended = [
                await run_costly_step(
                    context.journal,
                    row,
                    do=step.do,
                    look=step.look,
                    keeper=keeper,
                    purchase_lease=lease,
                    policy=policy,
                    brake=context.brake,
                    sleep=context.wait,
                )
                for row in rows
            ]
            return tuple(ended)
