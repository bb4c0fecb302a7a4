"""Commands that a report, a log or a schedule prints are pasted where flows run, and work.

tests/unit/cli/test_printed_commands.py lists their kinds. Folder and references have names that a
shell would take apart if they were not quoted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.orders import BUSINESS_REGISTRATION, Cabinet
from support.pasted import filled_in, paste, printed, printed_all
from support.runs import Ended, Nursery, nursery, prefect_api  # noqa: F401
from support.scenes import Scene

import numberflow
from numberflow.export.snapshot import today
from numberflow.planning.reconciling.kinds import Finding, Kind
from numberflow.planning.schedules import Scheduled, problem
from numberflow.purchase.reconciling.commands import Commands
from numberflow.simulator import Simulator, SimulatorSettings, serve
from numberflow.simulator.provisioning import SmsLink

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("prefect"), pytest.mark.timeout(300)]

REFERENCE = """Ada's "Büro" $7"""
OLD, NEW = SmsLink("plan-a", "CAMPA"), SmsLink("plan-b", "CAMPB")
ADDRESS = {
    "displayName": "Ada's Shop",
    "streetNumber": "12",
    "streetInfo": "Lenox Rd NE",
    "city": "Atlanta",
    "state": "GA",
    "postalCode": "30324",
}


class Desk(Scene):
    """A scene at whose terminal somebody types."""

    control_url = ""

    def run_flow(self, deployment: str, **parameters: Any) -> Ended:
        """Run a flow to its end; its report in words is what it prints."""
        return self.command("run", deployment, "--params", json.dumps(parameters))

    def script(self, action: str, **fields: Any) -> None:
        """Let people at the vendor do something."""
        body = {"action": action} | fields
        httpx.post(f"{self.control_url}/script", json=body, trust_env=False).raise_for_status()


@pytest.fixture
def desk(nursery: Nursery, prefect_api: str, tmp_path: Path) -> Iterator[Desk]:  # noqa: F811
    """A simulator, and a folder whose name a shell would take apart."""
    folder = tmp_path / "Ada's Büro"
    folder.mkdir()
    # Jobs of the vendor take seconds; here, a twentieth.
    with serve(Simulator(SimulatorSettings(seed=1, active=0, speed=20))) as running:
        desk = Desk(running, nursery, prefect_api, folder)
        desk.control_url = running.control_url
        try:
            yield desk
        finally:
            desk.close()


def test_links(desk: Desk) -> None:
    """A link that fails: the run prints the way back, the run and the sweep print it once more."""
    world = desk.simulator.world
    with world.lock:
        world.add_held(1)
        (held,) = world.holdings
        held.sms, held.sms_job, held.expire_at = OLD, None, None
    number = held.phone_number
    desk.script(
        "provisioning",
        phone_number=number, step="link", outcome="FAILED", error_codes=["EXCEEDED_10DLC_LIMIT"],
    )  # fmt: skip
    wanted = {"service_plan_id": NEW.service_plan_id, "campaign_id": NEW.campaign_id}
    name = """O'Neil "Süd" `date`"""
    failed = desk.run_flow(
        "configure-numbers",
        phone_numbers=[number], sms=wanted, display_name=name, confirm_unlink=True,
        reference=REFERENCE, provisioning_wait_s=30,
    )  # fmt: skip
    assert 3 == failed.code, failed.told
    once_more, back = printed_all(failed.out, "numberflow run configure-numbers")
    swept = desk.run_flow("follow-orders")
    again = printed(swept.out, "numberflow run configure-numbers")
    desk.simulator.world.linking.step_scripts.clear()

    def linked() -> SmsLink:
        with world.lock:
            return world.linking.in_effect(held, world.settle())[0]

    for line, expected in ((back, OLD), (again, NEW), (once_more, NEW)):
        done = paste(desk.command, line)
        assert (0, expected) == (done.code, linked()), done.told
    assert name == held.display_name


def test_an_address_is_given_back(desk: Desk) -> None:
    """A number that is kept after its emergency address was removed gets one again."""
    desk.simulator.switches.set("emergency_feature", True)
    with desk.simulator.world.lock:
        desk.simulator.world.add_held(30)
    number = desk.simulator.emergency_coverage()[0]["phone_number"]

    def has_address() -> bool:
        return any(
            each["phone_number"] == number and each["address"]
            for each in desk.simulator.emergency_coverage()
        )

    paper = desk.folder / "address.json"
    paper.write_text(json.dumps(ADDRESS))
    assert 0 == desk.command("papers", "put", str(paper)).code
    first = {"action": "provision", "phone_numbers": [number], "address": paper.name}
    assert 0 == desk.run_flow("emergency-address", **first).code
    assert has_address()
    desk.environment["NUMBERFLOW_PATIENCE_S"] = "1"
    desk.simulator.faults.add(
        {"operation": "release", "fault": "rate_limited", "retry_after": 1, "times": None}
    )
    kept = desk.run_flow(
        "release-numbers", phone_numbers=[number], confirm_release=True, reference=REFERENCE
    )
    assert (4, False) == (kept.code, has_address()), kept.told
    done = paste(desk.command, printed(kept.out, "numberflow run emergency-address"))
    assert (0, True) == (done.code, has_address()), done.told


