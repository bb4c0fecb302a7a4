"""SIGTERM and costly steps: the signal waits for the step, and only for the step."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from prefect.exceptions import TerminationSignal
from prefect.utilities.engine import _prefect_sigterm_handler

from tasks.termination import Termination, ungrouped


@pytest.fixture
def of_prefect() -> Iterator[None]:
    """Prefect's handler is in place, as in the process of a run."""
    before = signal.signal(signal.SIGTERM, _prefect_sigterm_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("of_prefect")
def test_the_last_step_under_way_ends_first() -> None:
    """With two steps at once it takes effect after both, and says so meanwhile."""
    termination, ended = Termination(), []

    def two_steps() -> None:
        with termination.step():
            with termination.step():
                signal.raise_signal(signal.SIGTERM)
                ended.append("first")
            ended.append(termination.came)
            ended.append("second")

    with pytest.raises(TerminationSignal):
        two_steps()
    assert ["first", True, "second"] == ended


@pytest.mark.usefixtures("of_prefect")
def test_between_steps_it_takes_effect_at_once() -> None:
    """A run that reads, waits or settles is not kept from ending."""
    termination = Termination()
    with termination.step():
        pass
    with pytest.raises(TerminationSignal):
        signal.raise_signal(signal.SIGTERM)
    assert not termination.came


def test_the_handler_of_others_stays() -> None:
    """`numberflow run` has a handler of its own, which is not replaced."""
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        with Termination().step():
            signal.raise_signal(signal.SIGTERM)
            assert [signal.SIGTERM] == came
    finally:
        signal.signal(signal.SIGTERM, before)


def test_out_of_a_group() -> None:
    """Steps that ran beside each other hand it over as itself; other groups stay groups."""
    signalled = TerminationSignal(signal=signal.SIGTERM)
    with pytest.raises(TerminationSignal), ungrouped():
        raise BaseExceptionGroup("tasks", [BaseExceptionGroup("tasks", [signalled])])
    with pytest.raises(ExceptionGroup), ungrouped():
        raise ExceptionGroup("tasks", [ValueError()])
