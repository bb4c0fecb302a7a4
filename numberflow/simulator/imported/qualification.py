"""Qualified numbers: eligibility, ownership by voice code or invoices, readiness. No HTTP.

§3, §6, §16. The state of a number is computed from what has happened to it and the clock, and never
stored. As in reality, nothing moves without an answer to the call, or invoices.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from numberflow.simulator.imported import refusals
from numberflow.simulator.imported.account import Account
from numberflow.simulator.imported.order import HostedNumber, HostingOrder
from numberflow.simulator.imported.steps import (
    DONE,
    FAILED,
    IN_PROGRESS,
    WAITING,
    add_business_days,
)

ELIGIBLE_CHECK_PENDING, ELIGIBLE, NOT_ELIGIBLE = (
    "ELIGIBLE_CHECK_PENDING",
    "ELIGIBLE",
    "NOT_ELIGIBLE",
)
VERIFICATION_PENDING, VERIFICATION_FAILED = "VERIFICATION_PENDING", "VERIFICATION_FAILED"
VERIFICATION_BLOCKED, VERIFIED = "VERIFICATION_BLOCKED", "VERIFIED"
HOSTING_IN_PROGRESS, HOSTING_DONE, HOSTING_FAILED = (
    "HOSTING_IN_PROGRESS",
    "HOSTING_DONE",
    "HOSTING_FAILED",
)
STATES = (
    ELIGIBLE_CHECK_PENDING,
    ELIGIBLE,
    NOT_ELIGIBLE,
    VERIFICATION_PENDING,
    VERIFICATION_FAILED,
    VERIFICATION_BLOCKED,
    VERIFIED,
    HOSTING_IN_PROGRESS,
    HOSTING_DONE,
    HOSTING_FAILED,
)
_HOSTING_STATES = {IN_PROGRESS: HOSTING_IN_PROGRESS, DONE: HOSTING_DONE, FAILED: HOSTING_FAILED}


@dataclass(slots=True)
class Challenge:
    """One call with a spoken code. It fails on a wrong code, or without one until `expires_at`."""

    code: str
    sent_at: datetime
    expires_at: datetime
    wrong_at: list[datetime] = field(default_factory=list)
    passed: bool = False

    def failures(self, now: datetime) -> int:
        """Wrong tries, plus one for expiring unanswered."""
        ran_out = not self.passed and not self.wrong_at and now >= self.expires_at
        return len(self.wrong_at) + ran_out


@dataclass(frozen=True, slots=True)
class Invoices:
    """Invoices with the vendor's staff, and the result of their review."""

    received_at: datetime
    decided_at: datetime
    accepted: bool


@dataclass(slots=True)
class QualifiedNumber:
    """What has happened to one number."""

    phone_number: str
    created_at: datetime
    checked_at: datetime
    tries: int
    not_eligible: str = ""
    invoices_leave_eligible: bool = False
    challenges: list[Challenge] = field(default_factory=list)
    forgiven: int = 0
    forgiven_at: datetime | None = None
    passed_at: datetime | None = None
    invoices: Invoices | None = None
    hosting: tuple[HostingOrder, HostedNumber] | None = None

    def proven_at(self, now: datetime) -> datetime | None:
        """When ownership was proven, by code or invoices."""
        if self.passed_at is not None:
            return self.passed_at
        accepted = (
            self.invoices is not None and self.invoices.accepted and now >= self.invoices.decided_at
        )
        return self.invoices.decided_at if accepted and self.invoices is not None else None

    def failures(self, now: datetime) -> int:
        """Failed attempts by voice since staff last cleared them."""
        return sum(challenge.failures(now) for challenge in self.challenges) - self.forgiven

    def state(self, now: datetime) -> str:
        """The globalProcessState at a moment, without its prefix."""
        if self.hosting is not None:
            order, hosted = self.hosting
            return _HOSTING_STATES[order.outcome(hosted, now)]
        if now < self.checked_at:
            return ELIGIBLE_CHECK_PENDING
        if self.not_eligible:
            return NOT_ELIGIBLE
        if self.proven_at(now) is not None:
            by_invoices = self.passed_at is None
            return ELIGIBLE if by_invoices and self.invoices_leave_eligible else VERIFIED
        return self._verification(now)

    def _verification(self, now: datetime) -> str:
        if self.failures(now) >= self.tries:
            return VERIFICATION_BLOCKED
        last = self.challenges[-1] if self.challenges else None
        refused = (
            self.invoices is not None
            and not self.invoices.accepted
            and now >= self.invoices.decided_at
        )
        if refused and (
            last is None or self.invoices is None or last.sent_at < self.invoices.decided_at
        ):
            return VERIFICATION_FAILED
        if last is None:
            return ELIGIBLE
        return VERIFICATION_FAILED if last.failures(now) else VERIFICATION_PENDING

    def ownership(self, now: datetime) -> str:
        """The ownershipVerification status that goes with the state."""
        if self.proven_at(now) is not None:
            return DONE
        if self.hosting is not None or now < self.checked_at or self.not_eligible:
            return WAITING
        state = self._verification(now)
        if state == ELIGIBLE:
            return WAITING
        return IN_PROGRESS if state == VERIFICATION_PENDING else FAILED

    def updated_at(self, now: datetime) -> datetime:
        """When the state last changed."""
        moments = [self.created_at, self.checked_at, self.passed_at, self.forgiven_at]
        for challenge in self.challenges:
            moments += [
                challenge.sent_at,
                *challenge.wrong_at,
                *([] if challenge.passed else [challenge.expires_at]),
            ]
        if self.invoices is not None:
            moments.append(self.invoices.decided_at)
        if self.hosting is not None:
            moments += [self.hosting[0].created_at, self.hosting[0].updated_at(now)]
        return max(moment for moment in moments if moment is not None and moment <= now)


