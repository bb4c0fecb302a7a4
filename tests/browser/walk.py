"""Walk through `numberflow up` as an operator does, in a headless Chromium, and take a picture of every page.

Run by hand, not by pytest:

    numberflow up --port 4200                                         (or: make up)
    python tests/browser/walk.py --ui http://127.0.0.1:4200 --control http://127.0.0.1:8378 --pictures DIR [--chromium PATH]

It fills in the form without writing JSON, submits it, reads the artifacts, has a second purchase approved, and then asks the simulator's
ledger. Exit code 0: both numbers were charged once. docs/ui.md says what the pictures show.
"""

from __future__ import annotations

import argparse
import re
import sys
import uuid
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

# Nothing but the page itself may be fetched.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
]
# A run takes up to 15 s from the click to its first log line on two cores.
PATIENCE_MS = 120_000


class Walk:
    """One browser window, the server behind it, and a folder for pictures."""

    def __init__(self, page: Page, ui: str, control: str, pictures: Path) -> None:
        self.page, self.ui, self.pictures = page, ui, pictures
        self.api = httpx.Client(base_url=f"{ui}/api", timeout=30, trust_env=False)
        self.control = httpx.Client(base_url=control, timeout=30, trust_env=False)

    def picture(self, name: str) -> None:
        """Keep what is on the screen."""
        self.page.wait_for_timeout(800)
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def open_form(self) -> None:
        """Deployments → search-and-rent → Run → Custom run."""
        page = self.page
        found = self.api.get("/deployments/name/search-and-rent/search-and-rent").json()
        page.goto(f"{self.ui}/deployments/deployment/{found['id']}")
        button = page.get_by_role("button", name="Run", exact=True)
        button.wait_for(timeout=PATIENCE_MS)
        self.picture("1-deployment")
        button.click()
        page.get_by_text("Custom run").click()
        page.get_by_text("Run Name").wait_for(timeout=PATIENCE_MS)

    def fill(self, field: str, value: str) -> None:
        """Type into the field of one parameter."""
        label = self.page.locator(".schema-form-property__label").get_by_text(re.compile(rf"^{field}( \(Optional\))?$"))
        form = self.page.locator(".schema-form-property").filter(has=label)
        form.locator("textarea, input").first.fill(value)

    def submit(self) -> str:
        """Press Submit; returns the id of the run it made."""
        before = {run["id"] for run in self.runs()}
        self.page.get_by_role("button", name="Submit").click()
        self.page.wait_for_timeout(2000)
        (made,) = {run["id"] for run in self.runs()} - before
        self.page.goto(f"{self.ui}/runs/flow-run/{made}")
        return str(made)

    def runs(self) -> list[dict[str, str]]:
        """Flow runs that the server knows."""
        found: list[dict[str, str]] = self.api.post("/flow_runs/filter", json={}).json()
        return found

    def until(self, run_id: str, *names: str) -> str:
        """Wait until the run is in one of these states; returns which."""
        for _ in range(240):
            name = str(self.api.get(f"/flow_runs/{run_id}").json()["state_name"])
            if name in names:
                return name
            self.page.wait_for_timeout(500)
        raise TimeoutError(f"run {run_id} is {name}, not {names}")

    def charged(self) -> int:
        """Numbers that the simulator charged so far."""
        return int(self.control.get("/charges").json()["rentals"])


def walk(one: Walk) -> int:
    """The whole walk. Returns how many numbers were charged on the way."""
    page, before = one.page, one.charged()
    name = uuid.uuid4().hex[:6].upper()

    one.open_form()
    one.picture("2-form-empty")
    one.fill("region_code", "US")
    one.fill("quantity", "1")
    one.fill("max_today", "10.00")
    one.fill("max_monthly", "10.00")
    one.fill("reference", f"UI-{name}")
    one.picture("3-form-filled")
    run_id = one.submit()
    one.until(run_id, "Completed")
    page.get_by_text("Completed").first.wait_for(timeout=PATIENCE_MS)
    one.picture("4-run-done")
    page.get_by_text("Artifacts", exact=True).click()
    one.picture("5-run-artifacts")
    artifacts = one.api.post("/artifacts/filter", json={"artifacts": {"flow_run_id": {"any_": [run_id]}}}).json()
    for artifact in artifacts:
        page.goto(f"{one.ui}/artifacts/artifact/{artifact['id']}")
        page.get_by_text(artifact["key"]).first.wait_for(timeout=PATIENCE_MS)
        one.picture(f"6-{artifact['key']}")

    one.open_form()
    one.fill("max_today", "10.00")
    one.fill("max_monthly", "10.00")
    one.fill("reference", f"UI-{name}-APPROVED")
    one.fill("approve_above", "0.50")
    run_id = one.submit()
    one.until(run_id, "Suspended")
    page.get_by_role("button", name="Resume").wait_for(timeout=PATIENCE_MS)
    one.picture("7-run-suspended")
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("Your name").wait_for(timeout=PATIENCE_MS)
    one.picture("8-approval")
    one.fill("Your decision", "approve")
    one.fill("Your name", "Ada Lovelace")
    one.picture("9-approval-filled")
    page.get_by_role("button", name="Submit").last.click()
    one.until(run_id, "Completed")
    page.reload()
    page.get_by_text("Completed").first.wait_for(timeout=PATIENCE_MS)
    one.picture("10-approved-done")
    return one.charged() - before


def main() -> int:
    """Walk and say what was charged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ui", default="http://127.0.0.1:4200")
    parser.add_argument("--control", default="http://127.0.0.1:8378")
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    options.pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(30_000)
        one = Walk(page, options.ui, options.control, options.pictures)
        try:
            charged = walk(one)
        except BaseException:
            page.screenshot(path=options.pictures / "failed.png")
            raise
        finally:
            browser.close()
    sys.stdout.write(f"2 numbers asked, {charged} charged\n")
    return 0 if charged == 2 else 1


if __name__ == "__main__":
    sys.exit(main())
