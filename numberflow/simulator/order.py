"""One number order as facts. State, logs and times follow from them and the clock. Pure.

docs/vendor/numbers-behaviour.md §10. orders.py has what happens to orders, and what they do to
stock and money.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from numberflow.simulator.stock import Kind, StockNumber
from numberflow.simulator.wanted import Wanted
from numberflow.simulator.wire import api_time

CREATED, IN_REVIEW, BLOCKED = "CREATED", "IN_REVIEW", "BLOCKED"
COMPLETED, REJECTED, EXPIRED = "COMPLETED", "REJECTED", "EXPIRED"
OUTCOMES = (COMPLETED, REJECTED, BLOCKED)

_CLOSED = "The request was closed because nobody answered."


@dataclass(frozen=True, slots=True)
class Review:
    """The result that a review will have.

    `outcome` None: nobody has looked at it yet, so it stays in review. `only` completes that many
    of the numbers; the others return to stock (table entry 24).
    """

    outcome: str | None
    after_s: float
    logs: tuple[str, ...] = ()
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A review of one submission, with the moment at which it ends.

    `closes_at` is when an unanswered BLOCKED is closed.
    """

    outcome: str | None
    at: datetime
    logs: tuple[str, ...]
    only: int | None = None
    closes_at: datetime | None = None


@dataclass(slots=True)
class Upload:
    """One uploaded file, without its content: the simulator keeps no documents."""

    attachment_id: str
    shown_id: str
    file_name: str
    media_type: str
    document_type: str
    created_at: datetime
    updated_at: datetime
    done_at: datetime
    failed: bool

    def status(self, now: datetime) -> str:
        """uploadStatus: processing is asynchronous."""
        if now < self.done_at:
            return "WAITING"
        return "FAILED" if self.failed else "COMPLETED"


@dataclass(slots=True)
class Order:
    """The facts of one order. `request` is the number of the creating request in the log."""

    order_id: str
    kind: Kind
    numbers: tuple[StockNumber, ...]
    wanted: Wanted
    created_at: datetime
    expires_at: datetime
    request: int | None
    lapses_in_review: bool
    details: dict[str, Any] = field(default_factory=dict)
    details_at: datetime | None = None
    uploads: dict[str, Upload] = field(default_factory=dict)
    submitted_at: datetime | None = None
    submit_request: int | None = None
    verdict: Verdict | None = None
    past_logs: list[tuple[datetime, str]] = field(default_factory=list)
    charged: bool = False
    settled: bool = False

    def state(self, now: datetime) -> str:
        """The state at a moment, from the facts."""
        if now >= self.expires_at and self._lapses():
            return EXPIRED
        if self.submitted_at is None:
            return CREATED
        if self.verdict is None or self.verdict.outcome is None or now < self.verdict.at:
            return IN_REVIEW
        closed = self.verdict.closes_at is not None and now >= self.verdict.closes_at
        return REJECTED if closed else self.verdict.outcome

    def _lapses(self) -> bool:
        """Whether the reservation ends before anything else does."""
        if self.submitted_at is None or self.verdict is None:
            return True
        final = self.verdict.closes_at if self.verdict.outcome == BLOCKED else self.verdict.at
        in_time = (
            self.verdict.outcome is not None and final is not None and final <= self.expires_at
        )
        return self.lapses_in_review and not in_time

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """As JSON for the control surface: no registration data."""
        return {
            "order_id": self.order_id,
            "region_code": self.kind[0],
            "number_type": self.kind[1],
            "state": self.state(now),
            "phone_numbers": [number.phone_number for number in self.numbers],
            "created_at": api_time(self.created_at),
            "expires_at": api_time(self.expires_at),
            "submitted_at": None if self.submitted_at is None else api_time(self.submitted_at),
            "charged": self.charged,
            "request": self.request,
        }

    def logs(self, now: datetime) -> list[tuple[datetime, str]]:
        """Reviewer messages so far, oldest first."""
        logs = list(self.past_logs)
        if self.verdict is not None and now >= self.verdict.at:
            logs += [(self.verdict.at, message) for message in self.verdict.logs]
            if self.verdict.closes_at is not None and now >= self.verdict.closes_at:
                logs.append((self.verdict.closes_at, _CLOSED))
        return logs

    def updated_at(self, now: datetime) -> datetime:
        """When the order last changed."""
        moments = [self.created_at, self.details_at, self.submitted_at]
        moments += [upload.updated_at for upload in self.uploads.values()]
        if self.verdict is not None:
            moments += [self.verdict.at, self.verdict.closes_at]
        if self.state(now) == EXPIRED:
            moments.append(self.expires_at)
        return max(moment for moment in moments if moment is not None and moment <= now)
