"""The journal's database: opening it, transactions, its clock, and what its failures mean.

Nothing here knows purchases or intentions. Every failure of the database becomes a
`JournalUnavailable`, with the remedy and without the URL's password.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from numberflow.errors import BadInput, JournalUnavailable
from numberflow.journal import audit, migrations
from numberflow.journal.json_text import dump_json
from numberflow.private_files import make_private_folder

Clock = Callable[[], datetime]

# Connections of one process to Postgres: so many are kept, and so many more are made when those are
# in use. A run has four costly steps under way at most, and renews its leases beside them; its
# transactions take milliseconds, so that a sixth can wait. Data that is not durable is that of the
# shared pace, which does with one of each (docs/operations.md).
_KEPT, _FURTHER = 2, 3
# How often a Postgres that is restarting is tried again.
_CONNECT_AGAIN_S = 0.25

# Any number that nobody else in the database uses as an advisory lock: the eight bytes "numberfl".
_MIGRATION_LOCK = int.from_bytes(b"numberfl")


def utc_now() -> datetime:
    """This machine's time, aware."""
    return datetime.now(UTC)


class Trouble(NamedTuple):
    """What is wrong with the database, and what an operator does about it."""

    what: str
    remedy: str


_LOCKED = Trouble(
    "another process holds it locked for too long",
    "find the process that hangs in the middle of a write (a stopped one keeps its lock) and end "
    "it, then try again",
)
_READ_ONLY = Trouble(
    "it is read-only", "make the file and its folder (or the database) writable for this user"
)
_FULL = Trouble(
    "its disk is full", "free disk space, then try again; nothing that was written before is lost"
)
_CANNOT_OPEN = Trouble(
    "it cannot be opened", "check that the folder exists and that this user may write to it"
)
_CORRUPT = Trouble(
    "it is damaged, or not a numberflow journal",
    "stop all workers and restore the newest backup; before anything is bought, compare "
    "`numberflow numbers list` with `numberflow journal list`: it does not know what came after",
)
_IO = Trouble("its disk reports errors", "check the disk and the file system before anything else")
_DOWN = Trouble(
    "it does not answer", "start the database, or correct host and port in NUMBERFLOW_DATABASE_URL"
)
_DENIED = Trouble(
    "it refuses the login", "correct user, password and rights in NUMBERFLOW_DATABASE_URL"
)
_OTHER = Trouble(
    "it refused the statement", "keep the log and report this; nothing was sent for it"
)

# https://www.sqlite.org/rescode.html (primary codes; extended ones begin with the same word; first
# match wins)
_SQLITE_TROUBLES = {
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_PROTOCOL": _LOCKED,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_AUTH": _READ_ONLY,
    "SQLITE_FULL": _FULL,
    "SQLITE_CANTOPEN": _CANNOT_OPEN,
    "SQLITE_CORRUPT": _CORRUPT,
    "SQLITE_NOTADB": _CORRUPT,
    "SQLITE_SCHEMA": _CORRUPT,
    # The -shm file that goes with the journal cannot grow: the volume has no room
    # (https://www.sqlite.org/rescode.html#ioerr_shmsize).
    "SQLITE_IOERR_SHMSIZE": _FULL,
    "SQLITE_IOERR": _IO,
}

_CROWDED = Trouble("it accepts no more connections", "raise max_connections or run fewer workers")

# https://www.postgresql.org/docs/current/errcodes-appendix.html (longest prefix wins)
_POSTGRES_TROUBLES = {
    "55P03": _LOCKED,
    "57014": _LOCKED,
    "25P03": _LOCKED,
    "40": _LOCKED,
    "25006": _READ_ONLY,
    "53100": _FULL,
    "53": _CROWDED,
    "57": _DOWN,
    "08": _DOWN,
    "28": _DENIED,
    "42501": _DENIED,
    "3D000": Trouble(
        "the database of that name does not exist", "create it, or correct NUMBERFLOW_DATABASE_URL"
    ),
    "XX001": _CORRUPT,
    "XX002": _CORRUPT,
    "58": _IO,
}


