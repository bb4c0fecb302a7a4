"""Order numbers that need papers.

Requirements, papers, quote, approval, order, registration, files, submission. follow-orders does
the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.approval import approved, ask_approval, obey_refusal, quoted_before
from flows.final_state import final_state
from flows.forms import (
    MAY_STAY_EMPTY,
    NO_GROUP,
    REQUIRED,
    Address,
    Amount,
    Currency,
    DigitPattern,
    OptionalAmount,
    OptionalText,
    OrderQuantity,
    Project,
    Reference,
    Region,
    Sms,
    Voice,
    Where,
    given,
    name_of_run,
)
from flows.naming import run_name, wanted_numbers, whole, word
from flows.stopping import accounted_for
from numberflow.errors import BadInput, NotFound, NumberflowError, SpendRefused
from numberflow.journal import Intention, IntentionState, Purchase
from numberflow.models.number_orders import NumberOrder
from numberflow.models.order_numbers import (
    AttachmentGroup,
    OrderNumbersParameters,
    parse_order_numbers,
)
from numberflow.models.reports import OrderReport
from numberflow.models.vendor import Capability, NumberType
from numberflow.models.wording import line_of
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
    publish_order_report,
    quote_order,
    read_papers,
    write_down_order,
)
from tasks.papers import require_in_store
from tasks.publish import publish_quote
from tasks.purchase import open_purchase
from tasks.run_context import open_run_context

Attachments = Annotated[tuple[AttachmentGroup, ...] | None, MAY_STAY_EMPTY]


@accounted_for
@flow(
    name="order-numbers",
    flow_run_name=run_name(wanted_numbers("order")),
    validate_parameters=False,
    retries=0,
    persist_result=False,
)
async def order_numbers(
    *,
    region_code: Region = "AU",
    number_type: NumberType = NumberType.MOBILE,
    quantity: OrderQuantity = 1,
    max_today: Amount = REQUIRED,
    max_monthly: Amount = REQUIRED,
    currency: Currency = "USD",
    reference: Reference = "",
    kyc: OptionalText = "",
    attachments: Attachments = (),
    phone_number: OptionalText = "",
    capabilities: Annotated[tuple[Capability, ...] | None, MAY_STAY_EMPTY] = (),
    pattern: DigitPattern = "",
    search_pattern: Where = "",
    sms: Sms = NO_GROUP,
    voice: Voice = NO_GROUP,
    callback_url: Address = "",
    plan_only: bool = False,
    approve_above: OptionalAmount = "",
    project: Project = "",
) -> State[OrderReport] | OrderReport:
    """Order phone numbers that need a registration, and never pay twice.

    Looks up what the region wants, checks the papers before anything is ordered, reserves the
    numbers, registers, uploads and hands the order in. Reviews take hours to days: follow-orders
    tells what becomes of it. Run it again with the same reference to go on, with corrected papers
    too.

    Args:
        region_code: Two letters, ISO 3166-1: AU, DE, …
        number_type: LOCAL, MOBILE or TOLL_FREE.
        quantity: How many numbers, 1 to 100. One is chosen by name before it is ordered.
        max_today: Most that this project may be charged for what it buys today, this order
            included. A decimal such as 90.00
        max_monthly: Most that this order may cost in a month. A decimal such as 90.00
        currency: Currency of the caps, ISO 4217. Another currency at the vendor stops the order.
        reference: Your name for this order, such as PO-1042. The same reference is the same order,
            for ever. Empty: this run is the order.
        kyc: The registration data: a paper of the papers store such as kyc.json, or block:NAME of a
            Secret block. `numberflow requirements --template FILE` writes a form to fill in,
            `numberflow papers put FILE` puts it there.
        attachments: The files that the requirements name, one group for each.
        phone_number: Order exactly this number instead of searching; with + and country code.
        capabilities: What every number must be able to do.
        pattern: Digits to look for; with a plus and country code they begin the number: +614
        search_pattern: Where the pattern has to stand. Empty: at the beginning when it begins with
            a plus, else anywhere.
        sms: SMS service plan (and 10DLC campaign, US only) to link every number to; leave both
            empty to link none.
        voice: Voice app, SIP trunk or fax service to link every number to; fill in one, or none.
        callback_url: Where the vendor sends events about this order and its numbers.
        plan_only: Stop after requirements, papers and quote; nothing is ordered.
        approve_above: Ask a person when the quote is above this amount. Empty: do not ask.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    parameters: dict[str, Any] = {
        "region_code": region_code,
        "number_type": number_type,
        "quantity": quantity,
        "max_today": max_today,
        "max_monthly": max_monthly,
        "currency": currency,
        "reference": reference,
        "kyc": kyc,
        "attachments": attachments,
        "phone_number": phone_number,
        "capabilities": capabilities,
        "pattern": pattern,
        "search_pattern": search_pattern,
        "sms": sms,
        "voice": voice,
        "callback_url": callback_url,
        "plan_only": plan_only,
        "approve_above": approve_above,
        "project": project,
    }
    run_id = str(flow_run.get_id())
    facts: dict[str, Any] = {
        "reference": name_of_run(reference, run_id),
        "region_code": word(region_code),
        "number_type": word(number_type),
        "asked": whole(quantity),
        "currency": word(currency),
        "plan_only": plan_only is True,
        "flow_run_id": run_id,
    }
    try:
        # The form can be sent unchecked, so everything is checked here again.
        order = parse_order_numbers(given(parameters))
        facts |= {
            "reference": order.reference or run_id,
            "region_code": order.region_code,
            "asked": order.wanted,
            "currency": order.currency,
        }
        await obey_refusal()
        await require_in_store(order.papers)
        async with open_run_context(order.project) as context:
            facts["project_id"] = context.project_id
            report = (
                await _plan(context, order, facts)
                if order.plan_only
                else await _order(context, order, facts)
            )
    except NumberflowError as error:
        report = stopped_order_report(error, (), **facts)
    return await _conclude(report)


