"""What every flow does the same way, by a flow that does next to nothing. No Prefect server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.journals import rent_line
from support.purchases import order
from support.run_contexts import Shop

from flows import runner
from flows.runner import Run, run_flow
from numberflow.errors import NumberflowError, SpendRefused
from numberflow.journal import Intention
from numberflow.models.held_numbers import ReleaseParameters
from numberflow.models.reports import NumbersReport, RunOutcome
from numberflow.purchase.renting.choose import OPERATION
from numberflow.purchase.run_context import RunContext, in_thread, new_purchase

pytestmark = pytest.mark.anyio

NUMBER = "+12025550101"
GIVEN = {"phone_numbers": [NUMBER], "reference": " R-1 "}


class House:
    """Takes the place of Prefect and of the account."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shop = shop
        self.published: list[Any] = []
        self.forgotten = 0
        self.stopped: list[tuple[str, ...]] = []
        monkeypatch.setattr(runner, "open_run_context", self._open)
        monkeypatch.setattr(runner, "publish", self._publish)
        monkeypatch.setattr(runner, "answers_forgotten", self._answers_forgotten)
        monkeypatch.setattr(runner, "get_run_logger", lambda: logging.getLogger("run"))

    def _open(self, _project: str | None) -> AbstractAsyncContextManager[RunContext]:
        return self.shop.context()

    async def _publish(self, report: Any) -> None:
        self.published.append(report)

    @asynccontextmanager
    async def _answers_forgotten(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.forgotten += 1

    def ended(
        self, error: NumberflowError, steps: Sequence[Intention], run: Run[Any]
    ) -> NumbersReport:
        """The report of an error; notes which steps it was to name."""
        self.stopped.append(tuple(str(step.subject) for step in steps))
        return NumbersReport(
            outcome=RunOutcome.REFUSED,
            reason=error.message,
            remedy="m",
            reference=run.reference,
            project_id=run.project_id,
        )


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A runner that works on the simulator and tells the test."""
    return House(Shop(tmp_path), monkeypatch)


async def _write_down(context: RunContext, reference: str) -> None:
    new = new_purchase(context, order(), reference, OPERATION)
    purchase = await in_thread(context.journal.open_purchase, new)
    async with context.hold(purchase) as (_, lease):
        await in_thread(
            context.journal.plan, purchase.id, [rent_line(NUMBER)], lease=lease, cap_today=None,
            cap_monthly=None, currency="USD",
        )  # fmt: skip


async def _done(run: Run[ReleaseParameters]) -> NumbersReport:
    return NumbersReport(outcome=RunOutcome.DONE, reference=run.reference, notes=("n",))


async def test_done_is_the_report_itself(house: House) -> None:
    """The checked reference, and the account that was opened; published once."""
    report = await run_flow(GIVEN, ReleaseParameters, _done, house.ended)
    assert isinstance(report, NumbersReport)
    assert ("R-1", RunOutcome.DONE, ("n",)) == (report.reference, report.outcome, report.notes)
    assert [report] == house.published


@pytest.mark.parametrize("given", [GIVEN, {}], ids=["worked", "refused"])
async def test_every_report_names_its_run_and_project(
    house: House, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    """Whoever made it: a called person and a program find the run by it."""
    monkeypatch.setattr(runner.flow_run, "get_id", lambda: "7c61")
    monkeypatch.setattr(runner, "note_nothing_begun", _nobody_refused)
    await run_flow(given, ReleaseParameters, _done, house.ended)
    (report,) = house.published
    project_id = house.shop.settings.project_id if given else ""
    assert ("7c61", project_id) == (report.flow_run_id, report.project_id)


async def test_wrong_parameters_open_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither client nor journal; the report bears the reference that was sent."""
    monkeypatch.setattr(runner, "open_run_context", None)
    state: Any = await run_flow({"reference": " R-1 "}, ReleaseParameters, _done, house.ended)
    assert ("Refused", "R-1") == (state.name, state.data.reference)
    assert [()] == house.stopped


@pytest.mark.parametrize("seen", [None, {}], ids=["the journal is asked", "nothing was seen"])
async def test_an_error_names_what_was_done(
    house: House, seen: dict[str, Intention] | None
) -> None:
    """What the journal has of the reference, unless the run kept what it saw itself."""

    async def work(run: Run[ReleaseParameters]) -> NumbersReport:
        await _write_down(run.context, run.reference)
        run.seen = seen
        raise SpendRefused("no", rule="test")

    state: Any = await run_flow(GIVEN, ReleaseParameters, work, house.ended)
    assert [(NUMBER,) if seen is None else ()] == house.stopped
    assert house.shop.settings.project_id == state.data.project_id


async def test_what_cannot_be_shown_is_told_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A Prefect that takes no artifact is a warning; the report goes to the caller."""

    async def refuse(_report: Any) -> None:
        raise RuntimeError("no artifact today")

    monkeypatch.setattr(runner, "publish", refuse)
    report = await run_flow(GIVEN, ReleaseParameters, _done, house.ended)
    assert isinstance(report, NumbersReport)
    assert ["The report could not be shown in Prefect: RuntimeError"] == [
        each.message for each in caplog.records if each.levelno == logging.WARNING
    ]


@pytest.mark.parametrize(
    ("private", "deployed", "forgotten"), [(True, True, 1), (True, False, 0), (False, True, 0)]
)
async def test_answers_are_forgotten_where_something_private_is_asked(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    private: bool,
    deployed: bool,
    forgotten: int,
) -> None:
    """However the run ends, and also when it is refused before its work."""
    monkeypatch.setattr(runner.deployment, "get_id", lambda: "d" if deployed else None)
    monkeypatch.setattr(runner, "obey_refusal", _nobody_refused)
    for given in (GIVEN, {}):
        house.forgotten = 0
        await run_flow(given, ReleaseParameters, _done, house.ended, asks_in_private=private)
        assert forgotten == house.forgotten


async def _nobody_refused() -> None:
    return None


async def test_a_bug_is_not_a_report(house: House) -> None:
    """What is no error of ours leaves its traceback."""

    async def work(_run: Run[ReleaseParameters]) -> NumbersReport:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_flow(GIVEN, ReleaseParameters, work, house.ended)
    assert [] == house.published


@pytest.mark.parametrize("takes_lists", [True, False])
async def test_lists_are_fetched_before_the_check(
    house: House, monkeypatch: pytest.MonkeyPatch, *, takes_lists: bool
) -> None:
    """The numbers take the place of their source, and the report says where they came from."""

    async def fetched(parameters: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        return {**parameters, "phone_numbers": [NUMBER]}, ("1 number from list.csv",)

    monkeypatch.setattr(runner, "with_numbers", fetched)
    given = GIVEN | {"phone_numbers": "list.csv"}
    ended: Any = await run_flow(
        given, ReleaseParameters, _done, house.ended, takes_lists=takes_lists
    )
    if takes_lists:
        assert ("n", "1 number from list.csv") == ended.notes
    else:
        assert "phone_numbers" in ended.data.reason
