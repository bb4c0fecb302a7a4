"""Qualify numbers: add them in batches, and prove that they are ours, by a call or by invoices.

Not here: how one step is done and recognised (steps.qualify), the form that asks for a code
(flows), what becomes of invoices (qualification_follow).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import SecretStr

from numberflow.errors import BadInput
from numberflow.journal import Intention, IntentionState, NewIntention, OrderKind, Purchase
from numberflow.models.qualify_numbers import Proof, QualifyParameters
from numberflow.models.reports import NumbersLine, NumbersReport
from numberflow.models.wording import count_of
from numberflow.planning.hosting import ADVICE, Readiness, readiness
from numberflow.purchase.costly_steps import hold_purchase
from numberflow.purchase.follow import take_up
from numberflow.purchase.hosting.orders import token_of
from numberflow.purchase.numbers_report import numbers_report
from numberflow.purchase.run_context import RunContext, in_thread, new_purchase, open_purchase
from numberflow.steps.qualify import (
    ADD_NUMBERS,
    VERIFY_CODE,
    VOICE_CHALLENGE,
    AddNumbers,
    VerifyCode,
    VoiceChallenge,
)
from numberflow.steps.reading import qualified_numbers

OPERATION = "qualify_numbers"
# docs/vendor/imported-hosting-behaviour.md §7 (assumed).
BATCH = 500
# The third failure blocks the number, and only the vendor's staff can release it (§3, assumed).
TRIES_MAX = 3
# The check of eligibility takes half a minute (§16, assumed); whoever waits for a call may wait
# four times that.
CHECK_POLL_S, CHECK_WAIT_MAX_S = 10.0, 120.0
# As the client takes it (§18).
_CODE = re.compile(r"[0-9A-Za-z]{1,32}")


class Next(StrEnum):
    """What a number that is proven by voice waits for."""

    NOTHING = "nothing"
    CALL = "a call"
    CODE = "the code of the call"
    DECISION = "a person's word on another call"
    PERSON = "a person, since an outcome is not known"


@dataclass(frozen=True)
class VoiceTurn:
    """Where one number stands between call and code.

    `steps`: how many calls and codes there were, whatever became of them.
    """

    phone_number: str
    state: Readiness
    next: Next
    calls: int = 0
    tries: int = 0
    steps: int = 0
    questions: int = 0


async def add_numbers(
    context: RunContext, order: QualifyParameters, reference: str
) -> tuple[Purchase, list[Intention]]:
    """Have every number checked that the vendor does not know yet; the sweep follows the batches.

    Costs: nothing. Repeat: safe; only numbers that are missing are sent.

    Raises:
        ReferenceConflict: the reference stands for something else.
        LeaseLost: another run works on it.
        JournalUnavailable: no journal, no request.
    """
    purchase = await open_purchase(context, new_purchase(context, order, reference, OPERATION))
    batches = [
        order.phone_numbers[begin : begin + BATCH]
        for begin in range(0, len(order.phone_numbers), BATCH)
    ]
    lines = []
    for index, batch in enumerate(batches):
        token = token_of(purchase, index)
        request = {"numbers": list(batch), "method": str(order.method)}
        lines.append(NewIntention(ADD_NUMBERS, token, f"{ADD_NUMBERS} {token}", request))
    async with hold_purchase(context, purchase) as steps:
        rows = await steps.plan(lines)
        ended = [await steps.run(row, AddNumbers(context.client)) for row in rows]
    await take_up(context, ended)
    for row in ended:
        if row.state is IntentionState.DONE:
            # Whoever runs it again wants to hear of it again, too; and one that a person settled is
            # followed by nobody yet.
            await in_thread(
                context.journal.follow,
                purchase.id,
                OrderKind.QUALIFICATION,
                str(row.subject),
                state="added",
                facts=row.request,
                reopen=True,
            )
    return purchase, ended


async def wait_for_checks(context: RunContext, order: QualifyParameters) -> None:
    """Wait until the vendor has checked the numbers, two minutes at most.

    Costs: nothing. Repeat: safe.
    """
    waited_s = 0.0
    while waited_s < CHECK_WAIT_MAX_S:
        shown = await qualified_numbers(context.client, order.phone_numbers)
        if all(readiness(each) is not Readiness.CHECKING for each in shown.values()):
            return
        await context.wait(CHECK_POLL_S)
        waited_s += CHECK_POLL_S


async def voice_turn(context: RunContext, purchase: Purchase, phone_number: str) -> VoiceTurn:
    """What the proof by voice of one number waits for.

    Outcomes that are open are looked up first; nothing is sent.

    Costs: nothing. Repeat: safe.
    """
    async with hold_purchase(context, purchase, None) as steps:
        rows = []
        for row in await _voice_rows(context, purchase, phone_number):
            settled = row
            if row.is_open:
                step = (
                    VoiceChallenge(context.client)
                    if row.operation == VOICE_CHALLENGE
                    else VerifyCode(context.client, None)
                )
                # No attempt: a call is made because somebody asks for it now, and a code is not
                # kept.
                settled = await steps.run(row, step, attempts_max=0)
                if settled.state is IntentionState.PLANNED:
                    settled = await steps.withdraw(row, "it was never sent; ask again")
            rows.append(settled)
    shown = await qualified_numbers(context.client, [phone_number])
    state = readiness(shown[phone_number])
    codes = await in_thread(
        context.journal.intentions,
        project_id=context.project_id,
        operation=VERIFY_CODE,
        subject=phone_number,
    )
    turn = VoiceTurn(
        phone_number,
        state,
        Next.NOTHING,
        calls=sum(
            row.operation == VOICE_CHALLENGE and row.state is IntentionState.DONE for row in rows
        ),
        tries=count_tries(codes, is_blocked=state is Readiness.BLOCKED),
        steps=len(rows),
        questions=await _questions(context, purchase),
    )
    return replace(turn, next=next_step(turn, is_open=any(row.is_open for row in rows)))


def count_tries(codes: Sequence[Intention], *, is_blocked: bool) -> int:
    """How many codes of one number the vendor has counted, over all references.

    It blocks the number, not the reference. Pure.

    Args:
        codes: every code that was handed in, oldest first.
        is_blocked: whether the number is blocked now. If it is not, staff have forgiven what came
            before the last block.
    """
    tries = 0
    for row in codes:
        tries += _was_tried(row)
        if (
            not is_blocked
            and row.state is IntentionState.DONE
            and (row.result or {}).get("state") == Readiness.BLOCKED
        ):
            tries = 0
    return tries


def next_step(turn: VoiceTurn, *, is_open: bool) -> Next:
    """What comes next for one number.

    The first call is asked for by starting the run, every other one by a person's word. Pure.
    """
    if is_open:
        return Next.PERSON
    if (
        turn.state not in (Readiness.UNPROVEN, Readiness.CALLED, Readiness.FAILED)
        or turn.tries >= TRIES_MAX
    ):
        return Next.NOTHING
    if turn.state is Readiness.CALLED:
        return Next.CODE
    return Next.DECISION if turn.calls else Next.CALL


async def place_call(context: RunContext, purchase: Purchase, turn: VoiceTurn) -> Intention:
    """Have the number called, once for this asking.

    Costs: no price is published; count on one. Repeat: a machine never calls again; after a lost
    reply the step waits for a person.
    """
    async with hold_purchase(context, purchase) as steps:
        (row,) = await steps.plan([_voice_line(VOICE_CHALLENGE, turn)])
        return await steps.run(row, VoiceChallenge(context.client))


async def hand_in_code(
    context: RunContext,
    purchase: Purchase,
    turn: VoiceTurn,
    code: SecretStr,
) -> Intention:
    """Hand in the code that the call spoke. Right or wrong, the number's state tells.

    Costs: nothing, but three wrong ones block the number. Repeat: safe; after a lost reply the
    number is read first.

    Raises:
        BadInput: not what a voice would spell; nothing was sent, and the message does not show it.
    """
    check_code(code)
    async with hold_purchase(context, purchase) as steps:
        (row,) = await steps.plan([_voice_line(VERIFY_CODE, turn)])
        return await steps.run(row, VerifyCode(context.client, code))


def _voice_line(operation: str, turn: VoiceTurn) -> NewIntention:
    """A step of its own for each asking."""
    number, n = turn.phone_number, turn.steps
    return NewIntention(operation, number, f"{operation} {number} {n}", {"n": n})


async def count_question(context: RunContext, purchase: Purchase) -> None:
    """Remember that one more question was answered, so that the next one is another question.

    Costs: nothing. Repeat: harmless.
    """
    answered = await _questions(context, purchase)
    await in_thread(context.journal.save_before, purchase.id, {"questions": answered + 1})


def check_code(code: SecretStr) -> None:
    """BadInput unless it has the look of a spoken code; the message does not show it."""
    if not _CODE.fullmatch(code.get_secret_value()):
        raise BadInput(
            "code: not what a voice would spell",
            field="code",
            remedy="digits or letters, without spaces",
        )


async def qualify_report(
    context: RunContext,
    order: QualifyParameters,
    reference: str,
    rows: Sequence[Intention] = (),
) -> NumbersReport:
    """Put a run into words, every number with how far it is now.

    Costs: nothing. Repeat: safe.
    """
    shown = await qualified_numbers(context.client, order.phone_numbers)
    in_row = {number: row for row in rows for number in row.request.get("numbers", ())}
    last_voice = {
        row.subject: row for row in rows if row.operation in (VOICE_CHALLENGE, VERIFY_CODE)
    }
    lines = []
    for number, each in shown.items():
        state = readiness(each)
        voice = last_voice.get(number)
        advice = (
            voice.reason
            if voice is not None
            and voice.state is not IntentionState.DONE
            and state is not Readiness.READY
            else None
        )
        line = NumbersLine(phone_number=number, state=state.value, advice=advice or ADVICE[state])
        row = in_row.get(number)
        if state is Readiness.UNKNOWN and row is not None and row.state is not IntentionState.DONE:
            line = line.model_copy(
                update={
                    "state": row.state.value,
                    "advice": row.reason or "",
                    "intention_id": row.id,
                }
            )
        elif state is Readiness.CHECKING and order.method is Proof.VOICE:
            line = line.model_copy(
                update={
                    "advice": f"{ADVICE[state]}; then run again with the same reference: it calls"
                }
            )
        elif state is Readiness.UNKNOWN and order.plan_only:
            line = line.model_copy(update={"state": _PLANNED, "advice": ""})
        lines.append(line)
    # By voice nothing goes on by itself: a number that is still checked was not called.
    wished = (
        _WISHED
        if order.method is Proof.VOICE
        else _WISHED | {Readiness.UNPROVEN.value, Readiness.CHECKING.value}
    )
    unproven = [
        line
        for line in lines
        if line.state in (Readiness.UNPROVEN, Readiness.CHECKING, Readiness.FAILED)
    ]
    notes = []
    if order.method is Proof.INVOICES and unproven and not order.plan_only:
        notes.append(
            f"mail invoices that list {count_of(len(unproven), 'number')} to orders@sinch.com: "
            "without them nothing moves; follow-orders tells how it goes"
        )
    return numbers_report(
        lines,
        rows,
        wished=wished | {_PLANNED} if order.plan_only else wished,
        notes=notes,
        reference=reference,
        action="qualify",
        plan_only=order.plan_only,
        project_id=context.project_id,
    )


_PLANNED = "to be added"
_WISHED = frozenset({"ready", "being hosted", "hosted"})


def checklist(report: NumbersReport) -> str:
    """What a person has to do for the invoice route, as markdown.

    The numbers, and where the invoices go. Empty when there is nothing to do.
    """
    wanting = [
        line.phone_number
        for line in report.numbers
        if line.state
        in (Readiness.UNPROVEN, Readiness.CHECKING, Readiness.FAILED, Readiness.CALLED)
    ]
    if not wanting:
        return ""
    return "\n".join(
        [
            (
                f"# {report.reference}: prove that "
                f"{count_of(len(wanting), 'number is', 'numbers are')} yours"
            ),
            "",
            (
                "- [ ] Take the latest invoices of the carrier. They must "
                "**list the numbers by name**; a contract does not count."
            ),
            "- [ ] Mail them to **orders@sinch.com**, with the project id and this list.",
            (
                "- [ ] Wait: one to three business days. `follow-orders` says when the numbers are "
                "ready, and when nothing has moved."
            ),
            "",
            f"Project: `{report.project_id}`",
            "",
            *[f"- `{number}`" for number in wanting],
        ]
    )


async def voice_rows(context: RunContext, purchase: Purchase) -> list[Intention]:
    """Every call and code of this reference."""
    rows = await in_thread(context.journal.intentions, purchase_id=purchase.id)
    return [row for row in rows if row.operation in (VOICE_CHALLENGE, VERIFY_CODE)]


async def _voice_rows(
    context: RunContext, purchase: Purchase, phone_number: str
) -> list[Intention]:
    return [row for row in await voice_rows(context, purchase) if row.subject == phone_number]


def _was_tried(row: Intention) -> bool:
    """A code that the vendor took or refused. One that was withdrawn never left."""
    return row.state is IntentionState.DONE or (
        row.state is IntentionState.REFUSED
        and (row.reason or "").startswith("refused by the vendor")
    )


async def _questions(context: RunContext, purchase: Purchase) -> int:
    """How many questions were answered under this reference."""
    kept = await in_thread(context.journal.find_purchase, purchase.project_id, purchase.reference)
    return int((kept.before or {}).get("questions", 0)) if kept is not None else 0
