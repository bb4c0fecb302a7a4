"""Suspend in the middle of a purchase: no further costly step, and what was bought is told.

The ledger judges.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
]

WANTED = 8
# Rents under way at once, after the first, which goes alone (numberflow.purchase.renting.rent).
AT_ONCE = 4


def test_suspend_holds_the_next_number_and_resume_buys_the_rest(office, form):
    """Suspended while rents are under way: they are the last ones.

    Resume buys what is missing, each number once.
    """
    run_id = _stopped_in_the_middle(
        office, form | {"reference": "W-SUSPEND"}, office.prefect.suspend
    )
    artifact = _eventually(lambda: office.prefect.artifacts(run_id).get("stopped-run"))
    bought = office.charged
    assert bought == 1 + AT_ONCE
    assert f"{bought} of {WANTED} numbers rented" in artifact["data"]
    time.sleep(2)
    assert ("PAUSED", bought) == (office.prefect.run(run_id)["state_type"], office.charged)

    office.prefect.resume(run_id)
    run = office.prefect.ended(run_id)
    assert ("Completed", WANTED) == (run["state_name"], office.charged)


def test_sigterm_ends_a_run_after_the_steps_under_way(office, form):
    """A worker that is stopped as the image stops it, while rents are under way: their outcomes
    are on disk, no other is sent, and the server hears of it. Retry buys the rest, each number
    once.
    """
    run_id = _stopped_in_the_middle(
        office,
        form | {"reference": "W-SIGTERM"},
        # The rents that are held get their replies a moment after it has arrived.
        lambda _run_id: (office.workers[-1].terminate(), time.sleep(2)),
    )
    office.workers[-1].wait()
    states = [step.state.value for step in office.journal("W-SIGTERM")]
    assert ("CRASHED", {"done", "planned"}, states.count("done")) == (
        office.prefect.run(run_id)["state_type"],
        set(states),
        office.charged,
    )

    office.hire()
    office.prefect.retry(run_id)
    assert ("Completed", WANTED) == (office.prefect.ended(run_id)["state_name"], office.charged)


def test_sigterm_ends_the_job_of_a_run(office, form):
    """As a pod of Kubernetes is stopped: the run is Crashed after the step under way, for whoever
    watches, and is neither cut off nor scheduled again behind their back.
    """
    office.workers[-1].kill()
    office.simulator.faults.add({"operation": "rent", "fault": "hold_after", "hold_s": 300})
    run_id = office.prefect.start(form | {"reference": "W-JOB", "quantity": WANTED})
    job = subprocess.Popen(
        [
            *(sys.executable, "-m", "deployments.supervise"),
            *(sys.executable, "-m", "prefect", "flow-run", "execute", run_id),
        ],
        env=office.prefect.environment(office.folder / "job")
        | office.environment()
        # prefect-kubernetes sets it for every job.
        | {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule"},
        cwd=office.folder,
    )
    try:
        _eventually(office.simulator.holds.list)
        job.terminate()
        time.sleep(2)
        office.simulator.holds.release_all()
        job.wait(90)
    finally:
        job.kill()
    states = sorted(step.state.value for step in office.journal("W-JOB"))
    assert ("CRASHED", ["done"] + ["planned"] * (WANTED - 1), 1) == (
        office.prefect.run(run_id)["state_type"],
        states,
        office.charged,
    )


def _stopped_in_the_middle(
    office: Any, parameters: dict[str, Any], press: Callable[[str], object]
) -> str:
    """A run of `WANTED` numbers for which a button is pressed while the vendor holds four of its
    rents; the run's id.
    """
    office.simulator.faults.add(
        {"operation": "rent", "fault": "hold_after", "hold_s": 300, "times": 1 + AT_ONCE}
    )
    run_id: str = office.prefect.start(parameters | {"quantity": WANTED})
    _eventually(office.simulator.holds.list)
    office.simulator.holds.release_all()
    _eventually(lambda: len(office.simulator.holds.list()) == AT_ONCE)
    press(run_id)
    office.simulator.holds.release_all()
    return run_id


def _eventually(found: Any) -> Any:
    give_up_at = time.monotonic() + 120
    while not (result := found()):
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(0.05)
    return result
