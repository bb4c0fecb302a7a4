"""`python -m deployments.supervise COMMAND …`: on SIGTERM, runs end before the command does.

A process worker of Prefect that gets SIGTERM kills its runs where they are and tells nobody, so
they stay Running; `prefect flow-run execute` ends before its run has (Prefect 3.9.1, measured
2026-12-01). So the runs get SIGUSR1 first: each ends after the costly step that is under way
(`tasks.termination`) and is told to the server as crashed. Then the command gets SIGTERM.

This is what the image starts everything with. A command that has no runs gets SIGTERM at once.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time

import psutil

# A request may take 30 s (NUMBERFLOW_HTTP_TIMEOUT_S), and its outcome is then written down. What
# kills this process, Compose or Kubernetes, waits longer (containers/).
RUNS_END_IN_S = 45.0
_POLL_S = 0.1
# A run's process, and what it is before its flow is loaded.
_OF_A_RUN = ("prefect.engine", "prefect.runner._workspace_supervisor", "_runtime_bootstrap.py")


def main(command: list[str]) -> int:
    """Run the command until it ends or SIGTERM comes.

    Returns its exit code; 128 + n after a signal.
    """
    asked = threading.Event()
    # Ctrl-C as well. With a handler here the command starts with its own: Prefect's worker does not
    # stop where SIGINT is ignored, as a shell has it for what it starts in the background.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    child = subprocess.Popen(command)  # noqa: S603 - the image's own commands
    while child.poll() is None and not asked.wait(_POLL_S):
        pass
    if asked.is_set():
        _end_runs(child.pid)
        child.terminate()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_runs(pid: int) -> None:
    """Send SIGUSR1 once to each run below this process, and wait until none is left."""
    give_up_at_s = time.monotonic() + RUNS_END_IN_S
    told: set[psutil.Process] = set()
    while (runs := _runs(pid)) and time.monotonic() < give_up_at_s:
        for run in set(runs) - told:
            with contextlib.suppress(psutil.NoSuchProcess):
                run.send_signal(signal.SIGUSR1)
        told.update(runs)
        time.sleep(_POLL_S)


def _runs(pid: int) -> list[psutil.Process]:
    runs = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                words = " ".join(process.cmdline())
                if any(word in words for word in _OF_A_RUN):
                    runs.append(process)
    return runs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
