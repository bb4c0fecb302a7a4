"""Number orders: reservation, registration, files, review, outcome. No HTTP.

Also what each does to stock, numbers and money. docs/vendor/numbers-behaviour.md §10 and table
entries 15 to 24. order.py has the facts of one order and what follows from them; staff.py scripts
the result of a review; the forms are in requirements.py.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from numberflow.simulator import problems
from numberflow.simulator.ids import ulid_like
from numberflow.simulator.linking import refusal
from numberflow.simulator.news import News
from numberflow.simulator.order import (
    BLOCKED,
    COMPLETED,
    CREATED,
    EXPIRED,
    IN_REVIEW,
    REJECTED,
    Order,
    Review,
    Upload,
    Verdict,
)
from numberflow.simulator.project import Project
from numberflow.simulator.provisioning import Event
from numberflow.simulator.requirements import REQUIREMENTS, RequiredFile, Requirements
from numberflow.simulator.stock import Kind, Shelf, StockNumber, consecutive_runs
from numberflow.simulator.wanted import Wanted

_NO_CREDIT = "Insufficient balance"


class Orders:
    """All number orders of one world. The caller holds the world's lock."""

    def __init__(
        self,
        project: Project,
        shelf: Shelf,
        activate: Callable[[StockNumber, Wanted, datetime], object],
    ) -> None:
        self._project = project
        self._shelf = shelf
        self._activate = activate
        self._switches = project.switches
        self._orders: dict[str, Order] = {}
        self.scripts: list[tuple[str | None, Review, int | None]] = []
        self.upload_scripts: list[tuple[str | None, bool, float, int | None]] = []

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._orders.values()))

    def get(self, order_id: str) -> Order:
        """The order. Raises Problem 404."""
        self._project.settle()
        order = self._orders.get(order_id)
        if order is None:
            raise problems.number_order_not_found(order_id)
        return order

    def reserves(self, phone_number: str) -> bool:
        """Whether an open order keeps this number."""
        open_orders = (order for order in self._orders.values() if not order.settled)
        return any(
            number.phone_number == phone_number for order in open_orders for number in order.numbers
        )

    # -- creating

    def create(
        self, kind: Kind, numbers: list[StockNumber], wanted: Wanted, request: int | None
    ) -> Order:
        """Reserves numbers that are for sale under a new order.

        Raises Problem 403 for a trial account.
        """
        now = self._project.settle()
        if self._project.trial:
            raise problems.trial_account()
        for number in numbers:
            self._shelf.take(number.phone_number)
        order = Order(
            ulid_like(self._project.rng),
            kind,
            tuple(numbers),
            wanted,
            now,
            now + timedelta(seconds=self._switches.reservation_s),
            request,
            self._switches.reservation_lapses_in_review,
        )
        self._orders[order.order_id] = order
        self._project.at(order.expires_at, lambda at: self._lapse(order, at))
        return order

    def given(self, phone_number: str, kind: Kind) -> StockNumber:
        """The named number, if it is for sale.

        Raises Problem: 400 (404 by switch) when it is not, 400 when it is of another kind.
        """
        self._project.settle()
        offered = self._shelf.get(phone_number)
        if offered is None:
            if self._switches.order_taken_number == "not_found":
                raise problems.available_number_not_found(phone_number)
            raise refusal(
                self._switches,
                "number_order_option.phone_numbers",
                f"{phone_number} is not available",
            )
        if offered.kind != kind:
            raise problems.bad_field(
                "number_order_option.phone_numbers", f"{phone_number} is not {' '.join(kind)}"
            )
        return offered

    def by_criteria(
        self, kind: Kind, quantity: int, fits: Callable[[StockNumber], bool], *, sequential: bool
    ) -> list[StockNumber]:
        """Matching numbers for sale.

        Raises Problem 400 when there are too few, or none in sequence (*assumed*).
        """
        self._project.settle()
        fitting = [number for number in self._shelf.of_kind(kind) if fits(number)]
        field_name = "quantity_order_option.requested_quantity"
        if len(fitting) < quantity and (
            self._switches.order_short_stock == "refused" or not fitting
        ):
            raise refusal(self._switches, field_name, f"only {len(fitting)} numbers are available")
        if sequential:
            runs = [run for run in consecutive_runs(fitting) if len(run) >= quantity]
            if runs:
                return runs[0][:quantity]
            if self._switches.order_sequence_impossible == "refused":
                raise refusal(
                    self._switches,
                    "quantity_order_option.sequential",
                    "no consecutive numbers are available",
                )
        return self._project.rng.sample(fitting, min(quantity, len(fitting)))

    # -- filling in

    def requirements(self, order: Order) -> Requirements | None:
        """What this order has to provide; None where nothing is required."""
        return REQUIREMENTS.get(order.kind)

    def register(self, order: Order, details: dict[str, Any]) -> None:
        """Replaces the registration data, after checking it.

        Raises Problem 400: what is wrong, or the wrong state.
        """
        now = self._project.settle()
        self._must_be_open(order, now, in_review=self._switches.order_registration_in_review)
        requirements = self.requirements(order)
        if requirements is not None:
            violations = requirements.violations(details.get("data"))
            if violations:
                raise problems.bad_fields(violations)
        order.details, order.details_at = details, now
        if order.state(now) == BLOCKED and self._switches.order_blocked_resume == "registration":
            self._hand_in(order, order.submit_request, now)

    def file(self, order: Order, attachment_id: str) -> RequiredFile:
        """The required file of this id. Raises Problem 404."""
        requirements = self.requirements(order)
        required = requirements.file(attachment_id) if requirements is not None else None
        if required is None:
            raise problems.attachment_not_found(attachment_id)
        return required

    def upload(
        self,
        order: Order,
        required: RequiredFile,
        file_name: str,
        media_type: str,
        document_type: str,
        *,
        empty: bool,
    ) -> None:
        """Accepts a file; processing continues afterwards.

        Raises Problem 400: wrong state, or a second file by switch.
        """
        now = self._project.settle()
        self._must_be_open(order, now, in_review=False)
        earlier = order.uploads.get(required.id)
        if earlier is not None and self._switches.attachment_again == "refused":
            raise refusal(self._switches, "attachment_id", "the file is already there")
        failed, delay_s = self._scripted_upload(required.id)
        shown_id = (
            ulid_like(self._project.rng) if self._switches.attachment_ids_differ else required.id
        )
        order.uploads[required.id] = Upload(
            required.id,
            shown_id,
            file_name,
            media_type,
            document_type,
            earlier.created_at if earlier is not None else now,
            now,
            now + timedelta(seconds=self._switches.attachment_processing_s + delay_s),
            # A file without content is not a document (*assumed*).
            failed or empty,
        )

    def _scripted_upload(self, attachment_id: str) -> tuple[bool, float]:
        for index, (subject, failed, delay_s, times) in enumerate(self.upload_scripts):
            if subject in (None, attachment_id):
                if times is not None:
                    self.upload_scripts[index] = (subject, failed, delay_s, times - 1)
                    if times == 1:
                        del self.upload_scripts[index]
                return failed, delay_s
        return False, 0.0

    def _must_be_open(self, order: Order, now: datetime, *, in_review: bool) -> None:
        state = order.state(now)
        if state not in (CREATED, BLOCKED) and not (in_review and state == IN_REVIEW):
            raise refusal(self._switches, "state", f"the order is {state}")

    # -- handing in

    def submit(self, order: Order, request: int | None) -> bool:
        """Submits the order for review. Returns False if it was already submitted.

        Raises Problem 400: incomplete, closed, no credit.
        """
        now = self._project.settle()
        state = order.state(now)
        if state in (IN_REVIEW, COMPLETED):
            if self._switches.order_second_submit == "refused":
                raise refusal(self._switches, "state", f"the order is {state}")
            return False
        self._must_be_open(order, now, in_review=False)
        missing = self.missing(order, now)
        if missing and self._switches.order_incomplete_submit == "refused":
            raise problems.bad_fields(missing)
        if self._switches.order_charged_at == "submitted" and not order.charged:
            if not self._affordable(order.numbers):
                raise problems.insufficient_balance(
                    payment_required=self._switches.insufficient_balance_402
                )
            self._charge(order, order.numbers, request, now)
        self._hand_in(order, request, now, [message for _, message in missing])
        return True

    def missing(self, order: Order, now: datetime) -> list[tuple[str, str]]:
        """What the order still lacks before it can be submitted: field and description."""
        requirements = self.requirements(order)
        if requirements is None:
            if (
                self._switches.order_without_requirements == "registration_first"
                and order.details_at is None
            ):
                return [("registration", "registration data is missing")]
            return []
        missing = requirements.violations(order.details.get("data"))
        for file in requirements.files:
            upload = order.uploads.get(file.id)
            if file.mandatory and (upload is None or upload.status(now) != "COMPLETED"):
                status = "missing" if upload is None else upload.status(now)
                missing.append((f"attachments.{file.id}", f"{file.title}: {status}"))
        return missing

    def _hand_in(
        self, order: Order, request: int | None, now: datetime, missing: Iterable[str] = ()
    ) -> None:
        order.past_logs = order.logs(now)
        order.submitted_at, order.submit_request = now, request
        self._tell(order, IN_REVIEW, now)
        review = (
            Review(BLOCKED, self._switches.review_s, tuple(missing))
            if missing
            else self._review_of(order)
        )
        self._await(order, review, now)

    def _review_of(self, order: Order) -> Review:
        """The scripted review: one for this order before one for all, the oldest first.

        Without a script the order is completed.
        """
        for subject in (order.order_id, None):
            for index, (of, review, times) in enumerate(self.scripts):
                if of != subject:
                    continue
                if times is not None:
                    self.scripts[index] = (of, review, times - 1)
                    if times == 1:
                        del self.scripts[index]
                return review
        return Review(COMPLETED, self._switches.review_s)

    def review(self, order: Order, review: Review) -> None:
        """Changes the result of the review of an order in review, counted from now.

        Raises ValueError in any other state.
        """
        now = self._project.settle()
        if order.state(now) != IN_REVIEW:
            raise ValueError(f"order_id: the order is {order.state(now)}, not {IN_REVIEW}")
        self._await(order, review, now)
        self._project.settle()

    def _await(self, order: Order, review: Review, now: datetime) -> None:
        at = now + timedelta(seconds=review.after_s)
        patience_s = self._switches.blocked_patience_s
        closes_at = (
            at + timedelta(seconds=patience_s) if review.outcome == BLOCKED and patience_s else None
        )
        verdict = Verdict(review.outcome, at, review.logs, review.only, closes_at)
        order.verdict = verdict
        if review.outcome is not None:
            self._project.at(at, lambda due: self._decide(order, verdict, due))

    # -- what time brings

    def _lapse(self, order: Order, at: datetime) -> None:
        if order.state(at) == EXPIRED and not order.settled:
            self._close(order, EXPIRED, at)

    def _decide(self, order: Order, verdict: Verdict, at: datetime) -> None:
        if order.verdict is not verdict or order.settled:
            return
        if verdict.outcome == REJECTED:
            self._close(order, REJECTED, at)
        elif verdict.outcome == BLOCKED:
            self._tell(order, BLOCKED, at)
            if verdict.closes_at is not None:
                self._project.at(verdict.closes_at, lambda due: self._give_up(order, verdict, due))
        elif verdict.outcome == COMPLETED:
            self._complete(order, verdict, at)

    def _give_up(self, order: Order, verdict: Verdict, at: datetime) -> None:
        if order.verdict is verdict and not order.settled:
            self._close(order, REJECTED, at)

    def _complete(self, order: Order, verdict: Verdict, at: datetime) -> None:
        taken = order.numbers[: verdict.only] if verdict.only is not None else order.numbers
        if not order.charged and not self._affordable(taken):
            # No source says what happens then. BLOCKED can be fixed: add credit and submit again
            # (assumed).
            self._await(order, Review(BLOCKED, 0, (_NO_CREDIT,)), at)
            return
        if not order.charged:
            self._charge(order, taken, order.submit_request, at)
        order.settled = True
        wanted = (
            order.wanted
            if self._switches.order_callback_copied
            else order.wanted.without_callback()
        )
        for number in taken:
            self._activate(number, wanted, at)
        for number in order.numbers[len(taken) :]:
            self._shelf.add(number)
        self._tell(order, COMPLETED, at)

    def _close(self, order: Order, state: str, at: datetime) -> None:
        """Ends the reservation without purchase.

        The numbers are for sale again at once (*assumed*, table entry 31).
        """
        order.settled = True
        for number in order.numbers:
            self._shelf.add(number)
        self._tell(order, state, at)

    def _affordable(self, numbers: Iterable[StockNumber]) -> bool:
        prices = [number.setup + number.monthly for number in numbers]
        return self._project.ledger.affords(sum(prices[1:], prices[0]))

    def _charge(
        self, order: Order, numbers: Iterable[StockNumber], request: int | None, at: datetime
    ) -> None:
        order.charged = True
        for number in numbers:
            self._project.ledger.rent(at, number, "order", request)

    def _tell(self, order: Order, state: str, at: datetime) -> None:
        event = Event("NUMBER_ORDER_PROCESSING", state)
        self._project.tell(
            News(order.order_id, order.wanted.callback_url or "", event, at, "NUMBER_ORDER")
        )
