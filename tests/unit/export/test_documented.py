"""docs/inventory.md has every column and rule as declared."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from numberflow.export.changes import CHANGES
from numberflow.export.costs import COSTS, FORECAST
from numberflow.export.quality import RULES
from numberflow.export.schema import INVENTORY, describe

PAGE = (Path(__file__).parents[3] / "docs" / "inventory.md").read_text()


def part(name: str) -> str:
    (found,) = re.findall(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    ("name", "schema"),
    [("inventory", INVENTORY), ("changes", CHANGES), ("costs", COSTS), ("forecast", FORECAST)],
)
def test_columns(name: str, schema: pa.Schema) -> None:
    """The table of columns is the declared one."""
    assert describe(schema) == part(f"columns of {name}")


def test_rules() -> None:
    """Every rule stands there with what it does."""
    told = {line.split(" | ")[0].removeprefix("| ") for line in part("rules").splitlines()[2:]}
    assert {rule.name for rule in RULES} == told
