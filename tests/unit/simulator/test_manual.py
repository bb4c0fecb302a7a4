"""The manual knows everything that can be switched, broken and called."""

from pathlib import Path

import pytest

from numberflow.simulator import Simulator, SimulatorSettings, staff
from numberflow.simulator.app import APIS
from numberflow.simulator.faults import FAULTS
from numberflow.simulator.operation_names import OPERATIONS
from numberflow.simulator.switches import SWITCHES

MANUAL = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*FAULTS, *OPERATIONS])
def test_manual_names_it(name):
    """Every fault and operation stands in the manual."""
    assert f"`{name}`" in MANUAL


@pytest.mark.parametrize("name", SWITCHES)
def test_manual_has_the_switch_with_its_default(name):
    """Every switch stands in the manual with its default and meaning."""
    default = SWITCHES[name].default
    shown = str(default).lower() if isinstance(default, bool) else default
    assert f"| `{name}` | `{shown}` | {SWITCHES[name].about} |" in MANUAL


def test_manual_has_every_control_call():
    """Every path of the control surface stands in the manual with its method."""
    control = Simulator(SimulatorSettings(active=0, stock_us_local=1)).control_app
    calls = [
        (method, route.path.replace("{id:int}", "{id}").replace("{phone_number}", "{phone}"))
        for route in control.routes
        for method in route.methods - {"HEAD"}
    ]
    assert [call for call in calls if f"`{call[0]} {call[1]}" not in MANUAL] == []


@pytest.mark.parametrize("name", staff.ACTIONS)
def test_manual_has_every_script(name):
    """Every action of the vendor's staff stands in the table of scripts."""
    assert f"| `{name}` |" in MANUAL


def test_fault_rules_know_every_operation():
    """What can be called can be broken.

    Operations of the application and names in fault rules are the same.
    """
    served = {operation.name for operations in APIS.values() for operation in operations}
    assert {*served, "token"} == set(OPERATIONS)
