"""The processes of a load run: started, killed, started again, watched, and none left at the end.

Postgres, a Prefect server with a password, workers with their runs, and a receiver; beside them, in
this process, the vendor. Not here: what the runs have to do, and how they are judged
(tests/support/load.py).
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import re
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import Any, Protocol, Self

import httpx
import psutil
import psycopg
from support.orders import Cabinet
from support.postgres import PostgresServer
from support.prefect import Prefect, Worker

from numberflow.cli.prefect_server import SERVER_ENVIRONMENT, is_healthy, wait_ready
from numberflow.cli.processes import free_port, start
from numberflow.simulator import Simulator, SimulatorSettings, serve

AUTH = "load:run"
CALLBACK_SECRET = "callback-secret-of-the-load-run-0123456789"
# Every process of a run has it in its environment, and so has each process that one of them starts.
MARK = "LOAD_RUN"
SETTINGS = {
    # Chaos lets reads lag by up to a second, and silence lasts two.
    "NUMBERFLOW_SETTLE_S": "3",
    "NUMBERFLOW_HTTP_TIMEOUT_S": "5",
    "NUMBERFLOW_LEASE_S": "30",
    # The defaults, which tests switch off: one budget for all processes.
    "NUMBERFLOW_NUMBERS_RATE": "20,1,100",
    "NUMBERFLOW_IMPORTED_RATE": "10,0.5,50",
    "NUMBERFLOW_TOKEN_RATE": "10,0.5,10",
}
# How the vendor is set up: it limits requests, and its people are quick.
SWITCHES = {
    "rate_limit": True,
    "rate_limit_per_s": 100.0,
    "imported_rate_limit": True,
    "imported_rate_per_s": 50.0,
    "review_s": 2,
    "attachment_processing_s": 0,
}
_PROJECT = re.compile(r"/v1/projects/([^/]+)/")


def vendor(seed: int, faults: float, projects: int) -> tuple[Simulator, tuple[Simulator, ...]]:
    """The account that buys, and so many others with numbers to export, behind one address."""
    main = Simulator(
        SimulatorSettings(
            seed=seed, active=0, chaos=faults, switches=SWITCHES, token_lifetime_s=600
        )
    )
    main.world.hmac_secret = main.world.imported.hmac_secret = CALLBACK_SECRET
    others = tuple(
        Simulator(
            SimulatorSettings(
                seed=seed + n,
                active=200,
                project_id=f"export-{n:02d}",
                key_id=f"export-key-{n:02d}",
                key_secret=f"export-secret-{n:02d}",
            )
        )
        for n in range(1, projects + 1)
    )
    main.app = _OneAddress(main, others)  # type: ignore[assignment]
    return main, others


class _OneAddress:
    """Several accounts of the vendor behind one address, told apart as the vendor does it."""

    def __init__(self, main: Simulator, others: tuple[Simulator, ...]) -> None:
        self._main = main.app
        self.connections = main.app.connections
        self._by_project = {each.settings.project_id: each.app for each in others}
        self._by_key = {each.settings.key_id: each.app for each in others}
        for each in others:
            each.app.connections = main.app.connections

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        found = None
        if scope["type"] == "http":
            project = _PROJECT.search(scope["path"])
            found = (
                self._by_project.get(project[1])
                if project
                else self._by_key.get(_key_id(dict(scope["headers"])))
            )
        await (found or self._main)(scope, receive, send)


def _key_id(headers: Mapping[bytes, bytes]) -> str:
    scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return ""
    return base64.b64decode(credentials).decode(errors="replace").partition(":")[0]


class Target(Protocol):
    """Something that can be killed and started again."""

    def kill(self) -> list[str]:
        """Kill -9. Returns the flow runs that died with it."""

    def start(self) -> None:
        """Start it again."""

    @property
    def is_ready(self) -> bool:
        """Whether it works again."""


@dataclass
class Watched:
    """What was seen of the processes: greatest values, and when dead runs went on."""

    connections: Counter[str] = field(default_factory=Counter)
    memory_mb: Counter[str] = field(default_factory=Counter)
    resumed_s: list[float] = field(default_factory=list)
    waiting: dict[str, float] = field(default_factory=dict)
    """Runs that died and did not go on yet, and when they died."""


class Fleet:
    """Everything that runs. A context manager; at its end no process is left."""

    def __init__(
        self, folder: Path, main: Simulator, workers: int, runs_at_once: int, rng: random.Random
    ) -> None:
        self.folder = folder
        self.rng = rng
        self.kills: Counter[str] = Counter()
        self.watched = Watched()
        self._main = main
        self._mark = uuid.uuid4().hex
        self._stack = contextlib.ExitStack()
        self._count = workers
        self._runs_at_once = runs_at_once
        self._back_at: dict[str, float] = {}
        self._database: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        os.environ[MARK] = self._mark
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop(MARK, None)
        for process, _kind in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._stack.close()

    def _start(self) -> None:
        self.postgres = PostgresServer(contrib=True)
        self._stack.callback(self.postgres.close)
        self.journal_url = self.postgres.fresh_database()
        running = self._stack.enter_context(serve(self._main))
        server = _Server(self.folder / "server", self.postgres.fresh_database())
        receiver = _Receiver(self.folder)
        self.prefect = Prefect(server.api_url, AUTH)
        self.papers = self.folder / "papers"
        Cabinet(self.papers)
        environment = running.environment | SETTINGS | {
            "NUMBERFLOW_DATABASE_URL": self.journal_url,
            "NUMBERFLOW_INVENTORY_URL": str(self.folder / "inventory"),
            "NUMBERFLOW_PAPERS_URL": str(self.papers),
            "NUMBERFLOW_CALLBACK_URL": receiver.url,
            "SINCH_CALLBACK_SECRET": CALLBACK_SECRET,
            "SINCH_IMPORTED_CALLBACK_SECRET": CALLBACK_SECRET,
        }  # fmt: skip
        server.start()
        wait_ready(server.api_url, server.process, server.log)
        ours = self.prefect.environment(self.folder / "ours") | environment
        self._set_up(ours)
        receiver.environment = ours
        watch = _Watch(self.folder / "watch", ours)
        workers = [
            _Worker(self.prefect, self.folder / f"worker-{n}", environment, self._runs_at_once)
            for n in range(1, self._count + 1)
        ]
        self.targets: dict[str, list[Target]] = {
            "worker": [*workers],
            "run": [_OneRun(each, self.rng) for each in workers],
            "server": [server],
            "postgres": [_Postgres(self.postgres)],
            "receiver": [receiver],
            "watch": [watch],
        }
        for each in (*workers, receiver, watch):
            each.start()

    def _set_up(self, environment: Mapping[str, str]) -> None:
        """What an operator does once (docs/operations.md)."""
        done = subprocess.run(
            [sys.executable, "-m", "numberflow", "setup"],
            env={**environment, "NUMBERFLOW_HOME": str(self.folder / "operator")},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        # 4: what is left to a person is no part of a load run.
        if done.returncode not in {0, 4}:
            raise RuntimeError(f"numberflow setup failed:\n{done.stdout}{done.stderr}")

    def strike(self, kind: str) -> bool:
        """Kill one of a kind; False when none is ready to be killed."""
        ready = [
            (n, each)
            for n, each in enumerate(self.targets[kind])
            if f"{kind}-{n}" not in self._back_at and each.is_ready
        ]
        if not ready:
            return False
        n, target = self.rng.choice(ready)
        at = time()
        for run_id in target.kill():
            self.watched.waiting.setdefault(run_id, at)
        self.kills[kind] += 1
        self._back_at[f"{kind}-{n}"] = monotonic() + self.rng.uniform(1.0, 5.0)
        return True

    def bring_back(self, *, all_now: bool = False) -> None:
        """Start again what has been dead for a few seconds, as systemd or Kubernetes would."""
        for name, back_at in list(self._back_at.items()):
            if all_now or monotonic() >= back_at:
                kind, _, n = name.rpartition("-")
                self.targets[kind][int(n)].start()
                del self._back_at[name]

    def processes(self) -> Iterator[tuple[psutil.Process, str]]:
        """Every process of this fleet, with what it is."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.pid != os.getpid() and process.environ().get(MARK) == self._mark:
                    yield process, _kind(process)

    def watch(self) -> None:
        """Look once at processes and connections."""
        memory: Counter[str] = Counter()
        largest: Counter[str] = Counter()
        for process, kind in self.processes():
            if kind in {"postgres", "other"}:
                continue
            with contextlib.suppress(psutil.Error):
                rss = round(process.memory_info().rss / 1e6)
                memory[f"{kind}, all"] += rss
                largest[kind] = max(largest[kind], rss)
                if kind == "run":
                    self._has_begun(run_of(process), process.create_time())
        self.watched.memory_mb |= memory | largest
        with contextlib.suppress(psycopg.Error):
            self.watched.connections |= self._connections()

    def _has_begun(self, run_id: str, at: float) -> None:
        died_at = self.watched.waiting.get(run_id)
        if died_at is not None and at > died_at:
            self.watched.resumed_s.append(at - died_at)
            del self.watched.waiting[run_id]

    def _connections(self) -> Counter[str]:
        try:
            if self._database is None:
                self._database = psycopg.connect(
                    self.postgres.url("postgres"), autocommit=True, connect_timeout=2
                )
            rows = self._database.execute(
                "SELECT datname, application_name, count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1, 2"
            ).fetchall()
        except psycopg.Error:
            self._database = None
            raise
        found: Counter[str] = Counter()
        journal = self.journal_url.partition("@/")[2].partition("?")[0]
        for database, name, count in rows:
            kind = "journal" if database == journal else "prefect"
            found[kind] += count
            found["together"] += count
            # The journal names the process (numberflow/journal/database.py).
            if name.startswith("numberflow "):
                found["one run"] = max(found["one run"], count)
        return found


