"""A database in trouble: refuse, say what is wrong and how to fix it, and let no request leave."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.journals import Journal, Vendor, new_purchase, planned, run_step
from support.postgres import PASSWORD, PostgresServer

from numberflow.errors import BadInput, JournalUnavailable
from numberflow.journal import Applied, Attempt, Intention, IntentionState

ROOT = Path(__file__).parents[3]


def _sqlite(path: Path) -> str:
    return f"sqlite:///{path}"


async def _refused(journal: Journal, intention: Intention, match: str) -> None:
    """The step is refused with that message, and the vendor hears nothing."""
    vendor = Vendor()
    with pytest.raises(JournalUnavailable, match=match) as caught:
        await run_step(journal, intention, vendor.rent, vendor.look)
    assert (0, True) == (vendor.requests, bool(caught.value.remedy))


@pytest.mark.anyio
async def test_a_locked_journal_refuses(tmp_path: Path) -> None:
    """Another process holds the write lock for longer than the busy timeout."""
    path = tmp_path / "j.db"
    with Journal.open(_sqlite(path), busy_timeout_s=0.2) as journal:
        (intention,) = planned(journal)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await _refused(journal, intention, "locked")
        other.execute("ROLLBACK")
        other.close()
        vendor = Vendor()
        assert (
            IntentionState.DONE
            == (await run_step(journal, intention, vendor.rent, vendor.look)).state
        )


@pytest.mark.anyio
async def test_a_row_locked_on_postgres_refuses(postgres_url: str) -> None:
    """A transaction elsewhere sits on the rows: the lock timeout ends the wait."""
    with (
        Journal.open(postgres_url) as other,
        Journal.open(postgres_url, busy_timeout_s=0.2) as journal,
    ):
        (intention,) = planned(journal)
        with other._database.write() as connection:
            connection.exec_driver_sql("LOCK TABLE leases IN ACCESS EXCLUSIVE MODE")
            await _refused(journal, intention, "locked")


@pytest.mark.anyio
async def test_a_read_only_journal_refuses_but_can_be_read(tmp_path: Path) -> None:
    """Opened without the right to write (mode=ro, which binds root too)."""
    path = tmp_path / "j.db"
    with Journal.open(_sqlite(path)) as journal:
        (intention,) = planned(journal)
        with Journal.open(f"sqlite:///file:{path}?mode=ro&uri=true") as reader:
            assert (intention,) == reader.intentions()
            await _refused(reader, intention, "read-only")
            with pytest.raises(JournalUnavailable, match="read-only"):
                reader.check()


@pytest.mark.anyio
async def test_a_read_only_postgres_refuses(postgres_database: str) -> None:
    """As a standby would answer after a failover."""
    with Journal.open(postgres_database) as journal:
        (intention,) = planned(journal)
        with journal._database.write() as connection:
            name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
            connection.exec_driver_sql(
                f"ALTER DATABASE {name} SET default_transaction_read_only = on"
            )
    with Journal.open(postgres_database) as journal:
        await _refused(journal, intention, "read-only")


_FULL_DISK = """
    import os, sys, anyio
    from support.journals import Journal, Vendor, new_purchase, planned, run_step
    from numberflow.errors import JournalUnavailable

    folder = sys.argv[1]
    with Journal.open(f"sqlite:///{folder}/j.db") as journal:
        (intention,) = planned(journal)
        with open(f"{folder}/filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        vendor = Vendor()
        # Until the write-ahead log needs a new page, rows still fit: fill what is left of it.
        try:
            for n in range(10_000):
                journal.open_purchase(new_purchase(f"PO-{n}", filler="x" * 500))
        except JournalUnavailable as error:
            print(error)
        try:
            anyio.run(lambda: run_step(journal, intention, vendor.rent, vendor.look))
        except JournalUnavailable as error:
            print(error)
        print("requests", vendor.requests)
        os.remove(f"{folder}/filler")
        ended = anyio.run(lambda: run_step(journal, intention, vendor.rent, vendor.look))
        print(ended.state, len(vendor.charges))
"""


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """On a file system of 2 MB that is filled up; once there is room again, the step goes on."""
    folder = tmp_path / "small"
    folder.mkdir()
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(_FULL_DISK))
    # A mount of its own, in a mount namespace of its own: works as root and, where user namespaces
    # are allowed, as anybody.
    mounted = (
        f'mount -t tmpfs -o size=2m none "{folder}" && exec "{sys.executable}" "{script}" '
        f'"{folder}"'
    )
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
    )
    lines = done.stdout.splitlines()
    assert 0 == done.returncode, done.stderr
    assert "its disk is full" in lines[0]
    assert "free disk space" in lines[0]
    assert "its disk is full" in lines[1]
    assert ["requests 0", "done 1"] == lines[2:]


def test_a_damaged_journal_refuses(tmp_path: Path) -> None:
    """A file that is no database, and one with torn pages."""
    path = tmp_path / "j.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalUnavailable, match="damaged"):
        Journal.open(_sqlite(path))
    path.unlink()
    with Journal.open(_sqlite(path)) as journal:
        planned(journal)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(JournalUnavailable, match="damaged"):
        with Journal.open(_sqlite(path)) as journal:
            journal.open_purchase(new_purchase("PO-2"))


def test_a_journal_that_cannot_be_opened_refuses(tmp_path: Path) -> None:
    """A folder in the file's place, and a file in the folder's place."""
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(JournalUnavailable, match="cannot be opened"):
        Journal.open(_sqlite(tmp_path / "folder.db"))
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnavailable, match="folder cannot be created"):
        Journal.open(_sqlite(tmp_path / "file" / "j.db"))


def test_folders_are_created_for_their_owner_only(tmp_path: Path) -> None:
    """What a company buys is nobody else's business."""
    path = tmp_path / "new" / "j.db"
    Journal.open(_sqlite(path)).close()
    assert 0o700 == path.parent.stat().st_mode & 0o777


def test_sqlite_is_as_durable_as_it_gets(tmp_path: Path) -> None:
    """Write-ahead log, full sync, foreign keys: on every connection."""
    with (
        Journal.open(_sqlite(tmp_path / "j.db")) as journal,
        journal._database.read() as connection,
    ):
        shown = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert ["wal", 2, 1] == shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://u:hush@h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "postgresql://u:hush@h:port/d",
    ],
)
def test_a_url_that_cannot_be_a_journal_is_bad_input(url: str) -> None:
    """The variable is named; the password is not."""
    with pytest.raises(BadInput) as caught:
        Journal.open(url)
    assert "NUMBERFLOW_DATABASE_URL" == caught.value.field
    assert "hush" not in repr(caught.value) + str(caught.value.remedy)


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"]
)
def test_postgres_urls_are_taken_in_every_usual_spelling(postgres_url: str, scheme: str) -> None:
    """Hosting providers hand out several."""
    with Journal.open(postgres_url.replace("postgresql", scheme, 1)) as journal:
        journal.check()


