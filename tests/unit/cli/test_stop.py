"""`numberflow stop` and `go`: what is held, who says so, and how it goes on."""

from __future__ import annotations

import json

from support.command import Command
from support.journals import PROJECT, planned

from numberflow.journal import Journal
from numberflow.settings import Settings


def test_stop_doctor_go(command: Command) -> None:
    """Stop names the command that lifts it, the doctor names the stop, go ends it."""
    stopped = command("stop", "--why", "prices look wrong")
    assert (0, "numberflow go") == (stopped.code, stopped.out.splitlines()[-1].partition(": ")[2])
    assert "Nothing is under way any more." in stopped.out
    found = {each["name"]: each for each in json.loads(command("doctor", "--json").out)}
    assert (False, "numberflow go") == (found["stops"]["ok"], found["stops"]["mend"])
    assert "prices look wrong" in found["stops"]["text"]
    assert "Costly steps continue" in command("go").out
    assert "Nothing was held." in command("go").out


def test_of_one_project(command: Command) -> None:
    """A project's stop outlasts the go of all, which names it.

    A project without any step is doubted.
    """
    with Journal.open(Settings.load().journal_url) as journal:
        planned(journal)
    assert "is that the vendor's id" not in command("stop", "--project", PROJECT).out
    assert "is that the vendor's id" in command("stop", "--project", "a-slip").out
    command("go", "--project", "a-slip")
    left = command("go").out
    assert f"To lift it: numberflow go --project {PROJECT}" in left
    assert {"lifted": True, "file_removed": False, "still_held": []} == json.loads(
        command("go", "--project", PROJECT, "--json").out
    )


def test_without_a_journal_this_machine_is_held(command: Command) -> None:
    """A journal that cannot be written is said to be so, and the stop file is made.

    Go takes it away.
    """
    command.set({"NUMBERFLOW_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none"})
    refused = command("stop")
    file = command.home / "stop"
    assert (3, True) == (refused.code, file.exists())
    assert "THIS machine only" in refused.err
    command.set({"NUMBERFLOW_DATABASE_URL": ""})
    assert f"The file {file} is removed." in command("go").out
    assert not file.exists()
