"""The costly steps of one run over one purchase: write down, send through the journal, take back.

Every request that costs money or cannot be undone leaves from `CostlySteps.run`, and from nowhere
else: there the run holds its leases and asks whether it may go on.

Not here: how a step is done and recognised (numberflow.steps), the rule that it takes effect at
most once (journal.billable), and which steps are due (the rooms).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from numberflow.errors import NumberflowError, Rejected, Stopped
from numberflow.journal import (
    Applied,
    Attempt,
    Evidence,
    Intention,
    IntentionState,
    Lease,
    LeaseKeeper,
    NewIntention,
    Purchase,
    SettlePolicy,
    run_costly_step,
)
from numberflow.purchase.run_context import RunContext, in_thread
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.traces import span

Seen = dict[str, Intention]


class CostlyStep(Protocol):
    """The two halves of a step, as numberflow.steps has them."""

    async def do(self, attempt: Attempt) -> Applied:
        """Send the request once."""

    async def look(self, intention: Intention) -> Evidence:
        """Read the vendor's state."""


class CostlySteps:
    """The costly steps of one purchase, as long as this run holds its lease (`hold_purchase`)."""

    def __init__(
        self,
        context: RunContext,
        purchase: Purchase,
        *,
        keeper: LeaseKeeper,
        lease: Lease,
        seen: Seen,
    ) -> None:
        self.context = context
        self.purchase = purchase
        self.seen = seen
        """Last known state of each step, for the report of a run that loses its journal.

        A step that is under way stands in it as unknown.
        """
        self.stopped_by: NumberflowError | None = None
        """Why this run tries no further step; None while it goes on."""
        self.remedy = ""
        self._keeper = keeper
        self._lease = lease
        self._refusals: dict[str, Rejected] = {}

    async def rows(self) -> tuple[Intention, ...]:
        """Every step of the purchase, as the journal has it now, in the order of planning."""
        rows = await in_thread(self.context.journal.intentions, purchase_id=self.purchase.id)
        self.seen.update({row.id: row for row in rows})
        return rows

    async def plan(
        self,
        new: Sequence[NewIntention],
        limits: SpendLimits | None = None,
        *,
        releases_max: int | None = None,
    ) -> tuple[Intention, ...]:
        """Write steps down, all or none. Sends nothing. Repeat: safe; what is there stays.

        A step that may name a callback URL and names none gets the receiver's, if there is one
        (`NUMBERFLOW_CALLBACK_URL`).

        Args:
            new: the steps.
            limits: what they may cost; None where the vendor publishes no price, so that there is
                no cap to break.
            releases_max: as in `Journal.plan`.

        Raises:
            SpendRefused: a cap, a missing price, a foreign currency, or too many releases.
            NumberClaimed: another intention holds one of the numbers.
            LeaseLost: another run took the purchase over.
        """
        return await in_thread(
            self.context.journal.plan,
            self.purchase.id,
            [self._with_callback_url(line) for line in new],
            lease=self._lease,
            flow_run_id=self.context.flow_run_id,
            cap_today=limits.max_today if limits else None,
            cap_monthly=limits.max_monthly if limits else None,
            currency=limits.currency if limits else None,
            releases_max=releases_max,
        )

    def _with_callback_url(self, line: NewIntention) -> NewIntention:
        # Here and not in the parameters: a receiver that moves must not make another purchase of a
        # reference.
        if line.request.get("callback_url", "") is not None:
            return line
        return replace(line, request={**line.request, "callback_url": self.context.callback_url})

    async def run(
        self,
        row: Intention,
        step: CostlyStep,
        *,
        before: Callable[[Attempt], Awaitable[None]] | None = None,
        **policy: Any,
    ) -> Intention:
        """Bring one step as far as it goes.

        Costs: what the step says, once. Repeat: safe; an open step is looked up at the vendor
        before anything is sent again.

        Args:
            row: the step as it is written down.
            step: how it is done and recognised.
            before: awaited before each request; whatever it raises keeps the request here.
            policy: further fields of the settle policy.

        Raises:
            Stopped: a person holds costly steps or this run. What is written down stays planned,
                and steps beside this one see that nothing more is to be tried.
            Other errors as in `journal.run_costly_step`.
        """
        self._refusals.pop(row.id, None)

        async def do(attempt: Attempt) -> Applied:
            if before is not None:
                await before(attempt)
            await self.context.marker.note(self.purchase)
            self.seen[row.id] = replace(
                row, state=IntentionState.UNKNOWN, reason="under way when the run lost its journal"
            )
            try:
                return await step.do(attempt)
            except Rejected as error:
                self._refusals[row.id] = error
                raise

        try:
            with span("costly step", numberflow__operation=str(row.operation)) as traced:
                after = await run_costly_step(
                    self.context.journal,
                    row,
                    do=do,
                    look=step.look,
                    keeper=self._keeper,
                    purchase_lease=self._lease,
                    policy=_settle_policy(self.context, **policy),
                    brake=self.context.brake,
                    sleep=self.context.wait,
                )
                traced.set_attribute("numberflow.state", str(after.state))
        except Stopped as error:
            self.stop(error)
            # Nothing left: what a report says of it is what the journal says, not "under way".
            await self.rows()
            raise
        self.seen[after.id] = after
        return after

    def refusal(self, row: Intention) -> Rejected | None:
        """The vendor's latest "no" to this step in this run; None when it said none."""
        return self._refusals.get(row.id)

    def stop(self, error: NumberflowError, remedy: str = "") -> None:
        """Try no further step of this purchase. The first reason counts."""
        if self.stopped_by is None:
            self.stopped_by, self.remedy = error, remedy or error.remedy

    async def withdraw(self, row: Intention, reason: str) -> Intention:
        """Take back a step that was not sent, and give its number and its money back."""
        withdraw = self.context.journal.withdraw
        after = self.seen[row.id] = await in_thread(withdraw, row.id, self._lease, reason)
        return after

    async def correct_price(
        self, row: Intention, *, today: Decimal, monthly: Decimal, note: str
    ) -> Intention:
        """Write down what a step really costs, so that caps count the truth."""
        after = self.seen[row.id] = await in_thread(
            self.context.journal.correct_price,
            row.id,
            self._lease,
            due_amount=today,
            monthly_amount=monthly,
            note=note,
        )
        return after