async def _plan(
    context: RunContext, order: OrderNumbersParameters, facts: Mapping[str, Any]
) -> OrderReport:
    """What the order takes and costs; papers are checked if there are any yet."""
    requirements = await look_up_requirements(context, order)
    notes = []
    if order.kyc is not None or order.attachments:
        await read_papers(order, requirements)
        notes.append("the papers are complete, as far as the form can be read here")
    form = form_text(requirements, order.region_code, order.number_type)
    standing = await look_ahead(context, order, facts["reference"])
    if standing.quote is not None:
        await publish_quote(standing.quote, facts["reference"], flow_name="order-numbers")
    return order_plan(standing, requirements=form, notes=notes, **facts)


async def _order(
    context: RunContext, order: OrderNumbersParameters, facts: dict[str, Any]
) -> OrderReport:
    """Order and report. Errors that end the run are turned into a report that names what is open."""
    seen: dict[str, Intention] = {}
    try:
        get_run_logger().info(
            "Reference %s: run again with this reference to go on with this order",
            facts["reference"],
        )
        return await _place(context, order, facts, seen)
    except NumberflowError as error:
        return stopped_order_report(error, _in_order(seen), **facts)


async def _place(
    context: RunContext,
    order: OrderNumbersParameters,
    facts: dict[str, Any],
    seen: dict[str, Intention],
) -> OrderReport:
    requirements = await look_up_requirements(context, order)
    purchase, lines = await open_purchase(
        context,
        order,
        facts["reference"],
        facts["flow_run_id"],
        operation=OPERATION,
    )
    seen.update({line.id: line for line in lines})
    existing = await _existing(context, purchase, lines)
    papers: OrderPapers | None = None
    if existing is None or existing.state in FILLING:
        papers = await read_papers(order, requirements)
    limits = SpendLimits(order.max_today, order.max_monthly, order.currency)
    facts["approved_by"] = (purchase.approval or {}).get("by")
    alive = _alive(lines)
    if not alive:
        decided = await _quote_and_approve(context, order, purchase, limits, facts["flow_run_id"])
        if decided is None:
            return await _place(context, order, facts, seen)
        limits, facts["approved_by"], quote = decided
        alive = [
            await write_down_order(context, purchase, order, quote, limits, facts["flow_run_id"])
        ]
    else:
        if purchase.approval:
            limits = approved(limits, purchase.approval)
        limits, facts["approved_by"] = await _approve_what_is_dearer(
            context, order, purchase, existing, limits, facts
        )
    if limits.approved_today is None and order.approve_above is not None:
        # What the order turns out to cost, and a number in the place of a lost one, must not grow
        # past what would have been asked about.
        limits = replace(limits, approved_today=order.approve_above)
    placed = await place_order(context, purchase, order, papers, limits, facts["flow_run_id"], seen)
    if requirements is None:
        placed.notes.append(
            f"no registration is needed for {order.number_type} numbers in {order.region_code}"
        )
    cost = placed.create or alive[-1]
    return order_report(
        placed,
        _in_order(seen),
        quoted_today=cost.due_amount,
        quoted_monthly=cost.monthly_amount,
        **facts,
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
    """The order of an earlier run; one that the vendor does not know any more ends this one."""
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
    context: RunContext,
    order: OrderNumbersParameters,
    purchase: Purchase,
    limits: SpendLimits,
    run_id: str,
) -> tuple[SpendLimits, str | None, Quote] | None:
    """Quote the order, and have its price approved where that is asked for.

    None: another run of this reference has written down its order by now. To us its number looks
    sold.
    """
    try:
        quote = await quote_order(
            context, order, purchase.reference, quoted_before(purchase, run_id)
        )
        await publish_quote(quote, purchase.reference, flow_name="order-numbers")
        limits.check(quote.today, quote.monthly)
    except (BadInput, SpendRefused):
        _, lines = await open_purchase(
            context, order, purchase.reference, run_id, operation=OPERATION, begun_before=True
        )
        if not _alive(lines):
            raise
        return None
    approved_by = None
    if order.approve_above is not None and quote.today > order.approve_above:
        limits, approved_by = await ask_approval(context, purchase, quote, limits, run_id)
    return limits, approved_by, quote


