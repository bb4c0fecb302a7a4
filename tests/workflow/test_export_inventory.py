"""Export-inventory from its deployment, on a worker.

One project, several of which one fails, and projects handed out as runs of their own.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from support.prefect import Prefect
from support.runs import until

import numberflow
from numberflow.journal import CounterKey, Journal

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

DEPLOYMENT = "export-inventory/export-inventory"


@pytest.fixture
def store(office: Any) -> str:
    """Where the workers publish."""
    return str(office.folder / "inventory")


@pytest.fixture
def blocks(office: Any) -> tuple[str, str]:
    """Two credentials blocks: the simulator's account, and one that the vendor refuses."""
    prefect: Prefect = office.prefect
    prefect.command(
        "block", "register", "--module", "tasks.credentials", home=office.folder / "operator"
    )
    account = office.running.environment
    good = {
        "project_id": account["SINCH_PROJECT_ID"],
        "key_id": account["SINCH_KEY_ID"],
        "key_secret": account["SINCH_KEY_SECRET"],
    }
    names = ("north", "south")
    for name, data in zip(names, (good, good | {"key_secret": "wrong"}), strict=True):
        if not prefect.has_block("sinch-credentials", name):
            prefect.save_block("sinch-credentials", name, data)
    return names


def test_one_project(office: Any, store: str) -> None:
    """A run without parameters publishes the environment's project.

    Artifacts, asset and log tell it.
    """
    added = set(office.simulator.world.add_held(40))
    run_id = office.prefect.start({}, DEPLOYMENT)
    run = office.prefect.ended(run_id)
    assert ("COMPLETED", "Completed") == (run["state_type"], run["state_name"])
    artifacts = office.prefect.artifacts(run_id)
    (row,) = json.loads(artifacts["export-inventory-report"]["data"])
    published = set(numberflow.load_inventory(root=store)["phone_number"])
    assert ("done", f"{len(published):,}") == (row["outcome"], row["numbers"])
    # What other tests of this office ordered may become active meanwhile, or expire.
    assert added <= published
    assert "report.html" in artifacts["export-inventory-page"]["data"]
    account = office.running.environment["SINCH_PROJECT_ID"]
    with Journal.open(office.journal_url) as journal:
        counted = journal.figures().counted
    assert counted[CounterKey("runs", (("flow", "export-inventory"), ("outcome", "done")))] >= 1
    assert len(published) == counted[CounterKey("export_rows", (("project_id", account),))]
    assert any(key.name == "vendor_requests" for key in counted)
    # Logs reach the server in batches, a while after the run.
    until(
        lambda: [line for line in office.prefect.logs(run_id) if "shards" in line],
        "the progress is logged",
    )
    assert "numberflow://inventory/" in json.dumps(
        until(lambda: office.prefect.assets(run_id), "the asset is announced")
    )


def test_one_of_two_projects_fails(office: Any, store: str, blocks: tuple[str, str]) -> None:
    """The failure of one project is told with its fix.

    The other is published all the same, and the run is no success.
    """
    run_id = office.prefect.start({"projects": list(blocks)}, DEPLOYMENT)
    run = office.prefect.ended(run_id)
    assert ("FAILED", "Refused") == (run["state_type"], run["state_name"])
    north, south = json.loads(office.prefect.artifacts(run_id)["export-inventory-report"]["data"])
    assert ("north", "done", "south", "refused") == (
        north["project"],
        north["outcome"],
        south["project"],
        south["outcome"],
    )
    assert "south: " in run["state"]["message"]
    assert "wrong" not in run["state"]["message"]


def test_projects_handed_out(office: Any, store: str, blocks: tuple[str, str]) -> None:
    """Each of two projects becomes a run of its own, which any worker may take.

    The parent says where, and not that they are done; nothing is handed out twice.
    """
    run_id = office.prefect.start({"projects": list(blocks), "hand_out_projects": True}, DEPLOYMENT)
    run = office.prefect.ended(run_id)
    assert ("COMPLETED", "HandedOut") == (run["state_type"], run["state_name"])
    office.prefect.retry(run_id)
    office.prefect.ended(run_id, attempt=2)
    (summary,) = [
        each
        for key, each in office.prefect.artifacts(run_id).items()
        if key == "export-inventory-summary"
    ]
    assert ": handed out" in summary["data"]
    handed_to = dict(re.findall(r"- (north|south): \[?([0-9a-f-]{36})", summary["data"]))
    assert set(blocks) == set(handed_to)
    # One is published, the other is not: each says so itself.
    assert ["Completed", "Refused"] == [
        office.prefect.ended(handed_to[each])["state_name"] for each in blocks
    ]
    for each in blocks:
        handed = [
            name
            for name in office.prefect.run_names()
            if name.startswith(f"inventory of {each}, 2")
        ]
        assert 1 == len(handed), office.prefect.run_names()


def test_bad_date(office: Any) -> None:
    """What the form did not check, the flow does."""
    run = office.prefect.ended(office.prefect.start({"snapshot_date": "2026-02-30"}, DEPLOYMENT))
    assert "Refused" == run["state_name"]
    assert "is not a date; write it like 2026-11-23" in run["state"]["message"]