@asynccontextmanager
async def hold_purchase(
    context: RunContext,
    purchase: Purchase,
    seen: Seen | None = None,
) -> AsyncIterator[CostlySteps]:
    """Be the only run that works on this purchase.

    Args:
        context: collaborators.
        purchase: whose steps.
        seen: filled with the last known state of each step.

    Raises:
        LeaseLost: another run holds it and did not end in time.
    """
    async with context.hold(purchase) as (keeper, lease):
        yield CostlySteps(
            context,
            purchase,
            keeper=keeper,
            lease=lease,
            seen={} if seen is None else seen,
        )


def _settle_policy(context: RunContext, **more: Any) -> SettlePolicy:
    """How patient a costly step of this run is."""
    return SettlePolicy(
        settle_s=context.settings.settle_s,
        patience=context.patience,
        # Half a lease longer than a worker that died on another machine keeps the number.
        lease_wait_s=1.5 * context.settings.lease_s,
        **more,
    )


async def look_only(
    context: RunContext, row: Intention, step: CostlyStep, *, keeper: LeaseKeeper, lease: Lease
) -> Intention:
    """Settle one step by what the vendor shows. What proves to be absent stays planned.

    Costs: nothing; no request of the step leaves. Repeat: safe. `lease` is the purchase's.

    Raises:
        LeaseLost: somebody works on its number.
        JournalUnavailable: what was seen could not be written down.
    """
    return await run_costly_step(
        context.journal,
        row,
        do=_never,
        look=step.look,
        keeper=keeper,
        purchase_lease=lease,
        policy=SettlePolicy(settle_s=context.settings.settle_s, attempts_max=0, lease_wait_s=0),
        brake=context.brake,
        sleep=context.wait,
    )


async def _never(attempt: Attempt) -> Applied:
    raise AssertionError(f"{attempt.intention} was to be looked at, not sent")
