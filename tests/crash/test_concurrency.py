"""Eight real processes at once, on SQLite and on Postgres.

One purchase of one reference, and one cap for all references of a day.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal

import pytest
from support.counts import count
from support.scenes import ASKED, COMPLETE, Scene, ending

# The first of these tests waits for the Prefect server as well.
pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

PROCESSES = 8


def test_eight_processes_with_one_reference_make_one_purchase(
    make_scene: Callable[..., Scene], both_journals: str
) -> None:
    """Each ends with the report of the same three numbers, and three rents in all reached the
    vendor.
    """
    scene = make_scene(journal_url=both_journals)
    runs = [scene.start() for _ in range(PROCESSES)]
    endings = [run.wait() for run in runs]
    count("concurrent processes", PROCESSES)
    assert [COMPLETE] * PROCESSES == [ending(scene, ended) for ended in endings]
    assert 1 == len({ended.report.phone_numbers for ended in endings if ended.report})
    assert ASKED == len(scene.rents_sent())


def test_eight_references_share_the_cap_of_the_day(
    make_scene: Callable[..., Scene], both_journals: str
) -> None:
    """Three purchases fit under the cap, whoever is first.

    The others are refused, say why, and cost nothing.
    """
    cap = Decimal(
        "10.00"
    )  # a number costs 1.00 today, so that three times three fit and no fourth purchase does
    scene = make_scene(journal_url=both_journals, max_today=str(cap))
    runs = [scene.start(reference=f"PO-{number}") for number in range(PROCESSES)]
    endings = [run.wait() for run in runs]
    count("concurrent processes", PROCESSES)
    charged = sum((Decimal(charge["amount"]) for charge in scene.simulator.charges()), Decimal(0))
    assert (9, True) == (scene.simulator.rentals(), charged <= cap)
    assert [0] * 3 + [3] * (PROCESSES - 3) == sorted(ended.code for ended in endings)
    told = sorted(
        number for ended in endings if ended.report for number in ended.report.phone_numbers
    )
    assert (
        sorted(
            charge["phone_number"]
            for charge in scene.simulator.charges()
            if charge["kind"] == "setup"
        )
        == told
    )
    refused = [ended.report.reason for ended in endings if ended.code == 3 and ended.report]
    assert [] == [reason for reason in refused if f"cap of {cap} USD for today" not in reason]
    assert [] == scene.unwritten()


def test_a_run_that_looks_while_its_twin_rents(scene: Scene) -> None:
    """A run is held while it checks that its named numbers are for sale.

    Another run of its reference rents them. They are its own, not sold to somebody else.
    """
    stock = scene.simulator.world.shelf.of_kind(("US", "LOCAL"))
    named = [number.phone_number for number in itertools.islice(stock, ASKED)]
    scene.simulator.faults.add(
        {"fault": "hold_before", "operation": "check", "nth": 1, "hold_s": 300}
    )
    held = scene.start(phone_numbers=named)
    scene.held(held)
    assert COMPLETE == ending(scene, scene.run(phone_numbers=named))
    scene.simulator.holds.release_all()
    assert COMPLETE == ending(scene, held.wait())
    assert ASKED == len(scene.rents_sent())
