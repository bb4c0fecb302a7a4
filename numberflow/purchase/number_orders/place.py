"""A number order from its requirements to its submission.

Papers checked first, opened and handed in through the journal, resumable at any point.

Not here: how the two costly steps are done and recognised (steps.number_orders), what becomes of an
order afterwards (follow), reading a paper (papers). What is personal goes through here
under seal and into no result.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from numberflow.errors import (
    BadInput,
    InsufficientFunds,
    NotFound,
    NumberflowError,
    OutcomeUnknown,
    Rejected,
    SpendRefused,
)
from numberflow.journal import (
    Intention,
    IntentionState,
    NewIntention,
    OrderKind,
    PendingWork,
    Purchase,
)
from numberflow.models.number_orders import (
    Attachment,
    NumberOrder,
    NumberOrderState,
    NumberRequirements,
    Registration,
    UploadStatus,
)
from numberflow.models.order_numbers import OrderNumbersParameters
from numberflow.papers import ReadBlock, open_file
from numberflow.planning.quote import Quote, make_quote, quote_of_order
from numberflow.purchase.costly_steps import CostlySteps, hold_purchase
from numberflow.purchase.follow import take_up
from numberflow.purchase.link_targets import require_link_targets
from numberflow.purchase.number_orders.papers import OrderFile, OrderPapers
from numberflow.purchase.renting.choose import find_numbers
from numberflow.purchase.renting.quoting import quote_any, refuse_too_few
from numberflow.purchase.report import AT_STAKE_STATES, remedy_of
from numberflow.purchase.run_context import RunContext, in_thread
from numberflow.purchase.spend_limits import SpendLimits
from numberflow.steps import AVAILABLE_NUMBER, NUMBER_ORDER, is_absence_of
from numberflow.steps.number_orders import (
    CREATE,
    SUBMIT,
    CreateOrder,
    SubmitOrder,
    is_blocked_anew,
    order_id_of,
    request_facts,
    state_facts,
)

OPERATION = "order_numbers"
# Numbers that rivals took first are chosen again this often in one run.
CHOICES_MAX = 5
# The vendor works on a file for seconds (assumed); a run that waits longer gives its slot back and
# is started again.
UPLOAD_WAIT_S = 120.0
UPLOAD_POLL_S = 2.0

# States in which registration and files can still be handed in.
FILLING = frozenset({NumberOrderState.CREATED, NumberOrderState.BLOCKED})


@dataclass
class Placed:
    """How far placing an order came.

    `order` is the vendor's, as last read; None while there is none.
    """

    create: Intention | None = None
    submit: Intention | None = None
    order: NumberOrder | None = None
    stopped_by: NumberflowError | None = None
    remedy: str = ""
    findings: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


async def look_up_requirements(
    context: RunContext, order: OrderNumbersParameters
) -> NumberRequirements | None:
    """The vendor's form and files for the order's region and type; None = none are required.

    Costs nothing.
    """
    return await context.client.number_orders.lookup_requirements(
        region_code=order.region_code, number_type=order.number_type.value
    )


async def quote_number_order(
    context: RunContext,
    order: OrderNumbersParameters,
    *,
    seed: str,
    prefer: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Quote:
    """The number that is to be ordered and its price.

    Of a quantity, the dearest price that a search shows, as often as wanted. Costs nothing.

    One number is chosen before it is ordered, so that a lost order can be told from none.

    Raises:
        BadInput: nothing matches; says what the vendor sells. Or a link leads nowhere.
        SpendRefused: a price is missing or in another currency.
    """
    await require_link_targets(context, order.sms, order.voice, adding=order.wanted)
    if order.wanted > 1:
        return await quote_any(context.client, order)
    claims = await in_thread(context.journal.claims, context.project_id)
    found = await find_numbers(
        context.client, order, quantity=1, seed=seed, exclude={*claims, *exclude}, prefer=prefer
    )
    if not found:
        await refuse_too_few(context.client, order, ())
    return make_quote(found, order.currency)


async def current_order(context: RunContext, purchase: Purchase) -> NumberOrder | None:
    """The purchase's order as the vendor has it now; None while none was opened.

    Costs: nothing. Repeat: safe.

    Raises:
        NotFound: the vendor does not know it any more.
    """
    lines = await in_thread(context.journal.intentions, purchase_id=purchase.id)
    create = next(
        (line for line in lines if line.operation == CREATE and line.state is IntentionState.DONE),
        None,
    )
    return None if create is None else await _read_order(context, order_id_of(create))


async def write_down_order(
    context: RunContext,
    purchase: Purchase,
    order: OrderNumbersParameters,
    quote: Quote,
    limits: SpendLimits,
) -> Intention:
    """Put the order, its number if there is one, and its price into the journal, within the caps.

    Costs: nothing yet; it takes the amount out of the day's cap. Repeat: safe; what was written
    down first stands.

    Raises:
        SpendRefused: a cap would be broken, also together with what other purchases of the day
            spend.
        LeaseLost: another run works on the purchase.
    """
    async with hold_purchase(context, purchase) as steps:
        return await _plan_order(steps, order, quote, limits)


async def place_order(
    context: RunContext,
    purchase: Purchase,
    order: OrderNumbersParameters,
    papers: OrderPapers | None,
    limits: SpendLimits,
    *,
    seen: dict[str, Intention],
    read_block: ReadBlock | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Placed:
    """Open the order that is written down, register, upload and hand it in.

    Go on from wherever an earlier run stopped.

    Costs: the fees of its numbers, when the vendor completes it. Repeat: safe; open steps are
    looked up before anything is asked for again.

    Args:
        context: collaborators.
        purchase: the purchase; its order was written down.
        order: what was asked for.
        papers: checked, with `check_papers`; None when they were not read, because the order was
            out of our hands.
        limits: what it may cost.
        seen: filled with the last known state of each step, for the report of a run that loses its
            journal.
        read_block: how to read a Secret block that holds a file.
        tell: gets a line for the log at each step; nothing private.

    Raises:
        LeaseLost: another run works on the purchase, or took it over.
        JournalUnavailable: the journal failed; what was under way stays open in it.
    """
    async with hold_purchase(context, purchase, seen) as steps:
        return await _Placing(steps, order, papers, limits, read_block, tell).run()


@dataclass
class _Placing:
    """One run over the steps of one order, under the purchase's lease."""

    steps: CostlySteps
    order: OrderNumbersParameters
    papers: OrderPapers | None
    limits: SpendLimits
    read_block: ReadBlock | None
    tell: Callable[[str], None]
    placed: Placed = field(default_factory=Placed)

    @property
    def context(self) -> RunContext:
        return self.steps.context

    async def run(self) -> Placed:
        try:
            await self._open()
            if self.placed.create is not None and self.placed.create.state is IntentionState.DONE:
                await self._fill_in_and_submit(order_id_of(self.placed.create))
        except (Rejected, SpendRefused, BadInput) as error:
            self.steps.stop(error)
        self.placed.stopped_by, self.placed.remedy = self.steps.stopped_by, self.steps.remedy
        return self.placed

    # -- opening

    async def _open(self) -> None:
        """Bring the creating step as far as it goes.

        A number that a rival took is replaced, under the same reference.
        """
        tried: list[str] = []
        for _ in range(CHOICES_MAX):
            line = await _live(self.steps, CREATE)
            if line is None:
                line = await self._choose_again(tried)
            self.placed.create = line
            if line.state is IntentionState.DONE:
                return
            after = await self.steps.run(line, CreateOrder(self.context.client))
            self.placed.create = after
            if after.state is not IntentionState.REFUSED:
                return
            error = self.steps.refusal(after)
            if error is None or not await self._was_taken(line, error):
                remedy = (
                    "correct what the vendor names, then run again: with the same reference if the "
                    "order itself stays as it is, with other parameters under a new one"
                )
                if isinstance(error, InsufficientFunds):
                    remedy = remedy_of(error)
                self.steps.stop(error or _refused(after), remedy)
                return
            if self.order.named_numbers:
                raise BadInput(
                    f"phone_number: {line.subject} is no longer for sale; nothing was ordered",
                    field="phone_number",
                    remedy="under a new reference name another number, or leave phone_number out "
                    "and let one be found",
                )
            tried.append(str(line.subject))
            self.tell("another buyer took the number first; choosing again")
        raise BadInput(
            "other buyers took the chosen numbers again and again",
            field="quantity",
            remedy="run again with the same reference",
        )

    async def _choose_again(self, tried: Sequence[str]) -> Intention:
        quote = await quote_number_order(
            self.context, self.order, seed=self.steps.purchase.reference, exclude=tried
        )
        self.limits.check(quote.today, quote.monthly)
        return await _plan_order(self.steps, self.order, quote, self.limits)

    async def _was_taken(self, line: Intention, error: Rejected) -> bool:
        """Whether a refused order was refused because its number is gone.

        The refusal itself does not say so reliably (§10, contract correction 5).
        """
        if line.subject is None or error.status not in (400, 404):
            return False
        try:
            await self.context.client.available_numbers.get(line.subject)
        except NotFound as absent:
            return is_absence_of(absent, AVAILABLE_NUMBER)
        return False

    # -- filling in

    async def _fill_in_and_submit(self, order_id: str) -> None:
        assert self.placed.create is not None
        await take_up(self.context, [self.placed.create])
        order = self.placed.order = await _read_order(self.context, order_id)
        line = await _live(self.steps, SUBMIT)
        if line is not None and line.state in AT_STAKE_STATES:
            # Whether an earlier run handed it in comes first: everything else depends on the
            # answer, and reads may be late.
            if not await self._hand_in(line, order):
                return
            order = self.placed.order = await _read_order(self.context, order_id)
        if not await self._is_to_be_submitted(order):
            return
        if self.papers is None:
            raise BadInput(
                f"order {order_id} came back from review while this run looked at it, without its "
                "papers",
                field="kyc",
                remedy="run again with the same reference",
            )
        await self._require_price(order)
        row = await self._followed(order_id)
        parameters = {"parameters": self.order.as_parameters()}
        row = await in_thread(
            self.context.journal.note_order, row.id, state=row.state, facts=parameters
        )
        if order.state == NumberOrderState.BLOCKED:
            # A correction of the data may put the order back on the reviewer's desk by itself: the
            # files go first.
            await self._upload(order_id, row, self.papers)
            await self._register(order, self.papers)
        else:
            await self._register(order, self.papers)
            await self._upload(order_id, row, self.papers)
        order = self.placed.order = await _read_order(self.context, order_id)
        if order.state in FILLING:
            await self._submit(order)

    async def _is_to_be_submitted(self, order: NumberOrder) -> bool:
        """Whether the order still has to be handed in.

        By its state, and by what we handed in before: a read may be late.
        """
        if order.state not in FILLING:
            return False
        submitted = [
            line
            for line in await self.steps.rows()
            if line.operation == SUBMIT and line.state is IntentionState.DONE
        ]
        if not submitted:
            return True
        self.placed.submit = submitted[-1]
        if is_blocked_anew(order, submitted[-1]):
            return True
        self.placed.notes.append(
            f"the order was handed in already; the vendor shows {order.state}, as it was before, "
            "so nothing is sent again"
        )
        return False

    async def _require_price(self, order: NumberOrder) -> None:
        """Hold the prices of the reserved numbers against what was written down.

        The truth goes into the journal, and a dearer order is not handed in.

        Raises:
            SpendRefused: a price is missing, in another currency, or the whole is dearer than
                decided or allowed.
        """
        create = self.placed.create
        assert create is not None
        until = (
            "the reservation ends by "
            f"itself{f' at {order.expire_at:%Y-%m-%d %H:%M} UTC' if order.expire_at else ''} and "
            "costs nothing"
        )
        if len(order.order_numbers) < self.order.wanted:
            raise SpendRefused(
                f"order {order.order_id} shows {len(order.order_numbers)} of {self.order.wanted} "
                "numbers; it was not handed in",
                rule="missing_price",
                remedy=f"order as many as there are under a new reference; {until}",
            )
        quote = quote_of_order(order.order_numbers, self.limits.currency)
        decided = (create.due_amount or 0, create.monthly_amount or 0)
        if (quote.today, quote.monthly) != decided:
            note = (
                f"order {order.order_id} costs {quote.today} {quote.currency} and "
                f"{quote.monthly} a month; {decided[0]} and {decided[1]} were expected"
            )
            self.placed.create = await self.steps.correct_price(
                create, today=quote.today, monthly=quote.monthly, note=note
            )
            if quote.today > decided[0] or quote.monthly > decided[1]:
                raise SpendRefused(
                    f"{note}; it was not handed in",
                    rule="price",
                    remedy="run again with the same reference to accept that price within the "
                    f"caps; else {until}",
                )
        try:
            await self._require_room(create, quote)
        except SpendRefused as error:
            raise SpendRefused(
                f"{error.message}; order {order.order_id} was not handed in",
                rule=error.rule,
                remedy=f"{error.remedy}, and run again with the same reference; else {until}",
            ) from None

    async def _require_room(self, create: Intention, quote: Quote) -> None:
        """The limits of this run, which may differ from those of the run that opened the order."""
        self.limits.check(quote.today, quote.monthly)
        spent = await in_thread(
            self.context.journal.spent, self.context.project_id, create.spend_day
        )
        total = spent.totals.get(quote.currency, quote.today)
        if total > self.limits.max_today:
            raise SpendRefused(
                f"the day's purchases come to {total} {quote.currency}, max_today is "
                f"{self.limits.max_today}",
                rule="cap_today",
                remedy="raise max_today",
            )

    async def _register(self, order: NumberOrder, papers: OrderPapers) -> None:
        if papers.details is None:
            return
        try:
            await self.context.client.number_orders.update_registration(
                order.order_id, papers.details
            )
        except Rejected as error:
            if error.status != 400:
                raise
            self.placed.findings = tuple(
                f"{name}: {problem}" for name, problem in error.field_violations
            ) or (error.message,)
            raise BadInput(
                f"the vendor refused the registration of order {order.order_id}: "
                f"{'; '.join(self.placed.findings)}",
                field="kyc",
                remedy="correct the paper and run again with the same "
                f"reference{_before(order.expire_at)}; the order stays",
            ) from None
        self.tell("registration data accepted")

    async def _upload(self, order_id: str, row: PendingWork, papers: OrderPapers) -> None:
        """Send the files that are new or have changed, and wait until the vendor has read them."""
        sent = dict(row.facts.get("uploaded", {}))
        todo = {
            name: file for name, file in papers.files.items() if sent.get(name) != file.paper.digest
        }
        for name, file in todo.items():
            await self._send_file(order_id, name, file, papers)
            sent[name] = file.paper.digest
            row = await in_thread(
                self.context.journal.note_order, row.id, state=row.state, facts={"uploaded": sent}
            )
            self.tell(f"file {len(sent)} of {len(papers.files)} uploaded")
        if not papers.files:
            return
        if failed := await self._await_processing(order_id, len(papers.files)):
            # Which of ours failed is told by the id where it is the requirement's; where it is
            # another one, any may have.
            kept = (
                {}
                if failed.isdisjoint(sent)
                else {name: digest for name, digest in sent.items() if name not in failed}
            )
            await in_thread(
                self.context.journal.note_order, row.id, state=row.state, facts={"uploaded": kept}
            )
            raise BadInput(
                f"the vendor could not read {len(failed)} of the files of order {order_id}",
                field="attachments",
                remedy="hand in readable files and run again with the same reference; the order "
                "stays",
            )

    async def _send_file(
        self, order_id: str, name: str, file: OrderFile, papers: OrderPapers
    ) -> None:
        parameter, problem = f"attachments.{name}", ""
        try:
            problem = await self._send_paper(order_id, name, file, papers)
        except Rejected as error:
            if error.status != 400 or not await self._has_file(order_id, name):
                raise
            # A vendor that takes no second file has the first one, whose reply was lost, or one
            # that was corrected since.
            self.placed.notes.append(
                f"{parameter}: the vendor has a file already and takes no other ({error.message})"
            )
        except Exception as error:
            problem = _paper_fault(error)
            if not problem:
                raise
        if problem:
            raise BadInput(
                f"{parameter}: {file.paper.reference} {problem}",
                field=parameter,
                remedy="put the paper back (`numberflow papers put <file> --replace`) and run "
                "again with the same reference; the order stays",
            )

    async def _send_paper(
        self, order_id: str, name: str, file: OrderFile, papers: OrderPapers
    ) -> str:
        """Send a file that is as it was when it was checked; else what has become of it."""
        paper = file.paper
        async with open_file(
            paper.reference,
            name=f"attachments.{name}",
            store=paper.store,
            read_block=self.read_block,
        ) as source:
            if await in_thread(source.seek, 0, io.SEEK_END) != paper.size:
                return "has another length than when it was checked"
            await in_thread(source.seek, 0)
            await self.context.client.number_orders.upload_attachment(
                order_id, name, source, file_name=paper.name, media_type=paper.media_type,
                document_type=file.document_type, hidden=papers.texts(),
            )  # fmt: skip
        return ""

    async def _has_file(self, order_id: str, name: str) -> bool:
        registration = await self.context.client.number_orders.get_registration(order_id)
        return any(
            each.attachment_id == name and each.upload_status != UploadStatus.FAILED
            for each in _uploads(registration)
        )

    async def _await_processing(self, order_id: str, wanted: int) -> set[str]:
        """Ids of the files that failed.

        Files are told by having a name: a list of what is still missing looks the same otherwise.
        """
        waited_s = 0.0
        while True:
            there = _uploads(await self.context.client.number_orders.get_registration(order_id))
            if failed := {
                str(each.attachment_id)
                for each in there
                if each.upload_status == UploadStatus.FAILED
            }:
                return failed
            if len(there) >= wanted and all(
                each.upload_status == UploadStatus.COMPLETED for each in there
            ):
                return set()
            if waited_s >= UPLOAD_WAIT_S:
                raise BadInput(
                    f"the vendor still works on the files of order {order_id}",
                    field="attachments",
                    remedy="run again with the same reference in some minutes; the order stays",
                )
            await self.context.wait(UPLOAD_POLL_S)
            waited_s += UPLOAD_POLL_S

    # -- handing in

    async def _submit(self, order: NumberOrder) -> None:
        line = await _live(self.steps, SUBMIT)
        if line is None or line.state is IntentionState.DONE:
            done = [
                each
                for each in await self.steps.rows()
                if each.operation == SUBMIT and each.state is IntentionState.DONE
            ]
            # Each time that a corrected order is handed in is a step of its own.
            new = NewIntention(
                SUBMIT, order.order_id, f"{SUBMIT} {len(done) + 1}", request=state_facts(order)
            )
            (line,) = await self.steps.plan([new])
        await self._hand_in(line, order)

    async def _hand_in(self, line: Intention, order: NumberOrder) -> bool:
        """Take the submitting step as far as it goes; whether it is done."""
        hidden = self.papers.texts() if self.papers is not None else None
        after = await self.steps.run(line, SubmitOrder(self.context.client, hidden))
        self.placed.submit = after
        if after.state is IntentionState.REFUSED:
            self.steps.stop(
                self.steps.refusal(after) or _refused(after),
                "correct what the vendor names and run again with the same "
                f"reference{_before(order.expire_at)}; the order stays",
            )
            return False
        if after.state is not IntentionState.DONE:
            return False
        self.tell("order handed in")
        state = str((after.result or {}).get("state") or order.state)
        row = await self._followed(order.order_id)
        await in_thread(self.context.journal.note_order, row.id, state=state, facts={})
        self.placed.order = order.model_copy(update={"state": state})
        return True

    # -- the journal

    async def _followed(self, order_id: str) -> PendingWork:
        rows = await in_thread(
            self.context.journal.followed,
            self.context.project_id,
            kind=OrderKind.NUMBER,
            purchase_id=self.steps.purchase.id,
            open_only=False,
        )
        return next(row for row in rows if row.order_id == order_id)


