"""A run that is asked to end, by SIGUSR1, ends after the costly step that is under way.

`deployments.supervise` sends it before it stops a worker. SIGTERM stays Prefect's: its handler
raises wherever the program is, which is what Cancel needs. In the middle of a step the request is
cut off, and the next run has to find out what became of it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.exceptions import TerminationSignal


class Termination:
    """Whether one run was asked to end. Use it in the thread of the run's event loop."""

    def __init__(self) -> None:
        self._under_way = 0
        self.came = False
        """Whether it was asked: no further step is to begin."""

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Until the block ends, SIGUSR1 ends the run. Elsewhere than in the main thread: nothing.

        Raises:
            TerminationSignal: it came, as itself and not in the group of a task group, in which
                Prefect does not find it.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGUSR1, self._asked)
        try:
            yield
        except BaseExceptionGroup as group:
            found, _ = group.split(TerminationSignal)
            if found is None:
                raise
            raise TerminationSignal(signal=signal.SIGTERM) from group
        finally:
            signal.signal(signal.SIGUSR1, before)

    @contextmanager
    def step(self) -> Iterator[None]:
        """A costly step, from its permission until its outcome is on disk."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if self.came:
                self._end()

    def _asked(self, *_: object) -> None:
        self.came = True
        self._end()

    def _end(self) -> None:
        if self._under_way == 0:
            signal.raise_signal(signal.SIGTERM)
