"""Emergency addresses: who lacks one, what the vendor thinks of one, attach it, remove it.

Attaching and removing go through the journal. Not here: reading the address (papers), how one step
is done and recognised (steps.emergency). No result of this module holds a part of an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numberflow.client import Client
from numberflow.errors import NotFound, NumberflowError, Rejected
from numberflow.journal import Intention, IntentionState, NewIntention
from numberflow.models.emergency import (
    Absence,
    AddressValidation,
    EmergencyAddress,
    EmergencyAddressRequest,
    ValidationResult,
)
from numberflow.models.emergency_address import Action, EmergencyAddressParameters
from numberflow.models.personal import unseal
from numberflow.models.reports import EmergencyLine, EmergencyReport, RunOutcome
from numberflow.purchase.costly_steps import CostlySteps, hold_purchase
from numberflow.purchase.report import AT_STAKE_STATES, LOOK_AGAIN, open_item, remedy_of
from numberflow.purchase.run_context import (
    READS_AT_ONCE,
    RunContext,
    each_of,
    new_purchase,
    open_purchase,
)
from numberflow.steps import ACTIVE_NUMBER, is_absence_of
from numberflow.steps.emergency import (
    DEPROVISION,
    PROVISION,
    Deprovision,
    Provision,
    address_of,
)

OPERATION = "emergency_address"

_HAS_ADDRESS = "has an address"
_FEATURE = (
    "the number lacks the E911 feature; ask the vendor to switch it on (how is not published)"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the vendor thinks of the address for one number.

    `request` is what is to be sent; None when it must not be. `also_right`: further forms of the
    address that the vendor may show; without a request, all of them.
    """

    line: EmergencyLine
    request: EmergencyAddressRequest | None = None
    also_right: tuple[EmergencyAddress, ...] = ()


async def coverage(context: RunContext, phone_numbers: Sequence[str]) -> list[EmergencyLine]:
    """Which US and CA numbers with voice have an emergency address.

    All that the project holds unless some are named.

    Costs: nothing; one read for each number. Repeat: safe. A missing feature is a finding and no
    failure.
    """
    numbers = list(phone_numbers) or await _voice_numbers(context.client)
    return await each_of(
        numbers, lambda number: _covered(context.client, number), at_once=READS_AT_ONCE
    )


async def validate(
    context: RunContext, order: EmergencyAddressParameters, request: EmergencyAddressRequest
) -> dict[str, Verdict]:
    """Ask the vendor about the address for each number. Stores nothing.

    Costs: nothing; one request for each number.
    """
    verdicts = await each_of(
        order.phone_numbers,
        lambda number: _judged(context.client, number, request, accept=order.accept_correction),
        at_once=READS_AT_ONCE,
    )
    return {verdict.line.phone_number: verdict for verdict in verdicts}


async def change(
    context: RunContext,
    order: EmergencyAddressParameters,
    reference: str,
    verdicts: dict[str, Verdict],
) -> tuple[Intention, ...]:
    """Attach the address to every number that may have it, or remove it from every one.

    Each through the journal. What this reference has begun comes first, whatever the vendor thinks
    of the address by now: an address that must not be sent is looked up, and not sent again.

    Costs: fees of an emergency address are not published; count on one for each number. Repeat:
    safe; an open step is looked up at the vendor before anything is sent again.

    Raises:
        ReferenceConflict: the reference stands for something else.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no change.
    """
    operation = PROVISION if order.action is Action.PROVISION else DEPROVISION
    new = new_purchase(context, order, reference, OPERATION)
    purchase = await open_purchase(context, new)
    async with hold_purchase(context, purchase) as steps:
        # What was refused is planned anew: an address can be put right.
        begun = [row for row in await steps.rows() if row.state is not IntentionState.REFUSED]
        ended = [await _run(steps, row, verdicts) for row in begun]
        known = {str(row.subject) for row in begun}
        planned = await steps.plan(
            [
                NewIntention(operation, number, f"{operation} {number}")
                for number in order.phone_numbers
                if number not in known
                if operation == DEPROVISION or verdicts[number].request is not None
            ]
        )
        ended += [await _run(steps, row, verdicts) for row in planned]
        return tuple(ended)


