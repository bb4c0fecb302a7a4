"""The states of an intention and the only ways between them. Pure and total: no I/O, no clock, nothing about SQL.

What happens *because* of a transition (claims, leases, evidence) belongs in `store.py`; when one is due, in `billable.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType

from numberflow.errors import IllegalTransition


class State(StrEnum):
    """Where an intention stands. A state drives decisions; the row's `reason` explains it to people."""

    PLANNED = "planned"
    """Decided and paid for out of the caps. No request of it is under way, and none took effect."""
    SENDING = "sending"
    """A request may be leaving at this moment, or its sender died. Durable before the first byte leaves."""
    DONE = "done"
    """It took effect at the vendor. Final."""
    REFUSED = "refused"
    """It did not take effect and will not be tried again. Final."""
    UNKNOWN = "unknown"
    """The reply was lost: it may have taken effect. Only evidence leads out of here."""
    NEEDS_PERSON = "needs_person"
    """The evidence contradicts itself. Nothing is sent until somebody decides, or until it shows as applied."""


class Event(StrEnum):
    """What may happen to an intention."""

    SEND = "send"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    LOSE = "lose"
    PROVE_APPLIED = "prove_applied"
    PROVE_ABSENT = "prove_absent"
    ESCALATE = "escalate"
    WITHDRAW = "withdraw"
    JUDGE_DONE = "judge_done"
    JUDGE_REFUSED = "judge_refused"
    JUDGE_PLANNED = "judge_planned"


FINAL_STATES = frozenset({State.DONE, State.REFUSED})
OPEN_STATES = frozenset(State) - FINAL_STATES
# A refused intention spent nothing. Every other one may have, or is about to: all of them count against the caps (fail closed).
SPENDING_STATES = frozenset(State) - {State.REFUSED}

# There is no arrow from sending back to planned on purpose: "surely not sent" and 429 take lose + prove_absent in one
# transaction, with the evidence row that says why, so that every way back to planned leaves a proof behind.
TRANSITIONS = MappingProxyType(
    {
        (State.PLANNED, Event.SEND): State.SENDING,
        (State.PLANNED, Event.WITHDRAW): State.REFUSED,
        (State.SENDING, Event.CONFIRM): State.DONE,
        (State.SENDING, Event.REFUSE): State.REFUSED,
        (State.SENDING, Event.LOSE): State.UNKNOWN,
        (State.UNKNOWN, Event.PROVE_APPLIED): State.DONE,
        (State.UNKNOWN, Event.PROVE_ABSENT): State.PLANNED,
        (State.UNKNOWN, Event.ESCALATE): State.NEEDS_PERSON,
        (State.NEEDS_PERSON, Event.PROVE_APPLIED): State.DONE,
        (State.NEEDS_PERSON, Event.JUDGE_DONE): State.DONE,
        (State.NEEDS_PERSON, Event.JUDGE_REFUSED): State.REFUSED,
        (State.NEEDS_PERSON, Event.JUDGE_PLANNED): State.PLANNED,
    }
)


def next_state(state: State, event: Event) -> State:
    """The state after `event`.

    Raises:
        IllegalTransition: the pair is not listed; names state and event.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(
            f"An intention that is {state} cannot take the step {event}.", state=str(state), event=str(event)
        ) from None


def after(state: State, events: Sequence[Event]) -> State:
    """The state after all of `events` in turn; raises `IllegalTransition` at the first pair that is not listed."""
    for event in events:
        state = next_state(state, event)
    return state
