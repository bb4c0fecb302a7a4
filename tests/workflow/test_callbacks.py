"""A callback from the vendor to an event in Prefect: block, receiver, run, outcome."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.receiving import receiver
from support.runs import until

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

# `numberflow`, without waiting until every receiver has read the block again.
AT_ONCE = """
import numberflow.receiver.rotation as rotation
from numberflow.cli import main

async def no_wait(_seconds):
    pass

rotation.pause = no_wait
main()
"""


def test_from_the_callback_to_the_event(office: Any, tmp_path: Path, form: dict[str, Any]) -> None:
    """The secret is rotated into a block, the receiver takes it from there and starts one run, and
    the number's link is an event; no secret is told or kept in clear.
    """
    office.prefect.command(
        "block", "register", "--module", "tasks.credentials", home=office.folder / "operator"
    )
    account = office.running.environment
    names = ("project_id", "key_id", "key_secret")
    office.prefect.save_block(
        "sinch-credentials", "receiving", {name: account[f"SINCH_{name.upper()}"] for name in names}
    )
    variables = office.prefect.environment(tmp_path / "prefect") | office.environment()
    variables |= {"NUMBERFLOW_HOME": str(tmp_path)}
    rotated = subprocess.run(
        [sys.executable, "-c", AT_ONCE, "callbacks", "rotate", "--project", "receiving"],
        env=variables, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert 0 == rotated.returncode, rotated.stdout + rotated.stderr
    world, project = office.simulator.world, account["SINCH_PROJECT_ID"]
    assert 64 == len(world.hmac_secret) == len(world.imported.hmac_secret)

    # Its secrets come from the block alone, and so does the account of the run.
    bare = {name: value for name, value in variables.items() if not name.startswith("SINCH_")}
    with receiver(bare) as running:
        assert {"numbers": True, "imported": True} == (
            running.http.get("/ready").json()["secrets"][project]
        )
        order = {
            "sms": {"service_plan_id": "plan-1"},
            "callback_url": f"{running.url}/callbacks/{project}",
            "reference": "CALLED-1",
        }
        run_id = office.prefect.start(form | order)
        assert "Completed" == office.prefect.ended(run_id)["state_name"]
        (event,) = until(
            lambda: office.prefect.events("numberflow.number.linked"), "the event", timeout_s=120
        )
    assert ("CALLED-1", "linked") == (event["payload"]["reference"], event["payload"]["state"])
    told = rotated.stdout + rotated.stderr + json.dumps(event)
    assert world.hmac_secret not in told
    assert world.hmac_secret.encode() not in office.kept()
