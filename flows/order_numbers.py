"""Order numbers that need papers.

Requirements, papers, quote, approval, order, registration, files, submission. follow-orders does
the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from flows import forms
from flows.approval import approved, ask_approval, quoted_before
from flows.naming import wanted_numbers, whole, word
from flows.runner import Run, run_flow, runbook
from numberflow.errors import BadInput, NotFound, NumberflowError, SpendRefused
from numberflow.journal import Intention, IntentionState, Purchase
from numberflow.models.number_orders import NumberOrder
from numberflow.models.order_numbers import AttachmentGroup, OrderNumbersParameters
from numberflow.models.reports import OrderReport
from numberflow.models.vendor import Capability, NumberType
from numberflow.planning.kyc_form import form_text
from numberflow.planning.quote import Quote, quote_of_order
from numberflow.purchase.number_orders.papers import OrderPapers
from numberflow.purchase.number_orders.place import FILLING, OPERATION
from numberflow.purchase.number_orders.text import order_plan, order_report, stopped_order_report
from numberflow.purchase.run_context import RunContext
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.steps.number_orders import CREATE
from tasks.number_orders import (
    current_order,
    look_ahead,
    look_up_requirements,
    place_order,
    quote_order,
    read_papers,
    write_down_order,
)
from tasks.publish import publish_quote
from tasks.purchase import open_purchase

Attachments = Annotated[tuple[AttachmentGroup, ...] | None, forms.MAY_STAY_EMPTY]


@runbook("order-numbers", wanted_numbers("order"))
async def order_numbers(
    *,
    region_code: forms.Region = "AU",
    number_type: NumberType = NumberType.MOBILE,
    quantity: forms.OrderQuantity = 1,
    max_today: forms.Amount = forms.REQUIRED,
    max_monthly: forms.Amount = forms.REQUIRED,
    currency: forms.Currency = "USD",
    reference: forms.Reference = "",
    kyc: forms.OptionalText = "",
    attachments: Attachments = (),
    phone_number: forms.OptionalText = "",
    capabilities: Annotated[tuple[Capability, ...] | None, forms.MAY_STAY_EMPTY] = (),
    pattern: forms.DigitPattern = "",
    search_pattern: forms.Where = "",
    sms: forms.Sms = forms.NO_GROUP,
    voice: forms.Voice = forms.NO_GROUP,
    callback_url: forms.Address = "",
    plan_only: bool = False,
    approve_above: forms.OptionalAmount = "",
    project: forms.Project = "",
) -> State[OrderReport] | OrderReport:
    """Order phone numbers that need a registration, and never pay twice.

    Looks up what the region wants, checks the papers before anything is ordered, reserves the
    numbers, registers, uploads and submits the order. Reviews take hours to days: follow-orders
    tells what becomes of it. Run it again with the same reference to go on, also with corrected
    papers.

    Args:
        region_code: Two letters, ISO 3166-1: AU, DE, …
        number_type: LOCAL, MOBILE or TOLL_FREE.
        quantity: How many numbers, 1 to 100. One is chosen by name before it is ordered.
        max_today: Most that this project may be charged for what it buys today, this order
            included. A decimal such as 90.00
        max_monthly: Most that this order may cost in a month. A decimal such as 90.00
        currency: Currency of the caps, ISO 4217. Another currency at the vendor stops the order.
        reference: Your name for this order, such as PO-1042. The same reference always means the
            same order. Empty: this run is the order.
        kyc: The registration data: a paper of the papers store such as kyc.json, or block:NAME of a
            Secret block. `numberflow requirements --template <file>` writes a form to fill in,
            `numberflow papers put <file>` puts it there.
        attachments: The files that the requirements name, one group for each.
        phone_number: Order exactly this number instead of searching; with + and country code.
        capabilities: What every number must be able to do.
        pattern: Digits to look for; with a plus and country code they begin the number: +614
        search_pattern: Where the pattern has to be. Empty: at the beginning if it begins with a
            plus, else anywhere.
        sms: SMS service plan (and 10DLC campaign, US only) to link every number to; leave both
            empty to link none.
        voice: Voice app, SIP trunk or fax service to link every number to; fill in one, or none.
        callback_url: Where the vendor sends events about this order and its numbers. Empty: the
            receiver at NUMBERFLOW_CALLBACK_URL, if that is set.
        plan_only: Stop after requirements, papers and quote; order nothing.
        approve_above: Ask a person if the quote is above this amount. Empty: do not ask.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), OrderNumbersParameters, _work, _stopped)


async def _work(run: Run[OrderNumbersParameters]) -> OrderReport:
    run.seen = {}
    if run.parameters.plan_only:
        return await _plan(run)
    get_run_logger().info(
        "Reference %s: run again with this reference to go on with this order", run.reference
    )
    return await _place(run)


async def _plan(run: Run[OrderNumbersParameters]) -> OrderReport:
    """What the order takes and costs; papers are checked if there are any yet."""
    context, wanted = run.context, run.parameters
    requirements = await look_up_requirements(context, wanted)
    notes = []
    if wanted.kyc is not None or wanted.attachments:
        await read_papers(wanted, requirements)
        notes.append("the papers are complete, as far as the form can be read here")
    form = form_text(requirements, wanted.region_code, wanted.number_type)
    standing = await look_ahead(context, wanted, run.reference)
    if standing.quote is not None:
        await publish_quote(standing.quote, run.reference, flow_name="order-numbers")
    return order_plan(standing, requirements=form, notes=notes, **_facts(run))


