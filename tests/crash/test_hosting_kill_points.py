"""Kill -9 at every HTTP boundary of runs over numbers that live elsewhere, then the same command
again: no order twice, no number in two orders.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr
from support.counts import count
from support.hosting import CAMPAIGN, PLAN, numbers, signer
from support.runs import Ended, Run
from support.scenes import Scene

from numberflow.purchase.hosting.letter import signer_digest
from numberflow.simulator.imported.numbers import PROVISIONING, Change
from numberflow.simulator.imported.steps import Step

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

KILLED = -signal.SIGKILL
REPLY_READ = "numberflow.client.protocol:decipher"
SMS = {"service_plan_id": PLAN, "campaign_id": CAMPAIGN}


@dataclass(frozen=True)
class Command:
    """A run: its deployment, its parameters, and the requests that it sends when nothing goes
    wrong.
    """

    deployment: str
    parameters: Mapping[str, Any]
    requests: tuple[str, ...]
    effect: Callable[[Scene], bool]


def imported(count: int) -> Callable[[Scene], bool]:
    """Whether so many numbers are imported or on their way, each by one order or request."""

    def holds(scene: Scene) -> bool:
        by_order = in_orders(scene)
        alone = {
            number["phoneNumber"] for number in scene.simulator.imported_numbers()
        } - by_order.keys()
        return len(by_order) + len(alone) == count

    return holds


# At the plan and the campaign, together.
LOOKS = ("get_sms_app", "fetch_campaign")

COMMANDS = {
    "import": Command(
        "import-numbers",
        {"phone_numbers": numbers(1), "sms": SMS},
        ("token", *LOOKS, "get_imported", "import_number", "get_imported"),
        imported(1),
    ),
    "bulk-import": Command(
        "import-numbers",
        {"phone_numbers": numbers(3), "sms": SMS, "numbers_per_order": 2},
        (
            "token",
            *LOOKS,
            *["get_imported"] * 3,
            "import_numbers",
            "import_numbers",
            *["get_hosting_order", "list_hosting_order_numbers"] * 2,
        ),
        imported(3),
    ),
    "add-numbers": Command(
        "qualify-numbers",
        {"phone_numbers": numbers(2)},
        (
            "token",
            "get_qualified",
            "get_qualified",
            "add_qualified",
            "get_qualified",
            "get_qualified",
        ),
        lambda scene: set(scene.simulator.qualified_numbers()) == set(numbers(2)),
    ),
    "text-enable": Command(
        "text-enable-numbers",
        {"phone_numbers": numbers(2), "sms": SMS, "loa": "LOA"},
        (
            "token",
            *LOOKS,
            *["get_qualified"] * 6,
            "text_enable",
            "get_hosting_order",
            "list_hosting_order_numbers",
        ),
        lambda scene: in_orders(scene) == Counter(numbers(2)),
    ),
    "delete": Command(
        "release-numbers",
        {"phone_numbers": numbers(2), "confirm_release": True, "confirm_count": 2},
        (
            "token",
            *["get_active", "get_active", "get_imported", "get_imported"],
            "delete_imported",
            "delete_imported",
        ),
        lambda scene: not scene.simulator.imported_numbers(),
    ),
}
BOUNDARIES = [
    pytest.param(name, nth, id=f"{name}-{nth}-{operation}")
    for name, command in COMMANDS.items()
    for nth, operation in enumerate(command.requests, 1)
]
READS = ("get_", "list_", "fetch_", "token")


def is_telling(requests: tuple[str, ...], nth: int, hold: str) -> bool:
    """Whether a kill at this request says more than its neighbours: at or right after a costly one.

    Before the first costly request nothing was done, so the next run is a first run. A kill before
    a read takes effect is the same as a kill after it.
    """
    is_read, follows = requests[nth - 1].startswith(READS), not requests[nth - 2].startswith(READS)
    return not is_read or (follows and nth > 1 and hold == "hold_after")


UNDER_WAY = [
    pytest.param(
        name,
        nth,
        hold,
        id=f"{name}-{nth}-{operation}-{hold}",
        marks=[] if is_telling(command.requests, nth, hold) else [pytest.mark.exhaustive],
    )
    for name, command in COMMANDS.items()
    for nth, operation in enumerate(command.requests, 1)
    for hold in ("hold_before", "hold_after")
]


def in_orders(scene: Scene) -> Counter[str]:
    """In how many orders each number is, by the vendor's own books."""
    return Counter(
        number for order in scene.simulator.hosting_orders() for number in order["numbers"]
    )


def start(scene: Scene, name: str, fate: Mapping[str, Any] | None = None) -> Run:
    """Start the command; its letter is a paper of the store, and the numbers to delete are those
    that are imported.
    """
    command = COMMANDS[name]
    parameters = {**command.parameters, "reference": f"KILL-{name}"}
    if "loa" in parameters:
        paper = scene.folder / "papers" / "loa.json"
        paper.parent.mkdir(exist_ok=True)
        paper.write_text(json.dumps(signer()))
        parameters["loa"] = paper.name
        context = cast(
            "Any",
            SimpleNamespace(
                settings=SimpleNamespace(
                    key_secret=SecretStr(scene.environment["SINCH_KEY_SECRET"])
                )
            ),
        )
        parameters["signer_confirmed"] = signer_digest(
            context, SecretStr(signer()["authorisedPerson"]["email"])
        )
    return scene.start_flow(command.deployment, parameters, fate)


