"""What `make audit` makes of pip-audit's report."""

from __future__ import annotations

import json
from typing import Any

import advisories
import pytest

FINE: dict[str, Any] = {"name": "httpx", "version": "0.28.1", "vulns": []}
HOLE: dict[str, Any] = {
    "name": "yarl",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
UNKNOWN = {"name": "numpy", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([FINE], 0, ["1 packages audited, 0 known vulnerabilities."]),
        (
            [FINE, HOLE],
            1,
            [
                "yarl 1.0: PYSEC-1, fixed in 1.1",
                "yarl 1.0: PYSEC-2, no fix",
                "2 packages audited, 2 known vulnerabilities.",
            ],
        ),
        (
            [FINE, UNKNOWN],
            0,
            ["1 packages audited, 0 known vulnerabilities.", "NOT AUDITED, 1 of 2: numpy"],
        ),
    ],
)
def test_reports(packages: list[dict[str, Any]], code: int, said: list[str]) -> None:
    """Vulnerable packages fail, with their fix; what was not audited is named."""
    assert (code, said) == advisories.judge(json.dumps({"dependencies": packages}))


@pytest.mark.parametrize(
    "report", ["", "no network", "[]", "{}", json.dumps({"dependencies": [UNKNOWN, UNKNOWN]})]
)
def test_nothing_to_ask(report: str) -> None:
    """Without a database nothing is audited, and nothing pretends otherwise."""
    code, said = advisories.judge(report)
    assert (0, True) == (code, said[0].startswith("NOT AUDITED"))
