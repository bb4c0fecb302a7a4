"""What holds a costly step besides the stops in the journal: the stop file and the run's own state.

`billable.py` checks it before a step goes to sending, and repeatedly while its request waits to
leave. Prefect is unknown here: the caller passes in how a run's state is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from numberflow.errors import Stopped

STOP_FILE = "stop"
"""Its name under NUMBERFLOW_HOME. Any file of this name holds every costly step of this machine.

It is there for the day on which the journal cannot be written.
"""

RunState = Callable[[], Awaitable[str]]
"""Name of the state that holds the run (Suspended, Cancelling, …); empty when it may go on."""


async def _free() -> str:
    return ""


class Brake:
    """Whether a costly step of this run may go ahead. Shared by all steps of a run.

    Args:
        stop_file: the file that holds this machine; None checks for none.
        run_state: reads the run's own state; None means that nobody can hold the run.
        step: entered for each costly step, from its permission until its outcome is on disk.
    """

    def __init__(
        self,
        stop_file: Path | None = None,
        run_state: RunState = _free,
        step: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._stop_file = stop_file
        self._run_state = run_state
        self.step = step

    async def ask(self) -> None:
        """Read everything now.

        This takes as long as `run_state` does: read the stops in the journal in parallel, not
        afterwards.

        Raises:
            Stopped: says by whom, and how to lift it.
        """
        self.check_file()
        if state := await self._run_state():
            raise Stopped(
                f"the run is {state}: no further costly step",
                remedy="Resume it, or run again: the same reference continues",
                run_state=state,
            )

    def check_file(self) -> None:
        """Check the stop file only; instant.

        Raises:
            Stopped: it exists, or that cannot be determined.
        """
        if self._stop_file is None:
            return
        try:
            self._stop_file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise Stopped(
                f"cannot tell whether {self._stop_file} exists: {error.strerror}",
                remedy="make NUMBERFLOW_HOME readable for this user, then run again with the same "
                "reference",
            ) from None
        raise Stopped(
            f"stopped by the file {self._stop_file}",
            remedy="numberflow go, on that machine, then run again: the same reference continues",
        )