async def _plan_order(
    steps: CostlySteps, order: OrderNumbersParameters, quote: Quote, limits: SpendLimits
) -> Intention:
    if (alive := await _live(steps, CREATE)) is not None:
        return alive
    new = NewIntention(
        CREATE,
        quote.lines[0].phone_number if order.wanted == 1 else None,
        order.fingerprint(),
        request=request_facts(order, order.as_parameters()),
        setup_amount=sum((line.setup for line in quote.lines[1:]), quote.lines[0].setup),
        monthly_amount=quote.monthly,
        due_amount=quote.today,
        currency=limits.currency,
    )
    (line,) = await steps.plan([new], limits)
    return line


def _refused(row: Intention) -> SpendRefused:
    """Why a step was refused that the vendor did not refuse in this run."""
    return SpendRefused(row.reason or "refused", rule="refused")


async def _live(steps: CostlySteps, operation: str) -> Intention | None:
    """The step of this kind that counts: the last one that was not refused."""
    lines = [
        line
        for line in await steps.rows()
        if line.operation == operation and line.state is not IntentionState.REFUSED
    ]
    return lines[-1] if lines else None


async def _read_order(context: RunContext, order_id: str) -> NumberOrder:
    """The order; one that reads do not show yet is looked for over the settling time."""
    waited_s, pause_s = 0.0, 1.0
    while True:
        try:
            return await context.client.number_orders.get(order_id)
        except NotFound as error:
            if not is_absence_of(error, NUMBER_ORDER) or waited_s >= context.settings.settle_s:
                raise
        await context.wait(pause_s)
        waited_s += pause_s
        pause_s *= 2


def _paper_fault(error: Exception) -> str:
    """What an error says of a paper that was good when it was checked.

    Empty when it is about something else.
    """
    if isinstance(error, BadInput) and error.field == "file":
        # The client knows no parameters.
        return "is empty now"
    if isinstance(error, OutcomeUnknown) and error.cause == "source_failed":
        # Of an upload that broke off in our own file the vendor has a part, and takes none.
        return "was changed, or could not be read to its end, while it was sent"
    # Stores raise what they like.
    return (
        ""
        if isinstance(error, NumberflowError)
        else f"cannot be read any more ({type(error).__name__})"
    )


def _uploads(registration: Registration) -> list[Attachment]:
    return [
        each
        for each in registration.attachments
        if each.file_name is not None and each.file_name.get_secret_value()
    ]


def _before(moment: datetime | None) -> str:
    return f" before {moment:%Y-%m-%d %H:%M} UTC" if moment is not None else ""
