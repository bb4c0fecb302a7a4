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
    another account; so is it compared with the journal. No secret is kept or told.
    """
    secret = "planted-second-secret-5e1d"
    office.prefect.command(
        "block", "register", "--module", "tasks.credentials", home=office.folder / "operator"
    )
    # A seed of its own: with the office's stock, both accounts might come to hold one number.
    account = SimulatorSettings(
        seed=2, active=0, project_id="second", key_id="key-2", key_secret=secret
    )
    with serve(Simulator(account)) as second:
        office.prefect.save_block(
            "sinch-credentials",
            "second",
            {"project_id": "second", "key_id": "key-2", "key_secret": secret},
        )
        addresses = {
            name: value for name, value in second.environment.items() if name.endswith("_URL")
        }
        environment = office.prefect.environment(tmp_path) | office.environment() | addresses

        def command(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "numberflow", *words],
                cwd=tmp_path, env=environment | {"NUMBERFLOW_HOME": str(tmp_path)},
                capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip

        wanted = json.dumps(form | {"project": "second", "reference": "SECOND-1"})
        done = command("run", "search-and-rent", "--json", "--params", wanted)
        assert (0, 1, 0) == (done.returncode, second.simulator.rentals(), office.charged), (
            done.stdout + done.stderr
        )
        compared = command("reconcile", "--project", "second", "--json")
        assert 0 == compared.returncode, compared.stdout + compared.stderr
        report = json.loads(compared.stdout)
        assert ("second", 1, []) == (
            report["project_id"],
            report["compared"],
            [each for each in report["findings"] if each["severity"] == "person"],
        )
    assert "second" == json.loads(done.stdout)["project_id"]
    assert ["done"] == [
        line.state.value for line in office.journal("SECOND-1") if line.operation == "rent"
    ]
    assert secret not in done.stdout + done.stderr
    assert secret.encode() not in office.kept() + b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )
