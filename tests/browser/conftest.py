"""One `numberflow up` and one Chromium for all tests in here, with a picture of each page.

Where no Chromium is found the tests are skipped, and the last lines of the test run say so.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from support.prefect_ui import V1, V2
from support.up import Up, running
from support.walk import Walk

# Nothing but the page itself may be fetched.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium: an installed one, or the one that Playwright has downloaded.

    Scope is the module: while it is open, an event loop runs in this thread, and a test with an
    event loop of its own cannot run.
    """
    with sync_playwright() as playwright:
        installed = next(
            filter(None, map(shutil.which, NAMES)), playwright.chromium.executable_path
        )
        if not os.access(installed, os.X_OK):
            pytest.skip(f"no Chromium: none of {', '.join(NAMES)}, none of Playwright's")
        chromium = playwright.chromium.launch(executable_path=installed, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pictures(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures are put: the folder of --pictures, or one of pytest's own."""
    folder: Path | None = pytestconfig.getoption("--pictures")
    if folder is None:
        return tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def up(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`numberflow up` with a home and ports of its own; not started where there is no browser."""
    assert browser.is_connected()
    with running(tmp_path_factory.mktemp("up"), {}) as started:
        started.says("Prefect UI: ")
        started.prefect.pause_schedules()
        yield started


@pytest.fixture
def newer(browser: Browser, up: Up, pictures: Path) -> Iterator[Walk]:
    """A new window on V2, the UI that the address of `numberflow up` opens."""
    yield from _window(V2, browser, up, pictures)


@pytest.fixture
def older(browser: Browser, up: Up, pictures: Path) -> Iterator[Walk]:
    """A new window on V1."""
    yield from _window(V1, browser, up, pictures)


@pytest.fixture(params=["newer", "older"])
def walk(request: pytest.FixtureRequest) -> Walk:
    """A window on the one, then on the other."""
    found: Walk = request.getfixturevalue(request.param)
    return found


def _window(pages: type[V1 | V2], browser: Browser, up: Up, pictures: Path) -> Iterator[Walk]:
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(30_000)
    yield Walk(page, pages(page, f"http://127.0.0.1:{up.port}"), up, pictures)
    page.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what was on the screen when a test failed."""
    report = yield
    if call.when == "call" and report.failed:
        for walked in getattr(item, "funcargs", {}).values():
            if isinstance(walked, Walk):
                walked.picture(f"failed-{re.sub(r'[^a-z0-9]+', '-', item.name)}", whole=True)
    return report
