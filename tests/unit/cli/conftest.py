"""Fixtures of the command-line tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from support.command import Command


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command, in an empty folder and without an account."""
    return Command(tmp_path, monkeypatch, capsys)


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Reads are repeated without pauses."""
    with stamina.set_testing(True, attempts=2):
        yield
