"""Ask the advisory databases about every pinned package (`make audit`).

Ends with 1 when one has a known vulnerability. When the database cannot be reached, or does not
know our packages (a mirror without advisories), nothing was audited: that is said aloud and is no
failure, because it says nothing about the packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS = ("requirements.txt", "requirements-dev.txt", "requirements-tools.txt")
TIMEOUT_S = 600


def ask() -> str:
    """What pip-audit says of the pins, as JSON; empty when it says nothing."""
    pins = [part for name in PINS for part in ("--requirement", name)]
    command = [sys.executable, "-m", "pip_audit", *pins, "--disable-pip", "--format", "json"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off"],
            cwd=ROOT,
            # What it says in words sounds like success when it could ask nobody.
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def judge(report: str) -> tuple[int, Sequence[str]]:
    """Exit code, and what to say of a report of pip-audit."""
    try:
        packages: Sequence[Any] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        packages = ()
    audited = [each for each in packages if "skip_reason" not in each]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if not audited:
        return 0, ["NOT AUDITED: the advisory database cannot be asked about our packages."]
    found = [
        f"{each['name']} {each['version']}: {hole['id']}"
        + (f", fixed in {', '.join(hole['fix_versions'])}" if hole["fix_versions"] else ", no fix")
        for each in audited
        for hole in each["vulns"]
    ]
    said = [f"{len(audited)} packages audited, {len(found)} known vulnerabilities."]
    if skipped:
        said.append(f"NOT AUDITED, {len(skipped)} of {len(packages)}: {', '.join(skipped)}")
    return int(bool(found)), [*found, *said]


if __name__ == "__main__":
    code, lines = judge(ask())
    print("\n".join(lines))  # noqa: T201
    sys.exit(code)
