"""The steps of a purchase as Prefect tasks.

What each does is in `numberflow.purchase`; here it gets logs and progress.

No task here is retried or cached by Prefect: repeating is decided by the journal, which looks
first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.logging import get_run_logger

from numberflow.journal import Intention, IntentionState, Purchase
from numberflow.models.orders import SearchAndRentParameters, WantedNumbers
from numberflow.models.wording import count_of
from numberflow.planning.provisioning import LinkState
from numberflow.planning.quote import Quote
from numberflow.purchase.renting.choose import OPERATION, write_down_quote
from numberflow.purchase.renting.provisioning import NumberStatus, confirm_and_wait
from numberflow.purchase.renting.quoting import quote_order
from numberflow.purchase.renting.rent import RentResult, rent_chosen
from numberflow.purchase.renting.standing import stand
from numberflow.purchase.run_context import RunContext, in_thread, new_purchase
from numberflow.purchase.run_context import open_purchase as open_in_journal
from numberflow.purchase.spend_limits import SpendLimits
from tasks.step import step

look_ahead = step("look ahead")(stand)
write_down_chosen = step("write down the numbers")(write_down_quote)


def masked(phone_number: str | None) -> str:
    """A number for a log line: its last four digits."""
    return f"…{phone_number[-4:]}" if phone_number else "a number"


@step("open purchase")
async def open_purchase(
    context: RunContext,
    order: WantedNumbers,
    reference: str,
    *,
    operation: str = OPERATION,
) -> tuple[Purchase, tuple[Intention, ...]]:
    """Find the purchase of this reference, or begin it, and the numbers written down for it.

    Costs: nothing. Repeat: safe; the same reference is the same purchase.

    Args:
        context: client and journal.
        order: what is bought.
        reference: the caller's name for it.
        operation: the kind of purchase.

    Raises:
        JournalUnavailable: this run was begun before, but not with this journal: what it bought
            then stands in another one.
        ReferenceConflict: the reference stands for a purchase with other parameters.
    """
    new = new_purchase(context, order, reference, operation)
    purchase = await open_in_journal(context, new)
    lines = await in_thread(context.journal.intentions, purchase_id=purchase.id)
    if lines:
        get_run_logger().info("Purchase %s was begun before: %s", reference, _count(lines))
    return purchase, lines


@step("search and quote")
async def search_and_quote(
    context: RunContext, order: SearchAndRentParameters, seed: str, prefer: Sequence[str] = ()
) -> Quote:
    """Find the numbers and add up their prices.

    Costs: nothing. Repeat: safe; nothing is reserved.

    Raises:
        BadInput: too few numbers match; says what the vendor sells.
        SpendRefused: a price is missing or in another currency.
    """
    quote = await quote_order(context, order, seed=seed, prefer=prefer)
    get_run_logger().info(
        "Quote: %s, %s %s today, %s a month",
        count_of(len(quote.lines), "number"),
        quote.today,
        quote.currency,
        quote.monthly,
    )
    if quote.warning:
        get_run_logger().info("Before renting: %s", quote.warning)
    return quote


@step("save quote")
async def save_quote(context: RunContext, purchase: Purchase, quote: Quote) -> dict[str, Any]:
    """Keep what a person is asked to approve, so that the resumed run can compare.

    Returns what was kept.

    Costs: nothing. Repeat: safe; the last quote of a run counts.
    """
    kept = {
        "today": str(quote.today),
        "monthly": str(quote.monthly),
        "currency": quote.currency,
        "phone_numbers": [line.phone_number for line in quote.lines if line.phone_number],
        "flow_run_id": context.flow_run_id,
    }
    await in_thread(context.journal.save_quote, purchase.id, kept)
    return kept


@step("save approval")
async def save_approval(
    context: RunContext,
    purchase: Purchase,
    approved_by: str,
    approved: Mapping[str, Any],
) -> None:
    """Keep who approved which amounts.

    Costs: nothing. Repeat: safe.
    """
    kept = {name: approved[name] for name in ("today", "monthly", "currency")}
    await in_thread(
        context.journal.save_approval,
        purchase.id,
        {"by": approved_by, "flow_run_id": context.flow_run_id, **kept},
    )


@step("rent numbers")
async def rent_numbers(
    context: RunContext,
    purchase: Purchase,
    order: SearchAndRentParameters,
    limits: SpendLimits,
    seen: dict[str, Intention],
) -> RentResult:
    """Rent every number that is written down, and replace what rivals took.

    Costs: set-up price and first period of each number, from the moment the vendor accepts.
    Repeat: safe. Each open intention is looked up at the vendor before anything is asked for again.
    """
    logger = get_run_logger()
    show = _ProgressArtifact(purchase.reference)

    async def progress(line: Intention) -> None:
        number = (line.result or {}).get("phone_number") or line.subject
        done = sum(each.state is IntentionState.DONE for each in seen.values())
        logger.info(
            "%s: %s (%d of %d rented)", masked(number), line.state.value, done, order.wanted
        )
        await show(100.0 * min(done, order.wanted) / order.wanted)

    return await rent_chosen(context, purchase, order, limits, seen=seen, progress=progress)


@step("confirm and await links")
async def confirm_numbers(
    context: RunContext, order: SearchAndRentParameters, phone_numbers: Sequence[str]
) -> dict[str, NumberStatus]:
    """Read each rented number back and wait, within `provisioning_wait_s`, until its links work.

    Costs: nothing. Repeat: safe.
    """
    logger = get_run_logger()

    def told(settled: int, total: int) -> None:
        logger.info("%d of %d numbers confirmed and linked", settled, total)

    statuses = await confirm_and_wait(
        context,
        phone_numbers,
        sms=order.sms,
        voice=order.voice,
        wait_s=float(order.provisioning_wait_s),
        progress=told,
    )
    for status in statuses.values():
        for name, link in (("SMS", status.sms), ("voice", status.voice)):
            if link.state in (LinkState.FAILED, LinkState.DROPPED):
                logger.warning(
                    "%s: %s link %s. %s",
                    masked(status.phone_number),
                    name,
                    link.state.value,
                    link.advice,
                )
    return statuses


class _ProgressArtifact:
    """How far renting is, in the UI.

    Best effort: a Prefect server that does not answer must not stop a purchase half-way.
    """

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._artifact_id: UUID | None = None
        self._works = True

    async def __call__(self, percent: float) -> None:
        if not self._works:
            return
        try:
            if self._artifact_id is None:
                self._artifact_id = await acreate_progress_artifact(
                    percent,
                    key="search-and-rent-progress",
                    description=f"Rented numbers of {self._reference}",
                )
            else:
                await aupdate_progress_artifact(self._artifact_id, percent)
        except Exception as error:  # noqa: BLE001 - see the class
            self._works = False
            get_run_logger().warning(
                "Progress cannot be shown in Prefect any more: %s", type(error).__name__
            )


def _count(lines: Sequence[Intention]) -> str:
    states = [line.state.value for line in lines]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
