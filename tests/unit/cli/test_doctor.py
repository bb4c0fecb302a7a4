"""`numberflow doctor`: a line for everything that is checked, and a fix for everything that is
broken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.command import ACCOUNT, Command

from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

CHECKS = [
    "credentials",
    "connectivity",
    "journal",
    "stops",
    "inventory",
    "marker",
    "papers",
    "protected",
    "prefect",
    "versions",
]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A simulator on a port, with seven numbers held."""
    with serve(Simulator(SimulatorSettings(active=7)), port=0, control_port=0) as served:
        yield served


def findings(command: Command) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code, and every finding by name."""
    ended = command("doctor", "--json")
    return ended.code, {finding["name"]: finding for finding in json.loads(ended.out)}


def test_all_well(command: Command, running: Running) -> None:
    """With an account, a vendor that answers and a disk, everything is ok, line by line, and the
    exit code is 0.
    """
    command.set(running.environment)
    ended = command("doctor")
    assert 0 == ended.code, ended.out
    assert [["ok", name] for name in CHECKS] == [row.split()[:2] for row in ended.out.splitlines()]
    assert "(7 numbers held)" in ended.out
    assert running.environment["SINCH_KEY_SECRET"] not in ended.out
    assert "\x1b" not in ended.out


def test_nothing_is_left_behind(command: Command, running: Running) -> None:
    """The probe files in the stores are deleted, and no Prefect server is started."""
    command.set(running.environment)
    code, found = findings(command)
    left = [
        entry
        for name in ("data", "papers")
        for entry in (command.home / name).rglob("*")
        if entry.is_file()
    ]
    assert (0, []) == (code, left)
    assert found["prefect"]["text"].startswith("no server is running")


@pytest.mark.parametrize(
    ("content", "ok", "told"),
    [
        (None, True, "no number: protected-numbers.yaml is not in the papers store"),
        ("names: ['*hotline*']\n", True, "can be read: 0 numbers, 1 name pattern, 0 groups"),
        ("names: [", False, "is no YAML"),
    ],
)
def test_protected_numbers(command: Command, content: str | None, ok: bool, told: str) -> None:
    """Whether the file of protected numbers is there, and can be used."""
    if content is not None:
        (command.home / "papers").mkdir(parents=True, exist_ok=True)
        (command.home / "papers" / "protected-numbers.yaml").write_text(content)
    found = findings(command)[1]["protected"]
    assert (ok, not ok, True) == (found["ok"], bool(found["mend"]), told in found["text"])


def test_no_account(command: Command) -> None:
    """Without an account its line says what to set, connectivity is not tried, and the rest is
    checked all the same, with whatever settling time.
    """
    command.set({"NUMBERFLOW_SETTLE_S": "1"})
    code, found = findings(command)
    assert 1 == code
    assert [name for name in CHECKS if name not in ("connectivity", "marker")] == list(found)
    assert "numberflow simulator" in found["credentials"]["mend"]
    assert {"credentials"} == {name for name, finding in found.items() if not finding["ok"]}


@pytest.mark.parametrize(
    ("broken", "variables"),
    [
        (
            "connectivity",
            {
                "SINCH_AUTH_URL": "http://127.0.0.1:9/auth",
                "SINCH_NUMBERS_URL": "http://127.0.0.1:9/numbers",
            },
        ),
        ("connectivity", {"SINCH_KEY_SECRET": "wrong"}),
        ("connectivity", {"SINCH_PROJECT_ID": "another-project"}),
        ("journal", {"NUMBERFLOW_DATABASE_URL": "sqlite:////dev/null/journal.db"}),
        (
            "journal",
            {"NUMBERFLOW_DATABASE_URL": "postgresql://nobody:very-secret@127.0.0.1:9/journal"},
        ),
        ("inventory", {"NUMBERFLOW_INVENTORY_URL": "/dev/null/data"}),
        ("inventory", {"NUMBERFLOW_INVENTORY_URL": "nosuchscheme://x"}),
        ("papers", {"NUMBERFLOW_PAPERS_URL": "/dev/null/papers"}),
        ("papers", {"NUMBERFLOW_PAPERS_URL": "sftp://somewhere/papers"}),
        ("prefect", {"PREFECT_API_URL": "http://127.0.0.1:9/api"}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_one_part_is_broken(
    command: Command, running: Running, broken: str, variables: dict[str, str]
) -> None:
    """A part that is broken is named with a fix; the others are ok; the exit code says so.

    No secret shows.
    """
    command.set({**running.environment, **variables})
    code, found = findings(command)
    assert (1, {broken}) == (code, {name for name, finding in found.items() if not finding["ok"]})
    assert found[broken]["text"]
    assert found[broken]["mend"]
    assert "very-secret" not in json.dumps(found)
    text = command("doctor").out.splitlines()
    (at,) = [index for index, row in enumerate(text) if row.startswith("FIX")]
    assert (broken, "→") == (text[at].split()[1], text[at + 1].split()[0])


def test_bad_variable(command: Command) -> None:
    """A variable that cannot be used is the one finding: nothing else can be checked then."""
    command.set({**ACCOUNT, "NUMBERFLOW_LEASE_S": "never"})
    code, found = findings(command)
    assert (1, ["settings"]) == (code, list(found))
    assert found["settings"]["text"].startswith("NUMBERFLOW_LEASE_S: ")


@pytest.mark.parametrize("foreign", ["tasks.py", "flows/__init__.py"])
def test_a_foreign_package_in_this_folder(command: Command, running: Running, foreign: str) -> None:
    """Runs started where somebody else's flows or tasks lie import those: doctor says so."""
    command.set(running.environment)
    file = command.folder / foreign
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    code, found = findings(command)
    name = foreign.removesuffix(".py").split("/")[0]
    assert (1, False) == (code, found["packages"]["ok"])
    assert f"hides our package {name}" in found["packages"]["text"]
    assert "another folder" in found["packages"]["mend"]


def test_an_empty_folder_hides_nothing(command: Command, running: Running) -> None:
    """A folder flows without Python in it, such as one of notes, is no package."""
    command.set(running.environment)
    (command.folder / "flows").mkdir()
    assert "packages" not in findings(command)[1]