async def _approve_what_is_dearer(
    context: RunContext,
    order: OrderNumbersParameters,
    purchase: Purchase,
    existing: NumberOrder | None,
    limits: SpendLimits,
    facts: Mapping[str, Any],
) -> tuple[SpendLimits, str | None]:
    """An order that reserved at a price above what was approved, or would have been asked about, asks once more before it is handed in."""
    ceiling = limits.approved_today if limits.approved_today is not None else order.approve_above
    if (
        order.approve_above is None
        or ceiling is None
        or existing is None
        or existing.state not in FILLING
    ):
        return limits, facts["approved_by"]
    quote = quote_of_order(existing.order_numbers, order.currency)
    if quote.today <= ceiling:
        return limits, facts["approved_by"]
    limits = SpendLimits(order.max_today, order.max_monthly, order.currency)
    limits.check(quote.today, quote.monthly)
    return await ask_approval(context, purchase, quote, limits, facts["flow_run_id"])


def _in_order(seen: Mapping[str, Intention]) -> tuple[Intention, ...]:
    return tuple(sorted(seen.values(), key=lambda line: line.position))


async def _conclude(report: OrderReport) -> State[OrderReport] | OrderReport:
    logger = get_run_logger()
    try:
        await publish_order_report(report)
    # What is ordered is ordered: the report goes to the caller whether or not it can be shown
    except Exception as error:  # noqa: BLE001
        logger.warning("The report could not be shown in Prefect: %s", type(error).__name__)
    logger.info(
        "%s",
        line_of(
            f"{report.reference}: {report.outcome.value}, order {report.state or 'none'}.",
            report.reason,
            report.remedy,
        ),
    )
    return final_state(report)
