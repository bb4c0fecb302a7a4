"""What Prefect keeps of a purchase, as files.

Its database, logs and artifacts of server, workers and runs.
"""

from __future__ import annotations

import pytest

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]


def test_the_key_secret_is_nowhere(office, form, tmp_path_factory):
    """After a purchase and a refusal by the vendor no file of this session holds the key secret
    that the worker was given.
    """
    secret = office.running.environment["SINCH_KEY_SECRET"].encode()
    office.simulator.faults.add({"operation": "token", "fault": "error_before", "times": 1})
    run = office.prefect.ended(office.prefect.start(form | {"reference": "W-SECRET"}))
    assert ("Completed", 1) == (run["state_name"], office.charged)

    files = [path for path in tmp_path_factory.getbasetemp().rglob("*") if path.is_file()]
    assert any(
        path.name == "prefect.db" and b"W-SECRET" in path.read_bytes() for path in files
    ) or any(path.name == "prefect.db-wal" and b"W-SECRET" in path.read_bytes() for path in files)
    assert any(path.name == "worker.log" for path in files)
    assert [] == [path for path in files if secret in path.read_bytes()]
