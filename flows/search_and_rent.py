"""Search numbers, quote them, have the quote approved, rent them through the journal, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from flows import forms
from flows.approval import approved, ask_approval, quoted_before
from flows.naming import how_many, wanted_numbers, whole, word
from flows.runner import Run, run_flow, runbook
from numberflow.errors import BadInput, NumberClaimed, NumberflowError, SpendRefused
from numberflow.journal import Intention, IntentionState, Purchase
from numberflow.models.orders import SearchAndRentParameters, Strategy
from numberflow.models.reports import PurchaseReport
from numberflow.models.vendor import Capability, NumberType
from numberflow.purchase.renting.report import plan_report, purchase_report, stopped_report
from numberflow.purchase.spend_limits import SpendLimits
from tasks.publish import publish_quote
from tasks.purchase import (
    confirm_numbers,
    look_ahead,
    open_purchase,
    rent_numbers,
    search_and_quote,
    write_down_chosen,
)

# Chosen numbers that another purchase wrote down first are chosen again this often.
CHOICES_MAX = 5


@runbook("search-and-rent", wanted_numbers("rent"))
async def search_and_rent(
    *,
    region_code: forms.Region = "US",
    number_type: NumberType = NumberType.LOCAL,
    quantity: forms.RentQuantity = 1,
    max_today: forms.Amount = forms.REQUIRED,
    max_monthly: forms.Amount = forms.REQUIRED,
    currency: forms.Currency = "USD",
    reference: forms.Reference = "",
    capabilities: Annotated[tuple[Capability, ...] | None, forms.MAY_STAY_EMPTY] = (),
    pattern: forms.DigitPattern = "",
    search_pattern: forms.Where = "",
    sms: forms.Sms = forms.NO_GROUP,
    voice: forms.Voice = forms.NO_GROUP,
    callback_url: forms.Address = "",
    plan_only: bool = False,
    approve_above: forms.OptionalAmount = "",
    phone_numbers: forms.OptionalNumbers = "",
    strategy: Strategy = Strategy.CHOSEN,
    provisioning_wait_s: forms.WaitS = 120,
    project: forms.Project = "",
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
        reference: Your name for this purchase, such as PO-1042. The same reference always means
            the same purchase. Empty: this run is the purchase.
        capabilities: What every number must be able to do.
        pattern: Digits to look for; with a plus and country code they begin the number: +1307
        search_pattern: Where the pattern has to be. Empty: at the beginning if it begins with a
            plus, else anywhere.
        sms: SMS service plan (and 10DLC campaign, US only) to link every number to; leave both
            empty to link none.
        voice: Voice app, SIP trunk or fax service to link every number to; fill in one, or none.
        callback_url: Where the vendor sends events about these numbers. Empty: the
            receiver at NUMBERFLOW_CALLBACK_URL, if that is set.
        plan_only: Stop after the quote; buy nothing.
        approve_above: Ask a person if the quote is above this amount today. Empty: do not ask.
        phone_numbers: Rent exactly these numbers instead of searching, each with + and country
            code, however you have them: a pasted column, commas, +1 (202) 555-0101.
        strategy: "chosen" names each number before it is rented; "any" lets the vendor pick (US
            LOCAL only).
        provisioning_wait_s: Seconds to wait for SMS and voice links. What is not ready by then is
            reported as pending.
        project: Name of a Sinch Credentials block. Empty: credentials of the environment.
    """
    return await run_flow(locals(), SearchAndRentParameters, _work, _stopped, takes_lists=False)


async def _work(run: Run[SearchAndRentParameters]) -> PurchaseReport:
    run.seen = {}
    if run.parameters.plan_only:
        return await _plan(run)
    get_run_logger().info(
        "Reference %s: run again with this reference to resume this purchase", run.reference
    )
    return await _buy(run)


async def _plan(run: Run[SearchAndRentParameters]) -> PurchaseReport:
    """What the reference holds, and what a run would still rent."""
    standing = await look_ahead(run.context, run.parameters, run.reference)
    if standing.quote.lines:
        await publish_quote(standing.quote, run.reference, flow_name="search-and-rent")
    return plan_report(
        standing.lines,
        standing.quote,
        refused=standing.refused,
        notes=standing.notes,
        **_facts(run),
    )


