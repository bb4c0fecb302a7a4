"""`numberflow run`: input is checked before anything is started.

The report becomes text, JSON, a file and an exit code.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from support.command import ACCOUNT, Command
from support.lines import line, status

from numberflow.cli import run as run_module
from numberflow.cli.processes import Terminated
from numberflow.journal import IntentionState
from numberflow.models.reports import AccountReport, PurchaseReport, RunOutcome
from numberflow.purchase.renting.report import purchase_report

GOOD = {
    "region_code": "US",
    "number_type": "LOCAL",
    "max_today": "9.00",
    "max_monthly": "9.00",
    "reference": "PO-1",
}


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is looked for, or a flow that runs, fails the test."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("bad input has to be answered before this")

    monkeypatch.setattr(run_module, "prefect_server", refuse)
    monkeypatch.setattr(run_module, "_run_flow", refuse)


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["rent-all"], "'rent-all' is no deployment", "choose one of: search-and-rent"),
        (["search-and-rent", "--params", "{"], "--params: not JSON: ", "or @FILE"),
        (["search-and-rent", "--params", "9" * 5000], "--params: not JSON: ", "or @FILE"),
        (["search-and-rent", "--params", "[" * 100_000], "--params: not JSON: ", "or @FILE"),
        (
            ["search-and-rent", "--params", "[1]"],
            "--params: must be a JSON object",
            'write {"name": value, …}',
        ),
        (
            ["search-and-rent", "--params", "@nowhere.json"],
            "--params: cannot read nowhere.json: ",
            "name a readable JSON file",
        ),
        (
            ["search-and-rent", "--params", "@."],
            "--params: cannot read .: ",
            "name a readable JSON file",
        ),
        (
            ["search-and-rent", "--params", "@binary"],
            "--params: cannot read binary: ",
            "name a readable JSON file",
        ),
        (["search-and-rent"], "region_code: is missing", "nothing was sent"),
        (
            ["search-and-rent", "--params", json.dumps(GOOD | {"quantity": 0})],
            "quantity: must be 1 or more",
            "nothing was sent",
        ),
        (
            ["search-and-rent", "--params", json.dumps(GOOD | {"quantty": 2})],
            "'quantty': no such parameter",
            "did you mean quantity?",
        ),
        (
            ["search-and-rent", "--params", json.dumps(GOOD | {"max_today": "90,00"})],
            "max_today: write a decimal string",
            "nothing was sent",
        ),
        (
            ["search-and-rent", "--params", json.dumps(GOOD), "--report", "no/such/folder/r.json"],
            "--report: there is no folder ",
            "make the folder or name another",
        ),
        (
            ["search-and-rent", "--params", json.dumps(GOOD), "--report", "."],
            "--report: cannot write .",
            "name a file in a writable folder",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input(command: Command, arguments: list[str], message: str, remedy: str) -> None:
    """Bad input is one sentence and one fix on stderr, exit code 2, and nothing is started."""
    (command.folder / "binary").write_bytes(b"\xff\xfe\x00")
    command.set(ACCOUNT)
    ended = command("run", *arguments)
    assert (2, "") == (ended.code, ended.out)
    said, _, what_to_do = ended.err.partition("\n  → ")
    assert said.startswith(f"numberflow: {message}")
    assert remedy in what_to_do
    assert "Traceback" not in ended.err


@pytest.mark.usefixtures("nothing_starts")
def test_missing_credentials(command: Command) -> None:
    """Without an account the variables are named and the simulator is offered, before a server is
    looked for.
    """
    ended = command("run", "search-and-rent", "--params", json.dumps(GOOD))
    assert (2, "") == (ended.code, ended.out)
    assert all(
        part in ended.err
        for part in (
            "SINCH_PROJECT_ID",
            "SINCH_KEY_ID",
            "SINCH_KEY_SECRET",
            "numberflow simulator",
            "dashboard.sinch.com",
        )
    )


@pytest.mark.usefixtures("nothing_starts")
def test_bad_variable(command: Command) -> None:
    """A variable that cannot be used is named."""
    command.set({**ACCOUNT, "NUMBERFLOW_SETTLE_S": "soon"})
    ended = command("run", "search-and-rent", "--params", json.dumps(GOOD))
    assert 2 == ended.code
    assert ended.err.startswith("numberflow: NUMBERFLOW_SETTLE_S: ")


SPY = """
import sys
from numberflow.cli import main
try:
    main()
