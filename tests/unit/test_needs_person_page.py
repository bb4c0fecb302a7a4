"""docs/needs-person.md and docs/alarms.md know every reason for which a person is called.

The words of a message lead to the page: each is there as the product says it, with `…` for what it
fills in. A new reason fails here until it has a place.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from numberflow.models.reports import RunOutcome, RunReport
from numberflow.planning.reconciling.kinds import Kind
from numberflow.purchase.shown import words

ROOT = Path(__file__).parents[2]
CASES = ROOT / "docs/needs-person.md"
ALARMS = ROOT / "docs/alarms.md"

# Each place that says NeedsPerson, and the words by which its message is found on the page.
PLACES = {
    "journal/billable.py::run": ["its process ended before the outcome was written down"],
    "journal/billable.py::_lost": ["outcome unknown: "],
    "journal/billable.py::_lose_now": ["interrupted: "],
    "planning/schedules.py::raise_alarm": ["no run for more than", "intervals of"],
    "purchase/account.py::account": ["it is not known whether they took effect"],
    "purchase/emergency/addresses.py::emergency_report": ["it is not known what the vendor has"],
    "purchase/emergency/addresses.py::stopped_emergency_report": [],  # an error, and its open steps
    "purchase/follow.py::_lost": ["it is not known whether the order was opened"],
    "purchase/follow.py::follow_report": [],  # puts lines together
    "purchase/follow.py::followed_number": [],  # takes it from its callers
    "purchase/held/link_follow.py::judge": [],  # the alarms, below
    "purchase/held/release_follow.py::follow_release": [
        "the vendor took the release, and the number shows no end"
    ],
    "purchase/hosting/follow.py::judge": ["the order was rejected as a whole"],
    "purchase/hosting/qualification_follow.py::judge": [],  # the alarms, below
    "purchase/number_orders/follow.py::_line": [],  # takes it from its callers
    "purchase/number_orders/follow.py::_waiting": ["has not been handed in", " left until "],
    "purchase/number_orders/follow.py::_blocked": ["BLOCKED by a reviewer: "],
    "purchase/number_orders/follow.py::_other": [
        "the vendor does not know the order any more, although it was handed in"
    ],
    "purchase/number_orders/follow.py::_completed": ["completed, not all well"],
    "purchase/number_orders/follow.py::_note_outcome": ["they are priced in ", "they cost "],
    "purchase/number_orders/follow.py::_failed": ["REJECTED: ", "EXPIRED before it was completed"],
    "purchase/number_orders/text.py::order_report": [],  # the reasons of its steps
    "purchase/numbers_report.py::numbers_report": [
        "requests it is not known whether the vendor took them"
    ],
    "purchase/numbers_report.py::stopped_numbers_report": [],  # an error, and what it left
    "purchase/reconciling/run.py::_report": [" to decide: "],
    "purchase/renting/report.py::_outcome": [
        "it is not known whether the vendor charged",
        "could not be read back yet",
        "; the links of ",
    ],
    "purchase/stopped.py::stopped_line": ["stopped; "],
    "purchase/unlinked.py::unlinked_reason": [
        "between two links: the old one was taken off, the new one is not on"
    ],
    "purchase/without_address.py::kept_reason": ["without their emergency address"],
    "purchase/without_address.py::kept_words": [
        "in service without an emergency address, which was removed: "
    ],
    "cli/audit.py::verify": ["audit row "],
}
# Clauses that those above put into their reasons; no place of their own says NeedsPerson.
_CLAUSES = {
    "journal/billable.py::run", "journal/billable.py::_lost", "journal/billable.py::_lose_now",
    "purchase/number_orders/follow.py::_note_outcome", "purchase/unlinked.py::unlinked_reason",
    "purchase/without_address.py::kept_reason", "purchase/without_address.py::kept_words",
}  # fmt: skip
# Neither calls a person: the first shows the state of a step, the others pass an outcome on.
_OTHERS = {"cli/reconcile.py::reconcile"}


def _text(page: Path) -> str:
    return " ".join(page.read_text().split())


def _modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "simulator" not in path.parts:
                name = path.relative_to(ROOT / "numberflow") if folder == "numberflow" else path
                yield str(name), ast.parse(path.read_text())


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _fragments(node: ast.AST | None) -> list[str]:
    """What stands literally in a text of the code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [text for part in node.values for text in _fragments(part)]
    return []


def _is(node: ast.AST, owner: str, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
    )


def _calls_person(function: ast.AST) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Dict) and "needs_person" in {
            each.value for each in node.keys if isinstance(each, ast.Constant)
        }:
            return True
        if isinstance(node, ast.keyword) and node.arg == "needs_person":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                return True
        elif isinstance(node, ast.Compare | ast.Dict):
            continue
        elif isinstance(node, ast.IfExp | ast.Assign | ast.Return | ast.Tuple | ast.keyword) and (
            any(
                _is(each, "RunOutcome", "NEEDS_PERSON")
                or (isinstance(each, ast.Name) and each.id == "NEEDS_PERSON")
                for each in ast.iter_child_nodes(node)
            )
        ):
            return True
    return False


def _places() -> set[str]:
    return {
        f"{name}::{function.name}"
        for name, tree in _modules("numberflow")
        for function in _functions(tree)
        if _calls_person(function)
    }


def test_every_place_that_calls_a_person_is_known() -> None:
    """A function that ends a run NeedsPerson names the words under which its case is found."""
    assert PLACES.keys() - _CLAUSES == _places() - _OTHERS


