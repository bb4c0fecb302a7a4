"""Rent what was written down, through the journal, and replace what rivals took.

Not here: choosing the first numbers (choose), links and read-back (provisioning), the rule that a
step runs at most once (journal).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from numberflow.errors import (
    BadInput,
    InsufficientFunds,
    NotFound,
    NotSent,
    NumberClaimed,
    NumberflowError,
    OutcomeUnknown,
    PermissionRefused,
    ReferenceConflict,
    Rejected,
    SpendRefused,
    Throttled,
)
from numberflow.journal import Attempt, Intention, IntentionState, Purchase
from numberflow.models.orders import SearchAndRentParameters, Strategy
from numberflow.planning.quote import make_quote, quote_line
from numberflow.purchase.costly_steps import CostlySteps, hold_purchase
from numberflow.purchase.renting.choose import find_numbers, what_is_sold, write_down
from numberflow.purchase.run_context import RunContext, each_of, in_thread
from numberflow.purchase.spend_limits import SpendLimits, due_of, monthly_of
from numberflow.steps.rent import Rent
from numberflow.steps.rent_any import RentAny

# Rents under way at once. The vendor publishes no rate (docs/vendor/numbers-behaviour.md §3); four
# keep a purchase of 100 under a minute at 1 s a rent.
RENTS_AT_ONCE = 4
# A quote older than this is made again before its number is rented. Five minutes: a run that was
# not interrupted is through by then.
QUOTE_VALID_S = 300.0
# Times that lost numbers are replaced in one run; a market where five replacements in a row are
# lost needs a person, not a loop.
REPLACEMENT_ROUNDS_MAX = 5

Progress = Callable[[Intention], Awaitable[None]]


@dataclass
class RentResult:
    """What renting brought, apart from the intentions, which the journal keeps."""

    stopped_by: NumberflowError | None = None
    """Why no further number was tried; None when every line was."""
    remedy: str = ""
    notes: list[str] = field(default_factory=list)


async def rent_chosen(
    context: RunContext,
    purchase: Purchase,
    order: SearchAndRentParameters,
    limits: SpendLimits,
    *,
    seen: dict[str, Intention],
    progress: Progress | None = None,
) -> RentResult:
    """Rent every number that is written down for the purchase; replace lost ones within the caps.

    Costs: the fees of each rented number. Repeat: safe; open intentions are looked up before
    anything is asked for again.

    Args:
        context: collaborators.
        purchase: the purchase; its numbers were written down.
        order: what was asked for.
        limits: what it may cost.
        seen: filled with the last known state of each line, for the report of a run that loses its
            journal; a line that is under way stands in it as unknown.
        progress: called with each line when its step ended.

    Raises:
        Stopped: a person holds costly steps; what is written down stays planned.
        LeaseLost: another run works on the purchase, or took it over.
        JournalUnavailable: the journal failed; what was under way stays open in it.
    """
    async with hold_purchase(context, purchase, seen) as steps:
        return await _Renting(steps, order, limits, progress).run()


@dataclass
class _Renting:
    """One run over the lines of one purchase, under its lease."""

    steps: CostlySteps
    order: SearchAndRentParameters
    limits: SpendLimits
    progress: Progress | None
    result: RentResult = field(default_factory=RentResult)
    tried: set[str] = field(default_factory=set)
    dearer: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> RunContext:
        return self.steps.context

    @property
    def purchase(self) -> Purchase:
        return self.steps.purchase

    async def run(self) -> RentResult:
        self._check_this_runs_limits(await self.steps.rows())
        for _ in range(REPLACEMENT_ROUNDS_MAX + 1):
            await self._rent_lines()
            if self.steps.stopped_by is not None:
                self.result.stopped_by = self.steps.stopped_by
                self.result.remedy = self.steps.remedy
                await self._withdraw_planned(self.steps.stopped_by)
                break
            if not await self._replace_lost():
                break
        return self.result

    def _check_this_runs_limits(self, lines: Sequence[Intention]) -> None:
        """Whoever lowers a cap to stop a purchase stops it.

        What is still to be sent has to fit into the limits of this run.

        Raises:
            ReferenceConflict: the purchase was written down in another currency.
        """
        alive = [line for line in lines if line.state is not IntentionState.REFUSED]
        for line in alive:
            if line.currency != self.limits.currency:
                raise ReferenceConflict(
                    f"Reference {self.purchase.reference!r} was written down in {line.currency}, "
                    f"this run says {self.limits.currency}.",
                    remedy=f"set currency to {line.currency}",
                    reference=self.purchase.reference,
                    differences={"currency": (line.currency, self.limits.currency)},
                )
        if all(line.state is IntentionState.DONE for line in alive):
            return
        try:
            self.limits.check(due_of(alive), monthly_of(alive))
        except SpendRefused as error:
            self.steps.stop(error)

    async def _rent_lines(self) -> None:
        """Try each line that this run has not tried yet: the first alone, the rest a few at a time.

        The first goes alone because a refusal that is no matter of the number (funds, credentials,
        settings, region) would otherwise meet several at once.
        """
        todo = [
            line
            for line in await self.steps.rows()
            if line.id not in self.tried
            and line.state not in (IntentionState.DONE, IntentionState.REFUSED)
        ]
        if todo:
            await self._rent_one(todo[0])
        # A vendor-picked number is recognised by what is new, so two of those never run at the same
        # time.
        at_once = 1 if self.order.strategy is Strategy.ANY else RENTS_AT_ONCE
        await each_of(todo[1:], self._rent_one, at_once=at_once)

    async def _rent_one(self, line: Intention) -> None:
        if self.steps.stopped_by is not None:
            return
        self.tried.add(line.id)
        if await self._has_become_dearer(line):
            return
        try:
            after = await self.steps.run(
                line, await self._step(), before=self._require_price_before_another_attempt
            )
        except SpendRefused as error:
            # Planned on another day, and today has no room: nothing was sent.
            self.steps.stop(error)
            return
        await self._conclude(after)
        if self.progress is not None:
            await self.progress(self.steps.seen[line.id])

    async def _conclude(self, after: Intention) -> None:
        """What the end of one step means for the rest of the purchase."""
        refusal = self.steps.refusal(after)
        if after.state is IntentionState.REFUSED and refusal and not self._is_lost_number(refusal):
            self.steps.stop(refusal, self._remedy(refusal))
        elif after.state is IntentionState.PLANNED and after.id in self.dearer:
            await self.steps.withdraw(after, self.dearer[after.id])
        elif after.state is IntentionState.DONE:
            await self._compare_with_quote(after)

    async def _require_price_before_another_attempt(self, attempt: Attempt) -> None:
        """Time has passed since the quote: absence was proven, or another run left the line."""
        if attempt.n > 1:
            await self._require_quoted_price(attempt.intention)

    async def _has_become_dearer(self, line: Intention) -> bool:
        """Check the price of a line that an earlier run wrote down.

        Give it back when it costs more now.

        A fresh quote is not asked for twice: that would be one request more for every number.
        """
        age_s = (datetime.now(UTC) - line.updated_at).total_seconds()
        if line.state is not IntentionState.PLANNED or age_s < QUOTE_VALID_S:
            return False
        try:
            await self._require_quoted_price(line)
        except NotSent:
            await self.steps.withdraw(line, self.dearer[line.id])
            return True
        return False

    async def _require_quoted_price(self, line: Intention) -> None:
        """Read the number's price again.

        A line that costs more than it was written down for is not sent.

        Raises:
            NotSent: it costs more now.
        """
        if line.subject is None:
            return
        try:
            now = quote_line(
                await self.context.client.available_numbers.get(line.subject), self.limits.currency
            )
        except NotFound:
            # Sold, or ours already: the step itself finds out which.
            return
        except (OutcomeUnknown, Throttled) as error:
            # No price, no purchase; the step is tried again.
            self.dearer[line.id] = f"{line.subject}: the price could not be read again"
            raise NotSent(f"the price could not be read again: {error.message}") from error
        except SpendRefused as error:
            self.dearer[line.id] = error.message
            self.result.notes.append(error.message)
            raise NotSent(error.message) from error
        if now.today <= (line.due_amount or 0) and now.monthly <= (line.monthly_amount or 0):
            return
        note = (
            f"{line.subject} was quoted at {line.due_amount} {line.currency} and now costs "
            f"{now.today}; it was given back"
        )
        self.dearer[line.id] = note
        self.result.notes.append(note)
        raise NotSent(note)

    async def _compare_with_quote(self, line: Intention) -> None:
        """Hold the price that the vendor shows after the rent against the quote.

        The truth goes into the journal.

        Only the recurring price is ever shown again (docs/vendor/numbers-behaviour.md §13); a
        dearer one stops the purchase.
        """
        facts = line.result or {}
        if facts.get("monthly_price") is None:
            return
        recurring, months = Decimal(facts["monthly_price"]), int(facts.get("interval_months") or 1)
        quoted_recurring = (line.due_amount or Decimal(0)) - (line.setup_amount or Decimal(0))
        if facts.get("currency") == line.currency and recurring <= quoted_recurring:
            return
        note = (
            f"{facts.get('phone_number')}: quoted {quoted_recurring} {line.currency} every "
            f"{months} month(s), "
            f"the vendor now says {recurring} {facts.get('currency')}"
        )
        if facts.get("currency") == line.currency:
            today = (line.setup_amount or Decimal(0)) + recurring
            await self.steps.correct_price(line, today=today, monthly=recurring / months, note=note)
        self.steps.stop(
            SpendRefused(f"the price rose between quote and rent: {note}", rule="price"),
            "the number is rented at that price; release it if it is too dear. For the rest run "
            "again "
            + (
                "under a new reference"
                if self.order.strategy is Strategy.ANY
                else "with the same reference"
            )
            + ": today's prices are read first, and the caps hold",
        )

    async def _step(self) -> Rent | RentAny:
        if self.order.strategy is not Strategy.ANY:
            return Rent(self.context.client)
        purchase = await in_thread(
            self.context.journal.find_purchase, self.context.project_id, self.purchase.reference
        )
        assert purchase is not None, "a purchase that is being rented stands in the journal"
        return RentAny(
            self.context.client,
            before=purchase.before or (),
            claimed_by_others=self._claimed_by_others,
        )

    async def _claimed_by_others(self, line: Intention) -> frozenset[str]:
        claims = await in_thread(self.context.journal.claims, self.context.project_id)
        return frozenset(
            number for number, intention_id in claims.items() if intention_id != line.id
        )

    def _is_lost_number(self, error: Rejected) -> bool:
        """A 404 on a named number is a rival's.

        On rentAny it means that nothing matches any more, which ends the purchase.
        """
        return isinstance(error, NotFound) and self.order.strategy is Strategy.CHOSEN

    def _remedy(self, error: Rejected) -> str:
        if isinstance(error, InsufficientFunds):
            return "top up the account, then run again with the same reference"
        if isinstance(error, PermissionRefused):
            return f"{error.remedy}; then run again with the same reference"
        if isinstance(error, NotFound):
            return (
                "no number matches any more; search again with other criteria under a new reference"
            )
        return "correct what the vendor names, then run again under a new reference"

    async def _replace_lost(self) -> bool:
        """Write down a replacement for each number that was lost.

        Returns whether there is something new to rent.
        """
        lines = await self.steps.rows()
        alive = [line for line in lines if line.state is not IntentionState.REFUSED]
        missing = self.order.wanted - len(alive)
        if missing <= 0 or any(line.state is IntentionState.PLANNED for line in lines):
            return False
        if self.order.phone_numbers or self.order.strategy is Strategy.ANY:
            what = (
                "lost numbers that were named"
                if self.order.phone_numbers
                else "numbers that the vendor picks"
            )
            self.result.remedy = f"{what} are not replaced; buy others under a new reference"
            return False
        try:
            await self._write_down_replacements(
                alive, missing, {line.subject for line in lines if line.subject}
            )
        except (SpendRefused, BadInput) as error:
            self.result.notes.append(f"lost numbers were not replaced: {error}")
            self.result.remedy = error.remedy
            return False
        return True

    async def _write_down_replacements(
        self, alive: Sequence[Intention], missing: int, exclude: set[str]
    ) -> None:
        claimed: set[str] = set()
        while True:
            found = await find_numbers(
                self.context.client,
                self.order,
                quantity=missing,
                seed=self.purchase.reference,
                exclude=exclude | claimed,
            )
            if not found:
                raise BadInput(
                    "no further number matches",
                    field="quantity",
                    remedy=f"{await what_is_sold(self.context.client, self.order)}. "
                    "Other criteria need a new reference; the same one tries for the rest",
                )
            quote = make_quote(found, self.limits.currency)
            self.limits.check(quote.today + due_of(alive), quote.monthly + monthly_of(alive))
            try:
                await write_down(self.steps, self.order, quote.lines, self.limits)
            except NumberClaimed as error:
                claimed.add(error.phone_number)
            else:
                return

    async def _withdraw_planned(self, stopped_by: NumberflowError) -> None:
        """Give back the numbers and the money of lines that will not be sent any more."""
        for line in await self.steps.rows():
            if line.state is IntentionState.PLANNED:
                await self.steps.withdraw(line, f"not tried: {stopped_by.message}"[:500])