def order(desk: Desk) -> tuple[Cabinet, dict[str, Any]]:
    """Papers and parameters of an order of one Australian mobile number."""
    desk.simulator.switches.set("attachment_processing_s", 0)
    cabinet = Cabinet(desk.folder / "papers")
    return cabinet, {
        "region_code": "AU",
        "number_type": "MOBILE",
        "max_today": "500",
        "max_monthly": "500",
        "reference": REFERENCE,
        "kyc": cabinet.kyc.name,
        "attachments": {BUSINESS_REGISTRATION: cabinet.extract.name},
    }


def test_an_order_is_opened_again(desk: Desk) -> None:
    """The sweep that finds an order rejected logs the command that opens a new one."""
    _, parameters = order(desk)
    assert 0 == desk.run_flow("order-numbers", **parameters).code
    (opened,) = desk.simulator.orders()
    desk.script("review", order_id=opened["order_id"], outcome="REJECTED")
    swept = desk.run_flow("follow-orders")
    done = paste(desk.command, printed(swept.told, "numberflow run order-numbers"))
    assert (0, 2) == (done.code, len(desk.simulator.orders())), done.told


def test_a_paper_is_put_back(desk: Desk) -> None:
    """A file that was emptied meanwhile is put back, and the same order goes on."""
    cabinet, parameters = order(desk)
    mine = desk.folder / "my papers" / cabinet.extract.name
    mine.parent.mkdir()
    mine.write_bytes(cabinet.extract.read_bytes())
    desk.simulator.faults.add({"operation": "create_order", "fault": "hold_after"})
    run = desk.start_flow("order-numbers", parameters)
    desk.held(run)
    cabinet.extract.write_bytes(b"")
    desk.simulator.holds.release_all()
    ended = run.wait()
    assert 2 <= ended.code <= 3, ended.told
    line = printed(json.loads(ended.out)["mend"], "numberflow papers put")
    assert 0 == paste(desk.command, filled_in(line, {"file": str(mine)})).code
    done = desk.run_flow("order-numbers", **parameters)
    assert (0, 1) == (done.code, len(desk.simulator.orders())), done.told


def test_requirements(desk: Desk) -> None:
    """What cannot be rented directly is refused with the command that shows the papers it takes."""
    refused = desk.run_flow(
        "search-and-rent", region_code="DE", number_type="LOCAL", quantity=1,
        max_today="9", max_monthly="9", currency="EUR", reference=REFERENCE,
    )  # fmt: skip
    line = printed(refused.told, "numberflow requirements")
    assert "numberflow requirements --region DE --type LOCAL" == line
    shown = paste(desk.command, line)
    assert (0, True) == (shown.code, "What LOCAL numbers in DE need" in shown.out), shown.told


@pytest.mark.parametrize("name", ["export-inventory", "follow-orders"])
def test_an_overdue_run(desk: Desk, name: str) -> None:
    """A schedule that stands still names the command that makes up for it."""
    now = datetime.now(UTC)
    begun = now - timedelta(days=9)
    late = problem(Scheduled(name, is_on=True, created_at=begun, changed_at=begun), now)
    assert late is not None
    root = str(desk.folder / "data")
    desk.environment["NUMBERFLOW_INVENTORY_URL"] = root
    with desk.simulator.world.lock:
        desk.simulator.world.add_held(3)
    done = paste(desk.command, printed(late[1], "numberflow run"))
    assert 0 == done.code, done.told
    if name == "export-inventory":
        assert 3 == len(numberflow.load_inventory(root=root))
    else:
        assert "0 orders followed" in done.out


def test_findings(desk: Desk) -> None:
    """Reconcile tells of a rise once, and what it prints for that and for an order is a run."""
    bought = desk.run_flow(
        "search-and-rent",
        region_code="US", number_type="LOCAL", quantity=1, reference=REFERENCE,
        max_today="500", max_monthly="500",
    )  # fmt: skip
    assert 0 == bought.code, bought.told
    with desk.simulator.world.lock:
        (held,) = desk.simulator.world.holdings
        held.monthly *= 2
    told = desk.run_flow("reconcile")
    assert (4, True) == (told.code, "price rise" in told.out), told.told
    lost = paste(desk.command, printed(told.out, "numberflow run release-numbers"))
    assert (0, True) == (lost.code, "to be released" in lost.out), lost.told
    quiet = desk.run_flow("reconcile")
    assert (0, True) == (quiet.code, "0 new findings" in quiet.out), quiet.told
    line = Commands(None, "", {}, today()).of(Finding(Kind.ORDER_UNFOLLOWED, "order", "", ""))
    assert 0 == paste(desk.command, line).code
