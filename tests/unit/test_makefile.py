"""The Makefile asks for an interpreter that numberflow runs on, before it installs anything."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDEST = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"][2:]


def _make(goal: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make goal` with these variables, outside of any environment."""
    environment = {n: v for n, v in os.environ.items() if n not in {"VIRTUAL_ENV", "MAKEFLAGS"}}
    return subprocess.run(
        ["make", "--silent", goal, *(f"{name}={value}" for name, value in variables.items())],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def old_python(tmp_path: Path) -> Path:
    """An interpreter that says it is Python 3.10."""
    path = tmp_path / "bin" / "python"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\necho Python 3.10.13\nexit 1\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("goal", ["demo", "test-fast", "newest"])
def test_an_old_interpreter_is_refused(goal: str, old_python: Path, tmp_path: Path) -> None:
    """It says which Python is wanted and how to name one, and makes no environment."""
    environment = tmp_path / "environment"
    done = _make(goal, PYTHON=str(old_python), VENV=str(environment), OTHERS=str(environment))
    said = done.stderr.splitlines()[0]
    assert (
        f"numberflow needs Python {OLDEST} or newer, and {old_python} is Python 3.10.13. "
        f"Name another one: make {goal} PYTHON=python3.12"
    ) == said
    assert (True, False) == (done.returncode != 0, environment.exists())


def test_an_environment_of_an_old_interpreter_is_refused(old_python: Path, tmp_path: Path) -> None:
    """An active environment, or one that an earlier try left, is not installed into."""
    done = _make("demo", VENV=str(tmp_path))
    assert f"{old_python} is Python 3.10.13. Remove or leave that environment" in done.stderr
    assert done.returncode != 0


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    """A name that no interpreter has is told as such."""
    done = _make("demo", PYTHON="python3.999", VENV=str(tmp_path / "environment"))
    assert "and python3.999 is not there. Name another one" in done.stderr
    assert done.returncode != 0
