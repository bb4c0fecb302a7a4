"""Each finding that a person has to decide brings one command, whatever the reference is."""

from __future__ import annotations

import json
import shlex
from datetime import date

import pytest
from support.journals import Journal, planned

from flows.table import FLOWS
from numberflow.journal import Intention
from numberflow.planning.reconciling.kinds import Finding, Kind, Severity
from numberflow.purchase.reconciling.commands import Commands

NUMBER, REFERENCE = "+12025550101", """-Ada's "Büro" $7"""
WANTED = {
    "service_plan_id": "plan a", "voice_type": "EST", "voice_id": "t'1", "display_name": "O'Neil",
}  # fmt: skip


@pytest.fixture(scope="module")
def row(tmp_path_factory: pytest.TempPathFactory) -> Intention:
    """A step of which nobody knows what became of it."""
    with Journal.open(f"sqlite:///{tmp_path_factory.mktemp('journal') / 'journal.db'}") as journal:
        return planned(journal)[0]


@pytest.mark.parametrize("project", [None, "sinch-north"])
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_its_command(kind: Kind, project: str | None, row: Intention) -> None:
    """It can be taken apart as a shell does, names the project, and a flow takes its parameters."""
    subject = row.id if kind is Kind.LOST_REPLY else NUMBER
    wanted = {"display_name": WANTED["display_name"]} if kind is Kind.RENAMED else WANTED
    if kind is Kind.WRONG_CALLBACK_URL:
        wanted = {"callback_url": "https://a.test/?b=1&c='2'"}
    commands = Commands(project, "project-1", {row.id: row}, date(2026, 11, 30))
    line = commands.of(Finding(kind, subject, "j", "v", REFERENCE, wanted))
    if kind.severity is Severity.PERSON:
        assert line
    program, *words = shlex.split(line) or ["numberflow"]
    assert "numberflow" == program
    if words[:1] == ["run"]:
        given = json.loads(words[3])
        FLOWS[words[1]].check(given)
        assert project == given.get("project")
    elif words[:1] == ["adopt"]:
        assert NUMBER in words
        assert (project is not None) == ("--project" in words)


def test_what_was_unlinked_is_unlinked_again() -> None:
    """A plan that somebody put on where none was asked for."""
    commands = Commands(None, "project-1", {}, date(2026, 11, 30))
    finding = Finding(Kind.MOVED_SERVICE_PLAN, NUMBER, "j", "v", "PO-1", {"service_plan_id": ""})
    given = json.loads(shlex.split(commands.of(finding))[4])
    assert (True, True) == (given["unlink_sms"], given["confirm_unlink"])


def test_the_same_change_of_another_day_has_another_reference() -> None:
    """A number whose link is moved twice is brought back twice."""
    finding = Finding(
        Kind.MOVED_SERVICE_PLAN, NUMBER, "j", "v", "PO-1", {"service_plan_id": "plan-a"}
    )
    lines = [Commands(None, "project-1", {}, date(2026, 11, day)).of(finding) for day in (29, 30)]
    assert 2 == len({json.loads(shlex.split(line)[4])["reference"] for line in lines})