finally:
    heavy = {"prefect", "fastapi", "pandas", "pyarrow", "playwright"}
    print("LOADED", sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "search-and-rent", "--params", json.dumps(GOOD | {"quantity": 0})],
        ["run", "search-and-rent", "--params", json.dumps(GOOD)],
        ["run", "rent-all"],
    ],
    ids=["bad value", "no account", "no deployment"],
)
def test_bad_input_is_answered_at_once(tmp_path: Path, arguments: list[str]) -> None:
    """Bad input is answered with less than two seconds of work, without Prefect or any table
    library, and without colour.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SINCH_", "NUMBERFLOW_"))
    }
    spent_s: list[float] = []
    # Processor time, not wall time, and the best of three: other tests share the cores and their
    # caches.
    while not spent_s or (min(spent_s) >= 2.0 and len(spent_s) < 3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = subprocess.run(
            [sys.executable, "-c", SPY, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert (2, "LOADED []\n") == (ended.returncode, ended.stdout)
        assert "\x1b" not in ended.stderr
    assert min(spent_s) < 2.0


def report(outcome: RunOutcome) -> PurchaseReport:
    """A report that ends like this."""
    lines = {
        RunOutcome.DONE: [line(0)],
        RunOutcome.REFUSED: [line(0, IntentionState.REFUSED, reason="no credit")],
        RunOutcome.NEEDS_PERSON: [
            line(0),
            line(1, IntentionState.NEEDS_PERSON, reason="neither held nor for sale"),
        ],
    }[outcome]
    made = purchase_report(
        lines,
        {"+12025550100": status("+12025550100")},
        reference="PO-1",
        project_id="p",
        asked=len(lines),
        currency="USD",
    )
    assert made.outcome is outcome
    return made


class Flow:
    """Takes the place of a Prefect run: notes the parameters, gives the report."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, result: PurchaseReport | None) -> None:
        self.result = result
        self.parameters: Mapping[str, Any] = {}
        monkeypatch.setattr(run_module, "prefect_server", lambda _settings: nullcontext())
        monkeypatch.setattr(run_module, "_run_flow", self)

    async def __call__(
        self, _runnable: Any, parameters: Mapping[str, Any], run_ids: list[str]
    ) -> PurchaseReport | None:
        self.parameters = parameters
        run_ids.append("run-1")
        return self.result


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(RunOutcome.DONE, 0), (RunOutcome.REFUSED, 3), (RunOutcome.NEEDS_PERSON, 4)],
)
def test_outcomes(
    command: Command, monkeypatch: pytest.MonkeyPatch, outcome: RunOutcome, code: int
) -> None:
    """Each way to end has its exit code.

    JSON on stdout and the report file both are the whole report.
    """
    Flow(monkeypatch, report(outcome))
    command.set(ACCOUNT)
    ended = command(
        "run", "search-and-rent", "--params", json.dumps(GOOD), "--report", "r.json", "--json"
    )
    assert code == ended.code
    assert report(outcome) == PurchaseReport.model_validate_json(ended.out)
    assert report(outcome) == PurchaseReport.model_validate_json(
        (command.folder / "r.json").read_text()
    )
    assert ["r.json"] == [entry.name for entry in command.folder.iterdir() if entry.is_file()]


