"""The pages of Prefect's two UIs, as an operator uses them.

Forms, states, the menu of a run, blocks.

Both have the same verbs, so that one walk goes through both. Selectors are those of Prefect 3.9.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

from playwright.sync_api import Locator, Page, Response

# A run takes up to 15 s from the click to its first log line on two cores.
PATIENCE_MS = 120_000
_BLOCKS = re.compile(r"/block_documents/$")


def made(page: Page, path: re.Pattern[str], send: Callable[[], None]) -> Response:
    """Send a form; returns the server's answer, which is that it made what the form says.

    A server whose SQLite is locked for too long answers 503 and makes nothing. The page says so,
    and a person clicks again.
    """
    while True:
        with page.expect_response(
            lambda each: each.request.method == "POST" and bool(path.search(each.url)),
            timeout=PATIENCE_MS,
        ) as answered:
            send()
        answer = answered.value
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            assert answer.ok, f"{answer.status} {answer.text()}"
            return answer


class Pages(Protocol):
    """What a person does in either UI."""

    name: str

    def open_form(self, deployment_id: str) -> None:
        """Deployments → the deployment → Run → Custom run."""

    def fill(self, field: str, value: str, *, group: str = "", item: int = 0) -> None:
        """Type into a text field; `group` is the field whose part it is, `item` which of a list."""

    def switch(self, field: str) -> None:
        """Flip a switch."""

    def add_item(self, field: str) -> None:
        """Add one more item to a list of groups."""

    def submit(self) -> None:
        """Send the form."""

    def open_run(self, run_id: str) -> None:
        """Look at a flow run."""

    def badge(self, state: str) -> str:
        """CSS classes of the badge that shows the state of the run that is looked at."""

    def resume(self) -> None:
        """Open the form that a suspended run asks to be filled in."""

    def send_answer(self) -> None:
        """Send that form."""

    def open_artifacts(self) -> None:
        """The artifacts of the run that is looked at."""

    def artifact_url(self, artifact_id: str) -> str:
        """Address of one artifact."""

    def open_new_block(self, slug: str) -> None:
        """Blocks → the catalog → the type → Create."""

    def fill_block(self, field: str, value: str) -> None:
        """Type into a field of a new block; the first one is its name."""

    def save_block(self) -> None:
        """Create it."""


def _named(field: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(field)}( \(Optional\))?$", re.IGNORECASE)


class V2:
    """The UI at /v2, which the address that `numberflow up` prints leads to."""

    name = "v2"

    def __init__(self, page: Page, ui: str) -> None:
        self.page, self.ui = page, f"{ui}/v2"

    def open_form(self, deployment_id: str) -> None:
        """See Pages."""
        self.page.goto(f"{self.ui}/deployments/deployment/{deployment_id}")
        self.page.get_by_role("button", name="Run", exact=True).click(timeout=PATIENCE_MS)
        self.page.get_by_role("menuitem", name="Custom run").click()
        self.page.get_by_text("Run Name").wait_for(timeout=PATIENCE_MS)

    def _field(self, field: str, item: int = 0) -> Locator:
        label = self.page.locator("label").filter(has_text=_named(field)).nth(item)
        return label.locator("xpath=ancestor::div[fieldset][1]/fieldset")

    def fill(self, field: str, value: str, *, group: str = "", item: int = 0) -> None:
        """See Pages."""
        scope: Page | Locator = self._field(group) if group else self.page
        label = scope.locator("label").filter(has_text=_named(field)).nth(item)
        box = label.locator("xpath=ancestor::div[fieldset][1]/fieldset")
        box.locator("textarea, input").first.fill(value)

    def switch(self, field: str) -> None:
        """See Pages."""
        self._field(field).get_by_role("switch").click()

    def add_item(self, field: str) -> None:
        """See Pages."""
        self._field(field).get_by_role("button", name="Add item").click()

    def submit(self) -> None:
        """See Pages."""
        self.page.get_by_role("button", name="Submit").click()

    def open_run(self, run_id: str) -> None:
        """See Pages."""
        self.page.goto(f"{self.ui}/runs/flow-run/{run_id}")

    def badge(self, state: str) -> str:
        """See Pages."""
        badge = self.page.locator("[data-slot=badge]").filter(has_text=re.compile(rf"^{state}$"))
        badge.first.wait_for(timeout=PATIENCE_MS)
        return badge.first.get_attribute("class") or ""

    def resume(self) -> None:
        """See Pages."""
        self.page.get_by_role("button", name="Open menu").first.click(timeout=PATIENCE_MS)
        self.page.get_by_role("menuitem", name="Resume").click()
        self.page.get_by_role("dialog").get_by_text("Your name").wait_for(timeout=PATIENCE_MS)

    def send_answer(self) -> None:
        """See Pages."""
        self.page.get_by_role("dialog").get_by_role("button", name="Resume").click()

    def open_artifacts(self) -> None:
        """See Pages."""
        self.page.get_by_role("tab", name="Artifacts").click(timeout=PATIENCE_MS)

    def artifact_url(self, artifact_id: str) -> str:
        """See Pages."""
        return f"{self.ui}/artifacts/artifact/{artifact_id}"

    def open_new_block(self, slug: str) -> None:
        """See Pages."""
        self.page.goto(f"{self.ui}/blocks/catalog/{slug}/create")
        self.page.get_by_role("button", name="Save").wait_for(timeout=PATIENCE_MS)

    def fill_block(self, field: str, value: str) -> None:
        """See Pages."""
        label = self.page.locator("label").filter(has_text=_named(field)).first
        around = label.locator("xpath=ancestor::div[.//input or .//textarea][1]")
        around.locator("textarea, input").first.fill(value)

    def save_block(self) -> None:
        """See Pages."""
        made(self.page, _BLOCKS, self.page.get_by_role("button", name="Save").click)
        self.page.wait_for_url(re.compile(r"/blocks/block/"), timeout=PATIENCE_MS)


class V1:
    """The older UI, served at /. *Switch to V1 UI* at the end of the new UI's menu leads there."""

    name = "v1"

    def __init__(self, page: Page, ui: str) -> None:
        self.page, self.ui = page, ui

    def open_form(self, deployment_id: str) -> None:
        """See Pages."""
        self.page.goto(f"{self.ui}/deployments/deployment/{deployment_id}")
        self.page.get_by_role("button", name="Run", exact=True).click(timeout=PATIENCE_MS)
        self.page.get_by_text("Custom run").click()
        self.page.get_by_text("Run Name").wait_for(timeout=PATIENCE_MS)

    def _property(self, field: str, scope: Page | Locator, item: int = 0) -> Locator:
        # The label of the property itself, not of what stands inside it.
        is_label = "contains(@class, 'schema-form-property__label')"
        is_named = f"normalize-space()='{field}' or normalize-space()='{field} (Optional)'"
        own = f"xpath=.//span[{is_label}][{is_named}]"
        nearest = (
            "xpath=ancestor::div[contains(concat(' ', @class, ' '), ' schema-form-property ')][1]"
        )
        return scope.locator(own).nth(item).locator(nearest)

    def fill(self, field: str, value: str, *, group: str = "", item: int = 0) -> None:
        """See Pages."""
        scope: Page | Locator = self._property(group, self.page) if group else self.page
        self._property(field, scope, item).locator("textarea, input").first.fill(value)

    def switch(self, field: str) -> None:
        """See Pages."""
        self._property(field, self.page).locator(
            ".p-toggle__control, .p-toggle, [role=switch]"
        ).first.click()

    def add_item(self, field: str) -> None:
        """See Pages."""
        self._property(field, self.page).get_by_role("button", name="Add item").first.click()

    def submit(self) -> None:
        """See Pages."""
        self.page.get_by_role("button", name="Submit").click()

    def open_run(self, run_id: str) -> None:
        """See Pages."""
        self.page.goto(f"{self.ui}/runs/flow-run/{run_id}")

    def badge(self, state: str) -> str:
        """See Pages."""
        badge = self.page.locator(".state-badge").filter(has_text=re.compile(rf"^\s*{state}\s*$"))
        badge.first.wait_for(timeout=PATIENCE_MS)
        return badge.first.get_attribute("class") or ""

    def resume(self) -> None:
        """See Pages."""
        self.page.get_by_role("button", name="Resume").click(timeout=PATIENCE_MS)
        self.page.get_by_text("Your name").wait_for(timeout=PATIENCE_MS)

    def send_answer(self) -> None:
        """See Pages."""
        self.page.get_by_role("button", name="Submit").last.click()

    def open_artifacts(self) -> None:
        """See Pages."""
        self.page.get_by_text("Artifacts", exact=True).click(timeout=PATIENCE_MS)

    def artifact_url(self, artifact_id: str) -> str:
        """See Pages."""
        return f"{self.ui}/artifacts/artifact/{artifact_id}"

    def open_new_block(self, slug: str) -> None:
        """See Pages."""
        self.page.goto(f"{self.ui}/blocks/catalog/{slug}/create")
        self.page.get_by_role("button", name="Create").wait_for(timeout=PATIENCE_MS)

    def fill_block(self, field: str, value: str) -> None:
        """See Pages."""
        label = self.page.locator(".p-label").filter(
            has=self.page.locator(".p-label__label, .schema-form-property__label").get_by_text(
                _named(field)
            )
        )
        label.last.locator("textarea, input").first.fill(value)

    def save_block(self) -> None:
        """See Pages."""
        made(self.page, _BLOCKS, self.page.get_by_role("button", name="Create").click)
        self.page.wait_for_url(re.compile(r"/blocks/block/"), timeout=PATIENCE_MS)
