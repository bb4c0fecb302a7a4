"""Every console block of README and docs/ is typed as it stands, against a simulator.

Page by page, each with a vendor and a journal of its own; blocks of a page follow each other. A
block that cannot be run here says why in a comment before it (tests/support/consoles.py).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from support.consoles import Console, consoles
from support.journals import open_step
from support.orders import Cabinet
from support.runs import Ended, Nursery, nursery, prefect_api  # noqa: F401
from support.scenes import Scene

from numberflow.journal import IntentionState
from numberflow.simulator import Simulator, SimulatorSettings, serve

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

PAGES = {
    page: [block for block in blocks if not block.why_not]
    for page, blocks in groupby(consoles(), lambda block: block.page)
}
# The numbers of the documents, which the project holds here.
HELD = ("+12025550123", "+12025550124", "+12025550125")
ADDRESS = {
    "displayName": "Head office",
    "streetNumber": "12",
    "streetInfo": "Lenox Rd NE",
    "city": "Atlanta",
    "state": "GA",
    "postalCode": "30324",
}
# How a command may end besides with 0, and why.
ENDS = {
    "doctor": {1},  # the tests' Prefect server has no deployments, and says so
    "reconcile": {4},  # there is something to decide
    "run reconcile": {4},
    "run text-enable-numbers": {3},  # a plan of a number that is not qualified yet
}
# A run takes a second or two; on a busy machine a minute was seen.
WAIT_S = 60.0
# Writes down what each command of the line was given, and does nothing.
_TYPED = 'numberflow() { printf "%s\\0" "$@" >&3; printf "\\036" >&3; }\n'


class Reader(Scene):
    """Somebody who types what a page shows."""

    def type(self, line: str) -> list[tuple[list[str], Ended]]:
        """Every command of the line with how it ended; all run in one folder."""
        ended = []
        for arguments in _arguments(line):
            run = self._nursery.start(arguments, self.environment, self.folder, None)
            self._runs.append(run)
            ended.append((arguments, run.wait(WAIT_S)))
        return ended


def _arguments(line: str) -> list[list[str]]:
    """What bash hands to `numberflow`, for each command of the line.

    Raises:
        AssertionError: another program is called, or bash takes it for something else.
    """
    line = line.replace(".venv/bin/numberflow", "numberflow")
    others = [part for part in line.split(" && ") if not part.strip().startswith("numberflow ")]
    assert [] == others, "only numberflow is run here; give the block its reason"
    done = subprocess.run(
        ["bash", "-c", f"exec 3>&1\n{_TYPED}{line}"], capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr), line
    return [each.split("\0")[:-1] for each in done.stdout.split("\x1e")[:-1]]


@pytest.fixture
def reader(nursery: Nursery, prefect_api: str, tmp_path: Path) -> Iterator[Reader]:  # noqa: F811
    """A vendor with numbers of ours, and a folder with the papers that pages name."""
    settings = SimulatorSettings(seed=1, active=0, speed=20)
    with serve(Simulator(settings)) as running:
        reader = Reader(running, nursery, prefect_api, tmp_path)
        world = reader.simulator.world
        reader.simulator.switches.set("attachment_processing_s", 0)
        reader.simulator.switches.set("emergency_feature", True)
        with world.lock:
            # One of few numbers is not released without a person.
            world.add_held(20)
            for old, new in zip(world.add_held(len(HELD)), HELD, strict=True):
                held = world.holdings.get(old)
                assert held is not None
                world.holdings.remove(old)
                held.phone_number = new
                world.holdings.add(held)
        (tmp_path / "head-office.json").write_text(json.dumps(ADDRESS))
        (tmp_path / "Documents").mkdir()
        (tmp_path / "Documents" / "extract.pdf").write_bytes(b"%PDF-1.7 extract")
        try:
            yield reader
        finally:
            reader.close()


@pytest.mark.parametrize("page", [page for page, blocks in PAGES.items() if blocks])
def test_every_console_does_what_it_shows(reader: Reader, page: str) -> None:
    """Each command ends well, one after the other."""
    step = ""
    for block in PAGES[page]:
        for command in block.commands():
            line = command.replace("~/", f"{reader.folder}/")
            if "papers put kyc.json" in line:
                # Somebody has filled in the form.
                Cabinet(reader.folder)
            if "7c1e" in line:
                step = step or _open_step(reader)
                line = line.replace("7c1e", step)
            for arguments, ended in reader.type(line):
                name = " ".join(arguments[: 2 if arguments[0] == "run" else 1])
                allowed = {0} | ENDS.get(name, set())
                assert ended.code in allowed, f"{page}:{block.line}: {command}\n{ended.told}"


def _open_step(reader: Reader) -> str:
    """A purchase that the pages speak of, with a step that needs a person."""
    state = IntentionState.NEEDS_PERSON
    return open_step(reader.journal_url, state, reference="PO-1042").id


def test_every_console_has_something_to_type() -> None:
    """A block without a prompt would be run as nothing."""
    assert [] == [
        f"{block.page}:{block.line}"
        for block in consoles()
        if not re.search(r"^[a-z]*\$ ", block.text, re.MULTILINE)
    ]


def _reasons() -> list[Console]:
    return [block for block in consoles() if block.why_not]


def test_every_exception_has_a_reason() -> None:
    """Words, not a mark."""
    assert [] == [f"{block.page}:{block.line}" for block in _reasons() if len(block.why_not) < 15]