@pytest.mark.parametrize("place", PLACES)
def test_the_words_of_a_place_are_said_and_are_on_the_page(place: str) -> None:
    """The table above is true: the module says these words, and the page shows them."""
    path = ROOT / "numberflow" / place.partition("::")[0]
    said = {text for node in ast.walk(ast.parse(path.read_text())) for text in _fragments(node)}
    if place == "cli/audit.py::verify":
        said = {
            text
            for node in ast.walk(ast.parse((ROOT / "numberflow/journal/audit_rows.py").read_text()))
            for text in _fragments(node)
        }
    page = _text(CASES)
    unsaid = [words for words in PLACES[place] if not any(words in text for text in said)]
    assert ([], []) == (unsaid, [words for words in PLACES[place] if words.strip() not in page])


def _unclear() -> Iterator[str]:
    """Every text that leaves a step open: inconclusive evidence, looks that prove nothing."""
    for name, tree in _modules("numberflow"):
        for function in _functions(tree):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _leaves_open(node):
                    for value in (*node.args, *(each.value for each in node.keywords)):
                        yield from _fragments(value)
                        if isinstance(value, ast.Name):
                            yield from _assigned(function, value.id)
                elif name == "journal/billable.py" and function.name == "_doubt":
                    yield from _fragments(node.value) if isinstance(node, ast.Return) else ()


def _leaves_open(call: ast.Call) -> bool:
    values = [*call.args, *(each.value for each in call.keywords)]
    match call.func:
        case ast.Name("Evidence"):
            return any(_is(each, "Finding", "INCONCLUSIVE") for each in values)
        case ast.Name("Settlement"):
            event = values[0]
            nothing = isinstance(event, ast.Constant) and event.value is None
            return nothing or _is(event, "Event", "ESCALATE")
    return False


def _assigned(function: ast.AST, name: str) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == name for each in node.targets
        ):
            yield from _fragments(node.value)


def test_every_unclear_look_is_on_the_page() -> None:
    """What a step's evidence says when a person has to decide leads to the page."""
    found = set(_unclear())
    assert len(found) > 20  # the search itself works
    page = _text(CASES)
    assert set() == {text for text in found if text.strip(" ;:").split("; run it")[0] not in page}


def _alarm_names() -> set[str]:
    names: set[str] = set()
    for _, tree in _modules("numberflow", "tasks"):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "Alarm":
                (name,) = (each.value for each in node.keywords if each.arg == "name")
                names.update(_fragments(name))
            elif node.func.id == "Stage":
                names.update(_fragments(node.args[0]))
            elif node.func.id == "due":
                names.update(_fragments(node.args[1]))
    return names - {" ", "", " ("}


def test_every_alarm_is_on_a_page() -> None:
    """Alarms of the sweep, by name."""
    names = _alarm_names()
    assert len(names) > 12
    pages = _text(CASES) + _text(ALARMS)
    assert set() == {name for name in names if f"*{name}*" not in pages}


def test_every_finding_of_reconcile_is_on_its_page() -> None:
    """A row for each kind."""
    page = (
        (ROOT / "docs/reconcile.md")
        .read_text()
        .replace(
            "moved service plan, moved campaign, moved voice",
            "moved service plan | moved campaign | moved voice",
        )
    )
    cells = re.findall(r"\|\s*([^|\n]+)", page)
    rows = {cell.strip().removesuffix(" *(i)*").lower().replace("-", " ") for cell in cells}
    assert set() == {kind.value.replace("_", " ") for kind in Kind} - rows


def _events() -> set[str]:
    """Names of events that the product emits."""
    found: set[str] = set()
    for _, tree in _modules("numberflow", "tasks", "flows"):
        for node in ast.walk(tree):
            for text in _fragments(node):
                if re.fullmatch(r"numberflow\.(?:[a-z]+\.)?[a-z]+(?:-[a-z]+)*", text):
                    found.add(text)
    return found


def _doctor_lines() -> set[str]:
    tree = ast.parse((ROOT / "numberflow/cli/doctor.py").read_text())
    return {
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"_checked", "_broken", "Finding"}
        for text in _fragments(node.args[0] if node.args else None)
    }


def test_every_automation_event_and_line_of_the_doctor_is_on_the_page_of_alarms() -> None:
    """By name: automations.yaml, `emit_event`, and `numberflow doctor`."""
    automations = yaml.safe_load((ROOT / "deployments/automations.yaml").read_text())["automations"]
    page = _text(ALARMS)
    wanted = {f"*{each['name']}*" for each in automations}
    wanted |= {f"*{line}*" for line in _doctor_lines()}
    wanted |= {
        f"`{event}`"
        for event in _events()
        if event.endswith(("person", "overdue", "alarm", "refused"))
    }
    assert set() == {each for each in wanted if each not in page}


@pytest.mark.parametrize("page", [CASES, ALARMS], ids=lambda page: page.name)
def test_every_place_in_the_index_is_there(page: Path) -> None:
    """`[…](#anchor)` leads to a heading of the page, as code forges make it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
    assert set() == set(re.findall(r"\]\(#([^)]+)\)", page.read_text())) - anchors


def test_a_report_that_needs_a_person_names_the_page() -> None:
    """Every other report does not."""
    path = str(CASES.relative_to(ROOT))
    named = {
        outcome: path in words(RunReport(outcome=outcome, reason="why")) for outcome in RunOutcome
    }
    assert {outcome: outcome is RunOutcome.NEEDS_PERSON for outcome in RunOutcome} == named