async def _buy(run: Run[SearchAndRentParameters]) -> PurchaseReport:
    """Quote and approve unless numbers are written down already; then rent, confirm, report."""
    context, wanted = run.context, run.parameters
    purchase, lines = await open_purchase(context, wanted, run.reference)
    run.facts["before"] = lines
    seen = run.seen = {line.id: line for line in lines}
    limits = SpendLimits(wanted.max_today, wanted.max_monthly, wanted.currency)
    approved_by: str | None = (purchase.approval or {}).get("by")
    if all(line.state is IntentionState.REFUSED for line in lines):
        decided = await _quote_approve_write_down(run, purchase, limits)
        if decided is None:
            return await _buy(run)
        limits, approved_by = decided
    elif purchase.approval:
        limits = approved(limits, purchase.approval)
    if limits.approved_today is None and wanted.approve_above is not None:
        # Replacements must not grow past what would have been asked about.
        limits = replace(limits, approved_today=wanted.approve_above)
    result = await rent_numbers(context, purchase, wanted, limits, seen)
    rented = [
        str((line.result or {}).get("phone_number") or line.subject)
        for line in seen.values()
        if line.state is IntentionState.DONE
    ]
    statuses = await confirm_numbers(context, wanted, rented) if rented else {}
    return purchase_report(
        run.steps_seen,
        statuses,
        stopped_by=result.stopped_by.message if result.stopped_by else "",
        remedy=result.remedy,
        notes=[*result.notes, *_marker_notes(wanted, rented)],
        approved_by=approved_by,
        **_facts(run),
    )


async def _quote_approve_write_down(
    run: Run[SearchAndRentParameters], purchase: Purchase, limits: SpendLimits
) -> tuple[SpendLimits, str | None] | None:
    """Choose numbers, have their price approved where that is asked for, and write them down.

    None: another run of this reference has written down its numbers by now. To us they look sold.
    """
    context, wanted = run.context, run.parameters
    for _ in range(CHOICES_MAX):
        try:
            quote = await search_and_quote(
                context, wanted, run.reference, quoted_before(context, purchase)
            )
            await publish_quote(quote, run.reference, flow_name="search-and-rent")
            limits.check(quote.today, quote.monthly)
        except (BadInput, SpendRefused):
            _, lines = await open_purchase(context, wanted, run.reference)
            if all(line.state is IntentionState.REFUSED for line in lines):
                raise
            return None
        approved_by = None
        if wanted.approve_above is not None and quote.today > wanted.approve_above:
            limits, approved_by = await ask_approval(context, purchase, quote, limits)
        try:
            await write_down_chosen(context, purchase, wanted, quote, limits)
        except NumberClaimed as error:
            get_run_logger().info("Another purchase took a number first; choosing again. %s", error)
        else:
            return limits, approved_by
    raise SpendRefused(
        "other purchases took the chosen numbers again and again",
        rule="claimed",
        remedy="run again with the same reference when the other purchases have ended",
    )


def _marker_notes(wanted: SearchAndRentParameters, rented: list[str]) -> list[str]:
    if wanted.strategy is not Strategy.ANY or not rented:
        return []
    return [
        (
            "the callback URL of each number carries a mark (numberflow=…) by which it was "
            "recognised; leave it, or set your own URL"
        )
    ]


def _facts(run: Run[SearchAndRentParameters]) -> dict[str, Any]:
    """What every report of the run names, as far as it is known."""
    wanted, sent = run.checked, run.given
    asked = how_many(sent.get("phone_numbers")) or whole(sent.get("quantity"))
    return {
        "reference": run.reference,
        "asked": wanted.wanted if wanted else asked,
        "currency": wanted.currency if wanted else word(sent.get("currency")),
        **run.facts,
    }


def _stopped(
    error: NumberflowError, steps: Sequence[Intention], run: Run[SearchAndRentParameters]
) -> PurchaseReport:
    return stopped_report(error, steps, **_facts(run))
