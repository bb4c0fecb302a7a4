"""Walk through `numberflow up` as an operator does, in a headless Chromium, with a picture of each
page.

Run by hand, not by pytest, once for each of Prefect's two UIs:

    numberflow up --port 4200                                         (or: make up)
    python tests/browser/walk.py --pictures DIR                       (--version v1 for the older UI)

It rents, is refused, needs a person, has a purchase approved, makes a credentials block and rents for
that project, configures 200 pasted numbers, and fills in an order that needs papers: all without JSON.
Then it asks the simulator's ledger. Exit code 0: every number that was asked for was charged once, and
the badges of Refused and NeedsPerson were those of failed runs. docs/ui.md says what the pictures show.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))  # what tests share: support

from pages import PATIENCE_MS, V1, V2, Pages
from playwright.sync_api import Page, sync_playwright
from support.orders import BUSINESS_REGISTRATION, DATA

from numberflow.simulator import SimulatorSettings

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
RUN_TIMEOUT_S = 300
PASTED = 200


class Walk:
    """One browser window, the server behind it, and a folder for pictures."""

    def __init__(self, page: Page, pages: Pages, options: argparse.Namespace) -> None:
        self.page, self.pages, self.pictures = page, pages, options.pictures
        self.simulator = options.simulator
        self.api = httpx.Client(base_url=f"{options.ui}/api", timeout=60, trust_env=False)
        self.control = httpx.Client(base_url=options.control, timeout=60, trust_env=False)
        self.mark = uuid.uuid4().hex[:6].upper()

    def picture(self, name: str, *, whole: bool = False) -> None:
        """Keep what is on the screen, or the whole page."""
        self.page.wait_for_timeout(800)
        self.page.screenshot(path=self.pictures / f"{self.pages.name}-{name}.png", full_page=whole)

    def open_form(self, deployment: str) -> None:
        """Open the form of a deployment."""
        found = self.api.get(f"/deployments/name/{deployment}/{deployment}").json()
        self.pages.open_form(found["id"])

    def submit(self) -> str:
        """Send the form; returns the id of the run that it made, which is then looked at."""
        before = {run["id"] for run in self.runs()}
        self.pages.submit()
        give_up_at = time.monotonic() + 60
        while not (made := {run["id"] for run in self.runs()} - before):
            if time.monotonic() > give_up_at:
                raise TimeoutError("the form was not sent; its page says why")
            self.page.wait_for_timeout(500)
        run_id = str(made.pop())
        self.pages.open_run(run_id)
        return run_id

    def runs(self) -> list[dict[str, Any]]:
        """Flow runs that a person started."""
        found = self.api.post("/flow_runs/filter", json={"sort": "EXPECTED_START_TIME_DESC"}).json()
        return [run for run in found if not run["auto_scheduled"]]

    def until(self, run_id: str, state: str) -> str:
        """Wait until the run is in this state; returns the classes of the badge that shows it."""
        give_up_at = time.monotonic() + RUN_TIMEOUT_S
        while (run := self.api.get(f"/flow_runs/{run_id}").json())["state_name"] != state:
            if time.monotonic() > give_up_at or run["state_type"] in {
                "FAILED",
                "CRASHED",
                "COMPLETED",
            }:
                raise TimeoutError(
                    f"run {run_id} is {run['state_name']}, not {state}: {run['state']['message']}"
                )
            self.page.wait_for_timeout(500)
        self.pages.open_run(run_id)
        return self.pages.badge(state)

    def red(self, run_id: str, state: str) -> None:
        """The run ends in this state, and its badge is that of a failed run."""
        classes = self.until(run_id, state)
        if "failed" not in classes:
            raise AssertionError(f"the badge of {state} is not red: {classes}")

    def artifacts(self, run_id: str, name: str) -> None:
        """A picture of each artifact of a run."""
        self.pages.open_artifacts()
        self.picture(f"{name}-artifacts")
        wanted = {"artifacts": {"flow_run_id": {"any_": [run_id]}}}
        for artifact in self.api.post("/artifacts/filter", json=wanted).json():
            self.page.goto(self.pages.artifact_url(artifact["id"]))
            self.page.get_by_text(artifact["key"]).first.wait_for(timeout=PATIENCE_MS)
            self.picture(f"{name}-{artifact['key']}", whole=True)

    def charged(self) -> int:
        """Numbers that the simulator charged so far."""
        return int(self.control.get("/charges").json()["rentals"])

    def tell(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Tell the simulator what happens next."""
        answer = self.control.post(path, json=body).raise_for_status()
        return dict(answer.json() or {})

    def fill_in_rent(self, reference: str, *, max_today: str = "500.00") -> None:
        """The form of search-and-rent for one US number."""
        self.open_form("search-and-rent")
        self.pages.fill("quantity", "1")
        self.pages.fill("max_today", max_today)
        self.pages.fill("max_monthly", "500.00")
        self.pages.fill("reference", reference)


