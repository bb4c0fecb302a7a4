"""What comes next for a number that is proven by voice, and how its tries are counted.

Pure, from what is known of it.
"""

from __future__ import annotations

import pytest
from support.lines import line

from numberflow.journal import Intention, IntentionState, Operation
from numberflow.planning.hosting import Readiness
from numberflow.purchase.hosting.qualify import Next, VoiceTurn, count_tries, next_step

NUMBER = "+12125550101"


@pytest.mark.parametrize(
    ("state", "tries", "expected"),
    [
        (Readiness.UNPROVEN, 0, Next.CALL),
        (Readiness.CALLED, 2, Next.CODE),
        (Readiness.FAILED, 2, Next.DECISION),
        # The third failure blocks the number, whatever a late read says of it.
        (Readiness.FAILED, 3, Next.NOTHING),
        (Readiness.CALLED, 3, Next.NOTHING),
        (Readiness.READY, 1, Next.NOTHING),
    ],
)
def test_next(state: Readiness, tries: int, expected: Next) -> None:
    """Nothing is asked or called any more once three codes were wrong.

    An outcome that is open goes to a person.
    """
    turn = VoiceTurn(NUMBER, state, Next.NOTHING, calls=tries, tries=tries)
    assert expected is next_step(turn, is_open=False)
    assert Next.PERSON is next_step(turn, is_open=True)


def code(position: int, state: str) -> Intention:
    """A code that was handed in, with what the number showed afterwards."""
    return line(position, operation=Operation.VERIFY_CODE, subject=NUMBER, result={"state": state})


def test_tries() -> None:
    """Codes count until a block that staff have released.

    One that was withdrawn never left and does not count.
    """
    codes = [
        code(0, "proof failed"),
        code(1, "proof failed"),
        code(2, "blocked"),
        code(3, "proof failed"),
    ]
    withdrawn = line(
        4,
        IntentionState.REFUSED,
        operation=Operation.VERIFY_CODE,
        subject=NUMBER,
        reason="it was never sent; ask again",
    )
    assert (1, 4) == (
        count_tries([*codes, withdrawn], is_blocked=False),
        count_tries(codes, is_blocked=True),
    )
    assert 2 == count_tries(codes[:2], is_blocked=False)