def emergency_report(
    order: EmergencyAddressParameters,
    reference: str,
    lines: Sequence[EmergencyLine],
    rows: Sequence[Intention] = (),
) -> EmergencyReport:
    """Put a run into words: done, refused, or needs a person."""
    ended = {row.subject: row for row in rows}
    told = [_ended(line, ended.get(line.phone_number)) for line in lines]
    waiting = [row for row in rows if row.state in AT_STAKE_STATES]
    wished = {"provision": "provisioned", "deprovision": "removed"}.get(order.action.value)
    short = [line for line in told if wished is not None and line.state != wished]
    outcome = (
        RunOutcome.NEEDS_PERSON if waiting else RunOutcome.REFUSED if short else RunOutcome.DONE
    )
    reason = remedy = ""
    if waiting:
        reason = f"for {len(waiting)} of {len(told)} numbers it is not known what the vendor has"
        remedy = LOOK_AGAIN
    elif short:
        reason = f"{len(short)} of {len(told)} numbers are not {wished}: " + "; ".join(
            dict.fromkeys(line.state for line in short)
        )
        remedy = "see the advice beside each number, then run again with the same reference"
        if any(line.state == "not held" for line in short):
            remedy += (
                "; without the numbers that are not held it is another change: run that under a "
                "new reference"
            )
    return EmergencyReport(
        outcome=outcome,
        reason=reason,
        remedy=remedy,
        reference=reference,
        action=order.action.value,
        numbers=tuple(told),
        open_items=tuple(open_item(row) for row in waiting),
        notes=_notes(order, told),
    )


def stopped_emergency_report(
    error: NumberflowError, rows: Sequence[Intention], **facts: Any
) -> EmergencyReport:
    """The report of a run that an error ended half-way.

    What it did until then, as the journal has it.
    """
    waiting = [row for row in rows if row.state in AT_STAKE_STATES]
    return EmergencyReport(
        outcome=RunOutcome.NEEDS_PERSON if waiting else RunOutcome.REFUSED,
        reason=error.message,
        remedy=remedy_of(error),
        numbers=tuple(
            _ended(EmergencyLine(phone_number=str(row.subject), state=row.state.value), row)
            for row in rows
        ),
        open_items=tuple(open_item(row) for row in waiting),
        **facts,
    )


async def _run(steps: CostlySteps, row: Intention, verdicts: dict[str, Verdict]) -> Intention:
    client = steps.context.client
    if row.operation != PROVISION:
        return await steps.run(row, Deprovision(client))
    verdict = verdicts[str(row.subject)]
    step = Provision(client, verdict.request, verdict.also_right)
    if verdict.request is None:
        return await steps.run(row, step, attempts_max=0)
    return await steps.run(row, step)


async def _voice_numbers(client: Client) -> list[str]:
    return [
        number.phone_number
        for region in ("US", "CA")
        async for number in client.active_numbers.iterate(region_code=region)
        if "VOICE" in number.capabilities
    ]


async def has_address(client: Client, phone_number: str) -> bool:
    """Whether a rented number has an emergency address.

    Costs: nothing; no request for a number outside the US and Canada.
    """
    return (
        phone_number.startswith("+1")
        and (await _covered(client, phone_number)).state == _HAS_ADDRESS
    )


async def _covered(client: Client, phone_number: str) -> EmergencyLine:
    try:
        shown = await client.emergency_addresses.get(phone_number)
    except NotFound as error:
        if not is_absence_of(error, ACTIVE_NUMBER):
            raise
        return EmergencyLine(
            phone_number=phone_number, state="not held", advice="the project does not hold it"
        )
    if shown is Absence.FEATURE:
        return EmergencyLine(phone_number=phone_number, state="missing feature", advice=_FEATURE)
    if shown is Absence.ADDRESS:
        return EmergencyLine(
            phone_number=phone_number, state="no address", advice="provision one: action=provision"
        )
    return EmergencyLine(phone_number=phone_number, state=_HAS_ADDRESS)


