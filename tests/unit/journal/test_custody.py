"""What people say of numbers is kept, costs nothing, and never gets in the way of an open step."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from support.journals import (
    NUMBER,
    PROJECT,
    Vendor,
    new_purchase,
    plan,
    planned,
    rent_line,
    run_step,
    take,
)

from numberflow.errors import BadInput, NumberClaimed
from numberflow.journal import IntentionState, Journal, Said

pytestmark = pytest.mark.anyio

OTHER = "+12025550199"


def adopt(journal: Journal, *numbers: str, reference: str | None = None) -> None:
    """Take numbers in as ann does."""
    seen = {"monthly": "2.00", "currency": "USD"}
    journal.say(PROJECT, Said.ADOPTED, dict.fromkeys(numbers, seen), by="ann", reference=reference)


def test_the_last_word_counts(journal: Journal) -> None:
    """Adopted, moved to a reference, undone: each stays written down, the last one is told."""
    adopt(journal, NUMBER, OTHER)
    adopt(journal, NUMBER, reference="PO-7")
    known = journal.custody(PROJECT)
    assert {NUMBER: ("PO-7", "ann"), OTHER: (None, "ann")} == {
        number: (each.reference, each.by) for number, each in known.items()
    }
    assert {"monthly": "2.00", "currency": "USD"} == known[NUMBER].seen
    journal.say(PROJECT, Said.UNDONE, {NUMBER: {}}, by="bob")
    assert [OTHER] == list(journal.custody(PROJECT))
    assert {} == journal.custody("another-project")


def test_an_adoption_costs_nothing(journal: Journal) -> None:
    """No intention, and nothing that a cap counts."""
    adopt(journal, NUMBER)
    today = datetime.now(UTC).date()
    assert ((), {}) == (journal.intentions(), dict(journal.spent(PROJECT, today).totals))


async def test_what_a_rent_holds_cannot_be_adopted(journal: Journal) -> None:
    """Of several numbers none is taken in when a rent has one."""
    (line,) = planned(journal)
    vendor = Vendor()
    await run_step(journal, line, vendor.rent, vendor.look)
    with pytest.raises(NumberClaimed, match="PO-1"):
        adopt(journal, OTHER, NUMBER)
    assert {} == journal.custody(PROJECT)


@pytest.mark.parametrize("said", [Said.ADOPTED, Said.GONE])
def test_an_open_step_comes_first(journal: Journal, said: Said) -> None:
    """While it is not known what becomes of a rent, nobody can say whose the number is."""
    planned(journal)
    with pytest.raises(BadInput, match="has to be known first"):
        journal.say(PROJECT, said, {NUMBER: {}}, by="ann")
    assert ({}, [NUMBER]) == (journal.custody(PROJECT), list(journal.claims(PROJECT)))


async def test_a_number_that_is_gone_can_be_rented_again(journal: Journal) -> None:
    """The finished rent keeps its row and its cost, and claims the number no more."""
    (line,) = planned(journal)
    vendor = Vendor()
    await run_step(journal, line, vendor.rent, vendor.look)
    journal.say(PROJECT, Said.GONE, {NUMBER: {}}, by="ann")
    kept = journal.history(line.id).intention
    assert (IntentionState.DONE, Decimal("3.00")) == (kept.state, kept.due_amount)
    assert {} == journal.claims(PROJECT)
    again = journal.open_purchase(new_purchase("PO-2"))
    lease = take(journal, again.resource)
    (other,) = plan(journal, lease, again, rent_line())
    assert {NUMBER: other.id} == journal.claims(PROJECT)


def test_somebody_has_to_say_it(journal: Journal) -> None:
    """A row without a name helps nobody."""
    with pytest.raises(BadInput, match="by"):
        journal.say(PROJECT, Said.ADOPTED, {NUMBER: {}}, by=" ")
