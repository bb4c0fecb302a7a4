"""The state table: every pair is either listed or raises."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from numberflow.errors import IllegalTransition
from numberflow.journal.transitions import (
    FINAL_STATES,
    OPEN_STATES,
    Event,
    IntentionState,
    after,
    next_state,
)

# Written out here a second time, from docs/journal.md: a table that is tested against itself proves
# nothing.
LISTED = {
    ("planned", "send"): "sending",
    ("planned", "withdraw"): "refused",
    ("sending", "confirm"): "done",
    ("sending", "refuse"): "refused",
    ("sending", "lose"): "unknown",
    ("unknown", "prove_applied"): "done",
    ("unknown", "prove_absent"): "planned",
    ("unknown", "escalate"): "needs_person",
    ("needs_person", "prove_applied"): "done",
    ("needs_person", "judge_done"): "done",
    ("needs_person", "judge_refused"): "refused",
    ("needs_person", "judge_planned"): "planned",
}


@pytest.mark.parametrize("state", IntentionState)
@pytest.mark.parametrize("event", Event)
def test_every_pair_moves_as_listed_or_raises(state: IntentionState, event: Event) -> None:
    """A pair that is not listed raises and names state and event."""
    expected = LISTED.get((str(state), str(event)))
    if expected is None:
        with pytest.raises(IllegalTransition) as caught:
            next_state(state, event)
        assert (str(state), str(event)) == (caught.value.state, caught.value.event)
        assert {str(state), str(event)} <= set(caught.value.message.rstrip(".").split())
    else:
        assert expected == next_state(state, event)


def test_a_chain_stops_at_the_first_step_that_is_not_listed() -> None:
    """Several events in one go are checked one after the other."""
    assert IntentionState.PLANNED == after(IntentionState.SENDING, (Event.LOSE, Event.PROVE_ABSENT))
    with pytest.raises(IllegalTransition):
        after(IntentionState.SENDING, (Event.LOSE, Event.CONFIRM))


def test_open_and_final_states_share_nothing_and_miss_nothing() -> None:
    """Each state is either open or final."""
    assert set(IntentionState) == OPEN_STATES | FINAL_STATES
    assert set() == OPEN_STATES & FINAL_STATES


class Life(RuleBasedStateMachine):
    """Any sequence of events that an intention may live through."""

    def __init__(self) -> None:
        super().__init__()
        self.state = IntentionState.PLANNED
        self.unproven_sends = 0

    @rule(event=st.sampled_from(Event))
    def happens(self, event: Event) -> None:
        """What is final stays final, and no second request leaves while an earlier one is open."""
        try:
            state = next_state(self.state, event)
        except IllegalTransition:
            return
        assert self.state not in FINAL_STATES
        if event is Event.SEND:
            assert 0 == self.unproven_sends
            self.unproven_sends += 1
        if event in {Event.PROVE_ABSENT, Event.JUDGE_PLANNED}:
            self.unproven_sends = 0
        self.state = state


Life.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
