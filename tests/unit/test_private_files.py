"""What numberflow writes below its home is for its owner only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Command

from numberflow.cli.processes import start
from numberflow.export.store import LocalStore
from numberflow.private_files import write_private
from numberflow.settings import Settings
from numberflow.simulator import Simulator, SimulatorSettings, serve
from tasks.follow import parameter_file


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    """Files are readable by all unless somebody takes care, as on most machines."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def _open_to_others(root: Path) -> list[str]:
    """Folders that are not 0700 and files that are not 0600, with what they are."""
    return [
        f"{path} {path.stat().st_mode & 0o777:o}"
        for path in (root, *root.rglob("*"))
        if path.stat().st_mode & 0o777 != (0o700 if path.is_dir() else 0o600)
    ]


def test_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Journal, inventory, papers, state and logs: folders are 0700 and files 0600."""
    home = tmp_path / "new" / "home"
    command = Command(tmp_path, monkeypatch, capsys)
    paper = tmp_path / "kyc.json"
    paper.write_text("{}")
    with serve(Simulator(SimulatorSettings(seed=1, active=5))) as vendor:
        command.set(vendor.environment | {"NUMBERFLOW_HOME": str(home)})
        assert 0 == command("export").code
        assert 0 == command("stop").code
        assert 0 == command("papers", "put", str(paper)).code
    settings = Settings.load()
    write_private(parameter_file(settings.home, "PO/1"), "{}")
    start(["this"], os.environ, settings.home / "prefect-server.log").wait()
    names = {path.name for path in home.rglob("*")}
    assert {"numberflow.db", "_latest.json", "kyc.json", "prefect-server.log"} <= names
    assert [] == _open_to_others(home)


def test_a_shared_inventory_stays_shared(tmp_path: Path) -> None:
    """In a folder that others may read, what is published may be read by them, too."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    store = LocalStore(shared)
    store.write("inventory/v1/_latest.json", json.dumps({}).encode())
    written = shared / "inventory" / "v1" / "_latest.json"
    assert (0o644, 0o755) == (written.stat().st_mode & 0o777, written.parent.stat().st_mode & 0o777)