def test_text(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """For people: outcome, money, open items with their command, then a table of the numbers.

    No marks of markdown, no colour.
    """
    Flow(monkeypatch, report(RunOutcome.NEEDS_PERSON))
    command.set(ACCOUNT)
    ended = command("run", "search-and-rent", "--params", json.dumps(GOOD))
    rows = ended.out.splitlines()
    assert rows[0] == "PO-1: needs person"
    assert rows[2].startswith("At stake: 1.00 USD that may have been charged")
    assert rows[4] == "1 of 2 numbers rented, 1.00 USD today, 0.50 USD a month."
    assert "numberflow journal settle i-1 --as done" in ended.out
    assert rows[-3].split()[:4] == ["phone", "number", "state", "charged"]
    assert [row.split()[:2] for row in rows[-2:]] == [
        ["+12025550100", "done"],
        ["+12025550101", "needs_person"],
    ]
    assert "**" not in ended.out
    assert "\x1b" not in ended.out


def test_crash(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without a report is exit code 1, says how to resume, and what it did, from the journal.

    In the file too.
    """
    Flow(monkeypatch, None)
    command.set(ACCOUNT)
    ended = command("run", "search-and-rent", "--params", json.dumps(GOOD), "--report", "r.json")
    account = AccountReport.model_validate_json((command.folder / "r.json").read_text())
    assert (1, "PO-1", 0) == (ended.code, account.reference, account.done)
    assert "the run crashed; nothing was begun, nothing was sent" in ended.out
    assert "run the same command with the same reference to resume" in ended.err


def test_crash_without_reference(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run's id is the reference that resumes it, and the command says so."""
    Flow(monkeypatch, None)
    command.set(ACCOUNT)
    unnamed = {name: value for name, value in GOOD.items() if name != "reference"}
    ended = command("run", "search-and-rent", "--params", json.dumps(unnamed))
    account = re.search(r"^(\S+): stopped", ended.out, re.MULTILINE)
    assert account is not None, ended.out
    assert f'add "reference": "{account[1]}" to the parameters' in ended.err


@pytest.mark.parametrize(
    ("ending", "code", "why"),
    [
        (run_module.CancelledRun(), 1, "cancelled in Prefect"),
        (KeyboardInterrupt(), 130, "stopped by a signal"),
        (Terminated(), 143, "stopped by a signal"),
        (
            BaseExceptionGroup("tasks", [BaseExceptionGroup("", [Terminated()])]),
            143,
            "stopped by a signal",
        ),
    ],
    ids=["cancel", "ctrl-c", "sigterm", "sigterm among tasks"],
)
def test_stopped(
    command: Command, monkeypatch: pytest.MonkeyPatch, ending: BaseException, code: int, why: str
) -> None:
    """However it is stopped, what it did is told from the journal, without a traceback."""

    async def stopped(_runnable: Any, _parameters: Any, run_ids: list[str]) -> None:
        run_ids.append("run-1")
        raise ending

    Flow(monkeypatch, None)
    monkeypatch.setattr(run_module, "_run_flow", stopped)
    command.set(ACCOUNT)
    ended = command("run", "search-and-rent", "--params", json.dumps(GOOD))
    assert (code, "", True) == (ended.code, ended.err, why in ended.out)


def test_stopped_while_it_only_reads(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A purchase of that name belongs to another run and is not shown as this one's."""

    async def stopped(_runnable: Any, _parameters: Any, run_ids: list[str]) -> None:
        run_ids.append("run-1")
        raise KeyboardInterrupt

    Flow(monkeypatch, None)
    monkeypatch.setattr(run_module, "_run_flow", stopped)
    command.set(ACCOUNT)
    ended = command("run", "follow-orders", "--params", json.dumps({"reference": "PO-1"}))
    assert (130, "", True) == (ended.code, ended.out, "only reads" in ended.err)


def test_server_that_does_not_start(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no Prefect server can be had, the command says why and ends with 1."""

    def refuse(_settings: Any) -> Any:
        raise RuntimeError("the Prefect server ended with code 3; its log is x.log")

    monkeypatch.setattr(run_module, "prefect_server", refuse)
    command.set(ACCOUNT)
    ended = command("run", "search-and-rent", "--params", json.dumps(GOOD))
    assert (1, "numberflow: the Prefect server ended with code 3; its log is x.log\n") == (
        ended.code,
        ended.err,
    )


def test_parameters_from_a_file(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """@FILE is read; amounts that are JSON numbers reach the flow as the text that was written,
    digit for digit.
    """
    flow = Flow(monkeypatch, report(RunOutcome.DONE))
    command.set(ACCOUNT)
    (command.folder / "p.json").write_text(
        '{"region_code":"US","number_type":"LOCAL","max_today":90.10,"max_monthly":7}'
    )
    assert 0 == command("run", "search-and-rent", "--params", "@p.json").code
    assert flow.parameters == {
        "region_code": "US",
        "number_type": "LOCAL",
        "max_today": "90.10",
        "max_monthly": "7",
    }


def test_credentials_block_needs_no_variables(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a credentials block named, the environment needs no account."""
    Flow(monkeypatch, report(RunOutcome.DONE))
    assert (
        0
        == command(
            "run", "search-and-rent", "--params", json.dumps(GOOD | {"project": "block"})
        ).code
    )
