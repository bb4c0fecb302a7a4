"""Kill -9 of real runs of order-numbers and emergency-address at every HTTP boundary and after
every write, then the same command again.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from typing import Any

import pytest
from support.counts import count
from support.orders import BUSINESS_REGISTRATION as EXTRACT
from support.orders import MARKS, REFERENCE, Cabinet, submissions
from support.runs import Ended
from support.scenes import Scene

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

KILLED = -signal.SIGKILL
# What an order sends when nothing goes wrong; the calm test below notices when a boundary is added.
ORDER = (
    "token",
    "lookup_requirements",
    "search",
    "create_order",
    "get_order",
    "update_registration",
    "upload_attachment",
    "get_registration",
    "get_order",
    "submit_order",
)
# Every write to the journal on the way, and how often it is made.
WRITES = {"open_purchase": 1, "plan": 2, "begin": 2, "record": 2, "follow": 1, "note_order": 3}
REPLY_READ = "numberflow.client.protocol:decipher"
PAPER = {
    "displayName": MARKS[2],
    "streetNumber": "12",
    "streetInfo": "Lenox Rd NE",
    "city": "Atlanta",
    "state": "GA",
    "postalCode": "30324",
}

BOUNDARIES = [
    pytest.param(nth, operation, id=f"{nth}-{operation}") for nth, operation in enumerate(ORDER, 1)
]


@pytest.fixture
def order(scene: Scene) -> dict[str, Any]:
    """Parameters of one AU MOBILE order whose papers lie on disk."""
    scene.simulator.switches.set("attachment_processing_s", 0)
    cabinet = Cabinet(scene.folder / "papers")
    return {
        "region_code": "AU",
        "number_type": "MOBILE",
        "max_today": "500",
        "max_monthly": "500",
        "reference": REFERENCE,
        "kyc": cabinet.kyc.name,
        "attachments": {EXTRACT: cabinet.extract.name},
    }


def ending(scene: Scene, ended: Ended) -> tuple[int, str, int, int, list[str]]:
    """Exit code, the vendor's state, orders opened, times handed in, and what must not be.

    A traceback, a marked text in journal or output.
    """
    assert ended.out.strip().startswith("{"), ended.told[-3000:]
    report = json.loads(ended.out)
    wrong = ["a traceback where a sentence is due"] if "Traceback" in ended.told else []
    kept = b"".join(
        path.read_bytes()
        for path in scene.folder.rglob("*")
        if path.is_file() and path.parent.name != "papers"
    )
    wrong += [f"{mark} is kept" for mark in MARKS if mark.encode() in kept]
    return (
        ended.code,
        report["state"],
        len(scene.simulator.orders()),
        sum(submissions(scene.simulator).values()),
        wrong,
    )


COMPLETE = (0, "IN_REVIEW", 1, 1, [])


def run(scene: Scene, order: Mapping[str, Any]) -> Ended:
    """The same command again, to its end."""
    return scene.start_flow("order-numbers", order).wait()


def test_every_boundary_of_an_order_is_a_kill_point(scene: Scene, order: dict[str, Any]) -> None:
    """A run in which nothing goes wrong sends exactly the requests at which the tests below kill,
    and writes as often as they say.
    """
    assert COMPLETE == ending(scene, run(scene, order))
    assert list(ORDER) == scene.operations()
    for call, times in WRITES.items():
        fate = {"after": f"numberflow.journal:Journal.{call}", "nth": times + 1}
        assert (
            0
            == scene.start_flow("order-numbers", order | {"reference": f"calm-{call}"}, fate)
            .wait()
            .code
        ), call


@pytest.mark.parametrize("hold", ["hold_before", "hold_after"])
@pytest.mark.parametrize(("nth", "operation"), BOUNDARIES)
def test_killed_while_a_request_is_under_way(
    scene: Scene, order: dict[str, Any], nth: int, operation: str, hold: str
) -> None:
    """Killed before or after a request takes effect, its reply never heard.

    The next run hands in one order, once.
    """
    scene.simulator.faults.add({"fault": hold, "nth": nth})
    dying = scene.start_flow("order-numbers", order)
    assert operation == scene.held(dying)["operation"]
    scene.kill_while_held(dying)
    assert KILLED == dying.wait().code
    count("kill points")
    ended = run(scene, order)
    if (operation, hold) == ("create_order", "hold_after"):
        # Nobody can find an order whose id was in the lost reply: a person copies it from the
        # dashboard.
        assert (4, "", 1, 0, []) == ending(scene, ended)
        settle(scene, ended, scene.simulator.orders()[0]["order_id"])
        ended = run(scene, order)
    assert COMPLETE == ending(scene, ended)


@pytest.mark.parametrize(
    ("nth", "operation"),
    [case for case in BOUNDARIES if case.values[1] in ("create_order", "submit_order")],
)
def test_killed_and_the_request_takes_effect_afterwards(
    scene: Scene, order: dict[str, Any], nth: int, operation: str
) -> None:
    """A costly request whose sender is dead before it takes effect, and which does so all the same,
    is not sent again.
    """
    scene.simulator.faults.add({"fault": "hold_before", "nth": nth, "commit_on_disconnect": True})
    dying = scene.start_flow("order-numbers", order)
    scene.kill_while_held(dying)
    count("kill points")
    ended = run(scene, order)
    if operation == "create_order":
        settle(scene, ended, scene.simulator.orders()[0]["order_id"])
        ended = run(scene, order)
    assert COMPLETE == ending(scene, ended)


# The reply was read and nothing was written: for the journal the same as a reply that was never
# heard, which the tests above have.
@pytest.mark.exhaustive
@pytest.mark.parametrize(("nth", "operation"), [case for case in BOUNDARIES if case.values[0] > 1])
def test_killed_right_after_a_reply(
    scene: Scene, order: dict[str, Any], nth: int, operation: str
) -> None:
    """Killed when the reply was read and nothing was written yet."""
    assert (
        KILLED
        == scene.start_flow("order-numbers", order, {"after": REPLY_READ, "nth": nth}).wait().code
    )
    count("kill points")
    assert operation == scene.operations()[-1]
    ended = run(scene, order)
    if operation == "create_order":
        settle(scene, ended, scene.simulator.orders()[0]["order_id"])
        ended = run(scene, order)
    assert COMPLETE == ending(scene, ended)


@pytest.mark.parametrize(
    ("call", "nth"), [(call, nth) for call, times in WRITES.items() for nth in range(1, times + 1)]
)
def test_killed_right_after_a_write(
    scene: Scene, order: dict[str, Any], call: str, nth: int
) -> None:
    """Killed when a write to the journal was committed and nothing followed yet."""
    fate = {"after": f"numberflow.journal:Journal.{call}", "nth": nth}
    assert KILLED == scene.start_flow("order-numbers", order, fate).wait().code
    count("kill points")
    assert COMPLETE == ending(scene, run(scene, order))


def test_a_run_that_looks_while_its_twin_orders(scene: Scene, order: dict[str, Any]) -> None:
    """A run is held while it looks for its named number.

    Another run of its reference orders the number. It is its own, not sold to somebody else.
    """
    order["phone_number"] = next(scene.simulator.world.shelf.of_kind(("AU", "MOBILE"))).phone_number
    scene.simulator.faults.add(
        {"fault": "hold_before", "operation": "check", "nth": 1, "hold_s": 300}
    )
    held = scene.start_flow("order-numbers", order)
    scene.held(held)
    assert COMPLETE == ending(scene, run(scene, order))
    scene.simulator.holds.release_all()
    assert COMPLETE == ending(scene, held.wait())


def settle(scene: Scene, ended: Ended, order_id: str) -> None:
    """Do what a person does with the command of the report."""
    (item,) = json.loads(ended.out)["open_items"]
    assert f"numberflow journal settle {item['intention_id']} --as done" in item["command"]
    verdict = ("--as", "done", "--by", "Ada", "--note", "the dashboard has it", "--order", order_id)
    assert 0 == scene.command("journal", "settle", item["intention_id"], *verdict).code


# ---- emergency addresses


@pytest.mark.parametrize("hold", ["hold_before", "hold_after"])
@pytest.mark.parametrize("action", ["provision", "deprovision"])
def test_killed_while_an_address_changes(scene: Scene, action: str, hold: str) -> None:
    """Killed before or after the change takes effect.

    The next run leaves the number as wished, at one change each.
    """
    scene.simulator.switches.set("emergency_feature", True)
    scene.simulator.world.add_held(20)
    number = next(
        each["phone_number"]
        for each in scene.simulator.emergency_coverage()
        if each["region_code"] == "US"
    )
    paper = scene.folder / "papers" / "address.json"
    paper.parent.mkdir()
    paper.write_text(json.dumps(PAPER))
    provision = {
        "action": "provision",
        "phone_numbers": [number],
        "address": paper.name,
        "reference": "EM-1",
    }
    wish = (
        provision
        if action == "provision"
        else {"action": "deprovision", "phone_numbers": [number], "reference": "EM-2"}
    )
    if action == "deprovision":
        assert 0 == scene.start_flow("emergency-address", provision).wait().code
    operation = f"{action}_emergency_address"
    scene.simulator.faults.add({"fault": hold, "operation": operation})
    dying = scene.start_flow("emergency-address", wish)
    assert operation == scene.held(dying)["operation"]
    scene.kill_while_held(dying)
    assert KILLED == dying.wait().code
    count("kill points")
    ended = scene.start_flow("emergency-address", wish).wait()
    assert (0, False) == (ended.code, "Traceback" in ended.told), ended.told[-3000:]
    has = {each["phone_number"]: each["address"] for each in scene.simulator.emergency_coverage()}
    committed = [
        each
        for each in scene.simulator.requests()
        if each["operation"] == operation and each["committed"]
    ]
    assert (action == "provision", 1) == (has[number], len(committed))
    kept = b"".join(
        path.read_bytes()
        for path in scene.folder.rglob("*")
        if path.is_file() and path.parent.name != "papers"
    )
    assert MARKS[2].encode() not in kept
