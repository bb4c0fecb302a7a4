"""One class sends every costly step: under the lease, asked before, remembered until it ends."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.journals import new_purchase
from support.run_contexts import Shop

import numberflow
from numberflow.client import Client
from numberflow.errors import JournalUnavailable, LeaseLost, NotSent, Rejected, Stopped
from numberflow.journal import (
    ALL_PROJECTS,
    Applied,
    Attempt,
    Evidence,
    Finding,
    Intention,
    IntentionState,
    NewIntention,
)
from numberflow.purchase.costly_steps import CostlySteps, hold_purchase

pytestmark = pytest.mark.anyio

NUMBER = "+12025550123"
LINE = NewIntention("release", NUMBER, f"release {NUMBER}")


class Recorded:
    """A step that notes what it is asked to do, and ends as it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.sent = 0

    async def do(self, _: Attempt) -> Applied:
        self.sent += 1
        if self.error is not None:
            raise self.error
        return Applied({"phone_number": NUMBER}, "done")

    async def look(self, _: Intention) -> Evidence:
        return Evidence(Finding.ABSENT, "not there")


@contextlib.asynccontextmanager
async def held(shop: Shop) -> AsyncIterator[CostlySteps]:
    """The steps of one purchase, in one run."""
    async with shop.context() as context:
        context.flow_run_id = "run-1"
        purchase = context.journal.open_purchase(new_purchase("REL-1", context.project_id))
        async with hold_purchase(context, purchase) as steps:
            yield steps


async def test_a_step_is_written_down_sent_once_and_remembered(shop: Shop) -> None:
    """Planning twice is one step; running it twice is one request; `seen` has its end."""
    step = Recorded()
    async with held(shop) as steps:
        (row,) = await steps.plan([LINE])
        assert (row,) == await steps.plan([LINE])
        assert "run-1" == row.flow_run_id
        after = await steps.run(row, step)
        assert after == await steps.run(row, step)
        assert {row.id: after} == steps.seen
    assert (1, IntentionState.DONE) == (step.sent, after.state)


async def test_what_is_asked_before_a_request_keeps_it_here(shop: Shop) -> None:
    """`before` is awaited before each request; what it raises leaves the step planned, unsent."""

    async def no(_: Attempt) -> None:
        raise NotSent("the price rose")

    step = Recorded()
    async with held(shop) as steps:
        (row,) = await steps.plan([LINE])
        after = await steps.run(row, step, before=no)
        assert (0, IntentionState.PLANNED) == (step.sent, after.state)
        assert IntentionState.PLANNED is steps.seen[row.id].state


async def test_the_vendors_no_is_kept_and_a_later_yes_forgets_it(shop: Shop) -> None:
    """The refusal of a step is the one of this run of it."""
    no = Rejected("no such plan", status=400)
    async with held(shop) as steps:
        (row,) = await steps.plan([LINE])
        after = await steps.run(row, Recorded(no))
        assert (IntentionState.REFUSED, no) == (after.state, steps.refusal(after))
        (other,) = await steps.plan([LINE])
        after = await steps.run(other, Recorded())
        assert (IntentionState.DONE, None) == (after.state, steps.refusal(after))


async def test_a_stop_takes_hold_before_the_request(shop: Shop) -> None:
    """A stop of a person is raised, nothing is sent, the step stays planned, and the first reason
    is the one that counts.
    """
    step = Recorded()
    async with held(shop) as steps:
        (row,) = await steps.plan([LINE])
        steps.context.journal.stop(ALL_PROJECTS, by="Kim")
        with pytest.raises(Stopped) as caught:
            await steps.run(row, step)
        steps.stop(NotSent("later"), "another remedy")
        assert (caught.value, caught.value.remedy) == (steps.stopped_by, steps.remedy)
        assert (0, IntentionState.PLANNED) == (step.sent, steps.seen[row.id].state)


async def test_without_its_lease_nothing_is_sent(shop: Shop) -> None:
    """A run that lost the purchase sends nothing, plans nothing and takes nothing back."""
    step = Recorded()
    async with held(shop) as steps:
        (row,) = await steps.plan([LINE])
        steps._lease._lose("somebody took it over")
        steps.context.journal.give_back_leases((steps._lease,))
        for call in (
            steps.run(row, step),
            steps.plan([NewIntention("release", "+12025550124", "another")]),
            steps.withdraw(row, "not needed"),
        ):
            with pytest.raises(LeaseLost):
                await call
    assert 0 == step.sent


async def test_a_step_under_way_when_the_journal_is_lost_is_unknown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reports a run that lost its journal finds the step that was under way as unknown."""
    async with held(shop) as steps:
        (row,) = await steps.plan([LINE])

        def lost(*_: object, **__: object) -> None:
            raise JournalUnavailable("the disk is gone")

        monkeypatch.setattr(steps.context.journal, "record", lost)
        with pytest.raises(JournalUnavailable):
            await steps.run(row, Recorded())
        assert IntentionState.UNKNOWN is steps.seen[row.id].state


def test_costly_steps_leave_from_one_place() -> None:
    """In the product only `costly_steps` calls the journal's `run_costly_step` and plans steps."""
    root = Path(numberflow.__file__).parent.parent
    callers = {
        path.relative_to(root).as_posix()
        for folder in ("numberflow", "tasks", "flows")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Name) and node.id == "run_costly_step")
        or (isinstance(node, ast.Attribute) and ast.unparse(node).endswith("journal.plan"))
    }
    assert {"numberflow/purchase/costly_steps.py"} == callers


def test_costly_requests_are_called_in_steps_alone(shop: Shop) -> None:
    """What the client sends at most once (its methods with `watch`) is called by a step's `do`.

    The papers of an order, which cost nothing and can be read back, are not steps.
    """
    papers = {"number_orders.update_registration", "number_orders.upload_attachment"}
    nouns = {
        name: type(noun)
        for name, noun in vars(Client(shop.settings)).items()
        if not name.startswith("_")
    }
    costly = {
        f"{name}.{method}"
        for name, noun in nouns.items()
        for method, function in inspect.getmembers(noun, inspect.isfunction)
        if "watch" in inspect.signature(function).parameters
    } - papers
    assert {"active_numbers.release", "available_numbers.rent", "number_orders.submit"} < costly
    root = Path(numberflow.__file__).parent.parent
    callers = {
        path.relative_to(root).parent.as_posix()
        for folder in ("numberflow", "tasks", "flows")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in costly
    }
    assert {"numberflow/client", "numberflow/steps"} == callers