class _Postgres:
    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def kill(self) -> list[str]:
        self._server.kill()
        return []

    def start(self) -> None:
        self._server.start()

    @property
    def is_ready(self) -> bool:
        return True


class _Server:
    """A Prefect server on Postgres, with a password."""

    def __init__(self, home: Path, database_url: str) -> None:
        home.mkdir(parents=True)
        self.log = home / "log"
        port = free_port(0)
        self.api_url = f"http://127.0.0.1:{port}/api"
        plain = {n: v for n, v in os.environ.items() if not n.startswith("PREFECT_")}
        self._environment = plain | SERVER_ENVIRONMENT | {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_SERVER_API_AUTH_STRING": AUTH,
            "PREFECT_API_AUTH_STRING": AUTH,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database_url.replace(
                "postgresql:", "postgresql+asyncpg:"
            ),
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "true",
        }  # fmt: skip

    def start(self) -> None:
        self.process = start(["prefect", "server", "start"], self._environment, self.log)

    def kill(self) -> list[str]:
        _kill_tree(self.process)
        return []

    @property
    def is_ready(self) -> bool:
        return self.process.poll() is None and is_healthy(self.api_url)


class _Receiver:
    def __init__(self, folder: Path) -> None:
        self.port = free_port(0)
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment: Mapping[str, str] = {}
        self._home = folder / "receiver"
        self._home.mkdir()
        self._log = self._home / "log"

    def start(self) -> None:
        environment = {**self.environment, "NUMBERFLOW_HOME": str(self._home)}
        arguments = ["numberflow", "receiver", "--port", str(self.port)]
        self.process = start(arguments, environment, self._log)

    def kill(self) -> list[str]:
        _kill_tree(self.process)
        return []

    @property
    def is_ready(self) -> bool:
        if self.process.poll() is not None:
            return False
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/health", timeout=2, trust_env=False).is_success
        return False


