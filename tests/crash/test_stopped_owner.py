"""A process that is stopped in the middle of a rent, while another takes its purchase over.

One rental, whatever it does when it wakes.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable

import pytest
from support.counts import count
from support.runs import Run, until
from support.scenes import ASKED, COMPLETE, Scene, ending

from numberflow.journal import IntentionState

# The first of these tests waits for the Prefect server as well.
pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

# Long enough that a run on a busy machine renews in time (every quarter), short enough to be waited
# out twice.
LEASE_S = 6.0
# The client's last word before the first byte leaves.
BEFORE_SEND = "numberflow.journal:Attempt.before_send"


def _stop(scene: Scene, when: str) -> Run:
    """A run that stopped itself right before or after its leave to send.

    No clean-up of it can run.
    """
    run = scene.start({when: BEFORE_SEND, "signal": "SIGSTOP"})
    until(lambda: run.is_stopped or run.code is not None, "the process is stopped")
    assert run.code is None, f"ended without being stopped: {run.wait()}"
    (stopped,) = [row for row in scene.intentions() if row.state is IntentionState.SENDING]
    assert (IntentionState.SENDING, []) == (stopped.state, scene.rents_sent())
    return run


def test_an_owner_that_wakes_up_after_a_takeover_does_not_send(
    make_scene: Callable[..., Scene], both_journals: str
) -> None:
    """Stopped between its «sending» row and its request, it finds its lease gone, sends nothing and
    says so.
    """
    scene = make_scene(journal_url=both_journals, lease_s=LEASE_S)
    sleeper = _stop(scene, "before")
    assert COMPLETE == ending(scene, scene.run())
    assert sleeper.is_stopped
    sleeper.signal(signal.SIGCONT)
    woken = sleeper.wait()
    count("takeovers")
    assert (ASKED, {1}) == (scene.simulator.rentals(), set(Counter(scene.rents_sent()).values()))
    assert (4, []) == (woken.code, scene.violations(woken))
    assert woken.report is not None
    assert "lease" in woken.report.reason
    assert "run again with the same reference" in woken.report.remedy
    assert COMPLETE == ending(scene, scene.run())


def test_an_owner_that_wakes_up_with_its_leave_to_send_pays_nothing(
    make_scene: Callable[..., Scene],
) -> None:
    """Stopped after its last look at the lease, it does send.

    A number is named, and the vendor rents none twice.
    """
    scene = make_scene(lease_s=LEASE_S)
    sleeper = _stop(scene, "after")
    assert COMPLETE == ending(scene, scene.run())
    sleeper.signal(signal.SIGCONT)
    woken = sleeper.wait()
    count("takeovers")
    assert (ASKED, ASKED + 1) == (scene.simulator.rentals(), len(scene.rents_sent()))
    assert (4, []) == (woken.code, scene.violations(woken))
    assert COMPLETE == ending(scene, scene.run())
