"""Reconcile finds what was planted, and nothing that was not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from support.planted import NOW, PLANTS, READ_AT, World, planted

from numberflow.planning.reconciling.compare import reconcile
from numberflow.planning.reconciling.kinds import Finding, Kind
from numberflow.planning.reconciling.lines import (
    Does,
    JournalSide,
    Line,
    Reference,
    Stand,
    VendorSide,
)

SEEDS = 200


def found(world: World) -> tuple[Finding, ...]:
    """What reconcile says of a world."""
    return reconcile(*world.sides())


def keys(findings: tuple[Finding, ...]) -> Counter[tuple[Kind, str]]:
    """Kind and subject of each."""
    return Counter((each.kind, each.subject) for each in findings)


def mess(seed: int) -> None:
    """Plant a mess and compare what was found with it."""
    world, expected = planted(seed)
    assert Counter(expected) == keys(found(world)), f"seed {seed}"


def test_every_planted_case_is_found_and_none_is_invented() -> None:
    """Two hundred seeds: what was planted is found once each, and a clean number is never named."""
    for seed in range(SEEDS):
        mess(seed)


# Says again what the seeds above say.
@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(10))
def test_many_more_seeds(part: int) -> None:
    """Ten thousand more."""
    for seed in range(SEEDS + 1000 * part, SEEDS + 1000 * (part + 1)):
        mess(seed)


@pytest.mark.parametrize("way", PLANTS)
def test_each_way_alone(way: str) -> None:
    """One spoilt thing brings its own finding and no other."""
    for seed in range(5):
        world = World(seed, 10)
        expected = Counter(PLANTS[way](world))
        assert expected == keys(found(world)), f"seed {seed}"


def test_every_kind_is_planted() -> None:
    """The list of kinds is closed, and so is that of the ways to plant them."""
    world, _ = planted(1, each_least=1)
    assert set(Kind) == {each.kind for each in found(world)}


def test_the_order_of_the_input_means_nothing() -> None:
    """The same two tables in another order give the same findings in the same order."""
    world, _ = planted(7, each_least=1)
    assert found(world) == found(world)
    assert [each.kind for each in found(world)] == sorted(
        (each.kind for each in found(world)), key=list(Kind).index
    )


def test_what_the_journal_did_since_is_not_compared() -> None:
    """A reading is older than what was done after it began: neither loss nor gain is told of it."""
    world = World(3, 0)
    later = READ_AT + timedelta(minutes=10)
    rented, released = world.number(), world.number()
    world.line(rented, "PO-new", at=later)
    world.line(released, "PO-old")
    world.line(released, "PO-rel", operation="release", does=Does.GIVES_UP, at=later)
    world.row(released)
    assert () == found(world)


def test_a_number_that_is_on_its_way_is_left_alone() -> None:
    """A link that is followed, a job that runs, and a release that is being sent."""
    world = World(4, 0)
    linking, running, leaving = (world.number() for _ in range(3))
    for number in (linking, running):
        world.line(number, "PO-1", wants={"service_plan_id": "plan-a", "voice_id": "app-1"})
        world.row(number)
    world.linking.add(linking)
    world.rows[running] |= {
        "sms_provisioning_status": "IN_PROGRESS", "sms_provisioning_service_plan_id": "plan-a",
        "voice_provisioning_status": "WAITING", "voice_provisioning_target_id": "app-1",
    }  # fmt: skip
    world.line(leaving, "PO-2")
    world.line(leaving, "PO-3", does=Does.GIVES_UP, stand=Stand.UNDER_WAY)
    world.row(leaving, expire_at=NOW + timedelta(days=20))
    assert () == found(world)


def test_the_same_state_gives_the_same_words() -> None:
    """A finding is told once: a later look at the same state must say the same."""
    world, _ = planted(11, each_least=1)
    journal, vendor = world.sides()
    later = replace(vendor, read_at=READ_AT + timedelta(minutes=30))
    assert reconcile(journal, vendor) == reconcile(
        replace(journal, now=NOW + timedelta(minutes=30)), later
    )


def test_what_was_asked_last_counts() -> None:
    """Two changes of one link: the later one is what the number is compared with, a release ends
    both.
    """
    world = World(5, 0)
    number = world.number()
    for days, plan in ((9, "plan-a"), (5, "plan-b")):
        world.line(number, f"PO-{plan}", at=READ_AT - timedelta(days=days),
                   wants={"service_plan_id": plan})  # fmt: skip
    world.row(number, sms_service_plan_id="plan-b")
    assert [Kind.CLAIMED_TWICE] == [each.kind for each in found(world)]
    world.line(number, "PO-rel", does=Does.GIVES_UP, at=READ_AT - timedelta(days=2))
    world.line(number, "PO-again", at=READ_AT - timedelta(days=1))
    world.row(number)
    assert () == found(world)


def test_numbers_that_were_not_read_are_not_missed() -> None:
    """A reading without hosted numbers says nothing about them."""
    line = Line("1", "PO-1", "import", Does.GETS, Stand.DONE, "+12025550101",
                READ_AT - timedelta(days=1), is_hosted=True)  # fmt: skip
    journal = JournalSide([line], NOW)
    assert () == reconcile(journal, VendorSide([], READ_AT, NOW, has_hosted=False))
    assert [Kind.IMPORTED_GONE] == [
        each.kind for each in reconcile(journal, VendorSide([], READ_AT, NOW))
    ]


def test_an_attached_number_counts_for_its_reference() -> None:
    """What was bought by hand and put to a purchase's account ends the half-done purchase."""
    world = World(6, 0)
    number, by_hand = world.number(), world.number()
    world.line(number, "PO-1")
    world.row(number)
    world.row(by_hand)
    world.references["PO-1"] = Reference("PO-1", 2)
    assert {Kind.BOUGHT_ELSEWHERE, Kind.HALF_DONE_PURCHASE} == {each.kind for each in found(world)}
    world.adopt(by_hand, reference="PO-1")
    assert () == found(world)


