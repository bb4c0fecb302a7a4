"""Qualify numbers, so that they can be text-enabled.

Have them checked, and prove that they are ours, by a call or by invoices.
"""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment
from pydantic import SecretStr

from flows import forms
from flows.naming import named_numbers
from flows.private_input import CODE_TIMEOUT_S, SpokenCode, ask, forget
from flows.runner import Run, run_flow, runbook, stopped_numbers
from numberflow.errors import BadInput, SpendRefused
from numberflow.journal import IntentionState, Purchase
from numberflow.models.qualify_numbers import Proof, QualifyParameters
from numberflow.models.reports import NumbersReport
from numberflow.purchase.hosting.qualify import TRIES_MAX, Next, VoiceTurn, check_code
from numberflow.purchase.run_context import RunContext
from tasks.qualify import (
    add_numbers,
    count_question,
    hand_in_code,
    look_at_qualification,
    look_at_voice,
    place_call,
    report_on_qualification,
    wait_for_checks,
)

# Calls, codes and answers of one number in one run; three tries with their calls are six, and a few
# answers may be slips of the keyboard.
_TURNS_MAX = 20


@runbook("qualify-numbers", named_numbers("qualify", behind="method"))
async def qualify_numbers(
    *,
    phone_numbers: forms.Numbers = forms.REQUIRED,
    method: Proof = Proof.INVOICES,
    plan_only: bool = False,
    reference: forms.Reference = "",
    project: forms.Project = "",
) -> State[NumbersReport] | NumbersReport:
    """Qualify numbers whose voice stays elsewhere.

    The vendor checks them, and you prove that they are yours.

    By invoices: a checklist says what to mail, and follow-orders tells when the numbers are ready.
    By voice: the vendor calls each number at once and speaks a code, and a form asks for it, so be
    at the phone.

    Args:
        phone_numbers: Numbers, each with + and country code, however you have them: a pasted
            column, commas, +1 (202) 555-0101. Or name a list.csv in the papers store, or a filter
            such as inventory: region=US type=LOCAL. US or CA, local or toll-free. Up to 2,000 by
            invoices, up to 20 by voice.
        method: invoices suit many numbers; voice suits a few whose phones you can answer. You can
            continue the same reference with the other method.
        plan_only: Only say how far every number is; add none.
        reference: Your name for this qualification. The same reference always means the same
            numbers. Empty: this run is the qualification.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(
        locals(), QualifyParameters, _work, stopped_numbers("qualify"), asks_in_private=True
    )


async def _work(run: Run[QualifyParameters]) -> NumbersReport:
    context, wanted = run.context, run.parameters
    if wanted.plan_only:
        return await look_at_qualification(context, wanted, run.reference)
    if wanted.method is Proof.VOICE and deployment.get_id() is None:
        raise SpendRefused(
            "method: voice asks for the spoken code in a form, and this run has none; nothing was "
            "sent",
            rule="form",
            remedy="run qualify-numbers from its deployment (numberflow up), or take method "
            "invoices",
        )
    purchase, rows = await add_numbers(context, wanted, run.reference)
    if wanted.method is Proof.VOICE:
        await wait_for_checks(context, wanted)
        for number in wanted.phone_numbers:
            if not await _prove(context, purchase, number):
                break
    return await report_on_qualification(context, wanted, run.reference, rows, purchase)


async def _prove(context: RunContext, purchase: Purchase, phone_number: str) -> bool:
    """Call and ask until the number is proven or nothing more can be done.

    False: a person wants the run to stop.

    At each answer the flow runs from the top in a new process: where the number stands is read from
    the journal and the vendor, never remembered.
    """
    for _ in range(_TURNS_MAX):
        turn = await look_at_voice(context, purchase, phone_number)
        if turn.next is Next.CALL:
            if (await place_call(context, purchase, turn)).state is not IntentionState.DONE:
                # Refused, not sent, or nobody knows: the report says which. A machine does not try
                # again.
                return True
        elif turn.next in (Next.CODE, Next.DECISION):
            if not await _ask(context, purchase, turn):
                return False
        else:
            return True
    return True


async def _ask(context: RunContext, purchase: Purchase, turn: VoiceTurn) -> bool:
    """Ask for the code, or whether to call again, and do as told. False: stop."""
    # Different for every question: to Prefect, a key that was answered before is answered.
    key = f"code-{purchase.id}-{turn.phone_number.removeprefix('+')}-{turn.questions}-{turn.steps}"
    form = SpokenCode.with_initial_data(description=_question(purchase, turn))
    answer = (await ask(form, key, timeout_s=CODE_TIMEOUT_S)).answer
    text = answer.get_secret_value().strip()
    word = text.lower()
    try:
        if word == "call":
            await place_call(context, purchase, turn)
        elif word != "stop":
            await _hand_in(context, purchase, turn, SecretStr(text))
    finally:
        await count_question(context, purchase)
        await forget(key)
    return word != "stop"


async def _hand_in(
    context: RunContext, purchase: Purchase, turn: VoiceTurn, code: SecretStr
) -> None:
    try:
        check_code(code)
    except BadInput as error:
        get_run_logger().warning("%s; asking again", error)
        return
    await hand_in_code(context, purchase, turn, code)


def _question(purchase: Purchase, turn: VoiceTurn) -> str:
    begin = f"## {purchase.reference}: {turn.phone_number}\n\n"
    left = TRIES_MAX - turn.tries
    if turn.next is Next.CODE:
        return (
            begin
            + f"The vendor calls this number and speaks a code. Type it; **{left}** tries are "
            "left. The code is good for about ten minutes."
        )
    return begin + (
        f"The code was wrong, or came too late; **{left}** of {TRIES_MAX} tries are left, and the "
        "last failure blocks the number. Type `call` to have it "
        "called again when somebody is at the telephone, or `stop`."
    )
