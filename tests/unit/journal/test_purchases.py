"""Purchases: one per reference, whoever asks how often."""

from datetime import date
from decimal import Decimal

import pytest
from support.journals import (
    PROJECT,
    new_purchase,
    plan,
    planned,
    release_line,
    rent_line,
    run_step,
    take,
)

from numberflow.errors import (
    BadInput,
    IllegalTransition,
    LeaseLost,
    NumberClaimed,
    ReferenceConflict,
)
from numberflow.journal import Finding, IntentionState, Journal, NewIntention
from numberflow.journal.entries import AttemptEnd, Observation, Outcome
from numberflow.journal.transitions import Event


def test_the_same_reference_opens_the_same_purchase(journal: Journal) -> None:
    """A second opening returns the first purchase, with what was saved for it."""
    first = journal.open_purchase(new_purchase(quantity=1))
    journal.save_quote(first.id, {"total": Decimal("3.00"), "until": date(2026, 11, 23)})
    journal.save_approval(first.id, {"by": "Ada"})
    journal.save_before(first.id, ["+12025550100"])
    again = journal.open_purchase(new_purchase(quantity=1))
    assert first.id == again.id
    assert again.quote == {"total": "3.00", "until": "2026-11-23"}
    assert again.approval == {"by": "Ada"}
    assert again.before == ["+12025550100"]


def test_other_parameters_under_the_same_reference_are_refused(journal: Journal) -> None:
    """The conflict shows each parameter that differs, before and now."""
    journal.open_purchase(new_purchase(quantity=1, region_code="US"))
    with pytest.raises(ReferenceConflict) as caught:
        journal.open_purchase(new_purchase(quantity=2, region_code="US"))
    assert dict(caught.value.differences) == {"quantity": (1, 2)}
    assert "quantity was 1, now 2" in str(caught.value)


@pytest.mark.parametrize("twin", ["po-1", "PO-１"])
def test_a_reference_that_differs_by_form_only_is_refused(journal: Journal, twin: str) -> None:
    """The conflict shows the existing spelling."""
    journal.open_purchase(new_purchase("PO-1"))
    with pytest.raises(ReferenceConflict, match="'PO-1'") as caught:
        journal.open_purchase(new_purchase(twin))
    assert "PO-1" == caught.value.reference


def test_references_of_two_projects_do_not_meet(journal: Journal) -> None:
    """Each project has its own references."""
    mine = journal.open_purchase(new_purchase(project="a"))
    theirs = journal.open_purchase(new_purchase(project="b", quantity=9))
    assert mine.id != theirs.id
    assert mine == journal.find_purchase("a", "PO-1")
    assert None is journal.find_purchase("c", "PO-1")


@pytest.mark.parametrize("reference", ["", " PO-1", "PO-1\n", "a\x00b", "x" * 201, "\ud800"])
def test_a_reference_that_cannot_be_kept_is_bad_input(journal: Journal, reference: str) -> None:
    """Nothing reaches the database."""
    with pytest.raises(BadInput) as caught:
        journal.open_purchase(new_purchase(reference))
    assert "reference" == caught.value.field


def test_the_longest_reference_is_kept(journal: Journal) -> None:
    """Even when each character folds to several (Postgres indexes at most 2,704 bytes)."""
    longest = "\ufb03" * 200
    assert longest == journal.open_purchase(new_purchase(longest)).reference


def test_planning_twice_plans_once(journal: Journal) -> None:
    """A line with a subject that the purchase already has comes back instead of being planned
    again.
    """
    purchase = journal.open_purchase(new_purchase())
    lease = take(journal, purchase.resource)
    (first,) = plan(journal, lease, purchase, rent_line())
    again = plan(journal, lease, purchase, rent_line(), rent_line("+12025550102"))
    assert first.id == again[0].id
    assert [0, 1] == [
        intention.position for intention in journal.intentions(purchase_id=purchase.id)
    ]


def test_planning_needs_the_lease_of_this_purchase(journal: Journal) -> None:
    """Another lease, or one that was taken over, plans nothing."""
    purchase = journal.open_purchase(new_purchase())
    other = take(journal, "purchase/other")
    with pytest.raises(LeaseLost):
        plan(journal, other, purchase, rent_line())
    mine = take(journal, purchase.resource)
    journal.give_back_leases((mine,))
    take(journal, purchase.resource, "somebody else")
    with pytest.raises(LeaseLost):
        plan(journal, mine, purchase, rent_line())
    assert () == journal.intentions(project_id=PROJECT)


def test_a_number_is_rented_by_one_intention_only(journal: Journal) -> None:
    """The second purchase is told who holds it, and none of its lines is planned."""
    (holder,) = planned(journal, reference="PO-1")
    with pytest.raises(NumberClaimed) as caught:
        planned(journal, rent_line("+12025550199"), rent_line(), reference="PO-2")
    assert (holder.id, holder.subject) == (caught.value.intention_id, caught.value.phone_number)
    assert () == journal.intentions(reference="PO-2")


def test_a_withdrawn_rent_gives_its_number_back(journal: Journal) -> None:
    """Nothing was sent, so number and budget are free again."""
    (first,) = planned(journal, reference="PO-1")
    lease = take(journal, first.purchase_resource)
    withdrawn = journal.withdraw(first.id, lease, "quote refused")
    assert (withdrawn.state, withdrawn.reason) == (IntentionState.REFUSED, "quote refused")
    assert {} == dict(journal.spent(PROJECT, first.spend_day).totals)
    (second,) = planned(journal, reference="PO-2")
    assert first.subject == second.subject


@pytest.mark.anyio
async def test_a_released_number_can_be_rented_again(journal: Journal) -> None:
    """While the rent is done the number stays claimed; the finished release frees it."""
    from support.journals import Vendor

    vendor = Vendor()
    (rent,) = planned(journal, reference="PO-1")
    await run_step(journal, rent, vendor.rent, vendor.look)
    with pytest.raises(NumberClaimed):
        planned(journal, reference="PO-2")
    (release,) = planned(journal, release_line(), reference="RELEASE-1")
    done = await run_step(journal, release, Vendor().rent, vendor.look)
    assert IntentionState.DONE == done.state
    (again,) = planned(journal, reference="PO-2")
    assert IntentionState.PLANNED == again.state


def test_only_a_held_intention_can_be_written(journal: Journal) -> None:
    """Begin and record refuse without the leases of purchase and number.

    A fence that moved on refuses too.
    """
    (intention,) = planned(journal)
    purchase_lease = take(journal, intention.purchase_resource)
    with pytest.raises(LeaseLost):
        journal.begin(intention.id, leases=(purchase_lease,))
    number_lease = take(journal, intention.resource)
    journal.begin(intention.id, leases=(purchase_lease, number_lease))
    journal.give_back_leases((number_lease,))
    newer = take(journal, intention.resource)
    with pytest.raises(LeaseLost):
        journal.record(intention.id, leases=(purchase_lease, number_lease), events=(Event.CONFIRM,))
    assert number_lease.fence < newer.fence
    assert IntentionState.SENDING == journal.history(intention.id).intention.state


def _needs_person(journal: Journal) -> str:
    (intention,) = planned(journal)
    leases = (take(journal, intention.purchase_resource), take(journal, intention.resource))
    journal.begin(intention.id, leases=leases)
    lost = AttemptEnd(Outcome.UNKNOWN)
    journal.record(
        intention.id,
        leases=leases,
        events=(Event.LOSE, Event.ESCALATE),
        attempt=lost,
        reason="unclear",
    )
    journal.give_back_leases(leases)
    return intention.id


@pytest.mark.parametrize(
    ("verdict", "finding"), [("done", "applied"), ("refused", "absent"), ("planned", "absent")]
)
def test_a_person_settles_what_needs_one(journal: Journal, verdict: str, finding: str) -> None:
    """The verdict, who gave it and why are kept; a unique prefix names the intention."""
    intention_id = _needs_person(journal)
    settled = journal.settle_by_person(intention_id[:6], verdict, "Ada", "seen in the dashboard")  # type: ignore[arg-type]
    history = journal.history(intention_id)
    assert verdict == settled.state
    assert (Finding(finding), "decided by Ada: seen in the dashboard") == (
        history.evidence[-1].finding,
        history.evidence[-1].note,
    )