def rent(one: Walk) -> int:
    """One number; its artifacts."""
    one.fill_in_rent(f"RENT-{one.mark}")
    one.picture("rent-form", whole=True)
    run_id = one.submit()
    one.until(run_id, "Completed")
    one.picture("rent-done")
    one.artifacts(run_id, "rent")
    return 1


def refuse(one: Walk) -> int:
    """A cap that is too low: Refused, and red."""
    one.fill_in_rent(f"CAP-{one.mark}", max_today="0.01")
    one.red(one.submit(), "Refused")
    one.picture("refused")
    return 0


def need_person(one: Walk) -> int:
    """A reply that is lost and that no read explains: NeedsPerson, and red.

    A later run finds the number.
    """
    one.tell("/faults", {"operation": "rent", "nth": 1, "fault": "reset_after", "lag_s": 7200})
    one.fill_in_rent(f"LOST-{one.mark}")
    one.red(one.submit(), "NeedsPerson")
    one.picture("needs-person")
    one.tell("/clock/advance", {"seconds": 7300})
    one.fill_in_rent(f"LOST-{one.mark}")
    one.until(one.submit(), "Completed")
    return 1


def approve(one: Walk) -> int:
    """A quote above approve_above: Suspended, Resume, approved."""
    one.fill_in_rent(f"ASK-{one.mark}")
    one.pages.fill("approve_above", "0.50")
    run_id = one.submit()
    one.until(run_id, "Suspended")
    one.picture("suspended")
    one.pages.resume()
    one.picture("approval")
    one.pages.fill("Your decision", "approve")
    one.pages.fill("Your name", "Ada Lovelace")
    one.picture("approval-filled")
    one.pages.send_answer()
    one.until(run_id, "Completed")
    return 1


def other_project(one: Walk) -> int:
    """A credentials block made by hand, and a run for that project."""
    account = SimulatorSettings()
    name = f"second-{one.pages.name}-{one.mark.lower()}"
    one.pages.open_new_block("sinch-credentials")
    one.pages.fill_block("Name" if one.pages.name == "v2" else "Block Name", name)
    one.pages.fill_block("Project ID", account.project_id)
    one.pages.fill_block("Key ID", account.key_id)
    one.pages.fill_block("Key secret", account.key_secret)
    one.picture("block-form", whole=True)
    one.pages.save_block()
    one.picture("block", whole=True)
    one.fill_in_rent(f"OTHER-{one.mark}")
    one.pages.fill("project", name)
    one.until(one.submit(), "Completed")
    one.picture("other-project-done")
    return 1


