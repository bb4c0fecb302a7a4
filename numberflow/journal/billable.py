"""Run one costly step: write the intention, send once, and look before sending again.

The step looks at the vendor's state after anything but a clear answer. The journal never sees the
client. It gets two callables, `do` (send the request once) and `look` (read the vendor's state). So
no retry can slip in between, and two lambdas are enough to prove all of it. It has no knowledge of
the vendor: `look` decides what counts as applied.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from numberflow.errors import (
    IllegalTransition,
    InsufficientFunds,
    JournalUnavailable,
    LeaseLost,
    NotFound,
    NotSent,
    NumberflowError,
    PermissionRefused,
    Rejected,
    Stopped,
    Throttled,
)
from numberflow.journal.brake import Brake
from numberflow.journal.entries import (
    AttemptEnd,
    Finding,
    Intention,
    Observation,
    Outcome,
    number_in,
)
from numberflow.journal.json_text import as_kept
from numberflow.journal.leases import Lease, LeaseKeeper
from numberflow.journal.settling import SettlePolicy, pauses_s, settlement
from numberflow.journal.store import Journal
from numberflow.journal.transitions import FINAL_STATES, Event, IntentionState
from numberflow.models.pace import believed_s

logger = logging.getLogger(__name__)

T = TypeVar("T")

# How often a waiting request is checked for a stop. The promise is at least every 2 s.
ASK_EVERY_S = 1.0
# Long enough for a vendor's sentence, short enough for a table.
_REASON_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Applied:
    """The vendor confirmed the step.

    `result` is kept in the journal (JSON, nothing private); `subject` is the number that the vendor
    chose.
    """

    result: Mapping[str, Any]
    note: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one look showed: `finding` is applied, absent or inconclusive; `seen` decided it.

    `result` as in `Applied`, when applied.
    """

    finding: Finding | str
    note: str
    seen: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    subject: str | None = None


class Attempt:
    """One permitted request. `do` gets it and passes it to the client as the request's watch."""

    def __init__(
        self, intention: Intention, n: int, leases: tuple[Lease, ...], brake: Brake
    ) -> None:
        self.intention = intention
        self.n = n
        self.status: int | None = None
        self.request_id: str | None = None
        self.may_have_left = False
        """Whether bytes may have left without a refusal in reply."""
        self.held_by: NumberflowError | None = None
        """Why it may no longer leave. Set while it waits for a connection or the vendor's limit."""
        self._leases = leases
        self._brake = brake

    def before_send(self) -> None:
        """Call this last, right before the first byte leaves. Instant, no I/O.

        Raises:
            LeaseLost: somebody else may be working on this by now. Do not send.
            Stopped: a person holds it. Do not send.
        """
        for lease in self._leases:
            lease.check()
        if self.held_by is not None:
            raise self.held_by
        self._brake.check_file()
        self.may_have_left = True

    def replied(self, status: int | None, request_id: str | None) -> None:
        """Call when a status line was read."""
        self.status = status
        self.request_id = request_id
        if status is not None and 400 <= status < 500:
            # A refusal: that request did nothing, whatever happens to the next one (there may be no
            # fresh token after a 401).
            self.may_have_left = False


Do = Callable[[Attempt], Awaitable[Applied]]
Look = Callable[[Intention], Awaitable[Evidence]]
Sleep = Callable[[float], Awaitable[object]]


async def run_costly_step(
    journal: Journal,
    intention: Intention,
    *,
    do: Do,
    look: Look,
    keeper: LeaseKeeper,
    purchase_lease: Lease,
    policy: SettlePolicy,
    brake: Brake,
    sleep: Sleep = anyio.sleep,
) -> Intention:
    """Bring one intention as far as possible, from any state, and return it as the journal has it.

    Returned states: done; refused; needs_person; planned (`attempts_max` requests did not get
    through, or the vendor's limit outlasted the patience, see `reason`); unknown (the vendor could
    not be looked at, see `reason`). Costs: at most what the intention says, once. Repeat: safe,
    from every state and in any process.

    Raises:
        Stopped: a person holds costly steps, or this run; nothing was sent, the row stays planned.
        LeaseLost: somebody else has the purchase or the number; this process sent nothing that it
        did not record, or the row is open for the other.
        SpendRefused: planned on another day, and today's cap or number of releases has no room;
            nothing was sent.
        JournalUnavailable: nothing was sent; or, if its text says that the intention stays open,
        the next run looks before it sends.
    """
    if intention.state in FINAL_STATES:
        return intention
    async with keeper.holding(intention.resource, wait_s=policy.lease_wait_s) as number_lease:
        step = _Step(
            journal,
            intention,
            do=do,
            look=look,
            leases=(purchase_lease, number_lease),
            policy=policy,
            brake=brake,
            sleep=sleep,
        )
        return await step.run()


@dataclass(frozen=True, slots=True)
class _Turn:
    """What an attempt left behind.

    The row, the vendor's refusal that still has to be checked against its state, and a pause before
    the next attempt. `throttled`: the pause is for the vendor's limit.
    """

    row: Intention
    refusal: Rejected | None = None
    pause_s: float = 0.0
    throttled: bool = False


