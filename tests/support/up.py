"""`numberflow up` as a process, without an account: simulator, Prefect server and deployments.

Not here: what is asked of the server (support.prefect), and its UI (support.prefect_ui).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support import rates
from support.prefect import Prefect
from support.runs import until

from numberflow.cli.processes import free_port, stop

_SIMULATOR = re.compile(r"simulator on (http://[\d.:]*\d), control surface on (http://[\d.:]*\d)")


class Up:
    """The process, and what stands on its terminal."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.home = folder / "home"
        self.port = free_port(0)
        self._out = folder / "out"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SINCH_", "NUMBERFLOW_", "PREFECT_"))
        } | rates.FREE | {
            "NUMBERFLOW_HOME": str(self.home),
            "PREFECT_HOME": str(folder / "prefect"),
            # Short settling is allowed here: it is its own simulator that `up` talks to.
            "NUMBERFLOW_SETTLE_S": "1",
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        } | variables  # fmt: skip
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "numberflow", "up", "--port", str(self.port)],
                env=self.environment,
                cwd=folder,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def told(self) -> str:
        """What stands on its terminal."""
        return self._out.read_text()

    def says(self, words: str) -> str:
        """What stands on its terminal when `words` do."""

        def said() -> str:
            assert self.process.poll() is None, self.told
            return self.told if words in self.told else ""

        return str(until(said, f"`numberflow up` says {words!r}"))

    @property
    def prefect(self) -> Prefect:
        """Its server."""
        return Prefect(json.loads((self.home / "up.json").read_text())["api_url"])

    @property
    def simulator(self) -> tuple[str, str]:
        """Addresses of its simulator: the APIs, and the control surface."""
        found = _SIMULATOR.search(self.told)
        assert found is not None, self.told
        return found[1], found[2]

    def findings(self, *command: str) -> dict[str, dict[str, Any]]:
        """What `numberflow doctor` or `setup` finds in the same surroundings, by name."""
        done = subprocess.run(
            [sys.executable, "-m", "numberflow", *command, "--json"],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return {finding["name"]: finding for finding in json.loads(done.stdout)}


@contextmanager
def running(folder: Path, variables: Mapping[str, str]) -> Iterator[Up]:
    """Start it, and stop it with all it started."""
    up = Up(folder, variables)
    try:
        yield up
    finally:
        stop(up.process)
