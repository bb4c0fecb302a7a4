"""SIGTERM while a costly step is under way: it takes effect when the outcome is on disk.

Prefect's handler raises wherever the program is. In the middle of a step the request is cut off,
and the next run has to find out what became of it. Between steps it stays as Prefect made it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.exceptions import TerminationSignal
from prefect.utilities.engine import is_prefect_sigterm_handler_installed


class Termination:
    """The SIGTERM of one run. Use it in the thread of the run's event loop."""

    def __init__(self) -> None:
        self._under_way = 0
        self._handler: Any = None
        self.came = False
        """Whether it came during a step: no further one is to begin."""

    @contextmanager
    def step(self) -> Iterator[None]:
        """A costly step, from its permission until its outcome is on disk.

        Raises:
            TerminationSignal: the signal came meanwhile, and this was the last step under way.
        """
        # Without Prefect's handler (`numberflow run`, tests), or in another thread, the signal is
        # somebody else's business.
        if (
            self._under_way == 0
            and threading.current_thread() is threading.main_thread()
            and is_prefect_sigterm_handler_installed()
        ):
            self._handler = signal.signal(signal.SIGTERM, self._note)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if self._under_way == 0 and self._handler is not None:
                signal.signal(signal.SIGTERM, self._handler)
                self._handler = None
                if self.came:
                    signal.raise_signal(signal.SIGTERM)

    def _note(self, *_: object) -> None:
        self.came = True


@contextmanager
def ungrouped() -> Iterator[None]:
    """A TerminationSignal as itself: Prefect does not find it in the group of a task group."""
    try:
        yield
    except BaseExceptionGroup as group:
        found, _ = group.split(TerminationSignal)
        if found is None:
            raise
        raise TerminationSignal(signal=signal.SIGTERM) from group
