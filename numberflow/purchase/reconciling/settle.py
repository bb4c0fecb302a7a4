"""Settle steps whose outcome nobody knows, by looking at the vendor. Sends nothing that costs.

The journal's own loop does it (journal.billable), with no attempt allowed: it looks over the
settling time and writes down what that proves. Not here: what a look proves (numberflow.steps).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from numberflow.client import Client
from numberflow.errors import LeaseLost, NumberflowError
from numberflow.journal import (
    Finding,
    Intention,
    IntentionState,
    Lease,
    LeaseKeeper,
    Operation,
)
from numberflow.purchase.costly_steps import CostlyStep, look_only
from numberflow.purchase.report import AT_STAKE_STATES
from numberflow.purchase.run_context import RunContext, each_of, in_thread
from numberflow.steps.emergency import Deprovision
from numberflow.steps.hosting import ImportOrder, TextEnable
from numberflow.steps.import_number import ImportNumber
from numberflow.steps.imported import DeleteImported, UpdateImported
from numberflow.steps.number_orders import CreateOrder, SubmitOrder
from numberflow.steps.qualify import AddNumbers, VerifyCode, VoiceChallenge
from numberflow.steps.release import Release
from numberflow.steps.rent import Rent
from numberflow.steps.rent_any import RentAny
from numberflow.steps.update import Update

# Each waits out the settling time, so they wait together; the client keeps the vendor's pace.
AT_ONCE = 32

# Whether an emergency address took effect is seen by comparing it, and the journal does not have
# it: a run of the same reference looks.
_LOOKS: Mapping[Operation, Callable[[Client], CostlyStep]] = {
    Operation.RENT: Rent,
    Operation.RELEASE: Release,
    Operation.UPDATE: Update,
    Operation.CREATE_ORDER: CreateOrder,
    Operation.SUBMIT_ORDER: SubmitOrder,
    Operation.IMPORT: ImportNumber,
    Operation.IMPORT_ORDER: ImportOrder,
    Operation.TEXT_ENABLE: lambda client: TextEnable(client, None),
    Operation.ADD_NUMBERS: AddNumbers,
    Operation.VOICE_CHALLENGE: VoiceChallenge,
    Operation.VERIFY_CODE: lambda client: VerifyCode(client, None),
    Operation.UPDATE_IMPORTED: UpdateImported,
    Operation.DELETE_IMPORTED: DeleteImported,
    Operation.DEPROVISION_EMERGENCY: Deprovision,
}


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the steps whose outcome nobody knew.

    Fields:
        steps: those that were looked at, as the journal has them now.
        busy: purchases on which somebody works at this moment; theirs were left alone.
    """

    steps: tuple[Intention, ...]
    busy: Collection[str]


async def settle_open(context: RunContext) -> Settled:
    """Look at every step that may have taken effect and that nobody works on.

    Costs: nothing; only reads are sent. Repeat: safe. A step whose process lives is left alone.

    Raises:
        JournalUnavailable: the journal cannot be read or written.
    """
    rows = await in_thread(
        context.journal.intentions, project_id=context.project_id, states=AT_STAKE_STATES
    )
    of_purchase: dict[str, list[Intention]] = {}
    for row in rows:
        of_purchase.setdefault(row.purchase_id, []).append(row)
    settled: list[Intention] = []
    busy: set[str] = set()

    async with LeaseKeeper(context.journal, context.settings.lease_s) as keeper:

        async def one(purchase_id: str) -> None:
            mine = of_purchase[purchase_id]
            try:
                async with keeper.holding(mine[0].purchase_resource) as lease:

                    async def look(row: Intention) -> None:
                        after = await _look(context, row, keeper, lease)
                        settled.extend(() if after is None else (after,))

                    # Together: each waits out the settling time.
                    await each_of(mine, look, at_once=AT_ONCE)
            except LeaseLost:
                busy.add(purchase_id)

        await each_of(list(of_purchase), one, at_once=AT_ONCE)
    return Settled(tuple(sorted(settled, key=lambda row: row.id)), busy)


async def _look(
    context: RunContext, row: Intention, keeper: LeaseKeeper, lease: Lease
) -> Intention | None:
    step = await _step(context, row)
    if step is None or (row.state is IntentionState.NEEDS_PERSON and not await _shows(step, row)):
        return None
    return await look_only(context, row, step, keeper=keeper, lease=lease)


async def _shows(step: CostlyStep, row: Intention) -> bool:
    """Whether what waits for a person shows itself as applied since.

    Only then is it written down and reported: people know already that it waits.
    """
    try:
        return (await step.look(row)).finding == Finding.APPLIED
    except NumberflowError:
        return False


async def _step(context: RunContext, row: Intention) -> CostlyStep | None:
    if row.operation is not Operation.RENT_ANY:
        make = _LOOKS.get(row.operation)
        return None if make is None else make(context.client)
    purchase = await in_thread(context.journal.find_purchase, context.project_id, row.reference)

    async def claimed_by_others(line: Intention) -> frozenset[str]:
        claims = await in_thread(context.journal.claims, context.project_id)
        return frozenset(number for number, holder in claims.items() if holder != line.id)

    return RentAny(
        context.client,
        before=(purchase.before if purchase is not None else None) or (),
        claimed_by_others=claimed_by_others,
    )