def configure(one: Walk) -> int:
    """A pasted column of 200 numbers gets a display name."""
    one.tell("/script", {"action": "seed_active", "count": PASTED})
    numbers = _held(one)
    one.open_form("configure-numbers")
    one.pages.fill("phone_numbers", "\n".join(numbers))
    one.pages.fill("display_name", f"walk {one.mark}")
    one.picture("configure-form", whole=True)
    run_id = one.submit()
    one.until(run_id, "Completed")
    one.picture("configured")
    named = [one.control.get(f"/active/{number}").json()["displayName"] for number in numbers]
    if named != [f"walk {one.mark}"] * PASTED:
        raise AssertionError(
            f"{named.count(f'walk {one.mark}')} of {PASTED} numbers have their new name"
        )
    return 0


def _held(one: Walk) -> list[str]:
    """Numbers that the project holds."""
    account = SimulatorSettings()
    url = f"{one.simulator}/numbers/v1/projects/{account.project_id}/activeNumbers"
    numbers: list[str] = []
    token = ""
    with httpx.Client(
        auth=(account.key_id, account.key_secret), timeout=60, trust_env=False
    ) as http:
        while len(numbers) < PASTED:
            query = {"regionCode": "US", "type": "LOCAL", "pageSize": 100, "pageToken": token}
            page = http.get(url, params=query).raise_for_status().json()
            numbers += [each["phoneNumber"] for each in page["activeNumbers"]]
            token = page.get("nextPageToken", "")
    return numbers[:PASTED]


def order(one: Walk) -> int:
    """An Australian mobile number, which needs papers: no field takes JSON."""
    with tempfile.TemporaryDirectory() as folder:
        kyc, extract = (
            Path(folder) / f"kyc-{one.mark}.json",
            Path(folder) / f"extract-{one.mark}.pdf",
        )
        kyc.write_text(json.dumps({"data": DATA}))
        extract.write_bytes(b"%PDF-1.4 an extract of the register\n")
        for paper in (kyc, extract):
            command = [Path(sys.executable).with_name("numberflow"), "papers", "put", paper]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    one.tell("/script", {"action": "review", "outcome": "COMPLETED", "delay_s": 0, "times": 1})
    one.open_form("order-numbers")
    one.pages.fill("max_today", "500.00")
    one.pages.fill("max_monthly", "500.00")
    one.pages.fill("reference", f"KYC-{one.mark}")
    one.pages.fill("kyc", kyc.name)
    one.pages.add_item("attachments")
    one.pages.fill("Requirement", BUSINESS_REGISTRATION, group="attachments")
    one.pages.fill("File", extract.name, group="attachments")
    one.picture("order-form", whole=True)
    run_id = one.submit()
    one.until(run_id, "Completed")
    one.picture("order-done")
    one.artifacts(run_id, "order")
    return 1


PARTS: dict[str, Callable[[Walk], int]] = {
    "rent": rent,
    "refuse": refuse,
    "need-person": need_person,
    "approve": approve,
    "other-project": other_project,
    "configure": configure,
    "order": order,
}
"""Each returns how many numbers it asked for."""


def main() -> int:
    """Walk and say what was charged."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ui", default="http://127.0.0.1:4200")
    parser.add_argument("--simulator", default="http://127.0.0.1:8377")
    parser.add_argument("--control", default="http://127.0.0.1:8378")
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument(
        "--version", choices=["v2", "v1"], default="v2", help="which of Prefect's UIs"
    )
    parser.add_argument("parts", nargs="*", help=f"all, or some of: {', '.join(PARTS)}")
    options = parser.parse_args()
    options.pictures.mkdir(parents=True, exist_ok=True)
    asked = charged = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.set_default_timeout(30_000)
        pages: Pages = V2(page, options.ui) if options.version == "v2" else V1(page, options.ui)
        one = Walk(page, pages, options)
        try:
            before = one.charged()
            for part in options.parts or PARTS:
                asked += PARTS[part](one)
                charged = one.charged() - before
                sys.stdout.write(f"{pages.name} {part}: {asked} numbers asked, {charged} charged\n")
                sys.stdout.flush()
        except BaseException:
            one.picture("failed", whole=True)
            raise
        finally:
            browser.close()
    return 0 if asked == charged else 1


if __name__ == "__main__":
    sys.exit(main())
