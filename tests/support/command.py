"""The `numberflow` command in this process: arguments in; exit code, output and errors out.

Nothing of the caller's environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import rates

from numberflow.cli import main
from numberflow.simulator import Simulator

ACCOUNT = Simulator().environment("http://127.0.0.1:9")
"""A complete account at an address where nobody listens (the discard port)."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """Runs the command in a folder of its own, with the variables that were set here and no others
    of ours or Prefect's.
    """

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.home = folder / "home"
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for name in list(os.environ):
            if name.upper().startswith(("SINCH_", "NUMBERFLOW_", "PREFECT_")):
                monkeypatch.delenv(name)
        monkeypatch.chdir(folder)
        self.set(rates.FREE)
        self.set({"NUMBERFLOW_HOME": str(self.home), "PREFECT_HOME": str(folder / "prefect")})

    def set(self, variables: Mapping[str, str]) -> None:
        """Set variables of the environment."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *arguments: str) -> Ended:
        """Run it."""
        self._monkeypatch.setattr(sys, "argv", ["numberflow", *arguments])
        self._capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        captured = self._capsys.readouterr()
        return Ended(code, captured.out, captured.err)