def test_what_was_not_read_is_not_told() -> None:
    """An address that nobody read, and numbers adopted after the reading or not asked for in it."""
    world = World(8, 0)
    addressed, late, hosted = (world.number() for _ in range(3))
    world.line(addressed, "PO-1")
    world.line(addressed, "PO-2", operation="emergency", does=Does.PUTS_ADDRESS)
    world.row(addressed)
    world.adopt(late, at=READ_AT + timedelta(seconds=1))
    world.adopt(hosted, is_hosted=True)
    journal, vendor = world.sides()
    assert () == reconcile(journal, replace(vendor, has_hosted=False))
    assert [(Kind.ADOPTED_GONE, hosted)] == [
        (each.kind, each.subject) for each in reconcile(journal, vendor)
    ]


def test_the_evidence_says_whose_it_is_and_how_much() -> None:
    """Both sides in words, and the reference that accounts for it now."""
    world = World(9, 0)
    adopted, twice, dearer, given, lost = (world.number() for _ in range(5))
    world.adopt(adopted, reference="PO-7")
    world.row(adopted, expire_at=NOW + timedelta(days=20))
    for days, reference in ((5, "PO-1"), (2, "PO-2")):
        world.line(twice, reference, stand=Stand.REFUSED, at=NOW - timedelta(days=days))
    world.row(twice)
    world.line(dearer, "PO-3")
    world.row(dearer, price_amount=Decimal("12.345"), payment_interval_months=3)
    world.line(given, "PO-4", at=NOW - timedelta(days=9))
    world.line(given, "PO-5", does=Does.GIVES_UP, at=NOW - timedelta(days=3))
    world.row(given)
    line = world.line(lost, "PO-6", stand=Stand.UNKNOWN, reason="no reply")
    pays = "2.00 USD a month"
    assert [
        Finding(Kind.ORPHAN, each, journal, pays, reference)
        for each, journal, reference in sorted(
            (
                (twice, "reference 'PO-2' asked for it; its rent counts as refused", "PO-2"),
                (given, "reference 'PO-5' gave it up, and it does not leave", "PO-5"),
            )
        )
    ] + [
        Finding(
            Kind.LOST_REPLY, line.id, f"rent of {lost} may have taken effect", "no reply", "PO-6"
        ),
        Finding(
            Kind.LEAVING_UNASKED, adopted,
            "adopted by ann for 'PO-7'; no step of ours gives it up",
            "it leaves the project on 2026-12-20", "PO-7",
        ),
        Finding(
            Kind.PRICE_RISE, dearer, "2.00 USD a month when it was bought", "4.115 USD a month",
            "PO-3",
        ),
    ] == list(found(world))  # fmt: skip


def test_the_evidence_counts_what_stopped() -> None:
    """Asked, got, attached by hand, and not sent; what a run still works on is left to it."""
    world = World(10, 0)
    numbers = [world.number() for _ in range(6)]
    for number in numbers[:3]:
        world.line(number, "PO-1")
        world.row(number)
    world.adopt(numbers[3], reference="PO-1")
    world.row(numbers[3])
    world.references["PO-1"] = Reference("PO-1", 5)
    for number in numbers[4:]:
        world.line(number, "PO-2", stand=Stand.PLANNED)
    world.references["PO-2"] = Reference("PO-2", 2)
    told = [(each.kind, each.journal) for each in found(world)]
    assert [
        (Kind.HALF_DONE_PURCHASE, "asked for 5, got 4; nobody works on it"),
        (Kind.STOPPED_STEPS, "2 written down and not sent, 0 done; nobody works on it"),
    ] == told
    world.line(world.number(), "PO-1", stand=Stand.UNDER_WAY)
    world.line(world.number(), "PO-2", stand=Stand.DONE, at=NOW - timedelta(minutes=29))
    for name in ("PO-1", "PO-2"):
        assert name not in {each.subject for each in found(world)}
    world.references["PO-2"] = Reference("PO-2", 2, is_known=True)
    assert "PO-2" not in {each.subject for each in found(world)}


def test_what_was_asked_of_a_number_bought_elsewhere() -> None:
    """It is compared, too, until it leaves."""
    world = World(12, 0)
    number = world.number()
    world.ask(number, callback_url="https://a.test")
    world.line(number, "PO-1", operation="emergency", does=Does.PUTS_ADDRESS)
    world.addresses[number] = False
    world.row(number)
    assert {Kind.BOUGHT_ELSEWHERE, Kind.WRONG_CALLBACK_URL, Kind.ADDRESS_MISSING} == {
        each.kind for each in found(world)
    }
    world.row(number, expire_at=NOW + timedelta(days=20))
    assert () == found(world)
