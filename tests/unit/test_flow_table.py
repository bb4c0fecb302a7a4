"""Each flow names its parameters three times: in the signature, the docstring and the model.

They say the same, and `numberflow run NAME --help` does.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from flows.forms import given
from flows.parameters import describe
from flows.table import FLOWS, FlowEntry

# What the run demands and a form fills in: somebody who writes JSON says where, and what kind.
PROPOSED = {"region_code", "number_type"}
# One value for each parameter that has to be given and no default in the form.
DEMANDED = {
    "max_today": "9.00",
    "max_monthly": "9.00",
    "phone_numbers": "+12125550101",
    "sms": {"service_plan_id": "plan-a"},
}
# Without these the model has nothing to do.
ALSO = {"configure-numbers": {"display_name": "desk"}, "text-enable-numbers": {"loa": "loa.json"}}

each_flow = pytest.mark.parametrize("entry", FLOWS.values(), ids=list(FLOWS))


def signature_defaults(entry: FlowEntry) -> dict[str, Any]:
    """Every parameter with its default in the signature; FieldInfo is one that the form demands."""
    return {
        name: each.default for name, each in inspect.signature(entry.load().fn).parameters.items()
    }


@each_flow
def test_one_set_of_names(entry: FlowEntry) -> None:
    """Signature, docstring and model have the same names, and the docstring the signature's
    order.
    """
    flow = entry.load()
    assert entry.name == flow.name
    signature = list(signature_defaults(entry))
    assert sorted(signature) == sorted(entry.parameters.model_fields)
    assert signature == [each.name for each in describe(entry).parameters]
    described = flow.parameters.properties
    assert [] == [name for name in signature if not described[name].get("description")]


@each_flow
def test_one_set_of_defaults(entry: FlowEntry) -> None:
    """What a form proposes is what counts where nothing is given."""
    defaults = signature_defaults(entry)
    demanded = {name for name, each in defaults.items() if isinstance(each, FieldInfo)}
    required = {name for name, each in entry.parameters.model_fields.items() if each.is_required()}
    assert demanded == required - PROPOSED
    least = {name: DEMANDED[name] for name in demanded} | ALSO.get(entry.name, {})
    least |= {name: defaults[name] for name in required & PROPOSED}
    assert entry.check(least) == entry.check(given(defaults) | least)


@each_flow
def test_help_needs_no_prefect(entry: FlowEntry) -> None:
    """`numberflow run NAME --help` shows every parameter without importing Prefect or the flow."""
    code = "import sys; from numberflow.cli import main\ntry: main()\nfinally: print(*sys.modules)"
    command = [sys.executable, "-c", code, "run", entry.name, "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    *shown, modules = told.stdout.splitlines()
    names = set(re.findall(r"^  (\w+)", "\n".join(shown), re.MULTILINE))
    assert {each.name for each in describe(entry).parameters} <= names
    assert {"prefect", entry.module}.isdisjoint(modules.split())
