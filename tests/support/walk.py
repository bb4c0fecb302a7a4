"""A walk through the Prefect UI of `numberflow up`, with a picture of each page.

Not here: where each UI has its fields and buttons (support.prefect_ui).
"""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page
from support.prefect import TERMINAL, Prefect
from support.prefect_ui import PATIENCE_MS, Pages, made
from support.up import Up

RUN_TIMEOUT_S = 240
# Charts and tables draw themselves after the page has what they show.
STILL_MS = 400
_CREATED = re.compile(r"/deployments/[^/]+/create_flow_run$")


class Walk:
    """One page of the browser, the server behind it, and a folder for pictures."""

    def __init__(self, page: Page, pages: Pages, up: Up, pictures: Path) -> None:
        self.page, self.pages, self.up = page, pages, up
        self.prefect: Prefect = up.prefect
        self.control = httpx.Client(base_url=up.simulator[1], timeout=60, trust_env=False)
        # References of one test run: `up` may be walked through twice.
        self.mark = uuid.uuid4().hex[:6].upper()
        self._pictures = pictures

    def picture(self, name: str, *, whole: bool = False) -> None:
        """Keep what is on the screen, or the whole page."""
        self.page.wait_for_timeout(STILL_MS)
        self.page.screenshot(path=self._pictures / f"{self.pages.name}-{name}.png", full_page=whole)

    def open_form(self, deployment: str, **fields: str) -> None:
        """Open the form of a deployment and fill in fields, each by the name of its parameter."""
        self.pages.open_form(self.prefect.deployment(f"{deployment}/{deployment}")["id"])
        for name, value in fields.items():
            self.pages.fill(name, value)

    def open_rent(self, reference: str, **fields: str) -> None:
        """The form of search-and-rent for one US number, under a reference of this walk."""
        caps = {"max_today": "500.00", "max_monthly": "500.00"}
        mine = {"quantity": "1", "reference": f"{reference}-{self.mark}"}
        self.open_form("search-and-rent", **(mine | caps | fields))

    def submit(self) -> str:
        """Send the form; returns the id of the run that it made, which is then looked at."""
        answer = made(self.page, _CREATED, self.pages.submit)
        run_id = str(answer.json()["id"])
        self.pages.open_run(run_id)
        return run_id

    def until(self, run_id: str, state: str) -> str:
        """Wait until the run is in this state, then return the classes of its badge (`badge`)."""
        give_up_at = time.monotonic() + RUN_TIMEOUT_S
        while (run := self.prefect.run(run_id))["state_name"] != state:
            told = f"run {run_id} is {run['state_name']}, not {state}: {run['state']['message']}"
            assert time.monotonic() < give_up_at, told
            assert run["state_type"] not in TERMINAL, told
            self.page.wait_for_timeout(300)
        return self.badge(run_id, state)

    def badge(self, run_id: str, state: str) -> str:
        """Look at a run; returns the classes of the badge that shows its state."""
        self.pages.open_run(run_id)
        return self.pages.badge(state)

    def artifacts(self, run_id: str, name: str) -> set[str]:
        """A picture of each artifact of a run; returns their keys."""
        self.pages.open_artifacts()
        self.picture(f"{name}-artifacts")
        found = self.prefect.artifacts(run_id)
        for key, artifact in found.items():
            self.page.goto(self.pages.artifact_url(artifact["id"]))
            self.page.get_by_text(key).first.wait_for(timeout=PATIENCE_MS)
            self.picture(f"{name}-{key}", whole=True)
        return set(found)

    @property
    def papers(self) -> Path:
        """The papers store of the runs."""
        folder = self.up.home / "papers"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    @property
    def charged(self) -> int:
        """Numbers that the simulator charged so far: the judge of every test."""
        return int(self.control.get("/charges").json()["rentals"])

    def tell(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Tell the simulator what happens next."""
        answer = self.control.post(path, json=body).raise_for_status()
        return dict(answer.json() or {})
