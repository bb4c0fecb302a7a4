"""`numberflow run` as real processes: start, wait, kill -9, stop, go on.

Two ways to start one, the same handle for both.

`Nursery` forks them from an interpreter that has imported everything (run_nursery.py); `fresh_run`
pays the import, as a user does. Both need a Prefect server, which `prefect_api` brings along. Not
here: what the processes talk to (scenes.py).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from support import rates
from support.server_logs import require_quiet

from numberflow.cli.prefect_server import start_server, wait_ready
from numberflow.cli.processes import free_port, stop
from numberflow.models.reports import PurchaseReport

ROOT = Path(__file__).parents[2]
# A run takes a second or two alone; eight at a time, or one beside ten other busy processes, were
# seen to take a minute (2026-11-23).
RUN_TIMEOUT_S = 140.0
_POLL_S = 0.01
# Name of the report in a run's folder, where a command line that has one is to put it.
REPORT = "report.json"
_API_URL = pytest.StashKey[str]()
_HOME = pytest.StashKey[Path]()


def until(holds: Callable[[], Any], what: str, *, timeout_s: float = RUN_TIMEOUT_S) -> Any:
    """Wait until `holds()` is true and return what it returned; fails naming `what`."""
    give_up_at = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < give_up_at, f"waited {timeout_s:.0f} s in vain until {what}"
        time.sleep(_POLL_S)
    return found


@dataclass(frozen=True)
class Ended:
    """How a run ended: exit code (minus the signal for a killed one), what it printed, and its
    report if it wrote one.
    """

    code: int
    out: str
    err: str
    report: PurchaseReport | None

    @property
    def told(self) -> str:
        """All that a person at the terminal saw."""
        return self.out + self.err


RunHere = Callable[[str, Mapping[str, Any]], Ended]
"""Runs a flow by its deployment's name and parameters, and waits for its end."""


@dataclass
class Run:
    """One process of a command. `code` is None while it runs."""

    pid: int
    folder: Path
    code: int | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, code: int) -> None:
        """Called by whoever reaped the process."""
        self.code = code
        self.ended.set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal unless it is over."""
        if self.code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill -9, and wait until the process is gone."""
        self.signal(signal.SIGKILL)
        assert self.ended.wait(10), f"process {self.pid} survives a SIGKILL"

    @property
    def is_stopped(self) -> bool:
        """Whether every thread of it is halted by a SIGSTOP."""
        threads = (Path("/proc") / str(self.pid) / "task").glob("*/stat")
        # A thread may end while they are read; then the process runs.
        with suppress(OSError):
            return {thread.read_text().rpartition(")")[2].split()[0] for thread in threads} == {"T"}
        return False

    def wait(self, timeout_s: float = RUN_TIMEOUT_S) -> Ended:
        """Wait for its end."""
        if not self.ended.wait(timeout_s):
            self.kill()
            pytest.fail(
                f"the run did not end within {timeout_s:.0f} s:\n{self._text('err')[-3000:]}"
            )
        assert self.code is not None
        path = self.folder / REPORT
        report = PurchaseReport.model_validate_json(path.read_text()) if path.exists() else None
        return Ended(self.code, self._text("out"), self._text("err"), report)

    def _text(self, name: str) -> str:
        return (self.folder / name).read_text(errors="replace")


class Nursery:
    """Forks runs. A context manager: at its end no process is left."""

    def __init__(self, api_url: str, home: Path) -> None:
        """Start the parent; returns when it is ready to fork."""
        path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
        environment = _plain_environment() | {
            "PREFECT_API_URL": api_url,
            "PREFECT_HOME": str(home),
            "PYTHONPATH": path,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("run_nursery.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=home,
        )
        self._runs: dict[int, Run] = {}
        self._started: dict[int, tuple[threading.Event, Run]] = {}
        self._guard = threading.Lock()
        self._serial = 0
        assert self._process.stdout is not None
        assert b"ready" in self._process.stdout.readline(), "the nursery did not come up"
        self._reader = threading.Thread(target=self._read, name="nursery", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_all()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        self._reader.join(timeout=5)

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        fate: Mapping[str, Any] | None,
    ) -> Run:
        """Fork one command; `folder` is its working directory and takes its output."""
        run = Run(0, folder)
        forked = threading.Event()
        with self._guard:
            self._serial += 1
            serial = self._serial
            self._started[serial] = (forked, run)
        task = {
            "id": serial,
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
            "out": str(folder / "out"),
            "err": str(folder / "err"),
            "fate": dict(fate or {}),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        self._process.stdin.flush()
        assert forked.wait(20), "the nursery does not fork"
        return run

    def kill_all(self) -> None:
        """Kill every run that is still there, stopped ones too."""
        with self._guard:
            left = [run for run in self._runs.values() if run.code is None]
        for run in left:
            run.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self._guard:
                if "code" in told:
                    self._runs.pop(told["pid"]).end(told["code"])
                    continue
                forked, run = self._started.pop(told["id"])
                run.pid = told["pid"]
                self._runs[run.pid] = run
            forked.set()


def fresh_run(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, api_url: str
) -> Run:
    """A command in an interpreter of its own, exactly as a user starts it."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "numberflow", *arguments],
            env=_plain_environment()
            | dict(environment)
            | {"PREFECT_API_URL": api_url, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
        )
    run = Run(process.pid, folder)
    threading.Thread(target=lambda: run.end(process.wait()), daemon=True).start()
    return run


def _plain_environment() -> dict[str, str]:
    """This environment without settings of ours or Prefect's.

    Tests do not depend on who runs them.
    """
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SINCH_", "NUMBERFLOW_", "PREFECT_"))
    }
    return plain | rates.FREE


@pytest.fixture(scope="session")
def prefect_api(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """API address of a Prefect server that belongs to this test session.

    Its log is looked at when the tests are over.

    Kept with the session and not with the fixture: a fixture that several conftests import is one
    of its own in each.
    """
    if _API_URL not in pytestconfig.stash:
        home = tmp_path_factory.mktemp("prefect")
        port = free_port(0)
        api_url = f"http://127.0.0.1:{port}/api"
        server = start_server(home, port, home / "log")
        pytestconfig.add_cleanup(lambda: stop(server))
        try:
            wait_ready(api_url, server, home / "log")
        except RuntimeError:
            # Whole test suites beside us: it was seen to take more than the two minutes that a user
            # is asked to wait (2026-11-23).
            wait_ready(api_url, server, home / "log")
        pytestconfig.stash[_API_URL] = api_url
        pytestconfig.stash[_HOME] = home
    yield pytestconfig.stash[_API_URL]
    require_quiet(pytestconfig.stash[_HOME] / "log")


@pytest.fixture(scope="session")
def prefect_home(pytestconfig: pytest.Config, prefect_api: str) -> Path:
    """Where that server keeps its database and its log."""
    assert prefect_api
    return pytestconfig.stash[_HOME]


@pytest.fixture(scope="session")
def nursery(prefect_api: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One nursery for the session."""
    with Nursery(prefect_api, tmp_path_factory.mktemp("nursery")) as opened:
        yield opened