@pytest.mark.anyio
@pytest.mark.crash
@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill])
async def test_a_postgres_that_goes_away_in_mid_step(
    own_postgres: PostgresServer, end: Callable[[PostgresServer], None]
) -> None:
    """Gone before: no request. Gone during the request: the row stays open and says so.

    Back again: one charge. The password shows nowhere.
    """
    with Journal.open(own_postgres.fresh_database(), busy_timeout_s=2.0) as journal:
        (intention,) = planned(journal)
        vendor = Vendor()
        end(own_postgres)
        with pytest.raises(JournalUnavailable, match="does not answer") as before:
            await run_step(journal, intention, vendor.rent, vendor.look)
        assert 0 == vendor.requests
        own_postgres.start()

        async def rent_and_lose_the_journal(attempt: Attempt) -> Applied:
            applied = await vendor.rent(attempt)
            end(own_postgres)
            return applied

        with pytest.raises(JournalUnavailable, match="stays open") as during:
            await run_step(journal, intention, rent_and_lose_the_journal, vendor.look)
        assert intention.id in str(during.value)
        own_postgres.start()
        done = await run_step(
            journal, intention, vendor.rent, vendor.look, is_dead=lambda owner: True
        )
        assert (IntentionState.DONE, 1, 1) == (done.state, vendor.requests, len(vendor.charges))
        for error in (before.value, during.value):
            assert PASSWORD not in f"{error!r} {error.__cause__!r} {error.__context__!r}"


@pytest.mark.crash
def test_a_postgres_that_restarts_is_waited_for(own_postgres: PostgresServer) -> None:
    """A transaction that has not begun begins when the database is back, and is not refused."""
    with Journal.open(own_postgres.fresh_database()) as journal:
        own_postgres.kill()
        back = threading.Timer(0.5, own_postgres.start)
        back.start()
        journal.check()
        back.join()


def test_a_process_has_few_connections(postgres_url: str) -> None:
    """However many threads ask at once; the database shows whose the connections are."""

    def ask(journal: Journal) -> int:
        with journal._database.read() as connection:
            names = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s",
                (f"numberflow {os.getpid()}",),
            )
            time.sleep(0.05)
            return int(names.scalar_one())

    with Journal.open(postgres_url) as journal, ThreadPoolExecutor(20) as threads:
        assert 5 == max(threads.map(ask, [journal] * 40))


def test_a_postgres_that_is_not_there_is_named(tmp_path: Path) -> None:
    """At opening: what is wrong, the fix, and no password."""
    with pytest.raises(
        JournalUnavailable, match=r"does not answer.*NUMBERFLOW_DATABASE_URL"
    ) as caught:
        Journal.open(f"postgresql://u:{PASSWORD}@/d?host={tmp_path}", busy_timeout_s=1.0)
    assert PASSWORD not in f"{caught.value!r} {caught.value.__context__!r}"


def test_a_stopped_writer_on_postgres_does_not_keep_its_locks(postgres_url: str) -> None:
    """The server ends a transaction that idles (its process was stopped): the others continue."""
    with (
        Journal.open(postgres_url, busy_timeout_s=0.5) as journal,
        journal._database.read() as connection,
    ):
        names = ("idle_in_transaction_session_timeout", "lock_timeout", "synchronous_commit")
        shown = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
    assert ["1s", "500ms", "on"] == shown
