"""Emergency-address from its deployment, on a worker.

The address is read by reference, and no part of it stays anywhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

DEPLOYMENT = "emergency-address/emergency-address"
MARKS = ("Marked-Name-93ab", "Marked-Street-93ab", "Marked-Suite-93ab")
PAPER = {
    "displayName": MARKS[0],
    "streetNumber": "12",
    "streetInfo": f"{MARKS[1]} Road",
    "location": MARKS[2],
    "city": "Marietta",
    "state": "GA",
    "postalCode": "30062",
}


@pytest.fixture
def number(office: Any) -> str:
    """A held US number that may have an address."""
    office.simulator.switches.set("emergency_feature", True)
    office.simulator.world.add_held(20)
    coverage = office.simulator.emergency_coverage()
    return str(
        next(
            each["phone_number"]
            for each in coverage
            if each["region_code"] == "US" and not each["address"]
        )
    )


def everything_kept(office: Any) -> bytes:
    """All files of all machines: logs, homes, databases, result stores.

    And Prefect's database is the server's, read through its API.
    """
    return b"".join(
        path.read_bytes()
        for path in Path(office.folder).rglob("*")
        if path.is_file() and path.name != "paper.json"
    )


def test_near_match_then_accepted(office: Any, number: str) -> None:
    """A nearly right address is refused with the parts that differ.

    Accepted, its correction is attached. Nothing of it is kept.
    """
    paper = office.papers / "paper.json"
    paper.write_text(json.dumps(PAPER))
    form = {
        "action": "provision",
        "phone_numbers": [number],
        "address": paper.name,
        "reference": "E911-1",
    }
    first = office.prefect.start(form, DEPLOYMENT)
    run = office.prefect.ended(first)
    assert ("FAILED", "Refused") == (run["state_type"], run["state_name"])
    (row,) = json.loads(office.prefect.artifacts(first)["emergency-address-report"]["data"])
    assert ("near match", True) == (row["state"], "streetInfo" in row["advice"])

    second = office.prefect.start(form | {"accept_correction": True}, DEPLOYMENT)
    assert "Completed" == office.prefect.ended(second)["state_name"]
    (row,) = json.loads(office.prefect.artifacts(second)["emergency-address-report"]["data"])
    assert "provisioned" == row["state"]
    assert {"phone_number": number, "address": True} == {
        name: value
        for each in office.simulator.emergency_coverage()
        if each["phone_number"] == number
        for name, value in each.items()
        if name in ("phone_number", "address")
    }

    third = office.prefect.start({"action": "deprovision", "phone_numbers": [number]}, DEPLOYMENT)
    assert "Completed" == office.prefect.ended(third)["state_name"]

    kept = everything_kept(office)
    told = "".join(
        json.dumps(
            [office.prefect.run(each), office.prefect.artifacts(each), office.prefect.logs(each)]
        )
        for each in (first, second, third)
    )
    rows = "".join(
        repr(line) for reference in ("E911-1", third) for line in office.journal(reference)
    )
    for mark in MARKS:
        assert mark not in told + rows
        assert mark.encode() not in kept


def test_pasted_address(office: Any, number: str) -> None:
    """An address in the form itself is refused.

    Prefect has stored it by then, but no log, artifact or state repeats it.
    """
    run_id = office.prefect.start(
        {"action": "validate", "phone_numbers": [number], "address": json.dumps(PAPER)}, DEPLOYMENT
    )
    run = office.prefect.ended(run_id)
    assert "Refused" == run["state_name"]
    assert "looks like the data itself" in run["state"]["message"]
    assert MARKS[0] not in json.dumps(
        [run["state"], office.prefect.artifacts(run_id), office.prefect.logs(run_id)]
    )


def test_report(office: Any, number: str) -> None:
    """Without parameters every US and CA voice number is told with what it lacks."""
    run_id = office.prefect.start({}, DEPLOYMENT)
    assert "Completed" == office.prefect.ended(run_id)["state_name"]
    rows = json.loads(office.prefect.artifacts(run_id)["emergency-address-report"]["data"])
    assert len(office.simulator.emergency_coverage()) == len(rows)
    assert number in {row["phone number"] for row in rows}
