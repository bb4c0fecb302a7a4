"""What looks add up to: pure cases, no journal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from numberflow.journal import Event, Finding
from numberflow.journal.settling import pauses_s, settlement

LETTERS = {
    "A": Finding.APPLIED,
    "-": Finding.ABSENT,
    "?": Finding.INCONCLUSIVE,
    ".": Finding.UNSEEN,
}


@pytest.mark.parametrize(
    ("looks", "event"),
    [
        ("A", Event.PROVE_APPLIED),
        ("--A", Event.PROVE_APPLIED),
        ("-----", Event.PROVE_ABSENT),
        ("?----", Event.PROVE_ABSENT),
        ("...--", Event.PROVE_ABSENT),
        ("-...-", Event.PROVE_ABSENT),
        ("....-", None),
        ("?...-", None),
        ("----.", None),
        (".....", None),
        ("????.", None),
        ("????-", None),
        ("----?", Event.ESCALATE),
        ("--?--", Event.ESCALATE),
        ("?????", Event.ESCALATE),
        ("....?", Event.ESCALATE),
    ],
)
def test_looks_lead_to(looks: str, event: Event | None) -> None:
    """Absence takes two undisputed looks, one of them the last.

    A look that failed proves nothing. Whatever it is, people are told why.
    """
    outcome = settlement([LETTERS[letter] for letter in looks])
    assert (event, True) == (outcome.event, bool(outcome.reason))


@given(st.lists(st.sampled_from(Finding), min_size=1, max_size=8))
def test_absence_is_never_proven_by_less_than_two_looks(findings: list[Finding]) -> None:
    """Whatever was seen: proof of absence needs the last look and one before, and no sign of the
    opposite.
    """
    if settlement(findings).event is Event.PROVE_ABSENT:
        assert findings[-1] is Finding.ABSENT
        assert findings.count(Finding.ABSENT) >= 2
        assert Finding.APPLIED not in findings
        assert Finding.INCONCLUSIVE not in findings[findings.index(Finding.ABSENT) :]


@given(st.floats(0, 1e6))
def test_pauses_add_up_to_the_settling_time(settle_s: float) -> None:
    """There are at least two looks, even with no time to settle."""
    pauses = pauses_s(settle_s)
    assert len(pauses) >= 2
    assert min(pauses) >= 0
    assert settle_s == pytest.approx(sum(pauses))


def test_early_looks_and_a_last_one() -> None:
    """At once, at an eighth, a quarter and half of the time, and at its end."""
    assert (0.0, 10.0, 10.0, 20.0, 40.0) == pauses_s(80.0)
