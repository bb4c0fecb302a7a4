"""Kill -9 of a real run at every HTTP boundary and after every write to the journal, then the same
command again: three charges.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from support.counts import count
from support.runs import Run, until
from support.scenes import ASKED, COMPLETE, Scene, ending

from numberflow.journal import IntentionState, Journal

# The first of these tests waits for the Prefect server as well.
pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

KILLED = -signal.SIGKILL
# What a purchase of three numbers sends when nothing goes wrong; the calm tests below notice when a
# boundary is added.
CHOSEN = ("token", "search", "rent", "rent", "rent", "get_active", "get_active", "get_active")
ANY = (
    "token",
    "search",
    "list_active",
    "rent_any",
    "rent_any",
    "rent_any",
    "get_active",
    "get_active",
    "get_active",
)
# Every write to the journal on the way, and how often it is made.
WRITES = {"open_purchase": 1, "plan": 1, "begin": ASKED, "record": ASKED}

# Replies are read whole before this is called, and nothing is written before it returned.
REPLY_READ = "numberflow.client.protocol:decipher"


def boundaries(operations: tuple[str, ...], only: str = "") -> list[object]:
    """One parameter set for each request.

    Its place among all requests, counted from 1, and its operation.
    """
    return [
        pytest.param(nth, operation, id=f"{nth}-{operation}")
        for nth, operation in enumerate(operations, 1)
        if operation.startswith(only)
    ]


@pytest.mark.parametrize(("strategy", "expected"), [("chosen", CHOSEN), ("any", ANY)])
def test_every_boundary_of_a_purchase_is_a_kill_point(
    scene: Scene, strategy: str, expected: tuple[str, ...]
) -> None:
    """When nothing goes wrong, a run sends exactly the requests at which the tests below kill."""
    assert COMPLETE == ending(scene, scene.run(strategy=strategy))
    assert list(expected) == scene.operations()


def test_every_write_of_a_purchase_is_a_kill_point(scene: Scene) -> None:
    """A run has no second write to plan and no fourth to begin or record.

    Whoever waits to die there lives.
    """
    for call, times in WRITES.items():
        fate = {"after": f"numberflow.journal:Journal.{call}", "nth": times + 1}
        assert 0 == scene.run(fate, reference=f"calm-{call}").code


@pytest.mark.parametrize("hold", ["hold_before", "hold_after"])
@pytest.mark.parametrize(("nth", "operation"), boundaries(CHOSEN))
def test_killed_while_a_request_is_under_way(
    scene: Scene, nth: int, operation: str, hold: str
) -> None:
    """Killed before or after a request takes effect, its reply never heard.

    The next run completes the purchase, at three charges.
    """
    _kill_while_held(scene, {"fault": hold, "nth": nth}, operation)
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.parametrize(("nth", "operation"), boundaries(CHOSEN, "rent"))
def test_killed_and_the_request_takes_effect_afterwards(
    scene: Scene, nth: int, operation: str
) -> None:
    """A request whose sender is dead before it takes effect, and which does so all the same, is
    found by the next run.
    """
    _kill_while_held(
        scene, {"fault": "hold_before", "nth": nth, "commit_on_disconnect": True}, operation
    )
    path = _struck(scene, "hold_before")["path"]
    until(
        lambda: any(charge["phone_number"] in path for charge in scene.simulator.charges()),
        "the rent takes effect",
    )
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.parametrize(("nth", "operation"), boundaries(CHOSEN))
def test_killed_right_after_a_reply(scene: Scene, nth: int, operation: str) -> None:
    """Killed when the reply was read and nothing was written yet.

    The next run completes the purchase, at three charges.
    """
    _die(scene, {"after": REPLY_READ, "nth": nth})
    assert operation in scene.operations()
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.parametrize(
    ("call", "nth"), [(call, nth) for call, times in WRITES.items() for nth in range(1, times + 1)]
)
def test_killed_right_after_a_write(scene: Scene, call: str, nth: int) -> None:
    """Killed when a write to the journal was committed and nothing followed yet.

    The next run completes the purchase, and the audit is whole before and after it.
    """
    _die(scene, {"after": f"numberflow.journal:Journal.{call}", "nth": nth})
    for run in (lambda: COMPLETE, lambda: ending(scene, scene.run())):
        assert COMPLETE == run()
        with Journal.open(scene.journal_url) as journal:
            verified = journal.verify_audit()
        assert (True, ()) == (verified.rows > 1, verified.problems)


@pytest.mark.parametrize(("nth", "operation"), boundaries(ANY, "rent_any"))
def test_killed_after_the_vendor_picked(
    make_scene: Callable[..., Scene], nth: int, operation: str
) -> None:
    """Killed while the reply that names the number is under way.

    The next run knows the number by its mark.
    """
    scene = make_scene(strategy="any")
    _kill_while_held(scene, {"fault": "hold_after", "nth": nth}, operation)
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.parametrize(("nth", "operation"), boundaries(ANY, "rent_any"))
def test_killed_before_the_vendor_picks(
    make_scene: Callable[..., Scene], nth: int, operation: str
) -> None:
    """Nobody can prove that a number without a name was not rented.

    The next run asks a person, and completes on that person's word.
    """
    scene = make_scene(strategy="any")
    _kill_while_held(scene, {"fault": "hold_before", "nth": nth}, operation)
    ended = scene.run()
    assert (4, ASKED - 1, []) == ending(scene, ended)
    assert ended.report is not None
    (item,) = ended.report.open_items
    verdict = ("--as", "planned", "--by", "Ada", "--note", "the invoice does not show it")
    assert 0 == scene.command("journal", "settle", item.intention_id, *verdict).code
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.parametrize(("nth", "operation"), boundaries(ANY, "rent_any"))
def test_killed_right_after_the_vendor_picked(
    make_scene: Callable[..., Scene], nth: int, operation: str
) -> None:
    """The reply named the number, and the process died with that name."""
    scene = make_scene(strategy="any")
    _die(scene, {"after": REPLY_READ, "nth": nth})
    assert operation == scene.operations()[-1]
    assert COMPLETE == ending(scene, scene.run())


def test_killed_between_writing_down_a_replacement_and_renting_it(scene: Scene) -> None:
    """A rival took a number; the replacement that was written down before the kill is the one that
    is rented after it.
    """
    scene.simulator.faults.add({"fault": "rival", "operation": "rent", "nth": 2})
    _die(scene, {"after": "numberflow.journal:Journal.plan", "nth": 2})
    planned = [row.subject for row in scene.intentions() if row.state is IntentionState.PLANNED]
    assert (1, ASKED - 1) == (len(planned), scene.simulator.rentals())
    ended = scene.run()
    assert COMPLETE == ending(scene, ended)
    assert ended.report is not None
    assert planned[0] in ended.report.phone_numbers


# That the two sides of an effect are told apart is said above, of processes that start quicker.
@pytest.mark.parametrize(
    "hold", [pytest.param("hold_before", marks=pytest.mark.exhaustive), "hold_after"]
)
def test_killed_and_started_again_from_the_command_line(scene: Scene, hold: str) -> None:
    """Two interpreters of their own, as a user starts them.

    The first is killed at its second rent, the second completes the purchase.
    """
    scene.simulator.faults.add({"fault": hold, "operation": "rent", "nth": 2})
    run = scene.start(fresh=True)
    scene.kill_while_held(run)
    assert KILLED == run.wait().code
    count("kill points")
    assert COMPLETE == ending(scene, scene.start(fresh=True).wait())


def _kill_while_held(scene: Scene, rule: dict[str, object], operation: str) -> None:
    scene.simulator.faults.add(rule)
    run: Run = scene.start()
    assert operation == scene.held(run)["operation"]
    scene.kill_while_held(run)
    assert KILLED == run.wait().code
    count("kill points")


def _die(scene: Scene, fate: dict[str, object]) -> None:
    assert KILLED == scene.run(fate).code
    count("kill points")


def _struck(scene: Scene, fault: str) -> dict[str, Any]:
    """The request that met a fault."""
    (request,) = [request for request in scene.simulator.requests() if request["fault"] == fault]
    return request