class _Watch:
    """`numberflow watch`, which retries runs whose process is gone."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        home.mkdir()
        self._environment = {**environment, "NUMBERFLOW_HOME": str(home)}
        self._log = home / "log"

    def start(self) -> None:
        self.process = start(["numberflow", "watch"], self._environment, self._log)

    def kill(self) -> list[str]:
        _kill_tree(self.process)
        return []

    @property
    def is_ready(self) -> bool:
        return self.process.poll() is None


class _Worker:
    """One worker after the other in the same place, each with a home of its own."""

    def __init__(
        self, prefect: Prefect, folder: Path, environment: Mapping[str, str], limit: int
    ) -> None:
        self._prefect = prefect
        self._folder = folder
        self._environment = environment
        self._limit = limit
        self._started = 0
        self.worker: Worker | None = None

    def start(self) -> None:
        self._started += 1
        folder = self._folder / str(self._started)
        self.worker = Worker(self._prefect, folder, self._environment, self._limit)

    def kill(self) -> list[str]:
        assert self.worker is not None
        died = [run_of(each) for each in self.runs()]
        self.worker.kill()
        return died

    def runs(self) -> list[psutil.Process]:
        """Its runs, each by its outermost process."""
        assert self.worker is not None
        with contextlib.suppress(psutil.Error):
            return [each for each in psutil.Process(self.worker.pid).children() if run_of(each)]
        return []

    @property
    def is_ready(self) -> bool:
        return self.worker is not None and self.worker.is_alive


class _OneRun:
    """One run of a worker, which stays alive and tells the server that the run has crashed."""

    def __init__(self, worker: _Worker, rng: random.Random) -> None:
        self._worker = worker
        self._rng = rng

    def kill(self) -> list[str]:
        process = self._rng.choice(self._worker.runs())
        run_id = run_of(process)
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in (process, *process.children(recursive=True)):
                each.kill()
        return [run_id]

    def start(self) -> None:
        """Nothing: another process goes on with it."""

    @property
    def is_ready(self) -> bool:
        return self._worker.is_ready and bool(self._worker.runs())


def run_of(process: psutil.Process) -> str:
    """The flow run that a process carries out; empty for any other process."""
    with contextlib.suppress(psutil.Error):
        return process.environ().get("PREFECT__FLOW_RUN_ID", "")
    return ""


def _kind(process: psutil.Process) -> str:
    words = process.cmdline()
    if run_of(process):
        return "run"
    # A backend of Postgres is titled "postgres: …".
    names = ("postgres", "worker", "receiver", "server", "watch")
    return next((each for each in names if any(each in word for word in words[:5])), "other")


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    """Kill -9 of a process and of all that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        for each in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()
