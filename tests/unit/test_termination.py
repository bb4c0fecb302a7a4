"""A run that is asked to end, and costly steps: the end waits for the step, and only for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from prefect.exceptions import TerminationSignal
from prefect.utilities.engine import _prefect_sigterm_handler

from tasks.termination import Termination


@pytest.fixture(autouse=True)
def _of_prefect() -> Iterator[None]:
    """Prefect's handler is in place, as in the process of a run."""
    before = signal.signal(signal.SIGTERM, _prefect_sigterm_handler)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_last_step_under_way_ends_first() -> None:
    """With two steps at once it takes effect after both, and says so meanwhile."""
    termination, ended = Termination(), []

    def two_steps() -> None:
        with termination.heard(), termination.step():
            with termination.step():
                signal.raise_signal(signal.SIGUSR1)
                ended.append("first")
            ended.append(termination.came)
            ended.append("second")

    with pytest.raises(TerminationSignal):
        two_steps()
    assert ["first", True, "second"] == ended


def test_between_steps_it_takes_effect_at_once() -> None:
    """A run that reads, waits or settles is not kept from ending."""
    termination = Termination()
    with termination.step():
        pass
    with pytest.raises(TerminationSignal), termination.heard():
        signal.raise_signal(signal.SIGUSR1)


def test_cancel_waits_for_nothing() -> None:
    """SIGTERM, which Prefect sends for Cancel, finds Prefect's own handler during a step, too."""
    termination = Termination()
    with termination.heard(), termination.step():
        assert signal.getsignal(signal.SIGTERM) is _prefect_sigterm_handler


def test_out_of_a_group() -> None:
    """Steps that ran beside each other hand it over as itself; other groups stay groups."""
    signalled = TerminationSignal(signal=signal.SIGTERM)
    with pytest.raises(TerminationSignal), Termination().heard():
        raise BaseExceptionGroup("tasks", [BaseExceptionGroup("tasks", [signalled])])
    with pytest.raises(ExceptionGroup), Termination().heard():
        raise ExceptionGroup("tasks", [ValueError()])
