"""The states of an intention and the only transitions between them.

Pure and total: no I/O, no clock, no SQL. What happens *because* of a transition (claims, leases,
evidence) belongs in `store.py`; when one is due, in `billable.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType

from numberflow.errors import IllegalTransition


class IntentionState(StrEnum):
    """Where an intention stands. States drive decisions; the row's `reason` is for people."""

    PLANNED = "planned"
    """Decided, and counted in the caps. No request is under way, and none took effect."""
    SENDING = "sending"
    """A request may be leaving now, or its sender died. Durable before the first byte leaves."""
    DONE = "done"
    """It took effect at the vendor. Final."""
    REFUSED = "refused"
    """It did not take effect and will not be tried again. Final."""
    UNKNOWN = "unknown"
    """The reply was lost: it may have taken effect. Only evidence leads out of here."""
    NEEDS_PERSON = "needs_person"
    """The evidence contradicts itself.

    Nothing is sent until a person decides, or until it shows as applied.
    """


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


FINAL_STATES = frozenset({IntentionState.DONE, IntentionState.REFUSED})
OPEN_STATES = frozenset(IntentionState) - FINAL_STATES
# A refused intention spent nothing. Every other one may have spent money, or is about to: all of
# them count against the caps (fail closed).
SPENDING_STATES = frozenset(IntentionState) - {IntentionState.REFUSED}

# On purpose there is no arrow from sending back to planned: "surely not sent" and 429 take lose +
# prove_absent in one transaction, with an evidence row that says why. So every way back to planned
# leaves a proof behind.
TRANSITIONS = MappingProxyType(
    {
        (IntentionState.PLANNED, Event.SEND): IntentionState.SENDING,
        (IntentionState.PLANNED, Event.WITHDRAW): IntentionState.REFUSED,
        (IntentionState.SENDING, Event.CONFIRM): IntentionState.DONE,
        (IntentionState.SENDING, Event.REFUSE): IntentionState.REFUSED,
        (IntentionState.SENDING, Event.LOSE): IntentionState.UNKNOWN,
        (IntentionState.UNKNOWN, Event.PROVE_APPLIED): IntentionState.DONE,
        (IntentionState.UNKNOWN, Event.PROVE_ABSENT): IntentionState.PLANNED,
        (IntentionState.UNKNOWN, Event.ESCALATE): IntentionState.NEEDS_PERSON,
        (IntentionState.NEEDS_PERSON, Event.PROVE_APPLIED): IntentionState.DONE,
        (IntentionState.NEEDS_PERSON, Event.JUDGE_DONE): IntentionState.DONE,
        (IntentionState.NEEDS_PERSON, Event.JUDGE_REFUSED): IntentionState.REFUSED,
        (IntentionState.NEEDS_PERSON, Event.JUDGE_PLANNED): IntentionState.PLANNED,
    }
)


def next_state(state: IntentionState, event: Event) -> IntentionState:
    """The state after `event`.

    Raises:
        IllegalTransition: the pair is not listed; names state and event.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(
            f"An intention that is {state} cannot take the step {event}.",
            state=str(state),
            event=str(event),
        ) from None


def after(state: IntentionState, events: Sequence[Event]) -> IntentionState:
    """The state after all of `events` in turn.

    Raises:
        IllegalTransition: at the first pair that is not listed.
    """
    for event in events:
        state = next_state(state, event)
    return state
