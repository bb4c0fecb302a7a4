"""Every command that a report, a message or a document of the product prints can be typed as it is
printed.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from support.command import ACCOUNT, Command
from support.journals import PROJECT, Vendor, new_purchase, plan, planned, rent_line, run_step, take

from numberflow.errors import Stopped
from numberflow.journal import (
    ALL_PROJECTS,
    Evidence,
    Intention,
    IntentionState,
    Journal,
    NewIntention,
)
from numberflow.purchase.account import account
from numberflow.purchase.report import open_item
from numberflow.purchase.stopped import stopped_line
from numberflow.settings import Settings

ROOT = Path(__file__).parents[3]
SUBCOMMANDS = {
    "run",
    "demo",
    "up",
    "doctor",
    "simulator",
    "stop",
    "go",
    "export",
    "requirements",
    "numbers",
    "journal",
    "setup",
    "papers",
    "links",
    "reconcile",
    "adopt",
    "estate",
    "receiver",
    "sql",
}
# "numberflow" and what follows it, up to what cannot belong to a command any more.
_PRINTED = re.compile(
    r"numberflow ((?:[a-z][a-z-]*|--?[a-z-]+|\{\}|@?[A-Z][A-Z0-9+-]*|@?%s)(?: "
    r"(?:--?[a-z-]+|[a-z]+|\{\}|@?[A-Z+][A-Z0-9-]*|@?%s))*)"
)


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module but its docstrings; what an f-string fills in is {}."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not {id(node)} & (docstrings | inside)
        ):
            yield node.value


def printed() -> dict[str, set[str]]:
    """Subcommand → the options that some text prints with it."""
    found: dict[str, set[str]] = {}
    for folder in ("numberflow", "flows", "tasks"):
        for path in (ROOT / folder).rglob("*.py"):
            for text in _texts(ast.parse(path.read_text())):
                for match in _PRINTED.finditer(text):
                    words = match[1].split()
                    if words[0] not in SUBCOMMANDS:
                        continue
                    deep = (
                        words[0] in {"journal", "numbers", "papers", "links", "estate"}
                        and len(words) > 1
                    )
                    name = " ".join(words[:2]) if deep else words[0]
                    found.setdefault(name, set()).update(
                        word for word in words if word.startswith("--")
                    )
    return found


@pytest.mark.parametrize(("name", "options"), sorted(printed().items()))
def test_every_printed_command_exists_with_its_options(
    command: Command, name: str, options: set[str]
) -> None:
    """Its help answers, and knows every option that is printed with it.

    No message sends anybody to a command that is not there.
    """
    ended = command(*name.split(), "--help")
    assert (0, set()) == (ended.code, {option for option in options if option not in ended.out}), (
        ended.err
    )


@pytest.mark.parametrize(
    "state", [IntentionState.SENDING, IntentionState.UNKNOWN, IntentionState.NEEDS_PERSON]
)
@pytest.mark.parametrize("verdict", ["done", "refused", "planned"])
def test_settle_as_a_report_prints_it(
    command: Command, state: IntentionState, verdict: str
) -> None:
    """In every state in which a report prints it, with each of the three verdicts."""
    row = _open(state)
    with Journal.open(Settings.load().journal_url) as journal:
        (item,) = account(journal.purchases_named("PO-1")[0], [row], why="killed").open_items
    line = item.command.replace("--as done", f"--as {verdict}")
    assert 0 == _run(command, line)
    with Journal.open(Settings.load().journal_url) as journal:
        assert verdict == journal.history(row.id).intention.state.value
    assert 0 == command("journal", "show", row.id).code


def test_settle_of_a_number_that_the_vendor_picked(command: Command) -> None:
    """Its placeholder is where the number goes."""
    row = _open(IntentionState.NEEDS_PERSON, NewIntention("rent_any", None, "f", {}, *_PRICE))
    assert 0 == _run(command, open_item(row).command.replace("+E164", "+12025550123"))


def test_close_as_the_sweep_prints_it(command: Command) -> None:
    """Also for a reference with a blank and a quotation mark in it, and one that another project
    uses, too.
    """
    reference = "Ada's order 7"
    with Journal.open(Settings.load().journal_url) as journal:
        journal.open_purchase(new_purchase(reference, "another-project"))
        rows = planned(journal, reference=reference)
        (ours,) = [
            each for each in journal.purchases_named(reference) if each.project_id == PROJECT
        ]
        advice = stopped_line(ours, rows).advice
    assert 0 == _run(command, advice[advice.index("numberflow journal close") :])


@pytest.mark.parametrize("scope", [ALL_PROJECTS, PROJECT])
def test_go_as_a_stopped_run_prints_it(command: Command, scope: str) -> None:
    """What a Stopped error says to do lifts exactly that stop."""
    with Journal.open(Settings.load().journal_url) as journal:
        (row,) = planned(journal)
        journal.stop(scope, by="ann")
        with pytest.raises(Stopped) as caught:
            anyio.run(lambda: run_step(journal, row, Vendor().rent, Vendor().look))
        assert 0 == _run(command, caught.value.remedy.partition(",")[0])
        assert () == journal.stops()


_PRICE = (rent_line().setup_amount, rent_line().monthly_amount, "USD")


def _open(state: IntentionState, line: NewIntention | None = None) -> Intention:
    """A step of PO-1 that was left in this state."""

    async def unclear(_: Intention) -> Evidence:
        if state is IntentionState.UNKNOWN:
            raise RuntimeError("nobody can look")
        return Evidence("inconclusive", "neither held nor for sale", {})

    with Journal.open(Settings.load().journal_url) as journal:
        purchase = journal.open_purchase(new_purchase("PO-1"))
        lease = take(journal, purchase.resource)
        (row,) = plan(journal, lease, purchase, line or rent_line())
        if state is IntentionState.SENDING:
            number = take(journal, row.resource)
            journal.begin(row.id, leases=(lease, number))
            journal.give_back_leases((lease, number))
        else:
            journal.give_back_leases((lease,))
            anyio.run(lambda: run_step(journal, row, Vendor("lost").rent, unclear))
        row = journal.history(row.id).intention
    assert state is row.state
    return row


def _run(command: Command, line: str) -> int:
    """Type it as a shell would take it."""
    command.set(ACCOUNT)
    name, *arguments = shlex.split(line)
    assert "numberflow" == name
    return command(*arguments).code