@pytest.fixture
def stage(scene: Scene, request: pytest.FixtureRequest) -> Scene:
    """A scene with what the command needs to be there."""
    name = request.getfixturevalue("name")
    world = scene.simulator.world
    with world.lock:
        if name == "text-enable":
            scene.simulator.switches.set("qualification_check_s", 0)
            qualified = world.imported.qualified
            qualified.add(numbers(2))
            for number in numbers(2):
                qualified.take_invoices(qualified.all[number], accepted=True, after_s=0)
        if name == "delete":
            moment = world.settle()
            link = Change(PLAN, PROVISIONING, Step(moment, moment), moment)
            for number in numbers(2):
                world.imported.numbers.adopt(number, "US", "", "", link)
    return scene


def ending(scene: Scene, name: str, ended: Ended) -> tuple[int, bool, list[str]]:
    """Exit code, whether the vendor has what was wanted, and what went wrong on the way."""
    wrong = [f"{number} is in {n} orders" for number, n in in_orders(scene).items() if n > 1]
    names = [order["display_name"] for order in scene.simulator.hosting_orders()]
    wrong += [f"two orders are called {each}" for each, n in Counter(names).items() if n > 1]
    entered = Counter(
        (charge["kind"], charge["phone_number"]) for charge in scene.simulator.charges()
    )
    wrong += [
        f"{what} was entered {n} times"
        for what, n in entered.items()
        if n > 1 and what[0] in ("import", "hosting")
    ]
    if "Traceback" in ended.told:
        wrong.append(f"a traceback where a sentence is due: {ended.told[-2000:]}")
    if ended.code != 0:
        wrong.append(ended.told[-4000:])
    return ended.code, COMMANDS[name].effect(scene), wrong


COMPLETE: tuple[int, bool, list[str]] = (0, True, [])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_boundary_is_a_kill_point(stage: Scene, name: str) -> None:
    """A run in which nothing goes wrong sends exactly the requests at which the tests below kill.

    Reads under way together come in any order.
    """
    assert COMPLETE == ending(stage, name, start(stage, name).wait())
    assert sorted(COMMANDS[name].requests) == sorted(stage.operations())


@pytest.mark.parametrize(("name", "nth", "hold"), UNDER_WAY)
def test_killed_while_a_request_is_under_way(stage: Scene, name: str, nth: int, hold: str) -> None:
    """Killed before or after a request takes effect, its reply never heard.

    The next run ends it, and nothing is there twice.
    """
    stage.simulator.faults.add({"fault": hold, "nth": nth})
    run = start(stage, name)
    stage.kill_while_held(run)
    assert KILLED == run.wait().code
    count("kill points")
    assert COMPLETE == ending(stage, name, start(stage, name).wait())


# The reply was read and nothing was written: for the journal the same as a reply that was never
# heard, which the test above has.
@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "nth"), BOUNDARIES)
def test_killed_right_after_a_reply(stage: Scene, name: str, nth: int) -> None:
    """Killed when a reply was read and nothing was written yet.

    The next run ends it, and nothing is there twice.
    """
    run = start(stage, name, {"after": REPLY_READ, "nth": nth})
    assert KILLED == run.wait().code
    count("kill points")
    assert COMPLETE == ending(stage, name, start(stage, name).wait())


@pytest.mark.parametrize("name", ["bulk-import", "text-enable", "delete"])
def test_four_processes_with_one_reference(stage: Scene, name: str) -> None:
    """Four clicks at once are one run: the others wait for the first and tell what it did.

    Nothing is there twice.
    """
    ended = [run.wait() for run in [start(stage, name) for _ in range(4)]]
    assert [COMPLETE] * 4 == [ending(stage, name, each) for each in ended]
    sent = Counter(
        entry["operation"]
        for entry in stage.simulator.requests()
        if entry["method"] in ("POST", "DELETE")
    )
    del sent["token"]
    alone = Counter(operation for operation in COMMANDS[name].requests if operation in sent)
    assert alone == sent


# Reads of a run that has written nothing down yet. Text-enable's second look comes right before it
# asks a person.
LOOKS = [("text-enable", 2), ("text-enable", 4), ("delete", 2), ("delete", 4)]


@pytest.mark.parametrize(("name", "nth"), LOOKS)
def test_a_run_that_looks_while_its_twin_acts(stage: Scene, name: str, nth: int) -> None:
    """A run is held in a look while another run of its reference does everything.

    It reports what was done and takes no twin for a stranger.
    """
    stage.simulator.faults.add({"fault": "hold_before", "nth": nth, "hold_s": 300})
    held = start(stage, name)
    stage.held(held)
    assert COMPLETE == ending(stage, name, start(stage, name).wait())
    stage.simulator.holds.release_all()
    assert COMPLETE == ending(stage, name, held.wait())
