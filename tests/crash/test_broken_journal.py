"""Journals that fail under a real run: full disk, read-only, locked, Postgres gone.

No request without its row, a clear word, then three charges.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.counts import count
from support.disks import SmallDisk
from support.postgres import PostgresServer
from support.runs import Ended
from support.scenes import COMPLETE, Scene, ending

# The first of these tests waits for the Prefect server as well.
pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

MakeScene = Callable[..., Scene]
# Ten seconds for every write of a run would teach nothing more.
IMPATIENT = {"busy_timeout_s": 1.0}


def test_a_full_disk_stops_a_purchase_before_it_begins(
    make_scene: MakeScene, small_disk: SmallDisk
) -> None:
    """Nothing is sent, the message says that the disk is full, and with space the same command
    completes.
    """
    scene = _on(make_scene, small_disk.path)
    scene.intentions()  # the journal exists
    small_disk.fill()
    _is_refused(scene, scene.run(), "its disk is full", "free disk space")
    small_disk.empty()
    assert COMPLETE == ending(scene, scene.run())


def test_a_disk_without_room_for_a_journal_stops_a_purchase(
    make_scene: MakeScene, small_disk: SmallDisk
) -> None:
    """The same where the journal's file cannot even be made."""
    scene = _on(make_scene, small_disk.path)
    small_disk.fill()
    _is_refused(scene, scene.run(), "its disk is full", "free disk space")
    small_disk.empty()
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.parametrize("hold", ["hold_before", "hold_after"])
def test_a_disk_that_fills_up_in_mid_purchase(
    make_scene: MakeScene, small_disk: SmallDisk, hold: str
) -> None:
    """The rent that is under way stays open in the journal, no further one leaves, and with space
    the next run settles it.
    """
    scene = _on(make_scene, small_disk.path)
    ended = _break_while_renting(scene, hold, small_disk.fill)
    _has_stopped(scene, ended, "its disk is full", "free disk space")
    small_disk.empty()
    assert COMPLETE == ending(scene, scene.run())


def test_a_read_only_journal_stops_a_purchase(make_scene: MakeScene, small_disk: SmallDisk) -> None:
    """Nothing is sent, the message says what to make writable, and when it is the same command
    completes.
    """
    scene = _on(make_scene, small_disk.path)
    scene.intentions()
    small_disk.mount("-o", "remount,ro")
    _is_refused(scene, scene.run(), "journal cannot be used", "writ")
    small_disk.mount("-o", "remount,rw")
    assert COMPLETE == ending(scene, scene.run())


def test_a_locked_journal_stops_a_purchase(make_scene: MakeScene, tmp_path: Path) -> None:
    """A process that sits in the middle of a write is named as what it is; nothing is sent."""
    scene = _on(make_scene, tmp_path)
    scene.intentions()
    with _locked(tmp_path):
        _is_refused(
            scene, scene.run(IMPATIENT), "another process holds it locked", "find the process"
        )
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.parametrize("hold", ["hold_before", "hold_after"])
def test_a_journal_that_is_locked_in_mid_purchase(
    make_scene: MakeScene, tmp_path: Path, hold: str
) -> None:
    """The rent that is under way stays open, no further one leaves, and when the lock is gone the
    next run settles it.
    """
    scene = _on(make_scene, tmp_path)
    with _locked(tmp_path) as lock:
        lock.rollback()
        ended = _break_while_renting(
            scene, hold, lambda: lock.execute("BEGIN IMMEDIATE"), IMPATIENT
        )
        _has_stopped(scene, ended, "another process holds it locked", "find the process")
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.postgres
def test_a_postgres_that_is_down_stops_a_purchase(
    make_scene: MakeScene, own_postgres: PostgresServer
) -> None:
    """Nothing is sent, the message says that the database does not answer.

    When it does, the same command completes.
    """
    scene = make_scene(journal_url=own_postgres.fresh_database())
    scene.intentions()
    own_postgres.kill()
    _is_refused(scene, scene.run(), "it does not answer", "start the database")
    own_postgres.start()
    assert COMPLETE == ending(scene, scene.run())


@pytest.mark.postgres
@pytest.mark.parametrize("hold", ["hold_before", "hold_after"])
def test_a_postgres_that_is_killed_in_mid_purchase(
    make_scene: MakeScene, own_postgres: PostgresServer, hold: str
) -> None:
    """The rent that is under way stays open, no further one leaves, and when the database is back
    the next run settles it.
    """
    scene = make_scene(journal_url=own_postgres.fresh_database())
    ended = _break_while_renting(scene, hold, own_postgres.kill, IMPATIENT)
    own_postgres.start()
    _has_stopped(scene, ended, "it does not answer", "start the database")
    assert COMPLETE == ending(scene, scene.run())


def _on(make_scene: MakeScene, folder: Path) -> Scene:
    return make_scene(journal_url=f"sqlite:///{folder / 'numberflow.db'}")


@contextmanager
def _locked(folder: Path) -> Iterator[sqlite3.Connection]:
    """Another process' transaction, for what SQLite can tell.

    A connection that took the write lock and keeps it.
    """
    connection = sqlite3.connect(folder / "numberflow.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
    finally:
        connection.close()


def _break_while_renting(
    scene: Scene,
    hold: str,
    break_it: Callable[[], object],
    fate: Mapping[str, object] | None = None,
) -> Ended:
    """Break the journal while the first rent is at the vendor, then let the vendor answer."""
    scene.simulator.faults.add({"fault": hold, "operation": "rent"})
    run = scene.start(fate)
    scene.held(run)
    break_it()
    scene.simulator.holds.release_all()
    count("broken journals")
    return run.wait()


def _is_refused(scene: Scene, ended: Ended, what: str, remedy: str) -> None:
    """Exit 3, the cause and the fix in words, no request that costs money, nothing charged."""
    count("broken journals")
    assert (3, 0, []) == (ended.code, scene.simulator.rentals(), scene.rents_sent()), ended.told
    _tells(ended, what, remedy)


def _has_stopped(scene: Scene, ended: Ended, what: str, remedy: str) -> None:
    """Exit 4, the one rent that left is named as open, the cause and the fix in words."""
    assert (4, 1, []) == ending(scene, ended)
    assert 1 == len(scene.rents_sent())
    _tells(ended, what, remedy)


def _tells(ended: Ended, what: str, remedy: str) -> None:
    assert ended.report is not None
    assert (True, True) == (what in ended.report.reason, remedy in ended.report.remedy), ended.told
    assert "Traceback" not in ended.told