async def _place(run: Run[OrderNumbersParameters]) -> OrderReport:
    """Quote and approve unless the order is written down already; then place it and report."""
    context, wanted = run.context, run.parameters
    requirements = await look_up_requirements(context, wanted)
    purchase, lines = await open_purchase(context, wanted, run.reference, operation=OPERATION)
    seen = run.seen = {line.id: line for line in lines}
    existing = await _existing(context, purchase, lines)
    papers: OrderPapers | None = None
    if existing is None or existing.state in FILLING:
        papers = await read_papers(wanted, requirements)
    limits = SpendLimits(wanted.max_today, wanted.max_monthly, wanted.currency)
    run.facts["approved_by"] = (purchase.approval or {}).get("by")
    alive = _alive(lines)
    if not alive:
        decided = await _quote_and_approve(run, purchase, limits)
        if decided is None:
            return await _place(run)
        limits, run.facts["approved_by"], quote = decided
        alive = [await write_down_order(context, purchase, wanted, quote, limits)]
    else:
        if purchase.approval:
            limits = approved(limits, purchase.approval)
        limits = await _approve_what_is_dearer(run, purchase, existing, limits)
    if limits.approved_today is None and wanted.approve_above is not None:
        # What the order turns out to cost, and a number in the place of a lost one, must not grow
        # past what would have been asked about.
        limits = replace(limits, approved_today=wanted.approve_above)
    placed = await place_order(context, purchase, wanted, papers, limits, seen)
    if requirements is None:
        placed.notes.append(
            f"no registration is needed for {wanted.number_type} numbers in {wanted.region_code}"
        )
    cost = placed.create or alive[-1]
    return order_report(
        placed,
        run.steps_seen,
        quoted_today=cost.due_amount,
        quoted_monthly=cost.monthly_amount,
        **_facts(run),
    )


def _alive(lines: Sequence[Intention]) -> list[Intention]:
    """The step that opens the order, unless it was refused."""
    return [
        line
        for line in lines
        if line.operation == CREATE and line.state is not IntentionState.REFUSED
    ]


async def _existing(
    context: RunContext, purchase: Purchase, lines: tuple[Intention, ...]
) -> NumberOrder | None:
    """The order of an earlier run. If the vendor no longer knows it, this run ends."""
    if not lines:
        return None
    try:
        return await current_order(context, purchase)
    except NotFound as error:
        raise NotFound(
            f"the vendor does not know the order of {purchase.reference} any more: {error.message}",
            status=404,
            remedy="read what follow-orders told of it last; if it ended without numbers, place a "
            "new order under a new reference",
        ) from None


async def _quote_and_approve(
    run: Run[OrderNumbersParameters], purchase: Purchase, limits: SpendLimits
) -> tuple[SpendLimits, str | None, Quote] | None:
    """Quote the order, and have its price approved where that is asked for.

    None: another run of this reference has written down its order by now. To us its number looks
    sold.
    """
    context, wanted = run.context, run.parameters
    try:
        quote = await quote_order(context, wanted, run.reference, quoted_before(context, purchase))
        await publish_quote(quote, run.reference, flow_name="order-numbers")
        limits.check(quote.today, quote.monthly)
    except (BadInput, SpendRefused):
        _, lines = await open_purchase(context, wanted, run.reference, operation=OPERATION)
        if not _alive(lines):
            raise
        return None
    approved_by = None
    if wanted.approve_above is not None and quote.today > wanted.approve_above:
        limits, approved_by = await ask_approval(context, purchase, quote, limits)
    return limits, approved_by, quote


async def _approve_what_is_dearer(
    run: Run[OrderNumbersParameters],
    purchase: Purchase,
    existing: NumberOrder | None,
    limits: SpendLimits,
) -> SpendLimits:
    """Ask once more, before it is handed in, about an order that reserved at a higher price.

    Higher than what was approved, or than what would have been asked about.
    """
    wanted = run.parameters
    ceiling = limits.approved_today if limits.approved_today is not None else wanted.approve_above
    if (
        wanted.approve_above is None
        or ceiling is None
        or existing is None
        or existing.state not in FILLING
    ):
        return limits
    quote = quote_of_order(existing.order_numbers, wanted.currency)
    if quote.today <= ceiling:
        return limits
    limits = SpendLimits(wanted.max_today, wanted.max_monthly, wanted.currency)
    limits.check(quote.today, quote.monthly)
    limits, run.facts["approved_by"] = await ask_approval(run.context, purchase, quote, limits)
    return limits


def _facts(run: Run[OrderNumbersParameters]) -> dict[str, Any]:
    """What every report of the run names, as far as it is known."""
    wanted, sent = run.checked, run.given
    return {
        "reference": run.reference,
        "region_code": wanted.region_code if wanted else word(sent.get("region_code")),
        "number_type": wanted.number_type if wanted else word(sent.get("number_type")),
        "asked": wanted.wanted if wanted else whole(sent.get("quantity")),
        "currency": wanted.currency if wanted else word(sent.get("currency")),
        "plan_only": sent.get("plan_only") is True,
        **run.facts,
    }


def _stopped(
    error: NumberflowError, steps: Sequence[Intention], run: Run[OrderNumbersParameters]
) -> OrderReport:
    return stopped_order_report(error, steps, **_facts(run))
