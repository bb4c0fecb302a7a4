"""A second project: its account is a block made as the UI makes it, and a run names the block."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from numberflow.simulator import Simulator, SimulatorSettings, serve

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]


def test_a_run_for_a_second_project(office: Any, tmp_path: Path, form: dict[str, Any]) -> None:
    """The number is rented with the key of the block, in its project, though the environment has
    another account; no secret is kept or told.
    """
    secret = "planted-second-secret-5e1d"
    office.prefect.command(
        "block", "register", "--module", "tasks.credentials", home=office.folder / "operator"
    )
    account = SimulatorSettings(active=0, project_id="second", key_id="key-2", key_secret=secret)
    with serve(Simulator(account)) as second:
        office.prefect.save_block(
            "sinch-credentials",
            "second",
            {"project_id": "second", "key_id": "key-2", "key_secret": secret},
        )
        addresses = {
            name: value for name, value in second.environment.items() if name.endswith("_URL")
        }
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "numberflow",
                "run",
                "search-and-rent",
                "--json",
                "--params",
                json.dumps(form | {"project": "second", "reference": "SECOND-1"}),
            ],
            cwd=tmp_path,
            env=office.prefect.environment(tmp_path)
            | office.environment()
            | addresses
            | {"NUMBERFLOW_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (0, 1, 0) == (done.returncode, second.simulator.rentals(), office.charged), (
            done.stdout + done.stderr
        )
    assert "second" == json.loads(done.stdout)["project_id"]
    assert ["done"] == [
        line.state.value for line in office.journal("SECOND-1") if line.operation == "rent"
    ]
    assert secret not in done.stdout + done.stderr
    assert secret.encode() not in office.kept() + b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )
