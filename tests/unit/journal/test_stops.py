"""A stop holds every costly step before it leaves, wherever it stands by then, and lets what is
written down go on later.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.journals import PROJECT, Vendor, planned, rent_line, run_step

from numberflow.errors import Stopped
from numberflow.journal import (
    ALL_PROJECTS,
    Applied,
    Attempt,
    Brake,
    Intention,
    IntentionState,
    Journal,
    billable,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("scope", [ALL_PROJECTS, PROJECT])
async def test_a_stop_in_the_journal_sends_nothing_until_go(journal: Journal, scope: str) -> None:
    """The row stays planned, without an attempt; after go the same row is done."""
    (line,) = planned(journal)
    vendor = Vendor()
    journal.stop(scope, by="ann", why="wrong price")
    with pytest.raises(Stopped, match=r"ann, .*: wrong price") as caught:
        await run_step(journal, line, vendor.rent, vendor.look)
    assert ("numberflow go" in caught.value.remedy, 0) == (True, vendor.requests)
    history = journal.history(line.id)
    assert (IntentionState.PLANNED, ()) == (history.intention.state, history.attempts)
    assert journal.go(scope)
    assert IntentionState.DONE is (await run_step(journal, line, vendor.rent, vendor.look)).state


async def test_a_stop_of_another_project_holds_nothing_here(journal: Journal) -> None:
    """A project's stop is its own; lifting what does not stand says so."""
    (line,) = planned(journal)
    vendor = Vendor()
    journal.stop("another-project", by="ann")
    assert IntentionState.DONE is (await run_step(journal, line, vendor.rent, vendor.look)).state
    assert not journal.go(PROJECT)


async def test_what_was_lost_is_looked_for_and_not_sent_again_while_stopped(
    journal: Journal,
) -> None:
    """Settling only reads, so it goes on; the second request does not leave."""
    (line,) = planned(journal)
    vendor = Vendor("dropped")

    async def rent_then_stop(attempt: Attempt) -> Applied:
        journal.stop(ALL_PROJECTS, by="ann")
        return await vendor.rent(attempt)

    with pytest.raises(Stopped):
        await run_step(journal, line, rent_then_stop, vendor.look)
    after = journal.history(line.id)
    assert (IntentionState.PLANNED, 1, True) == (
        after.intention.state,
        vendor.requests,
        vendor.looks > 1,
    )


def _file(folder: Path) -> Brake:
    return Brake(folder / "stop")


def _own_run(_: Path) -> Brake:
    async def suspended() -> str:
        return "Suspended"

    return Brake(None, suspended)


@pytest.mark.parametrize("brake", [_file, _own_run])
async def test_the_stop_file_and_the_runs_own_state_hold_it_too(
    journal: Journal, tmp_path: Path, brake: object
) -> None:
    """Nothing is sent, and nothing is written but what was."""
    (tmp_path / "stop").touch()
    (line,) = planned(journal)
    vendor = Vendor()
    with pytest.raises(Stopped):
        await run_step(journal, line, vendor.rent, vendor.look, brake=brake(tmp_path))  # type: ignore[operator]
    assert (0, IntentionState.PLANNED) == (
        vendor.requests,
        journal.history(line.id).intention.state,
    )


async def test_a_stop_file_that_cannot_be_looked_for_holds(tmp_path: Path) -> None:
    """Fail-closed: what cannot be read may be there."""
    too_long = Brake(tmp_path / ("x" * 300))
    with pytest.raises(Stopped, match="cannot tell whether"):
        too_long.check_file()


@pytest.mark.parametrize("held", ["journal", "file", "run"])
async def test_a_request_that_waits_to_leave_is_asked_for_again(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    """Stopped between permission and the first byte (a connection, the vendor's limit).

    It does not leave.
    """
    monkeypatch.setattr(billable, "ASK_EVERY_S", 0.01)
    (line,) = planned(journal, rent_line())
    vendor = Vendor()
    state = ""

    async def run_state() -> str:
        return state

    async def rent_after_a_while(attempt: Attempt) -> Applied:
        nonlocal state
        if held == "journal":
            journal.stop(ALL_PROJECTS, by="ann")
        elif held == "file":
            (tmp_path / "stop").touch()
        else:
            state = "Cancelling"
        while attempt.held_by is None:
            await billable.anyio.sleep(0.01)
        return await vendor.rent(attempt)

    with pytest.raises(Stopped):
        await run_step(
            journal,
            line,
            rent_after_a_while,
            vendor.look,
            brake=Brake(tmp_path / "stop", run_state),
        )
    row = journal.history(line.id)
    assert (0, IntentionState.PLANNED, "not_sent") == (
        vendor.requests,
        row.intention.state,
        row.attempts[0].outcome,
    )


async def test_a_run_state_that_is_not_answered_keeps_no_stop_unread(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Prefect does not answer, a stop in the journal still reaches a request that waits."""
    monkeypatch.setattr(billable, "ASK_EVERY_S", 0.01)
    (line,) = planned(journal)
    vendor = Vendor()
    waits = False

    async def run_state() -> str:
        if waits:
            await billable.anyio.sleep_forever()
        return ""

    async def rent_after_a_while(attempt: Attempt) -> Applied:
        nonlocal waits
        waits = True
        await billable.anyio.sleep(0.05)
        journal.stop(ALL_PROJECTS, by="ann")
        with billable.anyio.fail_after(20):
            while attempt.held_by is None:
                await billable.anyio.sleep(0.01)
        return await vendor.rent(attempt)

    with pytest.raises(Stopped):
        await run_step(journal, line, rent_after_a_while, vendor.look, brake=Brake(None, run_state))
    assert (0, IntentionState.PLANNED) == (
        vendor.requests,
        journal.history(line.id).intention.state,
    )


async def test_under_way_counts_living_senders_only(journal: Journal) -> None:
    """Whoever stops is told of what may still leave, and not of what a dead process left behind."""
    (line,) = planned(journal)
    counted: list[int] = []

    async def rent(attempt: Attempt) -> Applied:
        counted.append(journal.under_way(PROJECT))
        counted.append(journal.under_way("another-project"))
        counted.append(journal.under_way(ALL_PROJECTS, is_dead=lambda _: True))
        return await Vendor().rent(attempt)

    async def unread(_: Intention) -> None:
        raise AssertionError

    await run_step(journal, line, rent, unread)  # type: ignore[arg-type]
    assert [1, 0, 0] == counted
    assert 0 == journal.under_way(PROJECT)