class QualifiedNumbers:
    """All numbers that are being, or have been, qualified. The caller holds the world's lock."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._switches = account.switches
        self.all: dict[str, QualifiedNumber] = {}

    def get(self, phone_number: str) -> QualifiedNumber:
        """The number. Raises Problem 404."""
        self._account.settle()
        number = self.all.get(phone_number)
        if number is None:
            raise refusals.not_found("qualified number")
        return number

    def add(self, phone_numbers: list[str]) -> list[str]:
        """Starts the checks of numbers that are new, and returns those."""
        now = self._account.settle()
        fresh = [one for one in phone_numbers if one not in self.all]
        for phone_number in fresh:
            self.all[phone_number] = QualifiedNumber(
                phone_number,
                now,
                now + timedelta(seconds=self._switches.qualification_check_s),
                self._switches.voice_code_tries,
                self._account.not_eligible.get(phone_number, ""),
                self._switches.invoices_leave_eligible,
            )
        return fresh

    def delete(self, number: QualifiedNumber) -> None:
        """Removes the number. Raises Problem 400 during hosting."""
        if number.state(self._account.settle()) == HOSTING_IN_PROGRESS:
            raise refusals.precondition("the number is being hosted")
        del self.all[number.phone_number]

    # -- ownership by voice

    def call(self, number: QualifiedNumber, request: int | None) -> None:
        """Calls the number and speaks a code; a real phone would ring.

        Raises Problem 400 in any state that does not allow a call.
        """
        now = self._account.settle()
        state = number.state(now)
        proven = number.proven_at(now) is not None
        if state not in (ELIGIBLE, VERIFICATION_FAILED) or proven:
            raise refusals.precondition(f"the number is {state}")
        code = f"{self._account.rng.randrange(10_000):04d}"
        life = timedelta(seconds=self._switches.voice_code_life_s)
        number.challenges.append(Challenge(code, now, now + life))
        self._account.charge(
            "voice_challenge", number.phone_number, self._switches.voice_challenge_cost, request
        )

    def verify(self, number: QualifiedNumber, code: str) -> bool:
        """Checks a code; returns whether it was right. Raises Problem 400 if none is expected."""
        now = self._account.settle()
        state = number.state(now)
        last = number.challenges[-1] if number.challenges else None
        again = self._switches.voice_code_survives_wrong_try and state == VERIFICATION_FAILED
        alive = last is not None and now < last.expires_at
        if last is None or not alive or not (state == VERIFICATION_PENDING or again):
            raise refusals.precondition(f"the number is {state}, no code is awaited")
        if code == last.code:
            last.passed = True
            number.passed_at = now
            return True
        last.wrong_at.append(now)
        return False

    def spoken_code(self, number: QualifiedNumber) -> str | None:
        """The code of the last call, while it is valid."""
        now = self._account.settle()
        last = number.challenges[-1] if number.challenges else None
        return last.code if last is not None and now < last.expires_at and not last.passed else None

    # -- what staff do

    def unblock(self, number: QualifiedNumber) -> None:
        """Clears the failed attempts so far."""
        now = self._account.settle()
        number.forgiven += number.failures(now)
        number.forgiven_at = now

    def take_invoices(
        self, number: QualifiedNumber, *, accepted: bool, after_s: float | None
    ) -> None:
        """Invoices have arrived. Their review takes some seconds, or the usual business days."""
        now = self._account.settle()
        if number.state(now) not in (ELIGIBLE, VERIFICATION_PENDING, VERIFICATION_FAILED):
            raise ValueError(f"phone_numbers: {number.phone_number} is {number.state(now)}")
        usual = add_business_days(now, self._switches.invoice_review_business_days)
        number.invoices = Invoices(
            now, usual if after_s is None else now + timedelta(seconds=after_s), accepted
        )

    # -- readiness

    def must_be_ready(self, phone_number: str) -> QualifiedNumber:
        """The number if it may be text-enabled.

        Raises Problem 404 unqualified, 400 in any other state.
        """
        now = self._account.settle()
        number = self.get(phone_number)
        state = number.state(now)
        eligible = state == ELIGIBLE and (
            self._switches.text_enable_from_eligible or number.proven_at(now) is not None
        )
        if state not in (VERIFIED, HOSTING_FAILED) and not eligible:
            raise refusals.precondition(f"{phone_number} is {state}")
        return number