class _Step:
    """One run of one intention, which holds its leases."""

    def __init__(
        self,
        journal: Journal,
        intention: Intention,
        *,
        do: Do,
        look: Look,
        leases: tuple[Lease, ...],
        policy: SettlePolicy,
        brake: Brake,
        sleep: Sleep,
    ) -> None:
        self._journal = journal
        self._intention = intention
        self._do = do
        self._look = look
        self._leases = leases
        self._policy = policy
        self._brake = brake
        self._sleep = sleep
        self._attempts = self._throttles = 0
        self._throttled_s = 0.0

    async def run(self) -> Intention:
        """Take one step after the other until the state leaves nothing to do here."""
        # Read again now that the leases are ours: the caller's copy may be older than somebody
        # else's work.
        history = await anyio.to_thread.run_sync(self._journal.history, self._intention.id)
        turn = _Turn(history.intention)
        if turn.row.state is IntentionState.NEEDS_PERSON:
            return await self._look_for_person()
        while True:
            match turn.row.state:
                case IntentionState.DONE | IntentionState.REFUSED | IntentionState.NEEDS_PERSON:
                    return turn.row
                case IntentionState.SENDING:
                    # Not ours: an attempt of ours always ends in another state. Its sender is gone,
                    # since we hold its leases.
                    reason = "its process ended before the outcome was written down"
                    ended = AttemptEnd(Outcome.UNKNOWN)
                    turn = _Turn(
                        await self._write(events=(Event.LOSE,), attempt=ended, reason=reason)
                    )
                case IntentionState.UNKNOWN:
                    turn = _Turn(await self._settle(turn.refusal))
                    if turn.row.state is IntentionState.UNKNOWN:
                        return turn.row
                case IntentionState.PLANNED if enough := self._enough(turn):
                    return await self._write(reason=enough)
                case IntentionState.PLANNED:
                    turn = await self._try_again(turn)

    def _enough(self, turn: _Turn) -> str:
        """Why this run makes no further attempt; empty when it does."""
        patience = self._policy.patience
        if turn.throttled and (
            patience.over or self._throttled_s + turn.pause_s > patience.total_s
        ):
            patience.over = True
            return (
                f"the vendor's limit (HTTP 429) outlasted this run's patience: {self._throttles} "
                "refusals, "
                f"{self._throttled_s:.0f} s waited, the next try in {turn.pause_s:.0f} s; run it "
                "again later"
            )
        if self._policy.attempts_max == 0:
            return f"nothing was sent: it was only looked at ({turn.row.reason or 'planned'})"
        if self._attempts == self._policy.attempts_max:
            return (
                f"not done after {self._attempts} attempts in this run; run it again "
                f"(last: {turn.row.reason})"
            )
        return ""

    async def _try_again(self, turn: _Turn) -> _Turn:
        """Pause, then send."""
        if turn.pause_s > 0:
            await self._sleep(turn.pause_s)
        if turn.throttled:
            self._throttled_s += turn.pause_s
        turn = await self._attempt()
        self._throttles += turn.throttled
        self._attempts += not turn.throttled
        return turn

    async def _attempt(self) -> _Turn:
        """From planned over sending to what the answer says."""
        # The journal's own stops are read by `begin`, in the transaction that permits the request.
        await self._brake.ask()
        with self._brake.step():
            return await self._begin_and_send()

    async def _begin_and_send(self) -> _Turn:
        begin = functools.partial(
            self._journal.begin,
            self._intention.id,
            leases=self._leases,
            releases_max=self._policy.releases_max,
        )
        begun = await anyio.to_thread.run_sync(begin)
        attempt = Attempt(begun.intention, begun.n, self._leases, self._brake)
        pause_s = self._policy.backoff_s * 2**self._attempts
        try:
            applied = _kept_applied(await self._watched(attempt))
        except NotSent as error:
            if attempt.may_have_left:
                # "Not sent", although it was allowed to leave: the two contradict, so the worse one
                # counts.
                return await self._lost(attempt, error)
            row = await self._not_applied(attempt, Outcome.NOT_SENT, f"not sent: {_text(error)}")
            if isinstance(error, LeaseLost | Stopped):
                raise
            return _Turn(row, pause_s=pause_s)
        except Throttled as error:
            row = await self._not_applied(
                attempt, Outcome.THROTTLED, "429: the vendor takes no more requests for now"
            )
            return _Turn(row, pause_s=self._throttle_pause_s(error.retry_after_s), throttled=True)
        except Rejected as error:
            return await self._rejected(attempt, error, earlier_unknown=begun.earlier_unknown)
        except Exception as error:  # (after any error the request may have left)
            if error is attempt.held_by and not attempt.may_have_left:
                # Raised by `before_send` itself: the journal could not say whether it may leave.
                await self._not_applied(attempt, Outcome.NOT_SENT, f"not sent: {_text(error)}")
                raise
            return await self._lost(attempt, error)
        except BaseException as error:
            # Cancelled, interrupted, terminated: there may be no event loop to come back to, so
            # this writes here and now.
            self._lose_now(attempt, error)
            raise
        ended = _ended(attempt, Outcome.APPLIED)
        return _Turn(
            await self._write(
                events=(Event.CONFIRM,),
                attempt=ended,
                reason=applied.note,
                result=applied.result,
                subject=applied.subject,
            )
        )

    async def _watched(self, attempt: Attempt) -> Applied:
        """Do it, and meanwhile check repeatedly whether it may still leave.

        It may have to wait before it leaves.
        """
        # In parallel: a server that does not answer for the run's state must not keep a stop in the
        # journal unread.
        watchers = [
            asyncio.ensure_future(self._keep_asking(attempt, ask))
            for ask in (self._ask_journal, self._brake.ask)
        ]
        try:
            return await self._do(attempt)
        finally:
            for watcher in watchers:
                watcher.cancel()

    async def _ask_journal(self) -> None:
        await anyio.to_thread.run_sync(self._journal.require_no_stop, self._intention.project_id)

    async def _keep_asking(self, attempt: Attempt, ask: Callable[[], Awaitable[None]]) -> None:
        while attempt.held_by is None:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                await ask()
            except NumberflowError as error:
                # Also when the journal cannot be read: then nothing leaves.
                attempt.held_by = error

    async def _not_applied(self, attempt: Attempt, outcome: Outcome, note: str) -> Intention:
        """Surely nothing happened: back to planned, with the proof, in one transaction."""
        return await self._write(
            events=(Event.LOSE, Event.PROVE_ABSENT),
            attempt=_ended(attempt, outcome),
            observation=Observation(
                Finding.ABSENT, note, {"attempt": attempt.n, "status": attempt.status}
            ),
            reason=note,
        )

    async def _lost(self, attempt: Attempt, error: Exception) -> _Turn:
        ended = _ended(attempt, Outcome.UNKNOWN)
        return _Turn(
            await self._write(
                events=(Event.LOSE,), attempt=ended, reason=f"outcome unknown: {_text(error)}"
            )
        )

    async def _rejected(self, attempt: Attempt, error: Rejected, *, earlier_unknown: bool) -> _Turn:
        """The vendor said no. Believe it, unless our own earlier success may be the reason."""
        ended = _ended(attempt, Outcome.REFUSED)
        reason = f"refused by the vendor: {_text(error)}"
        if earlier_unknown:
            # The vendor also answers "not available" for a number that an earlier lost request of
            # ours has rented: settle it with patience.
            return _Turn(
                await self._write(events=(Event.LOSE,), attempt=ended, reason=reason), refusal=error
            )
        if not isinstance(error, NotFound):
            return _Turn(await self._write(events=(Event.REFUSE,), attempt=ended, reason=reason))
        # 404 on a first attempt: somebody else has it, or it is already as we want it (a number
        # that was released by hand).
        observation, evidence = await self._see()
        if evidence is not None and observation.finding is Finding.APPLIED:
            return _Turn(await self._found(Event.CONFIRM, observation, evidence, attempt=ended))
        return _Turn(
            await self._write(
                events=(Event.REFUSE,), attempt=ended, observation=observation, reason=reason
            )
        )

    async def _settle(self, refusal: Rejected | None) -> Intention:
        """From unknown to what the looks prove.

        `refusal`: the vendor's no to the latest attempt. Absence then closes the intention.
        """
        findings: list[Finding] = []
        pauses = pauses_s(self._policy.settle_s)
        for pause_s in pauses:
            # Waiting can only lengthen the settling time: `sleep` and the looks themselves come on
            # top of it.
            if pause_s > 0:
                await self._sleep(pause_s)
            observation, evidence = await self._see()
            findings.append(observation.finding)
            if evidence is not None and observation.finding is Finding.APPLIED:
                return await self._found(Event.PROVE_APPLIED, observation, evidence)
            if len(findings) < len(pauses):
                await self._write(observation=observation)
        outcome = settlement(findings)
        events: tuple[Event, ...] = () if outcome.event is None else (outcome.event,)
        reason = outcome.reason
        if observation.finding is Finding.UNSEEN:
            # The vendor's own reason (401, 403, …): somebody has to fix that first.
            reason = f"{reason} ({observation.note})"
        if outcome.event is Event.PROVE_ABSENT and (doubt := self._doubt(refusal)):
            events, reason = (Event.ESCALATE,), doubt
        elif outcome.event is Event.PROVE_ABSENT and refusal is not None:
            events = (Event.PROVE_ABSENT, Event.WITHDRAW)
            reason = f"refused by the vendor: {_text(refusal)}; {reason}"
        return await self._write(events=events, observation=observation, reason=reason)

    def _doubt(self, refusal: Rejected | None) -> str:
        """Why absence over the settling time is not enough here; empty when it is.

        This is about reads that lag for longer.
        """
        if self._intention.subject is None:
            # If the first request for a named number took effect, the second is refused. If the
            # vendor picks the number, the second buys another one.
            return (
                "nothing was found, but the vendor picks the number: if reads are late, another "
                "request would buy a second one"
            )
        if refusal is not None and not isinstance(refusal, InsufficientFunds | PermissionRefused):
            # This may be the refusal for a number that our own lost request has already rented.
            return (
                f"the vendor refused ({_text(refusal)}), and still shows what it showed before: "
                "the two do not fit"
            )
        return ""

    async def _look_for_person(self) -> Intention:
        """Look once at what waits for a person: it may show as applied by now.

        Nothing else leaves this state by itself.
        """
        observation, evidence = await self._see()
        if evidence is None or observation.finding is not Finding.APPLIED:
            return await self._write(observation=observation)
        return await self._found(Event.PROVE_APPLIED, observation, evidence)

    async def _found(
        self, event: Event, observation: Observation, evidence: Evidence, **what: Any
    ) -> Intention:
        """Write down that the vendor shows it, and what of it is kept."""
        return await self._write(
            events=(event,),
            observation=observation,
            reason=observation.note,
            result=evidence.result,
            subject=evidence.subject,
            **what,
        )

    async def _see(self) -> tuple[Observation, Evidence | None]:
        """Look once. A look that fails is no evidence of anything."""
        try:
            evidence = _kept_evidence(await self._look(self._intention))
        except (LeaseLost, JournalUnavailable):
            raise
        except Exception as error:  # noqa: BLE001 (the vendor may be down in any way)
            return Observation(Finding.UNSEEN, f"could not look: {_text(error)}"), None
        return Observation(Finding(evidence.finding), evidence.note, evidence.seen), evidence

    async def _write(self, **what: Any) -> Intention:
        """Record something under both leases.

        From the first attempt on, a failure leaves the row open and says so.
        """
        record = functools.partial(
            self._journal.record, self._intention.id, leases=self._leases, **what
        )
        try:
            return await anyio.to_thread.run_sync(record)
        except JournalUnavailable as error:
            attempt: AttemptEnd | None = what.get("attempt")
            heard = (
                f" (the last request ended as: {attempt.outcome})" if attempt is not None else ""
            )
            raise JournalUnavailable(
                f"{self._intention} stays open{heard}, because the journal could not be written: "
                f"{error.message} "
                "The next run looks at the vendor before it sends anything.",
                remedy=error.remedy,
                intention_id=self._intention.id,
            ) from error
        except LeaseLost as error:
            raise LeaseLost(
                f"{self._intention} is no longer ours; whoever took it over settles it. "
                f"{error.message}",
                resource=error.resource,
            ) from error

    def _lose_now(self, attempt: Attempt, error: BaseException) -> None:
        """Record the loss without an event loop, at best effort.

        If it fails, the row stays at sending, which the next run treats the same.
        """
        try:
            self._journal.record(
                self._intention.id,
                leases=self._leases,
                events=(Event.LOSE,),
                attempt=_ended(attempt, Outcome.UNKNOWN),
                reason=f"interrupted: {type(error).__name__}",
            )
        except (JournalUnavailable, LeaseLost, IllegalTransition) as failure:
            error.add_note(f"{self._intention} stays open: {failure}")
            logger.warning("%s stays open: %s", self._intention, failure)

    def _throttle_pause_s(self, retry_after_s: float | None) -> float:
        """Retry-After exactly; without one, a pause that doubles.

        Never zero: the vendor said "later".
        """
        if retry_after_s is None:
            # The exponent is bounded first, or a long patience would overflow a float.
            doubled_s = self._policy.backoff_s * 2.0 ** min(self._throttles, 64)
            return min(doubled_s, self._policy.throttle_wait_max_s)
        return max(believed_s(retry_after_s), self._policy.backoff_s)


def _ended(attempt: Attempt, outcome: Outcome) -> AttemptEnd:
    return AttemptEnd(outcome, attempt.n, attempt.status, attempt.request_id)


def _kept_applied(applied: Applied) -> Applied:
    """The result as the journal can keep it.

    What cannot be kept fails here, where it still counts as an unknown outcome.
    """
    result = as_kept(applied.result)
    return Applied(result, applied.note, applied.subject or number_in(result))


def _kept_evidence(evidence: Evidence) -> Evidence:
    result = as_kept(evidence.result)
    subject = evidence.subject or number_in(result)
    return Evidence(
        Finding(evidence.finding), evidence.note, as_kept(evidence.seen), result, subject
    )


def _text(error: Exception) -> str:
    """An error for the journal. Our own messages contain nothing private.

    Of any other error only the type is kept.
    """
    if not isinstance(error, NumberflowError):
        return type(error).__name__
    return f"{type(error).__name__}: {error.message}"[:_REASON_LENGTH_MAX]
