"""Scenes for crash tests. Those of one worker of xdist share a Prefect server and a nursery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from support.disks import small_disk  # noqa: F401
from support.postgres import kept_journal, own_postgres, postgres_server, postgres_url  # noqa: F401
from support.runs import Nursery, nursery, prefect_api  # noqa: F401
from support.scenes import Scene

from numberflow.simulator import Simulator, SimulatorSettings, serve

MakeScene = Callable[..., Scene]


@pytest.fixture
def make_scene(nursery: Nursery, prefect_api: str, tmp_path: Path) -> Iterator[MakeScene]:  # noqa: F811
    """Makes scenes; whatever still runs at the end of the test is killed."""
    with ExitStack() as stack:

        def make(**options: Any) -> Scene:
            folder = tmp_path / f"scene-{len(list(tmp_path.glob('scene-*')))}"
            folder.mkdir()
            running = stack.enter_context(serve(Simulator(SimulatorSettings(seed=1, active=0))))
            scene = Scene(running, nursery, prefect_api, folder, **options)
            stack.callback(scene.close)
            return scene

        yield make


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    """A scene with its journal in SQLite."""
    return make_scene()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def both_journals(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a fresh journal, once on SQLite and once on Postgres."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'numberflow.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
