"""What an operator does in the Prefect UI, by mouse and keyboard and without JSON.

The newer UI (V2) is walked through whole. In the older one (V1) is done what is made otherwise
there: the badge of a state, the dialog of a suspended run, the form of a block, a group within a
list, the page of an artifact. docs/ui.md says what the pictures show.
"""

from __future__ import annotations

import json

import httpx
import pytest
from support.orders import BUSINESS_REGISTRATION, DATA
from support.walk import Walk

from numberflow.simulator import SimulatorSettings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PASTED = 200


def test_rent_one_number(newer: Walk) -> None:
    """The run of a filled-in form is Completed; its quote and report can be read."""
    before = newer.charged
    newer.open_rent("RENT")
    newer.picture("rent-form", whole=True)
    run_id = newer.submit()
    newer.until(run_id, "Completed")
    newer.picture("rent-done")
    assert {"search-and-rent-quote", "search-and-rent-report"} <= newer.artifacts(run_id, "rent")
    assert 1 == newer.charged - before


def test_a_cap_that_is_too_low(newer: Walk, older: Walk) -> None:
    """The run is Refused, its badge is that of a failed run, and nothing was charged."""
    before = newer.charged
    newer.open_rent("CAP", max_today="0.01")
    run_id = newer.submit()
    assert "failed" in newer.until(run_id, "Refused")
    newer.picture("refused")
    assert "failed" in older.badge(run_id, "Refused")
    older.picture("refused")
    assert before == newer.charged


def test_a_reply_that_no_read_explains(newer: Walk) -> None:
    """The run is NeedsPerson, and red."""
    newer.tell("/faults", {"operation": "rent", "nth": 1, "fault": "reset_after", "lag_s": 7200})
    newer.open_rent("LOST")
    assert "failed" in newer.until(newer.submit(), "NeedsPerson")
    newer.picture("needs-person")


def test_a_quote_that_a_person_approves(walk: Walk) -> None:
    """Above approve_above the run is Suspended; nothing is charged before the answer."""
    before = walk.charged
    walk.open_rent("ASK", approve_above="0.50")
    run_id = walk.submit()
    walk.until(run_id, "Suspended")
    walk.picture("suspended")
    assert before == walk.charged
    walk.pages.resume()
    walk.picture("approval")
    walk.pages.fill("Your decision", "approve")
    walk.pages.fill("Your name", "Ada Lovelace")
    walk.picture("approval-filled")
    walk.pages.send_answer()
    walk.until(run_id, "Completed")
    assert 1 == walk.charged - before


def test_an_account_that_is_added_by_hand(newer: Walk) -> None:
    """A credentials block is made in the UI, its secret is masked, a run for that account rents."""
    before = newer.charged
    newer.open_rent("OTHER", project=_add_account(newer, "Name"))
    newer.until(newer.submit(), "Completed")
    newer.picture("other-project-done")
    assert 1 == newer.charged - before


def test_an_account_that_is_added_in_the_older_ui(older: Walk) -> None:
    """The block is made there too, and its secret is masked."""
    name = _add_account(older, "Block Name")
    assert older.prefect.has_block("sinch-credentials", name)


def test_a_pasted_column_of_numbers(newer: Walk) -> None:
    """200 numbers in one field get a display name."""
    newer.tell("/script", {"action": "seed_active", "count": PASTED})
    numbers = _held(newer)
    name = f"walk {newer.mark}"
    newer.open_form("configure-numbers", phone_numbers="\n".join(numbers), display_name=name)
    newer.picture("configure-form", whole=True)
    newer.until(newer.submit(), "Completed")
    newer.picture("configured")
    named = [newer.control.get(f"/active/{number}").json()["displayName"] for number in numbers]
    assert [name] * PASTED == named


def test_an_order_that_needs_papers(walk: Walk) -> None:
    """Registration data and a file are named by their papers, the file in a group of a list."""
    before = walk.charged
    kyc, extract = f"kyc-{walk.mark}.json", f"extract-{walk.mark}.pdf"
    walk.papers.joinpath(kyc).write_text(json.dumps({"data": DATA}))
    walk.papers.joinpath(extract).write_bytes(b"%PDF-1.4 an extract of the register\n")
    walk.tell("/script", {"action": "review", "outcome": "COMPLETED", "delay_s": 0, "times": 1})
    caps = {"max_today": "500.00", "max_monthly": "500.00"}
    walk.open_form("order-numbers", **caps, reference=f"KYC-{walk.mark}", kyc=kyc)
    walk.pages.add_item("attachments")
    walk.pages.fill("Requirement", BUSINESS_REGISTRATION, group="attachments")
    walk.pages.fill("File", extract, group="attachments")
    walk.picture("order-form", whole=True)
    run_id = walk.submit()
    walk.until(run_id, "Completed")
    walk.picture("order-done")
    assert "order-numbers-report" in walk.artifacts(run_id, "order")
    assert 1 == walk.charged - before


def _add_account(walk: Walk, name_field: str) -> str:
    """Make a credentials block for the simulator's account; returns its name."""
    account = SimulatorSettings()
    name = f"second-{walk.pages.name}-{walk.mark.lower()}"
    walk.pages.open_new_block("sinch-credentials")
    walk.pages.fill_block(name_field, name)
    walk.pages.fill_block("Project ID", account.project_id)
    walk.pages.fill_block("Key ID", account.key_id)
    walk.pages.fill_block("Key secret", account.key_secret)
    walk.picture("block-form", whole=True)
    walk.pages.save_block()
    walk.picture("block", whole=True)
    assert account.key_secret not in walk.page.content()
    return name


def _held(walk: Walk) -> list[str]:
    """Numbers that the project holds, as the vendor lists them."""
    account = SimulatorSettings()
    url = f"{walk.up.simulator[0]}/numbers/v1/projects/{account.project_id}/activeNumbers"
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