class Database:
    """An open engine with the journal's durability. Thread-safe; never used across a fork."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None,
        busy_timeout_s: float,
        durable: bool = True,
        as_it_is: bool = False,
    ) -> None:
        """Prepare the engine and bring the schema up to date.

        `durable=False`: commits return before they are on disk, for data that a power cut may lose.
        `as_it_is=True`: nothing is made or brought up to date, for a look at `revision`.

        Raises:
            BadInput: the URL cannot name a journal.
            JournalUnavailable: the database cannot be reached, written or brought up to date.
        """
        self._clock = clock
        self.actor: Mapping[str, str] = {}
        """Who writes, for the audit."""
        self._busy_timeout_s = busy_timeout_s
        self._durable = durable
        self._reached = False
        self._url = _normalised(url)
        self.is_postgres = self._url.get_backend_name() == "postgresql"
        try:
            if not self.is_postgres and not as_it_is:
                _make_folder(self._url)
            self._engine = self._make_engine()
            if not as_it_is:
                self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def location(self) -> str:
        """Where the database is, for people; without its password."""
        return (
            f"Postgres at {self._url.host or 'the local socket'}"
            if self.is_postgres
            else f"{self._url.database}"
        )

    @property
    def revision(self) -> str | None:
        """Of the tables; None where there are none. Changes nothing, and makes no file."""
        file = str(self._url.database)
        if not self.is_postgres and not file.startswith("file:") and not Path(file).exists():
            return None
        with self.read() as connection:
            return migrations.current(connection)

    def close(self) -> None:
        """Close all connections."""
        engine = getattr(self, "_engine", None)
        if engine is not None:
            engine.dispose()

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that writes. It is on disk when the block ends without an exception.

        On SQLite it excludes other writers from its start, so a read inside it is still true at the
        commit.
        """
        with self._translated(), self._begun(self._engine) as connection:
            audit.begin_notes(connection)
            yield connection
            if audit.is_noted(connection):
                audit.write_notes(connection, self.now, self.actor)

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One transaction that only reads. It works on a read-only database, too."""
        with self._translated(), self._begun(self._reader) as connection:
            yield connection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """One transaction that only reads, in which every statement sees the same rows."""
        reader = self._reader
        if self.is_postgres:
            reader = reader.execution_options(isolation_level="REPEATABLE READ")
        with self._translated(), self._begun(reader) as connection:
            yield connection

    @contextlib.contextmanager
    def _begun(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        """A transaction. A Postgres that restarts, or is crowded, is waited for like a writer.

        Only the connection is tried again: no statement of the transaction was sent by then. A
        database that was never reached is not waited for: its address may be wrong.
        """
        give_up_at = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                connection = engine.connect()
                break
            except DBAPIError as error:
                passing = self._reached and _trouble(error.orig) in (_DOWN, _CROWDED)
                if not passing or time.monotonic() > give_up_at:
                    raise
                time.sleep(_CONNECT_AGAIN_S)
        self._reached = True
        with connection, connection.begin():
            yield connection

    def now(self, connection: sa.Connection) -> datetime:
        """The time by the one clock that all users of this database share.

        On Postgres its own clock, on SQLite the machine's. It is read at each call, since a
        transaction may have waited for a lock (Postgres' `now()` would be its start).
        """
        if self._clock is not None:
            return self._clock().astimezone(UTC)
        if self.is_postgres:
            now: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return now.astimezone(UTC)
        return utc_now()

    def insert_missing(self, connection: sa.Connection, table: sa.Table, **values: Any) -> bool:
        """Insert a row unless its key exists; return whether it did. Waits for rival commits."""
        first_key = next(iter(table.primary_key.columns))
        statement = self._insert_or_nothing(table).values(**values).returning(first_key)
        return connection.execute(statement).first() is not None

    def insert_all_missing(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
    ) -> int:
        """Insert the rows whose keys do not exist yet; return how many. Waits for rival commits."""
        key = next(iter(table.primary_key.columns))
        statement = self._insert_or_nothing(table).returning(key)
        return len(connection.execute(statement, list(rows)).all()) if rows else 0

    def _insert_or_nothing(self, table: sa.Table) -> Any:
        # Both dialects' `insert` know ON CONFLICT DO NOTHING; the plain one does not.
        if self.is_postgres:
            from sqlalchemy.dialects.postgresql import insert as pg_insert  # noqa: PLC0415

            return pg_insert(table).on_conflict_do_nothing()
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert  # noqa: PLC0415

        return sqlite_insert(table).on_conflict_do_nothing()

    def _make_engine(self) -> sa.Engine:
        busy_ms = max(1, round(self._busy_timeout_s * 1000))
        common: dict[str, Any] = {
            "json_serializer": dump_json,
            # Otherwise error messages would contain a statement's parameters.
            "hide_parameters": True,
            "pool_timeout": self._busy_timeout_s,
        }
        if not self.is_postgres:
            engine = sa.create_engine(
                self._url, connect_args={"timeout": self._busy_timeout_s}, **common
            )
            sa.event.listen(
                engine, "connect", _prepare_sqlite if self._durable else _prepare_quick_sqlite
            )
            sa.event.listen(engine, "begin", _begin_sqlite)
            self._reader: sa.Engine = engine.execution_options(numberflow_begin="BEGIN")
            return engine
        engine = sa.create_engine(
            self._url,
            # A connection that died with a restarted server is replaced before use. Data that is
            # not durable does without that check, and fails once.
            pool_pre_ping=self._durable,
            pool_size=_KEPT if self._durable else 1,
            max_overflow=_FURTHER if self._durable else 1,
            connect_args={
                # Whoever looks at pg_stat_activity sees which process has how many connections.
                "application_name": f"numberflow {os.getpid()}",
                "connect_timeout": max(2, round(self._busy_timeout_s)),
                # Notice a server that vanished silently, instead of waiting for it with a costly
                # step under way.
                "tcp_user_timeout": busy_ms,
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
            **common,
        )

        def prepare_postgres(connection: psycopg.Connection, _record: object) -> None:
            connection.autocommit = True
            # idle_in_transaction…: a stopped process must not keep its row locks; the server ends
            # its transaction. synchronous_commit: a database may be configured to answer before the
            # commit is on disk.
            connection.execute(
                f"SET lock_timeout = {busy_ms}; SET statement_timeout = {2 * busy_ms};"
                f" SET idle_in_transaction_session_timeout = {2 * busy_ms};"
                f" SET synchronous_commit = {'on' if self._durable else 'off'}".encode()
            )
            connection.autocommit = False

        sa.event.listen(engine, "connect", prepare_postgres)
        self._reader = engine
        return engine

    def _prepare(self) -> None:
        """Switch SQLite to WAL and update the schema; safe in several processes at once."""
        with self.read() as connection:
            if migrations.current(connection) == migrations.HEAD:
                return
        if not self.is_postgres:
            self._switch_to_wal()
        with self.write() as connection:
            if self.is_postgres:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            if migrations.current(connection) == migrations.HEAD:
                return
            try:
                migrations.upgrade(connection)
                audit.begin_chain(connection, self.now(connection))
            except migrations.UnknownRevision:
                raise JournalUnavailable(
                    "The journal was written by a newer numberflow than this one.",
                    remedy="install the newer numberflow here",
                ) from None

    def _switch_to_wal(self) -> None:
        """Set WAL for good. The switch ignores the busy timeout and needs the file exclusively."""
        give_up_at = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                with self._translated(), self._engine.connect() as connection:
                    driver: Any = connection.connection.dbapi_connection
                    mode = driver.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            except JournalUnavailable as error:
                if error.args[0].find(_LOCKED.what) < 0 or time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)
                continue
            if mode != "wal":
                raise JournalUnavailable(
                    "The journal's file system cannot do write-ahead logging (SQLite stays in "
                    f"mode {mode!r}).",
                    remedy="put the journal on a local disk, or use Postgres",
                )
            return

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise every trouble of the database as `JournalUnavailable`."""
        try:
            yield
        except (DBAPIError, sqlite3.Error, psycopg.Error, PoolTimeout) as error:
            self._raise_unavailable(error)

    def _raise_unavailable(self, error: Exception) -> NoReturn:
        cause: object = error.orig if isinstance(error, DBAPIError) else error
        trouble = _trouble(cause)
        text = " ".join(str(cause).split())
        if self._url.password:
            text = text.replace(str(self._url.password), "***")
        where = self.location
        raise JournalUnavailable(
            f"The journal cannot be used: {trouble.what} ({where}: {text[:300]}).",
            remedy=trouble.remedy,
        ) from None


def _normalised(url: str) -> URL:
    """The URL with the driver that we ship, or BadInput for what cannot be a journal.

    The URL itself is never repeated: it may hold a password.
    """
    remedy = (
        "write sqlite:////absolute/path/numberflow.db or postgresql://user:password@host/database"
    )
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise BadInput(
            "NUMBERFLOW_DATABASE_URL is not a database URL.",
            field="NUMBERFLOW_DATABASE_URL",
            remedy=remedy,
        ) from None
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise BadInput(
            f"The journal cannot live in {backend}: only SQLite and Postgres are supported.",
            field="NUMBERFLOW_DATABASE_URL",
            remedy=remedy,
        )
    if parsed.database in {None, "", ":memory:"} or parsed.query.get("mode") == "memory":
        raise BadInput(
            "The journal cannot live in memory: it has to outlast a crash.",
            field="NUMBERFLOW_DATABASE_URL",
            remedy=remedy,
        )
    return parsed.set(drivername="sqlite+pysqlite")


def _make_folder(url: URL) -> None:
    """Create the folder of an SQLite file, and the file, for their owner only.

    What SQLite puts beside the file gets the file's rights.
    """
    database = str(url.database)
    if database.startswith("file:"):
        return
    try:
        make_private_folder(Path(database).absolute().parent)
    except OSError as error:
        raise JournalUnavailable(
            f"The journal cannot be used: its folder cannot be created ({error.strerror}: "
            f"{Path(database).parent}).",
            remedy=_CANNOT_OPEN.remedy,
        ) from None
    # SQLite says it better if the file cannot be made.
    with contextlib.suppress(OSError):
        os.close(os.open(database, os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by `_begin_sqlite`, not guessed by the driver.
    connection.isolation_level = None
    # FULL: in WAL mode each commit is synced. With NORMAL a power cut loses intentions whose
    # requests have already left.
    connection.execute("PRAGMA synchronous = FULL")
    # macOS: a plain fsync leaves the data in the drive's cache. No effect elsewhere.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")


def _prepare_quick_sqlite(connection: sqlite3.Connection, record: object) -> None:
    _prepare_sqlite(connection, record)
    # In WAL mode this loses the last commits in a power cut, and damages nothing; a later commit of
    # the journal syncs them too.
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    # IMMEDIATE: take the write lock at once. A deferred transaction that reads, then writes, fails
    # with "database is locked" whatever the busy timeout is.
    connection.exec_driver_sql(
        connection.get_execution_options().get("numberflow_begin", "BEGIN IMMEDIATE")
    )


def _trouble(cause: object) -> Trouble:
    if isinstance(cause, PoolTimeout):
        return _LOCKED
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "") or ""
        return next(
            (trouble for code, trouble in _SQLITE_TROUBLES.items() if name.startswith(code)), _OTHER
        )
    if isinstance(cause, psycopg.Error):
        if cause.sqlstate is None:
            # Refused logins reach us without a code, in the text of a failed connection.
            return _DENIED if "authentication failed" in str(cause) else _DOWN
        matching = [code for code in _POSTGRES_TROUBLES if cause.sqlstate.startswith(code)]
        return _POSTGRES_TROUBLES[max(matching, key=len)] if matching else _OTHER
    return _OTHER
