"""`numberflow run` that is stopped by a signal says what it did until then, and with which exit
code it ended.
"""

from __future__ import annotations

import json
import signal

import pytest
from support.scenes import ASKED, COMPLETE, REFERENCE, Scene, ending

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_in_the_middle_of_a_rent(scene: Scene, number: signal.Signals, code: int) -> None:
    """The account names the number whose rent was under way.

    The same reference finds it and buys the rest once.
    """
    scene.simulator.faults.add(
        {"operation": "rent", "nth": 2, "fault": "hold_after", "hold_s": 300}
    )
    run = scene.start_flow("search-and-rent", scene.parameters)
    scene.held(run)
    run.signal(number)
    stopped = run.wait()
    scene.simulator.holds.release_all()
    scene.simulator.faults.clear()
    assert code == stopped.code, stopped.told
    account = json.loads(stopped.out)
    told = {
        line["subject"]
        for line in account["lines"]
        if line["state"] in {"done", "unknown", "sending"}
    }
    charged = {charge["phone_number"] for charge in scene.simulator.charges()}
    assert (REFERENCE, True, True) == (
        account["reference"],
        charged <= told,
        len(charged) < ASKED + 1,
    )
    assert COMPLETE == ending(scene, scene.run())