def test_a_person_names_the_number_that_the_vendor_chose(journal: Journal) -> None:
    """A rent_any that is settled as done, with its number, holds that number from then on."""
    price = rent_line()
    any_line = NewIntention(
        "rent_any", None, "any", {}, price.setup_amount, price.monthly_amount, "USD"
    )
    (intention,) = planned(journal, any_line)
    leases = (take(journal, intention.purchase_resource), take(journal, intention.resource))
    journal.begin(intention.id, leases=leases)
    journal.record(intention.id, leases=leases, events=(Event.LOSE, Event.ESCALATE))
    journal.give_back_leases(leases)
    settled = journal.settle_by_person(
        intention.id, "done", "Ada", "seen", {"phone_number": price.subject}
    )
    assert price.subject == settled.subject
    with pytest.raises(NumberClaimed):
        planned(journal, price, reference="PO-2")


def test_a_person_is_kept_out_while_a_process_works(journal: Journal) -> None:
    """A verdict must not cross a running look.

    It needs a name, a note and a case that is a person's.
    """
    intention_id = _needs_person(journal)
    lease = take(journal, journal.history(intention_id).intention.purchase_resource)
    with pytest.raises(LeaseLost, match="being worked on"):
        journal.settle_by_person(intention_id, "done", "Ada", "seen")
    journal.give_back_leases((lease,))
    for bad in [("maybe", "Ada", "seen"), ("done", " ", "seen"), ("done", "Ada", "")]:
        with pytest.raises(BadInput):
            journal.settle_by_person(intention_id, *bad)  # type: ignore[arg-type]
    journal.settle_by_person(intention_id, "refused", "Ada", "seen")
    with pytest.raises(IllegalTransition):
        journal.settle_by_person(intention_id, "done", "Ada", "seen")


def test_identical_looks_in_a_row_are_one_entry(journal: Journal) -> None:
    """A thousand equal looks do not make a thousand rows; a different one starts a new entry."""
    (intention,) = planned(journal)
    leases = (take(journal, intention.purchase_resource), take(journal, intention.resource))
    for status in (404, 404, 404, 200, 404):
        journal.record(
            intention.id,
            leases=leases,
            observation=Observation(Finding.ABSENT, "gone", {"status": status}),
        )
    assert [3, 1, 1] == [entry.times for entry in journal.history(intention.id).evidence]


def test_history_of_nothing_or_of_several_is_bad_input(journal: Journal) -> None:
    """An id that names no intention, or an empty one, is refused with the fix."""
    planned(journal)
    for prefix in ("", "zz", "%"):
        with pytest.raises(BadInput) as caught:
            journal.history(prefix)
        assert "intention id" == caught.value.field


def test_an_unknown_operation_is_bad_input(journal: Journal) -> None:
    """Only costly steps that the journal knows can be planned."""
    purchase = journal.open_purchase(new_purchase())
    lease = take(journal, purchase.resource)
    with pytest.raises(BadInput):
        plan(journal, lease, purchase, NewIntention("steal", None, "f"))
    with pytest.raises(BadInput):
        plan(
            journal,
            lease,
            purchase,
            NewIntention("rent", None, "f", {}, Decimal(0), Decimal(0), "USD"),
        )
    assert () == journal.intentions(project_id=PROJECT)


def test_intentions_are_filtered_by_all_that_is_given(journal: Journal) -> None:
    """Each filter narrows; the order is the order of planning."""
    one, two = planned(journal, rent_line("+1"), rent_line("+2"), reference="PO-1")
    (three,) = planned(journal, release_line("+3"), reference="PO-2")
    assert [one.id, two.id] == [i.id for i in journal.intentions(reference="PO-1")]
    assert [three.id] == [
        i.id for i in journal.intentions(operation="release", states=[IntentionState.PLANNED])
    ]
    assert [two.id] == [i.id for i in journal.intentions(subject="+2")]
    assert () == journal.intentions(states=[IntentionState.DONE])
    assert 2 == len(journal.intentions(project_id=PROJECT, limit=2))
    assert (one, two) == journal.intentions(purchase_id=one.purchase_id)
    assert [three.id, two.id] == [i.id for i in journal.intentions(limit=2, newest_first=True)]


def test_check_writes_and_reads(journal: Journal) -> None:
    """The doctor's probe leaves nothing behind and can be repeated."""
    journal.check()
    journal.check()
