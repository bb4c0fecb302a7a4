"""One Prefect server, one simulator, one journal on Postgres and one worker after the other, shared
by all tests in here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from support import rates
from support.postgres import PostgresServer, postgres_server  # noqa: F401
from support.prefect import Prefect, Worker
from support.runs import Ended, Nursery, RunHere, nursery, prefect_api, prefect_home  # noqa: F401

from numberflow.journal import Intention, Journal
from numberflow.simulator import Running, Simulator, SimulatorSettings, serve

# Planted in the environment of every worker: nothing that Prefect keeps may hold it.
KEY_SECRET = "planted-key-secret-5e1d"
# A fifth of a second is far above the lag of a simulator that was not told to lag; reads are made
# twice over this time.
SETTLE_S = "1"
# A worker that dies keeps its purchase this long when another machine takes over.
LEASE_S = "3"


@dataclass
class Office:
    """What an operator and an auditor see: Prefect, the vendor's ledger, the journal."""

    prefect: Prefect
    simulator: Simulator
    running: Running
    journal_url: str
    folder: Path
    workers: list[Worker] = field(default_factory=list)
    server_home: Path = Path()
    _charged_before: int = 0

    def kept(self, *but: str) -> bytes:
        """All that any machine has kept, byte by byte.

        Homes, logs, result stores, inventories, Prefect's database, the journal. `but`: names of
        files.
        """
        files = [
            path
            for folder in (self.folder, self.server_home)
            for path in folder.rglob("*")
            if path.is_file()
        ]
        with psycopg.connect(self.journal_url.replace("+psycopg", "")) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            rows = [
                repr(connection.execute(f'SELECT * FROM "{name}"').fetchall()) for (name,) in tables
            ]
        return (
            b"".join(path.read_bytes() for path in files if path.name not in but)
            + "".join(rows).encode()
        )

    def hire(self) -> None:
        """Start a worker in a folder that stands for another machine, unless one is at work."""
        if not any(worker.is_alive for worker in self.workers):
            environment = self.environment()
            self.workers.append(
                Worker(self.prefect, self.folder / f"worker-{len(self.workers)}", environment)
            )

    def environment(self) -> dict[str, str]:
        """The account, the journal and the times, as a worker's environment."""
        return self.running.environment | {
            "NUMBERFLOW_DATABASE_URL": self.journal_url,
            "NUMBERFLOW_INVENTORY_URL": str(self.folder / "inventory"),
            "NUMBERFLOW_PAPERS_URL": str(self.papers),
            "NUMBERFLOW_SETTLE_S": SETTLE_S,
            "NUMBERFLOW_LEASE_S": LEASE_S,
        }

    def set_up(self, *options: str) -> subprocess.CompletedProcess[str]:
        """`numberflow setup` on the operator's machine."""
        home = self.folder / "operator"
        return subprocess.run(
            [sys.executable, "-m", "numberflow", "setup", *options],
            env=self.prefect.environment(home / "prefect")
            | self.environment()
            | {"NUMBERFLOW_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )

    def open_books(self) -> None:
        """Count charges from here on, with a vendor that behaves."""
        self.simulator.faults.clear()
        self.simulator.holds.release_all()
        self._charged_before = self.simulator.rentals()

    @property
    def papers(self) -> Path:
        """The papers store that every machine reaches."""
        folder = self.folder / "papers"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def charged(self) -> int:
        """Numbers that the vendor charged since the books were opened: the judge of every test."""
        return self.simulator.rentals() - self._charged_before

    def control(self, path: str, body: Mapping[str, Any]) -> None:
        """Tell the simulator what happens next."""
        httpx.post(self.running.control_url + path, json=body, trust_env=False).raise_for_status()

    def journal(self, reference: str) -> tuple[Intention, ...]:
        """The intentions of one purchase."""
        with Journal.open(self.journal_url) as journal:
            return journal.intentions(reference=reference)


@pytest.fixture(scope="session")
def one_office(
    prefect_api: str,  # noqa: F811
    prefect_home: Path,  # noqa: F811
    postgres_server: PostgresServer,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Office]:
    """A server that `numberflow setup` has set up, a simulator on ports, and a journal that every
    machine reaches.
    """
    prefect = Prefect(prefect_api)
    folder = tmp_path_factory.mktemp("office")
    with serve(Simulator(SimulatorSettings(active=0, key_secret=KEY_SECRET))) as running:
        office = Office(
            prefect,
            running.simulator,
            running,
            postgres_server.fresh_database(),
            folder,
            server_home=prefect_home,
        )
        done = office.set_up()
        assert done.returncode == 0, done.stdout + done.stderr
        # Tests kill runs, and they look at what stays. Nobody else does meanwhile.
        prefect.delete_automations()
        prefect.pause_schedules()
        office.hire()
        try:
            yield office
        finally:
            for worker in office.workers:
                worker.kill()


@pytest.fixture
def office(one_office: Office) -> Office:
    """The office with a worker at work, a vendor that behaves and empty books."""
    one_office.open_books()
    one_office.hire()
    return one_office


@pytest.fixture
def form() -> dict[str, Any]:
    """What an operator fills in for one number; no reference."""
    return {
        "region_code": "US",
        "number_type": "LOCAL",
        "quantity": 1,
        "max_today": "100.00",
        "max_monthly": "100.00",
    }


@pytest.fixture
def run_here(office: Office, nursery: Nursery, tmp_path: Path) -> RunHere:  # noqa: F811
    """`numberflow run` on this machine, which has no form to ask in."""

    def run(deployment: str, parameters: Mapping[str, Any]) -> Ended:
        folder = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        environment = rates.FREE | office.environment() | {"NUMBERFLOW_HOME": str(folder)}
        arguments = ["run", deployment, "--params", json.dumps(parameters)]
        return nursery.start(arguments, environment, folder, None).wait()

    return run
