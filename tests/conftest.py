"""Fixtures that every kind of test shares, and the counts at the end of a run."""

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from support import certificates, counts, openapi, rates  # noqa: F401
from xdist.scheduler import LoadScopeScheduling

# The machine may be busy with the other half of the tests: how long a case takes says nothing about
# the code.
hypothesis.settings.register_profile(
    "numberflow", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
# Many times in a row (`make mutants`): few examples, and the same ones each time.
hypothesis.settings.register_profile(
    "mutants",
    hypothesis.settings.get_profile("numberflow"),
    max_examples=20,
    derandomize=True,
)
hypothesis.settings.load_profile("numberflow")

os.environ.update(rates.FREE)

# Journals wait for the disk at every write. In memory a write takes a hundredth of that, and a
# killed process loses no more: only a machine without power does, and nobody pulls the plug here.
_MEMORY, _ENOUGH = Path("/dev/shm"), 2 << 30
if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio only: httpx, Prefect and the journal's threads all run on it here."""
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the browser tests put their pictures."""
    parser.addoption("--pictures", type=Path, metavar="DIR", help="keep pictures of the UI here")


class _Rooms(LoadScopeScheduling):
    """Which tests stay together: those that share a server with deployments, slow to start.

    One worker has all of a folder and begins with them. Every other test goes to whoever is free.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder = "/".join(nodeid.split("/")[:2])
        is_alone = folder not in {"tests/workflow", "tests/browser"} or "/test_clock.py" in nodeid
        return nodeid if is_alone else folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Whatever `--dist` says."""
    return _Rooms(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no worker is left with one when the others have nothing to do."""
    items.sort(key=lambda item: not item.get_closest_marker("workflow"))


def pytest_collection_finish() -> None:
    """Keep modules and collected tests out of the garbage collector's rounds, a seventh of CPU."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all test processes count into; workers inherit its name."""
    if not hasattr(config, "workerinput"):
        os.environ[counts.FOLDER_VARIABLE] = tempfile.mkdtemp(prefix="numberflow-counts-")


def pytest_sessionfinish() -> None:
    """Hand in what this process checked against the contract."""
    counts.count("contract checks", openapi.checks_run)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was tried, and say it loudly when the UI was not looked at."""
    told = ", ".join(f"{what}: {n:,}" for what, n in sorted(counts.totals().items()) if n)
    if told:
        terminalreporter.write_line(told)
    unseen = sum("/browser/" in each.nodeid for each in terminalreporter.getreports("skipped"))
    if unseen:
        terminalreporter.write_sep("!", f"{unseen} BROWSER TESTS SKIPPED: NO CHROMIUM", red=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(counts.FOLDER_VARIABLE), ignore_errors=True)