async def _judged(
    client: Client, phone_number: str, request: EmergencyAddressRequest, *, accept: bool
) -> Verdict:
    verdict = await _verdict(client, phone_number, request, accept=accept)
    if verdict.request is not None:
        return verdict
    return replace(verdict, also_right=(address_of(request), *verdict.also_right))


async def _verdict(
    client: Client, phone_number: str, request: EmergencyAddressRequest, *, accept: bool
) -> Verdict:
    try:
        found = await client.emergency_addresses.validate(phone_number, request)
    except NotFound:
        # Why it has none is what reading it says.
        return Verdict(await _covered(client, phone_number))
    except Rejected as error:
        return Verdict(
            EmergencyLine(phone_number=phone_number, state="refused", advice=error.message)
        )
    match found.result:
        case ValidationResult.EXACT_MATCH:
            # The vendor abbreviates as the post office does; both forms are the address.
            right = tuple(
                each
                for each in (found.validated_address, found.corrected_address)
                if each is not None
            )
            return Verdict(
                EmergencyLine(phone_number=phone_number, state="exact match"), request, right
            )
        case ValidationResult.NEAR_MATCH if found.corrected_address is not None:
            return _near(phone_number, request, found.corrected_address, accept=accept)
        case ValidationResult.NO_MATCH:
            return Verdict(
                EmergencyLine(
                    phone_number=phone_number, state="no match", advice=_candidates(found, request)
                )
            )
        case _:
            return Verdict(
                EmergencyLine(
                    phone_number=phone_number,
                    state="unclear",
                    advice=f"the vendor says {found.result}; ask there",
                )
            )


def _near(
    phone_number: str,
    request: EmergencyAddressRequest,
    corrected: EmergencyAddress,
    *,
    accept: bool,
) -> Verdict:
    differs = ", ".join(_differing(request, corrected)) or "its form"
    if not accept:
        advice = f"the vendor would correct {differs}; correct the paper, or set accept_correction"
        line = EmergencyLine(phone_number=phone_number, state="near match", advice=advice)
        return Verdict(line, also_right=(corrected,))
    try:
        better = EmergencyAddressRequest.for_address(
            request.display_name.get_secret_value(), corrected
        )
    except ValueError:
        return Verdict(
            EmergencyLine(
                phone_number=phone_number,
                state="near match",
                advice="the vendor's correction lacks a required part; correct the paper",
            )
        )
    line = EmergencyLine(
        phone_number=phone_number, state="near match", advice=f"corrected: {differs}"
    )
    return Verdict(line, better, (corrected,))


def _candidates(found: AddressValidation, request: EmergencyAddressRequest) -> str:
    if not found.candidate_addresses:
        return "the vendor knows no such address; correct the paper"
    parts = sorted(
        {part for each in found.candidate_addresses for part in _differing(request, each)}
    )
    return (
        f"the vendor knows {len(found.candidate_addresses)} like it, which differ in "
        f"{', '.join(parts) or 'form'}; correct the paper"
    )


def _differing(request: EmergencyAddressRequest, address: EmergencyAddress) -> list[str]:
    """Names of the parts that differ; never the parts."""
    one, other = request.to_wire()["address"], unseal(address)
    return [
        name for name in sorted({*one, *other}) if (one.get(name) or "") != (other.get(name) or "")
    ]


def _ended(line: EmergencyLine, row: Intention | None) -> EmergencyLine:
    if row is None:
        return line
    done = {PROVISION: "provisioned", DEPROVISION: "removed"}[str(row.operation)]
    advice = line.advice
    if row.state is not IntentionState.DONE:
        advice = "; ".join(filter(None, (row.reason, line.advice)))
    return line.model_copy(
        update={
            "state": done if row.state is IntentionState.DONE else row.state.value,
            "advice": advice,
            "intention_id": row.id,
        }
    )


def _notes(order: EmergencyAddressParameters, lines: Sequence[EmergencyLine]) -> tuple[str, ...]:
    if order.action is not Action.REPORT:
        return ()
    counts = {
        state: sum(line.state == state for line in lines)
        for state in dict.fromkeys(line.state for line in lines)
    }
    return (
        f"{len(lines)} US and CA voice numbers: "
        + (", ".join(f"{count} {state}" for state, count in counts.items()) or "none"),
    )
