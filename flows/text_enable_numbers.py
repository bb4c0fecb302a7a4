"""Text-enable qualified numbers whose voice stays elsewhere, by one order with a letter."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.runtime import deployment

from flows import forms
from flows.naming import named_numbers
from flows.private_input import SIGNER_TIMEOUT_S, SignerConfirmation, ask, forget
from flows.runner import Run, run_flow, runbook, stopped_numbers
from numberflow.errors import SpendRefused
from numberflow.journal import Purchase
from numberflow.models.hosting import BlanketLoa
from numberflow.models.north_american import HostingRegion
from numberflow.models.reports import NumbersReport
from numberflow.models.text_enable_numbers import LoaKind, TextEnableParameters
from numberflow.models.wording import count_of
from numberflow.purchase.hosting.letter import Letter, confirms, is_same, masked, unconfirmed_word
from numberflow.purchase.hosting.text_enable import is_confirmed, is_sent
from numberflow.purchase.run_context import RunContext
from tasks.text_enable import (
    confirm_signer,
    look_at_readiness,
    open_text_enabling,
    read_loa,
    require_orderable,
)
from tasks.text_enable import text_enable_numbers as text_enable_all


@runbook("text-enable-numbers", named_numbers("text-enable", kind="region_code"))
async def text_enable_numbers(
    *,
    phone_numbers: forms.Numbers = forms.REQUIRED,
    sms: forms.RequiredSms = forms.REQUIRED,
    loa_kind: LoaKind = LoaKind.DIRECT,
    loa: forms.OptionalText = "",
    region_code: HostingRegion = HostingRegion.US,
    signer_confirmed: forms.OptionalText = "",
    display_name: forms.OptionalText = "",
    callback_url: forms.Address = "",
    nnid: forms.Nnid = "",
    scheduled_osr_update_time: forms.TimeWithZone = "",
    plan_only: bool = False,
    reference: forms.Reference = "",
    project: forms.Project = "",
) -> State[NumbersReport] | NumbersReport:
    """Text-enable qualified numbers, once.

    A letter goes out for signature, and nothing can be corrected afterwards.

    Local and toll-free numbers take separate runs. Before anything is sent, a person confirms the
    signer's e-mail: in the form of a deployed run, by typing it again. follow-orders then follows
    the order.

    Args:
        phone_numbers: Up to 500 numbers, each with + and country code, however you have them: a
            pasted column, commas, +1 (202) 555-0101. Or name a list.csv in the papers store, or a
            filter such as inventory: region=US type=LOCAL. All local or all toll-free, all
            qualified (qualify-numbers).
        sms: SMS service plan (and 10DLC campaign: US local numbers only) to link every number to.
        loa_kind: direct: your own numbers. reseller: your customer's. blanket: agreed with the
            account manager, local numbers only.
        loa: The letter's data: a paper of the papers store such as loa.json (`numberflow papers put
            <file>`), or block:NAME of a Secret block. JSON with authorisedPerson, address,
            currentVoiceCarrier (and businessName for a reseller).
        region_code: US or CA. All numbers of one run are in one region.
        signer_confirmed: For runs without a form (numberflow run): the digest of the signer that
            the refusal shows, once you have checked the e-mail in the paper. A deployed run asks
            all the same.
        display_name: What the order and its numbers are called. The order's token comes after the
            name.
        callback_url: Where the vendor sends events about these numbers. Empty: the
            receiver at NUMBERFLOW_CALLBACK_URL, if that is set.
        nnid: The NNID that the route is changed to, six digits. Empty: the vendor's own.
        scheduled_osr_update_time: Earliest time of the change of route, with its zone:
            2026-12-01T03:00:00Z. If it is missed, it moves by whole days. Empty: at once.
        plan_only: Only say which numbers are ready and who would get the letter; send nothing.
        reference: Your name for this order. The same reference always means the same order. Empty:
            this run is the order.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(
        locals(), TextEnableParameters, _work, stopped_numbers("text-enable"), asks_in_private=True
    )


async def _work(run: Run[TextEnableParameters]) -> NumbersReport:
    context, wanted = run.context, run.parameters
    if wanted.plan_only:
        letter = await read_loa(wanted)
        report = await look_at_readiness(context, wanted, run.reference)
        if isinstance(letter, BlanketLoa):
            return report
        goes_to = f"the letter would go to {masked(letter.authorised_person.email)}"
        return report.model_copy(update={"notes": (*report.notes, goes_to)})
    purchase, rows = await open_text_enabling(context, wanted, run.reference)
    if is_sent(rows):
        return await text_enable_all(context, wanted, run.reference, None)
    letter = await read_loa(wanted)
    key = f"signer-{purchase.id}-{len(rows)}"
    if not isinstance(letter, BlanketLoa) and not is_confirmed(context, purchase, letter):
        if not rows:
            # Nobody is asked about an order that cannot be sent.
            await require_orderable(context, wanted, run.reference)
        await _confirm(context, wanted, purchase, letter, key)
    return await text_enable_all(context, wanted, run.reference, letter)


async def _confirm(
    context: RunContext, wanted: TextEnableParameters, purchase: Purchase, letter: Letter, key: str
) -> None:
    """Have a person confirm whom the letter goes to, and write down that it was done."""
    email = letter.authorised_person.email
    if deployment.get_id() is None:
        if not confirms(context, wanted.signer_confirmed, email):
            raise unconfirmed_word(context, wanted.signer_confirmed, email)
        await confirm_signer(context, purchase, letter, "signer_confirmed")
        return
    answer = await ask(
        SignerConfirmation.with_initial_data(description=_question(wanted, purchase, letter)),
        key,
        timeout_s=SIGNER_TIMEOUT_S,
    )
    who = answer.confirmed_by.strip()
    if not who or not is_same(answer.email, email):
        await forget(key)
        raise SpendRefused(
            "nobody signed the confirmation"
            if not who
            else f"the e-mail that {who} typed is not the one in the letter",
            rule="signer",
            remedy="correct the paper that loa names, or type the e-mail again: start a new run "
            "with the same reference",
        )
    await confirm_signer(context, purchase, letter, who)
    await forget(key)


def _question(wanted: TextEnableParameters, purchase: Purchase, letter: Letter) -> str:
    return (
        f"## {purchase.reference}\n\nA letter of authorisation for "
        f"**{count_of(len(wanted.phone_numbers), 'number')}** goes to "
        f"**{masked(letter.authorised_person.email)}** for signature. Nothing can be corrected, "
        "sent again or cancelled afterwards, and a wrong address "
        "stalls the order for good.\n\nType the signer's e-mail in full. It is compared with the "
        "letter and thrown away."
    )
