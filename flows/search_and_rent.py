"""Search numbers, quote them, have the quote approved, rent them through the journal, confirm, report."""

from __future__ import annotations

from collections.abc import Mapping
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
    OptionalNumbers,
    Project,
    Reference,
    Region,
    RentQuantity,
    Sms,
    Voice,
    WaitS,
    Where,
    given,
    name_of_run,
)
from flows.naming import how_many, run_name, wanted_numbers, whole, word
from flows.stopping import accounted_for
from numberflow.errors import BadInput, NumberClaimed, NumberflowError, SpendRefused
from numberflow.journal import Intention, IntentionState, Purchase
from numberflow.models.orders import SearchAndRentParameters, Strategy, parse_search_and_rent
from numberflow.models.reports import PurchaseReport
from numberflow.models.vendor import Capability, NumberType
from numberflow.models.wording import line_of
from numberflow.purchase.renting.report import plan_report, purchase_report, stopped_report
from numberflow.purchase.run_context import RunContext
from numberflow.purchase.spend_limits import SpendLimits
from tasks.publish import publish_quote, publish_report
from tasks.purchase import (
    confirm_numbers,
    look_ahead,
    open_purchase,
    rent_numbers,
    search_and_quote,
    write_down_chosen,
)
from tasks.run_context import open_run_context

# Chosen numbers that another purchase wrote down first are chosen again this often.
CHOICES_MAX = 5


@accounted_for
@flow(
    name="search-and-rent",
    flow_run_name=run_name(wanted_numbers("rent")),
    validate_parameters=False,
    retries=0,
    persist_result=False,
)
async def search_and_rent(
    *,
    region_code: Region = "US",
    number_type: NumberType = NumberType.LOCAL,
    quantity: RentQuantity = 1,
    max_today: Amount = REQUIRED,
    max_monthly: Amount = REQUIRED,
    currency: Currency = "USD",
    reference: Reference = "",
    capabilities: Annotated[tuple[Capability, ...] | None, MAY_STAY_EMPTY] = (),
    pattern: DigitPattern = "",
    search_pattern: Where = "",
    sms: Sms = NO_GROUP,
    voice: Voice = NO_GROUP,
    callback_url: Address = "",
    plan_only: bool = False,
    approve_above: OptionalAmount = "",
    phone_numbers: OptionalNumbers = "",
    strategy: Strategy = Strategy.CHOSEN,
    provisioning_wait_s: WaitS = 120,
    project: Project = "",
) -> State[PurchaseReport] | PurchaseReport:
    """Rent phone numbers, and never pay twice.

    Searches, quotes, checks the caps, asks for approval above a limit, writes the chosen numbers
    down, rents them one by one through the journal, confirms them and waits until their links work.
    Run it again with the same reference to resume.

    Args:
        region_code: Two letters, ISO 3166-1: US, GB, …
        number_type: LOCAL, MOBILE or TOLL_FREE. The vendor rents directly in US LOCAL only; others
            are ordered.
        quantity: How many numbers, 1 to 500.
        max_today: Most that this project may be charged today, this purchase included. A decimal
            such as 90.00
        max_monthly: Most that this purchase may cost in a month. A decimal such as 90.00
        currency: Currency of the caps, ISO 4217. Another currency at the vendor stops the purchase.
        reference: Your name for this purchase, such as PO-1042. The same reference is the same
            purchase, for ever. Empty: this run is the purchase.
        capabilities: What every number must be able to do.
        pattern: Digits to look for; with a plus and country code they begin the number: +1307
        search_pattern: Where the pattern has to stand. Empty: at the beginning when it begins with
            a plus, else anywhere.
        sms: SMS service plan (and 10DLC campaign, US only) to link every number to; leave both
            empty to link none.
        voice: Voice app, SIP trunk or fax service to link every number to; fill in one, or none.
        callback_url: Where the vendor sends events about these numbers.
        plan_only: Stop after the quote; nothing is bought.
        approve_above: Ask a person when the quote is above this amount today. Empty: do not ask.
        phone_numbers: Rent exactly these numbers instead of searching; with + and country code, as
            you have them: a pasted column, commas, +1 (202) 555-0101.
        strategy: "chosen" names each number before it is rented; "any" lets the vendor pick (US
            LOCAL only).
        provisioning_wait_s: Seconds to wait for SMS and voice links; what is not ready then is
            reported as pending.
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
        "capabilities": capabilities,
        "pattern": pattern,
        "search_pattern": search_pattern,
        "sms": sms,
        "voice": voice,
        "callback_url": callback_url,
        "plan_only": plan_only,
        "approve_above": approve_above,
        "phone_numbers": phone_numbers,
        "strategy": strategy,
        "provisioning_wait_s": provisioning_wait_s,
        "project": project,
    }
    run_id = str(flow_run.get_id())
    name = name_of_run(reference, run_id)
    try:
        # The form can be sent unchecked, so everything is checked here again.
        order = parse_search_and_rent(given(parameters))
        name = order.reference or run_id
        await obey_refusal()
        async with open_run_context(order.project) as context:
            report = await _purchase(context, order, name, run_id)
    except NumberflowError as error:
        report = stopped_report(
            error,
            (),
            reference=name,
            asked=how_many(phone_numbers) or whole(quantity),
            currency=word(currency),
            flow_run_id=run_id,
        )
    return await _conclude(report)


async def _purchase(
    context: RunContext, order: SearchAndRentParameters, reference: str, run_id: str
) -> PurchaseReport:
    """Plan, or buy and report. Errors that end the run are turned into a report that names what is open."""
    facts: dict[str, Any] = {
        "reference": reference,
        "project_id": context.project_id,
        "asked": order.wanted,
        "currency": order.currency,
        "flow_run_id": run_id,
    }
    if order.plan_only:
        standing = await look_ahead(context, order, reference)
        if standing.quote.lines:
            await publish_quote(standing.quote, reference, flow_name="search-and-rent")
        return plan_report(
            standing.lines, standing.quote, refused=standing.refused, notes=standing.notes, **facts
        )
    seen: dict[str, Intention] = {}
    try:
        get_run_logger().info(
            "Reference %s: run again with this reference to resume this purchase", reference
        )
        purchase, lines = await open_purchase(context, order, reference, run_id)
        seen.update({line.id: line for line in lines})
        facts["before"] = lines
        return await _buy(context, order, purchase, lines, seen, facts)
    except NumberflowError as error:
        return stopped_report(error, tuple(seen.values()), **facts)


async def _buy(
    context: RunContext,
    order: SearchAndRentParameters,
    purchase: Purchase,
    lines: tuple[Intention, ...],
    seen: dict[str, Intention],
    facts: Mapping[str, Any],
) -> PurchaseReport:
    """Quote and approve unless numbers are written down already; then rent, confirm, report."""
    limits = SpendLimits(order.max_today, order.max_monthly, order.currency)
    approved_by: str | None = (purchase.approval or {}).get("by")
    if all(line.state is IntentionState.REFUSED for line in lines):
        decided = await _quote_approve_write_down(
            context, order, purchase, limits, facts["flow_run_id"]
        )
        if decided is None:
            purchase, lines = await _opened_again(context, order, purchase)
            return await _buy(context, order, purchase, lines, seen, {**facts, "before": lines})
        limits, approved_by = decided
    elif purchase.approval:
        limits = approved(limits, purchase.approval)
    if limits.approved_today is None and order.approve_above is not None:
        # Replacements must not grow past what would have been asked about.
        limits = replace(limits, approved_today=order.approve_above)
    result = await rent_numbers(context, purchase, order, limits, facts["flow_run_id"], seen)
    rented = [
        str((line.result or {}).get("phone_number") or line.subject)
        for line in seen.values()
        if line.state is IntentionState.DONE
    ]
    statuses = await confirm_numbers(context, order, rented) if rented else {}
    return purchase_report(
        sorted(seen.values(), key=lambda line: line.position),
        statuses,
        stopped_by=result.stopped_by.message if result.stopped_by else "",
        remedy=result.remedy,
        notes=[*result.notes, *_marker_notes(order, rented)],
        approved_by=approved_by,
        **facts,
    )


async def _quote_approve_write_down(
    context: RunContext,
    order: SearchAndRentParameters,
    purchase: Purchase,
    limits: SpendLimits,
    run_id: str,
) -> tuple[SpendLimits, str | None] | None:
    """Choose numbers, have their price approved where that is asked for, and write them down.

    None: another run of this reference has written down its numbers by now. To us they look sold.
    """
    logger = get_run_logger()
    for _ in range(CHOICES_MAX):
        try:
            quote = await search_and_quote(
                context, order, purchase.reference, quoted_before(purchase, run_id)
            )
            await publish_quote(quote, purchase.reference, flow_name="search-and-rent")
            limits.check(quote.today, quote.monthly)
        except (BadInput, SpendRefused):
            _, lines = await _opened_again(context, order, purchase)
            if all(line.state is IntentionState.REFUSED for line in lines):
                raise
            return None
        approved_by = None
        if order.approve_above is not None and quote.today > order.approve_above:
            limits, approved_by = await ask_approval(context, purchase, quote, limits, run_id)
        try:
            await write_down_chosen(context, purchase, order, quote, limits, run_id)
        except NumberClaimed as error:
            logger.info("Another purchase took a number first; choosing again. %s", error)
        else:
            return limits, approved_by
    raise SpendRefused(
        "other purchases took the chosen numbers again and again",
        rule="claimed",
        remedy="run again with the same reference when the other purchases have ended",
    )


async def _opened_again(
    context: RunContext, order: SearchAndRentParameters, purchase: Purchase
) -> tuple[Purchase, tuple[Intention, ...]]:
    """The purchase and its lines as they are by now."""
    return await open_purchase(
        context, order, purchase.reference, purchase.flow_run_id, begun_before=True
    )


def _marker_notes(order: SearchAndRentParameters, rented: list[str]) -> list[str]:
    if order.strategy is not Strategy.ANY or not rented:
        return []
    return [
        (
            "the callback URL of each number carries a mark (numberflow=…) by which it was "
            "recognised; leave it, or set your own URL"
        )
    ]


async def _conclude(report: PurchaseReport) -> State[PurchaseReport] | PurchaseReport:
    """Publish the report and name the run's state after the way in which it ended."""
    logger = get_run_logger()
    try:
        await publish_report(report)
    # What was bought is bought: the report goes to the caller whether or not it can be shown
    except Exception as error:  # noqa: BLE001
        logger.warning("The report could not be shown in Prefect: %s", type(error).__name__)
    logger.info(
        "%s",
        line_of(
            f"{report.reference}: {report.outcome.value}, {report.rented} of {report.asked} "
            f"rented, {report.rented_now} by this run.",
            report.reason,
            report.remedy,
        ),
    )
    return final_state(report)
